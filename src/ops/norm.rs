//! Batch norm on tensors `[batch, channels, …]`.

use candle_core::{DType, Result, Tensor};

use super::kernels::activation::Floor;
use super::kernels::float::Float;
use super::kernels::norm::{self as kernels, Affine, BatchNormSettings, Extent, Source, Statistics};
use super::storage::{tensor, values, with_type};

/// What a batch norm keeps for backward besides its input.
#[derive(Debug, Clone)]
pub struct Normalized {
    mean: Tensor,
    inverse: Tensor,
    bias: Tensor,
    source: Source,
    rectifies: bool,
}

/// Normalizes by the batch's own statistics, with a ReLU behind that if asked for. Gives the output, the new running mean
/// and variance, and what backward needs.
///
/// # Errors
/// If the shapes don't fit, or the tensors are not on the CPU in f32 or f64.
pub fn train(
    x: &Tensor,
    [weight, bias, running_mean, running_var]: [&Tensor; 4],
    settings: BatchNormSettings,
    rectifies: bool,
) -> Result<(Tensor, Tensor, Tensor, Normalized)> {
    let x = x.contiguous()?;
    let extent = extent(&x)?;
    let BatchNormSettings { momentum, eps } = settings;
    let (weight, bias) = (weight.contiguous()?, bias.contiguous()?);
    let [old_mean, old_var] = [running_mean, running_var].map(|old| old.to_dtype(DType::F64)?.to_vec1::<f64>());
    with_type!(x, T => {
        let data = values::<T>(&x)?;
        let (mean, variance) = kernels::moments::<T>(&data, extent);
        // The running variance estimates that of all data, so it takes the unbiased one.
        let count = extent.count() as f64;
        let unbiased = count / (count - 1.0).max(1.0);
        let mix = |old: Vec<f64>, new: &[f64], factor: f64| -> Vec<T> {
            let pairs = old.iter().zip(new);
            pairs.map(|(old, new)| T::of((1.0 - momentum) * old + momentum * (new * factor))).collect()
        };
        let running = (mix(old_mean?, &mean, 1.0), mix(old_var?, &variance, unbiased));
        let statistics = Statistics {
            mean: mean.iter().map(|&mean| T::of(mean)).collect(),
            inverse: variance.iter().map(|&variance| T::of(1.0 / (variance + eps).sqrt())).collect(),
        };
        let affine = Affine { weight: &values(&weight)?, bias: &values(&bias)?, floor: Floor::new(rectifies) };
        let out = kernels::normalize::<T>(&data, extent, &statistics, affine);
        let channels = extent.channels;
        let kept = Normalized {
            mean: tensor(statistics.mean, channels)?,
            inverse: tensor(statistics.inverse, channels)?,
            bias: bias.clone(),
            source: Source::Batch,
            rectifies,
        };
        Ok((tensor(out, x.dims())?, tensor(running.0, channels)?, tensor(running.1, channels)?, kept))
    })
}

/// Normalizes by the running statistics, with a ReLU behind that if asked for.
///
/// # Errors
/// As [`train`].
pub fn eval(
    x: &Tensor,
    [weight, bias, running_mean, running_var]: [&Tensor; 4],
    settings: BatchNormSettings,
    rectifies: bool,
) -> Result<(Tensor, Normalized)> {
    let x = x.contiguous()?;
    let extent = extent(&x)?;
    let (weight, bias) = (weight.contiguous()?, bias.contiguous()?);
    let (mean, variance) = (running_mean.contiguous()?, running_var.contiguous()?);
    with_type!(x, T => {
        let variance = values::<T>(&variance)?;
        let eps = T::of(settings.eps);
        let statistics = Statistics {
            mean: values::<T>(&mean)?.to_vec(),
            inverse: variance.iter().map(|&variance| T::ONE / Float::sqrt(variance + eps)).collect(),
        };
        let affine = Affine { weight: &values(&weight)?, bias: &values(&bias)?, floor: Floor::new(rectifies) };
        let out = kernels::normalize::<T>(&values(&x)?, extent, &statistics, affine);
        let kept = Normalized {
            mean: tensor(statistics.mean, extent.channels)?,
            inverse: tensor(statistics.inverse, extent.channels)?,
            bias: bias.clone(),
            source: Source::Running,
            rectifies,
        };
        Ok((tensor(out, x.dims())?, kept))
    })
}

/// Gradients of the input (if asked for), the weight and the bias.
///
/// # Errors
/// As [`train`].
pub fn backward(
    x: &Tensor,
    grad: &Tensor,
    weight: &Tensor,
    kept: &Normalized,
    needs_input: bool,
) -> Result<(Option<Tensor>, Tensor, Tensor)> {
    let (x, grad, weight) = (x.contiguous()?, grad.contiguous()?, weight.contiguous()?);
    let extent = extent(&x)?;
    let Normalized { mean, inverse, bias, source, rectifies } = kept;
    with_type!(x, T => {
        let statistics = Statistics { mean: values::<T>(mean)?.to_vec(), inverse: values::<T>(inverse)?.to_vec() };
        let (data, grads, weight) = (values::<T>(&x)?, values::<T>(&grad)?, values::<T>(&weight)?);
        let affine = Affine { weight: &weight, bias: &values(bias)?, floor: Floor::new(*rectifies) };
        let (input, weight, bias) =
            kernels::backward::<T>(&data, &grads, extent, &statistics, affine, *source, needs_input);
        let input = input.map(|input| tensor(input, x.dims())).transpose()?;
        Ok((input, tensor(weight, extent.channels)?, tensor(bias, extent.channels)?))
    })
}

pub(super) fn extent(x: &Tensor) -> Result<Extent> {
    let places = x.dims().iter().skip(2).product();
    Ok(Extent { batch: x.dim(0)?, channels: x.dim(1)?, places })
}
