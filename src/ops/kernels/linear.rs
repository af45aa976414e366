//! Fully connected layers.

use super::float::Float;
use super::matmul::{self, Output, Sizes, View};
use super::{par, simd};

/// `x w' + b` for rows of `features` values; `weight` has rows of `features` values, one for each output.
pub fn forward<T: Float>(x: &[T], weight: &[T], bias: Option<&[T]>, features: usize, outputs: usize) -> Vec<T> {
    let rows = x.len() / features.max(1);
    let sizes = Sizes { rows, columns: outputs, depth: features };
    let (out, mode) = match bias {
        Some(bias) => (repeat(bias, rows), Output::Accumulate),
        None => (vec![T::ZERO; rows * outputs], Output::Replace),
    };
    matmul::product_onto(out, mode, sizes, View::rows(x, features), View::transposed(weight, features))
}

/// Gradient of the input.
pub fn backward_input<T: Float>(grad: &[T], weight: &[T], features: usize, outputs: usize) -> Vec<T> {
    let sizes = Sizes { rows: grad.len() / outputs.max(1), columns: features, depth: outputs };
    matmul::product(sizes, View::rows(grad, outputs), View::rows(weight, features))
}

/// Gradient of the weights.
pub fn backward_weight<T: Float>(grad: &[T], x: &[T], features: usize, outputs: usize) -> Vec<T> {
    let sizes = Sizes { rows: outputs, columns: features, depth: grad.len() / outputs.max(1) };
    matmul::product(sizes, View::transposed(grad, outputs), View::rows(x, features))
}

/// Sum of each column of rows of `columns` values: the gradient of the bias.
pub fn column_sums<T: Float>(values: &[T], columns: usize) -> Vec<T> {
    par::build(columns, 128, |start, out: &mut [T]| {
        simd::run!({
            for row in values.chunks_exact(columns) {
                let row = par::piece(row, start, out.len());
                out.iter_mut().zip(row).for_each(|(out, &value)| *out += value);
            }
        });
    })
}

fn repeat<T: Float>(row: &[T], rows: usize) -> Vec<T> {
    let columns = row.len().max(1);
    let chunk = (par::CHUNK / columns).max(1) * columns;
    par::build(rows * row.len(), chunk, |_, out: &mut [T]| {
        out.chunks_exact_mut(columns).for_each(|out| out.copy_from_slice(row));
    })
}
