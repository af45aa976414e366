//! The two number types of the kernels.
//!
//! The functions of `f32` are written so that a loop over them becomes vector code: no branches, no tables, no calls.
//! Those of `f64` are the standard library's; they serve the tests that compare with central differences.

use super::block::Blocks;
use super::vector::Kernels;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// `f32` or `f64`.
pub trait Float:
    Copy
    + Send
    + Sync
    + Default
    + PartialOrd
    + std::fmt::Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Below every number.
    const NEG_INFINITY: Self;
    /// Not a number.
    const NAN: Self;

    /// The nearest value.
    fn of(value: f64) -> Self;
    /// The same value.
    fn to_f64(self) -> f64;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Exponential function. `FUSED` tells whether a product and a sum are one instruction here (see [`super::simd`]).
    fn exp_in<const FUSED: bool>(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh_in<const FUSED: bool>(self) -> Self;
    /// `ln(1 + x)` for `x` from 0 to 1.
    fn ln_1p_in<const FUSED: bool>(self) -> Self;
    /// Error function of `x`, and `exp(-x * x)`.
    fn erf_and_bell_in<const FUSED: bool>(self) -> (Self, Self);
    /// `self * factor + sum`, rounded once.
    fn mul_add(self, factor: Self, sum: Self) -> Self;
    /// The inner loops for this processor.
    fn kernels() -> Kernels<Self>;
    /// The inner loops of small matrix products for this processor.
    fn blocks() -> Blocks<Self>;

    /// Exponential function on any processor.
    #[inline(always)]
    fn exp(self) -> Self {
        self.exp_in::<false>()
    }

    /// Hyperbolic tangent on any processor.
    #[inline(always)]
    fn tanh(self) -> Self {
        self.tanh_in::<false>()
    }

    /// `1 / (1 + exp(-x))`.
    #[inline(always)]
    fn sigmoid_in<const FUSED: bool>(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp_in::<FUSED>())
    }

    /// `1 / (1 + exp(-x))` on any processor.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        self.sigmoid_in::<false>()
    }

    /// `self * factor + sum`, rounded once where that is one instruction.
    #[inline(always)]
    fn times_plus<const FUSED: bool>(self, factor: Self, sum: Self) -> Self {
        if FUSED { self.mul_add(factor, sum) } else { self * factor + sum }
    }

    /// The larger one; a NaN in `other` wins, one in `self` stays.
    #[inline(always)]
    fn max_nan(self, other: Self) -> Self {
        #[expect(clippy::eq_op, reason = "the cheapest test for NaN in vector code")]
        if other > self || other != other { other } else { self }
    }
}

impl Float for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;
    const NAN: Self = Self::NAN;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn ln(self) -> Self {
        self.ln()
    }

    #[inline(always)]
    fn exp_in<const FUSED: bool>(self) -> Self {
        self.exp()
    }

    #[inline(always)]
    fn tanh_in<const FUSED: bool>(self) -> Self {
        self.tanh()
    }

    #[inline(always)]
    fn ln_1p_in<const FUSED: bool>(self) -> Self {
        self.ln_1p()
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, sum: Self) -> Self {
        self.mul_add(factor, sum)
    }

    fn kernels() -> Kernels<Self> {
        Kernels::PLAIN
    }

    fn blocks() -> Blocks<Self> {
        Blocks::PLAIN
    }

    fn erf_and_bell_in<const FUSED: bool>(self) -> (Self, Self) {
        let x = self.abs();
        if x.is_nan() {
            return (self, self);
        }
        let magnitude = if x < 3.0 { erf_series(x) } else { 1.0 - erfc_fraction(x) };
        (magnitude.copysign(self), (-x * x).exp())
    }
}

/// Abramowitz and Stegun 7.1.6: all terms are positive, so nothing cancels.
fn erf_series(x: f64) -> f64 {
    let (mut term, mut sum, mut index) = (x, x, 1.0);
    while term > sum * 1e-17 {
        term *= 2.0 * x * x / (2.0 * index + 1.0);
        sum += term;
        index += 1.0;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// Abramowitz and Stegun 7.1.14, from the far end of the fraction; 60 levels give 1e-16 from x = 3 on.
fn erfc_fraction(x: f64) -> f64 {
    let tail = (1..=60).rev().fold(0.0, |tail, level| 0.5 * f64::from(level) / (x + tail));
    (-x * x).exp() / (std::f64::consts::PI.sqrt() * (x + tail))
}

impl Float for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;
    const NAN: Self = Self::NAN;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value as Self
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn ln(self) -> Self {
        self.ln()
    }

    /// Cody and Waite's reduction by multiples of ln 2, then a polynomial (coefficients as in Cephes `expf`).
    #[inline(always)]
    fn exp_in<const FUSED: bool>(self) -> Self {
        const LN2_HIGH: f32 = 0.693_359_4;
        const LN2_LOW: f32 = -2.121_944_4e-4;
        // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
        const ROUND: f32 = 12_582_912.0;
        // Beyond these the result is 0 or infinite anyway; a NaN stays one.
        let x = self.clamp(-104.0, 89.0);
        let rounded = x.times_plus::<FUSED>(std::f32::consts::LOG2_E, ROUND);
        let power = rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
        let multiple = rounded - ROUND;
        let rest = multiple.times_plus::<FUSED>(-LN2_LOW, multiple.times_plus::<FUSED>(-LN2_HIGH, x));
        let mut sum = 1.987_569_1e-4_f32;
        for term in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            sum = sum.times_plus::<FUSED>(rest, term);
        }
        let value = sum.times_plus::<FUSED>(rest * rest, rest) + 1.0;
        // Two factors, since 2^128 and 2^-149 are not numbers of normal exponent.
        let half = power >> 1;
        value * power_of_two(half) * power_of_two(power.wrapping_sub(half))
    }

    #[inline(always)]
    fn tanh_in<const FUSED: bool>(self) -> Self {
        let square = self * self;
        // Near 0 the quotient below would cancel (coefficients as in Cephes `tanhf`).
        let mut series = -5.704_988_7e-3_f32;
        for term in [2.063_909e-2, -5.373_971_4e-2, 1.333_144_2e-1, -3.333_328e-1] {
            series = series.times_plus::<FUSED>(square, term);
        }
        let near = (self * square).times_plus::<FUSED>(series, self);
        let far = 1.0 - 2.0 / ((2.0 * self).exp_in::<FUSED>() + 1.0);
        if self.abs() < 0.625 { near } else { far }
    }

    /// The series of `2 artanh(x / (2 + x))`, whose terms shrink by 9 or more.
    #[inline(always)]
    fn ln_1p_in<const FUSED: bool>(self) -> Self {
        let part = self / (self + 2.0);
        let square = part * part;
        let mut sum = 2.0_f32 / 15.0;
        for term in [2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0] {
            sum = sum.times_plus::<FUSED>(square, term);
        }
        sum * part
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, sum: Self) -> Self {
        self.mul_add(factor, sum)
    }

    fn kernels() -> Kernels<Self> {
        static FASTEST: std::sync::OnceLock<Kernels<f32>> = std::sync::OnceLock::new();
        *FASTEST.get_or_init(|| Kernels::<Self>::variants().into_iter().next().unwrap_or(Kernels::PLAIN))
    }

    fn blocks() -> Blocks<Self> {
        static FASTEST: std::sync::OnceLock<Blocks<f32>> = std::sync::OnceLock::new();
        *FASTEST.get_or_init(|| Blocks::<Self>::variants().into_iter().next().unwrap_or(Blocks::PLAIN))
    }

    /// Abramowitz and Stegun 7.1.26: off by at most 1.5e-7.
    #[inline(always)]
    fn erf_and_bell_in<const FUSED: bool>(self) -> (Self, Self) {
        let x = self.abs();
        let bell = (-x * x).exp_in::<FUSED>();
        let t = 1.0 / x.times_plus::<FUSED>(0.327_591_1, 1.0);
        let mut sum = 1.061_405_4_f32;
        for term in [-1.453_152_1, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
            sum = sum.times_plus::<FUSED>(t, term);
        }
        let magnitude = 1.0 - sum * t * bell;
        (magnitude.copysign(self), bell)
    }
}

#[inline(always)]
fn power_of_two(power: i32) -> f32 {
    f32::from_bits((power.wrapping_add(127) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erf<T: Float>(x: T) -> T {
        x.erf_and_bell_in::<false>().0
    }

    fn largest_error(
        range: std::ops::Range<i32>,
        approximate: fn(f32) -> f32,
        exact: fn(f64) -> f64,
        scale: f32,
    ) -> f64 {
        range
            .map(|step| {
                let x = step as f32 * scale;
                let expect = exact(f64::from(x));
                (f64::from(approximate(x)) - expect).abs() / expect.abs().max(1e-30)
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn f32_functions_are_as_good_as_f32_can_tell() {
        let error = largest_error(-86_000..88_000, Float::exp, f64::exp, 1e-3);
        assert!(error < 3e-7, "exp {error}");
        let error = largest_error(-10_000..10_000, Float::tanh, f64::tanh, 1e-3);
        assert!(error < 3e-7, "tanh {error}");
        let error = largest_error(0..10_000, Float::ln_1p_in::<true>, f64::ln_1p, 1e-4);
        assert!(error < 3e-7, "ln_1p {error}");
    }

    #[test]
    fn ends_and_nan_as_in_the_standard_library() {
        assert_eq!(Float::exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(Float::exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(Float::exp(100.0_f32), f32::INFINITY);
        assert_eq!(Float::exp(-110.0_f32), 0.0);
        assert!(Float::exp(f32::NAN).is_nan() && Float::tanh(f32::NAN).is_nan() && erf(f32::NAN).is_nan());
        assert_eq!((Float::tanh(50.0_f32), Float::tanh(f32::NEG_INFINITY)), (1.0, -1.0));
        assert_eq!((Float::sigmoid(-200.0_f32), Float::sigmoid(200.0_f32)), (0.0, 1.0));
    }

    #[test]
    fn erf_has_the_published_values() {
        // Abramowitz and Stegun, table 7.1, and erfc(4) = 1.541725790028e-8.
        let expect: [(f64, f64); 4] =
            [(0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0), (4.0, 1.0 - 1.541_725_790_028e-8)];
        for (x, value) in expect {
            assert!((erf(x) - value).abs() < 1e-10, "{x}");
            assert!((erf(-x) + value).abs() < 1e-10, "-{x}");
            assert!((f64::from(erf(x as f32)) - value).abs() < 3e-7, "{x} in f32");
        }
        assert!((erf_series(3.0) - (1.0 - erfc_fraction(3.0))).abs() < 1e-15);
    }
}
