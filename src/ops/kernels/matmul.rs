//! Matrix products.

use rayon::prelude::*;

use super::float::Float;

/// A matrix inside a slice: value (row, column) lies at `row * row_stride + column * column_stride`.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, T> {
    /// The values.
    pub values: &'a [T],
    /// Distance of rows.
    pub row_stride: usize,
    /// Distance of columns.
    pub column_stride: usize,
}

impl<'a, T> View<'a, T> {
    /// Rows one behind the other, each of `columns` values.
    pub fn rows(values: &'a [T], columns: usize) -> Self {
        Self { values, row_stride: columns, column_stride: 1 }
    }

    /// The transpose of a matrix that lies in rows of `columns` values.
    pub fn transposed(values: &'a [T], columns: usize) -> Self {
        Self { values, row_stride: 1, column_stride: columns }
    }

    pub(super) fn reaches(&self, rows: usize, columns: usize) -> usize {
        rows.saturating_sub(1) * self.row_stride + columns.saturating_sub(1) * self.column_stride
    }
}

/// Sizes of a product: `[rows, depth] x [depth, columns]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of the left matrix and the product.
    pub rows: usize,
    /// Columns of the right matrix and the product.
    pub columns: usize,
    /// Columns of the left and rows of the right matrix.
    pub depth: usize,
}

/// What happens to what the output held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// It is replaced.
    Replace,
    /// The product is added to it.
    Accumulate,
}

/// Where a product goes: rows of `row_stride` values.
struct Target<T> {
    start: *mut T,
    row_stride: usize,
}

// SAFETY: `product` hands each thread tiles that no other thread touches.
#[expect(unsafe_code, reason = "tiles of one matrix are not separate slices")]
unsafe impl<T: Send> Sync for Target<T> {}

/// The product on the calling thread, into rows of `row_stride` values.
pub fn product_into<T: Float>(
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
    check(sizes, left, right);
    let start = out.as_mut_ptr();
    // SAFETY: the assertions above and in `check` bound every index by the slices' lengths.
    #[expect(unsafe_code, reason = "the gemm crate takes pointers")]
    unsafe {
        tile(start, row_stride, mode, Sizes { rows, columns, depth }, left, right, [0, 0]);
    }
}

/// The product on all threads, as rows. Its tiles depend on the sizes alone.
pub fn product<T: Float>(sizes: Sizes, left: View<'_, T>, right: View<'_, T>) -> Vec<T> {
    product_onto(vec![T::ZERO; sizes.rows * sizes.columns], Output::Replace, sizes, left, right)
}

/// The product on all threads, in place of `out` or added to it.
pub fn product_onto<T: Float>(
    mut out: Vec<T>,
    mode: Output,
    sizes: Sizes,
    left: View<'_, T>,
    right: View<'_, T>,
) -> Vec<T> {
    let Sizes { rows, columns, depth } = sizes;
    assert_eq!(out.len(), rows * columns, "the product must fit its output");
    if out.is_empty() {
        return out;
    }
    check(sizes, left, right);
    let [tile_rows, tile_columns] = tile_sizes(sizes);
    let across = columns.div_ceil(tile_columns);
    let tiles = rows.div_ceil(tile_rows) * across;
    let target = Target { start: out.as_mut_ptr(), row_stride: columns };
    let work = |index: usize| {
        let target = &target;
        let [row, column] = [index / across * tile_rows, index % across * tile_columns];
        let sizes = Sizes { rows: tile_rows.min(rows - row), columns: tile_columns.min(columns - column), depth };
        // SAFETY: the tile lies inside the output, whose other tiles belong to other indices; `check` bounds the inputs.
        #[expect(unsafe_code, reason = "the gemm crate takes pointers")]
        unsafe {
            let start = target.start.add(row * target.row_stride + column);
            tile(start, target.row_stride, mode, sizes, left, right, [row, column]);
        }
    };
    if tiles == 1 {
        work(0);
    } else {
        (0..tiles).into_par_iter().for_each(work);
    }
    out
}

/// Halves the longer side until there are some tiles to share out, or they become too small to be worth a thread.
fn tile_sizes(sizes: Sizes) -> [usize; 2] {
    const TILES: usize = 16;
    const SMALLEST: usize = 1 << 19;
    let (mut rows, mut columns) = (sizes.rows, sizes.columns);
    loop {
        let tiles = sizes.rows.div_ceil(rows) * sizes.columns.div_ceil(columns);
        let work = rows.saturating_mul(columns).saturating_mul(sizes.depth.max(1));
        if tiles >= TILES || work < 2 * SMALLEST || rows.max(columns) < 32 {
            return [rows, columns];
        }
        let longer = if rows >= columns { &mut rows } else { &mut columns };
        // Whole vectors: a multiple of 16 values.
        *longer = longer.div_ceil(2).next_multiple_of(16);
    }
}

fn check<T>(sizes: Sizes, left: View<'_, T>, right: View<'_, T>) {
    let Sizes { rows, columns, depth } = sizes;
    if depth > 0 {
        assert!(left.reaches(rows, depth) < left.values.len(), "the left matrix must have all its values");
        assert!(right.reaches(depth, columns) < right.values.len(), "the right matrix must have all its values");
    }
}

/// One tile of a product; `offset` is its row and column in the whole.
///
/// # Safety
/// `out` must be valid for the tile's rows, and `left` and `right` for the tile's place in the whole.
#[expect(unsafe_code, reason = "the gemm crate takes pointers")]
unsafe fn tile<T: Float>(
    out: *mut T,
    row_stride: usize,
    mode: Output,
    sizes: Sizes,
    left: View<'_, T>,
    right: View<'_, T>,
    offset: [usize; 2],
) {
    let Sizes { rows, columns, depth } = sizes;
    // Empty matrices have no value to point at.
    let [left_start, right_start] =
        if depth == 0 { [0, 0] } else { [offset[0] * left.row_stride, offset[1] * right.column_stride] };
    // SAFETY: as promised by the caller.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            out,
            1,
            row_stride as isize,
            mode == Output::Accumulate,
            left.values.as_ptr().add(left_start),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr().add(right_start),
            right.column_stride as isize,
            right.row_stride as isize,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, factor: f64) -> Vec<f64> {
        (0..count).map(|index| (index as f64 * factor).sin()).collect()
    }

    #[test]
    fn products_of_rows_and_transposes_are_right() {
        let sizes = Sizes { rows: 70, columns: 33, depth: 129 };
        let (left, right) = (values(70 * 129, 0.1), values(129 * 33, 0.3));
        let out = product(sizes, View::rows(&left, 129), View::rows(&right, 33));
        let naive = |row: usize, column: usize| -> f64 {
            (0..129).map(|at| left[row * 129 + at] * right[at * 33 + column]).sum()
        };
        for (row, column) in [(0, 0), (69, 32), (35, 7)] {
            assert!((out[row * 33 + column] - naive(row, column)).abs() < 1e-12);
        }
        // (A B)' = B' A'
        let sizes = Sizes { rows: 33, columns: 70, depth: 129 };
        let turned = product(sizes, View::transposed(&right, 33), View::transposed(&left, 129));
        assert!((turned[7 * 70 + 35] - naive(35, 7)).abs() < 1e-12);
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let sizes = Sizes { rows: 200, columns: 300, depth: 257 };
        let left: Vec<f32> = values(200 * 257, 0.1).into_iter().map(|value| value as f32).collect();
        let right: Vec<f32> = values(257 * 300, 0.3).into_iter().map(|value| value as f32).collect();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| product(sizes, View::rows(&left, 257), View::rows(&right, 300)))
        };
        assert!(tile_sizes(sizes)[1] < 300);
        assert_eq!(on(1), on(4));
    }

    #[test]
    fn products_in_f32_are_those_in_f64() {
        let sizes = Sizes { rows: 101, columns: 77, depth: 530 };
        let (left, right) = (values(101 * 530, 0.1), values(530 * 77, 0.3));
        let expect = product(sizes, View::rows(&left, 530), View::rows(&right, 77));
        let single = |values: &[f64]| -> Vec<f32> { values.iter().map(|&value| value as f32).collect() };
        let turn = |values: &[f32], columns: usize| -> Vec<f32> {
            (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns).copied()).collect()
        };
        let (left, right) = (single(&left), single(&right));
        let (left_turned, right_turned) = (turn(&left, 530), turn(&right, 77));
        for left in [View::rows(&left, 530), View::transposed(&left_turned, 101)] {
            for right in [View::rows(&right, 77), View::transposed(&right_turned, 530)] {
                let out = product_onto(vec![1.0; 101 * 77], Output::Accumulate, sizes, left, right);
                let error = out.iter().zip(&expect).map(|(&out, expect)| (f64::from(out) - 1.0 - expect).abs());
                assert!(error.fold(0.0, f64::max) < 1e-4);
            }
        }
    }

    #[test]
    fn accumulates_into_a_part_of_a_matrix() {
        let mut out = vec![1.0_f64; 6];
        let sizes = Sizes { rows: 2, columns: 2, depth: 1 };
        product_into(&mut out, 3, Output::Accumulate, sizes, View::rows(&[2.0, 3.0], 1), View::rows(&[10.0, 20.0], 2));
        assert_eq!(out, [21.0, 41.0, 1.0, 31.0, 61.0, 1.0]);
    }
}
