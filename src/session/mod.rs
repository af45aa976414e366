//! The application without a window: what is open, what runs, what is known. The window reads it and sends it
//! [`Command`]s; the command line does the same.
//!
//! Nothing here waits: jobs run on named threads and are picked up by [`Session::poll`].

pub mod command;
pub mod predict;
pub mod run;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::{Problem, Progress, RunId};
use crate::data::Prepared;
use crate::graph::{Analysis, MemoryPlan};
use crate::metrics::Evaluation;
use crate::project::{Project, Step};
use crate::train::{DeviceInfo, Phase};

pub use command::Command;
pub use predict::{Input, Prediction};
pub use run::Run;

/// Called from any thread when [`Session::poll`] has something to do; throttled by the caller.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The application without a window.
pub struct Session {
    wake: Wake,
    analysis: Arc<Analysis>,
    data: DataState,
}

/// What is known of the data.
#[derive(Debug, Clone, Default)]
pub enum DataState {
    /// The project has none, or no project is open.
    #[default]
    None,
    /// A job reads it.
    Importing {
        /// Of that job.
        progress: Progress,
        /// Since then.
        since: Instant,
    },
    /// Ready for training.
    Ready(Arc<Prepared>),
    /// It could not be read.
    Failed(Problem),
}

/// Whether the file holds what is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveState {
    /// No project is open.
    NoProject,
    /// Saved at that time.
    Saved(Instant),
    /// There are changes that are not in the file.
    Unsaved,
    /// The last attempt failed; the changes are still here.
    Failed(String),
    /// Opened from a place that can't be written; Save as works.
    ReadOnly,
}

/// The state of one of the five steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Done; the text says what there is, e.g. `1,797 images in 10 classes`.
    Done(String),
    /// Can be worked on; the text says what to do.
    Ready(String),
    /// Something is missing first; the text says what.
    Blocked(String),
    /// Its job runs.
    Running(String),
}

/// The run under way.
#[derive(Debug, Clone)]
pub struct Training {
    /// Which.
    pub run: RunId,
    /// Computes or waits.
    pub phase: Phase,
    /// A stop was asked for.
    pub is_stopping: bool,
    /// Epoch under way, counted from 1.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Steps made.
    pub step: u64,
    /// Steps in all.
    pub total_steps: u64,
    /// Time left, from a median of recent steps; `None` until it is known.
    pub remaining: Option<Duration>,
    /// Samples a second.
    pub samples_per_second: f64,
}

/// Something that happened and should be told once: a failed save, a finished run.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// To dismiss it.
    pub id: u64,
    /// What.
    pub problem: Problem,
}

/// What a run would need, and what this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Plan {
    /// Of one training step.
    pub memory: MemoryPlan,
    /// What the device could give now, bytes.
    pub available: u64,
    /// Largest batch that fits.
    pub largest_batch: Option<usize>,
    /// From the last run with this network, or from a short measurement; milliseconds a step.
    pub step_ms: Option<f64>,
    /// Steps in all.
    pub steps: u64,
}

impl Session {
    /// An application with nothing open.
    pub fn new(wake: Wake) -> Self {
        Self { wake, analysis: Arc::default(), data: DataState::None }
    }

    /// Carries out a command. What fails becomes a [`Notice`].
    pub fn run(&mut self, command: Command) {
        let _ = (command, &self.wake);
    }

    /// Picks up what jobs have done; saves when it is time. Call it when woken, at most once a frame.
    pub fn poll(&mut self) {}

    /// Title of the window: `digits • - Layerbench`, the dot for unsaved changes.
    pub fn title(&self) -> String {
        "Layerbench".to_owned()
    }

    /// The project, if one is open.
    pub fn project(&self) -> Option<&Arc<Project>> {
        None
    }

    /// The project's file, if one is open.
    pub fn path(&self) -> Option<&Path> {
        None
    }

    /// Whether the file holds what is shown.
    pub fn save_state(&self) -> SaveState {
        SaveState::NoProject
    }

    /// What undo would take back, and what redo would bring back.
    pub fn undo_labels(&self) -> (Option<&'static str>, Option<&'static str>) {
        (None, None)
    }

    /// What is known of the network; always up to date with the project.
    pub fn analysis(&self) -> &Analysis {
        &self.analysis
    }

    /// What is known of the data.
    pub fn data(&self) -> &DataState {
        &self.data
    }

    /// The data, if it is ready.
    pub fn prepared(&self) -> Option<&Arc<Prepared>> {
        match &self.data {
            DataState::Ready(prepared) => Some(prepared),
            _ => None,
        }
    }

    /// What a run with the present settings would need.
    pub fn plan(&self) -> Plan {
        Plan::default()
    }

    /// All runs of the project, oldest first.
    pub fn runs(&self) -> &[Run] {
        &[]
    }

    /// The run whose curves and evaluation are shown.
    pub fn selected_run(&self) -> Option<&Run> {
        None
    }

    /// The run under way.
    pub fn training(&self) -> Option<&Training> {
        None
    }

    /// Evaluation of the selected run.
    pub fn evaluation(&self) -> Option<&Evaluation> {
        self.selected_run().and_then(|run| run.evaluation.as_deref())
    }

    /// Progress of the evaluation under way.
    pub fn evaluating(&self) -> Option<&Progress> {
        None
    }

    /// Recent predictions, newest first.
    pub fn predictions(&self) -> &[Prediction] {
        &[]
    }

    /// The prediction under way.
    pub fn predicting(&self) -> Option<&Progress> {
        None
    }

    /// Everything that is wrong now: data, network, settings, plan.
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// What happened and was not dismissed yet, oldest first.
    pub fn notices(&self) -> &[Notice] {
        &[]
    }

    /// The state of each step.
    pub fn step_state(&self, step: Step) -> StepState {
        let _ = step;
        StepState::Blocked("Open a project first".to_owned())
    }

    /// The devices of this machine.
    pub fn devices(&self) -> &[DeviceInfo] {
        &[]
    }

    /// Projects opened lately, newest first; missing ones are still listed.
    pub fn recent(&self) -> &[PathBuf] {
        &[]
    }

    /// Projects that were not closed properly and hold unsaved changes: (project file, when).
    pub fn recoverable(&self) -> &[(PathBuf, std::time::SystemTime)] {
        &[]
    }
}
