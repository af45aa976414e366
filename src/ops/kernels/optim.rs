//! Optimizer steps. Each rule is written once, over anything that computes like a number ([`Value`]): over the values of
//! slices here, and over whole tensors for devices without kernels. Rules and order of operations are PyTorch's.

use std::ops::{Add, Div, Mul, Sub};

use rayon::prelude::*;

use super::float::Float;
use super::{par, simd};

/// Numbers of stochastic gradient descent (momentum: Sutskever et al. 2013).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Share of the last step that is kept; 0 needs no state.
    pub momentum: f64,
    /// Share of the new gradient that the momentum leaves out.
    pub dampening: f64,
    /// Nesterov's look ahead.
    pub nesterov: bool,
}

/// Numbers of Adam (Kingma and Ba 2015) and those derived from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Share of the old mean of gradients.
    pub beta1: f64,
    /// Share of the old mean of squared gradients.
    pub beta2: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Divides by the largest mean square so far (Reddi et al. 2018).
    pub amsgrad: bool,
    /// How the pull works.
    pub decay: Decay,
}

/// How weight decay works in Adam.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decay {
    /// Added to the gradient: Adam.
    Coupled,
    /// Taken from the weights directly: AdamW (Loshchilov and Hutter 2019).
    Decoupled,
}

/// Two averages and a small number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Betas {
    /// Share of the old mean of gradients.
    pub beta1: f64,
    /// Share of the old mean of squared gradients.
    pub beta2: f64,
    /// Keeps divisions finite.
    pub eps: f64,
}

/// Numbers of `RMSprop` (Hinton 2012; centred: Graves 2013).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsProp {
    /// Share of the old mean of squared gradients.
    pub alpha: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Share of the last step that is kept; 0 needs no state.
    pub momentum: f64,
    /// Divides by the deviation from the mean gradient instead of its size.
    pub centered: bool,
}

/// A rule that turns a gradient into a step, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Adam and AdamW.
    Adam(Adam),
    /// Adam with the largest gradient in place of the mean square (Kingma and Ba 2015, section 7).
    Adamax(Betas),
    /// Adam with Nesterov's look ahead (Dozat 2016), and how fast its momentum rises.
    NAdam(Betas, f64),
    /// Adam that waits until its mean square can be trusted (Liu et al. 2020).
    RAdam(Betas),
    /// AdamW whose step is as long as the layer's weights are large (You et al. 2020).
    Lamb(Betas),
    /// Steps of one size against the sign of an averaged gradient (Chen et al. 2023): both shares.
    Lion(f64, f64),
    /// `RMSprop`.
    RmsProp(RmsProp),
    /// Adagrad (Duchi et al. 2011).
    Adagrad {
        /// How fast the learning rate falls with the steps.
        rate_decay: f64,
        /// Where the sum of squares starts.
        initial_sum: f64,
        /// Added to the denominator.
        eps: f64,
    },
    /// Adadelta (Zeiler 2012).
    Adadelta {
        /// Share of the old means.
        rho: f64,
        /// Added under both roots.
        eps: f64,
    },
}

impl Rule {
    /// What it keeps for each weight, as PyTorch calls it.
    pub fn state(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd(Sgd { momentum, .. }) => {
                if *momentum > 0.0 {
                    &["momentum_buffer"]
                } else {
                    &[]
                }
            }
            Self::Adam(Adam { amsgrad: true, .. }) => &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"],
            Self::Adam(_) | Self::NAdam(..) | Self::RAdam(_) | Self::Lamb(_) => &["exp_avg", "exp_avg_sq"],
            Self::Adamax(_) => &["exp_avg", "exp_inf"],
            Self::Lion(..) => &["exp_avg"],
            Self::RmsProp(RmsProp { momentum, centered, .. }) => match (*momentum > 0.0, centered) {
                (false, false) => &["square_avg"],
                (true, false) => &["square_avg", "momentum_buffer"],
                (false, true) => &["square_avg", "grad_avg"],
                (true, true) => &["square_avg", "momentum_buffer", "grad_avg"],
            },
            Self::Adagrad { .. } => &["sum"],
            Self::Adadelta { .. } => &["square_avg", "acc_delta"],
        }
    }

    /// What all that it keeps starts from.
    pub fn start(&self) -> f64 {
        if let Self::Adagrad { initial_sum, .. } = self { *initial_sum } else { 0.0 }
    }
}

/// The numbers of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Pull towards zero.
    pub weight_decay: f64,
    /// Factor on every gradient, from clipping; 1 leaves them.
    pub gradient_scale: f64,
    /// Largest absolute value of a gradient after that; infinite leaves them.
    pub gradient_limit: f64,
    /// Which update of the run it is, counted from 1.
    pub number: u64,
}

impl Default for Update {
    fn default() -> Self {
        Self { learning_rate: 1e-3, weight_decay: 0.0, gradient_scale: 1.0, gradient_limit: f64::INFINITY, number: 1 }
    }
}

/// What the rules compute with.
pub trait Value: Clone + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> {
    /// Times a number.
    fn times(self, factor: f64) -> Self;
    /// Plus a number.
    fn plus(self, term: f64) -> Self;
    /// Square root.
    fn root(self) -> Self;
    /// Absolute value.
    fn size(self) -> Self;
    /// -1, 0 or 1; a NaN stays one.
    fn sign(self) -> Self;
    /// The larger one; a NaN stays one.
    fn or_larger(self, other: Self) -> Self;
    /// Between `-limit` and `limit`; a NaN stays one.
    fn within(self, limit: f64) -> Self;
}

impl<T: Float> Value for T {
    #[inline(always)]
    fn times(self, factor: f64) -> Self {
        self * T::of(factor)
    }

    #[inline(always)]
    fn plus(self, term: f64) -> Self {
        self + T::of(term)
    }

    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn size(self) -> Self {
        if self < T::ZERO { -self } else { self }
    }

    #[inline(always)]
    fn sign(self) -> Self {
        let sign = if self < T::ZERO { -T::ONE } else { self };
        if self > T::ZERO { T::ONE } else { sign }
    }

    #[inline(always)]
    fn or_larger(self, other: Self) -> Self {
        self.max_nan(other)
    }

    #[inline(always)]
    fn within(self, limit: f64) -> Self {
        let limit = T::of(limit);
        let value = if self > limit { limit } else { self };
        if value < -limit { -limit } else { value }
    }
}

/// What a rule makes of a weight, its gradient and what is kept for it: the new weight and what to keep. Rules that keep
/// less leave the other places as they are.
pub trait Step<V>: Fn(V, V, [V; 3]) -> (V, [V; 3]) + Copy + Sync {}

impl<V, F: Fn(V, V, [V; 3]) -> (V, [V; 3]) + Copy + Sync> Step<V> for F {}

/// Takes the step of a rule, whatever its type.
pub trait Sweep<V> {
    /// What comes out.
    type Out;
    /// Does it.
    fn sweep(self, step: impl Step<V>) -> Self::Out;
}

impl Rule {
    /// Hands the rule's step, with the numbers of this update, to `sweep`. The step of LAMB gives the direction in place
    /// of the new weight; see [`Self::scales_by_layer`].
    pub fn run<V: Value, S: Sweep<V>>(&self, update: &Update, sweep: S) -> S::Out {
        let Update { learning_rate: rate, weight_decay: decay, gradient_scale, gradient_limit, number } = *update;
        let step = number as f64;
        let clipped = move |grad: V| grad.times(gradient_scale).within(gradient_limit);
        // With weight decay added to it, as most rules want it.
        let pulled = move |weight: &V, grad: V| clipped(grad) + weight.clone().times(decay);
        match *self {
            Self::Sgd(Sgd { momentum, dampening, nesterov }) => {
                let is_plain = momentum == 0.0;
                // PyTorch's first step fills the buffer with the gradient itself.
                let share = if number <= 1 { 1.0 } else { 1.0 - dampening };
                sweep.sweep(move |weight: V, grad: V, [buffer, b, c]: [V; 3]| {
                    let grad = pulled(&weight, grad);
                    if is_plain {
                        return (weight - grad.times(rate), [buffer, b, c]);
                    }
                    let buffer = buffer.times(momentum) + grad.clone().times(share);
                    let direction = if nesterov { grad + buffer.clone().times(momentum) } else { buffer.clone() };
                    (weight - direction.times(rate), [buffer, b, c])
                })
            }
            Self::Adam(Adam { beta1, beta2, eps, amsgrad, decay: kind }) => {
                let (shrink, coupled) = match kind {
                    Decay::Coupled => (1.0, decay),
                    Decay::Decoupled => (1.0 - rate * decay, 0.0),
                };
                let size = rate / (1.0 - beta1.powf(step));
                let root = 1.0 / (1.0 - beta2.powf(step)).sqrt();
                sweep.sweep(move |weight: V, grad: V, [first, second, largest]: [V; 3]| {
                    let grad = clipped(grad) + weight.clone().times(coupled);
                    let first = first.times(beta1) + grad.clone().times(1.0 - beta1);
                    let second = second.times(beta2) + (grad.clone() * grad).times(1.0 - beta2);
                    let (square, largest) = if amsgrad {
                        let largest = largest.or_larger(second.clone());
                        (largest.clone(), largest)
                    } else {
                        (second.clone(), largest)
                    };
                    let divisor = square.root().times(root).plus(eps);
                    (weight.times(shrink) - first.clone().times(size) / divisor, [first, second, largest])
                })
            }
            Self::Adamax(Betas { beta1, beta2, eps }) => {
                let size = rate / (1.0 - beta1.powf(step));
                sweep.sweep(move |weight: V, grad: V, [first, largest, c]: [V; 3]| {
                    let grad = pulled(&weight, grad);
                    let first = first.times(beta1) + grad.clone().times(1.0 - beta1);
                    let largest = largest.times(beta2).or_larger(grad.size().plus(eps));
                    (weight - first.clone().times(size) / largest.clone(), [first, largest, c])
                })
            }
            Self::NAdam(Betas { beta1, beta2, eps }, momentum_decay) => {
                let share = |step: f64| beta1 * (1.0 - 0.5 * 0.96_f64.powf(step * momentum_decay));
                let product = nadam_product(beta1, momentum_decay, step);
                let new = rate * (1.0 - share(step)) / (1.0 - product);
                let old = rate * share(step + 1.0) / (1.0 - product * share(step + 1.0));
                let root = 1.0 / (1.0 - beta2.powf(step)).sqrt();
                sweep.sweep(move |weight: V, grad: V, [first, second, c]: [V; 3]| {
                    let grad = pulled(&weight, grad);
                    let first = first.times(beta1) + grad.clone().times(1.0 - beta1);
                    let second = second.times(beta2) + (grad.clone() * grad.clone()).times(1.0 - beta2);
                    let divisor = second.clone().root().times(root).plus(eps);
                    let direction = grad.times(new) + first.clone().times(old);
                    (weight - direction / divisor, [first, second, c])
                })
            }
            Self::RAdam(Betas { beta1, beta2, eps }) => {
                let (power1, power2) = (1.0 - beta1.powf(step), 1.0 - beta2.powf(step));
                // How many steps the mean square stands for, now and at last (equation 5 of the paper).
                let most = 2.0 / (1.0 - beta2) - 1.0;
                let length = most - 2.0 * step * beta2.powf(step) / power2;
                let trust = ((length - 4.0) * (length - 2.0) * most / ((most - 4.0) * (most - 2.0) * length)).sqrt();
                let is_trusted = length > 5.0;
                let size = rate / power1 * if is_trusted { trust * power2.sqrt() } else { 1.0 };
                sweep.sweep(move |weight: V, grad: V, [first, second, c]: [V; 3]| {
                    let grad = pulled(&weight, grad);
                    let first = first.times(beta1) + grad.clone().times(1.0 - beta1);
                    let second = second.times(beta2) + (grad.clone() * grad).times(1.0 - beta2);
                    let direction = first.clone().times(size);
                    let direction = if is_trusted { direction / second.clone().root().plus(eps) } else { direction };
                    (weight - direction, [first, second, c])
                })
            }
            Self::Lamb(Betas { beta1, beta2, eps }) => {
                let size = 1.0 / (1.0 - beta1.powf(step));
                let root = 1.0 / (1.0 - beta2.powf(step)).sqrt();
                sweep.sweep(move |weight: V, grad: V, [first, second, c]: [V; 3]| {
                    let grad = clipped(grad);
                    let first = first.times(beta1) + grad.clone().times(1.0 - beta1);
                    let second = second.times(beta2) + (grad.clone() * grad).times(1.0 - beta2);
                    let divisor = second.clone().root().times(root).plus(eps);
                    let direction = first.clone().times(size) / divisor + weight.times(decay);
                    (direction, [first, second, c])
                })
            }
            Self::Lion(beta1, beta2) => sweep.sweep(move |weight: V, grad: V, [mean, b, c]: [V; 3]| {
                let grad = clipped(grad);
                let direction = (mean.clone().times(beta1) + grad.clone().times(1.0 - beta1)).sign();
                let mean = mean.times(beta2) + grad.times(1.0 - beta2);
                (weight.times(1.0 - rate * decay) - direction.times(rate), [mean, b, c])
            }),
            Self::RmsProp(RmsProp { alpha, eps, momentum, centered }) => {
                let has_momentum = momentum > 0.0;
                sweep.sweep(move |weight: V, grad: V, [square, b, c]: [V; 3]| {
                    let grad = pulled(&weight, grad);
                    let square = square.times(alpha) + (grad.clone() * grad.clone()).times(1.0 - alpha);
                    let (buffer, mean) = if has_momentum { (b, c) } else { (c, b) };
                    let (variance, mean) = if centered {
                        let mean = mean.times(alpha) + grad.clone().times(1.0 - alpha);
                        // Rounding must not make it negative.
                        let zero = mean.clone().times(0.0);
                        (zero.or_larger(square.clone() - mean.clone() * mean.clone()), mean)
                    } else {
                        (square.clone(), mean)
                    };
                    let direction = grad / variance.root().plus(eps);
                    if has_momentum {
                        let buffer = buffer.times(momentum) + direction;
                        (weight - buffer.clone().times(rate), [square, buffer, mean])
                    } else {
                        (weight - direction.times(rate), [square, mean, buffer])
                    }
                })
            }
            Self::Adagrad { rate_decay, eps, .. } => {
                let rate = rate / (1.0 + (step - 1.0) * rate_decay);
                sweep.sweep(move |weight: V, grad: V, [sum, b, c]: [V; 3]| {
                    let grad = pulled(&weight, grad);
                    let sum = sum + grad.clone() * grad.clone();
                    (weight - grad.times(rate) / sum.clone().root().plus(eps), [sum, b, c])
                })
            }
            Self::Adadelta { rho, eps } => sweep.sweep(move |weight: V, grad: V, [square, moved, c]: [V; 3]| {
                let grad = pulled(&weight, grad);
                let square = square.times(rho) + (grad.clone() * grad.clone()).times(1.0 - rho);
                let direction = moved.clone().plus(eps).root() / square.clone().plus(eps).root() * grad;
                let moved = moved.times(rho) + (direction.clone() * direction.clone()).times(1.0 - rho);
                (weight - direction.times(rate), [square, moved, c])
            }),
        }
    }

    /// Whether its step is a direction, which [`layer_scale`] turns into a step.
    pub fn scales_by_layer(&self) -> bool {
        matches!(self, Self::Lamb(_))
    }
}

/// Length of a layer's step for each of its direction: as long as the weights are large.
pub fn layer_scale(weights: f64, direction: f64) -> f64 {
    if weights > 0.0 && direction > 0.0 { weights / direction } else { 1.0 }
}

/// Product of `beta * (1 - 0.96^(i * decay) / 2)` for i = 1 to `steps`, from the series of the logarithm: as quick for
/// the millionth step as for the first, and nothing that a checkpoint would have to hold.
fn nadam_product(beta: f64, decay: f64, steps: f64) -> f64 {
    let log = 0.96_f64.ln() * decay;
    let term = |power: i32| {
        let log = log * f64::from(power);
        let sum = if log == 0.0 { steps } else { log.exp() * (log * steps).exp_m1() / log.exp_m1() };
        0.5_f64.powi(power) / f64::from(power) * sum
    };
    let sum: f64 = (1..=54).map(term).sum();
    (steps * beta.ln() - sum).exp()
}

/// One step of `rule`, in place. `state` are the slices that it keeps, in the order of [`Rule::state`].
pub fn update<T: Float>(weights: &mut [T], grads: &[T], state: &mut [&mut [T]], rule: &Rule, update: &Update) {
    if !rule.scales_by_layer() {
        rule.run(update, Slices { weights, grads, state });
        return;
    }
    let mut direction = weights.to_vec();
    rule.run(update, Slices { weights: &mut direction, grads, state });
    let scale = T::of(-update.learning_rate * layer_scale(norm(weights), norm(&direction)));
    weights.par_chunks_mut(par::CHUNK).zip(direction.par_chunks(par::CHUNK)).for_each(|(weights, direction)| {
        simd::run!(weights.iter_mut().zip(direction).for_each(|(weight, &step)| *weight += scale * step));
    });
}

/// `average * keep + values * (1 - keep)`, in place.
pub fn average<T: Float>(average: &mut [T], values: &[T], keep: f64) {
    let (keep, new) = (T::of(keep), T::of(1.0 - keep));
    average.par_chunks_mut(par::CHUNK).zip(values.par_chunks(par::CHUNK)).for_each(|(average, values)| {
        simd::run!({
            average.iter_mut().zip(values).for_each(|(average, &value)| *average = keep * *average + new * value);
        });
    });
}

/// Euclidean norm, summed in pieces of a fixed size.
pub fn norm<T: Float>(values: &[T]) -> f64 {
    let piece = |values: &[T]| simd::run!(par::sum(values, values, |x, y| x * y)).to_f64();
    let sums: Vec<f64> = values.par_chunks(par::CHUNK).map(piece).collect();
    sums.iter().sum::<f64>().sqrt()
}

struct Slices<'a, 'b, T> {
    weights: &'a mut [T],
    grads: &'a [T],
    state: &'a mut [&'b mut [T]],
}

impl<T: Float> Sweep<T> for Slices<'_, '_, T> {
    type Out = ();

    fn sweep(self, step: impl Step<T>) {
        let Self { weights, grads, state } = self;
        let len = weights.len();
        let weights = par::Shared::new(weights);
        let state: Vec<par::Shared<'_, T>> = state.iter_mut().map(|values| par::Shared::new(values)).collect();
        (0..len.div_ceil(par::CHUNK)).into_par_iter().for_each(|index| {
            let start = index * par::CHUNK;
            let len = par::CHUNK.min(len - start);
            let grads = par::piece(grads, start, len);
            // SAFETY: pieces of different indices do not overlap.
            #[expect(unsafe_code, reason = "pieces of several slices, split alike")]
            let (weights, mut state) = unsafe {
                let state: Vec<&mut [T]> = state.iter().map(|values| values.slice(start, len)).collect();
                (weights.slice(start, len), state)
            };
            simd::run!(lanes(weights, grads, &mut state, step));
        });
    }
}

/// The step for every place of a piece. One loop for each number of slices, over plain iterators, and the step's numbers
/// as a copy of its own: only so does it become vector code.
#[inline(always)]
fn lanes<T: Float>(weights: &mut [T], grads: &[T], state: &mut [&mut [T]], step: impl Step<T>) {
    let places = weights.iter_mut().zip(grads);
    match state {
        [] => {
            for (weight, &grad) in places {
                (*weight, _) = step(*weight, grad, [T::ZERO; 3]);
            }
        }
        [a] => {
            for ((weight, &grad), a) in places.zip(a.iter_mut()) {
                (*weight, [*a, ..]) = step(*weight, grad, [*a, T::ZERO, T::ZERO]);
            }
        }
        [a, b] => {
            for (((weight, &grad), a), b) in places.zip(a.iter_mut()).zip(b.iter_mut()) {
                (*weight, [*a, *b, ..]) = step(*weight, grad, [*a, *b, T::ZERO]);
            }
        }
        [a, b, c, ..] => {
            for ((((weight, &grad), a), b), c) in places.zip(a.iter_mut()).zip(b.iter_mut()).zip(c.iter_mut()) {
                (*weight, [*a, *b, *c]) = step(*weight, grad, [*a, *b, *c]);
            }
        }
    }
}
