//! Layer, group, instance, RMS and local response norm on tensors.

use candle_core::{Result, Tensor};

use super::kernels::response;
use super::kernels::row_norm::{self as kernels, RowStatistics};
use super::storage::{tensor, values, with_type};

pub use super::kernels::response::ResponseSettings;
pub use super::kernels::row_norm::RowNorm;

/// What backward needs besides the input.
#[derive(Debug, Clone)]
pub struct Kept {
    mean: Tensor,
    inverse: Tensor,
}

/// Gradients of a normalization.
#[derive(Debug)]
pub struct Gradients {
    /// Of the input, if it was asked for.
    pub input: Option<Tensor>,
    /// Of the weight, in its shape.
    pub weight: Option<Tensor>,
    /// Of a bias, in the shape of the weight.
    pub bias: Option<Tensor>,
}

/// Normalizes the rows of a tensor.
///
/// # Errors
/// If the shapes don't fit, or the tensors are not on the CPU in f32 or f64.
pub fn forward(x: &Tensor, norm: RowNorm, weight: Option<&Tensor>, bias: Option<&Tensor>) -> Result<(Tensor, Kept)> {
    let x = x.contiguous()?;
    let [weight, bias] = [weight, bias].map(|values| values.map(Tensor::contiguous).transpose());
    let (weight, bias) = (weight?, bias?);
    with_type!(x, T => {
        let weight = weight.as_ref().map(values::<T>).transpose()?;
        let bias = bias.as_ref().map(values::<T>).transpose()?;
        let (out, statistics) = kernels::forward::<T>(&values(&x)?, norm, weight.as_deref(), bias.as_deref());
        let rows = statistics.mean.len();
        let kept = Kept { mean: tensor(statistics.mean, rows)?, inverse: tensor(statistics.inverse, rows)? };
        Ok((tensor(out, x.dims())?, kept))
    })
}

/// Gradients of the input, and of the weight and a bias, as far as both are needed.
///
/// # Errors
/// As [`forward`].
pub fn backward(
    x: &Tensor,
    grad: &Tensor,
    norm: RowNorm,
    weight: Option<&Tensor>,
    kept: &Kept,
    needs: [bool; 2],
) -> Result<Gradients> {
    let (x, grad) = (x.contiguous()?, grad.contiguous()?);
    let weight = weight.map(Tensor::contiguous).transpose()?;
    with_type!(x, T => {
        let statistics =
            RowStatistics { mean: values::<T>(&kept.mean)?.to_vec(), inverse: values::<T>(&kept.inverse)?.to_vec() };
        let weights = weight.as_ref().map(values::<T>).transpose()?;
        let (data, grads) = (values::<T>(&x)?, values::<T>(&grad)?);
        let gradients = kernels::backward::<T>(&data, &grads, norm, &statistics, weights.as_deref(), needs);
        let input = gradients.input.map(|input| tensor(input, x.dims())).transpose()?;
        let Some(weight) = weight.as_ref().filter(|_| needs[1]) else { return Ok(Gradients { input, weight: None, bias: None }) };
        let bias = Some(tensor(gradients.bias, weight.dims())?);
        Ok(Gradients { input, weight: Some(tensor(gradients.weight, weight.dims())?), bias })
    })
}

/// [`forward`] in stock operations.
///
/// # Errors
/// If a tensor operation fails.
pub fn composed(x: &Tensor, norm: RowNorm, weight: Option<&Tensor>, bias: Option<&Tensor>) -> Result<Tensor> {
    let rows = x.reshape(((), norm.size()))?;
    let centered = if norm.centered { rows.broadcast_sub(&rows.mean_keepdim(1)?)? } else { rows };
    let deviation = (centered.sqr()?.mean_keepdim(1)? + norm.eps)?.sqrt()?;
    let mut out = centered.broadcast_div(&deviation)?.reshape(((), norm.groups, norm.channels, norm.places))?;
    let shape = (1, norm.groups, norm.channels, 1);
    if let Some(weight) = weight {
        out = out.broadcast_mul(&weight.reshape(shape)?)?;
    }
    if let Some(bias) = bias {
        out = out.broadcast_add(&bias.reshape(shape)?)?;
    }
    out.reshape(x.dims())
}

/// Local response norm over the channels (dimension 1).
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn response_forward(x: &Tensor, settings: ResponseSettings) -> Result<Tensor> {
    let x = x.contiguous()?;
    let (channels, places) = planes(&x)?;
    with_type!(x, T => tensor(response::forward::<T>(&values(&x)?, channels, places, settings), x.dims()))
}

/// Gradient of the input of [`response_forward`].
///
/// # Errors
/// As [`response_forward`].
pub fn response_backward(x: &Tensor, grad: &Tensor, settings: ResponseSettings) -> Result<Tensor> {
    let (x, grad) = (x.contiguous()?, grad.contiguous()?);
    let (channels, places) = planes(&x)?;
    with_type!(x, T => {
        tensor(response::backward::<T>(&values(&x)?, &values(&grad)?, channels, places, settings), x.dims())
    })
}

/// [`response_forward`] in stock operations.
///
/// # Errors
/// If a tensor operation fails.
pub fn response_composed(x: &Tensor, settings: ResponseSettings) -> Result<Tensor> {
    let ResponseSettings { size, alpha, beta, k } = settings;
    let channels = x.dim(1)?;
    let squares = x.sqr()?.pad_with_zeros(1, size / 2, size.div_ceil(2).max(1) - 1)?;
    let mut total = squares.narrow(1, 0, channels)?;
    for shift in 1..size {
        total = (total + squares.narrow(1, shift, channels)?)?;
    }
    let base = total.affine(alpha / size.max(1) as f64, k)?;
    x * (base.log()? * -beta)?.exp()?
}

/// Channels, and values of one channel of a sample.
fn planes(x: &Tensor) -> Result<(usize, usize)> {
    Ok((x.dim(1)?, x.dims().iter().skip(2).product()))
}
