//! A run on disk: `run.json` and what stands beside it.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::files::{self, FileError};
use crate::base::{Problem, RunId};
use crate::data::DataConfig;
use crate::graph::Graph;
use crate::metrics::Evaluation;

use super::checkpoint::Checkpoints;
use super::{Ending, EpochMetrics, Outcome, StepMetrics, TrainConfig, history};

/// `run.json`: everything needed to know what a run was, and to make it again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// Version of this file's layout, [`Self::SCHEMA`] when written by this version.
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
    /// Estimated memory of a step, bytes.
    pub planned_bytes: u64,
    /// Resident memory of the program before the run took any, bytes; 0 if that is not known.
    pub before_bytes: u64,
    /// What the run itself noticed: overfitting, a layer without gradients.
    pub notices: Vec<Problem>,
    /// How it ended so far.
    pub outcome: Outcome,
}

impl RunRecord {
    /// The version of the file's layout that this program writes.
    pub const SCHEMA: u32 = 1;
}

/// The folder of one run: `run.json`, `events.out.tfevents.*`, `checkpoints/*.safetensors`, `weights.safetensors`, `evaluation.json`.
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
    /// Makes the next run's folder below `runs`: `<number>-<name>`. Numbers of runs in `.trash` are not used again.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn create(runs: &Path, name: &str) -> Result<(RunId, Self), FileError> {
        files::make_folder(runs)?;
        let used = numbered(runs).into_iter().chain(numbered(&runs.join(".trash")));
        let mut number = used.map(|(id, _)| id.number()).max().unwrap_or(0);
        loop {
            number = number.saturating_add(1);
            let id = RunId(format!("{number}-{}", plain(name)));
            let path = runs.join(id.as_str());
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok((id, Self(path))),
                // Someone else was faster; the next number is free.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < u32::MAX => {}
                Err(error) => return Err(FileError::of("can't make the folder", &path)(error)),
            }
        }
    }

    /// All runs below `runs`, by number; unreadable ones are named by [`Self::read_record`].
    pub fn list(runs: &Path) -> Vec<(RunId, Self)> {
        let mut found = numbered(runs);
        found.retain(|(_, folder)| folder.0.join("run.json").exists());
        found.sort_by(|(a, _), (b, _)| (a.number(), a.as_str()).cmp(&(b.number(), b.as_str())));
        found
    }

    /// The folder's name.
    pub fn id(&self) -> RunId {
        RunId(self.0.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// If it is missing, broken, or from a newer version.
    pub fn read_record(&self) -> Result<RunRecord, FileError> {
        let path = self.0.join("run.json");
        let record: RunRecord = parse(&path, &files::read(&path)?)?;
        if record.schema > RunRecord::SCHEMA {
            let message = format!(
                "it was written by a newer version (layout {}, this version knows {}). Open it with that version",
                record.schema,
                RunRecord::SCHEMA
            );
            return Err(FileError::of("can't read", &path)(Error::new(ErrorKind::InvalidData, message)));
        }
        Ok(record)
    }

    /// Writes `run.json`, whole or not at all.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), FileError> {
        self.write_json("run.json", record)
    }

    /// Reads the event file; a torn tail is dropped.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn read_history(&self) -> Result<RunHistory, FileError> {
        history::read(&self.0)
    }

    /// Reads `evaluation.json`, if there is one.
    ///
    /// # Errors
    /// If it is there and broken.
    pub fn read_evaluation(&self) -> Result<Option<Evaluation>, FileError> {
        let path = self.0.join("evaluation.json");
        if !path.exists() {
            return Ok(None);
        }
        parse(&path, &files::read(&path)?).map(Some)
    }

    /// Writes `evaluation.json`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_evaluation(&self, evaluation: &Evaluation) -> Result<(), FileError> {
        self.write_json("evaluation.json", evaluation)
    }

    /// The kept weights: of the best or the last epoch, as the settings say. While a run is under way, or after a kill, the best
    /// so far, else those of the newest checkpoint; `None` before the first one.
    pub fn weights_path(&self) -> Option<PathBuf> {
        let kept = self.kept_path();
        let is_finished = self.read_record().is_ok_and(|record| record.outcome.ending != Ending::Unfinished);
        if is_finished && kept.exists() {
            return Some(kept);
        }
        let checkpoints = Checkpoints::of(&self.0);
        let best = checkpoints.bests().pop().map(|(_, path)| path);
        best.or_else(|| checkpoints.paths().pop().map(|(_, path)| path)).or_else(|| kept.exists().then_some(kept))
    }

    /// Where the kept weights stand once the run has ended.
    pub(super) fn kept_path(&self) -> PathBuf {
        self.0.join("weights.safetensors")
    }

    /// Whether it has a checkpoint to go on from.
    pub fn has_checkpoint(&self) -> bool {
        !Checkpoints::of(&self.0).paths().is_empty()
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), FileError> {
        let path = self.0.join(name);
        let mut text =
            serde_json::to_vec_pretty(value).map_err(|error| FileError::of("can't write", &path)(error.into()))?;
        text.push(b'\n');
        files::write_atomic(&path, &text)
    }
}

fn parse<T: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, FileError> {
    serde_json::from_slice(text).map_err(|error| {
        let message = format!("it is damaged ({error}). The run's other files may still be good");
        FileError::of("can't read", path)(Error::new(ErrorKind::InvalidData, message))
    })
}

/// Folders called `<number>-<name>`.
fn numbered(runs: &Path) -> Vec<(RunId, RunFolder)> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let named = folders.map(|entry| (RunId(entry.file_name().to_string_lossy().into_owned()), RunFolder(entry.path())));
    named.filter(|(id, _)| id.number() > 0).collect()
}

/// A name that every file system takes.
fn plain(name: &str) -> String {
    let kept = name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' });
    let text: String = kept.take(40).collect();
    if text.is_empty() { "run".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_numbered_on_and_listed_by_number() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        for expect in ["1-mlp", "2-mlp", "3-mlp"] {
            let (id, run) = RunFolder::create(&runs, "mlp").unwrap();
            assert_eq!((id.as_str(), run.id().as_str()), (expect, expect));
            run.write_record(&RunRecord::default()).unwrap();
        }
        std::fs::create_dir_all(runs.join(".trash/9-old")).unwrap();
        let (id, run) = RunFolder::create(&runs, "a/b: c?").unwrap();
        assert_eq!(id.as_str(), "10-a_b__c_");
        run.write_record(&RunRecord::default()).unwrap();
        let numbers: Vec<u32> = RunFolder::list(&runs).iter().map(|(id, _)| id.number()).collect();
        assert_eq!(numbers, [1, 2, 3, 10]);
    }

    #[test]
    fn records_and_evaluations_survive() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder(folder.path().to_owned());
        let metrics =
            EpochMetrics { train_loss: 0.1 + 0.2, validation_loss: Some(1.0 / 3.0), ..EpochMetrics::default() };
        let record = RunRecord {
            schema: RunRecord::SCHEMA,
            name: "mlp".to_owned(),
            outcome: Outcome { metrics: Some(metrics), ..Outcome::default() },
            ..RunRecord::default()
        };
        run.write_record(&record).unwrap();
        assert_eq!(run.read_record().unwrap(), record);
        assert_eq!(run.read_evaluation().unwrap(), None);
        let evaluation = Evaluation { accuracy: 0.987_654_321, confusion: vec![vec![1, 2]], ..Evaluation::default() };
        run.write_evaluation(&evaluation).unwrap();
        assert_eq!(run.read_evaluation().unwrap(), Some(evaluation));
    }

    #[test]
    fn a_broken_record_and_one_from_the_future_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder(folder.path().to_owned());
        std::fs::write(folder.path().join("run.json"), "{\"schema\": 1, ").unwrap();
        let text = run.read_record().unwrap_err().to_string();
        assert!(text.contains("run.json") && text.contains("damaged"), "{text}");
        std::fs::write(folder.path().join("run.json"), "{\"schema\": 99}").unwrap();
        let text = run.read_record().unwrap_err().to_string();
        assert!(text.contains("newer version"), "{text}");
    }
}
