//! Normalization of rows by their own mean and variance: layer norm, group norm, instance norm and RMS norm.
//!
//! Gradients of weights are summed over blocks of rows, whose number depends on the shapes alone, and then block by block.

use rayon::prelude::*;

use super::float::Float;
use super::par::{self, Shared};
use super::simd;

/// How the values of `[rows, channels, places]` are normalized and weighted: each row by itself, and each of its
/// channels with a weight and a bias of its own, which are those of one of several groups in turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowNorm {
    /// Sets of weights; row `r` takes set `r % groups`.
    pub groups: usize,
    /// Weights of a row.
    pub channels: usize,
    /// Values that share a weight.
    pub places: usize,
    /// Added to the variance.
    pub eps: f64,
    /// Whether the mean is taken off; RMS norm leaves it.
    pub centered: bool,
}

/// Mean and inverse deviation of each row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowStatistics<T> {
    /// Mean, 0 where it is not taken off.
    pub mean: Vec<T>,
    /// `1 / sqrt(variance + eps)`.
    pub inverse: Vec<T>,
}

/// Gradients of the input, the weights and the biases.
#[derive(Debug)]
pub struct RowGradients<T> {
    /// Of the input, if it was asked for.
    pub input: Option<Vec<T>>,
    /// Of the weights.
    pub weight: Vec<T>,
    /// Of the biases.
    pub bias: Vec<T>,
}

impl RowNorm {
    /// Values of a row.
    pub fn size(&self) -> usize {
        self.channels * self.places
    }

    /// Weights of all groups.
    fn weights(&self) -> usize {
        self.groups * self.channels
    }

    /// The weights of a row, none where there are none.
    #[inline(always)]
    fn of_row<'a, T>(&self, values: Option<&'a [T]>, row: usize) -> Option<&'a [T]> {
        values.map(|values| par::piece(values, row % self.groups.max(1) * self.channels, self.channels))
    }

    #[inline(always)]
    fn statistics<T: Float>(&self, x: &[T]) -> (T, T) {
        let count = x.len() as f64;
        let mean = if self.centered { T::of(sum(x, x, |x, _| x) / count) } else { T::ZERO };
        let variance = sum(x, x, |x, _| (x - mean) * (x - mean)) / count;
        (mean, T::of(1.0 / (variance + self.eps).sqrt()))
    }
}

/// Sum of `of(x, y)` in pieces short enough for the type, which are added in f64. The parts of a piece are kept in vectors
/// by reading whole blocks and summing up what is left over by itself.
#[inline(always)]
fn sum<T: Float>(x: &[T], y: &[T], of: impl Fn(T, T) -> T) -> f64 {
    const LANES: usize = 8;
    const VECTORS: usize = 4;
    const PIECE: usize = 8192;
    let mut total = 0.0;
    for (x, y) in x.chunks(PIECE).zip(y.chunks(PIECE)) {
        let (x_blocks, x_rest) = x.as_chunks::<{ LANES * VECTORS }>();
        let (y_blocks, y_rest) = y.as_chunks::<{ LANES * VECTORS }>();
        let mut parts = [[T::ZERO; LANES]; VECTORS];
        for (x, y) in x_blocks.iter().zip(y_blocks) {
            let vectors = x.as_chunks::<LANES>().0.iter().zip(y.as_chunks::<LANES>().0);
            for (parts, (x, y)) in parts.iter_mut().zip(vectors) {
                for ((part, &x), &y) in parts.iter_mut().zip(x).zip(y) {
                    *part += of(x, y);
                }
            }
        }
        let rest = x_rest.iter().zip(y_rest).fold(T::ZERO, |sum, (&x, &y)| sum + of(x, y));
        let mut lanes = [T::ZERO; LANES];
        for part in parts {
            lanes.iter_mut().zip(part).for_each(|(lane, part)| *lane += part);
        }
        total += lanes.into_iter().fold(rest, |sum, lane| sum + lane).to_f64();
    }
    total
}

/// `(x - mean) * inverse * weight + bias`, and the statistics.
pub fn forward<T: Float>(
    x: &[T],
    norm: RowNorm,
    weight: Option<&[T]>,
    bias: Option<&[T]>,
) -> (Vec<T>, RowStatistics<T>) {
    let size = norm.size().max(1);
    let rows = x.len() / size;
    let (mut mean, mut inverse) = (vec![T::ZERO; rows], vec![T::ZERO; rows]);
    let (means, inverses) = (Shared::new(&mut mean), Shared::new(&mut inverse));
    let chunk = (par::CHUNK / size).max(1) * size;
    let out = par::build(rows * size, chunk, |start, out: &mut [T]| {
        let (first, count) = (start / size, out.len() / size);
        // SAFETY: the rows of a piece belong to the thread that works on the piece.
        #[expect(unsafe_code, reason = "two more vectors are filled along with the output")]
        let (means, inverses) = unsafe { (means.slice(first, count), inverses.slice(first, count)) };
        simd::run!({
            let x = par::piece(x, start, out.len());
            let rows = out.chunks_exact_mut(size).zip(x.chunks_exact(size));
            for ((row, (out, x)), (to_mean, to_inverse)) in
                (first..).zip(rows).zip(means.iter_mut().zip(inverses.iter_mut()))
            {
                let (mean, inverse) = norm.statistics(x);
                (*to_mean, *to_inverse) = (mean, inverse);
                let (weight, bias) = (norm.of_row(weight, row), norm.of_row(bias, row));
                normalize(x, out, norm.places, (mean, inverse), weight, bias);
            }
        });
    });
    (out, RowStatistics { mean, inverse })
}

#[inline(always)]
fn normalize<T: Float>(
    x: &[T],
    out: &mut [T],
    places: usize,
    (mean, inverse): (T, T),
    weight: Option<&[T]>,
    bias: Option<&[T]>,
) {
    match (weight, bias) {
        (None, _) => out.iter_mut().zip(x).for_each(|(out, &x)| *out = (x - mean) * inverse),
        (Some(weight), bias) if places > 1 => {
            let channels = out.chunks_exact_mut(places).zip(x.chunks_exact(places)).zip(weight).enumerate();
            for (channel, ((out, x), &weight)) in channels {
                let (factor, bias) = (inverse * weight, bias.map_or(T::ZERO, |bias| bias[channel]));
                out.iter_mut().zip(x).for_each(|(out, &x)| *out = (x - mean) * factor + bias);
            }
        }
        (Some(weight), None) => {
            out.iter_mut().zip(x).zip(weight).for_each(|((out, &x), &weight)| *out = (x - mean) * inverse * weight);
        }
        (Some(weight), Some(bias)) => {
            for (((out, &x), &weight), &bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
                *out = (x - mean) * inverse * weight + bias;
            }
        }
    }
}

/// Gradients of the input, and of the weights and the biases, as far as both are needed.
pub fn backward<T: Float>(
    x: &[T],
    grad: &[T],
    norm: RowNorm,
    statistics: &RowStatistics<T>,
    weight: Option<&[T]>,
    [needs_input, needs_weights]: [bool; 2],
) -> RowGradients<T> {
    /// Blocks of rows have sums of their own, so there are few of them where there are many weights.
    const SUMS: usize = 4 << 20;
    const BLOCKS: usize = 32;
    let (size, weights) = (norm.size().max(1), if weight.is_some() && needs_weights { norm.weights() } else { 0 });
    let rows = x.len() / size;
    let most = (SUMS / weights.max(1)).clamp(1, BLOCKS);
    let block = rows.div_ceil(most).max(par::CHUNK / size).max(1);
    let mut sums = vec![T::ZERO; rows.div_ceil(block) * 2 * weights];
    let shared = Shared::new(&mut sums);
    let work = |first: usize, count: usize, mut out: Option<&mut [T]>| {
        // SAFETY: the sums of a block belong to the thread that works on the block.
        #[expect(unsafe_code, reason = "the sums are filled along with the gradient of the input")]
        let sums = unsafe { shared.slice(first / block * 2 * weights, 2 * weights) };
        let (to_weight, to_bias) = sums.split_at_mut(weights);
        simd::run!({
            for row in first..first + count {
                let [x, grad] = [x, grad].map(|values| par::piece(values, row * size, size));
                let at = row % norm.groups.max(1) * norm.channels;
                let sums = if weights == 0 {
                    None
                } else {
                    let range = at..at + norm.channels;
                    Some((&mut to_weight[range.clone()], &mut to_bias[range]))
                };
                let out = out.as_deref_mut().map(|out| &mut out[(row - first) * size..(row - first + 1) * size]);
                let of_row = (statistics.mean[row], statistics.inverse[row]);
                if norm.places == 1 {
                    row_backward(x, grad, norm, of_row, norm.of_row(weight, row), sums, out);
                } else {
                    channels_backward(x, grad, norm, of_row, norm.of_row(weight, row), sums, out);
                }
            }
        });
    };
    let input = if needs_input {
        Some(par::build(rows * size, block * size, |start, out: &mut [T]| {
            work(start / size, out.len() / size, Some(out));
        }))
    } else {
        (0..rows.div_ceil(block)).into_par_iter().for_each(|index| {
            work(index * block, block.min(rows - index * block), None);
        });
        None
    };
    let total = |offset: usize| {
        par::build(weights, par::CHUNK, |start, out: &mut [T]| {
            for sums in sums.chunks_exact((2 * weights).max(1)) {
                let sums = par::piece(sums, offset + start, out.len());
                out.iter_mut().zip(sums).for_each(|(out, &sum)| *out += sum);
            }
        })
    };
    RowGradients { input, weight: total(0), bias: total(weights) }
}

/// `inverse * (g - mean(g) - x_hat * mean(g * x_hat))` with `g = grad * weight`; the second term only where the mean is
/// taken off.
#[derive(Debug, Clone, Copy)]
struct Through<T> {
    mean: T,
    inverse: T,
    shift: T,
    slope: T,
}

impl<T: Float> Through<T> {
    /// From the sums of `g` and of `g * (x - mean)`.
    #[inline(always)]
    fn new(norm: RowNorm, (mean, inverse): (T, T), sum: f64, product: f64) -> Self {
        let count = norm.size() as f64;
        let shift = if norm.centered { T::of(sum / count) } else { T::ZERO };
        let slope = T::of(product / count * inverse.to_f64() * inverse.to_f64());
        Self { mean, inverse, shift, slope }
    }

    #[inline(always)]
    fn of(&self, x: T, g: T) -> T {
        self.inverse * (g - self.shift - (x - self.mean) * self.slope)
    }
}

/// Sums for weights and biases of a row.
type Sums<'a, T> = Option<(&'a mut [T], &'a mut [T])>;

/// A row in which each value has a weight of its own.
#[inline(always)]
fn row_backward<T: Float>(
    x: &[T],
    grad: &[T],
    norm: RowNorm,
    (mean, inverse): (T, T),
    weight: Option<&[T]>,
    sums: Sums<'_, T>,
    out: Option<&mut [T]>,
) {
    if let Some((to_weight, to_bias)) = sums {
        for (((to_weight, to_bias), &x), &grad) in to_weight.iter_mut().zip(to_bias).zip(x).zip(grad) {
            *to_weight += grad * ((x - mean) * inverse);
            *to_bias += grad;
        }
    }
    let Some(out) = out else { return };
    // The output holds the weighted gradient until both of its sums are known.
    match weight {
        Some(weight) => out.iter_mut().zip(grad).zip(weight).for_each(|((out, &grad), &weight)| *out = grad * weight),
        None => out.copy_from_slice(grad),
    }
    let total = if norm.centered { sum(out, out, |g, _| g) } else { 0.0 };
    let through = Through::new(norm, (mean, inverse), total, sum(x, out, |x, g| g * (x - mean)));
    out.iter_mut().zip(x).for_each(|(out, &x)| *out = through.of(x, *out));
}

/// A row of channels, each with one weight for all its places.
#[inline(always)]
fn channels_backward<T: Float>(
    x: &[T],
    grad: &[T],
    norm: RowNorm,
    (mean, inverse): (T, T),
    weight: Option<&[T]>,
    mut sums: Sums<'_, T>,
    out: Option<&mut [T]>,
) {
    let places = norm.places.max(1);
    let factor = |channel: usize| weight.map_or(T::ONE, |weight| weight[channel]);
    let (mut total, mut total_product) = (0.0, 0.0);
    for (channel, (x, grad)) in x.chunks_exact(places).zip(grad.chunks_exact(places)).enumerate() {
        let (of_grad, product) = (sum(grad, grad, |grad, _| grad), sum(x, grad, |x, grad| grad * (x - mean)));
        if let Some((to_weight, to_bias)) = &mut sums {
            to_weight[channel] += T::of(product * inverse.to_f64());
            to_bias[channel] += T::of(of_grad);
        }
        total += factor(channel).to_f64() * of_grad;
        total_product += factor(channel).to_f64() * product;
    }
    let Some(out) = out else { return };
    let through = Through::new(norm, (mean, inverse), total, total_product);
    let channels = out.chunks_exact_mut(places).zip(x.chunks_exact(places)).zip(grad.chunks_exact(places));
    for (channel, ((out, x), grad)) in channels.enumerate() {
        let factor = factor(channel);
        out.iter_mut().zip(x).zip(grad).for_each(|((out, &x), &grad)| *out = through.of(x, grad * factor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_known_numbers() {
        let norm = RowNorm { groups: 1, channels: 4, places: 1, eps: 0.0, centered: true };
        let (out, statistics) = forward(&[1.0_f64, 1.0, 3.0, 3.0], norm, None, None);
        assert_eq!((out, statistics.mean, statistics.inverse), (vec![-1.0, -1.0, 1.0, 1.0], vec![2.0], vec![1.0]));
        // The root of the mean square is 5.
        let norm = RowNorm { centered: false, channels: 2, ..norm };
        let (out, _) = forward(&[1.0_f64, 7.0], norm, Some(&[5.0, 10.0]), None);
        assert!((out[0] - 1.0).abs() < 1e-12 && (out[1] - 14.0).abs() < 1e-12, "{out:?}");
    }
}
