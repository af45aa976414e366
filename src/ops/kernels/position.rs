//! Positions of a sequence's steps: sines to add, and rotations.

use super::float::Float;
use super::par;

/// Which values of a head are rotated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// One of the first half with one of the second.
    Halves,
    /// Neighbours.
    Neighbours,
}

/// How values are rotated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotation {
    /// Into how many heads the features are split.
    pub heads: usize,
    /// Wavelengths go up to 2 pi times this.
    pub base: f64,
    /// Which values belong together.
    pub pairing: Pairing,
}

/// Sines in the even columns and cosines in the odd ones, `[time, features]` (Vaswani et al. 2017, section 3.5).
pub fn sinusoidal(time: usize, features: usize) -> Vec<f64> {
    let angle = |step: usize, column: usize| {
        let wave = (column / 2 * 2) as f64 / features.max(1) as f64;
        let angle = step as f64 / 10_000.0_f64.powf(wave);
        if column.is_multiple_of(2) { angle.sin() } else { angle.cos() }
    };
    (0..time).flat_map(|step| (0..features).map(move |column| angle(step, column))).collect()
}

/// Cosines and sines of the angles, `[time, pairs]`.
pub fn angles(time: usize, pairs: usize, rotation: Rotation) -> (Vec<f64>, Vec<f64>) {
    let speeds: Vec<f64> = (0..pairs).map(|pair| rotation.base.powf(-(pair as f64) / pairs.max(1) as f64)).collect();
    let angles = || (0..time).flat_map(|step| speeds.iter().map(move |speed| step as f64 * speed));
    (angles().map(f64::cos).collect(), angles().map(f64::sin).collect())
}

/// Rotates the values of rows of `features`, `time` rows a sample, by `direction` times the angles of their places.
pub fn rotate<T: Float>(x: &[T], time: usize, features: usize, rotation: Rotation, direction: f64) -> Vec<T> {
    let width = features / rotation.heads.max(1);
    let pairs = width / 2;
    let (cos, sin) = angles(time, pairs, rotation);
    let cos: Vec<T> = cos.into_iter().map(T::of).collect();
    let sin: Vec<T> = sin.into_iter().map(|sin| T::of(sin * direction)).collect();
    let rows = (par::CHUNK / features.max(1)).max(1);
    par::build(x.len(), rows * features, |start, out: &mut [T]| {
        let x = par::piece(x, start, out.len());
        let first = start / features.max(1);
        for (row, (x, out)) in x.chunks_exact(features.max(1)).zip(out.chunks_exact_mut(features.max(1))).enumerate() {
            let at = (first + row) % time.max(1) * pairs;
            let (cos, sin) = (par::piece(&cos, at, pairs), par::piece(&sin, at, pairs));
            for (x, out) in x.chunks_exact(width.max(1)).zip(out.chunks_exact_mut(width.max(1))) {
                match rotation.pairing {
                    Pairing::Halves => {
                        let ((a, b), (to_a, to_b)) = (x.split_at(pairs), out.split_at_mut(pairs));
                        let turns = cos.iter().zip(sin).zip(a.iter().zip(b)).zip(to_a.iter_mut().zip(to_b));
                        for (((&cos, &sin), (&a, &b)), (to_a, to_b)) in turns {
                            *to_a = a * cos - b * sin;
                            *to_b = a * sin + b * cos;
                        }
                    }
                    Pairing::Neighbours => {
                        let (x, out) = (x.as_chunks::<2>().0, out.as_chunks_mut::<2>().0);
                        for (((&cos, &sin), [a, b]), out) in cos.iter().zip(sin).zip(x).zip(out) {
                            *out = [*a * cos - *b * sin, *a * sin + *b * cos];
                        }
                    }
                }
            }
        }
    })
}
