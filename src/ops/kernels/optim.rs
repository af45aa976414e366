//! Optimizer steps, each in one pass over its slices. The rules and the order of operations are PyTorch's.

use super::float::Float;
use super::{par, simd};

/// Numbers of stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Step size.
    pub learning_rate: f64,
    /// Share of the last step that is kept; 0 needs no state.
    pub momentum: f64,
    /// Nesterov's look ahead.
    pub nesterov: bool,
    /// Pull towards zero, added to the gradient.
    pub weight_decay: f64,
}

/// Numbers of Adam and AdamW.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Step size.
    pub learning_rate: f64,
    /// Share of the old mean of gradients.
    pub beta1: f64,
    /// Share of the old mean of squared gradients.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Pull towards zero.
    pub weight_decay: f64,
    /// How the pull works.
    pub decay: Decay,
}

/// How weight decay works in Adam.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decay {
    /// Added to the gradient: Adam.
    Coupled,
    /// Taken from the weights directly: AdamW.
    Decoupled,
}

/// New weights without momentum.
pub fn sgd<T: Float>(weights: &[T], grads: &[T], settings: &Sgd) -> Vec<T> {
    let (rate, decay) = (T::of(settings.learning_rate), T::of(settings.weight_decay));
    par::build(weights.len(), par::CHUNK, |start, out: &mut [T]| {
        simd::run(|| {
            let [weights, grads] = [weights, grads].map(|values| par::piece(values, start, out.len()));
            for ((out, &weight), &grad) in out.iter_mut().zip(weights).zip(grads) {
                *out = weight - rate * (grad + decay * weight);
            }
        });
    })
}

/// New weights and new momentum. `old` is the momentum so far; `None` on the first step, which starts it with the gradient itself.
pub fn sgd_momentum<T: Float>(weights: &[T], grads: &[T], old: Option<&[T]>, settings: &Sgd) -> (Vec<T>, Vec<T>) {
    let (rate, decay) = (T::of(settings.learning_rate), T::of(settings.weight_decay));
    // On the first step the momentum is the gradient.
    let keep = if old.is_some() { T::of(settings.momentum) } else { T::ZERO };
    let ahead = T::of(settings.momentum);
    let is_nesterov = settings.nesterov;
    let old = old.unwrap_or(grads);
    par::build2(weights.len(), |start, out, buffer: &mut [T]| {
        simd::run(|| {
            let [weights, grads, old] = [weights, grads, old].map(|values| par::piece(values, start, out.len()));
            let state = out.iter_mut().zip(buffer).zip(old);
            for (((out, buffer), &old), (&weight, &grad)) in state.zip(weights.iter().zip(grads)) {
                let grad = grad + decay * weight;
                // Not `keep * old` on the first step: 0 times an infinite gradient would be a NaN of its own making.
                let new = if keep == T::ZERO { grad } else { keep * old + grad };
                *buffer = new;
                *out = weight - rate * if is_nesterov { grad + ahead * new } else { new };
            }
        });
    })
}

/// New weights, new mean of gradients, new mean of squared gradients, after `step` (counted from 1).
pub fn adam<T: Float>(
    weights: &[T],
    grads: &[T],
    first: &[T],
    second: &[T],
    step: u64,
    settings: &Adam,
) -> (Vec<T>, Vec<T>, Vec<T>) {
    let Adam { learning_rate, beta1, beta2, eps, weight_decay, decay } = *settings;
    let correction1 = 1.0 - beta1.powf(step as f64);
    let correction2 = 1.0 - beta2.powf(step as f64);
    let (shrink, coupled) = match decay {
        Decay::Coupled => (1.0, weight_decay),
        Decay::Decoupled => (1.0 - learning_rate * weight_decay, 0.0),
    };
    let [shrink, coupled, eps, size] = [shrink, coupled, eps, learning_rate / correction1].map(T::of);
    let [keep1, new1, keep2, new2] = [beta1, 1.0 - beta1, beta2, 1.0 - beta2].map(T::of);
    let root = T::of(1.0 / correction2.sqrt());
    par::build3(weights.len(), |start, out, out1, out2: &mut [T]| {
        simd::run(|| {
            let [weights, grads, first, second] =
                [weights, grads, first, second].map(|values| par::piece(values, start, out.len()));
            let state = out.iter_mut().zip(out1).zip(out2).zip(first.iter().zip(second));
            for ((((out, out1), out2), (&first, &second)), (&weight, &grad)) in state.zip(weights.iter().zip(grads)) {
                let grad = grad + coupled * weight;
                let mean = keep1 * first + new1 * grad;
                let square = keep2 * second + new2 * (grad * grad);
                *out1 = mean;
                *out2 = square;
                *out = weight * shrink - size * mean / (square.sqrt() * root + eps);
            }
        });
    })
}
