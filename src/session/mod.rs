//! The application without a window: what is open, what runs, what is known. The window reads it and sends it
//! [`Command`]s; the command line does the same.
//!
//! Nothing here waits: jobs run on named threads and are picked up by [`Session::poll`].

pub mod answerer;
mod answers;
pub mod command;
mod dataset;
mod examine;
pub mod generator;
mod job;
mod opening;
pub mod predict;
pub mod run;
mod runs;
mod saver;
mod saving;
mod settings;
mod status;
mod training;
pub mod work;
mod writing;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::{Place, Problem, Progress, RunId};
use crate::data::Prepared;
use crate::graph::{Analysis, MemoryPlan};
use crate::metrics::Evaluation;
use crate::project::{Project, Step};
use crate::train::{DeviceInfo, Phase};

pub use command::Command;
pub use predict::{Input, Prediction};
pub use run::Run;
pub use writing::Writing;

use answers::Answers;
use dataset::DataWork;
use examine::Examination;
use opening::Open;
use runs::Runs;
use settings::Settings;
use training::Active;

/// Called from any thread when [`Session::poll`] has something to do; throttled by the caller.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The application without a window.
pub struct Session {
    wake: Wake,
    settings: Settings,
    open: Option<Open>,
    analysis: Arc<Analysis>,
    plan: Plan,
    checks: Vec<Problem>,
    /// The list of problems and what it was made from.
    known_problems: RefCell<Option<(status::ProblemSources, Arc<[Problem]>)>>,
    memory_read: Option<Instant>,
    data: DataState,
    data_work: DataWork,
    examination: Examination,
    runs: Runs,
    active: Option<Active>,
    answers: Answers,
    notices: Vec<Notice>,
    next_notice: u64,
    devices: Vec<DeviceInfo>,
    recoverable: Vec<(PathBuf, std::time::SystemTime)>,
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
    /// Resident memory of the program now, to which a step on the CPU adds, bytes.
    pub process: u64,
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
    /// An application with nothing open, with the settings of this user.
    pub fn new(wake: Wake) -> Self {
        Self::with_config_dir(wake, settings::config_dir())
    }

    /// The same with its settings in that folder; `None` remembers nothing.
    pub fn with_config_dir(wake: Wake, folder: Option<PathBuf>) -> Self {
        let settings = Settings::read(folder.as_deref());
        let mut session = Self {
            wake,
            settings,
            open: None,
            analysis: Arc::default(),
            plan: Plan::default(),
            checks: Vec::new(),
            known_problems: RefCell::default(),
            memory_read: None,
            data: DataState::None,
            data_work: DataWork::default(),
            examination: Examination::default(),
            runs: Runs::default(),
            active: None,
            answers: Answers::default(),
            notices: Vec::new(),
            next_notice: 1,
            devices: crate::train::device::list(),
            recoverable: Vec::new(),
        };
        session.look_for_recoverable();
        session
    }

    /// Carries out a command. What fails becomes a [`Notice`].
    pub fn run(&mut self, command: Command) {
        let result = match command {
            Command::New { folder, preset } => self.new_project(&folder, preset.as_deref()),
            Command::OpenExample => self.open_example(),
            Command::Open(path) => self.open(&path),
            Command::Recover(path) => self.recover(&path),
            Command::Save => self.save(),
            Command::SaveAs(folder) => self.save_as(&folder),
            Command::Close => {
                self.close();
                Ok(())
            }
            Command::Edit(edit) => self.edit(&edit),
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            Command::Import(config) => self.import(*config),
            Command::Repair(repair) => self.repair(&repair),
            Command::Reload => self.reload(),
            Command::CancelImport => {
                self.cancel_import();
                Ok(())
            }
            // Whoever starts a run wants to watch it.
            Command::Train => self.train().and_then(|()| self.change_view(|view| view.step = Step::Train)),
            Command::ResumeRun(run) => self.resume_run(&run),
            Command::Pause => self.control(|control| control.pause()),
            Command::Continue => self.control(|control| control.resume()),
            Command::Stop => self.stop(),
            Command::SelectRun(run) => self.select_run(&run),
            Command::DeleteRun(run) => self.delete_run(&run),
            Command::RestoreRun(run) => self.restore_run(&run),
            Command::Evaluate(part) => self.evaluate(part),
            Command::Predict(input) => self.predict(input),
            Command::PredictToCsv { input, output } => self.predict_to_csv(input, output),
            Command::Generate { prompt, sampling } => self.generate(prompt, sampling),
            Command::CancelJob => {
                self.cancel_answers();
                Ok(())
            }
            Command::Show(step) => self.change_view(|view| view.step = step),
            Command::StoreLayout(layout) => self.change_view(|view| view.layout = layout),
            Command::Dismiss(id) => {
                self.notices.retain(|notice| notice.id != id);
                Ok(())
            }
        };
        if let Err(problem) = result {
            self.tell(problem);
        }
    }

    /// Picks up what jobs have done; saves when it is time. Call it when woken, at most once a frame.
    pub fn poll(&mut self) {
        self.poll_saver();
        self.poll_data();
        self.poll_examination();
        self.poll_runs();
        self.poll_training();
        self.poll_answers();
        self.poll_memory();
    }

    /// Whether a job runs: data, runs, saving, training, evaluation or prediction.
    pub fn is_busy(&self) -> bool {
        self.data_work.is_busy()
            || self.examination.is_busy()
            || self.runs.is_busy()
            || self.active.is_some()
            || self.answers.is_busy()
            || self.open.as_ref().is_some_and(Open::is_busy)
    }

    /// Polls until nothing runs any more or the time is over; gives whether nothing runs. For the command line and tests.
    pub fn settle(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        loop {
            self.poll();
            if !self.is_busy() {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Title of the window: `digits • - Layerbench`, the dot for unsaved changes.
    pub fn title(&self) -> String {
        match &self.open {
            None => "Layerbench".to_owned(),
            Some(open) => {
                let mark = if open.is_unsaved() { " •" } else { "" };
                format!("{}{mark} - Layerbench", open.project.name)
            }
        }
    }

    /// The project, if one is open.
    pub fn project(&self) -> Option<&Arc<Project>> {
        self.open.as_ref().map(|open| &open.project)
    }

    /// The project's file, if one is open.
    pub fn path(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.file.path())
    }

    /// Whether the file holds what is shown.
    pub fn save_state(&self) -> SaveState {
        self.open.as_ref().map_or(SaveState::NoProject, Open::save_state)
    }

    /// Whether there are changes that are not in the file.
    pub fn is_unsaved(&self) -> bool {
        self.open.as_ref().is_some_and(Open::is_unsaved)
    }

    /// What undo would take back, and what redo would bring back.
    pub fn undo_labels(&self) -> (Option<&'static str>, Option<&'static str>) {
        self.open.as_ref().map_or((None, None), |open| (open.history.undo_label(), open.history.redo_label()))
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
        self.plan
    }

    /// All runs of the project, oldest first.
    pub fn runs(&self) -> &[Run] {
        self.runs.all()
    }

    /// The run whose curves and evaluation are shown.
    pub fn selected_run(&self) -> Option<&Run> {
        let selected = self.open.as_ref()?.project.view.run.as_ref();
        selected.and_then(|id| self.runs.get(id)).or_else(|| self.runs.all().last())
    }

    /// The run under way.
    pub fn training(&self) -> Option<&Training> {
        self.active.as_ref().map(Active::training)
    }

    /// Evaluation of the selected run.
    pub fn evaluation(&self) -> Option<&Evaluation> {
        self.selected_run().and_then(|run| run.evaluation.as_deref())
    }

    /// Progress of the evaluation under way.
    pub fn evaluating(&self) -> Option<&Progress> {
        self.answers.evaluating()
    }

    /// Recent predictions, newest first.
    pub fn predictions(&self) -> &[Prediction] {
        self.answers.predictions()
    }

    /// The prediction under way.
    pub fn predicting(&self) -> Option<&Progress> {
        self.answers.predicting()
    }

    /// What happened and was not dismissed yet, oldest first.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The devices of this machine.
    pub fn devices(&self) -> &[DeviceInfo] {
        &self.devices
    }

    /// Projects opened lately, newest first; missing ones are still listed.
    pub fn recent(&self) -> &[PathBuf] {
        self.settings.recent()
    }

    /// Projects that were not closed properly and hold unsaved changes: (project file, when).
    pub fn recoverable(&self) -> &[(PathBuf, std::time::SystemTime)] {
        &self.recoverable
    }

    /// A preference of the window, e.g. its theme, remembered between projects.
    pub fn preference(&self, key: &str) -> Option<&serde_json::Value> {
        self.settings.preference(key)
    }

    /// Remembers a preference of the window.
    pub fn set_preference(&mut self, key: &str, value: serde_json::Value) {
        if let Err(error) = self.settings.set_preference(key, value) {
            self.tell(failed(&error, "The preference lasts until the window closes"));
        }
    }

    /// Tells something once.
    fn tell(&mut self, problem: Problem) {
        // The same trouble again and again (a full disk) is one notice.
        if self.notices.iter().any(|notice| notice.problem == problem) {
            return;
        }
        let id = self.next_notice;
        self.next_notice += 1;
        self.notices.push(Notice { id, problem });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
    }
}

/// An error as a problem of the project as a whole.
fn failed(error: &dyn std::fmt::Display, hint: &str) -> Problem {
    Problem::error(Place::Project, error.to_string(), hint)
}
