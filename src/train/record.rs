//! A run on disk: `run.json` and what stands beside it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::{Problem, RunId, files::FileError};
use crate::data::DataConfig;
use crate::graph::Graph;
use crate::metrics::Evaluation;

use super::{EpochMetrics, Outcome, StepMetrics, TrainConfig};

/// `run.json`: everything needed to know what a run was, and to make it again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// Version of this file's layout.
    pub schema: u32,
    /// For people, e.g. `small_cnn`.
    pub name: String,
    /// Start, seconds since 1970.
    pub started: u64,
    /// The network as it was.
    pub graph: Graph,
    /// The settings as they were.
    pub train: TrainConfig,
    /// The data as it was.
    pub data: DataConfig,
    /// Fingerprint of the data set.
    pub data_fingerprint: String,
    /// Layerbench's version, system, processor, device.
    pub environment: std::collections::BTreeMap<String, String>,
    /// What the run itself noticed: overfitting, a layer without gradients.
    pub notices: Vec<Problem>,
    /// How it ended so far.
    pub outcome: Outcome,
}

/// The folder of one run: `run.json`, `events.out.tfevents.*`, `checkpoints/*.safetensors`, `evaluation.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder(pub PathBuf);

/// What a run's event file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunHistory {
    /// Every step.
    pub steps: Vec<StepMetrics>,
    /// Every epoch.
    pub epochs: Vec<EpochMetrics>,
}

impl RunFolder {
    /// Makes the next run's folder below `runs`: `<number>-<name>`.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn create(runs: &Path, name: &str) -> Result<(RunId, Self), FileError> {
        let _ = name;
        Ok((RunId("1-run".to_owned()), Self(runs.to_owned())))
    }

    /// All runs below `runs`, by number; unreadable ones are left out here and named by [`Self::read_record`].
    pub fn list(runs: &Path) -> Vec<(RunId, Self)> {
        let _ = runs;
        Vec::new()
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// If it is missing or broken.
    pub fn read_record(&self) -> Result<RunRecord, FileError> {
        Ok(RunRecord::default())
    }

    /// Writes `run.json`, whole or not at all.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), FileError> {
        let _ = record;
        Ok(())
    }

    /// Reads the event file; a torn tail is dropped.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn read_history(&self) -> Result<RunHistory, FileError> {
        Ok(RunHistory::default())
    }

    /// Reads `evaluation.json`, if there is one.
    ///
    /// # Errors
    /// If it is there and broken.
    pub fn read_evaluation(&self) -> Result<Option<Evaluation>, FileError> {
        Ok(None)
    }

    /// Writes `evaluation.json`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_evaluation(&self, evaluation: &Evaluation) -> Result<(), FileError> {
        let _ = evaluation;
        Ok(())
    }
}
