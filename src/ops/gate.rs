//! PReLU and GLU on tensors.

use candle_core::{Result, Tensor};

use super::kernels::gate as kernels;
use super::norm::extent;
use super::storage::{tensor, values, with_type};

/// `x` where it is positive, else `weight * x`, with one weight or one for each channel (dimension 1).
///
/// # Errors
/// If the shapes don't fit, or the tensors are not on the CPU in f32 or f64.
pub fn prelu(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let extent = extent(&x)?;
    with_type!(x, T => tensor(kernels::prelu::<T>(&values(&x)?, &values(&weight)?, extent), x.dims()))
}

/// Gradient of the input of [`prelu`].
///
/// # Errors
/// As [`prelu`].
pub fn prelu_backward_input(x: &Tensor, grad: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (x, grad, weight) = (x.contiguous()?, grad.contiguous()?, weight.contiguous()?);
    let extent = extent(&x)?;
    with_type!(x, T => {
        let (x_values, grad, weight) = (values::<T>(&x)?, values::<T>(&grad)?, values::<T>(&weight)?);
        tensor(kernels::prelu_backward_input(&x_values, &grad, &weight, extent), x.dims())
    })
}

/// Gradient of the weight of [`prelu`].
///
/// # Errors
/// As [`prelu`].
pub fn prelu_backward_weight(x: &Tensor, grad: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (x, grad) = (x.contiguous()?, grad.contiguous()?);
    let (extent, weights) = (extent(&x)?, weight.elem_count());
    with_type!(x, T => {
        tensor(kernels::prelu_backward_weight::<T>(&values(&x)?, &values(&grad)?, weights, extent), weights)
    })
}

/// The first half of a dimension times the sigmoid of the second.
///
/// # Errors
/// If the tensor has no such dimension, or is not on the CPU in f32 or f64.
pub fn glu(x: &Tensor, dim: usize) -> Result<Tensor> {
    let x = x.contiguous()?;
    let mut dims = x.dims().to_vec();
    let half = half(&x, dim)?;
    if let Some(size) = dims.get_mut(dim) {
        *size /= 2;
    }
    with_type!(x, T => tensor(kernels::glu::<T>(&values(&x)?, half), dims))
}

/// Gradient of the input of [`glu`].
///
/// # Errors
/// As [`glu`].
pub fn glu_backward(x: &Tensor, grad: &Tensor, dim: usize) -> Result<Tensor> {
    let (x, grad) = (x.contiguous()?, grad.contiguous()?);
    let half = half(&x, dim)?;
    with_type!(x, T => tensor(kernels::glu_backward::<T>(&values(&x)?, &values(&grad)?, half), x.dims()))
}

/// Values of one half of a dimension with all dimensions behind it.
fn half(x: &Tensor, dim: usize) -> Result<usize> {
    Ok(x.dim(dim)? / 2 * x.dims().iter().skip(dim + 1).product::<usize>())
}
