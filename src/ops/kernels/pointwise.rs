//! Convolutions of 1 x 1: matrix products of the weights with each image, as it lies or with the pixels that are stepped on
//! picked out.

use std::borrow::Cow;

use rayon::prelude::*;

use super::conv::{After, Geometry};
use super::float::Float;
use super::matmul::{self, Output, Sizes, View};
use super::{par, simd};

/// Whether the convolution is one.
pub fn fits(geometry: &Geometry) -> bool {
    let window = geometry.window;
    window.kernel == [1, 1] && window.padding == [0, 0] && geometry.groups == 1
}

/// Output.
pub fn forward<T: Float>(x: &[T], weight: &[T], after: After<'_, T>, geometry: &Geometry) -> Vec<T> {
    let x = &*picked(x, geometry);
    let (channels, area) = (geometry.channels, geometry.out_area());
    let sizes = Sizes { rows: geometry.out_channels, columns: area, depth: channels };
    let image = |image: usize| View::rows(par::piece(x, image * channels * area, channels * area), area);
    let matrices = |number| [View::rows(weight, channels), image(number)];
    matmul::products(geometry.batch, sizes, matrices, |filter, out| {
        // The product was written just now and is near.
        if let Some(bias) = after.bias {
            simd::run!({
                let bias = bias[filter];
                for out in out.iter_mut() {
                    *out = after.floor.under(*out + bias);
                }
            });
        }
    })
}

/// Gradient of the input.
pub fn backward_input<T: Float>(grad: &[T], weight: &[T], geometry: &Geometry) -> Vec<T> {
    let (out_channels, area) = (geometry.out_channels, geometry.out_area());
    let sizes = Sizes { rows: geometry.channels, columns: area, depth: out_channels };
    let image = |image: usize| View::rows(par::piece(grad, image * out_channels * area, out_channels * area), area);
    let matrices = |number| [View::transposed(weight, geometry.channels), image(number)];
    let picked = matmul::products(geometry.batch, sizes, matrices, |_, _| {});
    if geometry.window.stride == [1, 1] {
        return picked;
    }
    // What is stepped over has the gradient zero.
    let ([_, width], [_, out_width], [down, across]) = (geometry.size, geometry.output, geometry.window.stride);
    by_planes(geometry, geometry.area(), |plane, out: &mut [T]| {
        let picked = par::piece(&picked, plane * area, area).chunks_exact(out_width.max(1));
        for (out, picked) in out.chunks_exact_mut(width).step_by(down).zip(picked) {
            out.iter_mut().step_by(across).zip(picked).for_each(|(out, &grad)| *out = grad);
        }
    })
}

/// The pixels on which the filters stand.
fn picked<'a, T: Float>(x: &'a [T], geometry: &Geometry) -> Cow<'a, [T]> {
    if geometry.window.stride == [1, 1] {
        return Cow::Borrowed(x);
    }
    let ([_, width], [_, out_width], [down, across]) = (geometry.size, geometry.output, geometry.window.stride);
    Cow::Owned(by_planes(geometry, geometry.out_area(), |plane, out: &mut [T]| {
        let rows = par::piece(x, plane * geometry.area(), geometry.area()).chunks_exact(width).step_by(down);
        for (out, row) in out.chunks_exact_mut(out_width.max(1)).zip(rows) {
            out.iter_mut().zip(row.iter().step_by(across)).for_each(|(out, &value)| *out = value);
        }
    }))
}

/// A plane of `area` values for each channel of each image; `fill` gets the plane's number and zeros to fill in.
fn by_planes<T: Float>(geometry: &Geometry, area: usize, fill: impl Fn(usize, &mut [T]) + Sync) -> Vec<T> {
    let area = area.max(1);
    let group = (par::CHUNK / area).max(1);
    par::build(geometry.batch * geometry.channels * area, group * area, |start, out: &mut [T]| {
        for (plane, out) in (start / area..).zip(out.chunks_exact_mut(area)) {
            fill(plane, out);
        }
    })
}

/// Gradient of the weights.
pub fn backward_weight<T: Float>(grad: &[T], x: &[T], geometry: &Geometry) -> Vec<T> {
    /// Images from so many pixels on are worth a product each.
    const LARGE: usize = 512;
    /// Room for the sums of parts of the batch, in values.
    const SUMS: usize = 8 << 20;
    const PARTS: usize = 8;
    let x = &*picked(x, geometry);
    let (channels, out_channels, area) = (geometry.channels, geometry.out_channels, geometry.out_area());
    let batch = geometry.batch;
    let weights = out_channels * channels;
    let parts = (SUMS / weights.max(1)).min(PARTS).min(batch);
    if batch == 1 || area < LARGE || parts < 2 {
        // All images are one product once each channel has its pixels of all images side by side.
        let grad = by_channel(grad, out_channels, geometry);
        let x = by_channel(x, channels, geometry);
        let sizes = Sizes { rows: out_channels, columns: channels, depth: batch * area };
        return matmul::product(sizes, View::rows(&grad, sizes.depth), View::transposed(&x, sizes.depth));
    }
    let mut sums = par::zeros(parts * weights);
    sums.par_chunks_mut(weights).enumerate().for_each(|(part, sums)| {
        for image in part * batch / parts..(part + 1) * batch / parts {
            let sizes = Sizes { rows: out_channels, columns: channels, depth: area };
            let grad = View::rows(par::piece(grad, image * out_channels * area, out_channels * area), area);
            let x = View::transposed(par::piece(x, image * channels * area, channels * area), area);
            matmul::product_into(sums, channels, Output::Accumulate, sizes, grad, x);
        }
    });
    par::build(weights, par::CHUNK, |start, out: &mut [T]| {
        for sums in sums.chunks_exact(weights) {
            let sums = par::piece(sums, start, out.len());
            out.iter_mut().zip(sums).for_each(|(out, &sum)| *out += sum);
        }
    })
}

/// `[batch, channels, area]` as `[channels, batch, area]`.
fn by_channel<'a, T: Float>(values: &'a [T], channels: usize, geometry: &Geometry) -> Cow<'a, [T]> {
    let (batch, area) = (geometry.batch, geometry.out_area());
    if batch == 1 || area == 0 {
        return Cow::Borrowed(values);
    }
    let run = batch * area;
    Cow::Owned(par::build(channels * run, (par::CHUNK / run).max(1) * run, |start, out: &mut [T]| {
        for (channel, out) in (start / run..).zip(out.chunks_exact_mut(run)) {
            for (image, out) in out.chunks_exact_mut(area).enumerate() {
                out.copy_from_slice(par::piece(values, (image * channels + channel) * area, area));
            }
        }
    }))
}
