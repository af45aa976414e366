//! Work split over threads in pieces that depend on the size alone.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::float::Float;

/// Values that one piece of element-wise work handles: 64 kB in f32, which fits the inner caches.
pub const CHUNK: usize = 16 * 1024;

/// A vector of `len` values, made in pieces of `chunk`: `fill` gets the position of the first value and zeros to fill in.
pub fn build<T: Float>(len: usize, chunk: usize, fill: impl Fn(usize, &mut [T]) + Sync) -> Vec<T> {
    let mut values = Vec::with_capacity(len);
    let work = |(index, piece): (usize, &mut [MaybeUninit<T>])| fill(index * chunk, zeroed(piece));
    if let Some(spare) = values.spare_capacity_mut().get_mut(..len) {
        let chunk = chunk.max(1);
        if len <= chunk {
            work((0, spare));
        } else {
            spare.par_chunks_mut(chunk).enumerate().for_each(work);
        }
    }
    // SAFETY: every piece, and so every one of the `len` values, was written by `zeroed`.
    #[expect(unsafe_code, reason = "zeroing the whole vector first would cost a pass over memory")]
    unsafe {
        values.set_len(len);
    }
    values
}

/// A vector of `len` values that `write` writes in parts.
///
/// # Safety
/// `write` must write every value.
#[expect(unsafe_code, reason = "the caller promises to write every value")]
pub unsafe fn written<T: Float>(len: usize, write: impl FnOnce(&Shared<'_, MaybeUninit<T>>)) -> Vec<T> {
    let mut values = Vec::with_capacity(len);
    if let Some(spare) = values.spare_capacity_mut().get_mut(..len) {
        write(&Shared::new(spare));
    }
    // SAFETY: the capacity is that large, and every value was written, as the caller promises.
    unsafe {
        values.set_len(len);
    }
    values
}

/// A vector of `len` values, made in pieces of `chunk`: `write` gets the position of the first value and room to write.
/// Unlike [`build`] it spares the zeros, which cost as much as a light function of the values.
///
/// # Safety
/// `write` must write every value of its piece.
#[expect(unsafe_code, reason = "the caller promises to write every value")]
pub unsafe fn write<T: Float>(len: usize, chunk: usize, write: impl Fn(usize, &mut [MaybeUninit<T>]) + Sync) -> Vec<T> {
    let mut values = Vec::with_capacity(len);
    let chunk = chunk.max(1);
    if let Some(spare) = values.spare_capacity_mut().get_mut(..len) {
        if len <= chunk {
            write(0, spare);
        } else {
            spare.par_chunks_mut(chunk).enumerate().for_each(|(index, piece)| write(index * chunk, piece));
        }
    }
    // SAFETY: the capacity is that large, and every value was written, as the caller promises.
    unsafe {
        values.set_len(len);
    }
    values
}

/// Zeros, written by all threads.
pub fn zeros<T: Float>(len: usize) -> Vec<T> {
    build(len, CHUNK, |_, _: &mut [T]| {})
}

/// Zeros a piece just before it is filled, while it is about to be in the cache anyway.
fn zeroed<T: Float>(piece: &mut [MaybeUninit<T>]) -> &mut [T] {
    for value in piece.iter_mut() {
        value.write(T::ZERO);
    }
    // SAFETY: all values were just written, and MaybeUninit<T> has the layout of T.
    #[expect(unsafe_code, reason = "the loop above made all values valid")]
    unsafe {
        &mut *(std::ptr::from_mut(piece) as *mut [T])
    }
}

/// Two vectors of the same length, made together.
pub fn build2<T: Float>(len: usize, fill: impl Fn(usize, &mut [T], &mut [T]) + Sync) -> (Vec<T>, Vec<T>) {
    let (mut first, mut second) = (vec![T::ZERO; len], vec![T::ZERO; len]);
    let pieces = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
    pieces.enumerate().for_each(|(index, (first, second))| fill(index * CHUNK, first, second));
    (first, second)
}

/// Three vectors of the same length, made together.
pub fn build3<T: Float>(
    len: usize,
    fill: impl Fn(usize, &mut [T], &mut [T], &mut [T]) + Sync,
) -> (Vec<T>, Vec<T>, Vec<T>) {
    let (mut first, mut second, mut third) = (vec![T::ZERO; len], vec![T::ZERO; len], vec![T::ZERO; len]);
    let pieces = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK)).zip(third.par_chunks_mut(CHUNK));
    pieces.enumerate().for_each(|(index, ((first, second), third))| fill(index * CHUNK, first, second, third));
    (first, second, third)
}

/// Values that are summed side by side, so that a sum becomes vector code.
const LANES: usize = 32;

/// Sum of `of(x, y)` over two slices of the same length, in interleaved parts that are added in a fixed order.
#[inline(always)]
pub fn sum<T: Float>(x: &[T], y: &[T], of: impl Fn(T, T) -> T) -> T {
    let [sum] = sums(x, y, |x, y| [of(x, y)]);
    sum
}

/// Several such sums in one pass.
#[inline(always)]
pub fn sums<T: Float, const N: usize>(x: &[T], y: &[T], of: impl Fn(T, T) -> [T; N]) -> [T; N] {
    let mut parts = [[T::ZERO; LANES]; N];
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks::<LANES>();
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for lane in 0..LANES {
            let values = of(x[lane], y[lane]);
            for (parts, value) in parts.iter_mut().zip(values) {
                parts[lane] += value;
            }
        }
    }
    for (lane, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
        for (parts, value) in parts.iter_mut().zip(of(x, y)) {
            parts[lane] += value;
        }
    }
    parts.map(|parts| halve(parts, |left, right| left + right))
}

/// Sums of the products of `x` with each of four slices of its length, in the parts and the order of [`sum`].
#[inline(always)]
pub fn dots<T: Float>(x: &[T], ys: [&[T]; 4]) -> [T; 4] {
    #[inline(always)]
    fn add<T: Float>(parts: &mut [T; LANES], x: &[T; LANES], y: &[T; LANES]) {
        for lane in 0..LANES {
            parts[lane] += x[lane] * y[lane];
        }
    }
    let [mut first, mut second, mut third, mut fourth] = [[T::ZERO; LANES]; 4];
    let (blocks, rest) = x.as_chunks::<LANES>();
    let [y0, y1, y2, y3] = ys.map(|y| y.as_chunks::<LANES>().0);
    for ((((x, y0), y1), y2), y3) in blocks.iter().zip(y0).zip(y1).zip(y2).zip(y3) {
        add(&mut first, x, y0);
        add(&mut second, x, y1);
        add(&mut third, x, y2);
        add(&mut fourth, x, y3);
    }
    let mut all = [first, second, third, fourth];
    for (parts, y) in all.iter_mut().zip(ys) {
        let y = piece(y, blocks.len() * LANES, rest.len());
        parts.iter_mut().zip(rest.iter().zip(y)).for_each(|(part, (&x, &y))| *part += x * y);
    }
    all.map(|parts| halve(parts, |left, right| left + right))
}

/// The largest value; a NaN wins, and nothing gives minus infinity.
#[inline(always)]
pub fn largest<T: Float>(x: &[T]) -> T {
    let mut parts = [T::NEG_INFINITY; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for x in blocks {
        for (part, &x) in parts.iter_mut().zip(x) {
            *part = part.max_nan(x);
        }
    }
    for (part, &x) in parts.iter_mut().zip(rest) {
        *part = part.max_nan(x);
    }
    halve(parts, T::max_nan)
}

/// Joins the second half with the first until one value is left.
#[inline(always)]
fn halve<T: Float>(mut parts: [T; LANES], join: impl Fn(T, T) -> T) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            parts[lane] = join(parts[lane], parts[lane + width]);
        }
        width /= 2;
    }
    parts[0]
}

/// `len` values from `start` on, fewer where the slice ends.
#[inline(always)]
pub fn piece<T>(values: &[T], start: usize, len: usize) -> &[T] {
    let start = start.min(values.len());
    let end = start.saturating_add(len).min(values.len());
    &values[start..end]
}

/// A slice of which several threads write parts that do not overlap.
pub struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    owner: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: `slice` is the only access, and its callers promise parts that do not overlap.
#[expect(unsafe_code, reason = "parts of several rows are not one slice")]
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    /// Takes the slice for as long as parts of it are handed out.
    pub fn new(values: &'a mut [T]) -> Self {
        Self { start: values.as_mut_ptr(), len: values.len(), owner: std::marker::PhantomData }
    }

    /// `len` values from `start` on.
    ///
    /// # Safety
    /// No two parts that are in use at the same time may overlap.
    #[expect(unsafe_code, clippy::mut_from_ref, reason = "the caller promises parts that do not overlap")]
    pub unsafe fn slice(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start <= self.len && len <= self.len - start, "the part must lie inside the slice");
        // SAFETY: inside the slice, as just asserted, and not in use elsewhere, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
