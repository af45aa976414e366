//! Large matrix products for processors with AVX-512, which the gemm crate does not use: both matrices are packed once, in
//! the order in which the tiles of [`super::block`] read them.

use rayon::prelude::*;

use super::block::PACKED_ROWS as ROWS;
use super::float::Float;
use super::matmul::{Output, Sizes, View};
use super::par;

/// How deep a tile goes at a time: what it reads of the right matrix then fits the first cache.
const DEPTH: usize = 256;

/// Whether this way is the faster one. Packing does not pay for a few rows.
pub fn pays<T: Float>(sizes: Sizes) -> bool {
    T::blocks().is_widest() && sizes.rows >= 48 && sizes.columns >= 16 && sizes.depth >= 16
}

/// The product on all threads, in place of `out` or added to it.
pub fn product<T: Float>(
    out: &mut [T],
    mode: Output,
    sizes: Sizes,
    tile: [usize; 2],
    left: View<'_, T>,
    right: View<'_, T>,
) {
    let blocks = T::blocks();
    let Sizes { rows, columns, depth } = sizes;
    let width = blocks.columns;
    let left = pack(
        View { values: left.values, row_stride: left.column_stride, column_stride: left.row_stride },
        rows,
        depth,
        ROWS,
    );
    let right = pack(right, columns, depth, width);
    // Whole blocks and panels.
    let tile = [tile[0].next_multiple_of(ROWS), tile[1].next_multiple_of(width)];
    let across = columns.div_ceil(tile[1]);
    let target = par::Shared::new(out);
    (0..rows.div_ceil(tile[0]) * across).into_par_iter().for_each(|index| {
        let [first_row, first_column] = [index / across * tile[0], index % across * tile[1]];
        let last = [(first_row + tile[0]).min(rows), (first_column + tile[1]).min(columns)];
        let mut sums = vec![T::ZERO; ROWS * width];
        for start in (0..depth).step_by(DEPTH) {
            let deep = DEPTH.min(depth - start);
            let mode = if start == 0 { mode } else { Output::Accumulate };
            for column in (first_column..last[1]).step_by(width) {
                let panel = &right[(column / width * depth + start) * width..][..deep * width];
                for row in (first_row..last[0]).step_by(ROWS) {
                    let rows = &left[(row / ROWS * depth + start) * ROWS..][..deep * ROWS];
                    blocks.packed_tile(rows, panel, &mut sums);
                    let size = width.min(last[1] - column);
                    for (index, sums) in sums.chunks_exact(width).take(last[0] - row).enumerate() {
                        // SAFETY: the tiles of different indices are different places of the output.
                        #[expect(unsafe_code, reason = "a tile of a matrix is not one slice")]
                        let out = unsafe { target.slice((row + index) * columns + column, size) };
                        match mode {
                            Output::Replace => out.copy_from_slice(&sums[..size]),
                            Output::Accumulate => out.iter_mut().zip(sums).for_each(|(out, &sum)| *out += sum),
                        }
                    }
                }
            }
        }
    });
}

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
