//! Softmax and log-softmax over one dimension, and their gradients.

use std::mem::MaybeUninit;

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
    if inner == 1 {
        return rows(x, block, form);
    }
    par::build(x.len(), chunk(block), |start, out: &mut [T]| {
        let x = par::piece(x, start, out.len());
        let (mut largest, mut total) = (vec![T::ZERO; inner], vec![T::ZERO; inner]);
        simd::run!({
            for (out, x) in out.chunks_exact_mut(block).zip(x.chunks_exact(block)) {
                columns::<T, FUSED>(x, out, form, &mut largest, &mut total);
            }
        });
    })
}

/// The same where each sum is of neighbours.
fn rows<T: Float>(x: &[T], size: usize, form: SoftmaxForm) -> Vec<T> {
    assert!(size > 0 && x.len().is_multiple_of(size), "rows must be whole");
    // SAFETY: there are as many whole rows of values as room for results, so that each is written.
    #[expect(unsafe_code, reason = "zeros written before would take a sixth of the time")]
    unsafe {
        par::write(x.len(), chunk(size), |start, out: &mut [MaybeUninit<T>]| {
            let x = par::piece(x, start, out.len());
            assert_eq!(x.len(), out.len(), "each result comes from a value");
            let rows = out.chunks_exact_mut(size).zip(x.chunks_exact(size));
            match form {
                SoftmaxForm::Shares => simd::run!({
                    for (out, x) in rows {
                        let largest = par::largest(x);
                        for (out, &x) in out.iter_mut().zip(x) {
                            out.write((x - largest).exp_in::<FUSED>());
                        }
                        let out = out.assume_init_mut();
                        let factor = T::ONE / par::sum(out, out, |exp, _| exp);
                        for out in out {
                            *out *= factor;
                        }
                    }
                }),
                SoftmaxForm::Logarithms => simd::run!({
                    for (out, x) in rows {
                        let largest = par::largest(x);
                        let total = par::sum(x, x, |x, _| (x - largest).exp_in::<FUSED>()).ln();
                        for (out, &x) in out.iter_mut().zip(x) {
                            out.write(x - largest - total);
                        }
                    }
                }),
            }
        })
    }
}

/// The same where neighbours belong to different sums: `largest` and `total` have room for one value of each.
#[inline(always)]
fn columns<T: Float, const FUSED: bool>(x: &[T], out: &mut [T], form: SoftmaxForm, largest: &mut [T], total: &mut [T]) {
    let inner = total.len();
    largest.fill(T::NEG_INFINITY);
    total.fill(T::ZERO);
    for row in x.chunks_exact(inner) {
        largest.iter_mut().zip(row).for_each(|(largest, &x)| *largest = largest.max_nan(x));
    }
    for (out, x) in out.chunks_exact_mut(inner).zip(x.chunks_exact(inner)) {
        for (((out, total), &largest), &x) in out.iter_mut().zip(&mut *total).zip(&*largest).zip(x) {
            let exp = (x - largest).exp_in::<FUSED>();
            *out = if form == SoftmaxForm::Shares { exp } else { x - largest };
            *total += exp;
        }
    }
    if form == SoftmaxForm::Logarithms {
        for total in &mut *total {
            *total = total.ln();
        }
    }
    for out in out.chunks_exact_mut(inner) {
        for (out, &total) in out.iter_mut().zip(&*total) {
            *out = if form == SoftmaxForm::Shares { *out / total } else { *out - total };
        }
    }
}

/// `y * (grad - sum(y * grad))` of the shares, `grad - exp(y) * sum(grad)` of their logarithms.
pub fn backward<T: Float>(y: &[T], grad: &[T], size: usize, inner: usize, form: SoftmaxForm) -> Vec<T> {
    let block = size * inner;
    par::build(y.len(), chunk(block), |start, out: &mut [T]| {
        let [y, grad] = [y, grad].map(|values| par::piece(values, start, out.len()));
        let blocks = out.chunks_exact_mut(block).zip(y.chunks_exact(block)).zip(grad.chunks_exact(block));
        let mut total = vec![T::ZERO; inner];
        match form {
            SoftmaxForm::Shares => simd::run!({
                for ((out, y), grad) in blocks {
                    through(out, y, grad, &mut total, |y, grad| y * grad, |y, grad, total| y * (grad - total));
                }
            }),
            SoftmaxForm::Logarithms => simd::run!({
                for ((out, y), grad) in blocks {
                    let of = |y: T, grad: T, total: T| grad - y.exp_in::<FUSED>() * total;
                    through(out, y, grad, &mut total, |_, grad| grad, of);
                }
            }),
        }
    })
}

/// `of(y, grad, the sum of term(y, grad))`; `total` has room for a sum for each of the values that lie side by side.
#[inline(always)]
fn through<T: Float>(
    out: &mut [T],
    y: &[T],
    grad: &[T],
    total: &mut [T],
    term: impl Fn(T, T) -> T,
    of: impl Fn(T, T, T) -> T,
) {
    if let [_] = total {
        let total = par::sum(y, grad, &term);
        out.iter_mut().zip(y.iter().zip(grad)).for_each(|(out, (&y, &grad))| *out = of(y, grad, total));
        return;
    }
    let inner = total.len();
    total.fill(T::ZERO);
    for (y, grad) in y.chunks_exact(inner).zip(grad.chunks_exact(inner)) {
        total.iter_mut().zip(y.iter().zip(grad)).for_each(|(total, (&y, &grad))| *total += term(y, grad));
    }
    let rows = out.chunks_exact_mut(inner).zip(y.chunks_exact(inner)).zip(grad.chunks_exact(inner));
    for ((out, y), grad) in rows {
        for (((out, &y), &grad), &total) in out.iter_mut().zip(y).zip(grad).zip(&*total) {
            *out = of(y, grad, total);
        }
    }
}

/// Values of a piece of whole blocks.
fn chunk(block: usize) -> usize {
    (par::CHUNK / block.max(1)).max(1) * block
}
