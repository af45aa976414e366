//! What `layerbench bench` measures: cases with stable names, grouped, each described in full as JSON, so that
//! `benches/compare.py` builds the same work in PyTorch from the description.
//!
//! A case is built when it is asked for and measured by its wall-clock times, one a run.

mod data;
mod layers;
mod networks;
mod ops;
mod steps;

use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use serde_json::Value;

use crate::base::Dims;
use crate::graph::NetworkError;
use crate::nn::LayerError;

/// What belongs together, and has one bar against PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Forward and backward of one operation in sizes as networks have them, and the optimizer's step.
    Ops,
    /// Forward and backward of every layer of the catalogue with its default settings.
    Layers,
    /// Whole training steps.
    Steps,
    /// Predictions of one sample.
    Inference,
    /// Batches from memory and from files.
    Data,
    /// Training steps while batch, width, depth or sequence grows.
    Growth,
}

impl Group {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 6] = [Self::Ops, Self::Layers, Self::Steps, Self::Inference, Self::Data, Self::Growth];

    /// As on the command line.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Ops => "ops",
            Self::Layers => "layers",
            Self::Steps => "steps",
            Self::Inference => "inference",
            Self::Data => "data",
            Self::Growth => "growth",
        }
    }

    /// Its cases. Those that need a layer which this version does not have are left out, and so is reading of image
    /// files where no folder of them is given.
    pub fn cases(self, images: Option<&Path>) -> Vec<Case> {
        match self {
            Self::Ops => ops::cases(),
            Self::Layers => layers::cases(),
            Self::Steps => steps::cases(),
            Self::Inference => steps::inference(),
            Self::Data => data::cases(images),
            Self::Growth => steps::growth(),
        }
    }
}

/// Something to measure.
pub struct Case {
    /// The same in every version, e.g. `conv2d_3x3_8x64x56_64`.
    pub name: String,
    /// What is done, in full: layers with all their settings, shapes, sizes.
    pub about: Value,
    build: Box<dyn Fn() -> Result<Work>>,
}

/// The work of a case, done once a call.
pub type Work = Box<dyn FnMut() -> Result<()>>;

/// Why a case can't be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A layer failed.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// A network failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The work can't be done as described.
    #[error("{0}")]
    Failed(String),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

type Result<T> = std::result::Result<T, BenchError>;

impl Case {
    fn new(name: &str, about: Value, build: impl Fn() -> Result<Work> + 'static) -> Self {
        Self { name: name.to_owned(), about, build: Box::new(build) }
    }

    /// Makes the tensors and networks that the work needs.
    ///
    /// # Errors
    /// If there is no room, or the work does not fit together.
    pub fn build(&self) -> Result<Work> {
        (self.build)()
    }
}

/// Times of single runs in milliseconds: one run to warm up, then for so long, and so many runs at least.
///
/// # Errors
/// If the work fails.
pub fn times_ms(work: &mut Work, at_least: Duration, runs: usize) -> Result<Vec<f64>> {
    /// Enough for any median.
    const MOST: usize = 10_000;
    let _computing = crate::ops::computing();
    work()?;
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < runs || (start.elapsed() < at_least && times.len() < MOST) {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// The middle of the sorted times; 0 of none.
pub fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied().unwrap_or_default();
    if sorted.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|index| sorted.get(index)).copied().unwrap_or_default();
    f64::midpoint(lower, upper)
}

/// Numbers between -1 and 1 without a pattern that caches or branches could learn.
fn noise(dims: &[usize]) -> Result<Tensor> {
    let count = dims.iter().product();
    // A Weyl sequence, scrambled: cheap, and as good as random for timing.
    let scrambled = |index: usize| {
        let mut bits = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 31)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (bits >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = (0..count).map(scrambled).collect();
    Ok(Tensor::from_vec(values, dims, &Device::Cpu)?)
}

/// Whole numbers below `limit` as tokens or classes.
fn whole_numbers(dims: &[usize], limit: usize) -> Result<Tensor> {
    let count: usize = dims.iter().product();
    let values: Vec<u32> = (0..count).map(|index| (index.wrapping_mul(7919) % limit.max(1)) as u32).collect();
    Ok(Tensor::from_vec(values, dims, &Device::Cpu)?)
}

/// A tensor of these dims of a sample for a batch of `batch`.
fn noise_batch(batch: usize, dims: &Dims) -> Result<Tensor> {
    noise(&dims.with_batch(batch))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_told_apart() {
        let mut names = BTreeSet::new();
        for group in Group::ALL {
            for case in group.cases(None) {
                assert!(names.insert(case.name.clone()), "{} stands twice", case.name);
                assert!(case.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.'), "{}", case.name);
                assert!(case.about["kind"].is_string(), "{}", case.name);
            }
        }
        assert!(names.len() > 40, "{}", names.len());
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn noise_is_spread_evenly() {
        let values = noise(&[100, 100]).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / 1e4;
        let square = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / 1e4;
        assert!(mean.abs() < 0.03 && (square - 1.0 / 3.0).abs() < 0.02, "{mean} {square}");
    }
}
