//! Losses that compare scores of classes with the right class.

use candle_core::{Result, Tensor};

use super::{Loss, back, host, host_like, numbers, same_shape, whole_numbers, wrong};
use crate::ops::has_kernels;
use crate::ops::kernels::float::Float;
use crate::ops::kernels::loss::{self as kernels, IGNORED};
use crate::ops::storage::{tensor, values, with_type};

/// How classes are compared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Classes {
    /// One weight a class; none counts all alike. The mean is then divided by the weights of the targets together.
    pub weights: Option<Vec<f64>>,
    /// Share of the target that is spread evenly over all classes (Szegedy et al. 2016).
    pub smoothing: f64,
    /// A target that counts for nothing.
    pub ignore: Option<i64>,
}

/// Cross-entropy of logits `[batch, classes]` with class indices `[batch]`: `log(sum(exp(x))) - x[target]`. The softmax is
/// part of it.
///
/// # Errors
/// If the shapes do not fit, or a target is not one of the classes.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Loss> {
    if has_kernels(logits) || logits.rank() != 2 {
        return cross_entropy_with(logits, targets, &Classes::default());
    }
    composed(logits, targets)
}

/// Cross-entropy of logits `[batch, classes, ...]` with class indices `[batch, ...]`.
///
/// # Errors
/// As [`cross_entropy`], and if there is not one weight a class.
pub fn cross_entropy_with(logits: &Tensor, targets: &Tensor, settings: &Classes) -> Result<Loss> {
    compare(logits, targets, settings, 0.0, false)
}

/// Cross-entropy of logits `[batch, classes, ...]` with probabilities of the same shape, as mixed samples and soft labels
/// have them. The mean is that of all places, whatever the weights, as in PyTorch.
///
/// # Errors
/// If the shapes do not fit, there is not one weight a class, or targets are to be left out, which probabilities can't say.
pub fn cross_entropy_soft(logits: &Tensor, targets: &Tensor, settings: &Classes) -> Result<Loss> {
    same_shape("cross-entropy with probabilities", logits, targets)?;
    let (&[batch, classes], rest) = logits.dims().split_at(logits.rank().min(2)) else {
        return wrong(format!("classes are compared by scores [batch, classes, ...], but got {:?}", logits.dims()));
    };
    if settings.ignore.is_some() {
        return wrong(
            "a target of probabilities has no class that could be left out; set a weight of 0 for it instead",
        );
    }
    check_weights(settings, classes)?;
    let inner: usize = rest.iter().product();
    let x = host(logits)?;
    let targets = host_like(targets, &x)?;
    with_type!(x, T => {
        let weights = typed_weights::<T>(settings);
        let numbers = kernels::Classes { weights: weights.as_deref(), smoothing: settings.smoothing, focus: 0.0 };
        let weight = (batch * inner) as f64;
        let [x, targets] = [&x, &targets].map(|tensor| Ok::<_, candle_core::Error>(kernels::swap_inner(&values::<T>(tensor)?, classes, inner)));
        let (losses, grads) = kernels::soft_cross_entropy(&x?, &targets?, classes, &numbers, 1.0 / weight);
        let of_sample = |losses: &[T]| losses.iter().map(|loss| loss.to_f64()).sum::<f64>() / inner as f64;
        let per_sample: Vec<f64> = losses.chunks(inner).map(of_sample).collect();
        let mean = per_sample.iter().sum::<f64>() / batch as f64;
        let grad = tensor(kernels::swap_inner(&grads, inner, classes), logits.dims())?;
        Ok(Loss { mean, weight, per_sample, grad: back(grad, logits)? })
    })
}

fn check_weights(settings: &Classes, classes: usize) -> Result<()> {
    match settings.weights.as_ref().filter(|weights| weights.len() != classes) {
        Some(weights) => {
            wrong(format!("there must be one weight a class, but there are {} for {classes}", weights.len()))
        }
        None => Ok(()),
    }
}

fn typed_weights<T: Float>(settings: &Classes) -> Option<Vec<T>> {
    settings.weights.as_ref().map(|weights| weights.iter().map(|&weight| T::of(weight)).collect())
}

/// Focal loss (Lin et al. 2017): cross-entropy where each sample counts `(1 - p)^focus` with p the probability of its
/// class, so that what is right already pulls less.
///
/// # Errors
/// As [`cross_entropy_with`].
pub fn focal(logits: &Tensor, targets: &Tensor, focus: f64, settings: &Classes) -> Result<Loss> {
    compare(logits, targets, settings, focus, false)
}

/// Negative log-likelihood of log-probabilities `[batch, classes, ...]`: what cross-entropy is behind a log-softmax.
///
/// # Errors
/// As [`cross_entropy_with`].
pub fn nll(log_probabilities: &Tensor, targets: &Tensor, settings: &Classes) -> Result<Loss> {
    compare(log_probabilities, targets, settings, 0.0, true)
}

fn compare(scores: &Tensor, targets: &Tensor, settings: &Classes, focus: f64, is_nll: bool) -> Result<Loss> {
    let (&[batch, classes], rest) = scores.dims().split_at(scores.rank().min(2)) else {
        return wrong(format!("classes are compared by scores [batch, classes, ...], but got {:?}", scores.dims()));
    };
    let inner: usize = rest.iter().product();
    let targets = class_indices(targets, batch, inner, classes, settings.ignore)?;
    check_weights(settings, classes)?;
    let x = host(scores)?;
    with_type!(x, T => {
        let weights = typed_weights::<T>(settings);
        let numbers = kernels::Classes { weights: weights.as_deref(), smoothing: settings.smoothing, focus };
        let weight = numbers.total(&targets);
        // Nothing but ignored targets: nothing to learn.
        let scale = if weight > 0.0 { 1.0 / weight } else { 0.0 };
        let x = values::<T>(&x)?;
        let compare = if is_nll { kernels::nll } else { kernels::cross_entropy };
        let (losses, grads) = if inner == 1 {
            compare(&x, &targets, classes, &numbers, scale)
        } else {
            let (losses, grads) =
                compare(&kernels::swap_inner(&x, classes, inner), &targets, classes, &numbers, scale);
            (losses, kernels::swap_inner(&grads, inner, classes))
        };
        let mut sum = 0.0;
        let per_sample = losses.chunks(inner.max(1)).zip(targets.chunks(inner.max(1))).map(|(losses, targets)| {
            let loss: f64 = losses.iter().map(|loss| loss.to_f64()).sum();
            sum += loss;
            let weight = numbers.total(targets);
            if weight > 0.0 { loss / weight } else { loss }
        });
        let per_sample = per_sample.collect();
        let mean = if weight > 0.0 { sum / weight } else { sum };
        Ok(Loss { mean, weight, per_sample, grad: back(tensor(grads, scores.dims())?, scores)? })
    })
}

/// The class of each place, checked.
fn class_indices(
    targets: &Tensor,
    batch: usize,
    inner: usize,
    classes: usize,
    ignore: Option<i64>,
) -> Result<Vec<u32>> {
    let targets = whole_numbers(targets)?;
    if targets.len() != batch * inner || batch == 0 {
        let places = if inner == 1 { "sample" } else { "place" };
        return wrong(format!("one class a {places} is needed, but got {} for {}", targets.len(), batch * inner));
    }
    let class = |target: i64| match u32::try_from(target) {
        _ if Some(target) == ignore => Ok(IGNORED),
        Ok(class) if (class as usize) < classes => Ok(class),
        _ => wrong(format!(
            "a sample has class {target}, but the network's output has {classes} values (classes 0 to {}). \
             Give the last layer one output for each class",
            classes.saturating_sub(1)
        )),
    };
    targets.into_iter().map(class).collect()
}

/// From candle's operations, where the logits are.
fn composed(logits: &Tensor, targets: &Tensor) -> Result<Loss> {
    let (batch, classes) = logits.dims2()?;
    let classes_of = class_indices(targets, batch, 1, classes, None)?;
    let largest = logits.max_keepdim(1)?;
    let shifted = logits.broadcast_sub(&largest)?;
    let exp = shifted.exp()?;
    let total = exp.sum_keepdim(1)?;
    let index = Tensor::new(classes_of, logits.device())?.unsqueeze(1)?;
    let picked = shifted.gather(&index, 1)?;
    let per_sample = numbers(&(total.log()? - picked)?)?;
    let ones = Tensor::ones((batch, 1), logits.dtype(), logits.device())?;
    let one_hot = Tensor::zeros((batch, classes), logits.dtype(), logits.device())?.scatter_add(&index, &ones, 1)?;
    let grad = ((exp.broadcast_div(&total)? - one_hot)? * (1.0 / batch as f64))?;
    Ok(Loss::even(per_sample, grad))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn cross_entropy_of_equal_logits_is_the_logarithm_of_the_classes() {
        let logits = Tensor::zeros((2, 4), DType::F32, &Device::Cpu).unwrap();
        let targets = Tensor::new(&[0_u32, 3], &Device::Cpu).unwrap();
        for loss in [cross_entropy(&logits, &targets).unwrap(), composed(&logits, &targets).unwrap()] {
            assert!((loss.mean - 4.0_f64.ln()).abs() < 1e-6);
            let grad: Vec<Vec<f32>> = loss.grad.to_vec2().unwrap();
            assert_eq!(grad, [[-0.375, 0.125, 0.125, 0.125], [0.125, 0.125, 0.125, -0.375]]);
        }
    }

    #[test]
    fn large_logits_do_not_overflow_and_nan_is_seen() {
        let logits = |value: f32| Tensor::new(&[[value, -1e4, 0.0]], &Device::Cpu).unwrap();
        let target = Tensor::new(&[1_u32], &Device::Cpu).unwrap();
        assert_eq!(cross_entropy(&logits(1e4), &target).unwrap().mean, 2e4);
        assert!(cross_entropy(&logits(f32::NAN), &target).unwrap().mean.is_nan());
        assert!(focal(&logits(f32::NAN), &target, 2.0, &Classes::default()).unwrap().mean.is_nan());
    }

    #[test]
    fn a_class_beyond_the_outputs_is_named() {
        let logits = Tensor::zeros((1, 3), DType::F32, &Device::Cpu).unwrap();
        let error = cross_entropy(&logits, &Tensor::new(&[3_u32], &Device::Cpu).unwrap()).unwrap_err().to_string();
        assert!(error.contains("class 3, but the network's output has 3 values"), "{error}");
    }

    #[test]
    fn a_batch_of_ignored_targets_teaches_nothing() {
        let logits = Tensor::ones((2, 3), DType::F32, &Device::Cpu).unwrap();
        let settings = Classes { ignore: Some(-100), ..Classes::default() };
        let targets = Tensor::new(&[-100_i64, -100], &Device::Cpu).unwrap();
        let loss = cross_entropy_with(&logits, &targets, &settings).unwrap();
        assert_eq!((loss.mean, loss.weight), (0.0, 0.0));
        assert_eq!(loss.grad.to_vec2::<f32>().unwrap(), [[0.0; 3]; 2]);
    }
}
