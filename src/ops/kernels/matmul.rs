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

/// The product on all threads, as rows.
pub fn product<T: Float>(sizes: Sizes, left: View<'_, T>, right: View<'_, T>) -> Vec<T> {
    products(1, sizes, |_| [left, right], |_, _| {})
}

/// `batch` products of one size on all threads, one behind the other. `after` gets the number of a row in its product, and
/// a part of the row that was written just now.
pub fn products<'a, T: Float>(
    batch: usize,
    sizes: Sizes,
    matrices: impl Fn(usize) -> [View<'a, T>; 2] + Sync,
    after: impl Fn(usize, &mut [T]) + Sync,
) -> Vec<T> {
    let len = batch * sizes.rows * sizes.columns;
    let mut out = Vec::with_capacity(len);
    // SAFETY: the room is there, and each value is replaced by one of a product.
    #[expect(unsafe_code, reason = "zeros written before would be a pass over memory")]
    unsafe {
        on_all_threads(out.as_mut_ptr(), Output::Replace, batch, sizes, matrices, after);
        out.set_len(len);
    }
    out
}

/// The product on all threads, added to `out`.
pub fn product_onto<T: Float>(mut out: Vec<T>, sizes: Sizes, left: View<'_, T>, right: View<'_, T>) -> Vec<T> {
    assert_eq!(out.len(), sizes.rows * sizes.columns, "the product must fit its output");
    // SAFETY: all values are there, as just asserted.
    #[expect(unsafe_code, reason = "the gemm crate takes pointers")]
    unsafe {
        on_all_threads(out.as_mut_ptr(), Output::Accumulate, 1, sizes, |_| [left, right], |_, _| {});
    }
    out
}

/// The products in tiles for all threads.
///
/// # Safety
/// `out` must have room for the products, and hold values if they are added to them.
#[expect(unsafe_code, reason = "the gemm crate takes pointers")]
unsafe fn on_all_threads<'a, T: Float>(
    out: *mut T,
    mode: Output,
    batch: usize,
    sizes: Sizes,
    matrices: impl Fn(usize) -> [View<'a, T>; 2] + Sync,
    after: impl Fn(usize, &mut [T]) + Sync,
) {
    let Sizes { rows, columns, depth } = sizes;
    if batch * rows * columns == 0 {
        return;
    }
    let threads = rayon::current_num_threads();
    // Two for each thread, so that one that was kept from work does not hold up the others for long.
    let [down, across] = if threads == 1 { [1, 1] } else { tiles(sizes, (2 * threads).div_ceil(batch)) };
    let target = Target { start: out, row_stride: columns };
    let work = |index: usize| {
        let target = &target;
        let (number, index) = (index / (down * across), index % (down * across));
        let [left, right] = matrices(number);
        check(sizes, left, right);
        let (row, tile_rows) = part(rows, down, index / across);
        let (column, tile_columns) = part(columns, across, index % across);
        let sizes = Sizes { rows: tile_rows, columns: tile_columns, depth };
        // SAFETY: the tile lies inside the output, whose other tiles belong to other indices; `check` bounds the inputs.
        unsafe {
            let start = target.start.add((number * rows + row) * target.row_stride + column);
            tile(start, target.row_stride, mode, sizes, left, right, [row, column]);
            for at in 0..tile_rows {
                after(row + at, std::slice::from_raw_parts_mut(start.add(at * target.row_stride), tile_columns));
            }
        }
    };
    if batch * down * across == 1 {
        work(0);
    } else {
        (0..batch * down * across).into_par_iter().for_each(work);
    }
}

/// Whole vectors: sides of tiles are multiples of so many values, but for the last.
const UNIT: usize = 16;

/// How often rows and columns are divided to make so many tiles, as few as possible since each packs its rows and columns
/// anew, and each worth a thread.
///
/// The number of threads must not change a bit. The gemm crate adds up along the depth in the same order whatever the size
/// of a product, except for those of at most 256 values, of one row or column, or of at most 64 on both sides. So no side
/// is divided into parts shorter than five units, of which the last may have one value only, and none of few values.
fn tiles(sizes: Sizes, wanted: usize) -> [usize; 2] {
    /// Multiplications of a tile.
    const WORTH: usize = 1 << 19;
    const SHORTEST: usize = 5;
    const FEWEST: usize = 512;
    let mut tiles = [1, 1];
    while tiles[0] * tiles[1] < wanted {
        let sides = [sizes.rows / tiles[0], sizes.columns / tiles[1]];
        let longer = usize::from(sides[1] > sides[0]);
        let units = [sizes.rows, sizes.columns][longer].div_ceil(UNIT);
        let values = sides[0].saturating_mul(sides[1]) / 2;
        let is_worth = values.saturating_mul(sizes.depth.max(1)) >= WORTH && values >= FEWEST;
        if !is_worth || units / (2 * tiles[longer]) < SHORTEST {
            break;
        }
        tiles[longer] *= 2;
    }
    tiles
}

/// Where part `index` of `count` starts, and how long it is.
fn part(size: usize, count: usize, index: usize) -> (usize, usize) {
    if count == 1 {
        return (0, size);
    }
    let units = size.div_ceil(UNIT);
    let [start, end] = [index, index + 1].map(|index| (units * index / count * UNIT).min(size));
    (start, end - start)
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
        // Odd sides, few columns, a last tile of one more than four units, depths beyond what is added up at once.
        for [rows, columns, depth] in
            [[200, 300, 257], [2641, 3, 1100], [161, 97, 1300], [321, 161, 520], [64, 641, 900]]
        {
            let sizes = Sizes { rows, columns, depth };
            let single = |values: Vec<f64>| -> Vec<f32> { values.into_iter().map(|value| value as f32).collect() };
            let (left, right) = (single(values(rows * depth, 0.1)), single(values(depth * columns, 0.3)));
            for right in [View::rows(&right, columns), View::transposed(&right, depth)] {
                let on = |threads| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    pool.install(|| product(sizes, View::rows(&left, depth), right))
                };
                let one = on(1);
                for threads in [2, 3, 8] {
                    assert_ne!(tiles(sizes, 2 * threads), [1, 1]);
                    assert!(one == on(threads), "{sizes:?} with {threads} threads");
                }
            }
        }
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
                let out = product_onto(vec![1.0; 101 * 77], sizes, left, right);
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
