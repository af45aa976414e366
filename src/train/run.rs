//! The training loop. No thread, no channel: reads top to bottom like a textbook.
//!
//! All randomness comes from streams named after the epoch (`shuffle.<epoch>`) or the step (dropout), so the position in the run
//! is all that a resumed run needs to equal the uninterrupted one bit for bit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::{DType, Tensor};

use crate::base::files::{self, FileError};
use crate::base::rng::Stream;
use crate::base::{NodeId, Place, Problem, format, memory};
use crate::data::{DataConfig, DataError, Labels, Part, Prepared, Task, batch};
use crate::graph::{Graph, Network, NetworkError};
use crate::metrics::evaluate::host;
use crate::metrics::{EpochLosses, EvaluateError, inference_time, overfitting, scores, summarize};
use crate::nn::Mode;
use crate::ops::loss::{Loss, cross_entropy, mse};

use super::check::{self, Findings};
use super::checkpoint::{Best, Checkpoints, State};
use super::history::{self, EventLog};
use super::optimizers::{Optimizer, UpdateStep};
use super::record::{RunFolder, RunRecord};
use super::schedules::ScheduleSpec;
use super::weights::{self, Bundle};
use super::{Control, Ending, EpochMetrics, Outcome, Phase, StepMetrics, TrainConfig, TrainEvent, device, finite};

/// Everything a run needs.
#[derive(Debug, Clone)]
pub struct TrainJob {
    /// For people, e.g. `small_cnn`.
    pub name: String,
    /// The network.
    pub graph: Graph,
    /// The data, split and scaled.
    pub data: Arc<Prepared>,
    /// Where the data came from, for the record.
    pub data_config: DataConfig,
    /// The settings.
    pub config: TrainConfig,
    /// Where records, curves and checkpoints go; `None` keeps nothing.
    pub folder: Option<RunFolder>,
    /// Goes on from the folder's last good checkpoint.
    pub resume: bool,
    /// Bytes that the run may plan with; `None` asks the machine what it has left.
    pub memory_limit: Option<u64>,
}

/// Why a run could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// It would not fit in memory; nothing was allocated.
    #[error("{0}")]
    WouldNotFit(Problem),
    /// The job itself is wrong: no training samples, a network that does not fit the data.
    #[error("{0}")]
    Invalid(Problem),
    /// The network failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The data failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The validation failed.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl TrainError {
    /// As people see it.
    pub fn problem(&self) -> Problem {
        match self {
            Self::WouldNotFit(problem) | Self::Invalid(problem) => problem.clone(),
            Self::Network(NetworkError::Layer { node, source }) => {
                Problem::error(Place::Node(node.clone()), source.to_string(), "Look at the settings of this layer")
            }
            Self::File(error) => {
                Problem::error(Place::File { path: error.path.clone(), row: None }, error.to_string(), "")
            }
            Self::Data(error) => Problem::error(Place::Data, error.to_string(), ""),
            other => Problem::error(Place::Project, other.to_string(), ""),
        }
    }
}

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
}

/// What a run writes to.
struct Disk {
    folder: RunFolder,
    log: EventLog,
    checkpoints: Checkpoints,
    last_save: Instant,
    save_took: Duration,
    /// A failure is told once, not at every step.
    is_failing: bool,
}

impl<'a> Run<'a> {
    /// Builds the network, or takes up the last checkpoint.
    fn begin(job: &'a TrainJob, control: &'a Control, findings: &Findings) -> Result<Self, TrainError> {
        let TrainJob { config, graph, folder, .. } = job;
        let before_bytes = memory::sample().process;
        let device = device::open(&config.device).map_err(TrainError::Invalid)?;
        let mut network = Network::build(graph, &device, DType::F32, config.seed)?;
        let mut optimizer = Optimizer::new(&config.optimizer, network.parameters())?;
        let mut state = State::new(fixed(job));
        let mut record = new_record(job, findings, before_bytes);
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
            let (last_save, save_took) = (Instant::now(), Duration::ZERO);
            disk = Some(Disk { folder: folder.clone(), log, checkpoints, last_save, save_took, is_failing: false });
        }
        let kept = kept.map_or_else(|| snapshot(&network), Ok)?;
        let steps_per_epoch = batches(job, &job.data.split.train).count();
        let (clock, last_look_at_memory) = (Instant::now(), None);
        let (best_is_unsaved, unsaved_steps) = (false, 0);
        Ok(Self {
            job,
            control,
            network,
            optimizer,
            state,
            kept,
            best_is_unsaved,
            steps_per_epoch,
            record,
            disk,
            clock,
            last_look_at_memory,
            unsaved_steps,
        })
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
            for samples in batches(job, &order).skip(self.state.cursor) {
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

    /// One step: forward, loss, backward, update. Gives the problem if a number is not finite any more.
    fn step(&mut self, samples: &[u32], observe: &mut dyn FnMut(TrainEvent)) -> Result<Option<Problem>, TrainError> {
        let job = self.job;
        let config = &job.config;
        let mode = Mode::Train { seed: config.seed, step: self.state.step };
        let (inputs, targets) = batch::batch(&job.data.dataset, &job.data.normalizer, samples, self.network.device())?;

        let pass = self.network.forward(std::slice::from_ref(&inputs), mode)?;
        let Some(output) = pass.outputs.first() else { return Ok(None) };
        let Loss { mean: loss, grad, .. } = match job.data.dataset.task {
            Task::Classification => cross_entropy(output, &targets)?,
            Task::Regression => mse(output, &targets)?,
        };
        let right = right_answers(&job.data, samples, output)?;
        if !loss.is_finite() {
            return self.diverged(&format!("the loss became {loss}"), Some(&inputs)).map(Some);
        }

        let gradients = self.network.backward(pass, &[grad])?;
        let gradient_norm = finite::gradient_norm(&gradients)?;
        if !gradient_norm.is_finite() {
            return self.diverged(&format!("the gradient norm became {gradient_norm}"), Some(&inputs)).map(Some);
        }
        if self.state.step == 0 {
            self.tell_of_dead_parameters(&gradients, observe);
        }

        let learning_rate = self.learning_rate_at(self.state.step);
        // PyTorch's rule: the small number keeps the division finite.
        let clip = if config.clip_norm > 0.0 { (config.clip_norm / (gradient_norm + 1e-6)).min(1.0) } else { 1.0 };
        let update = UpdateStep {
            learning_rate,
            weight_decay: config.weight_decay,
            gradient_scale: clip,
            number: self.state.step + 1,
            ..UpdateStep::default()
        };
        self.optimizer.update(self.network.parameters_mut(), &gradients, update)?;
        if !finite::are_finite(self.network.parameters())? {
            return self.diverged("a weight became NaN or infinite", Some(&inputs)).map(Some);
        }

        let count = samples.len() as u64;
        let seconds = self.lap();
        let state = &mut self.state;
        state.step += 1;
        state.cursor += 1;
        state.epoch_seconds += seconds;
        state.loss_sum += loss * count as f64;
        state.right += right.unwrap_or(0);
        state.samples += count;
        self.unsaved_steps += 1;
        let metrics = history::rounded_step(&StepMetrics {
            step: self.state.step,
            epoch: self.state.epochs as f64 + self.state.cursor as f64 / self.steps_per_epoch as f64,
            loss,
            accuracy: right.map(|right| right as f64 / count as f64),
            learning_rate,
            gradient_norm,
            samples_per_second: count as f64 / seconds.max(1e-9),
        });
        self.on_disk(observe, |disk| disk.log.step(&metrics));
        observe(TrainEvent::Steps(vec![metrics]));
        if self.last_look_at_memory.is_none_or(|last| last.elapsed() > Duration::from_millis(500)) {
            self.last_look_at_memory = Some(Instant::now());
            self.state.peak_bytes = self.state.peak_bytes.max(memory::sample().process);
        }
        Ok(None)
    }

    /// Validates, measures and compares. False if a stop came during the validation: the epoch is then not finished.
    fn end_epoch(&mut self, observe: &mut dyn FnMut(TrainEvent)) -> Result<bool, TrainError> {
        let (job, config) = (self.job, &self.job.config);
        let held_out = job.data.split.part(Part::Validation);
        let batch_size = config.batch_size;
        let is_stopped = || self.control.is_stopped();
        let validation = summarize(&self.network, &job.data, held_out, batch_size, &is_stopped)?;
        if validation.is_none() && !held_out.is_empty() {
            return Ok(false);
        }
        // Predictions are timed on samples that the network does not learn from, as far as there are some.
        let timed = if held_out.is_empty() { job.data.split.part(Part::Train) } else { held_out };
        let budget = Duration::from_secs_f64((self.state.epoch_seconds * 0.01).clamp(0.002, 0.025));
        let single = inference_time(&self.network, &job.data, timed, 1, budget)?.unwrap_or_default();
        let whole = inference_time(&self.network, &job.data, timed, batch_size, budget)?.unwrap_or_default();

        let state = &self.state;
        let samples = state.samples.max(1) as f64;
        let train_loss = state.loss_sum / samples;
        let loss = validation.map_or(train_loss, |validation| validation.loss);
        let is_best = loss.is_finite() && state.best.is_none_or(|best| loss < best.loss);
        let process_bytes = memory::sample().process;
        let is_classification = job.data.dataset.task == Task::Classification;
        let metrics = history::rounded_epoch(&EpochMetrics {
            epoch: state.epochs + 1,
            step: state.step,
            train_loss,
            train_accuracy: is_classification.then_some(state.right as f64 / samples),
            validation_loss: validation.map(|validation| validation.loss),
            validation_accuracy: validation.and_then(|validation| validation.accuracy),
            learning_rate: self.learning_rate_at(state.step.saturating_sub(1)),
            seconds: state.epoch_seconds,
            samples_per_second: samples / state.epoch_seconds.max(1e-9),
            process_bytes,
            device_bytes: device::memory_of(self.network.device()).and_then(|memory| memory.used),
            inference_ms_p50: single.p50_ms,
            inference_ms_p95: single.p95_ms,
            batch_inference_ms_p50: whole.p50_ms,
            batch_inference_ms_p95: whole.p95_ms,
            is_best,
        });

        let state = &mut self.state;
        state.epochs += 1;
        (state.cursor, state.loss_sum, state.right, state.samples, state.epoch_seconds) = (0, 0.0, 0, 0, 0.0);
        state.losses.push(EpochLosses { epoch: state.epochs, train: train_loss, validation: loss });
        state.last = Some(metrics);
        if let ScheduleSpec::Plateau(plateau) = &config.schedule {
            plateau.observe(&mut state.plateau, loss);
        }
        state.peak_bytes = state.peak_bytes.max(process_bytes);
        if is_best {
            state.best = Some(Best { epoch: state.epochs, loss, metrics });
            self.best_is_unsaved = true;
        }
        if is_best || !config.keep_best {
            self.kept = snapshot(&self.network)?;
        }
        self.lap();
        self.on_disk(observe, |disk| disk.log.epoch(&metrics));
        observe(TrainEvent::Epoch(metrics));
        if !self.state.overfitting_told
            && !held_out.is_empty()
            && let Some(problem) = overfitting(&self.state.losses)
        {
            self.state.overfitting_told = true;
            self.notice(Problem { place: self.place(), ..problem }, observe);
        }
        Ok(true)
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

    /// Saves if `seconds` have passed, but never so often that saving takes more than a twentieth of the time.
    fn save_if_due(&mut self, seconds: f64, observe: &mut dyn FnMut(TrainEvent)) {
        let is_due = |disk: &Disk| {
            let interval = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).max(disk.save_took * 20);
            disk.last_save.elapsed() >= interval
        };
        if self.disk.as_ref().is_some_and(is_due) {
            self.save(observe);
        }
    }

    /// Writes a checkpoint. If that fails, the run goes on and tries again when the next one is due.
    fn save(&mut self, observe: &mut dyn FnMut(TrainEvent)) {
        let Self { disk: Some(disk), .. } = self else { return };
        let start = Instant::now();
        let names = self.network.parameters().iter().map(|parameter| parameter.name.as_str());
        let flushed = disk.log.flush();
        let best = self.state.best.filter(|_| self.best_is_unsaved && self.job.config.keep_best);
        let best = best.map_or(Ok(()), |best| disk.checkpoints.write_best(best.epoch, names.zip(&self.kept)));
        let weights = self.network.parameters().iter().map(|parameter| (parameter.name.as_str(), &parameter.value));
        let written =
            flushed.and(best).and_then(|()| disk.checkpoints.write(&self.state, weights, self.optimizer.state()));
        disk.save_took = start.elapsed();
        disk.last_save = Instant::now();
        match written {
            Ok(path) => {
                self.best_is_unsaved = false;
                self.unsaved_steps = 0;
                observe(TrainEvent::Checkpoint { step: self.state.step, path });
                self.on_disk(observe, |_| Ok(()));
            }
            Err(error) => self.on_disk(observe, |_| Err(error)),
        }
    }

    /// Does something on disk. A failure is told once; training goes on, because the disk may have room again later.
    fn on_disk(&mut self, observe: &mut dyn FnMut(TrainEvent), work: impl FnOnce(&mut Disk) -> Result<(), FileError>) {
        let Some(disk) = &mut self.disk else { return };
        match work(disk) {
            Ok(()) => {}
            Err(_) if disk.is_failing => {}
            Err(error) => {
                disk.is_failing = true;
                let place = Place::File { path: error.path.clone(), row: None };
                let hint = "The run goes on and tries again; what it learned is not lost while it runs";
                self.notice(Problem::warning(place, error.to_string(), hint), observe);
            }
        }
    }

    fn notice(&mut self, problem: Problem, observe: &mut dyn FnMut(TrainEvent)) {
        self.record.notices.push(problem.clone());
        observe(TrainEvent::Notice(problem));
    }

    /// A parameter that can learn but got no gradient is not connected to the output, or its layer is wrong.
    fn tell_of_dead_parameters(&mut self, gradients: &[Option<Tensor>], observe: &mut dyn FnMut(TrainEvent)) {
        let pairs = self.network.parameters().iter().zip(gradients);
        let dead: Vec<&str> = pairs
            .filter(|(parameter, gradient)| parameter.trainable && gradient.is_none())
            .map(|(parameter, _)| parameter.name.as_str())
            .collect();
        let Some(first) = dead.first() else { return };
        let message = format!("these weights get no gradient and stay as they are: {}", dead.join(", "));
        let hint = "Connect the layer to the output, or remove it";
        self.notice(Problem::warning(Place::Node(node_of(first)), message, hint), observe);
    }

    /// Says where the first NaN or infinity is.
    fn diverged(&mut self, what: &str, inputs: Option<&Tensor>) -> Result<Problem, TrainError> {
        let config = &self.job.config;
        let mode = Mode::Train { seed: config.seed, step: self.state.step };
        let node = match inputs {
            Some(inputs) => self.network.first_non_finite(std::slice::from_ref(inputs), mode)?,
            None => None,
        };
        let node = node.or_else(|| {
            let is_bad = |tensor: &Tensor| !finite::gradient_norm(&[Some(tensor.clone())]).is_ok_and(f64::is_finite);
            let bad = self.network.parameters().iter().find(|parameter| is_bad(&parameter.value));
            bad.map(|parameter| node_of(&parameter.name))
        });
        let first = node.as_ref().map_or(String::new(), |node| format!("; it first appears in layer {node}"));
        let message = format!("{what} in step {} (epoch {}){first}", self.state.step + 1, self.state.epochs + 1);
        let kept = match self.state.best.filter(|_| config.keep_best) {
            Some(best) => format!("the weights of epoch {}, the best one,", best.epoch),
            None if self.state.epochs > 0 => format!("the weights of epoch {}", self.state.epochs),
            None => "the weights from before the first step".to_owned(),
        };
        let rate = format::number(self.learning_rate_at(self.state.step));
        let hint = format!("Lower the learning rate (it was {rate}) or clip the gradients at 1; {kept} are kept");
        Ok(Problem::error(node.map_or_else(|| self.place(), Place::Node), message, hint))
    }

    /// Keeps the weights and tells how it ended.
    fn finish(&mut self, end: End, observe: &mut dyn FnMut(TrainEvent)) -> Result<Outcome, TrainError> {
        let config = &self.job.config;
        let (ending, mut problem) = match end {
            End::Completed => (Ending::Completed, None),
            End::StoppedEarly => (Ending::StoppedEarly, None),
            End::Stopped => (Ending::Stopped, None),
            End::Diverged(problem) => (Ending::Diverged, Some(problem)),
        };
        self.lap();
        let has_diverged = ending == Ending::Diverged;
        if has_diverged {
            // What diverged is written nowhere; the last checkpoint from before stays.
            self.on_disk(observe, |disk| disk.log.flush());
        } else {
            if self.unsaved_steps > 0 || self.best_is_unsaved {
                self.save(observe);
            }
            if self.state.best.is_none() || !config.keep_best {
                self.kept = snapshot(&self.network)?;
            }
        }
        for (parameter, kept) in self.network.parameters_mut().iter_mut().zip(&self.kept) {
            parameter.value = kept.clone();
        }
        if let Some(disk) = &self.disk {
            let bundle = Bundle { tensors: self.network.state_dict(), note: String::new() };
            if let Err(error) = weights::write(&disk.folder.kept_path(), &bundle) {
                problem = problem.or_else(|| Some(TrainError::from(error).problem()));
            }
        }
        let best = self.state.best.filter(|_| config.keep_best);
        let outcome = Outcome {
            ending,
            epochs: self.state.epochs,
            steps: self.state.step,
            seconds: self.state.seconds,
            best_epoch: best.map(|best| best.epoch),
            metrics: best.map(|best| best.metrics).or(self.state.last),
            peak_bytes: self.state.peak_bytes.max(memory::sample().process),
            weights_blake3: self.network.weights_blake3()?,
            problem,
        };
        self.record.outcome = outcome.clone();
        if let Some(disk) = &self.disk {
            disk.folder.write_record(&self.record)?;
        }
        observe(TrainEvent::Finished(outcome.clone()));
        Ok(outcome)
    }

    /// Leaves the reason in the run's record, as far as that works.
    fn record_failure(&mut self, error: &TrainError) {
        let problem = Some(error.problem());
        let State { epochs, step: steps, seconds, .. } = self.state;
        self.record.outcome = Outcome { ending: Ending::Failed, epochs, steps, seconds, problem, ..Outcome::default() };
        if let Some(disk) = &mut self.disk {
            let _ = disk.log.flush();
            let _ = disk.folder.write_record(&self.record);
        }
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

/// The batches of an epoch. A last batch of one sample is left out if the network has batch norm, which compares samples.
fn batches<'a>(job: &TrainJob, order: &'a [u32]) -> impl Iterator<Item = &'a [u32]> {
    let size = job.config.batch_size.max(1);
    let drops_last = size > 1 && order.len() > 1 && order.len() % size == 1 && check::has_batch_norm(job);
    let kept = if drops_last { order.len() - 1 } else { order.len() };
    order.get(..kept).unwrap_or_default().chunks(size)
}

/// How many of these samples the network has right; `None` for regression.
fn right_answers(data: &Prepared, samples: &[u32], output: &Tensor) -> Result<Option<u64>, TrainError> {
    let Labels::Classes(labels) = &data.dataset.labels else { return Ok(None) };
    let values = host(output)?;
    let width = (values.len() / samples.len().max(1)).max(1);
    let pairs = samples.iter().zip(values.chunks(width));
    let is_right = |sample: u32, row: &[f32]| {
        labels.get(sample as usize).is_some_and(|&label| scores::arg_max(row) == label as usize)
    };
    Ok(Some(pairs.filter(|(sample, row)| is_right(**sample, row)).count() as u64))
}

/// A copy of all values, which no later step can touch.
fn snapshot(network: &Network) -> candle_core::Result<Vec<Tensor>> {
    network.parameters().iter().map(|parameter| parameter.value.copy()).collect()
}

/// The layer of a parameter: its name without the last part.
fn node_of(parameter: &str) -> NodeId {
    NodeId(parameter.rsplit_once('.').map_or(parameter, |(node, _)| node).to_owned())
}

/// What must stay the same for a run to go on.
fn fixed(job: &TrainJob) -> String {
    let TrainConfig { seed, batch_size, optimizer, .. } = &job.config;
    let samples = job.data.split.train.len();
    let data = &job.data.dataset.fingerprint;
    format!(
        "seed {seed}, batch size {batch_size}, optimizer {}, {samples} training samples, data {data}",
        optimizer.id()
    )
}

fn changed(folder: &RunFolder, was: &str, is: &str) -> Problem {
    let message = format!("the run can't go on with other settings or data: it had {was}; now there are {is}");
    Problem::error(Place::Run(folder.id()), message, "Set them back, or start a new run")
}

fn new_record(job: &TrainJob, findings: &Findings, before_bytes: u64) -> RunRecord {
    let text = |value: &str| value.to_owned();
    let environment = BTreeMap::from([
        (text("version"), text(env!("CARGO_PKG_VERSION"))),
        (text("system"), format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
        (text("device"), job.config.device.clone()),
        (text("threads"), rayon::current_num_threads().to_string()),
        (text("determinism"), text(device::determinism())),
    ]);
    RunRecord {
        schema: RunRecord::SCHEMA,
        name: job.name.clone(),
        started: history::now() as u64,
        graph: job.graph.clone(),
        train: job.config.clone(),
        data: job.data_config.clone(),
        data_fingerprint: job.data.dataset.fingerprint.clone(),
        environment,
        planned_bytes: findings.planned_bytes,
        before_bytes,
        notices: Vec::new(),
        outcome: Outcome::default(),
    }
}
