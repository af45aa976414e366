//! Batch normalization over `[batch, channels, places]`.

use std::mem::MaybeUninit;

use super::activation::Floor;
use super::float::Float;
use super::{par, simd};

/// Numbers of a batch norm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormSettings {
    /// Share of the new batch in the running statistics.
    pub momentum: f64,
    /// Added to the variance.
    pub eps: f64,
}

/// Sizes of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Samples.
    pub batch: usize,
    /// Channels.
    pub channels: usize,
    /// Values of a channel in one sample.
    pub places: usize,
}

impl Extent {
    /// Values of a channel in the whole batch.
    pub fn count(&self) -> usize {
        self.batch * self.places
    }
}

/// Mean and inverse deviation by which each channel is normalized.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics<T> {
    /// Mean.
    pub mean: Vec<T>,
    /// `1 / sqrt(variance + eps)`.
    pub inverse: Vec<T>,
}

/// Where the statistics came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The batch itself, so the gradient passes through them too.
    Batch,
    /// The running ones, which are constants.
    Running,
}

/// Mean and biased variance of each channel, in one pass: values are taken from a guess of the mean, so that the squares of
/// large means do not swallow small variances.
pub fn moments<T: Float>(x: &[T], extent: Extent) -> (Vec<f64>, Vec<f64>) {
    let count = extent.count() as f64;
    let guesses: Vec<T> = (0..extent.channels).map(|channel| guess(x, extent, channel)).collect();
    let sums = channel_sums(extent, x, x, |channel| {
        let guess = guesses[channel];
        move |x, _| [x - guess, (x - guess) * (x - guess)]
    });
    let of = |([sum, squares], guess): ([f64; 2], &T)| {
        let shift = sum / count;
        // Not `max`, which would swallow a NaN.
        let variance = squares / count - shift * shift;
        (guess.to_f64() + shift, if variance < 0.0 { 0.0 } else { variance })
    };
    sums.into_iter().zip(&guesses).map(of).unzip()
}

/// The mean of a channel's first values.
fn guess<T: Float>(x: &[T], extent: Extent, channel: usize) -> T {
    let Extent { batch, channels, places } = extent;
    let (samples, run) = if places == 1 { (batch.min(16), 1) } else { (batch.min(1), places.min(64)) };
    let mut sum = 0.0;
    for sample in 0..samples {
        let run = par::piece(x, (sample * channels + channel) * places, run);
        sum += run.iter().map(|x| x.to_f64()).sum::<f64>();
    }
    T::of(sum / (samples * run).max(1) as f64)
}

/// What becomes of each channel after it was brought to mean 0 and deviation 1.
#[derive(Debug, Clone, Copy)]
pub struct Affine<'a, T> {
    /// Factor of each channel.
    pub weight: &'a [T],
    /// Added to each channel.
    pub bias: &'a [T],
    /// Of the sum.
    pub floor: Floor<T>,
}

/// `(x - mean) * inverse * weight + bias`, or the floor.
pub fn normalize<T: Float>(x: &[T], extent: Extent, statistics: &Statistics<T>, affine: Affine<'_, T>) -> Vec<T> {
    let Affine { weight, bias, floor } = affine;
    each_channel(extent, x, x, |channel| {
        let (mean, factor) = (statistics.mean[channel], statistics.inverse[channel] * weight[channel]);
        let bias = bias[channel];
        move |x, _| floor.under((x - mean) * factor + bias)
    })
}

/// Gradients of the input (if asked for), the weight and the bias.
pub fn backward<T: Float>(
    x: &[T],
    grad: &[T],
    extent: Extent,
    statistics: &Statistics<T>,
    affine: Affine<'_, T>,
    source: Source,
    needs_input: bool,
) -> (Option<Vec<T>>, Vec<T>, Vec<T>) {
    let Statistics { mean, inverse } = statistics;
    let Affine { weight, bias, floor } = affine;
    // What was cut off is found again from the input, in the steps in which `normalize` computed it.
    let before_floor = |channel: usize| {
        let (mean, factor, bias) = (mean[channel], inverse[channel] * weight[channel], bias[channel]);
        move |x: T, grad: T| floor.gradient((x - mean) * factor + bias, grad)
    };
    let sums = channel_sums(extent, x, grad, |channel| {
        let (mean, before_floor) = (mean[channel], before_floor(channel));
        move |x, grad| {
            let grad = before_floor(x, grad);
            [grad, grad * (x - mean)]
        }
    });
    let (bias_grad, products): (Vec<f64>, Vec<f64>) = sums.into_iter().map(|[grad, product]| (grad, product)).unzip();
    let weight_grad: Vec<f64> =
        products.iter().zip(inverse).map(|(&product, inverse)| product * inverse.to_f64()).collect();
    let input_grad = needs_input.then(|| match source {
        Source::Running => each_channel(extent, x, grad, |channel| {
            let (factor, before_floor) = (inverse[channel] * weight[channel], before_floor(channel));
            move |x, grad| before_floor(x, grad) * factor
        }),
        // Ioffe and Szegedy 2015, with both sums taken out: factor * (g - mean(g) - x_hat * mean(g * x_hat)).
        Source::Batch => each_channel(extent, x, grad, |channel| {
            let count = extent.count() as f64;
            let (mean, factor) = (mean[channel], inverse[channel] * weight[channel]);
            let shift = T::of(bias_grad[channel] / count);
            let slope = T::of(weight_grad[channel] / count * inverse[channel].to_f64());
            let before_floor = before_floor(channel);
            move |x, grad| factor * (before_floor(x, grad) - shift - (x - mean) * slope)
        }),
    });
    let as_values = |sums: Vec<f64>| sums.into_iter().map(T::of).collect();
    (input_grad, as_values(weight_grad), as_values(bias_grad))
}

/// Sums of `of(channel)(x, y)` over all values of each channel: runs are summed in their own type, and the runs in f64 in
/// the order of the batch.
pub fn channel_sums<T: Float, F: Fn(T, T) -> [T; N], const N: usize>(
    extent: Extent,
    x: &[T],
    y: &[T],
    of: impl Fn(usize) -> F + Sync,
) -> Vec<[f64; N]> {
    let Extent { batch, channels, places } = extent;
    let sums = if places == 1 {
        // Neighbours belong to different channels: walk whole rows.
        par::build(channels * N, 64 * N, |start, sums: &mut [f64]| {
            let start = start / N;
            for sample in 0..batch {
                let [x, y] = [x, y].map(|values| par::piece(values, sample * channels + start, sums.len() / N));
                for ((channel, sums), (&x, &y)) in (start..).zip(sums.chunks_exact_mut(N)).zip(x.iter().zip(y)) {
                    sums.iter_mut().zip(of(channel)(x, y)).for_each(|(sum, value)| *sum += value.to_f64());
                }
            }
        })
    } else {
        let chunk = (par::CHUNK / extent.count().max(1)).max(1);
        par::build(channels * N, chunk * N, |start, sums: &mut [f64]| {
            for (channel, totals) in (start / N..).zip(sums.chunks_exact_mut(N)) {
                let of = of(channel);
                simd::run!({
                    for sample in 0..batch {
                        let first = (sample * channels + channel) * places;
                        let [x, y] = [x, y].map(|values| par::piece(values, first, places));
                        let sums = par::sums(x, y, &of);
                        totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum.to_f64());
                    }
                });
            }
        })
    };
    sums.as_chunks::<N>().0.to_vec()
}

/// A tensor of `of(channel)(x, y)`.
pub fn each_channel<T: Float, F: Fn(T, T) -> T>(
    extent: Extent,
    x: &[T],
    y: &[T],
    of: impl Fn(usize) -> F + Sync,
) -> Vec<T> {
    let Extent { batch, channels, places } = extent;
    // Whole samples of a table, whole planes of an image.
    let run = if places == 1 { channels } else { places }.max(1);
    let chunk = (par::CHUNK / run).max(1) * run;
    let len = batch * channels * places;
    assert!(x.len() >= len && y.len() >= len, "each result comes from two values");
    // SAFETY: there are as many values on both sides as room for results, so that each is written.
    #[expect(unsafe_code, reason = "zeros written before would take a third of the time")]
    unsafe {
        par::write(len, chunk, |start, out: &mut [MaybeUninit<T>]| {
            simd::run!({
                for (first, out) in (start..).step_by(run).zip(out.chunks_mut(run)) {
                    let [x, y] = [x, y].map(|values| par::piece(values, first, out.len()));
                    let pairs = out.iter_mut().zip(x.iter().zip(y));
                    if places == 1 {
                        pairs.enumerate().for_each(|(channel, (out, (&x, &y)))| _ = out.write(of(channel)(x, y)));
                    } else {
                        let of = of(first / places % channels);
                        pairs.for_each(|(out, (&x, &y))| _ = out.write(of(x, y)));
                    }
                }
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_known_numbers() {
        // Two samples of two channels with three places: channel 0 holds 1..=6, channel 1 only 5.
        let x = [1.0, 2.0, 3.0, 5.0, 5.0, 5.0, 4.0, 5.0, 6.0, 5.0, 5.0, 5.0];
        let (mean, variance) = moments(&x, Extent { batch: 2, channels: 2, places: 3 });
        assert_eq!(mean, [3.5, 5.0]);
        assert!((variance[0] - 35.0 / 12.0).abs() < 1e-12 && variance[1] == 0.0);
        // The same as a table of four rows.
        let (mean, _) =
            moments(&[1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0], Extent { batch: 4, channels: 2, places: 1 });
        assert_eq!(mean, [2.5, 25.0]);
    }
}
