//! Sums of tensors, value by value.

use candle_core::{Result, Tensor};

use super::kernels::activation::{Floor, sums};
use super::storage::{tensor, values, with_type};

/// `x + y`, with a ReLU behind that if asked for. Stock candle would wake threads of its own, which wait by spinning and
/// take the processor from the kernels.
///
/// # Errors
/// If the shapes differ.
pub fn add(x: &Tensor, y: &Tensor, rectifies: bool) -> Result<Tensor> {
    if x.dims() != y.dims() || x.dtype() != y.dtype() || ![x, y].into_iter().all(super::has_kernels) {
        let sum = (x + y)?;
        return Ok(if rectifies { sum.relu()? } else { sum }.detach());
    }
    let (x, y) = (x.contiguous()?, y.contiguous()?);
    with_type!(x, T => tensor(sums::<T>(&values(&x)?, &values(&y)?, Floor::new(rectifies)), x.dims()))
}
