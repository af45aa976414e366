//! Convolutions of 1 x 1 with step 1: matrix products of the weights with each image as it lies. The gradient of the weights
//! is better off with [`super::conv`], whose sums run over all images.

use super::conv::{After, Geometry};
use super::float::Float;
use super::matmul::{self, Sizes, View};
use super::{par, simd};

/// Whether the convolution is one.
pub fn fits(geometry: &Geometry) -> bool {
    let window = geometry.window;
    window.kernel == [1, 1] && window.stride == [1, 1] && window.padding == [0, 0] && geometry.groups == 1
}

/// Output.
pub fn forward<T: Float>(x: &[T], weight: &[T], after: After<'_, T>, geometry: &Geometry) -> Vec<T> {
    let (channels, area) = (geometry.channels, geometry.area());
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
    let (out_channels, area) = (geometry.out_channels, geometry.area());
    let sizes = Sizes { rows: geometry.channels, columns: area, depth: out_channels };
    let image = |image: usize| View::rows(par::piece(grad, image * out_channels * area, out_channels * area), area);
    let matrices = |number| [View::transposed(weight, geometry.channels), image(number)];
    matmul::products(geometry.batch, sizes, matrices, |_, _| {})
}
