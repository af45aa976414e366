//! Pools over planes of `[height, width]`: each channel of each sample is a plane.

use rayon::prelude::*;

use super::float::Float;
use super::window::{PoolWindow, pool_extent};
use super::{par, simd};

/// Sizes of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planes {
    /// Height and width of the input.
    pub size: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// The window.
    pub window: PoolWindow,
}

/// Positions in the output along one axis that one place in the window meets inside the input.
#[derive(Debug, Clone, Copy)]
struct Reach {
    first: usize,
    end: usize,
    /// Where in the input the first one lies.
    source: usize,
}

/// For a place `tap` of a window that steps by `stride`: which of the `count` outputs see an input of `size`.
#[inline(always)]
fn reach(tap: usize, stride: usize, padding: usize, size: usize, count: usize) -> Reach {
    let first = padding.saturating_sub(tap).div_ceil(stride);
    let end = (size + padding).saturating_sub(tap).div_ceil(stride).min(count);
    Reach { first, end: end.max(first), source: (first * stride + tap).saturating_sub(padding) }
}

impl Planes {
    /// Of an input of that size.
    pub fn new(size: [usize; 2], window: PoolWindow) -> Self {
        Self { size, output: window.output(size), window }
    }

    #[inline(always)]
    fn areas(&self) -> [usize; 2] {
        [self.size[0] * self.size[1], self.output[0] * self.output[1]]
    }

    /// Planes that one piece of work handles.
    fn group(&self) -> usize {
        (par::CHUNK / self.areas()[0].max(1)).max(1)
    }

    #[inline(always)]
    fn reach(&self, axis: usize, tap: usize) -> Reach {
        let PoolWindow { stride, padding, dilation, .. } = self.window;
        reach(tap * dilation[axis], stride[axis], padding[axis], self.size[axis], self.output[axis])
    }

    /// Calls `row(tap, output row, first output column, columns, start in the input)` for every row of every place of the window.
    #[inline(always)]
    fn each_row(&self, mut row: impl FnMut(usize, usize, usize, usize, usize)) {
        let PoolWindow { kernel, stride, .. } = self.window;
        for tap_row in 0..kernel[0] {
            let rows = self.reach(0, tap_row);
            for tap_column in 0..kernel[1] {
                let columns = self.reach(1, tap_column);
                let count = columns.end - columns.first;
                if count == 0 {
                    continue;
                }
                for (index, out_row) in (rows.first..rows.end).enumerate() {
                    let source = (rows.source + index * stride[0]) * self.size[1] + columns.source;
                    row(tap_row * kernel[1] + tap_column, out_row, columns.first, count, source);
                }
            }
        }
    }
}

/// Calls `each(output, input)` for `count` outputs whose inputs lie `stride` apart. The common strides become vector code.
#[inline(always)]
fn strided<O, T: Copy>(out: &mut [O], input: &[T], stride: usize, mut each: impl FnMut(&mut O, T)) {
    match stride {
        1 => out.iter_mut().zip(input).for_each(|(out, &x)| each(out, x)),
        2 => {
            // The last pair may be cut off after its first value.
            let (pairs, rest) = input.as_chunks::<2>();
            let whole = pairs.len().min(out.len());
            let (body, tail) = out.split_at_mut(whole);
            body.iter_mut().zip(pairs).for_each(|(out, &[x, _])| each(out, x));
            tail.iter_mut().zip(rest).for_each(|(out, &x)| each(out, x));
        }
        _ => out.iter_mut().zip(input.iter().step_by(stride)).for_each(|(out, &x)| each(out, x)),
    }
}

/// The largest value of each window, and which place of the window it has. The first one wins a tie, and a NaN wins over all.
pub fn max_forward<T: Float>(x: &[T], planes: Planes) -> (Vec<T>, Vec<u16>) {
    let [area, out_area] = planes.areas();
    let count = x.len() / area.max(1);
    let (mut out, mut places) = (vec![T::NEG_INFINITY; count * out_area], vec![0_u16; count * out_area]);
    if out.is_empty() {
        return (out, places);
    }
    let group = planes.group();
    let pieces = out.par_chunks_mut(group * out_area).zip(places.par_chunks_mut(group * out_area));
    pieces.zip(x.par_chunks(group * area)).for_each(|((out, places), x)| {
        simd::run!({
            let planes_of = out.chunks_exact_mut(out_area).zip(places.chunks_exact_mut(out_area));
            for ((out, places), x) in planes_of.zip(x.chunks_exact(area)) {
                max_plane(x, out, places, planes);
            }
        });
    });
    (out, places)
}

#[inline(always)]
fn max_plane<T: Float>(x: &[T], out: &mut [T], places: &mut [u16], planes: Planes) {
    let Planes { output, window, .. } = planes;
    // A window whose values are all -inf keeps its first place inside the image.
    for (row, places) in places.chunks_exact_mut(output[1]).enumerate() {
        let first_row = window.padding[0].saturating_sub(row * window.stride[0]).div_ceil(window.dilation[0]);
        for (column, place) in places.iter_mut().enumerate() {
            let first_column = window.padding[1].saturating_sub(column * window.stride[1]).div_ceil(window.dilation[1]);
            *place = (first_row * window.kernel[1] + first_column) as u16;
        }
    }
    planes.each_row(|tap, row, first, count, source| {
        let start = row * output[1] + first;
        let (out, places) = (&mut out[start..start + count], &mut places[start..start + count]);
        let step = window.stride[1];
        let x = &x[source..=source + (count - 1) * step];
        let tap = tap as u16;
        // The place is chosen by the comparison before the value is overwritten.
        #[expect(clippy::eq_op, reason = "the cheapest test for NaN in vector code")]
        if step == 1 {
            for ((out, place), &x) in out.iter_mut().zip(places).zip(x) {
                let is_larger = x > *out || x != x;
                *place = if is_larger { tap } else { *place };
                *out = if is_larger { x } else { *out };
            }
        } else {
            let mut at = 0;
            for (out, place) in out.iter_mut().zip(places) {
                let x = x[at];
                let is_larger = x > *out || x != x;
                *place = if is_larger { tap } else { *place };
                *out = if is_larger { x } else { *out };
                at += step;
            }
        }
    });
}

/// Gives each window's gradient to the place that won.
pub fn max_backward<T: Float>(grad: &[T], places: &[u16], planes: Planes) -> Vec<T> {
    let [area, out_area] = planes.areas();
    let Planes { size, output, window } = planes;
    if out_area == 0 {
        return Vec::new();
    }
    let count = grad.len() / out_area;
    // Where a place lies, counted from the window's corner.
    let offsets: Vec<usize> = (0..window.kernel[0] * window.kernel[1])
        .map(|tap| [tap / window.kernel[1] * window.dilation[0], tap % window.kernel[1] * window.dilation[1]])
        .map(|[row, column]| row * size[1] + column)
        .collect();
    // The corner itself may lie before the plane; with its offset it never does.
    let pad = window.padding[0] * size[1] + window.padding[1];
    par::build(count * area, planes.group() * area, |start, out: &mut [T]| {
        let first = start / area * out_area;
        let (grad, places) = (par::piece(grad, first, grad.len()), par::piece(places, first, places.len()));
        let planes_of = grad.chunks_exact(out_area).zip(places.chunks_exact(out_area));
        for (out, (grad, places)) in out.chunks_exact_mut(area).zip(planes_of) {
            let rows = grad.chunks_exact(output[1]).zip(places.chunks_exact(output[1]));
            for (row, (grad, places)) in rows.enumerate() {
                let mut corner = row * window.stride[0] * size[1];
                for (&grad, &place) in grad.iter().zip(places) {
                    let target = (corner + offsets[place as usize]).wrapping_sub(pad);
                    out[target] += grad;
                    corner += window.stride[1];
                }
            }
        }
    })
}

/// The mean of each window.
pub fn avg_forward<T: Float>(x: &[T], planes: Planes, count_include_pad: bool) -> Vec<T> {
    let [area, out_area] = planes.areas();
    let Planes { output, window, .. } = planes;
    let scales = Scales::new(planes, count_include_pad);
    if out_area == 0 || area == 0 {
        return Vec::new();
    }
    par::build(x.len() / area * out_area, planes.group() * out_area, |start, out: &mut [T]| {
        simd::run!({
            let x = par::piece(x, start / out_area * area, x.len());
            for (out, x) in out.chunks_exact_mut(out_area).zip(x.chunks_exact(area)) {
                planes.each_row(|_, row, first, count, source| {
                    let start = row * output[1] + first;
                    let x = &x[source..=source + (count - 1) * window.stride[1]];
                    strided(&mut out[start..start + count], x, window.stride[1], |out, x| *out += x);
                });
                scales.apply(out);
            }
        });
    })
}

/// Gives each window's gradient to its places in equal parts.
pub fn avg_backward<T: Float>(grad: &[T], planes: Planes, count_include_pad: bool) -> Vec<T> {
    let [area, out_area] = planes.areas();
    let Planes { output, window, .. } = planes;
    let scales = Scales::new(planes, count_include_pad);
    if out_area == 0 {
        return Vec::new();
    }
    par::build(grad.len() / out_area * area, planes.group() * area, |start, out: &mut [T]| {
        simd::run!({
            let grad = par::piece(grad, start / area * out_area, grad.len());
            let mut scaled = vec![T::ZERO; out_area];
            for (out, grad) in out.chunks_exact_mut(area).zip(grad.chunks_exact(out_area)) {
                scaled.copy_from_slice(grad);
                scales.apply(&mut scaled);
                planes.each_row(|_, row, first, count, source| {
                    let start = row * output[1] + first;
                    let step = window.stride[1];
                    let out = &mut out[source..=source + (count - 1) * step];
                    let grads = &scaled[start..start + count];
                    if step == 1 {
                        out.iter_mut().zip(grads).for_each(|(out, &grad)| *out += grad);
                    } else {
                        out.iter_mut().step_by(step).zip(grads).for_each(|(out, &grad)| *out += grad);
                    }
                });
            }
        });
    })
}

/// By what each window's sum is multiplied: a factor for its row and one for its column.
struct Scales<T> {
    rows: Vec<T>,
    columns: Vec<T>,
}

impl<T: Float> Scales<T> {
    fn new(planes: Planes, count_include_pad: bool) -> Self {
        let Planes { size, output, window } = planes;
        let [rows, columns] = [0, 1].map(|axis| {
            (0..output[axis])
                .map(|at| {
                    let extent = pool_extent(window, axis, at, size[axis], count_include_pad);
                    T::of(1.0 / extent.max(1) as f64)
                })
                .collect()
        });
        Self { rows, columns }
    }

    #[inline(always)]
    fn apply(&self, plane: &mut [T]) {
        for (values, &row) in plane.chunks_exact_mut(self.columns.len().max(1)).zip(&self.rows) {
            values.iter_mut().zip(&self.columns).for_each(|(value, &column)| *value *= row * column);
        }
    }
}

/// The mean of each plane of `area` values.
pub fn global_forward<T: Float>(x: &[T], area: usize) -> Vec<T> {
    let area = area.max(1);
    let scale = T::of(1.0 / area as f64);
    par::build(x.len() / area, (par::CHUNK / area).max(1), |start, out: &mut [T]| {
        simd::run!({
            for (out, x) in out.iter_mut().zip(par::piece(x, start * area, x.len()).chunks_exact(area)) {
                *out = par::sum(x, x, |x, _| x) * scale;
            }
        });
    })
}

/// Spreads each mean's gradient over its plane.
pub fn global_backward<T: Float>(grad: &[T], area: usize) -> Vec<T> {
    let area = area.max(1);
    let scale = T::of(1.0 / area as f64);
    par::build(grad.len() * area, (par::CHUNK / area).max(1) * area, |start, out: &mut [T]| {
        for (out, &grad) in out.chunks_exact_mut(area).zip(par::piece(grad, start / area, grad.len())) {
            out.fill(grad * scale);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(size: [usize; 2], kernel: usize, stride: usize, padding: usize) -> Planes {
        let window = PoolWindow {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [1, 1],
            ceil_mode: false,
        };
        Planes::new(size, window)
    }

    #[test]
    fn the_first_of_equal_values_gets_the_gradient() {
        let planes = planes([2, 2], 2, 2, 0);
        let (out, places) = max_forward(&[7.0_f32; 4], planes);
        assert_eq!((out, max_backward(&[1.0_f32], &places, planes)), (vec![7.0], vec![1.0, 0.0, 0.0, 0.0]));
    }

    #[test]
    fn overlapping_windows_add_up() {
        // The 4 is the largest of both windows of a row of three.
        let window = PoolWindow { kernel: [1, 2], stride: [1, 1], padding: [0, 0], dilation: [1, 1], ceil_mode: false };
        let planes = Planes::new([1, 3], window);
        let (out, places) = max_forward(&[1.0_f64, 4.0, 2.0], planes);
        assert_eq!((out, max_backward(&[1.0, 10.0], &places, planes)), (vec![4.0, 4.0], vec![0.0, 11.0, 0.0]));
    }

    #[test]
    fn a_nan_and_minus_infinity_in_a_padded_window() {
        let planes = planes([3, 3], 3, 2, 1);
        let mut x = [f32::NEG_INFINITY; 9];
        let (out, places) = max_forward(&x, planes);
        assert_eq!(out, [f32::NEG_INFINITY; 4]);
        assert_eq!(max_backward(&[1.0; 4], &places, planes).iter().sum::<f32>(), 4.0);
        x[4] = f32::NAN;
        assert!(max_forward(&x, planes).0.iter().all(|value| value.is_nan()));
    }

    #[test]
    fn padding_counts_in_the_mean_only_if_asked() {
        let planes = planes([2, 2], 2, 1, 1);
        let corner = |count_include_pad| avg_forward(&[4.0_f64, 8.0, 12.0, 16.0], planes, count_include_pad)[0];
        assert_eq!((corner(true), corner(false)), (1.0, 4.0));
    }
}
