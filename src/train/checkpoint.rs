//! Checkpoints: everything that a resumed run needs to equal the uninterrupted one bit for bit.
//!
//! All random numbers come from streams that are named after the step or the epoch, so no generator is stored: the position in the
//! run is enough. A checkpoint is one file (`step-000000123.safetensors`: weights, what the optimizer keeps, the state as
//! its note, one fingerprint over all of it), written aside and renamed. The last two stay, so that damage to one leaves
//! another. The best weights so far stand beside them (`best-0004.safetensors`), written before the checkpoint that names them.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::files::{self, FileError};
use crate::metrics::{EpochLosses, exact};

use super::EpochMetrics;
use super::schedules::PlateauState;
use super::weights::{self, Bundle};

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Version of this layout, [`Self::SCHEMA`].
    pub schema: u32,
    /// Steps made.
    pub step: u64,
    /// Epochs finished.
    pub epochs: usize,
    /// Batches done of the epoch under way.
    pub cursor: usize,
    /// What must be the same for the run to go on: seed, batch size, number of training samples, optimizer.
    pub fixed: String,
    /// Sum of the losses of the epoch under way, over its samples.
    #[serde(with = "exact")]
    pub loss_sum: f64,
    /// Right answers of the epoch under way, times [`RIGHT`](crate::metrics::evaluate::RIGHT).
    pub right: u64,
    /// Samples of the epoch under way.
    pub samples: u64,
    /// Seconds of the epoch under way.
    pub epoch_seconds: f64,
    /// Seconds of the run, pauses not counted.
    pub seconds: f64,
    /// Largest resident memory seen, bytes.
    pub peak_bytes: u64,
    /// Both losses of every finished epoch.
    pub losses: Vec<EpochLosses>,
    /// The best epoch so far.
    pub best: Option<Best>,
    /// Metrics of the last epoch.
    pub last: Option<EpochMetrics>,
    /// Whether overfitting was called out already.
    pub overfitting_told: bool,
    /// What the plateau schedule remembers.
    #[serde(default)]
    pub plateau: PlateauState,
}

/// The best epoch so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Counted from 1.
    pub epoch: usize,
    /// By which it is the best.
    #[serde(with = "exact")]
    pub loss: f64,
    /// What was measured at its end.
    pub metrics: EpochMetrics,
}

impl State {
    /// The layout that this version writes.
    pub const SCHEMA: u32 = 1;

    /// Before the first step.
    pub fn new(fixed: String) -> Self {
        Self {
            schema: Self::SCHEMA,
            step: 0,
            epochs: 0,
            cursor: 0,
            fixed,
            loss_sum: 0.0,
            right: 0,
            samples: 0,
            epoch_seconds: 0.0,
            seconds: 0.0,
            peak_bytes: 0,
            losses: Vec::new(),
            best: None,
            last: None,
            overfitting_told: false,
            plateau: PlateauState::default(),
        }
    }
}

/// Names of the optimizer's tensors begin so; a node's name has no slash.
const OPTIMIZER: &str = "optimizer/";

/// How many checkpoints stay.
const KEPT: usize = 2;

/// A checkpoint in memory.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Where the run stood.
    pub state: State,
    tensors: Bundle,
}

impl Checkpoint {
    /// The weights by name.
    pub fn tensors(&self) -> &std::collections::BTreeMap<String, Tensor> {
        &self.tensors.tensors
    }

    /// A tensor that the optimizer kept.
    ///
    /// # Errors
    /// If it is not there.
    pub fn optimizer_tensor(&self, name: &str) -> candle_core::Result<Tensor> {
        match self.tensors.tensors.get(&format!("{OPTIMIZER}{name}")) {
            Some(tensor) => Ok(tensor.clone()),
            None => candle_core::bail!("the checkpoint has no {name}"),
        }
    }
}

/// The `checkpoints` folder of a run.
#[derive(Debug, Clone)]
pub struct Checkpoints(PathBuf);

impl Checkpoints {
    /// Those of the run in `folder`.
    pub fn of(folder: &Path) -> Self {
        Self(folder.join("checkpoints"))
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Writes a checkpoint and removes those that are no longer needed.
    ///
    /// # Errors
    /// If it can't be written; the older ones are then still there.
    pub fn write<'a>(
        &self,
        state: &State,
        weights: impl Iterator<Item = (&'a str, &'a Tensor)>,
        optimizer: impl Iterator<Item = (String, &'a Tensor)>,
    ) -> Result<PathBuf, FileError> {
        let path = self.0.join(format!("step-{:09}.safetensors", state.step));
        let note = serde_json::to_string(state).map_err(|error| FileError::of("can't write", &path)(error.into()))?;
        let weights = weights.map(|(name, tensor)| (name.to_owned(), tensor.clone()));
        let optimizer = optimizer.map(|(name, tensor)| (format!("{OPTIMIZER}{name}"), tensor.clone()));
        files::make_folder(&self.0)?;
        weights::write(&path, &Bundle { tensors: weights.chain(optimizer).collect(), note })?;
        self.tidy(state);
        Ok(path)
    }

    /// Writes the best weights so far. The next checkpoint names them.
    ///
    /// # Errors
    /// If they can't be written.
    pub fn write_best<'a>(
        &self,
        epoch: usize,
        weights: impl Iterator<Item = (&'a str, &'a Tensor)>,
    ) -> Result<(), FileError> {
        files::make_folder(&self.0)?;
        let tensors = weights.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
        weights::write(&self.best_path(epoch), &Bundle { tensors, note: String::new() })
    }

    /// The best weights of an epoch.
    pub fn best_path(&self, epoch: usize) -> PathBuf {
        self.0.join(format!("best-{epoch:04}.safetensors"))
    }

    /// The newest checkpoint that is whole, with its best weights if it names some; damaged ones are passed over.
    pub fn newest(&self, device: &Device) -> Option<Checkpoint> {
        self.paths().into_iter().rev().find_map(|(_, path)| {
            let tensors = weights::read(&path, device).ok()?;
            let state: State = serde_json::from_str(&tensors.note).ok()?;
            // Without the best weights the run could not end as it should; an older checkpoint can.
            let best_is_there = state.best.is_none_or(|best| self.best_path(best.epoch).exists());
            (state.schema == State::SCHEMA && best_is_there).then_some(Checkpoint { state, tensors })
        })
    }

    /// Checkpoint files with their steps, oldest first.
    pub fn paths(&self) -> Vec<(u64, PathBuf)> {
        let mut found = self.numbered("step-");
        found.sort();
        found
    }

    /// Best weights with their epochs, oldest first.
    pub fn bests(&self) -> Vec<(u64, PathBuf)> {
        let mut found = self.numbered("best-");
        found.sort();
        found
    }

    /// Removes checkpoints and best weights that nothing needs any more.
    fn tidy(&self, state: &State) {
        let steps = self.paths();
        // A checkpoint of a later step is from a future that a damaged or repeated run left behind.
        let stale = steps.iter().filter(|(step, _)| *step > state.step);
        let current: Vec<_> = steps.iter().filter(|(step, _)| *step <= state.step).collect();
        let old = current.iter().rev().skip(KEPT).copied();
        for (_, path) in stale.chain(old) {
            // What can't be removed now is tried again with the next checkpoint.
            let _ = std::fs::remove_file(path);
        }
        let bests = self.bests();
        // The older checkpoint may still name the best weights before these.
        let named = state.best.map_or(0, |best| best.epoch as u64);
        let before = bests.iter().rev().map(|(epoch, _)| *epoch).find(|&epoch| epoch < named).unwrap_or(named);
        for (epoch, path) in bests {
            if epoch != named && epoch != before {
                let _ = std::fs::remove_file(path);
            }
        }
    }

    fn numbered(&self, prefix: &str) -> Vec<(u64, PathBuf)> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let number = |name: &str| name.strip_prefix(prefix)?.strip_suffix(".safetensors")?.parse().ok();
        entries.filter_map(|entry| Some((number(&entry.file_name().to_string_lossy())?, entry.path()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(checkpoints: &Checkpoints, step: u64, best: Option<usize>) {
        let value = Tensor::full(step as f32, 3, &Device::Cpu).unwrap();
        let best = best.map(|epoch| Best { epoch, loss: 0.1 + 0.2, metrics: EpochMetrics::default() });
        let state = State { step, best, loss_sum: f64::NAN, ..State::new("same".to_owned()) };
        if let Some(best) = best {
            checkpoints.write_best(best.epoch, [("w", &value)].into_iter()).unwrap();
        }
        let kept = [("w.exp_avg".to_owned(), &value)].into_iter();
        checkpoints.write(&state, [("w", &value)].into_iter(), kept).unwrap();
    }

    fn newest_step(checkpoints: &Checkpoints) -> Option<u64> {
        checkpoints.newest(&Device::Cpu).map(|checkpoint| checkpoint.state.step)
    }

    #[test]
    fn the_newest_whole_one_is_found_and_two_stay() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(folder.path());
        assert_eq!(newest_step(&checkpoints), None);
        for (step, best) in [(10, None), (20, Some(1)), (30, Some(2)), (40, Some(2))] {
            write(&checkpoints, step, best);
        }
        assert_eq!(checkpoints.paths().iter().map(|(step, _)| *step).collect::<Vec<_>>(), [30, 40]);
        let newest = checkpoints.newest(&Device::Cpu).unwrap();
        assert_eq!(newest.state.best.unwrap().loss.to_bits(), (0.1_f64 + 0.2).to_bits());
        assert!(newest.state.loss_sum.is_nan());
        assert_eq!(newest.optimizer_tensor("w.exp_avg").unwrap().to_vec1::<f32>().unwrap(), [40.0; 3]);

        let (_, path) = checkpoints.paths().pop().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(newest_step(&checkpoints), Some(30), "the damaged one is passed over");
        std::fs::remove_file(checkpoints.best_path(2)).unwrap();
        assert_eq!(newest_step(&checkpoints), None, "without its best weights it can't end as it should");
    }

    #[test]
    fn going_on_from_an_older_one_clears_the_lost_future() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(folder.path());
        for step in [10, 20, 15] {
            write(&checkpoints, step, None);
        }
        assert_eq!(newest_step(&checkpoints), Some(15));
    }
}
