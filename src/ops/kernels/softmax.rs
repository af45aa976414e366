//! Softmax over one dimension, and its gradient.

use super::float::Float;
use super::{par, simd};

/// `exp(x) / sum(exp(x))` over the middle of `[outer, size, inner]`.
pub fn forward<T: Float>(x: &[T], size: usize, inner: usize) -> Vec<T> {
    let block = size * inner;
    by_blocks(x.len(), block, |start, out: &mut [T]| {
        let x = par::piece(x, start, out.len());
        for (out, x) in out.chunks_exact_mut(block).zip(x.chunks_exact(block)) {
            if inner == 1 {
                let largest = x.iter().fold(T::NEG_INFINITY, |largest, &value| largest.max_nan(value));
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = (x - largest).exp();
                }
                let factor = T::ONE / par::sum(out, out, |exp, _| exp);
                for out in out {
                    *out *= factor;
                }
                continue;
            }
            let mut largest = vec![T::NEG_INFINITY; inner];
            for row in x.chunks_exact(inner) {
                largest.iter_mut().zip(row).for_each(|(largest, &x)| *largest = largest.max_nan(x));
            }
            let mut total = vec![T::ZERO; inner];
            for (out, x) in out.chunks_exact_mut(inner).zip(x.chunks_exact(inner)) {
                for (((out, total), &largest), &x) in out.iter_mut().zip(&mut total).zip(&largest).zip(x) {
                    *out = (x - largest).exp();
                    *total += *out;
                }
            }
            for out in out.chunks_exact_mut(inner) {
                out.iter_mut().zip(&total).for_each(|(out, &total)| *out = *out / total);
            }
        }
    })
}

/// `y * (grad - sum(y * grad))`.
pub fn backward<T: Float>(y: &[T], grad: &[T], size: usize, inner: usize) -> Vec<T> {
    let block = size * inner;
    by_blocks(y.len(), block, |start, out: &mut [T]| {
        let [y, grad] = [y, grad].map(|values| par::piece(values, start, out.len()));
        for ((out, y), grad) in out.chunks_exact_mut(block).zip(y.chunks_exact(block)).zip(grad.chunks_exact(block)) {
            let mut total = vec![T::ZERO; inner];
            for (y, grad) in y.chunks_exact(inner).zip(grad.chunks_exact(inner)) {
                total.iter_mut().zip(y.iter().zip(grad)).for_each(|(total, (&y, &grad))| *total += y * grad);
            }
            let rows = out.chunks_exact_mut(inner).zip(y.chunks_exact(inner)).zip(grad.chunks_exact(inner));
            for ((out, y), grad) in rows {
                for (((out, &y), &grad), &total) in out.iter_mut().zip(y).zip(grad).zip(&total) {
                    *out = y * (grad - total);
                }
            }
        }
    })
}

fn by_blocks<T: Float>(len: usize, block: usize, fill: impl Fn(usize, &mut [T]) + Sync) -> Vec<T> {
    let block = block.max(1);
    let chunk = (par::CHUNK / block).max(1) * block;
    par::build(len, chunk, |start, out: &mut [T]| simd::run(|| fill(start, out)))
}
