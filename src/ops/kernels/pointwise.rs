//! Convolutions of 1 x 1 with step 1: matrix products of the weights with each image as it lies. The gradient of the weights
//! is better off with [`super::conv`], whose sums run over all images.

use rayon::prelude::*;

use super::conv::{After, Geometry};
use super::float::Float;
use super::matmul::{self, Output, Sizes, View};
use super::{par, simd};

/// Parts of the work that there should be at least.
const PARTS: usize = 8;

/// Whether the convolution is one.
pub fn fits(geometry: &Geometry) -> bool {
    let window = geometry.window;
    window.kernel == [1, 1] && window.stride == [1, 1] && window.padding == [0, 0] && geometry.groups == 1
}

/// `rows` of each of `batch` products, split so that there are enough parts, in whole vectors.
fn rows_of_part(rows: usize, batch: usize) -> usize {
    rows.div_ceil(PARTS.div_ceil(batch.max(1))).next_multiple_of(16).min(rows).max(1)
}

/// Output.
pub fn forward<T: Float>(x: &[T], weight: &[T], after: After<'_, T>, geometry: &Geometry) -> Vec<T> {
    let Geometry { channels, out_channels, .. } = *geometry;
    products(geometry, out_channels, |image, first, rows, out, area| {
        let sizes = Sizes { rows, columns: area, depth: channels };
        let left = View::rows(&weight[first * channels..], channels);
        let right = View::rows(par::piece(x, image * channels * area, channels * area), area);
        matmul::product_into(out, area, Output::Replace, sizes, left, right);
        // The product was written just now and is near.
        if let Some(bias) = after.bias {
            simd::run!({
                for (out, &bias) in out.chunks_exact_mut(area).zip(&bias[first..]) {
                    for out in out.iter_mut() {
                        *out = after.floor.under(*out + bias);
                    }
                }
            });
        }
    })
}

/// Gradient of the input.
pub fn backward_input<T: Float>(grad: &[T], weight: &[T], geometry: &Geometry) -> Vec<T> {
    let Geometry { channels, out_channels, .. } = *geometry;
    products(geometry, channels, |image, first, rows, out, area| {
        let sizes = Sizes { rows, columns: area, depth: out_channels };
        let left = View::transposed(&weight[first..], channels);
        let right = View::rows(par::piece(grad, image * out_channels * area, out_channels * area), area);
        matmul::product_into(out, area, Output::Replace, sizes, left, right);
    })
}

/// For each image a product with `to` rows of `area` values; `product` gets the image, the first row, the number of rows,
/// their place and the area.
fn products<T: Float>(
    geometry: &Geometry,
    to: usize,
    product: impl Fn(usize, usize, usize, &mut [T], usize) + Sync,
) -> Vec<T> {
    let (batch, area) = (geometry.batch, geometry.area());
    let part = rows_of_part(to, batch);
    let parts = to.div_ceil(part);
    let mut out = par::zeros(batch * to * area);
    if out.is_empty() {
        return out;
    }
    let shared = par::Shared::new(&mut out);
    (0..batch * parts).into_par_iter().for_each(|index| {
        let (image, first) = (index / parts, index % parts * part);
        let rows = part.min(to - first);
        // SAFETY: each image and part has its own rows.
        #[expect(unsafe_code, reason = "the parts of the images are not of one length")]
        let out = unsafe { shared.slice((image * to + first) * area, rows * area) };
        product(image, first, rows, out, area);
    });
    out
}
