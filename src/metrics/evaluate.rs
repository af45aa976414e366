//! Runs a network over one part of the data.

use std::time::Duration;

use candle_core::{DType, Tensor};

use crate::base::Progress;
use crate::data::{DataError, Labels, Part, Prepared, Task, batch, corpus};
use crate::graph::{Network, NetworkError};

use super::{Evaluation, MaskScores, MaskTally, TaskLoss, inference_time, language, masks, scores};

/// Why an evaluation ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// Someone cancelled it.
    #[error("the evaluation was cancelled")]
    Cancelled,
    /// The part is empty.
    #[error("the {part} part has no samples. Give it a share of the data in the split settings")]
    Empty {
        /// Which.
        part: &'static str,
    },
    /// The network's output is not one value per class (and pixel, for masks; or token that may follow), or one value for
    /// regression.
    #[error(
        "the network gives {received} values per sample, but the data needs {expected}. Set the last layer to {expected}"
    )]
    Output {
        /// What the data needs.
        expected: usize,
        /// What the network gives.
        received: usize,
    },
    /// The network failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The data failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Samples in one forward pass of an evaluation.
const BATCH: usize = 64;

/// The same for masks, whose outputs are large.
const MASKS_BATCH: usize = 8;

/// Time that an evaluation spends on measuring single predictions.
const TIMING_BUDGET: Duration = Duration::from_millis(200);

/// The numbers for the end of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Mean over the samples.
    pub loss: f64,
    /// Share of right answers (classification), or of right pixels (segmentation).
    pub accuracy: Option<f64>,
    /// Mean intersection over union and Dice (segmentation).
    pub overlap: Option<(f64, f64)>,
}

/// A right answer as it is counted: in whole numbers, so that sums do not depend on their order. Of a mask the share of
/// its right pixels counts.
pub const RIGHT: u64 = 1_000_000;

/// Evaluates one part in inference mode; `progress` counts samples and can cancel.
///
/// # Errors
/// If it was cancelled, the part is empty, or the network or the data fails.
pub fn evaluate(
    network: &Network,
    prepared: &Prepared,
    part: Part,
    progress: &Progress,
) -> Result<Evaluation, EvaluateError> {
    let samples = prepared.split.part(part);
    if samples.is_empty() {
        return Err(EvaluateError::Empty { part: part_name(part) });
    }
    progress.set_total(samples.len() as u64);
    let mut evaluation = match corpus::texts_of(&prepared.dataset) {
        Some(texts) => language::evaluate(network, prepared, texts, samples, progress)?,
        None => of_samples(network, prepared, samples, progress)?,
    };
    part_name(part).clone_into(&mut evaluation.part);
    if let Some(timing) = inference_time(network, prepared, samples, 1, TIMING_BUDGET)? {
        evaluation.inference_ms_p50 = timing.p50_ms;
        evaluation.inference_ms_p95 = timing.p95_ms;
    }
    Ok(evaluation)
}

/// The scores of samples that have one answer each.
fn of_samples(
    network: &Network,
    prepared: &Prepared,
    samples: &[u32],
    progress: &Progress,
) -> Result<Evaluation, EvaluateError> {
    let mut outputs = Vec::new();
    // Masks are counted at once: their outputs together could be larger than the memory.
    let mut masks = (prepared.dataset.task == Task::Segmentation).then(|| MaskTally::new(&prepared.dataset));
    for chunk in samples.chunks(if prepared.dataset.task == Task::Segmentation { MASKS_BATCH } else { BATCH }) {
        if progress.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let values = host(&forward(network, prepared, chunk)?.0)?;
        match &mut masks {
            Some(masks) => masks.add(&prepared.dataset, chunk, &values),
            None => outputs.extend(values),
        }
        for _ in chunk {
            progress.advance();
        }
    }
    Ok(masks.map_or_else(|| score(prepared, samples, &outputs), MaskTally::evaluation))
}

/// Loss and accuracy over `samples`; `None` without samples or when `is_cancelled` says so between two batches.
///
/// # Errors
/// If the network or the data fails.
pub fn summarize(
    network: &Network,
    prepared: &Prepared,
    samples: &[u32],
    batch_size: usize,
    loss: &TaskLoss,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Option<Summary>, EvaluateError> {
    let (mut sum, mut weight, mut right) = (0.0, 0.0, 0_u64);
    let mut masks = (prepared.dataset.task == Task::Segmentation).then(|| MaskTally::new(&prepared.dataset));
    for chunk in samples.chunks(batch_size.max(1)) {
        if is_cancelled() {
            return Ok(None);
        }
        let (output, targets) = forward(network, prepared, chunk)?;
        let loss = loss.compute(&output, &targets)?;
        // A weight of 0 means that nothing counted.
        if loss.weight > 0.0 {
            sum += loss.mean * loss.weight;
            weight += loss.weight;
        }
        match &mut masks {
            Some(masks) => masks.add(&prepared.dataset, chunk, &host(&output)?),
            None => right += right_answers(prepared, chunk, &output)?.unwrap_or(0),
        }
    }
    let accuracy = prepared.dataset.task == Task::Classification;
    let mut accuracy = accuracy.then_some(right as f64 / (samples.len() as u64 * RIGHT) as f64);
    let overlap = masks.map(|masks| {
        let MaskScores { mean_iou, dice, .. } = masks.scores();
        accuracy = Some(masks.accuracy());
        (mean_iou, dice)
    });
    Ok((!samples.is_empty()).then_some(Summary { loss: sum / weight, accuracy, overlap }))
}

/// How many of these samples the network has right, times [`RIGHT`]; `None` for regression and language models.
///
/// # Errors
/// If the output can't be read from its device.
pub fn right_answers(prepared: &Prepared, samples: &[u32], output: &Tensor) -> candle_core::Result<Option<u64>> {
    let dataset = &prepared.dataset;
    if matches!(dataset.labels, Labels::Values(_) | Labels::Next(_) | Labels::Boxes(_)) {
        return Ok(None);
    }
    let values = host(output)?;
    let width = (values.len() / samples.len().max(1)).max(1);
    let right = |(&sample, output): (&u32, &[f32])| match &dataset.labels {
        Labels::Classes(labels) => {
            let label = labels.get(sample as usize);
            u64::from(label.is_some_and(|&label| scores::arg_max(output) == label as usize)) * RIGHT
        }
        Labels::Masks(known) => {
            let mask = known.of(sample as usize).unwrap_or(&[]);
            (masks::right_share(mask, output, dataset.classes.len()) * RIGHT as f64).round() as u64
        }
        Labels::Values(_) | Labels::Next(_) | Labels::Boxes(_) => 0,
    };
    Ok(Some(samples.iter().zip(values.chunks(width)).map(right).sum()))
}

/// As in files and on the command line.
pub const fn part_name(part: Part) -> &'static str {
    match part {
        Part::Train => "train",
        Part::Validation => "validation",
        Part::Test => "test",
    }
}

/// The first output for some samples, and their targets.
pub(super) fn forward(
    network: &Network,
    prepared: &Prepared,
    samples: &[u32],
) -> Result<(Tensor, Tensor), EvaluateError> {
    let (inputs, targets) = batch::batch(&prepared.dataset, &prepared.normalizer, samples, network.device())?;
    let dataset = &prepared.dataset;
    let expected = dataset.outputs_needed();
    let Some(output) = network.infer(&[inputs.to_dtype(network.dtype())?])?.into_iter().next() else {
        return Err(EvaluateError::Output { expected, received: 0 });
    };
    // Masks have their classes in front, everything else behind.
    let place = if dataset.task == Task::Segmentation { 1 } else { output.rank().saturating_sub(1) };
    let received = output.dims().get(place).copied().unwrap_or(0);
    if dataset.takes_output(output.dims().get(1..).unwrap_or(&[])) {
        Ok((output, targets))
    } else {
        Err(EvaluateError::Output { expected, received })
    }
}

/// The values of a tensor, flat, in f32.
pub fn host(tensor: &Tensor) -> candle_core::Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}

fn score(prepared: &Prepared, samples: &[u32], outputs: &[f32]) -> Evaluation {
    let dataset = &prepared.dataset;
    match &dataset.labels {
        Labels::Classes(labels) => {
            let truth: Vec<u32> = samples.iter().filter_map(|&sample| labels.get(sample as usize)).copied().collect();
            scores::classification(samples, &truth, outputs, dataset.classes.len())
        }
        // Counted batch by batch, see `evaluate`.
        Labels::Masks(_) => Evaluation::default(),
        Labels::Values(values) => {
            let (shift, scale) = target_scaling(prepared);
            let truth: Vec<f32> = samples.iter().filter_map(|&sample| values.get(sample as usize)).copied().collect();
            let predicted: Vec<f32> = outputs.iter().map(|&value| (f64::from(value) / scale + shift) as f32).collect();
            scores::regression(samples, &truth, &predicted, scale)
        }
        // Running text is evaluated window by window: all outputs together could be many gigabytes.
        Labels::Next(_) | Labels::Boxes(_) => Evaluation::default(),
    }
}

/// Shift and scale of a regression target, never a scale of 0.
fn target_scaling(prepared: &Prepared) -> (f64, f64) {
    let (shift, scale) = prepared.normalizer.target;
    (f64::from(shift), if scale == 0.0 { 1.0 } else { f64::from(scale) })
}
