//! Seeded random numbers in named streams.
//!
//! Each purpose draws from a stream of its own (`init`, `shuffle`, `dropout.<node>`), so that one more draw in one
//! place does not move all others, and a stream's position can be saved and restored: a resumed run draws what the
//! uninterrupted run would have drawn. candle's CPU generator can't be seeded, so nothing here uses it.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

/// One named stream of random numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    rng: ChaCha8Rng,
    seed: u64,
    name: String,
}

/// Where a stream stands, for checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamState {
    /// Seed of the run.
    pub seed: u64,
    /// Purpose of the stream.
    pub name: String,
    /// 32-bit words drawn so far; as text in JSON, where a number would lose digits.
    pub position: String,
}

impl Stream {
    /// The stream `name` of that seed, at its start.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes()).update(name.as_bytes());
        Self { rng: ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()), seed, name: name.to_owned() }
    }

    /// The stream at a saved position.
    #[must_use]
    pub fn restore(state: &StreamState) -> Self {
        let mut stream = Self::new(state.seed, &state.name);
        stream.rng.set_word_pos(state.position.parse().unwrap_or(0));
        stream
    }

    /// Where the stream stands.
    #[must_use]
    pub fn state(&self) -> StreamState {
        StreamState { seed: self.seed, name: self.name.clone(), position: self.rng.get_word_pos().to_string() }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        self.rng.next_u32()
    }

    /// Uniform in `[0, 1)`, 24 random bits.
    pub fn uniform(&mut self) -> f32 {
        (self.rng.next_u32() >> 8) as f32 / (1_u32 << 24) as f32
    }

    /// Standard normal (Box and Muller 1958), two uniforms a value.
    pub fn normal(&mut self) -> f32 {
        // 1 - u lies in (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * f64::from(1.0 - self.uniform()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * f64::from(self.uniform())).cos()) as f32
    }

    /// Uniform between two numbers.
    pub fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * f64::from(self.uniform())
    }

    /// A share from 0 to 1 of the symmetric beta distribution: two gammas, one divided by the sum of both.
    pub fn beta(&mut self, alpha: f64) -> f64 {
        let (one, other) = (self.gamma(alpha), self.gamma(alpha));
        // Tiny parameters round both to nothing; the distribution is then a coin.
        if one + other > 0.0 { one / (one + other) } else { f64::from(self.uniform().round()) }
    }

    /// Gamma with scale 1 (Marsaglia and Tsang 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let rest = 1.0 - f64::from(self.uniform());
            return self.gamma(shape + 1.0) * rest.powf(1.0 / shape.max(1e-3));
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = f64::from(self.normal());
            let v = (1.0 + c * x).powi(3);
            let u = 1.0 - f64::from(self.uniform());
            if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Uniform in `0..bound` without bias (Lemire 2019); 0 for a bound of 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        let threshold = bound.wrapping_neg().checked_rem(bound).unwrap_or(0);
        loop {
            let product = u64::from(self.rng.next_u32()) * u64::from(bound);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(u32::try_from(last + 1).unwrap_or(u32::MAX)) as usize;
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_stream_goes_on_where_it_stood() {
        let mut stream = Stream::new(7, "shuffle");
        for _ in 0..1001 {
            stream.uniform();
        }
        let mut restored = Stream::restore(&stream.state());
        let expect: Vec<u32> = (0..50).map(|_| stream.next_u32()).collect();
        let got: Vec<u32> = (0..50).map(|_| restored.next_u32()).collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn streams_differ_by_name_and_seed() {
        let first = |seed, name| Stream::new(seed, name).next_u32();
        assert_ne!(first(1, "init"), first(1, "shuffle"));
        assert_ne!(first(1, "init"), first(2, "init"));
    }

    #[test]
    fn beta_has_the_moments_of_the_distribution() {
        // Variance of Beta(a, a) is 1 / (4 (2 a + 1)).
        let mut stream = Stream::new(3, "test");
        for alpha in [0.2, 1.0, 4.0] {
            let values: Vec<f64> = (0..20_000).map(|_| stream.beta(alpha)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
            let expect = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!((mean - 0.5).abs() < 0.01 && (variance - expect).abs() < 0.005, "{alpha}: {mean}, {variance}");
        }
    }

    #[test]
    fn normal_has_mean_0_and_variance_1() {
        let mut stream = Stream::new(3, "test");
        let values: Vec<f64> = (0..20_000).map(|_| f64::from(stream.normal())).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.03, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.05, "variance {variance}");
    }
}
