//! Losses: their value, that of each sample, and the gradient of the mean.
//!
//! All are computed on the CPU, in f32 or f64; predictions of other devices and types come there and their gradients go
//! back. A NaN among the predictions is one in the loss.

mod classes;
mod ctc;
mod dice;
mod embeddings;
mod values;

use candle_core::{DType, Device, Error, Result, Tensor};

pub use classes::{Classes, cross_entropy, cross_entropy_soft, cross_entropy_with, focal, nll};
pub use ctc::{CtcSettings, ctc};
pub use dice::{dice, multiclass_dice, multiclass_dice_with};
pub use embeddings::{TripletSettings, negative_sampling, triplet_margin};
pub use values::{binary_cross_entropy, huber, kl_divergence, mae, mse, smooth_l1};

/// What a loss gives.
#[derive(Debug, Clone)]
pub struct Loss<G = Tensor> {
    /// Mean over the batch.
    pub mean: f64,
    /// What the mean was divided by: the samples, or their weights together. Means of several batches are put together by it.
    pub weight: f64,
    /// One value a sample.
    pub per_sample: Vec<f64>,
    /// Gradient of the mean, in the shape of the predictions; several losses have more than one.
    pub grad: G,
}

impl<G> Loss<G> {
    /// The mean of all samples, each counting the same.
    fn even(per_sample: Vec<f64>, grad: G) -> Self {
        let weight = per_sample.len() as f64;
        Self { mean: per_sample.iter().sum::<f64>() / weight, weight, per_sample, grad }
    }
}

/// Where and in which type predictions are compared: on the CPU, f32 or f64, contiguous.
fn host(tensor: &Tensor) -> Result<Tensor> {
    let dtype = if tensor.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    tensor.to_device(&Device::Cpu)?.to_dtype(dtype)?.contiguous()
}

/// Something to compare with, in the type and shape of predictions.
fn host_like(tensor: &Tensor, like: &Tensor) -> Result<Tensor> {
    tensor.to_device(&Device::Cpu)?.to_dtype(like.dtype())?.broadcast_as(like.dims())?.contiguous()
}

/// A gradient where the predictions are.
fn back(grad: Tensor, like: &Tensor) -> Result<Tensor> {
    grad.to_device(like.device())?.to_dtype(like.dtype())
}

fn wrong<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::Msg(message.into()).bt())
}

fn same_shape(what: &str, predictions: &Tensor, targets: &Tensor) -> Result<()> {
    if predictions.dims() != targets.dims() || predictions.elem_count() == 0 || predictions.rank() == 0 {
        return wrong(format!(
            "{what} needs predictions and targets of the same shape, but got {:?} and {:?}",
            predictions.dims(),
            targets.dims()
        ));
    }
    Ok(())
}

/// Values as f64.
fn numbers(values: &Tensor) -> Result<Vec<f64>> {
    values.flatten_all()?.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1()
}

/// Whole numbers: lengths, symbols.
fn whole_numbers(values: &Tensor) -> Result<Vec<i64>> {
    values.flatten_all()?.to_device(&Device::Cpu)?.to_dtype(DType::I64)?.to_vec1()
}
