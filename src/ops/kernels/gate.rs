//! PReLU, whose slope is learned, and GLU, whose one half opens and shuts the other.

use super::float::Float;
use super::norm::{Extent, channel_sums, each_channel};
use super::{par, simd};

/// `x` where it is positive, else `weight * x`, with one weight or one for each channel.
pub fn prelu<T: Float>(x: &[T], weight: &[T], extent: Extent) -> Vec<T> {
    each_channel(extent, x, x, |channel| {
        let weight = slope(weight, channel);
        move |x, _| if x <= T::ZERO { x * weight } else { x }
    })
}

/// Gradient of the input.
pub fn prelu_backward_input<T: Float>(x: &[T], grad: &[T], weight: &[T], extent: Extent) -> Vec<T> {
    each_channel(extent, x, grad, |channel| {
        let weight = slope(weight, channel);
        move |x, grad| if x <= T::ZERO { grad * weight } else { grad }
    })
}

/// Gradient of one weight or of one for each channel.
pub fn prelu_backward_weight<T: Float>(x: &[T], grad: &[T], weights: usize, extent: Extent) -> Vec<T> {
    let sums = channel_sums(extent, x, grad, |_| |x, grad| [if x > T::ZERO { T::ZERO } else { x * grad }]);
    if weights == 1 {
        vec![T::of(sums.iter().map(|[sum]| sum).sum())]
    } else {
        sums.into_iter().map(|[sum]| T::of(sum)).collect()
    }
}

fn slope<T: Float>(weight: &[T], channel: usize) -> T {
    weight[channel % weight.len()]
}

/// `[first, second]` of each block of twice `half` values to `first * sigmoid(second)`.
pub fn glu<T: Float>(x: &[T], half: usize) -> Vec<T> {
    let half = half.max(1);
    let chunk = (par::CHUNK / half).max(1) * half;
    par::build(x.len() / 2, chunk, |start, out: &mut [T]| {
        simd::run!({
            let x = par::piece(x, 2 * start, 2 * out.len());
            for (out, x) in out.chunks_exact_mut(half).zip(x.chunks_exact(2 * half)) {
                let (first, second) = x.split_at(half);
                for ((out, &first), &second) in out.iter_mut().zip(first).zip(second) {
                    *out = first * second.sigmoid_in::<FUSED>();
                }
            }
        });
    })
}

/// Gradient of the input of [`glu`].
pub fn glu_backward<T: Float>(x: &[T], grad: &[T], half: usize) -> Vec<T> {
    let half = half.max(1);
    let chunk = (par::CHUNK / half).max(1) * half;
    par::build(x.len(), 2 * chunk, |start, out: &mut [T]| {
        simd::run!({
            let (x, grad) = (par::piece(x, start, out.len()), par::piece(grad, start / 2, out.len() / 2));
            let blocks = out.chunks_exact_mut(2 * half).zip(x.chunks_exact(2 * half)).zip(grad.chunks_exact(half));
            for ((out, x), grad) in blocks {
                let ((to_first, to_second), (first, second)) = (out.split_at_mut(half), x.split_at(half));
                let grads = to_first.iter_mut().zip(to_second).zip(grad);
                for (((to_first, to_second), &grad), (&first, &second)) in grads.zip(first.iter().zip(second)) {
                    let share = second.sigmoid_in::<FUSED>();
                    *to_first = grad * share;
                    *to_second = grad * first * share * (T::ONE - share);
                }
            }
        });
    })
}
