//! Local response norm: each value divided by what its neighbours among the channels add up to.

use super::float::Float;
use super::{par, simd};

/// Numbers of a local response norm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResponseSettings {
    /// Channels that count, the value's own in the middle.
    pub size: usize,
    /// Weight of their mean square.
    pub alpha: f64,
    /// Exponent of the divisor.
    pub beta: f64,
    /// What the divisor starts from.
    pub k: f64,
}

impl ResponseSettings {
    /// The channels that count for a channel: one more before it than behind where the size is even.
    fn before(&self, channel: usize, channels: usize) -> std::ops::Range<usize> {
        channel.saturating_sub(self.size / 2)..(channel + self.size.div_ceil(2)).min(channels)
    }

    /// The channels for which a channel counts.
    fn behind(&self, channel: usize, channels: usize) -> std::ops::Range<usize> {
        (channel + 1).saturating_sub(self.size.div_ceil(2))..(channel + self.size / 2 + 1).min(channels)
    }

    /// `base` to the power of `-beta`.
    #[inline(always)]
    fn power<T: Float>(&self, base: T) -> T {
        if self.beta == 0.75 {
            let root = base.sqrt();
            T::ONE / (root * root.sqrt())
        } else {
            (base.ln() * T::of(-self.beta)).exp()
        }
    }

    /// `k + alpha * mean of squares` at every place of a sample.
    #[inline(always)]
    fn bases<T: Float>(&self, x: &[T], channels: usize, places: usize) -> Vec<T> {
        let mut bases = vec![T::of(self.k); x.len()];
        let factor = T::of(self.alpha / self.size.max(1) as f64);
        for (channel, bases) in bases.chunks_exact_mut(places).enumerate() {
            for other in self.before(channel, channels) {
                let x = &x[other * places..(other + 1) * places];
                bases.iter_mut().zip(x).for_each(|(base, &x)| *base += factor * x * x);
            }
        }
        bases
    }
}

/// Of samples `[channels, places]`.
pub fn forward<T: Float>(x: &[T], channels: usize, places: usize, settings: ResponseSettings) -> Vec<T> {
    let sample = (channels * places).max(1);
    par::build(x.len(), sample, |start, out: &mut [T]| {
        let x = par::piece(x, start, out.len());
        let bases = settings.bases(x, channels, places);
        simd::run!({
            for ((out, &x), &base) in out.iter_mut().zip(x).zip(&bases) {
                *out = x * settings.power(base);
            }
        });
    })
}

/// Gradient of the input.
pub fn backward<T: Float>(x: &[T], grad: &[T], channels: usize, places: usize, settings: ResponseSettings) -> Vec<T> {
    let sample = (channels * places).max(1);
    let factor = T::of(2.0 * settings.alpha * settings.beta / settings.size.max(1) as f64);
    par::build(x.len(), sample, |start, out: &mut [T]| {
        let [x, grad] = [x, grad].map(|values| par::piece(values, start, out.len()));
        // What each value gives to the gradients of its neighbours.
        let mut given = settings.bases(x, channels, places);
        simd::run!({
            for (((out, given), &x), &grad) in out.iter_mut().zip(&mut given).zip(x).zip(grad) {
                let power = settings.power(*given);
                *out = grad * power;
                *given = factor * grad * x * power / *given;
            }
            for (channel, (out, x)) in out.chunks_exact_mut(places).zip(x.chunks_exact(places)).enumerate() {
                for other in settings.behind(channel, channels) {
                    let given = &given[other * places..(other + 1) * places];
                    out.iter_mut().zip(x).zip(given).for_each(|((out, &x), &given)| *out -= x * given);
                }
            }
        });
    })
}
