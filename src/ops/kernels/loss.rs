//! Losses with their gradients in one pass.

use rayon::prelude::*;

use super::float::Float;
use super::{par, simd};

/// Cross-entropy of each row of `logits` `[rows, classes]` with the class in `targets`, and the gradient of the mean over
/// the rows. Targets must be less than `classes`.
pub fn cross_entropy<T: Float>(logits: &[T], targets: &[u32], classes: usize) -> (Vec<T>, Vec<T>) {
    let scale = T::ONE / T::of(targets.len() as f64);
    let mut losses = vec![T::ZERO; targets.len()];
    let mut grads = vec![T::ZERO; logits.len()];
    let rows = (par::CHUNK / classes.max(1)).max(1);
    let pieces = losses
        .par_chunks_mut(rows)
        .zip(grads.par_chunks_mut(rows * classes.max(1)))
        .zip(logits.par_chunks(rows * classes.max(1)))
        .zip(targets.par_chunks(rows));
    pieces.for_each(|(((losses, grads), logits), targets)| {
        simd::run(|| {
            let rows = losses.iter_mut().zip(grads.chunks_exact_mut(classes)).zip(logits.chunks_exact(classes));
            for (((loss, grad), logits), &target) in rows.zip(targets) {
                *loss = cross_entropy_row(logits, target as usize, scale, grad);
            }
        });
    });
    (losses, grads)
}

/// `log(sum(exp(x))) - x[target]`, and `(softmax(x) - onehot) * scale`.
#[inline(always)]
fn cross_entropy_row<T: Float>(logits: &[T], target: usize, scale: T, grad: &mut [T]) -> T {
    let largest = logits.iter().fold(T::NEG_INFINITY, |largest, &value| largest.max_nan(value));
    for (grad, &value) in grad.iter_mut().zip(logits) {
        *grad = (value - largest).exp();
    }
    let total = par::sum(grad, grad, |exp, _| exp);
    let factor = scale / total;
    for grad in grad.iter_mut() {
        *grad *= factor;
    }
    if let Some(grad) = grad.get_mut(target) {
        *grad -= scale;
    }
    total.ln() + largest - logits.get(target).copied().unwrap_or(T::ZERO)
}

/// Mean square error of each row of `width` values, and the gradient of the mean over all values.
pub fn mean_square<T: Float>(predictions: &[T], targets: &[T], width: usize) -> (Vec<T>, Vec<T>) {
    let scale = T::of(2.0 / predictions.len() as f64);
    let grads = par::build(predictions.len(), par::CHUNK, |start, grads: &mut [T]| {
        let pairs = predictions.iter().zip(targets).skip(start);
        for (grad, (&prediction, &target)) in grads.iter_mut().zip(pairs) {
            *grad = (prediction - target) * scale;
        }
    });
    let width = width.max(1);
    let losses = predictions
        .chunks(width)
        .zip(targets.chunks(width))
        .map(|(predictions, targets)| {
            let squares = predictions.iter().zip(targets).map(|(&a, &b)| (a - b) * (a - b));
            squares.fold(T::ZERO, |sum, square| sum + square) / T::of(width as f64)
        })
        .collect();
    (losses, grads)
}
