//! What a run tells, and how it is told to pause or stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::Problem;

/// What a run tells while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainEvent {
    /// The network stands and the first step begins.
    Started {
        /// Steps in all, if nothing stops it early.
        total_steps: u64,
        /// Steps an epoch.
        steps_per_epoch: u64,
        /// The step at which it goes on; 0 for a new run.
        first_step: u64,
        /// Estimated memory of a step, bytes.
        planned_bytes: u64,
        /// Resident memory of the program before the run took any, bytes.
        before_bytes: u64,
    },
    /// One or several steps, merged when the watcher is slow.
    Steps(Vec<StepMetrics>),
    /// An epoch with its validation.
    Epoch(EpochMetrics),
    /// A checkpoint is on disk.
    Checkpoint {
        /// After this step.
        step: u64,
        /// Where.
        path: PathBuf,
    },
    /// Something worth knowing: overfitting, a dead layer.
    Notice(Problem),
    /// It waits, or goes on.
    Phase(Phase),
    /// It has ended; always the last event.
    Finished(Outcome),
}

/// Whether it computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Steps are made.
    Running,
    /// Waits for [`Control::resume`].
    Paused,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepMetrics {
    /// Counted from 1.
    pub step: u64,
    /// Epochs as a fraction: step / steps per epoch.
    pub epoch: f64,
    /// Mean loss of the batch.
    pub loss: f64,
    /// Share of right answers in the batch (classification), or of right pixels (segmentation).
    pub accuracy: Option<f64>,
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Norm of all gradients, before clipping.
    pub gradient_norm: f64,
    /// Samples a second since the last step.
    pub samples_per_second: f64,
}

/// One epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EpochMetrics {
    /// Counted from 1.
    pub epoch: usize,
    /// Steps made so far.
    pub step: u64,
    /// Mean over the epoch's steps.
    pub train_loss: f64,
    /// The same of accuracy (classification).
    pub train_accuracy: Option<f64>,
    /// On the validation part; `None` if it is empty.
    pub validation_loss: Option<f64>,
    /// On the validation part (classification).
    pub validation_accuracy: Option<f64>,
    /// Mean intersection over union on the validation part (segmentation).
    pub validation_mean_iou: Option<f64>,
    /// Mean Dice of the classes other than background on the validation part (segmentation).
    pub validation_dice: Option<f64>,
    /// At the end of the epoch.
    pub learning_rate: f64,
    /// Time of the training steps.
    pub seconds: f64,
    /// Training samples a second.
    pub samples_per_second: f64,
    /// Resident memory of the process, bytes.
    pub process_bytes: u64,
    /// Memory in use on the device, where there is one and it tells.
    pub device_bytes: Option<u64>,
    /// Median time of one held-out sample, milliseconds.
    pub inference_ms_p50: f64,
    /// 95th percentile of the same.
    pub inference_ms_p95: f64,
    /// Median time of a whole batch, milliseconds.
    pub batch_inference_ms_p50: f64,
    /// 95th percentile of the same.
    pub batch_inference_ms_p95: f64,
    /// Whether this is the best epoch so far (validation loss, or training loss without a validation part).
    pub is_best: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Still running, or killed: such a run can be resumed.
    #[default]
    Unfinished,
    /// All epochs done.
    Completed,
    /// No better epoch for as long as the patience allows.
    StoppedEarly,
    /// Someone stopped it; it can be resumed.
    Stopped,
    /// A loss, gradient or weight was NaN or infinite.
    Diverged,
    /// It failed for another reason.
    Failed,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// How.
    pub ending: Ending,
    /// Epochs finished.
    pub epochs: usize,
    /// Steps made.
    pub steps: u64,
    /// Time of the run, pauses not counted.
    pub seconds: f64,
    /// The epoch whose weights are kept, counted from 1.
    pub best_epoch: Option<usize>,
    /// Metrics of the kept epoch (of the last one if best weights are not kept).
    pub metrics: Option<EpochMetrics>,
    /// Largest resident memory seen, bytes.
    pub peak_bytes: u64,
    /// blake3 of the kept weights in the order of their names, hexadecimal.
    pub weights_blake3: String,
    /// Why it ended, if it did not simply complete.
    pub problem: Option<Problem>,
}

/// Tells a run to pause, go on or stop. Cloning shares.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<AtomicU8>);

impl Control {
    const RUN: u8 = 0;
    const PAUSE: u8 = 1;
    const STOP: u8 = 2;

    /// Waits after the current step. A stop can't be taken back.
    pub fn pause(&self) {
        let _ = self.0.compare_exchange(Self::RUN, Self::PAUSE, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Goes on.
    pub fn resume(&self) {
        let _ = self.0.compare_exchange(Self::PAUSE, Self::RUN, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Ends after the current step, with a checkpoint.
    pub fn stop(&self) {
        self.0.store(Self::STOP, Ordering::SeqCst);
    }

    /// Whether it waits.
    pub fn is_paused(&self) -> bool {
        self.0.load(Ordering::SeqCst) == Self::PAUSE
    }

    /// Whether it ends.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst) == Self::STOP
    }

    /// Returns when it is not paused, looking every few milliseconds.
    pub fn wait_while_paused(&self) {
        while self.is_paused() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
