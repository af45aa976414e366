//! Losses that compare value by value.

use candle_core::{Result, Tensor};

use super::{Loss, back, host, host_like, same_shape};
use crate::ops::kernels::float::Float;
use crate::ops::kernels::loss as kernels;
use crate::ops::storage::{tensor, values, with_type};

/// Mean square error of predictions and targets of the same shape, the batch in front.
///
/// # Errors
/// If the shapes differ.
pub fn mse(predictions: &Tensor, targets: &Tensor) -> Result<Loss> {
    difference("the mean square error", predictions, targets, Rule::Square)
}

/// Mean absolute error.
///
/// # Errors
/// If the shapes differ.
pub fn mae(predictions: &Tensor, targets: &Tensor) -> Result<Loss> {
    difference("the mean absolute error", predictions, targets, Rule::Size)
}

/// Huber's loss (1964): half the square of errors up to `delta`, `delta * (|error| - delta / 2)` beyond.
///
/// # Errors
/// If the shapes differ.
pub fn huber(predictions: &Tensor, targets: &Tensor, delta: f64) -> Result<Loss> {
    difference("the Huber loss", predictions, targets, Rule::Huber(delta, 1.0))
}

/// Smooth L1 (Girshick 2015): Huber's loss divided by `beta`; for `beta` 0 the mean absolute error.
///
/// # Errors
/// If the shapes differ.
pub fn smooth_l1(predictions: &Tensor, targets: &Tensor, beta: f64) -> Result<Loss> {
    let rule = if beta > 0.0 { Rule::Huber(beta, 1.0 / beta) } else { Rule::Size };
    difference("the smooth L1 loss", predictions, targets, rule)
}

#[derive(Clone, Copy)]
enum Rule {
    Square,
    Size,
    /// Where it turns, and a factor.
    Huber(f64, f64),
}

impl Rule {
    #[inline(always)]
    fn of<T: Float>(self, x: T) -> (T, T) {
        match self {
            Self::Square => kernels::square(x),
            Self::Size => kernels::size(x),
            Self::Huber(delta, factor) => {
                let (value, slope) = kernels::huber(x, delta);
                (value * T::of(factor), slope * T::of(factor))
            }
        }
    }
}

fn difference(what: &str, predictions: &Tensor, targets: &Tensor, rule: Rule) -> Result<Loss> {
    same_shape(what, predictions, targets)?;
    let x = host(predictions)?;
    let t = host_like(targets, &x)?;
    with_type!(x, T => {
        let (x, t) = (values::<T>(&x)?, values::<T>(&t)?);
        let (x, t): (&[T], &[T]) = (&x, &t);
        mean_of(predictions, |place| rule.of(x[place] - t[place]))
    })
}

/// Cross-entropy of logits with probabilities of the same shape: `-t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x))`, finite
/// for all finite logits. `weight` and `positive_weight` are broadcast to that shape; the second one multiplies the first
/// term. The mean is over all values.
///
/// # Errors
/// If the shapes differ.
pub fn binary_cross_entropy(
    logits: &Tensor,
    targets: &Tensor,
    weight: Option<&Tensor>,
    positive_weight: Option<&Tensor>,
) -> Result<Loss> {
    same_shape("binary cross-entropy", logits, targets)?;
    let x = host(logits)?;
    let t = host_like(targets, &x)?;
    let ones = |given: Option<&Tensor>| given.map_or_else(|| x.ones_like(), |given| host_like(given, &x));
    let (weight, positive) = (ones(weight)?, ones(positive_weight)?);
    with_type!(x, T => {
        let (x, t) = (values::<T>(&x)?, values::<T>(&t)?);
        let (weight, positive) = (values::<T>(&weight)?, values::<T>(&positive)?);
        let (x, t, weight, positive): (&[T], &[T], &[T], &[T]) = (&x, &t, &weight, &positive);
        mean_of(logits, |place| {
            let (value, slope) = kernels::binary(x[place], t[place], positive[place]);
            (value * weight[place], slope * weight[place])
        })
    })
}

/// Kullback-Leibler divergence of log-probabilities from target probabilities (or, with `log_target`, their logarithms):
/// `t (log t - x)` summed over each sample, mean over the batch.
///
/// # Errors
/// If the shapes differ.
pub fn kl_divergence(log_probabilities: &Tensor, targets: &Tensor, log_target: bool) -> Result<Loss> {
    same_shape("the Kullback-Leibler divergence", log_probabilities, targets)?;
    let x = host(log_probabilities)?;
    let t = host_like(targets, &x)?;
    with_type!(x, T => {
        let (x, t) = (values::<T>(&x)?, values::<T>(&t)?);
        let (x, t): (&[T], &[T]) = (&x, &t);
        let rule = |place: usize| {
            let (t, log_t) = if log_target { (Float::exp(t[place]), t[place]) } else { (t[place], Float::ln(t[place])) };
            // Probability 0 adds nothing, whatever its logarithm.
            if t == 0.0 { (0.0 * x[place], 0.0) } else { (t * (log_t - x[place]), -t) }
        };
        let batch = log_probabilities.dim(0)?;
        let width = x.len() / batch;
        let (per_sample, grads) = kernels::pointwise(x.len(), width, 1.0 / batch as f64, rule);
        let grad = back(tensor(grads, log_probabilities.dims())?, log_probabilities)?;
        Ok(Loss::even(per_sample, grad))
    })
}

/// The mean over all values of `predictions`' shape.
fn mean_of<T: Float + candle_core::WithDType>(
    predictions: &Tensor,
    rule: impl Fn(usize) -> (T, T) + Sync,
) -> Result<Loss> {
    let (len, batch) = (predictions.elem_count(), predictions.dim(0)?);
    let width = len / batch;
    let (mut per_sample, grads) = kernels::pointwise(len, width, 1.0 / len as f64, rule);
    for loss in &mut per_sample {
        *loss /= width as f64;
    }
    Ok(Loss::even(per_sample, back(tensor(grads, predictions.dims())?, predictions)?))
}
