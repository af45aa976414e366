//! Sequences `[batch, time, features]` brought down to one row a sample.

use rayon::prelude::*;

use super::float::Float;
use super::{par, simd};

/// Sizes of a batch of sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Steps of a sequence, those of the padding among them.
    pub time: usize,
    /// Values of a step.
    pub features: usize,
}

/// One step of each sample.
pub fn pick<T: Float>(x: &[T], steps: Steps, picks: &[usize]) -> Vec<T> {
    let Steps { time, features } = steps;
    par::build(picks.len() * features, features, |start, out: &mut [T]| {
        let sample = start / features.max(1);
        out.copy_from_slice(&x[(sample * time + picks[sample]) * features..][..out.len()]);
    })
}

/// Gradient of [`pick`]: zeros but for the picked steps.
pub fn put<T: Float>(grad: &[T], steps: Steps, picks: &[usize]) -> Vec<T> {
    let Steps { time, features } = steps;
    par::build(picks.len() * time * features, time * features, |start, out: &mut [T]| {
        let sample = start / (time * features).max(1);
        let grad = &grad[sample * features..][..features];
        out[picks[sample] * features..][..features].copy_from_slice(grad);
    })
}

/// Mean of the first steps of each sample, as many as its length says.
pub fn mean<T: Float>(x: &[T], steps: Steps, lengths: &[usize]) -> Vec<T> {
    let Steps { time, features } = steps;
    par::build(lengths.len() * features, features, |start, out: &mut [T]| {
        let sample = start / features.max(1);
        let length = lengths[sample];
        simd::run!({
            for row in par::piece(x, sample * time * features, length * features).chunks_exact(features.max(1)) {
                out.iter_mut().zip(row).for_each(|(out, &x)| *out += x);
            }
            let factor = T::ONE / T::of(length as f64);
            for out in out {
                *out *= factor;
            }
        });
    })
}

/// Gradient of [`mean`].
pub fn mean_backward<T: Float>(grad: &[T], steps: Steps, lengths: &[usize]) -> Vec<T> {
    let Steps { time, features } = steps;
    par::build(lengths.len() * time * features, time * features, |start, out: &mut [T]| {
        let sample = start / (time * features).max(1);
        let factor = T::ONE / T::of(lengths[sample] as f64);
        let grad = &grad[sample * features..][..features];
        for row in out.chunks_exact_mut(features.max(1)).take(lengths[sample]) {
            row.iter_mut().zip(grad).for_each(|(out, &grad)| *out = grad * factor);
        }
    })
}

/// Largest value of each column over the first steps of each sample, and the step that it is in: the first one of
/// several. A NaN wins over all.
pub fn max<T: Float>(x: &[T], steps: Steps, lengths: &[usize]) -> (Vec<T>, Vec<u32>) {
    let Steps { time, features } = steps;
    let mut out = vec![T::NEG_INFINITY; lengths.len() * features];
    let mut winners = vec![0; lengths.len() * features];
    let pairs = out.par_chunks_mut(features.max(1)).zip(winners.par_chunks_mut(features.max(1)));
    pairs.enumerate().for_each(|(sample, (out, winners))| {
        let rows = par::piece(x, sample * time * features, lengths[sample] * features);
        for (step, row) in rows.chunks_exact(features.max(1)).enumerate() {
            for ((out, winner), &x) in out.iter_mut().zip(winners.iter_mut()).zip(row) {
                #[expect(clippy::eq_op, reason = "the test for NaN of a generic number")]
                let wins = *out == *out && (x > *out || x != x || step == 0);
                if wins {
                    (*out, *winner) = (x, step as u32);
                }
            }
        }
    });
    (out, winners)
}

/// Gradient of [`max`].
pub fn max_backward<T: Float>(grad: &[T], steps: Steps, winners: &[u32]) -> Vec<T> {
    let Steps { time, features } = steps;
    par::build(grad.len() * time, time * features, |start, out: &mut [T]| {
        let sample = start / (time * features).max(1);
        let of_sample = sample * features..(sample + 1) * features;
        for (column, (&grad, &winner)) in grad[of_sample.clone()].iter().zip(&winners[of_sample]).enumerate() {
            out[winner as usize * features + column] = grad;
        }
    })
}
