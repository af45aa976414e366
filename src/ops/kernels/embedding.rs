//! Rows picked from a table, and the sums of their gradients.

use rayon::prelude::*;

use super::float::Float;
use super::par;

/// The listed rows of a table with rows of `features` values.
pub fn forward<T: Float>(table: &[T], rows: &[usize], features: usize) -> Vec<T> {
    let chunk = (par::CHUNK / features.max(1)).max(1);
    par::build(rows.len() * features, chunk * features, |start, out: &mut [T]| {
        let rows = par::piece(rows, start / features.max(1), chunk);
        for (out, &row) in out.chunks_exact_mut(features.max(1)).zip(rows) {
            out.copy_from_slice(&table[row * features..][..features]);
        }
    })
}

/// Gradient of a table of `count` rows: each row is the sum of the gradients of its uses, in their order. The row
/// `skipped` gets none.
pub fn backward<T: Float>(grad: &[T], rows: &[usize], count: usize, features: usize, skipped: Option<usize>) -> Vec<T> {
    // The uses of each row side by side, by counting.
    let mut ends = vec![0; count + 1];
    for &row in rows {
        ends[row + 1] += 1;
    }
    for row in 0..count {
        ends[row + 1] += ends[row];
    }
    let starts = ends.clone();
    let mut uses = vec![0; rows.len()];
    let mut next = ends;
    for (place, &row) in rows.iter().enumerate() {
        uses[next[row]] = place;
        next[row] += 1;
    }
    // The allocator hands out zeroed pages for free, so rows without a use cost next to nothing.
    let mut out = vec![T::ZERO; count * features];
    let chunk = (par::CHUNK / features.max(1)).max(1);
    out.par_chunks_mut((chunk * features).max(1)).enumerate().for_each(|(index, out)| {
        for (row, out) in (index * chunk..).zip(out.chunks_exact_mut(features.max(1))) {
            if Some(row) == skipped {
                continue;
            }
            for &place in &uses[starts[row]..starts[row + 1]] {
                let grad = &grad[place * features..][..features];
                out.iter_mut().zip(grad).for_each(|(out, &grad)| *out += grad);
            }
        }
    });
    out
}
