//! Losses: their value, that of each sample, and the gradient of the mean.

use candle_core::{DType, Device, Error, Result, Tensor};

use super::has_kernels;
use super::kernels::{float::Float as _, loss as kernels};
use super::storage::{tensor, values, with_type};

/// What a loss gives.
#[derive(Debug, Clone)]
pub struct Loss {
    /// Mean over the batch.
    pub mean: f64,
    /// One value a sample.
    pub per_sample: Vec<f64>,
    /// Gradient of the mean, in the shape of the predictions.
    pub grad: Tensor,
}

/// Cross-entropy of logits `[batch, classes]` with class indices `[batch]` in u32, i64 or u8: `log(sum(exp(x))) - x[target]`.
/// The softmax is part of it.
///
/// # Errors
/// If the shapes do not fit, or a target is not one of the classes.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Loss> {
    let (batch, classes) = logits.dims2()?;
    let targets = targets.flatten_all()?.to_dtype(DType::U32)?;
    let classes_of: Vec<u32> = targets.to_vec1()?;
    if classes_of.len() != batch || batch == 0 {
        let message = format!("cross-entropy needs one class a sample, but got {} for {batch}", classes_of.len());
        return Err(Error::Msg(message).bt());
    }
    if let Some(target) = classes_of.iter().find(|&&target| target as usize >= classes) {
        return Err(Error::Msg(format!(
            "a sample has class {target}, but the network's output has {classes} values (classes 0 to {}). \
             Give the last layer one output for each class",
            classes.saturating_sub(1)
        ))
        .bt());
    }
    if has_kernels(logits) {
        let logits = logits.contiguous()?;
        return with_type!(logits, T => {
            let logits = values::<T>(&logits)?;
            let (losses, grads) = kernels::cross_entropy(&logits, &classes_of, classes);
            let per_sample: Vec<f64> = losses.into_iter().map(|loss| loss.to_f64()).collect();
            Ok(Loss { mean: mean(&per_sample), per_sample, grad: tensor(grads, (batch, classes))? })
        });
    }
    let largest = logits.max_keepdim(1)?;
    let shifted = logits.broadcast_sub(&largest)?;
    let exp = shifted.exp()?;
    let total = exp.sum_keepdim(1)?;
    let index = targets.to_device(logits.device())?.unsqueeze(1)?;
    let picked = shifted.gather(&index.contiguous()?, 1)?;
    let per_sample = numbers(&(total.log()? - picked)?)?;
    let one_hot = one_hot(&classes_of, classes, logits)?;
    let grad = ((exp.broadcast_div(&total)? - one_hot)? * (1.0 / batch as f64))?;
    Ok(Loss { mean: mean(&per_sample), per_sample, grad })
}

/// Mean square error of predictions and targets of the same shape, the batch in front.
///
/// # Errors
/// If the shapes differ.
pub fn mse(predictions: &Tensor, targets: &Tensor) -> Result<Loss> {
    if predictions.dims() != targets.dims() || predictions.elem_count() == 0 {
        let message = format!(
            "the mean square error needs predictions and targets of the same shape, but got {:?} and {:?}",
            predictions.dims(),
            targets.dims()
        );
        return Err(Error::Msg(message).bt());
    }
    let batch = predictions.dim(0)?;
    let width = predictions.elem_count() / batch;
    let targets = targets.to_dtype(predictions.dtype())?;
    if has_kernels(predictions) {
        let (predictions, targets) = (predictions.contiguous()?, targets.contiguous()?);
        return with_type!(predictions, T => {
            let (guesses, goals) = (values::<T>(&predictions)?, values::<T>(&targets)?);
            let (losses, grads) = kernels::mean_square(&guesses, &goals, width);
            let per_sample: Vec<f64> = losses.into_iter().map(|loss| loss.to_f64()).collect();
            Ok(Loss { mean: mean(&per_sample), per_sample, grad: tensor(grads, predictions.dims())? })
        });
    }
    let difference = (predictions - targets)?;
    let per_sample = numbers(&difference.reshape((batch, width))?.sqr()?.mean(1)?)?;
    let grad = (difference * (2.0 / (batch * width) as f64))?;
    Ok(Loss { mean: mean(&per_sample), per_sample, grad })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn numbers(values: &Tensor) -> Result<Vec<f64>> {
    values.flatten_all()?.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1()
}

fn one_hot(classes_of: &[u32], classes: usize, like: &Tensor) -> Result<Tensor> {
    let mut values = vec![0.0_f32; classes_of.len() * classes];
    for (row, &class) in values.chunks_mut(classes).zip(classes_of) {
        if let Some(value) = row.get_mut(class as usize) {
            *value = 1.0;
        }
    }
    tensor(values, (classes_of.len(), classes))?.to_dtype(like.dtype())?.to_device(like.device())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_of_equal_logits_is_the_logarithm_of_the_classes() {
        let logits = Tensor::zeros((2, 4), DType::F32, &Device::Cpu).unwrap();
        let loss = cross_entropy(&logits, &Tensor::new(&[0_u32, 3], &Device::Cpu).unwrap()).unwrap();
        assert!((loss.mean - 4.0_f64.ln()).abs() < 1e-6);
        let grad: Vec<Vec<f32>> = loss.grad.to_vec2().unwrap();
        assert_eq!(grad, [[-0.375, 0.125, 0.125, 0.125], [0.125, 0.125, 0.125, -0.375]]);
    }

    #[test]
    fn large_logits_do_not_overflow_and_nan_is_seen() {
        let logits = |value: f32| Tensor::new(&[[value, -1e4, 0.0]], &Device::Cpu).unwrap();
        let target = Tensor::new(&[1_u32], &Device::Cpu).unwrap();
        assert_eq!(cross_entropy(&logits(1e4), &target).unwrap().mean, 2e4);
        assert!(cross_entropy(&logits(f32::NAN), &target).unwrap().mean.is_nan());
    }

    #[test]
    fn a_class_beyond_the_outputs_is_named() {
        let logits = Tensor::zeros((1, 3), DType::F32, &Device::Cpu).unwrap();
        let error = cross_entropy(&logits, &Tensor::new(&[3_u32], &Device::Cpu).unwrap()).unwrap_err().to_string();
        assert!(error.contains("class 3, but the network's output has 3 values"), "{error}");
    }
}
