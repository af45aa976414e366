//! Sequences `[batch, time, …]` brought down to one row a sample, on tensors.

use candle_core::{Result, Tensor};

use super::kernels::time::{self as kernels, Steps};
use super::storage::{tensor, values, with_type};

/// The listed step of each sample.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn pick(x: &Tensor, picks: &[usize]) -> Result<Tensor> {
    let (x, steps) = (x.contiguous()?, steps(x)?);
    with_type!(x, T => tensor(kernels::pick::<T>(&values(&x)?, steps, picks), without_time(&x)))
}

/// Gradient of [`pick`] for a tensor of these dimensions.
///
/// # Errors
/// As [`pick`].
pub fn pick_backward(grad: &Tensor, picks: &[usize], dims: &[usize]) -> Result<Tensor> {
    let (grad, steps) = (grad.contiguous()?, steps_of(dims));
    with_type!(grad, T => tensor(kernels::put::<T>(&values(&grad)?, steps, picks), dims))
}

/// Mean over the first steps of each sample.
///
/// # Errors
/// As [`pick`].
pub fn mean(x: &Tensor, lengths: &[usize]) -> Result<Tensor> {
    let (x, steps) = (x.contiguous()?, steps(x)?);
    with_type!(x, T => tensor(kernels::mean::<T>(&values(&x)?, steps, lengths), without_time(&x)))
}

/// Gradient of [`mean`] for a tensor of these dimensions.
///
/// # Errors
/// As [`pick`].
pub fn mean_backward(grad: &Tensor, lengths: &[usize], dims: &[usize]) -> Result<Tensor> {
    let (grad, steps) = (grad.contiguous()?, steps_of(dims));
    with_type!(grad, T => tensor(kernels::mean_backward::<T>(&values(&grad)?, steps, lengths), dims))
}

/// Maximum over the first steps of each sample, and where it was found.
///
/// # Errors
/// As [`pick`].
pub fn max(x: &Tensor, lengths: &[usize]) -> Result<(Tensor, Vec<u32>)> {
    let (x, steps) = (x.contiguous()?, steps(x)?);
    with_type!(x, T => {
        let (out, winners) = kernels::max::<T>(&values(&x)?, steps, lengths);
        Ok((tensor(out, without_time(&x))?, winners))
    })
}

/// Gradient of [`max`] for a tensor of these dimensions.
///
/// # Errors
/// As [`pick`].
pub fn max_backward(grad: &Tensor, winners: &[u32], dims: &[usize]) -> Result<Tensor> {
    let (grad, steps) = (grad.contiguous()?, steps_of(dims));
    with_type!(grad, T => tensor(kernels::max_backward::<T>(&values(&grad)?, steps, winners), dims))
}

fn steps(x: &Tensor) -> Result<Steps> {
    x.dim(1)?;
    Ok(steps_of(x.dims()))
}

fn steps_of(dims: &[usize]) -> Steps {
    Steps { time: dims.get(1).copied().unwrap_or(1), features: dims.iter().skip(2).product() }
}

fn without_time(x: &Tensor) -> Vec<usize> {
    x.dims().iter().take(1).chain(x.dims().iter().skip(2)).copied().collect()
}
