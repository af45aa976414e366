//! Softmax and log-softmax over one dimension, and their gradients.

use super::float::Float;
use super::{par, simd};

/// What is computed of the shares `exp(x) / sum(exp(x))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoftmaxForm {
    /// The shares themselves.
    Shares,
    /// Their logarithms.
    Logarithms,
}

/// Over the middle of `[outer, size, inner]`.
pub fn forward<T: Float>(x: &[T], size: usize, inner: usize, form: SoftmaxForm) -> Vec<T> {
    let block = size * inner;
    by_blocks(x.len(), block, |start, out: &mut [T]| {
        let x = par::piece(x, start, out.len());
        for (out, x) in out.chunks_exact_mut(block).zip(x.chunks_exact(block)) {
            match (inner, form) {
                (1, SoftmaxForm::Shares) => {
                    let largest = largest(x);
                    for (out, &x) in out.iter_mut().zip(x) {
                        *out = (x - largest).exp();
                    }
                    let factor = T::ONE / par::sum(out, out, |exp, _| exp);
                    for out in out {
                        *out *= factor;
                    }
                }
                (1, SoftmaxForm::Logarithms) => {
                    let largest = largest(x);
                    let total = par::sum(x, x, |x, _| (x - largest).exp()).ln();
                    for (out, &x) in out.iter_mut().zip(x) {
                        *out = x - largest - total;
                    }
                }
                _ => columns(x, out, inner, form),
            }
        }
    })
}

#[inline(always)]
fn largest<T: Float>(x: &[T]) -> T {
    x.iter().fold(T::NEG_INFINITY, |largest, &value| largest.max_nan(value))
}

/// The same where neighbours belong to different sums.
#[inline(always)]
fn columns<T: Float>(x: &[T], out: &mut [T], inner: usize, form: SoftmaxForm) {
    let mut largest = vec![T::NEG_INFINITY; inner];
    for row in x.chunks_exact(inner) {
        largest.iter_mut().zip(row).for_each(|(largest, &x)| *largest = largest.max_nan(x));
    }
    let mut total = vec![T::ZERO; inner];
    for (out, x) in out.chunks_exact_mut(inner).zip(x.chunks_exact(inner)) {
        for (((out, total), &largest), &x) in out.iter_mut().zip(&mut total).zip(&largest).zip(x) {
            let exp = (x - largest).exp();
            *out = if form == SoftmaxForm::Shares { exp } else { x - largest };
            *total += exp;
        }
    }
    if form == SoftmaxForm::Logarithms {
        for total in &mut total {
            *total = total.ln();
        }
    }
    for out in out.chunks_exact_mut(inner) {
        for (out, &total) in out.iter_mut().zip(&total) {
            *out = if form == SoftmaxForm::Shares { *out / total } else { *out - total };
        }
    }
}

/// `y * (grad - sum(y * grad))` of the shares, `grad - exp(y) * sum(grad)` of their logarithms.
pub fn backward<T: Float>(y: &[T], grad: &[T], size: usize, inner: usize, form: SoftmaxForm) -> Vec<T> {
    let block = size * inner;
    by_blocks(y.len(), block, |start, out: &mut [T]| {
        let [y, grad] = [y, grad].map(|values| par::piece(values, start, out.len()));
        let blocks = out.chunks_exact_mut(block).zip(y.chunks_exact(block)).zip(grad.chunks_exact(block));
        match form {
            SoftmaxForm::Shares => blocks.for_each(|((out, y), grad)| {
                through(out, y, grad, inner, |y, grad| y * grad, |y, grad, total| y * (grad - total));
            }),
            SoftmaxForm::Logarithms => blocks.for_each(|((out, y), grad)| {
                through(out, y, grad, inner, |_, grad| grad, |y, grad, total| grad - y.exp() * total);
            }),
        }
    })
}

/// `of(y, grad, the sum of term(y, grad))`.
#[inline(always)]
fn through<T: Float>(
    out: &mut [T],
    y: &[T],
    grad: &[T],
    inner: usize,
    term: impl Fn(T, T) -> T,
    of: impl Fn(T, T, T) -> T,
) {
    let mut total = vec![T::ZERO; inner];
    if let [total] = &mut total[..] {
        *total = par::sum(y, grad, &term);
    } else {
        for (y, grad) in y.chunks_exact(inner).zip(grad.chunks_exact(inner)) {
            total.iter_mut().zip(y.iter().zip(grad)).for_each(|(total, (&y, &grad))| *total += term(y, grad));
        }
    }
    if let &[total] = &total[..] {
        out.iter_mut().zip(y.iter().zip(grad)).for_each(|(out, (&y, &grad))| *out = of(y, grad, total));
        return;
    }
    let rows = out.chunks_exact_mut(inner).zip(y.chunks_exact(inner)).zip(grad.chunks_exact(inner));
    for ((out, y), grad) in rows {
        for (((out, &y), &grad), &total) in out.iter_mut().zip(y).zip(grad).zip(&total) {
            *out = of(y, grad, total);
        }
    }
}

fn by_blocks<T: Float>(len: usize, block: usize, fill: impl Fn(usize, &mut [T]) + Sync) -> Vec<T> {
    let block = block.max(1);
    let chunk = (par::CHUNK / block).max(1) * block;
    par::build(len, chunk, |start, out: &mut [T]| simd::run(|| fill(start, out)))
}
