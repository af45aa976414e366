//! Matrices packed for the tiles of [`super::block`].

use super::float::Float;
use super::matmul::View;
use super::par;

/// Columns of a matrix `[depth, columns]`, packed in panels of `width`, one behind the other; zeros beside the last ones.
pub fn pack<T: Float>(matrix: View<'_, T>, columns: usize, depth: usize, width: usize) -> Vec<T> {
    let View { values, row_stride, column_stride } = matrix;
    let panel = (depth * width).max(1);
    // Some panels at a time, so that a thread has something to do.
    let group = (par::CHUNK / panel).max(1);
    par::build(columns.div_ceil(width) * panel, group * panel, |start, out: &mut [T]| {
        for (index, out) in out.chunks_exact_mut(panel).enumerate() {
            let first = (start / panel + index) * width;
            let count = width.min(columns - first);
            if column_stride == 1 {
                for (row, out) in out.chunks_exact_mut(width).enumerate() {
                    out[..count].copy_from_slice(&values[row * row_stride + first..][..count]);
                }
                continue;
            }
            // A few rows at a time, so that each line of the cache is read once.
            for row in (0..depth).step_by(16) {
                let deep = 16.min(depth - row);
                let out = &mut out[row * width..][..deep * width];
                for column in 0..count {
                    let from = row * row_stride + (first + column) * column_stride;
                    if row_stride == 1 {
                        let from = &values[from..][..deep];
                        for (out, &value) in out[column..].iter_mut().step_by(width).zip(from) {
                            *out = value;
                        }
                    } else {
                        for (at, out) in out[column..].iter_mut().step_by(width).enumerate() {
                            *out = values[from + at * row_stride];
                        }
                    }
                }
            }
        }
    })
}
