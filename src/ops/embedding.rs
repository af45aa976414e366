//! Tables of learned rows on tensors.

use candle_core::{Result, Tensor};

use super::kernels::embedding as kernels;
use super::storage::{tensor, values, with_type};

/// The listed rows of `table`, `[rows, features]`, one behind the other in a tensor of `dims`. All rows must exist.
///
/// # Errors
/// If the table is not on the CPU in f32 or f64, or the shape does not fit.
pub fn forward(table: &Tensor, rows: &[usize], dims: &[usize]) -> Result<Tensor> {
    let (_, features) = table.dims2()?;
    let table = table.contiguous()?;
    with_type!(table, T => tensor(kernels::forward::<T>(&values(&table)?, rows, features), dims))
}

/// Gradient of a table of `count` rows; the row `skipped` gets none.
///
/// # Errors
/// As [`forward`].
pub fn backward(grad: &Tensor, rows: &[usize], count: usize, skipped: Option<usize>) -> Result<Tensor> {
    let features = grad.dim(candle_core::D::Minus1)?;
    let grad = grad.contiguous()?;
    with_type!(grad, T => {
        tensor(kernels::backward::<T>(&values(&grad)?, rows, count, features, skipped), (count, features))
    })
}
