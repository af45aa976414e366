//! Element-wise activations.

use std::mem::MaybeUninit;

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
    /// `x`, cut off at both ends; the gradient at and beyond them is 0, and a NaN passes.
    Clamp {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// `scale * x` where it is positive, else `scale * alpha * (exp(steepness * x) - 1)`: ELU, SELU and CELU.
    Elu {
        /// Depth of the negative side.
        alpha: f64,
        /// Factor of the whole.
        scale: f64,
        /// Factor in the exponent.
        steepness: f64,
    },
    /// `x * tanh(ln(1 + exp(x)))`.
    Mish,
    /// `x * clamp(x + 3, 0, 6) / 6`.
    HardSwish,
    /// `clamp(x + 3, 0, 6) / 6`.
    HardSigmoid,
    /// `ln(1 + exp(beta * x)) / beta`, and `x` itself where `beta * x` is beyond the threshold.
    Softplus {
        /// Sharpness of the bend.
        beta: f64,
        /// From where on it is a straight line.
        threshold: f64,
    },
}

impl Activation {
    /// Whether [`backward`] needs the output; else it needs the input.
    pub const fn keeps_output(self) -> bool {
        matches!(
            self,
            Self::Relu | Self::LeakyRelu { .. } | Self::Tanh | Self::Sigmoid | Self::Clamp { .. } | Self::Elu { .. }
        )
    }
}

const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
const INVERSE_SQRT_2_PI: f64 = 0.398_942_280_401_432_7;
const CUBIC: f64 = 0.044_715;

/// The expression for every value. A macro, so that the expression becomes part of the loop in each variant.
macro_rules! map {
    ($values:expr, |$x:ident| $of:expr) => {{
        let values = $values;
        // SAFETY: there are as many values as room for results, so that each is written.
        #[expect(unsafe_code, reason = "zeros written before would take a third of the time")]
        unsafe {
            par::write(values.len(), par::CHUNK, |start, out: &mut [MaybeUninit<T>]| {
                let values = par::piece(values, start, out.len());
                assert_eq!(values.len(), out.len(), "each result comes from a value");
                simd::run!({
                    for (out, &$x) in out.iter_mut().zip(values) {
                        out.write($of);
                    }
                });
            })
        }
    }};
}

/// The expression for every pair of values.
macro_rules! map2 {
    ($first:expr, $second:expr, |$x:ident, $y:ident| $of:expr) => {{
        let (first, second) = ($first, $second);
        // SAFETY: there are as many values on both sides as room for results, so that each is written.
        #[expect(unsafe_code, reason = "zeros written before would take a third of the time")]
        unsafe {
            par::write(first.len(), par::CHUNK, |start, out: &mut [MaybeUninit<T>]| {
                let [first, second] = [first, second].map(|values| par::piece(values, start, out.len()));
                assert_eq!([first.len(), second.len()], [out.len(); 2], "each result comes from two values");
                simd::run!({
                    for ((out, &$x), &$y) in out.iter_mut().zip(first).zip(second) {
                        out.write($of);
                    }
                });
            })
        }
    }};
}

/// The function of every value.
pub fn forward<T: Float>(activation: Activation, x: &[T]) -> Vec<T> {
    match activation {
        // A NaN is not at most 0, so it passes.
        Activation::Relu => map!(x, |x| if x <= T::ZERO { T::ZERO } else { x }),
        Activation::LeakyRelu { slope } => {
            let slope = T::of(slope);
            map!(x, |x| if x <= T::ZERO { x * slope } else { x })
        }
        Activation::GeluExact => map!(x, |x| x * normal_share::<T, FUSED>(x).0),
        Activation::GeluTanh => map!(x, |x| x * T::of(0.5) * (T::ONE + gelu_inner(x).tanh_in::<FUSED>())),
        Activation::Silu => map!(x, |x| x * x.sigmoid_in::<FUSED>()),
        Activation::Tanh => map!(x, |x| x.tanh_in::<FUSED>()),
        Activation::Sigmoid => map!(x, |x| x.sigmoid_in::<FUSED>()),
        Activation::Clamp { min, max } => {
            let [min, max] = [min, max].map(T::of);
            map!(x, |x| clamp(x, min, max))
        }
        Activation::Elu { alpha, scale, steepness } => {
            let [depth, scale, steepness] = [alpha * scale, scale, steepness].map(T::of);
            map!(x, |x| if x <= T::ZERO { depth * exp_minus_one::<T, FUSED>(x * steepness) } else { x * scale })
        }
        Activation::Mish => map!(x, |x| {
            let (_, product) = mish_parts::<T, FUSED>(x);
            x * (product / (product + T::of(2.0)))
        }),
        Activation::HardSwish => map!(x, |x| x * hard_share(x)),
        Activation::HardSigmoid => map!(x, |x| hard_share(x)),
        Activation::Softplus { beta, threshold } => {
            let [beta, inverse, threshold] = [beta, 1.0 / beta, threshold].map(T::of);
            map!(x, |x| if x * beta > threshold { x } else { softplus::<T, FUSED>(x * beta) * inverse })
        }
    }
}

/// The gradient of every value, given what was kept (see [`Activation::keeps_output`]) and the gradient of the output.
pub fn backward<T: Float>(activation: Activation, kept: &[T], grad: &[T]) -> Vec<T> {
    match activation {
        Activation::Relu => map2!(kept, grad, |y, grad| if y <= T::ZERO { T::ZERO } else { grad }),
        Activation::LeakyRelu { slope } => {
            let slope = T::of(slope);
            map2!(kept, grad, |y, grad| if y <= T::ZERO { grad * slope } else { grad })
        }
        Activation::GeluExact => map2!(kept, grad, |x, grad| {
            let (share, bell) = normal_share::<T, FUSED>(x);
            grad * (share + x * bell * T::of(INVERSE_SQRT_2_PI))
        }),
        Activation::GeluTanh => map2!(kept, grad, |x, grad| {
            let tanh = gelu_inner(x).tanh_in::<FUSED>();
            let inner = T::of(SQRT_2_OVER_PI) * (T::ONE + T::of(3.0 * CUBIC) * x * x);
            let half = T::of(0.5);
            grad * (half * (T::ONE + tanh) + half * x * (T::ONE - tanh * tanh) * inner)
        }),
        Activation::Silu => map2!(kept, grad, |x, grad| {
            let share = x.sigmoid_in::<FUSED>();
            grad * share * (T::ONE + x * (T::ONE - share))
        }),
        Activation::Tanh => map2!(kept, grad, |y, grad| grad * (T::ONE - y * y)),
        Activation::Sigmoid => map2!(kept, grad, |y, grad| grad * (y * (T::ONE - y))),
        Activation::Clamp { min, max } => {
            let [min, max] = [min, max].map(T::of);
            map2!(kept, grad, |y, grad| if y <= min || y >= max { T::ZERO } else { grad })
        }
        Activation::Elu { alpha, scale, steepness } => {
            let [depth, scale, steepness] = [alpha * scale, scale, steepness].map(T::of);
            map2!(kept, grad, |y, grad| grad * if y <= T::ZERO { steepness * (y + depth) } else { scale })
        }
        Activation::Mish => map2!(kept, grad, |x, grad| {
            let (exp, product) = mish_parts::<T, FUSED>(x);
            let below = T::ONE / (product + T::of(2.0));
            grad * (product * below + x * T::of(4.0) * exp * (T::ONE + exp) * below * below)
        }),
        Activation::HardSwish => map2!(kept, grad, |x, grad| {
            let three = T::of(3.0);
            let slope = if x <= -three { T::ZERO } else { x * T::of(1.0 / 3.0) + T::of(0.5) };
            grad * if x >= three { T::ONE } else { slope }
        }),
        Activation::HardSigmoid => map2!(kept, grad, |x, grad| {
            let three = T::of(3.0);
            if x <= -three || x >= three { T::ZERO } else { grad * T::of(1.0 / 6.0) }
        }),
        Activation::Softplus { beta, threshold } => {
            let [beta, threshold] = [beta, threshold].map(T::of);
            map2!(kept, grad, |x, grad| {
                let share = (x * beta).sigmoid_in::<FUSED>();
                if x * beta > threshold { grad } else { grad * share }
            })
        }
    }
}

/// A bound from below that a kernel applies to what it computes before it is stored: a ReLU in the same pass over memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor<T>(T);

impl<T: Float> Floor<T> {
    /// That of a ReLU, or none: then it is NaN, than which no value is less.
    pub fn new(rectifies: bool) -> Self {
        Self(if rectifies { T::ZERO } else { T::NAN })
    }

    /// The value, or the floor if that is higher. A NaN passes.
    #[inline(always)]
    pub fn under(self, value: T) -> T {
        if value <= self.0 { self.0 } else { value }
    }

    /// The gradient of the value, given that of what [`Self::under`] made of it.
    #[inline(always)]
    pub fn gradient(self, value: T, grad: T) -> T {
        if value <= self.0 { T::ZERO } else { grad }
    }
}

/// The sum of every pair of values, or the floor.
pub fn sums<T: Float>(x: &[T], y: &[T], floor: Floor<T>) -> Vec<T> {
    map2!(x, y, |x, y| floor.under(x + y))
}

/// The product of every pair of values.
pub fn products<T: Float>(x: &[T], y: &[T]) -> Vec<T> {
    map2!(x, y, |x, y| x * y)
}

/// `x` between both ends; a NaN passes.
#[inline(always)]
fn clamp<T: Float>(x: T, min: T, max: T) -> T {
    let x = if x < min { min } else { x };
    if x > max { max } else { x }
}

/// `clamp(x + 3, 0, 6) / 6`.
#[inline(always)]
fn hard_share<T: Float>(x: T) -> T {
    clamp(x + T::of(3.0), T::ZERO, T::of(6.0)) * T::of(1.0 / 6.0)
}

/// `exp(x) - 1` for `x` up to 0, without the loss of digits near 0.
#[inline(always)]
fn exp_minus_one<T: Float, const FUSED: bool>(x: T) -> T {
    let tanh = (x * T::of(0.5)).tanh_in::<FUSED>();
    tanh * T::of(2.0) / (T::ONE - tanh)
}

/// `ln(1 + exp(x))` that neither overflows nor loses what is small.
#[inline(always)]
pub fn softplus<T: Float, const FUSED: bool>(x: T) -> T {
    let distance = if x < T::ZERO { x } else { -x };
    let positive = if x < T::ZERO { T::ZERO } else { x };
    positive + distance.exp_in::<FUSED>().ln_1p_in::<FUSED>()
}

/// `e = exp(x)` and `e (e + 2)`, with which `tanh(ln(1 + e))` is `e (e + 2) / (e (e + 2) + 2)`. Beyond 20 that is 1.
#[inline(always)]
fn mish_parts<T: Float, const FUSED: bool>(x: T) -> (T, T) {
    let limit = T::of(20.0);
    let exp = if x > limit { limit } else { x }.exp_in::<FUSED>();
    (exp, exp * (exp + T::of(2.0)))
}

/// The share of a standard normal distribution below `x`, and `exp(-x * x / 2)`.
#[inline(always)]
fn normal_share<T: Float, const FUSED: bool>(x: T) -> (T, T) {
    let (erf, bell) = (x * T::of(std::f64::consts::FRAC_1_SQRT_2)).erf_and_bell_in::<FUSED>();
    (T::of(0.5) * (T::ONE + erf), bell)
}

#[inline(always)]
fn gelu_inner<T: Float>(x: T) -> T {
    T::of(SQRT_2_OVER_PI) * (x + T::of(CUBIC) * x * x * x)
}
