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

/// Sum of the values that `value` gives for `0..count`, in 8 interleaved parts that are added in a fixed order, so that it
/// becomes vector code.
#[inline(always)]
pub fn sum<T: Float>(count: usize, value: impl Fn(usize) -> T) -> T {
    let mut parts = [T::ZERO; 8];
    let whole = count / 8 * 8;
    let mut index = 0;
    while index < whole {
        for (lane, part) in parts.iter_mut().enumerate() {
            *part += value(index + lane);
        }
        index += 8;
    }
    for (lane, index) in (whole..count).enumerate() {
        parts[lane] += value(index);
    }
    let [a, b, c, d, e, f, g, h] = parts;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// `len` values from `start` on, fewer where the slice ends.
#[inline(always)]
pub fn piece<T>(values: &[T], start: usize, len: usize) -> &[T] {
    let start = start.min(values.len());
    let end = start.saturating_add(len).min(values.len());
    &values[start..end]
}
