//! How long a prediction takes, measured on real samples.

use std::time::{Duration, Instant};

use candle_core::DType;

use crate::data::{Prepared, batch};
use crate::graph::Network;

use super::EvaluateError;

/// Milliseconds of repeated forward passes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Timing {
    /// Median.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
}

/// As many repetitions tell the 95th percentile well enough.
const MOST: usize = 100;

/// Times forward passes of `batch_size` samples out of `samples` until `budget` is spent. The first pass only warms caches
/// up, unless it alone takes longer than the budget. `None` without samples.
///
/// # Errors
/// If the network or the data fails.
pub fn inference_time(
    network: &Network,
    prepared: &Prepared,
    samples: &[u32],
    batch_size: usize,
    budget: Duration,
) -> Result<Option<Timing>, EvaluateError> {
    let chosen = samples.get(..batch_size.clamp(1, samples.len().max(1))).unwrap_or_default();
    if chosen.is_empty() {
        return Ok(None);
    }
    let (inputs, _) = batch::batch(&prepared.dataset, &prepared.normalizer, chosen, network.device())?;
    let inputs = [inputs.to_dtype(network.dtype())?];
    let pass = || -> Result<f64, EvaluateError> {
        let start = Instant::now();
        let outputs = network.infer(&inputs)?;
        if let Some(output) = outputs.first() {
            // Reading the values waits for a device that works on its own time.
            output.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        }
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    let start = Instant::now();
    let first = pass()?;
    let mut times = Vec::new();
    while start.elapsed() < budget && times.len() < MOST {
        times.push(pass()?);
    }
    if times.is_empty() {
        times.push(first);
    }
    Ok(Some(percentiles(times)))
}

fn percentiles(mut times: Vec<f64>) -> Timing {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (share * (times.len().saturating_sub(1)) as f64).round() as usize;
        times.get(index).copied().unwrap_or(0.0)
    };
    Timing { p50_ms: at(0.5), p95_ms: at(0.95) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let times: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(percentiles(times), Timing { p50_ms: 50.0, p95_ms: 95.0 });
        assert_eq!(percentiles(vec![3.0]), Timing { p50_ms: 3.0, p95_ms: 3.0 });
    }
}
