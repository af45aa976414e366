//! Pools into a fixed number of bins: each plane of `[height, width]` is cut into nearly equal parts.

use rayon::prelude::*;

use super::float::Float;
use super::{par, simd};

/// First place and the one after the last of each of `count` bins of an axis of `size`, by PyTorch's rule: bins may
/// overlap by one place, and none is empty.
pub fn bins(size: usize, count: usize) -> Vec<[usize; 2]> {
    (0..count).map(|bin| [bin * size / count, ((bin + 1) * size).div_ceil(count)]).collect()
}

/// The bins of a plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bins {
    size: [usize; 2],
    rows: Vec<[usize; 2]>,
    columns: Vec<[usize; 2]>,
}

impl Bins {
    /// Of planes of `size`, cut into `output` parts along each axis.
    pub fn new(size: [usize; 2], output: [usize; 2]) -> Self {
        Self { size, rows: bins(size[0], output[0]), columns: bins(size[1], output[1]) }
    }

    fn areas(&self) -> [usize; 2] {
        [self.size[0] * self.size[1], self.rows.len() * self.columns.len()]
    }

    fn group(&self) -> usize {
        let [area, out_area] = self.areas();
        (par::CHUNK / area.max(out_area).max(1)).max(1)
    }

    /// Calls `each(row bin, column bin)` in the order of the output.
    #[inline(always)]
    fn each(&self, mut each: impl FnMut([usize; 2], [usize; 2])) {
        for &row in &self.rows {
            for &column in &self.columns {
                each(row, column);
            }
        }
    }
}

/// The mean of each bin.
pub fn mean_forward<T: Float>(x: &[T], bins: &Bins) -> Vec<T> {
    let ([area, out_area], width) = (bins.areas(), bins.size[1]);
    if area * out_area == 0 {
        return Vec::new();
    }
    par::build(x.len() / area * out_area, bins.group() * out_area, |start, out: &mut [T]| {
        simd::run!({
            let x = par::piece(x, start / out_area * area, x.len());
            for (out, x) in out.chunks_exact_mut(out_area).zip(x.chunks_exact(area)) {
                let mut out = out.iter_mut();
                bins.each(|row, column| {
                    let rows = (row[0]..row[1]).map(|row| &x[row * width + column[0]..row * width + column[1]]);
                    let sum = rows.fold(T::ZERO, |sum, row| sum + par::sum(row, row, |x, _| x));
                    if let Some(out) = out.next() {
                        *out = sum / T::of(((row[1] - row[0]) * (column[1] - column[0])) as f64);
                    }
                });
            }
        });
    })
}

/// Gives each bin's gradient to its places in equal parts.
pub fn mean_backward<T: Float>(grad: &[T], bins: &Bins) -> Vec<T> {
    let ([area, out_area], width) = (bins.areas(), bins.size[1]);
    if area * out_area == 0 {
        return Vec::new();
    }
    par::build(grad.len() / out_area * area, bins.group() * area, |start, out: &mut [T]| {
        simd::run!({
            let grad = par::piece(grad, start / area * out_area, grad.len());
            for (out, grad) in out.chunks_exact_mut(area).zip(grad.chunks_exact(out_area)) {
                let mut grad = grad.iter();
                bins.each(|row, column| {
                    let count = ((row[1] - row[0]) * (column[1] - column[0])) as f64;
                    let share = grad.next().map_or(T::ZERO, |&grad| grad / T::of(count));
                    for row in row[0]..row[1] {
                        out[row * width + column[0]..row * width + column[1]].iter_mut().for_each(|out| *out += share);
                    }
                });
            }
        });
    })
}

/// The largest value of each bin and its place in the plane. The first one wins a tie, and a NaN wins over all.
pub fn max_forward<T: Float>(x: &[T], bins: &Bins) -> (Vec<T>, Vec<u32>) {
    let ([area, out_area], width) = (bins.areas(), bins.size[1]);
    if area * out_area == 0 {
        return (Vec::new(), Vec::new());
    }
    let count = x.len() / area * out_area;
    let (mut out, mut places) = (vec![T::ZERO; count], vec![0_u32; count]);
    let planes = bins.group();
    let pieces = out.par_chunks_mut(planes * out_area).zip(places.par_chunks_mut(planes * out_area));
    pieces.zip(x.par_chunks(planes * area)).for_each(|((out, places), x)| {
        let planes = out.chunks_exact_mut(out_area).zip(places.chunks_exact_mut(out_area));
        for ((out, places), x) in planes.zip(x.chunks_exact(area)) {
            let mut to = out.iter_mut().zip(places);
            bins.each(|row, column| {
                let mut best = (T::NEG_INFINITY, row[0] * width + column[0]);
                for row in row[0]..row[1] {
                    let range = row * width + column[0]..row * width + column[1];
                    for (at, &value) in range.clone().zip(&x[range]) {
                        // The first NaN stays: nothing is larger than it.
                        #[expect(clippy::eq_op, reason = "the cheapest test for NaN")]
                        if value > best.0 || (value != value && best.0 == best.0) {
                            best = (value, at);
                        }
                    }
                }
                if let Some((out, place)) = to.next() {
                    (*out, *place) = (best.0, best.1 as u32);
                }
            });
        }
    });
    (out, places)
}

/// Gives each bin's gradient to the place that won.
pub fn max_backward<T: Float>(grad: &[T], places: &[u32], bins: &Bins) -> Vec<T> {
    let [area, out_area] = bins.areas();
    if area * out_area == 0 {
        return Vec::new();
    }
    par::build(grad.len() / out_area * area, bins.group() * area, |start, out: &mut [T]| {
        let first = start / area * out_area;
        let (grad, places) = (par::piece(grad, first, grad.len()), par::piece(places, first, places.len()));
        let planes = grad.chunks_exact(out_area).zip(places.chunks_exact(out_area));
        for (out, (grad, places)) in out.chunks_exact_mut(area).zip(planes) {
            grad.iter().zip(places).for_each(|(&grad, &place)| out[place as usize] += grad);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_as_in_pytorch() {
        assert_eq!(bins(7, 3), [[0, 3], [2, 5], [4, 7]]);
        assert_eq!(bins(2, 4), [[0, 1], [0, 1], [1, 2], [1, 2]]);
    }

    #[test]
    fn a_nan_wins_and_minus_infinity_is_a_value() {
        let bins = Bins::new([1, 4], [1, 2]);
        let x = [f32::NEG_INFINITY, f32::NEG_INFINITY, f32::NAN, 3.0];
        let (out, places) = max_forward(&x, &bins);
        assert!(out[0] == f32::NEG_INFINITY && out[1].is_nan());
        assert_eq!(
            (places.as_slice(), max_backward(&[1.0_f32, 2.0], &places, &bins)),
            (&[0, 2][..], vec![1.0, 0.0, 2.0, 0.0])
        );
    }
}
