//! Element-wise activations on tensors.

use candle_core::{Result, Tensor};

use super::kernels::activation::{self as kernels, Activation};
use super::storage::{tensor, values, with_type};

/// The function of every value.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn forward(activation: Activation, x: &Tensor) -> Result<Tensor> {
    let x = x.contiguous()?;
    with_type!(x, T => tensor(kernels::forward::<T>(activation, &values(&x)?), x.dims()))
}

/// The gradient of the input, given what [`Activation::keeps_output`] says and the gradient of the output.
///
/// # Errors
/// If the tensors are not on the CPU in f32 or f64.
pub fn backward(activation: Activation, kept: &Tensor, grad: &Tensor) -> Result<Tensor> {
    let (kept, grad) = (kept.contiguous()?, grad.contiguous()?);
    with_type!(kept, T => tensor(kernels::backward::<T>(activation, &values(&kept)?, &values(&grad)?), kept.dims()))
}
