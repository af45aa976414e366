//! Masks of dropout.

use rayon::prelude::*;

use super::float::Float;
use super::par;
use crate::base::rng::{Stream, StreamState};

/// One byte a value, 0 with probability `rate`, else 1. Drawn in pieces from places of the stream that depend on the
/// value's position alone.
pub fn mask(len: usize, rate: f64, stream: &Stream) -> Vec<u8> {
    // A value is dropped if its 32 random bits lie below this.
    let threshold = (rate * 2.0_f64.powi(32)) as u64;
    let state = stream.state();
    let first: u128 = state.position.parse().unwrap_or(0);
    let mut mask = vec![0; len];
    mask.par_chunks_mut(par::CHUNK).enumerate().for_each(|(index, piece)| {
        let position = (first + (index * par::CHUNK) as u128).to_string();
        let mut stream = Stream::restore(&StreamState { position, ..state.clone() });
        for keep in piece {
            *keep = u8::from(u64::from(stream.next_u32()) >= threshold);
        }
    });
    mask
}

/// Values times 0 or `1 / (1 - rate)`: forward and backward alike. Each byte of the mask is that of `run` values. A NaN
/// stays one even where it is dropped.
pub fn apply<T: Float>(values: &[T], mask: &[u8], rate: f64, run: usize) -> Vec<T> {
    let scale = T::of(1.0 / (1.0 - rate));
    if run > 1 {
        let chunk = (par::CHUNK / run).max(1) * run;
        return par::build(values.len(), chunk, |start, out: &mut [T]| {
            let runs = out.chunks_mut(run).zip(par::piece(values, start, values.len()).chunks(run));
            for ((out, values), &keep) in runs.zip(par::piece(mask, start / run, mask.len())) {
                let factor = if keep == 0 { T::ZERO } else { scale };
                out.iter_mut().zip(values).for_each(|(out, &value)| *out = value * factor);
            }
        });
    }
    par::build(values.len(), par::CHUNK, |start, out: &mut [T]| {
        let (values, mask) = (par::piece(values, start, out.len()), par::piece(mask, start, out.len()));
        for ((out, &value), &keep) in out.iter_mut().zip(values).zip(mask) {
            *out = value * if keep == 0 { T::ZERO } else { scale };
        }
    })
}
