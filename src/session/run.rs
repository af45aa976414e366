//! A run as the window sees it: its record, its curves, its evaluation.

use std::sync::Arc;

use crate::base::{Problem, RunId};
use crate::metrics::{Evaluation, MetricSeries};
use crate::train::{EpochMetrics, RunRecord};

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
    /// Evaluation, if there was one.
    pub evaluation: Option<Arc<Evaluation>>,
    /// What the run itself noticed: overfitting, divergence.
    pub notices: Vec<Problem>,
    /// Whether it is the run under way.
    pub is_active: bool,
}
