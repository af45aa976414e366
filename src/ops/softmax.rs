//! Softmax and log-softmax on tensors.

use candle_core::{Result, Tensor};

use super::kernels::softmax::{self as kernels, SoftmaxForm};
use super::storage::{tensor, values, with_type};

/// Shares `exp(x) / sum(exp(x))` over one dimension, or their logarithms.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64, or has no such dimension.
pub fn forward(x: &Tensor, dim: usize, form: SoftmaxForm) -> Result<Tensor> {
    let x = x.contiguous()?;
    let (size, inner) = sizes(&x, dim)?;
    with_type!(x, T => tensor(kernels::forward::<T>(&values(&x)?, size, inner, form), x.dims()))
}

/// The gradient of the input, given the output.
///
/// # Errors
/// As [`forward`].
pub fn backward(output: &Tensor, grad: &Tensor, dim: usize, form: SoftmaxForm) -> Result<Tensor> {
    let (y, grad) = (output.contiguous()?, grad.contiguous()?);
    let (size, inner) = sizes(&y, dim)?;
    with_type!(y, T => tensor(kernels::backward::<T>(&values(&y)?, &values(&grad)?, size, inner, form), y.dims()))
}

/// The dimension itself, and all after it.
fn sizes(x: &Tensor, dim: usize) -> Result<(usize, usize)> {
    Ok((x.dim(dim)?, x.dims().iter().skip(dim + 1).product()))
}
