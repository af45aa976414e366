//! Element-wise activations.

use super::float::Float;
use super::{par, simd};

/// An element-wise function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// `max(x, 0)`; the gradient at 0 is 0, and a NaN passes.
    Relu,
    /// `x` where it is positive, else `slope * x`.
    LeakyRelu {
        /// Factor of negative values.
        slope: f64,
    },
    /// `x / 2 * (1 + erf(x / sqrt(2)))`.
    GeluExact,
    /// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.
    GeluTanh,
    /// `x / (1 + exp(-x))`.
    Silu,
    /// `tanh(x)`.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl Activation {
    /// Whether [`backward`] needs the output; else it needs the input.
    pub const fn keeps_output(self) -> bool {
        matches!(self, Self::Relu | Self::LeakyRelu { .. } | Self::Tanh | Self::Sigmoid)
    }
}

const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
const INVERSE_SQRT_2_PI: f64 = 0.398_942_280_401_432_7;
const CUBIC: f64 = 0.044_715;

/// The function of every value.
pub fn forward<T: Float>(activation: Activation, x: &[T]) -> Vec<T> {
    match activation {
        // A NaN is not at most 0, so it passes.
        Activation::Relu => map(x, |x| if x <= T::ZERO { T::ZERO } else { x }),
        Activation::LeakyRelu { slope } => {
            let slope = T::of(slope);
            map(x, move |x| if x <= T::ZERO { x * slope } else { x })
        }
        Activation::GeluExact => map(x, |x| x * normal_share(x)),
        Activation::GeluTanh => map(x, |x| x * T::of(0.5) * (T::ONE + gelu_inner(x).tanh())),
        Activation::Silu => map(x, |x| x * x.sigmoid()),
        Activation::Tanh => map(x, Float::tanh),
        Activation::Sigmoid => map(x, Float::sigmoid),
    }
}

/// The gradient of every value, given what was kept (see [`Activation::keeps_output`]) and the gradient of the output.
pub fn backward<T: Float>(activation: Activation, kept: &[T], grad: &[T]) -> Vec<T> {
    match activation {
        Activation::Relu => map2(kept, grad, |y, grad| if y <= T::ZERO { T::ZERO } else { grad }),
        Activation::LeakyRelu { slope } => {
            let slope = T::of(slope);
            map2(kept, grad, move |y, grad| if y <= T::ZERO { grad * slope } else { grad })
        }
        Activation::GeluExact => map2(kept, grad, |x, grad| {
            let density = (x * x * T::of(-0.5)).exp() * T::of(INVERSE_SQRT_2_PI);
            grad * (normal_share(x) + x * density)
        }),
        Activation::GeluTanh => map2(kept, grad, |x, grad| {
            let tanh = gelu_inner(x).tanh();
            let inner = T::of(SQRT_2_OVER_PI) * (T::ONE + T::of(3.0 * CUBIC) * x * x);
            let half = T::of(0.5);
            grad * (half * (T::ONE + tanh) + half * x * (T::ONE - tanh * tanh) * inner)
        }),
        Activation::Silu => map2(kept, grad, |x, grad| {
            let share = x.sigmoid();
            grad * share * (T::ONE + x * (T::ONE - share))
        }),
        Activation::Tanh => map2(kept, grad, |y, grad| grad * (T::ONE - y * y)),
        Activation::Sigmoid => map2(kept, grad, |y, grad| grad * (y * (T::ONE - y))),
    }
}

/// The share of a standard normal distribution below `x`.
#[inline(always)]
fn normal_share<T: Float>(x: T) -> T {
    T::of(0.5) * (T::ONE + (x * T::of(std::f64::consts::FRAC_1_SQRT_2)).erf())
}

#[inline(always)]
fn gelu_inner<T: Float>(x: T) -> T {
    T::of(SQRT_2_OVER_PI) * (x + T::of(CUBIC) * x * x * x)
}

/// `f` of every value.
pub fn map<T: Float>(x: &[T], f: impl Fn(T) -> T + Sync) -> Vec<T> {
    par::build(x.len(), par::CHUNK, |start, out: &mut [T]| {
        simd::run(|| {
            let x = par::piece(x, start, out.len());
            for (out, &x) in out.iter_mut().zip(x) {
                *out = f(x);
            }
        });
    })
}

/// `f` of every pair of values.
pub fn map2<T: Float>(x: &[T], y: &[T], f: impl Fn(T, T) -> T + Sync) -> Vec<T> {
    par::build(x.len(), par::CHUNK, |start, out: &mut [T]| {
        simd::run(|| {
            let [x, y] = [x, y].map(|values| par::piece(values, start, out.len()));
            for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
                *out = f(x, y);
            }
        });
    })
}
