//! A run as the window sees it: its record, its curves, its evaluation.

use std::sync::Arc;

use crate::base::files::FileError;
use crate::base::{Problem, RunId};
use crate::metrics::{Evaluation, MetricSeries};
use crate::train::record::{RunFolder, RunHistory};
use crate::train::{EpochMetrics, RunRecord, StepMetrics};

/// A run with its curves. The x axis of every curve counts epochs.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its folder's name.
    pub id: RunId,
    /// What it was.
    pub record: Arc<RunRecord>,
    /// One point a step.
    pub step_loss: MetricSeries,
    /// One point a step.
    pub step_accuracy: MetricSeries,
    /// One point a step.
    pub learning_rate: MetricSeries,
    /// One point a step, samples a second.
    pub throughput: MetricSeries,
    /// One entry an epoch.
    pub epochs: Vec<EpochMetrics>,
    /// Planned peak memory, bytes.
    pub planned_bytes: u64,
    /// Resident memory of the program before the run took any, bytes; 0 if that is not known.
    pub before_bytes: u64,
    /// Evaluation, if there was one.
    pub evaluation: Option<Arc<Evaluation>>,
    /// What the run itself noticed: overfitting, divergence.
    pub notices: Vec<Problem>,
    /// Whether it is the run under way.
    pub is_active: bool,
}

impl Run {
    /// A run that is about to start.
    pub(super) fn starting(id: RunId, record: RunRecord) -> Self {
        Self { is_active: true, ..Self::with_record(id, record) }
    }

    /// A run as its folder tells.
    ///
    /// # Errors
    /// If its record can't be read. Curves or an evaluation that can't be read are left out and noted.
    pub fn read(id: RunId, folder: &RunFolder) -> Result<Self, FileError> {
        let mut run = Self::with_record(id, folder.read_record()?);
        match folder.read_history() {
            Ok(history) => run.fill(&history),
            Err(error) => run.note(&error),
        }
        match folder.read_evaluation() {
            Ok(evaluation) => run.evaluation = evaluation.map(Arc::new),
            Err(error) => run.note(&error),
        }
        Ok(run)
    }

    fn with_record(id: RunId, record: RunRecord) -> Self {
        Self {
            id,
            notices: record.notices.clone(),
            planned_bytes: record.planned_bytes,
            before_bytes: record.before_bytes,
            record: Arc::new(record),
            step_loss: MetricSeries::default(),
            step_accuracy: MetricSeries::default(),
            learning_rate: MetricSeries::default(),
            throughput: MetricSeries::default(),
            epochs: Vec::new(),
            evaluation: None,
            is_active: false,
        }
    }

    fn fill(&mut self, history: &RunHistory) {
        for step in &history.steps {
            self.push_step(step);
        }
        self.epochs.clone_from(&history.epochs);
    }

    fn note(&mut self, error: &FileError) {
        let place = crate::base::Place::Run(self.id.clone());
        self.notices.push(Problem::warning(place, error.to_string(), "The rest of the run is shown"));
    }

    /// Adds one step to the curves.
    pub(super) fn push_step(&mut self, step: &StepMetrics) {
        self.step_loss.push(step.epoch, step.loss);
        if let Some(accuracy) = step.accuracy {
            self.step_accuracy.push(step.epoch, accuracy);
        }
        self.learning_rate.push(step.epoch, step.learning_rate);
        self.throughput.push(step.epoch, step.samples_per_second);
    }

    /// Drops what lies behind the checkpoint that a run goes on from; it is computed again.
    pub(super) fn forget_after(&mut self, step: u64, steps_per_epoch: u64) {
        let end = step as f64 / steps_per_epoch.max(1) as f64 + 1e-9;
        for series in [&mut self.step_loss, &mut self.step_accuracy, &mut self.learning_rate, &mut self.throughput] {
            let is_behind = series.last().is_some_and(|[x, _]| x > end);
            if is_behind {
                let mut kept = MetricSeries::default();
                for [x, y] in series.points(f64::NEG_INFINITY..=end, series.len()) {
                    if x <= end {
                        kept.push(x, y);
                    }
                }
                *series = kept;
            }
        }
        self.epochs.retain(|epoch| epoch.step <= step);
    }

    /// Whether it has weights to evaluate and predict with.
    pub fn has_weights(&self) -> bool {
        !self.record.outcome.weights_blake3.is_empty() || !self.epochs.is_empty()
    }
}
