//! Depthwise convolutions: every channel has one filter of its own, so there is no matrix product to speak of.

use super::conv::Geometry;
use super::float::Float;
use super::{par, simd};

/// Calls `each(weight index, output slice start, count, input start)` for every row that a plane's filter sees.
#[inline(always)]
fn each_row(geometry: &Geometry, mut each: impl FnMut(usize, usize, usize, usize)) {
    let [height, width] = geometry.window.kernel;
    for out_row in 0..geometry.output[0] {
        for tap in 0..height {
            let Some(row) = geometry.source_row(out_row, tap) else { continue };
            for column in 0..width {
                let (first, end, source) = geometry.reach(column);
                if end > first {
                    let start = out_row * geometry.output[1] + first;
                    each(tap * width + column, start, end - first, row * geometry.size[1] + source);
                }
            }
        }
    }
}

/// Output.
pub fn forward<T: Float>(x: &[T], weight: &[T], bias: Option<&[T]>, geometry: &Geometry) -> Vec<T> {
    let (area, out_area) = (geometry.area(), geometry.out_area());
    let (taps, stride) = (geometry.depth(), geometry.window.stride[1]);
    if out_area == 0 {
        return Vec::new();
    }
    let chunk = (par::CHUNK / out_area).max(1) * out_area;
    par::build(geometry.batch * geometry.channels * out_area, chunk, |start, out: &mut [T]| {
        simd::run!({
            for (plane, out) in (start / out_area..).zip(out.chunks_exact_mut(out_area)) {
                let channel = plane % geometry.channels;
                let x = &x[plane * area..(plane + 1) * area];
                let weight = &weight[channel * taps..(channel + 1) * taps];
                out.fill(bias.map_or(T::ZERO, |bias| bias[channel]));
                each_row(geometry, |tap, start, count, source| {
                    let (out, weight) = (&mut out[start..start + count], weight[tap]);
                    let x = &x[source..=source + (count - 1) * stride];
                    if stride == 1 {
                        out.iter_mut().zip(x).for_each(|(out, &x)| *out += weight * x);
                    } else {
                        out.iter_mut().zip(x.iter().step_by(stride)).for_each(|(out, &x)| *out += weight * x);
                    }
                });
            }
        });
    })
}

/// Gradient of the input.
pub fn backward_input<T: Float>(grad: &[T], weight: &[T], geometry: &Geometry) -> Vec<T> {
    let (area, out_area) = (geometry.area(), geometry.out_area());
    let (taps, stride) = (geometry.depth(), geometry.window.stride[1]);
    if area == 0 {
        return Vec::new();
    }
    let chunk = (par::CHUNK / area).max(1) * area;
    par::build(geometry.batch * geometry.channels * area, chunk, |start, out: &mut [T]| {
        simd::run!({
            for (plane, out) in (start / area..).zip(out.chunks_exact_mut(area)) {
                let channel = plane % geometry.channels;
                let grad = &grad[plane * out_area..(plane + 1) * out_area];
                let weight = &weight[channel * taps..(channel + 1) * taps];
                each_row(geometry, |tap, start, count, source| {
                    let (grad, weight) = (&grad[start..start + count], weight[tap]);
                    let out = &mut out[source..=source + (count - 1) * stride];
                    if stride == 1 {
                        out.iter_mut().zip(grad).for_each(|(out, &grad)| *out += weight * grad);
                    } else {
                        out.iter_mut().step_by(stride).zip(grad).for_each(|(out, &grad)| *out += weight * grad);
                    }
                });
            }
        });
    })
}

/// Gradient of the weights.
pub fn backward_weight<T: Float>(grad: &[T], x: &[T], geometry: &Geometry) -> Vec<T> {
    let (area, out_area) = (geometry.area(), geometry.out_area());
    let (taps, stride) = (geometry.depth(), geometry.window.stride[1]);
    par::build(geometry.channels * taps, taps.max(1), |start, out: &mut [T]| {
        simd::run!({
            let channel = start / taps.max(1);
            for image in 0..geometry.batch {
                let plane = image * geometry.channels + channel;
                let x = &x[plane * area..(plane + 1) * area];
                let grad = &grad[plane * out_area..(plane + 1) * out_area];
                each_row(geometry, |tap, start, count, source| {
                    let grad = &grad[start..start + count];
                    let x = &x[source..=source + (count - 1) * stride];
                    out[tap] += if stride == 1 {
                        par::sum(x, grad, |x, grad| x * grad)
                    } else {
                        let pairs = x.iter().step_by(stride).zip(grad);
                        pairs.fold(T::ZERO, |sum, (&x, &grad)| sum + x * grad)
                    };
                });
            }
        });
    })
}
