//! Scaled dot-product attention (Vaswani et al. 2017) without ever holding all weights.
//!
//! A thread takes one head of one sample through blocks of queries; the weights of a block stay in the cache. Backward
//! computes them again from the logarithm of their sums (Dao et al. 2022), which takes less time than to write and read
//! them.

use rayon::prelude::*;

use super::block::Blocks;
use super::float::Float;
use super::matmul::{Output, Sizes, View};
use super::{par, simd};

/// Sizes and rules of an attention.
#[derive(Debug, Clone, Copy)]
pub struct Heads<'a> {
    /// Samples.
    pub batch: usize,
    /// Heads of a sample.
    pub heads: usize,
    /// Steps that look.
    pub queries: usize,
    /// Steps that are looked at.
    pub keys: usize,
    /// Values of a query and of a key in one head.
    pub width: usize,
    /// Values of a value in one head.
    pub value_width: usize,
    /// What the products are multiplied with.
    pub scale: f64,
    /// Whether a query sees no key that comes after it.
    pub is_causal: bool,
    /// `[batch, keys]`: keys that are not to be seen; empty if all are.
    pub padding: &'a [bool],
    /// Which weights are kept, `[batch, heads, queries, keys]`, and the rate of the others.
    pub dropout: Option<(&'a [u8], f64)>,
}

/// Rows of all heads side by side, a fixed distance apart.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    /// From the first value of the first row on.
    pub values: &'a [T],
    /// From one row to the next.
    pub stride: usize,
}

/// The same to write to: where the first row starts, and the distance of rows.
pub struct Target<'a, T> {
    /// All values.
    pub values: &'a par::Shared<'a, T>,
    /// The first value of the first row.
    pub start: usize,
    /// From one row to the next.
    pub stride: usize,
}

/// Queries of a block.
const BLOCK: usize = 64;

/// Values of a line of weights: whole tiles, and a little more, so that neighbours below each other do not lie a power of
/// two apart, which would crowd them into a few places of the cache.
fn line<T: Float>(blocks: Blocks<T>, keys: usize) -> usize {
    keys.next_multiple_of(blocks.columns) + 16
}

impl Heads<'_> {
    /// How many keys the queries before `end` may see.
    fn limit(&self, end: usize) -> usize {
        if self.is_causal { self.keys.min(end) } else { self.keys }
    }

    /// Sets the logits of keys that are not to be seen to minus infinity.
    fn hide<T: Float>(&self, sample: usize, query: usize, logits: &mut [T]) {
        for (logit, &is_padding) in logits.iter_mut().zip(par::piece(self.padding, sample * self.keys, self.keys)) {
            if is_padding {
                *logit = T::NEG_INFINITY;
            }
        }
        let seen = self.limit(query + 1).min(logits.len());
        logits[seen..].fill(T::NEG_INFINITY);
    }

    /// The factors 0 and 1 / (1 - rate) of a query's weights.
    fn kept(&self, sample: usize, head: usize, query: usize) -> Option<(&[u8], f64)> {
        let row = (sample * self.heads + head) * self.queries + query;
        self.dropout.map(|(kept, rate)| (par::piece(kept, row * self.keys, self.keys), 1.0 / (1.0 - rate)))
    }
}

impl<'a, T: Float> Rows<'a, T> {
    /// The rows of one head one behind the other.
    fn gather(&self, first: usize, count: usize, column: usize, width: usize) -> Vec<T> {
        let mut out = Vec::with_capacity(count * width);
        for row in first..first + count {
            out.extend_from_slice(self.row(row, column, width));
        }
        out
    }

    fn row(&self, row: usize, column: usize, width: usize) -> &'a [T] {
        &self.values[row * self.stride + column..][..width]
    }
}

/// The output `[batch, queries, heads * value_width]`, and the logarithm of the sum of each query's exponentials,
/// `[batch, heads, queries]`. A query that sees no key gets zeros.
pub fn forward<T: Float>(
    heads: Heads<'_>,
    query: Rows<'_, T>,
    key: Rows<'_, T>,
    value: Rows<'_, T>,
) -> (Vec<T>, Vec<T>) {
    let Heads { batch, heads: count, queries, keys, width, value_width, .. } = heads;
    let features = count * value_width;
    let mut out = vec![T::ZERO; batch * queries * features];
    let mut sums = vec![T::ZERO; batch * count * queries];
    let target = par::Shared::new(&mut out);
    let (blocks, scale) = (T::blocks(), T::of(heads.scale));
    let line = line(blocks, keys);
    sums.par_chunks_mut(queries.max(1)).enumerate().for_each(|(pair, sums)| {
        let (sample, head) = (pair / count, pair % count);
        let keys_turned = turned(&key.gather(sample * keys, keys, head * width, width), width, line);
        let values = value.gather(sample * keys, keys, head * value_width, value_width);
        let mut scratch = Vec::new();
        let mut weights = vec![T::ZERO; BLOCK * line];
        let mut rows = vec![T::ZERO; BLOCK * value_width];
        for first in (0..queries).step_by(BLOCK) {
            let size = BLOCK.min(queries - first);
            let seen = heads.limit(first + size);
            let own_queries = query.gather(sample * queries + first, size, head * width, width);
            logits(
                blocks,
                &mut scratch,
                &mut weights,
                size,
                seen,
                View::rows(&own_queries, width),
                &keys_turned,
                line,
                width,
            );
            for (index, weights) in weights.chunks_exact_mut(line).take(size).enumerate() {
                let query = first + index;
                let weights = &mut weights[..seen];
                heads.hide(sample, query, weights);
                let kept = heads.kept(sample, head, query);
                simd::run!({
                    let largest = largest(weights);
                    if largest == T::NEG_INFINITY {
                        weights.fill(T::ZERO);
                        return;
                    }
                    for weight in weights.iter_mut() {
                        *weight = ((*weight - largest) * scale).exp_in::<FUSED>();
                    }
                    let sum = par::sum(weights, weights, |weight, _| weight);
                    sums[query] = largest * scale + sum.ln();
                    let factor = T::ONE / sum;
                    for weight in weights.iter_mut() {
                        *weight *= factor;
                    }
                    if let Some((kept, factor)) = kept {
                        let factor = T::of(factor);
                        for (weight, &is_kept) in weights.iter_mut().zip(kept) {
                            *weight *= if is_kept == 0 { T::ZERO } else { factor };
                        }
                    }
                });
            }
            let sizes = Sizes { rows: size, columns: value_width, depth: seen };
            let value = View::rows(&values, value_width);
            blocks.product(
                &mut scratch,
                &mut rows,
                value_width,
                Output::Replace,
                sizes,
                View::rows(&weights, line),
                value,
            );
            let target = Target { values: &target, start: 0, stride: features };
            target.write(sample * queries + first, head * value_width, value_width, &rows[..size * value_width]);
        }
    });
    (out, sums)
}

/// Writes the gradients of queries, keys and values, given the output, its gradient and the sums of [`forward`].
pub fn backward<T: Float>(
    heads: Heads<'_>,
    [query, key, value]: [Rows<'_, T>; 3],
    [output, grad]: [Rows<'_, T>; 2],
    sums: &[T],
    [query_grad, key_grad, value_grad]: [Target<'_, T>; 3],
) {
    let Heads { heads: count, queries, keys, width, value_width, .. } = heads;
    let (blocks, scale) = (T::blocks(), T::of(heads.scale));
    let line = line(blocks, keys);
    sums.par_chunks(queries.max(1)).enumerate().for_each(|(pair, sums)| {
        let (sample, head) = (pair / count, pair % count);
        let own_keys = key.gather(sample * keys, keys, head * width, width);
        let own_values = value.gather(sample * keys, keys, head * value_width, value_width);
        let keys_turned = turned(&own_keys, width, line);
        let values_turned = turned(&own_values, value_width, line);
        let mut scratch = Vec::new();
        let (mut weights, mut grads) = (vec![T::ZERO; BLOCK * line], vec![T::ZERO; BLOCK * line]);
        let mut rows = vec![T::ZERO; BLOCK * width];
        let (mut of_keys, mut of_values) = (vec![T::ZERO; keys * width], vec![T::ZERO; keys * value_width]);
        for first in (0..queries).step_by(BLOCK) {
            let size = BLOCK.min(queries - first);
            let seen = heads.limit(first + size);
            let row = sample * queries + first;
            let own_queries = query.gather(row, size, head * width, width);
            let own_grads = grad.gather(row, size, head * value_width, value_width);
            let (query, grad_rows) = (View::rows(&own_queries, width), View::rows(&own_grads, value_width));
            logits(blocks, &mut scratch, &mut weights, size, seen, query, &keys_turned, line, width);
            logits(blocks, &mut scratch, &mut grads, size, seen, grad_rows, &values_turned, line, value_width);
            let lines = weights.chunks_exact_mut(line).zip(grads.chunks_exact_mut(line)).take(size).enumerate();
            for (index, (weights, grads)) in lines {
                let (weights, grads) = (&mut weights[..seen], &mut grads[..seen]);
                heads.hide(sample, first + index, weights);
                let [output, grad] = [output, grad].map(|rows| rows.row(row + index, head * value_width, value_width));
                let kept = heads.kept(sample, head, first + index);
                let sum = sums[first + index];
                simd::run!({
                    let shared = par::sum(output, grad, |output, grad| output * grad);
                    for weight in weights.iter_mut() {
                        *weight = (*weight * scale - sum).exp_in::<FUSED>();
                    }
                    if let Some((kept, factor)) = kept {
                        let factor = T::of(factor);
                        for ((weight, grad), &is_kept) in weights.iter_mut().zip(grads.iter_mut()).zip(kept) {
                            let factor = if is_kept == 0 { T::ZERO } else { factor };
                            let given = *weight;
                            *weight = given * factor;
                            *grad = given * (*grad * factor - shared) * scale;
                        }
                    } else {
                        for (weight, grad) in weights.iter().zip(grads.iter_mut()) {
                            *grad = *weight * (*grad - shared) * scale;
                        }
                    }
                });
            }
            let to_values = Sizes { rows: seen, columns: value_width, depth: size };
            let weights = View::transposed(&weights, line);
            blocks.product(
                &mut scratch,
                &mut of_values,
                value_width,
                Output::Accumulate,
                to_values,
                weights,
                grad_rows,
            );
            let to_keys = Sizes { rows: seen, columns: width, depth: size };
            let turned = View::transposed(&grads, line);
            blocks.product(&mut scratch, &mut of_keys, width, Output::Accumulate, to_keys, turned, query);
            let to_queries = Sizes { rows: size, columns: width, depth: seen };
            let key = View::rows(&own_keys, width);
            let grads = View::rows(&grads, line);
            blocks.product(&mut scratch, &mut rows, width, Output::Replace, to_queries, grads, key);
            query_grad.write(row, head * width, width, &rows[..size * width]);
        }
        key_grad.write(sample * keys, head * width, width, &of_keys);
        value_grad.write(sample * keys, head * value_width, value_width, &of_values);
    });
}

impl<T: Float> Target<'_, T> {
    /// Puts the rows of one head, `width` values each, in their place.
    fn write(&self, row: usize, column: usize, width: usize, rows: &[T]) {
        for (index, from) in rows.chunks_exact(width.max(1)).enumerate() {
            let start = self.start + (row + index) * self.stride + column;
            // SAFETY: each thread has a head of a sample by itself, and writes to that head's columns of that sample's
            // rows alone.
            #[expect(unsafe_code, reason = "the columns of a head are not one slice")]
            let to = unsafe { self.values.slice(start, width) };
            to.copy_from_slice(from);
        }
    }
}

/// Products of rows with all columns of a turned matrix.
fn logits<T: Float>(
    blocks: Blocks<T>,
    scratch: &mut Vec<T>,
    out: &mut [T],
    rows: usize,
    seen: usize,
    left: View<'_, T>,
    turned: &[T],
    line: usize,
    depth: usize,
) {
    // Whole tiles: what lies behind the last key is zero, and is not looked at.
    let sizes = Sizes { rows, columns: seen.next_multiple_of(blocks.columns), depth };
    blocks.product(scratch, out, line, Output::Replace, sizes, left, View::rows(turned, line));
}

/// Rows and columns exchanged, in lines of `line` values.
fn turned<T: Float>(rows: &[T], width: usize, line: usize) -> Vec<T> {
    let mut out = vec![T::ZERO; width * line];
    // Eight rows at a time, so that what is written to stays in the cache.
    for (index, rows) in rows.chunks((8 * width).max(1)).enumerate() {
        for at in 0..width {
            for (to, row) in out[at * line + 8 * index..].iter_mut().zip(rows.chunks_exact(width)) {
                *to = row[at];
            }
        }
    }
    out
}

/// The largest value in 16 interleaved parts; a NaN wins.
#[inline(always)]
fn largest<T: Float>(values: &[T]) -> T {
    let mut parts = [T::NEG_INFINITY; 16];
    let (blocks, rest) = values.as_chunks::<16>();
    for block in blocks {
        for (part, &value) in parts.iter_mut().zip(block) {
            *part = part.max_nan(value);
        }
    }
    for (part, &value) in parts.iter_mut().zip(rest) {
        *part = part.max_nan(value);
    }
    parts.into_iter().fold(T::NEG_INFINITY, Float::max_nan)
}
