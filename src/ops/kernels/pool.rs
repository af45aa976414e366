//! Pools over planes of `[height, width]`: each channel of each sample is a plane.

use super::float::Float;
use super::window::{Divisor, PoolWindow};
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
    let mut places = vec![0_u16; count * out_area];
    if places.is_empty() {
        return (Vec::new(), places);
    }
    let shared = par::Shared::new(&mut places);
    let out = par::build(count * out_area, planes.group() * out_area, |start, out: &mut [T]| {
        // SAFETY: each piece has its own planes.
        #[expect(unsafe_code, reason = "places are split as the values are")]
        let places = unsafe { shared.slice(start, out.len()) };
        let x = par::piece(x, start / out_area * area, out.len() / out_area * area);
        let mut row = MaxRow::new(planes);
        simd::run!({
            let planes_of = out.chunks_exact_mut(out_area).zip(places.chunks_exact_mut(out_area));
            for ((out, places), x) in planes_of.zip(x.chunks_exact(area)) {
                row.plane(x, out, places);
            }
        });
    });
    (out, places)
}

/// Scratch for a row of a max pool: the input row with its padding, split by what the steps leave over, so that what the
/// windows see at one of their places lies side by side; and the winners, as wide as the values.
struct MaxRow<T> {
    planes: Planes,
    split: Vec<T>,
    winners: Vec<u32>,
}

impl<T: Float> MaxRow<T> {
    fn new(planes: Planes) -> Self {
        let PoolWindow { kernel, stride, dilation, .. } = planes.window;
        let len = planes.output[1] + (kernel[1].saturating_sub(1) * dilation[1]) / stride[1] + 1;
        Self { planes, split: vec![T::NEG_INFINITY; len * stride[1]], winners: vec![0; planes.output[1]] }
    }

    #[inline(always)]
    fn plane(&mut self, x: &[T], out: &mut [T], places: &mut [u16]) {
        let Planes { size, output, window } = self.planes;
        let rows = out.chunks_exact_mut(output[1]).zip(places.chunks_exact_mut(output[1]));
        for (row, (out, places)) in rows.enumerate() {
            out.fill(T::NEG_INFINITY);
            // A window whose values are all -inf keeps its first place inside the image.
            let first_row = window.padding[0].saturating_sub(row * window.stride[0]).div_ceil(window.dilation[0]);
            for (column, winner) in self.winners.iter_mut().enumerate() {
                let first_column =
                    window.padding[1].saturating_sub(column * window.stride[1]).div_ceil(window.dilation[1]);
                *winner = (first_row * window.kernel[1] + first_column) as u32;
            }
            for tap_row in 0..window.kernel[0] {
                let source = (row * window.stride[0] + tap_row * window.dilation[0]).wrapping_sub(window.padding[0]);
                if source < size[0] {
                    self.row(&x[source * size[1]..][..size[1]], tap_row, out);
                }
            }
            places.iter_mut().zip(&self.winners).for_each(|(place, &winner)| *place = winner as u16);
        }
    }

    /// One row of the input under one row of the window.
    #[inline(always)]
    fn row(&mut self, x: &[T], tap_row: usize, out: &mut [T]) {
        let PoolWindow { kernel, stride, padding, dilation, .. } = self.planes.window;
        let len = self.split.len() / stride[1];
        for (phase, split) in self.split.chunks_exact_mut(len).enumerate() {
            // The first place of this phase that lies inside the image.
            let first = padding[1].saturating_sub(phase).div_ceil(stride[1]);
            let start = first * stride[1] + phase - padding[1];
            if let (Some(split), Some(x)) = (split.get_mut(first..), x.get(start..)) {
                strided(split, x, stride[1], |to, x| *to = x);
            }
        }
        for tap in 0..kernel[1] {
            let at = tap * dilation[1];
            let values = &self.split[at % stride[1] * len + at / stride[1]..][..out.len()];
            let place = (tap_row * kernel[1] + tap) as u32;
            // The winner is chosen by the comparison before the value is overwritten.
            #[expect(clippy::eq_op, reason = "the cheapest test for NaN in vector code")]
            for ((out, winner), &x) in out.iter_mut().zip(&mut self.winners).zip(values) {
                let is_larger = x > *out || x != x;
                *winner = if is_larger { place } else { *winner };
                *out = if is_larger { x } else { *out };
            }
        }
    }
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
pub fn avg_forward<T: Float>(x: &[T], planes: Planes, divisor: Divisor) -> Vec<T> {
    let [area, out_area] = planes.areas();
    let Planes { output, window, .. } = planes;
    let scales = Scales::new(planes, divisor);
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
pub fn avg_backward<T: Float>(grad: &[T], planes: Planes, divisor: Divisor) -> Vec<T> {
    let [area, out_area] = planes.areas();
    let Planes { output, window, .. } = planes;
    let scales = Scales::new(planes, divisor);
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
    fn new(planes: Planes, divisor: Divisor) -> Self {
        let Planes { size, output, window } = planes;
        let [rows, columns] = [0, 1].map(|axis| {
            (0..output[axis])
                .map(|at| {
                    let extent = divisor.along(window, axis, at, size[axis]);
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
        let corner = |divisor| avg_forward(&[4.0_f64, 8.0, 12.0, 16.0], planes, divisor)[0];
        assert_eq!((corner(Divisor::WithPadding), corner(Divisor::Inside)), (1.0, 4.0));
        assert_eq!(corner(Divisor::Fixed(8)), 0.5);
    }
}
