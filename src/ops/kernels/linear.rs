//! Fully connected layers.

use super::float::Float;
use super::matmul::{self, Sizes, View};
use super::{par, simd};

/// `x w' + b` for rows of `features` values; `weight` has rows of `features` values, one for each output.
pub fn forward<T: Float>(x: &[T], weight: &[T], bias: Option<&[T]>, features: usize, outputs: usize) -> Vec<T> {
    let rows = x.len() / features.max(1);
    if rows == 1 {
        return forward_row(x, weight, bias, outputs);
    }
    let sizes = Sizes { rows, columns: outputs, depth: features };
    let [x, weight] = [View::rows(x, features), View::transposed(weight, features)];
    match bias {
        Some(bias) => matmul::product_onto(repeat(bias, rows), sizes, x, weight),
        None => matmul::product(sizes, x, weight),
    }
}

/// The same for one row: every weight is read once, so the sums go along the weights as they lie. Some outputs are summed
/// together, since memory gives more when it is read in several places.
fn forward_row<T: Float>(x: &[T], weight: &[T], bias: Option<&[T]>, outputs: usize) -> Vec<T> {
    const TOGETHER: usize = 4;
    let features = x.len();
    let chunk = (4 * par::CHUNK / features.max(1)).max(1).next_multiple_of(TOGETHER);
    par::build(outputs, chunk, |start, out: &mut [T]| {
        simd::run!({
            for (first, out) in (start..).step_by(TOGETHER).zip(out.chunks_mut(TOGETHER)) {
                let row = |output: usize| par::piece(weight, output * features, features);
                let sums = if out.len() == TOGETHER {
                    par::dots(x, [row(first), row(first + 1), row(first + 2), row(first + 3)])
                } else {
                    let mut sums = [T::ZERO; TOGETHER];
                    for (sum, output) in sums.iter_mut().zip(first..).take(out.len()) {
                        *sum = par::sum(x, row(output), |x, weight| x * weight);
                    }
                    sums
                };
                for ((output, out), sum) in (first..).zip(out).zip(sums) {
                    *out = bias.map_or(T::ZERO, |bias| bias[output]) + sum;
                }
            }
        });
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_gives_what_it_gives_among_others() {
        let (features, outputs) = (1003, 77);
        let values =
            |count: usize, factor: f64| -> Vec<f64> { (0..count).map(|at| (at as f64 * factor).sin()).collect() };
        let (x, weight, bias) = (values(2 * features, 0.3), values(features * outputs, 0.7), values(outputs, 1.1));
        let both = forward(&x, &weight, Some(&bias), features, outputs);
        let one = forward(&x[features..], &weight, Some(&bias), features, outputs);
        assert_eq!(one.len(), outputs);
        assert!(one.iter().zip(&both[outputs..]).all(|(one, both)| (one - both).abs() < 1e-11));
    }
}
