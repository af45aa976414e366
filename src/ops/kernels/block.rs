//! Small matrix products on the calling thread: the inside of attention and of recurrent steps.
//!
//! A tile of up to eight rows by two vectors stays in registers; the left matrix is read where it lies, whatever its
//! strides, and so is the right one where its columns lie side by side. Every value is the sum of the same terms in the
//! same order, whatever the product is a part of.

use super::float::Float;
use super::lanes::{Plain, Vector};
use super::matmul::{Output, Sizes, View};

/// Vectors of columns in a tile.
const ACROSS: usize = 2;

/// Rows of the tiles, the largest first.
const ROWS: [usize; 4] = [8, 4, 2, 1];

/// Rows that are packed side by side for [`Blocks::packed_tile`].
pub const PACKED_ROWS: usize = ROWS[0];

/// Room for the largest tile.
pub const LARGEST_TILE: usize = 8 * ACROSS * 16;

/// Where a tile's values lie: `left` by row and depth, `right` by depth, `out` by row; and how deep it is.
#[derive(Debug, Clone, Copy)]
struct Strides {
    left: [usize; 2],
    right: usize,
    out: usize,
    depth: usize,
}

type Tile<T> = unsafe fn(*const T, *const T, *mut T, Strides, bool);

/// The inner loops in one variant.
#[derive(Debug, Clone, Copy)]
pub struct Blocks<T> {
    /// What it is called.
    pub name: &'static str,
    /// Columns of a tile.
    pub columns: usize,
    /// Rows of the largest tile.
    rows: usize,
    /// One for each number of rows.
    tiles: [Tile<T>; 4],
}

impl<T: Float> Blocks<T> {
    /// For every processor.
    pub const PLAIN: Self = Self {
        name: "plain",
        columns: 4 * ACROSS,
        rows: 4,
        tiles: [
            tile::<T, Plain<T, 4>, 8>,
            tile::<T, Plain<T, 4>, 4>,
            tile::<T, Plain<T, 4>, 2>,
            tile::<T, Plain<T, 4>, 1>,
        ],
    };

    /// A tile of eight rows, packed by depth, with a packed panel.
    pub fn packed_tile(&self, left: &[T], panel: &[T], out: &mut [T]) {
        let depth = left.len() / ROWS[0];
        assert!(panel.len() >= depth * self.columns, "the panel must be as deep as the rows");
        assert!(out.len() >= ROWS[0] * self.columns, "the tile must fit");
        let strides = Strides { left: [1, ROWS[0]], right: self.columns, out: self.columns, depth };
        // SAFETY: all reads and writes are inside the slices, as just asserted; whoever has this variant found its
        // instructions. Where eight rows are too many for one tile, they are taken by fours.
        #[expect(unsafe_code, reason = "the inner loop reads without checks")]
        unsafe {
            let (left, panel, out) = (left.as_ptr(), panel.as_ptr(), out.as_mut_ptr());
            if self.rows == ROWS[0] {
                self.tiles[0](left, panel, out, strides, false);
            } else {
                self.tiles[1](left, panel, out, strides, false);
                self.tiles[1](left.add(4), panel, out.add(4 * self.columns), strides, false);
            }
        }
    }

    /// The product, into rows of `row_stride` values. `scratch` is room that may be used again and again.
    pub fn product(
        &self,
        scratch: &mut Vec<T>,
        out: &mut [T],
        row_stride: usize,
        mode: Output,
        sizes: Sizes,
        left: View<'_, T>,
        right: View<'_, T>,
    ) {
        let Sizes { rows, columns, depth } = sizes;
        if rows == 0 || columns == 0 {
            return;
        }
        assert!((rows - 1) * row_stride + columns <= out.len(), "the product must fit its output");
        if depth > 0 {
            assert!(left.reaches(rows, depth) < left.values.len(), "the left matrix must have all its values");
            assert!(right.reaches(depth, columns) < right.values.len(), "the right matrix must have all its values");
        }
        let mut partial = [T::ZERO; LARGEST_TILE];
        for column in (0..columns).step_by(self.columns) {
            let width = self.columns.min(columns - column);
            let is_whole = width == self.columns;
            let (panel, right_stride) = if is_whole && right.column_stride == 1 {
                (&right.values[column.min(right.values.len())..], right.row_stride)
            } else {
                pack(scratch, right, column, width, depth, self.columns);
                (&scratch[..], self.columns)
            };
            let mut row = 0;
            for (height, tile) in ROWS.into_iter().zip(self.tiles).filter(|(height, _)| *height <= self.rows) {
                while rows - row >= height {
                    let start = if depth == 0 { 0 } else { row * left.row_stride };
                    let strides = Strides {
                        left: [left.row_stride, left.column_stride],
                        right: right_stride,
                        out: if is_whole { row_stride } else { self.columns },
                        depth,
                    };
                    let target = &mut out[row * row_stride + column..];
                    // SAFETY: the assertions above bound the reads of the left matrix by its length. The panel is either
                    // packed with all its columns, or a whole one inside the right matrix. A whole tile lies inside the
                    // output, as asserted; a partial one is first put into an array that has room for the largest.
                    // Whoever has this variant found its instructions.
                    #[expect(unsafe_code, reason = "the inner loop reads without checks")]
                    unsafe {
                        let left = left.values.as_ptr().add(start);
                        if is_whole {
                            tile(left, panel.as_ptr(), target.as_mut_ptr(), strides, mode == Output::Accumulate);
                        } else {
                            tile(left, panel.as_ptr(), partial.as_mut_ptr(), strides, false);
                        }
                    }
                    if !is_whole {
                        for (index, partial) in partial.chunks_exact(self.columns).take(height).enumerate() {
                            let target = &mut target[index * row_stride..][..width];
                            match mode {
                                Output::Replace => target.copy_from_slice(&partial[..width]),
                                Output::Accumulate => {
                                    target.iter_mut().zip(partial).for_each(|(out, &value)| *out += value);
                                }
                            }
                        }
                    }
                    row += height;
                }
            }
        }
    }
}

/// Columns of a matrix side by side, zeros beside them.
fn pack<T: Float>(
    scratch: &mut Vec<T>,
    matrix: View<'_, T>,
    column: usize,
    width: usize,
    depth: usize,
    columns: usize,
) {
    scratch.clear();
    scratch.resize(depth * columns, T::ZERO);
    for (row, out) in scratch.chunks_exact_mut(columns).enumerate() {
        for (index, out) in out.iter_mut().take(width).enumerate() {
            *out = matrix.values[row * matrix.row_stride + (column + index) * matrix.column_stride];
        }
    }
}

/// One tile of a product.
///
/// # Safety
/// All values that the strides reach must exist, and the processor must have the instructions of `V`.
#[inline(always)]
#[expect(unsafe_code, reason = "the inner loop reads without checks")]
unsafe fn tile<T: Float, V: Vector<T>, const ROWS: usize>(
    left: *const T,
    right: *const T,
    out: *mut T,
    strides: Strides,
    accumulates: bool,
) {
    // SAFETY: as promised by the caller.
    unsafe {
        let mut sums = [[V::zero(); ACROSS]; ROWS];
        let mut starts = [left; ROWS];
        for (row, start) in starts.iter_mut().enumerate() {
            *start = start.add(row * strides.left[0]);
        }
        let mut right = right;
        let mut at = 0;
        for _ in 0..strides.depth {
            let x = [V::load(right), V::load(right.add(V::LANES))];
            for (sums, start) in sums.iter_mut().zip(starts) {
                let value = V::splat(*start.add(at));
                sums[0] = value.times_plus(x[0], sums[0]);
                sums[1] = value.times_plus(x[1], sums[1]);
            }
            at += strides.left[1];
            right = right.add(strides.right);
        }
        let one = V::splat(T::ONE);
        for (row, sums) in sums.into_iter().enumerate() {
            for (index, sum) in sums.into_iter().enumerate() {
                let out = out.add(row * strides.out + index * V::LANES);
                if accumulates {
                    sum.times_plus(one, V::load(out)).store(out);
                } else {
                    sum.store(out);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m512};

    use super::{Strides, tile};

    macro_rules! variant {
        ($name:ident, $features:literal, $Vector:ty, $rows:literal) => {
            #[target_feature(enable = $features)]
            #[expect(unsafe_code, reason = "the inner loop reads without checks")]
            pub(super) unsafe fn $name(
                left: *const f32,
                right: *const f32,
                out: *mut f32,
                strides: Strides,
                accumulates: bool,
            ) {
                // SAFETY: as promised by the caller; the instructions are enabled.
                unsafe { tile::<f32, $Vector, $rows>(left, right, out, strides, accumulates) }
            }
        };
    }

    variant!(eight512, "avx512f", __m512, 8);
    variant!(four512, "avx512f", __m512, 4);
    variant!(two512, "avx512f", __m512, 2);
    variant!(one512, "avx512f", __m512, 1);
    variant!(four256, "avx2,fma", __m256, 4);
    variant!(two256, "avx2,fma", __m256, 2);
    variant!(one256, "avx2,fma", __m256, 1);
}

impl Blocks<f32> {
    /// The variants that this processor can run, the fastest first.
    pub fn variants() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                let tiles = [x86::eight512 as Tile<f32>, x86::four512, x86::two512, x86::one512];
                all.push(Self { name: "AVX-512", columns: 16 * ACROSS, rows: 8, tiles });
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                // Eight rows would not fit the 16 registers.
                let tiles = [x86::four256 as Tile<f32>, x86::four256, x86::two256, x86::one256];
                all.push(Self { name: "AVX2", columns: 8 * ACROSS, rows: 4, tiles });
            }
        }
        all.push(Self::PLAIN);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_gives_the_products_that_one_counts() {
        let (rows, columns, depth) = (15, 45, 19);
        let values =
            |count: usize, factor: f32| -> Vec<f32> { (0..count).map(|index| (index as f32 * factor).sin()).collect() };
        let (left, right) = (values(rows * depth, 0.7), values(depth * columns, 0.3));
        let sizes = Sizes { rows, columns, depth };
        // The same matrices by rows and by columns.
        let turn = |values: &[f32], columns: usize| -> Vec<f32> {
            (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns).copied()).collect()
        };
        let (left_turned, right_turned) = (turn(&left, depth), turn(&right, columns));
        let lefts = [View::rows(&left, depth), View::transposed(&left_turned, rows)];
        let rights = [View::rows(&right, columns), View::transposed(&right_turned, depth)];
        for blocks in Blocks::<f32>::variants() {
            for (left_view, right_view) in lefts.into_iter().zip(rights).chain([(lefts[0], rights[1])]) {
                let mut out = vec![1.0; rows * 50];
                let mut scratch = Vec::new();
                blocks.product(&mut scratch, &mut out, 50, Output::Replace, sizes, left_view, right_view);
                blocks.product(&mut scratch, &mut out, 50, Output::Accumulate, sizes, left_view, right_view);
                for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                    let terms = (0..depth).map(|at| f64::from(left[row * depth + at] * right[at * columns + column]));
                    let expect = 2.0 * terms.sum::<f64>();
                    let error = (f64::from(out[row * 50 + column]) - expect).abs();
                    assert!(error < 1e-5, "{} {row} {column}: off by {error}", blocks.name);
                }
                // What lies beside the product is left alone.
                assert!(out.chunks_exact(50).all(|row| row[columns..].iter().all(|&value| value == 1.0)));
            }
        }
    }
}
