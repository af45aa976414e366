//! Losses with their gradients in one pass.

use rayon::prelude::*;

use super::float::Float;
use super::optim::Value as _;
use super::{par, simd};

/// A target that counts for nothing.
pub const IGNORED: u32 = u32::MAX;

/// How classes are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Classes<'a, T> {
    /// One weight a class; none counts all alike.
    pub weights: Option<&'a [T]>,
    /// Share of the target that is spread evenly over all classes.
    pub smoothing: f64,
    /// How much less samples count that are right already: the loss is multiplied by `(1 - p)^focus`.
    pub focus: f64,
}

impl<T: Float> Classes<'_, T> {
    /// All classes and samples alike.
    pub const PLAIN: Self = Self { weights: None, smoothing: 0.0, focus: 0.0 };

    fn weight(&self, target: u32) -> T {
        if target == IGNORED {
            return T::ZERO;
        }
        self.weights.map_or(T::ONE, |weights| weights.get(target as usize).copied().unwrap_or(T::ZERO))
    }

    /// The weights of these targets together.
    pub fn total(&self, targets: &[u32]) -> f64 {
        if self.weights.is_none() {
            return targets.iter().filter(|&&target| target != IGNORED).count() as f64;
        }
        targets.iter().map(|&target| self.weight(target).to_f64()).sum()
    }
}

/// Cross-entropy of each row of `logits` `[rows, classes]` with the class in `targets`, times that class's weight, and the
/// gradient of their sum times `scale`. Targets must be less than `classes`, or [`IGNORED`].
pub fn cross_entropy<T: Float>(
    logits: &[T],
    targets: &[u32],
    classes: usize,
    settings: &Classes<'_, T>,
    scale: f64,
) -> (Vec<T>, Vec<T>) {
    let mut losses = vec![T::ZERO; targets.len()];
    let rows = (par::CHUNK / classes.max(1)).max(1);
    let is_plain = *settings == Classes::PLAIN && !targets.contains(&IGNORED);
    let shared = par::Shared::new(&mut losses);
    let grads = par::build(logits.len(), rows * classes.max(1), |start, grads: &mut [T]| {
        let first = start / classes.max(1);
        let count = grads.len() / classes.max(1);
        // SAFETY: each piece has its own rows.
        #[expect(unsafe_code, reason = "losses are split by rows as gradients are")]
        let losses = unsafe { shared.slice(first, count) };
        let (logits, targets) = (par::piece(logits, start, grads.len()), par::piece(targets, first, count));
        let rows =
            losses.iter_mut().zip(grads.chunks_exact_mut(classes)).zip(logits.chunks_exact(classes)).zip(targets);
        if is_plain {
            let scale = T::of(scale);
            simd::run!({
                for (((loss, grad), logits), &target) in rows {
                    *loss = cross_entropy_row::<T, FUSED>(logits, target as usize, scale, grad);
                }
            });
        } else {
            simd::run!({
                for (((loss, grad), logits), &target) in rows {
                    *loss = class_row::<T, FUSED>(logits, target, settings, scale, grad);
                }
            });
        }
    });
    (losses, grads)
}

/// `log(sum(exp(x))) - x[target]`, and `(softmax(x) - onehot) * scale`.
#[inline(always)]
fn cross_entropy_row<T: Float, const FUSED: bool>(logits: &[T], target: usize, scale: T, grad: &mut [T]) -> T {
    let (largest, total) = exponentials::<T, FUSED>(logits, grad);
    let factor = scale / total;
    for grad in grad.iter_mut() {
        *grad *= factor;
    }
    if let Some(grad) = grad.get_mut(target) {
        *grad -= scale;
    }
    total.ln() + largest - logits.get(target).copied().unwrap_or(T::ZERO)
}

/// Fills in `exp(x - largest)`; gives the largest and the sum.
#[inline(always)]
fn exponentials<T: Float, const FUSED: bool>(logits: &[T], out: &mut [T]) -> (T, T) {
    let largest = par::largest(logits);
    for (out, &value) in out.iter_mut().zip(logits) {
        *out = (value - largest).exp_in::<FUSED>();
    }
    (largest, par::sum(out, out, |exp, _| exp))
}

/// The same with weights, smoothing and focus.
#[inline(always)]
fn class_row<T: Float, const FUSED: bool>(
    logits: &[T],
    target: u32,
    settings: &Classes<'_, T>,
    scale: f64,
    grad: &mut [T],
) -> T {
    // What `par::build` hands out is zero.
    if target == IGNORED {
        return T::ZERO;
    }
    let (largest, total) = exponentials::<T, FUSED>(logits, grad);
    let log_total = total.ln() + largest;
    let log_p = logits.get(target as usize).copied().unwrap_or(T::ZERO) - log_total;
    let (mut value, mut slope) = (-log_p, T::ONE);
    if settings.focus > 0.0 {
        let (p, focus) = (log_p.exp(), T::of(settings.focus));
        let rest = T::ONE - p;
        let share = if rest > T::ZERO { (focus * rest.ln()).exp() } else { rest };
        let turn = if rest > T::ZERO { share / rest } else { T::ZERO };
        slope = share - focus * turn * p * log_p;
        value *= share;
    }
    let kept = settings.weight(target).times(1.0 - settings.smoothing);
    let even = T::of(settings.smoothing / logits.len().max(1) as f64);
    // The sum of `weight * (log_total - x)` and that of the weights.
    let (spread, all) = match settings.weights {
        _ if settings.smoothing == 0.0 => (T::ZERO, T::ZERO),
        Some(weights) => {
            let all = par::sum(weights, weights, |weight, _| weight);
            (all * log_total - par::sum(weights, logits, |weight, x| weight * x), all)
        }
        None => {
            let all = T::of(logits.len() as f64);
            (all * log_total - par::sum(logits, logits, |x, _| x), all)
        }
    };
    let scale = T::of(scale);
    let (factor, evenly) = ((kept * slope + all * even) / total * scale, even * scale);
    match settings.weights.filter(|_| settings.smoothing > 0.0) {
        Some(weights) => {
            grad.iter_mut().zip(weights).for_each(|(grad, &weight)| *grad = *grad * factor - evenly * weight);
        }
        None => grad.iter_mut().for_each(|grad| *grad = *grad * factor - evenly),
    }
    if let Some(grad) = grad.get_mut(target as usize) {
        *grad -= kept * slope * scale;
    }
    kept * value + spread * even
}

/// Cross-entropy of each row of `logits` `[rows, classes]` with the probabilities in the same row of `targets`, class by
/// class times its weight, and the gradient of their sum times `scale`.
pub fn soft_cross_entropy<T: Float>(
    logits: &[T],
    targets: &[T],
    classes: usize,
    settings: &Classes<'_, T>,
    scale: f64,
) -> (Vec<T>, Vec<T>) {
    let classes = classes.max(1);
    let mut losses = vec![T::ZERO; logits.len() / classes];
    let (kept, even) = (T::of(1.0 - settings.smoothing), T::of(settings.smoothing / classes as f64));
    let (shared, scale) = (par::Shared::new(&mut losses), T::of(scale));
    let grads = par::build(logits.len(), (par::CHUNK / classes).max(1) * classes, |start, grads: &mut [T]| {
        // SAFETY: each piece has its own rows.
        #[expect(unsafe_code, reason = "losses are split by rows as gradients are")]
        let losses = unsafe { shared.slice(start / classes, grads.len() / classes) };
        let [logits, targets] = [logits, targets].map(|values| par::piece(values, start, grads.len()));
        simd::run!({
            let rows = grads.chunks_exact_mut(classes).zip(logits.chunks_exact(classes));
            for ((loss, (grad, x)), targets) in losses.iter_mut().zip(rows).zip(targets.chunks_exact(classes)) {
                let (largest, total) = exponentials::<T, FUSED>(x, grad);
                let log_total = total.ln() + largest;
                let (mut value, mut all) = (T::ZERO, T::ZERO);
                let share = |class: usize, target: T| {
                    let weight = settings.weights.map_or(T::ONE, |weights| weights[class]);
                    weight * (target * kept + even)
                };
                for (class, (&x, &target)) in x.iter().zip(targets).enumerate() {
                    let share = share(class, target);
                    value += share * (log_total - x);
                    all += share;
                }
                let factor = all / total;
                for (class, (grad, &target)) in grad.iter_mut().zip(targets).enumerate() {
                    *grad = (*grad * factor - share(class, target)) * scale;
                }
                *loss = value;
            }
        });
    });
    (losses, grads)
}

/// Negative log-likelihood: `-x[target]` times the class's weight, and the gradient of their sum times `scale`.
pub fn nll<T: Float>(
    log_p: &[T],
    targets: &[u32],
    classes: usize,
    settings: &Classes<'_, T>,
    scale: f64,
) -> (Vec<T>, Vec<T>) {
    let mut grads = vec![T::ZERO; log_p.len()];
    let rows = log_p.chunks_exact(classes.max(1)).zip(grads.chunks_exact_mut(classes.max(1)));
    let losses = rows
        .zip(targets)
        .map(|((log_p, grads), &target)| {
            let weight = settings.weight(target);
            match (log_p.get(target as usize), grads.get_mut(target as usize)) {
                (Some(&value), Some(grad)) => {
                    *grad = -weight.times(scale);
                    -weight * value
                }
                _ => T::ZERO,
            }
        })
        .collect();
    (losses, grads)
}

/// From `[batch, classes, inner]` to `[batch, inner, classes]`; with the last two exchanged it is the way back.
pub fn swap_inner<T: Float>(values: &[T], classes: usize, inner: usize) -> Vec<T> {
    let block = (classes * inner).max(1);
    par::build(values.len(), block, |start, out: &mut [T]| {
        let values = par::piece(values, start, out.len());
        for (position, out) in out.chunks_exact_mut(classes.max(1)).enumerate() {
            for (class, out) in out.iter_mut().enumerate() {
                *out = values[class * inner + position];
            }
        }
    })
}

/// A loss that compares value by value: `rule` gives loss and slope at a place. Sums over each `width` values, and the
/// slopes times `scale`.
pub fn pointwise<T: Float>(
    len: usize,
    width: usize,
    scale: f64,
    rule: impl Fn(usize) -> (T, T) + Sync,
) -> (Vec<f64>, Vec<T>) {
    let scale = T::of(scale);
    let grads = par::build(len, par::CHUNK, |start, grads: &mut [T]| {
        grads.iter_mut().enumerate().for_each(|(place, grad)| *grad = rule(start + place).1 * scale);
    });
    let width = width.max(1);
    let sum = |sample: usize| (sample * width..(sample + 1) * width).map(|place| rule(place).0.to_f64()).sum();
    ((0..len / width).into_par_iter().map(sum).collect(), grads)
}

/// `x^2` and its slope.
#[inline(always)]
pub fn square<T: Float>(x: T) -> (T, T) {
    (x * x, x + x)
}

/// `|x|` and its slope, 0 at 0.
#[inline(always)]
pub fn size<T: Float>(x: T) -> (T, T) {
    (x.size(), x.sign())
}

/// Huber's loss: half the square up to `delta`, a line beyond.
#[inline(always)]
pub fn huber<T: Float>(x: T, delta: f64) -> (T, T) {
    let slope = x.within(delta);
    // Half the square where the slope is x itself, `delta * (|x| - delta / 2)` elsewhere.
    (slope * (x - slope.times(0.5)), slope)
}

/// Cross-entropy of the logit `x` with the probability `t`, where positives count `positive` times. Finite for all finite x.
#[inline(always)]
pub fn binary<T: Float>(x: T, t: T, positive: T) -> (T, T) {
    let tail = (T::ONE + (-x.size()).exp()).ln();
    let (for_no, for_yes) = (T::ZERO.max_nan(x) + tail, T::ZERO.max_nan(-x) + tail);
    let (yes, no) = (positive * t, T::ONE - t);
    (no * for_no + yes * for_yes, x.sigmoid() * (yes + no) - yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_loss_is_exact_far_out() {
        // softplus(200) = 200 + 1.4e-87.
        assert_eq!(binary(200.0_f32, 0.0, 1.0), (200.0, 1.0));
        assert_eq!(binary(-200.0_f32, 1.0, 3.0), (600.0, -3.0));
        assert_eq!(binary(200.0_f64, 1.0, 1.0), (0.0, 0.0));
        assert!(binary(f32::NAN, 0.0, 1.0).0.is_nan());
    }

    #[test]
    fn classes_move_inside_and_back() {
        let values: Vec<f32> = (0..24).map(|value| value as f32).collect();
        let moved = swap_inner(&values, 3, 4);
        assert_eq!(&moved[..6], [0.0, 4.0, 8.0, 1.0, 5.0, 9.0]);
        assert_eq!(swap_inner(&moved, 4, 3), values);
    }
}
