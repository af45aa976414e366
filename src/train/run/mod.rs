//! The training loop. No thread, no channel: reads top to bottom like a textbook.
//!
//! All randomness comes from streams named after the epoch (`shuffle.<epoch>`) or the step (dropout), so the position in the run
//! is all that a resumed run needs to equal the uninterrupted one bit for bit.

mod divergence;
mod epoch;
mod finish;
mod job;
mod saving;
mod step;

use std::sync::Arc;
use std::time::Instant;

use candle_core::{DType, Tensor};

use crate::base::rng::Stream;
use crate::base::{Place, Problem, files, memory};
use crate::data::DataError;
use crate::data::augment::Augmenter;
use crate::data::loader::{Loader, Request};
use crate::graph::Network;
use crate::metrics::TaskLoss;
use crate::nn::LossSpec;

use super::check::{self, Findings};
use super::checkpoint::{Checkpoints, State};
use super::history::EventLog;
use super::optimizers::Optimizer;
use super::record::{RunFolder, RunRecord};
use super::weights;
use super::{Control, Outcome, Phase, TrainConfig, TrainEvent, device, finite, groups};
use saving::Disk;

pub use job::{TrainError, TrainJob};

/// Trains. A stop or a divergence is an [`Outcome`], not an error.
///
/// # Errors
/// If it could not start, or something failed on the way.
pub fn run(job: &TrainJob, control: &Control, observe: &mut dyn FnMut(TrainEvent)) -> Result<Outcome, TrainError> {
    let findings = check::look(job);
    if let Some(problem) = findings.error() {
        return Err(TrainError::Invalid(problem.clone()));
    }
    if let Some(problem) = findings.memory {
        return Err(TrainError::WouldNotFit(problem));
    }
    let mut run = Run::begin(job, control, &findings)?;
    let ended = run.train(observe).and_then(|end| run.finish(end, observe));
    if let Err(error) = &ended {
        run.record_failure(error);
    }
    ended
}

/// Whether the job could start: everything that is wrong with network, data and memory together, before anything is allocated.
pub fn check(job: &TrainJob) -> Vec<Problem> {
    let Findings { mut problems, memory, .. } = check::look(job);
    problems.extend(memory);
    problems
}

/// Why the loop ended.
enum End {
    Completed,
    StoppedEarly,
    Stopped,
    Diverged(Problem),
}

/// A run under way.
struct Run<'a> {
    job: &'a TrainJob,
    control: &'a Control,
    network: Network,
    loss: TaskLoss,
    optimizer: Optimizer,
    state: State,
    /// Weights of the best epoch, or of the last good one if the best is not to be kept; never of a step that diverged.
    kept: Vec<Tensor>,
    /// Whether the best weights on disk are older than those kept.
    best_is_unsaved: bool,
    steps_per_epoch: usize,
    record: RunRecord,
    disk: Option<Disk>,
    clock: Instant,
    last_look_at_memory: Option<Instant>,
    /// Steps since the last checkpoint.
    unsaved_steps: u64,
    /// Changes the samples, if that is wanted.
    augmenter: Option<Arc<Augmenter>>,
    /// Makes the batches of the epoch under way, if they are changed.
    loader: Option<Loader>,
    /// Whether it was told that the run waits for its data.
    waiting_told: bool,
}

impl<'a> Run<'a> {
    /// Builds the network, or takes up the last checkpoint.
    fn begin(job: &'a TrainJob, control: &'a Control, findings: &Findings) -> Result<Self, TrainError> {
        let TrainJob { config, graph, folder, .. } = job;
        let before_bytes = memory::sample().process;
        let device = device::open(&config.device).map_err(TrainError::Invalid)?;
        let mut network = Network::build(graph, &device, DType::F32, config.seed)?;
        let rules = groups::parse(&config.parameter_rules).unwrap_or_default();
        network.freeze(|name| groups::is_frozen(&rules, name));
        let mut optimizer = Optimizer::of(config, network.parameters())?;
        let mut state = State::new(fixed(job));
        let mut record = finish::new_record(job, findings, before_bytes);
        let mut kept = None;
        let mut disk = None;
        if let Some(folder) = folder {
            let checkpoints = Checkpoints::of(&folder.0);
            // A kill may have left half-written files; a run is only ever written by the one who holds the project's lock.
            files::sweep(&folder.0);
            files::sweep(checkpoints.folder());
            if let Some(checkpoint) = checkpoints.newest(&device).filter(|_| job.resume) {
                if checkpoint.state.fixed != state.fixed {
                    return Err(TrainError::Invalid(changed(folder, &checkpoint.state.fixed, &state.fixed)));
                }
                weights::restore(network.parameters_mut(), checkpoint.tensors())?;
                optimizer.restore(|name| checkpoint.optimizer_tensor(name))?;
                state = checkpoint.state;
                if let Some(best) = state.best.filter(|_| config.keep_best) {
                    let stored = weights::read(&checkpoints.best_path(best.epoch), &device)?;
                    let names = network.parameters().iter().map(|parameter| &parameter.name);
                    kept = names.map(|name| stored.tensors.get(name).cloned()).collect::<Option<Vec<_>>>();
                }
            }
            if job.resume
                && let Ok(old) = folder.read_record()
            {
                record = RunRecord { started: old.started, notices: old.notices, ..record };
            }
            folder.write_record(&record)?;
            let log = EventLog::open(&folder.0, state.step, state.epochs)?;
            let (last_save, save_took) = (Instant::now(), std::time::Duration::ZERO);
            disk = Some(Disk { folder: folder.clone(), log, checkpoints, last_save, save_took, is_failing: false });
        }
        let steps_per_epoch = steps(job, &job.data.split.train).count();
        let (clock, last_look_at_memory) = (Instant::now(), None);
        let (best_is_unsaved, unsaved_steps) = (false, 0);
        let augmenter = Augmenter::new(job.data.clone(), &job.data_config.augmentation, config.seed);
        let mut run = Self {
            job,
            control,
            network,
            loss: TaskLoss::new(&config.loss, &job.data),
            optimizer,
            state,
            kept: Vec::new(),
            best_is_unsaved,
            steps_per_epoch,
            record,
            disk,
            clock,
            last_look_at_memory,
            unsaved_steps,
            augmenter: (!augmenter.is_idle()).then(|| Arc::new(augmenter)),
            loader: None,
            waiting_told: false,
        };
        run.kept = kept.map_or_else(|| run.snapshot(), Ok)?;
        Ok(run)
    }

    /// Every epoch, every batch.
    fn train(&mut self, observe: &mut dyn FnMut(TrainEvent)) -> Result<End, TrainError> {
        let job = self.job;
        observe(TrainEvent::Started {
            total_steps: (self.steps_per_epoch * job.config.epochs) as u64,
            steps_per_epoch: self.steps_per_epoch as u64,
            first_step: self.state.step,
            planned_bytes: self.record.planned_bytes,
            before_bytes: self.record.before_bytes,
        });
        if !finite::are_finite(self.network.parameters())? {
            let problem = self.diverged("a weight was not finite before the first step", None)?;
            return Ok(End::Diverged(problem));
        }
        while self.state.epochs < job.config.epochs {
            if self.has_waited_long_enough() {
                return Ok(End::StoppedEarly);
            }
            let order = order(job, self.state.epochs);
            self.load_ahead(&order)?;
            for samples in steps(job, &order).skip(self.state.cursor) {
                if !self.may_go_on(observe) {
                    return Ok(End::Stopped);
                }
                if let Some(problem) = self.step(samples, observe)? {
                    return Ok(End::Diverged(problem));
                }
                // At the end of an epoch its validation comes first.
                if self.state.cursor < self.steps_per_epoch {
                    self.save_if_due(self.job.config.checkpoint_seconds, observe);
                }
            }
            if !self.end_epoch(observe)? {
                return Ok(End::Stopped);
            }
            self.save_if_due(self.job.config.checkpoint_seconds.min(1.0), observe);
        }
        Ok(End::Completed)
    }

    /// Lets other threads make the rest of an epoch's batches, if its samples are to be changed.
    fn load_ahead(&mut self, order: &[u32]) -> Result<(), TrainError> {
        let Some(augmenter) = &self.augmenter else { return Ok(()) };
        let config = &self.job.config;
        let rest = steps(self.job, order).skip(self.state.cursor);
        let batches = rest.zip(self.state.step..).flat_map(|(samples, step)| {
            let first = step * config.accumulate.max(1) as u64;
            samples.chunks(config.batch_size.max(1)).map(<[u32]>::to_vec).zip(first..)
        });
        let requests = batches.map(|(samples, number)| Request { number, samples }).collect();
        let loader = Loader::start(augmenter, self.state.epochs, requests, Loader::threads());
        self.loader = Some(loader.map_err(DataError::Thread)?);
        Ok(())
    }

    /// Waits while paused. False if the run is to stop.
    fn may_go_on(&mut self, observe: &mut dyn FnMut(TrainEvent)) -> bool {
        if self.control.is_paused() {
            self.save(observe);
            self.lap();
            observe(TrainEvent::Phase(Phase::Paused));
            self.control.wait_while_paused();
            // Pauses don't count.
            self.clock = Instant::now();
            if !self.control.is_stopped() {
                observe(TrainEvent::Phase(Phase::Running));
            }
        }
        !self.control.is_stopped()
    }

    /// Whether the patience for a better epoch is over.
    fn has_waited_long_enough(&self) -> bool {
        let patience = self.job.config.early_stopping;
        patience > 0 && self.state.best.is_some_and(|best| self.state.epochs >= best.epoch + patience)
    }

    fn notice(&mut self, problem: Problem, observe: &mut dyn FnMut(TrainEvent)) {
        self.record.notices.push(problem.clone());
        observe(TrainEvent::Notice(problem));
    }

    fn learning_rate_at(&self, step: u64) -> f64 {
        self.job.config.learning_rate_at(step, self.steps_per_epoch as u64, &self.state.plateau)
    }

    /// Seconds since the last lap; they count as time of the run.
    fn lap(&mut self) -> f64 {
        let seconds = self.clock.elapsed().as_secs_f64();
        self.clock = Instant::now();
        self.state.seconds += seconds;
        seconds
    }

    fn place(&self) -> Place {
        self.disk.as_ref().map_or(Place::Project, |disk| Place::Run(disk.folder.id()))
    }
}

/// The training samples in the order of an epoch.
fn order(job: &TrainJob, epoch: usize) -> Vec<u32> {
    let mut samples = job.data.split.train.clone();
    Stream::new(job.config.seed, &format!("shuffle.{epoch}")).shuffle(&mut samples);
    samples
}

/// The samples of each step of an epoch. A last batch of one sample is left out if the network has batch norm, which compares samples.
fn steps<'a>(job: &TrainJob, order: &'a [u32]) -> impl Iterator<Item = &'a [u32]> {
    let size = job.config.batch_size.max(1);
    let drops_last = size > 1 && order.len() > 1 && order.len() % size == 1 && check::has_batch_norm(job);
    let kept = if drops_last { order.len() - 1 } else { order.len() };
    order.get(..kept).unwrap_or_default().chunks(job.config.samples_per_step())
}

/// What must stay the same for a run to go on. Settings that are as they always were are not named, so that runs of
/// earlier versions go on.
fn fixed(job: &TrainJob) -> String {
    let TrainConfig { seed, batch_size, optimizer, accumulate, ema_decay, parameter_rules, loss, .. } = &job.config;
    let samples = job.data.split.train.len();
    let data = &job.data.dataset.fingerprint;
    let mut parts = vec![
        format!("seed {seed}"),
        format!("batch size {batch_size}"),
        format!("optimizer {}", optimizer.id()),
        format!("{samples} training samples"),
        format!("data {data}"),
    ];
    if *loss != LossSpec::default() {
        parts.push(format!("loss {}", loss.id()));
    }
    if *accumulate > 1 {
        parts.push(format!("{accumulate} batches a step"));
    }
    if *ema_decay > 0.0 {
        parts.push(format!("weights averaged with {ema_decay}"));
    }
    let augmentation = &job.data_config.augmentation;
    if !augmentation.is_empty() {
        parts.push(format!("augmentation {}", augmentation.words()));
    }
    if !parameter_rules.trim().is_empty() {
        parts.push(format!("layer rules '{}'", parameter_rules.trim()));
    }
    parts.join(", ")
}

fn changed(folder: &RunFolder, was: &str, is: &str) -> Problem {
    let message = format!("the run can't go on with other settings or data: it had {was}; now there are {is}");
    Problem::error(Place::Run(folder.id()), message, "Set them back, or start a new run")
}
