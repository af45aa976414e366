//! The curves of a run on disk: steps and epochs as scalars of a TensorBoard event file.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::base::files::{self, FileError};

use super::record::RunHistory;
use super::tensorboard::{self, Scalars};
use super::{EpochMetrics, StepMetrics};

/// How long a step may wait before it is on disk.
const DELAY: Duration = Duration::from_millis(500);

/// What a full disk may hold back in memory; older steps are then lost to the file, not to the window.
const LARGEST_BACKLOG: usize = 16 << 20;

/// Appends to an event file.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: File,
    /// Good bytes in the file.
    length: u64,
    buffer: Vec<u8>,
    written: Instant,
}

impl EventLog {
    /// Goes on with the folder's event file behind `step` and `epoch` (0 for a new run), or begins one.
    ///
    /// # Errors
    /// If the file can't be read or written.
    pub fn open(folder: &Path, step: u64, epoch: usize) -> Result<Self, FileError> {
        let old = event_files(folder).pop();
        let path =
            old.clone().unwrap_or_else(|| folder.join(format!("events.out.tfevents.{}.layerbench", now() as u64)));
        let file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(FileError::of("can't write", &path))?;
        let mut log = Self { path, file, length: 0, buffer: Vec::new(), written: Instant::now() };
        if old.is_some() {
            let content = tensorboard::read(&files::read(&log.path)?);
            let is_later = |scalars: &Scalars| match epoch_of(scalars) {
                Some(metrics) => metrics.epoch > epoch,
                None => scalars.step > step as i64,
            };
            let later = content.events.iter().find(|(_, scalars)| is_later(scalars));
            log.length = later.map_or(content.good_length, |(offset, _)| *offset);
            log.file.set_len(log.length).map_err(FileError::of("can't shorten", &log.path))?;
        }
        if log.length == 0 {
            log.buffer = tensorboard::header(now());
            log.flush()?;
        }
        Ok(log)
    }

    /// Adds a step; it reaches the disk within half a second.
    ///
    /// # Errors
    /// If it was time to write and that failed; nothing is lost, a later call tries again.
    pub fn step(&mut self, metrics: &StepMetrics) -> Result<(), FileError> {
        self.add(&step_scalars(metrics));
        if self.written.elapsed() > DELAY { self.flush() } else { Ok(()) }
    }

    /// Adds an epoch and writes everything.
    ///
    /// # Errors
    /// If that failed; nothing is lost, a later call tries again.
    pub fn epoch(&mut self, metrics: &EpochMetrics) -> Result<(), FileError> {
        self.add(&epoch_scalars(metrics));
        self.flush()
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// If that failed; nothing is lost, a later call tries again.
    pub fn flush(&mut self) -> Result<(), FileError> {
        self.written = Instant::now();
        if let Err(error) = self.file.write_all(&self.buffer) {
            // A part may have been written; a frame must not begin in the middle of another.
            let _ = self.file.set_len(self.length);
            return Err(FileError::of("can't write", &self.path)(error));
        }
        self.length += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn add(&mut self, scalars: &Scalars) {
        if self.buffer.len() < LARGEST_BACKLOG {
            self.buffer.extend(tensorboard::encode(scalars));
        }
    }
}

/// Everything in the folder's event files.
///
/// # Errors
/// If one can't be read.
pub fn read(folder: &Path) -> Result<RunHistory, FileError> {
    let mut history = RunHistory::default();
    for path in event_files(folder) {
        for (_, scalars) in tensorboard::read(&files::read(&path)?).events {
            match epoch_of(&scalars) {
                Some(metrics) => history.epochs.push(metrics),
                None => add_step(&mut history.steps, &scalars),
            }
        }
    }
    Ok(history)
}

/// The metrics as they come back from the file, where scalars have 24 bits: what is shown live is what is found later.
pub fn rounded_step(metrics: &StepMetrics) -> StepMetrics {
    let mut steps = Vec::new();
    add_step(&mut steps, &step_scalars(metrics));
    steps.pop().unwrap_or(*metrics)
}

/// The same for an epoch.
pub fn rounded_epoch(metrics: &EpochMetrics) -> EpochMetrics {
    epoch_of(&epoch_scalars(metrics)).unwrap_or(*metrics)
}

fn event_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().contains(".tfevents."))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// Seconds since 1970.
pub fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

fn scalars(step: u64, values: impl IntoIterator<Item = (&'static str, Option<f64>)>) -> Scalars {
    let known = values.into_iter().filter_map(|(tag, value)| Some((tag.to_owned(), value? as f32)));
    Scalars { wall_time: now(), step: step as i64, values: known.collect() }
}

fn step_scalars(metrics: &StepMetrics) -> Scalars {
    let StepMetrics { step, epoch, loss, accuracy, learning_rate, gradient_norm, samples_per_second } = *metrics;
    scalars(
        step,
        [
            ("loss/train", Some(loss)),
            ("accuracy/train", accuracy),
            ("train/learning_rate", Some(learning_rate)),
            ("train/gradient_norm", Some(gradient_norm)),
            ("train/samples_per_second", Some(samples_per_second)),
            ("train/epoch", Some(epoch)),
        ],
    )
}

/// Reads one event into the steps; a file from elsewhere has one event for each scalar of a step.
fn add_step(steps: &mut Vec<StepMetrics>, scalars: &Scalars) {
    let number = scalars.step as u64;
    let get = |tag: &str| scalars.values.iter().find(|(found, _)| found == tag).map(|(_, value)| f64::from(*value));
    if steps.last().is_none_or(|last| last.step != number) {
        steps.push(StepMetrics {
            step: number,
            epoch: 0.0,
            loss: f64::NAN,
            accuracy: None,
            learning_rate: 0.0,
            gradient_norm: 0.0,
            samples_per_second: 0.0,
        });
    }
    let Some(last) = steps.last_mut() else { return };
    last.accuracy = get("accuracy/train").or(last.accuracy);
    let fields = [
        ("loss/train", &mut last.loss),
        ("train/learning_rate", &mut last.learning_rate),
        ("train/gradient_norm", &mut last.gradient_norm),
        ("train/samples_per_second", &mut last.samples_per_second),
        ("train/epoch", &mut last.epoch),
    ];
    for (tag, field) in fields {
        *field = get(tag).unwrap_or(*field);
    }
}

fn epoch_scalars(metrics: &EpochMetrics) -> Scalars {
    let EpochMetrics {
        epoch,
        step,
        train_loss,
        train_accuracy,
        validation_loss,
        validation_accuracy,
        validation_mean_iou,
        validation_dice,
        learning_rate,
        seconds,
        samples_per_second,
        process_bytes,
        device_bytes,
        inference_ms_p50,
        inference_ms_p95,
        batch_inference_ms_p50,
        batch_inference_ms_p95,
        is_best,
    } = *metrics;
    scalars(
        step,
        [
            ("epoch/number", Some(epoch as f64)),
            ("epoch/train_loss", Some(train_loss)),
            ("epoch/train_accuracy", train_accuracy),
            ("loss/validation", validation_loss),
            ("accuracy/validation", validation_accuracy),
            ("mean_iou/validation", validation_mean_iou),
            ("dice/validation", validation_dice),
            ("epoch/learning_rate", Some(learning_rate)),
            ("epoch/seconds", Some(seconds)),
            ("epoch/samples_per_second", Some(samples_per_second)),
            ("memory/process_bytes", Some(process_bytes as f64)),
            ("memory/device_bytes", device_bytes.map(|bytes| bytes as f64)),
            ("inference/p50_ms", Some(inference_ms_p50)),
            ("inference/p95_ms", Some(inference_ms_p95)),
            ("inference/batch_p50_ms", Some(batch_inference_ms_p50)),
            ("inference/batch_p95_ms", Some(batch_inference_ms_p95)),
            ("epoch/is_best", Some(f64::from(u8::from(is_best)))),
        ],
    )
}

/// `None` if it is not an epoch's event.
fn epoch_of(scalars: &Scalars) -> Option<EpochMetrics> {
    let get = |tag: &str| scalars.values.iter().find(|(found, _)| found == tag).map(|(_, value)| f64::from(*value));
    let number = |tag: &str| get(tag).unwrap_or(0.0);
    Some(EpochMetrics {
        epoch: get("epoch/number")? as usize,
        step: scalars.step as u64,
        train_loss: number("epoch/train_loss"),
        train_accuracy: get("epoch/train_accuracy"),
        validation_loss: get("loss/validation"),
        validation_accuracy: get("accuracy/validation"),
        validation_mean_iou: get("mean_iou/validation"),
        validation_dice: get("dice/validation"),
        learning_rate: number("epoch/learning_rate"),
        seconds: number("epoch/seconds"),
        samples_per_second: number("epoch/samples_per_second"),
        process_bytes: number("memory/process_bytes") as u64,
        device_bytes: get("memory/device_bytes").map(|bytes| bytes as u64),
        inference_ms_p50: number("inference/p50_ms"),
        inference_ms_p95: number("inference/p95_ms"),
        batch_inference_ms_p50: number("inference/batch_p50_ms"),
        batch_inference_ms_p95: number("inference/batch_p95_ms"),
        is_best: number("epoch/is_best") > 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: u64) -> StepMetrics {
        rounded_step(&StepMetrics {
            step: number,
            epoch: number as f64 / 3.0,
            loss: 1.0 / number as f64,
            accuracy: Some(0.1),
            learning_rate: 1e-3,
            gradient_norm: 2.5,
            samples_per_second: 12_345.6,
        })
    }

    fn epoch(number: usize) -> EpochMetrics {
        rounded_epoch(&EpochMetrics {
            epoch: number,
            step: 3 * number as u64,
            train_loss: 0.3,
            validation_loss: Some(0.4),
            process_bytes: 123_456_789,
            inference_ms_p95: 0.7,
            is_best: true,
            ..EpochMetrics::default()
        })
    }

    /// Two epochs of three steps.
    fn write(folder: &Path) {
        let mut log = EventLog::open(folder, 0, 0).unwrap();
        for number in 1..=6 {
            log.step(&step(number)).unwrap();
            if number % 3 == 0 {
                log.epoch(&epoch(number as usize / 3)).unwrap();
            }
        }
    }

    #[test]
    fn what_was_shown_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let history = read(folder.path()).unwrap();
        assert_eq!(history.steps, (1..=6).map(step).collect::<Vec<_>>());
        assert_eq!(history.epochs, [epoch(1), epoch(2)]);
    }

    #[test]
    fn going_on_drops_what_came_after_the_checkpoint() {
        for (at_step, at_epoch, steps, epochs) in [(4, 1, 4, 1), (3, 0, 3, 0), (3, 1, 3, 1), (0, 0, 0, 0), (6, 2, 6, 2)]
        {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path());
            drop(EventLog::open(folder.path(), at_step, at_epoch).unwrap());
            let history = read(folder.path()).unwrap();
            assert_eq!(
                (history.steps.len(), history.epochs.len()),
                (steps, epochs),
                "step {at_step}, epoch {at_epoch}"
            );
            assert_eq!(event_files(folder.path()).len(), 1);
        }
    }

    #[test]
    fn a_torn_tail_is_cut_before_more_is_added() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let path = event_files(folder.path()).pop().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 5);
        std::fs::write(&path, bytes).unwrap();
        let mut log = EventLog::open(folder.path(), 6, 1).unwrap();
        log.epoch(&epoch(2)).unwrap();
        assert_eq!(read(folder.path()).unwrap().epochs, [epoch(1), epoch(2)]);
    }
}
