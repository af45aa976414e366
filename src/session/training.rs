//! The run under way: starting it on its thread, and taking in what it tells.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::{Place, Problem, RunId, Severity, format};
use crate::train::record::RunFolder;
use crate::train::{Control, Ending, EpochMetrics, Outcome, Phase, StepMetrics, TrainEvent, TrainJob, Worker};

use super::opening::no_project;
use super::{Run, Session, Training, failed, work};

/// Steps whose median tells the time left.
const RECENT: usize = 101;
/// How long closing waits for the last checkpoint.
const CLOSING: Duration = Duration::from_secs(10);

/// A run on its thread.
pub(super) struct Active {
    worker: Worker,
    folder: RunFolder,
    training: Training,
    clock: StepClock,
}

impl Active {
    pub(super) fn training(&self) -> &Training {
        &self.training
    }
}

impl Session {
    pub(super) fn train(&mut self) -> Result<(), Problem> {
        let (prepared, runs) = self.ready_to_train()?;
        let open = self.open.as_ref().ok_or_else(no_project)?;
        let mut job = work::train_job(&open.project, prepared, None)?;
        first_error(&job)?;
        let (id, folder) = RunFolder::create(&runs, &job.name).map_err(|error| failed(&error, ""))?;
        job.folder = Some(folder.clone());
        let run = Run::starting(id, work::record_of(&job));
        self.start(job, folder, run)
    }

    pub(super) fn resume_run(&mut self, id: &RunId) -> Result<(), Problem> {
        let (prepared, runs) = self.ready_to_train()?;
        let unknown = || Problem::error(Place::Run(id.clone()), "there is no such run", "Choose another one");
        let run = self.runs.get(id).ok_or_else(unknown)?.clone();
        let folder = RunFolder(runs.join(id.as_str()));
        let job = work::resume_job(&run.record, prepared, folder.clone())?;
        first_error(&job)?;
        self.start(job, folder, Run { is_active: true, ..run })
    }

    fn ready_to_train(&self) -> Result<(Arc<crate::data::Prepared>, std::path::PathBuf), Problem> {
        let open = self.open.as_ref().ok_or_else(no_project)?;
        if self.active.is_some() {
            return Err(Problem::error(
                Place::Project,
                "a run is under way",
                "Stop it first, or wait until it is done",
            ));
        }
        if open.file.is_read_only() {
            let hint = "Use Save as to go on in a folder of your own";
            return Err(Problem::error(
                Place::Project,
                "runs can't be stored: the project is open for reading only",
                hint,
            ));
        }
        let is_current = open.project.data.as_ref().is_some_and(|config| self.data_work.is_ready_for(config));
        match self.prepared() {
            Some(prepared) if is_current => Ok((prepared.clone(), open.file.runs())),
            _ if self.data_work.is_busy() => {
                Err(Problem::error(Place::Data, "the data is still being read", "Train again when it is there"))
            }
            _ => Err(Problem::error(Place::Data, "there is no data to train on", "Import data first")),
        }
    }

    fn start(&mut self, job: TrainJob, folder: RunFolder, run: Run) -> Result<(), Problem> {
        let epochs = job.config.epochs;
        let clock = StepClock { batch_size: job.config.samples_per_step(), ..StepClock::default() };
        let worker = Worker::start(job, self.wake.clone()).map_err(|error| failed(&error, "Close other programs"))?;
        let training = Training {
            run: run.id.clone(),
            phase: Phase::Running,
            is_stopping: false,
            epoch: 1,
            epochs,
            step: 0,
            total_steps: 0,
            remaining: None,
            samples_per_second: 0.0,
        };
        self.show_run(&run.id);
        self.runs.put(run);
        self.active = Some(Active { worker, folder, training, clock });
        self.refresh();
        Ok(())
    }

    pub(super) fn control(&mut self, act: impl FnOnce(&Control)) -> Result<(), Problem> {
        if let Some(active) = &self.active {
            act(active.worker.control());
        }
        Ok(())
    }

    pub(super) fn stop(&mut self) -> Result<(), Problem> {
        if let Some(active) = &mut self.active {
            active.training.is_stopping = true;
            active.worker.control().stop();
        }
        Ok(())
    }

    pub(super) fn poll_training(&mut self) {
        let Some(active) = &mut self.active else { return };
        let events = active.worker.drain();
        let mut outcome = None;
        for event in events {
            let Some(run) = self.runs.get_mut(&active.training.run) else { break };
            match event {
                TrainEvent::Started { total_steps, steps_per_epoch, first_step, planned_bytes, before_bytes } => {
                    active.training.total_steps = total_steps;
                    active.training.step = first_step;
                    active.clock.steps_per_epoch = steps_per_epoch;
                    run.planned_bytes = planned_bytes;
                    run.before_bytes = before_bytes;
                    run.forget_after(first_step, steps_per_epoch);
                }
                TrainEvent::Steps(steps) => active.take_steps(run, &steps),
                TrainEvent::Epoch(epoch) => {
                    active.clock.epoch_ended(&epoch);
                    run.epochs.push(epoch);
                }
                TrainEvent::Checkpoint { .. } => {}
                TrainEvent::Notice(problem) => run.notices.push(problem),
                TrainEvent::Phase(phase) => {
                    active.training.phase = phase;
                    // A pause is not validation.
                    active.clock.epoch_since = None;
                }
                TrainEvent::Finished(ended) => outcome = Some(ended),
            }
        }
        if let Some(outcome) = outcome {
            self.finished(outcome);
        }
    }

    fn finished(&mut self, outcome: Outcome) {
        let Some(active) = self.active.take() else { return };
        let id = active.training.run.clone();
        if let Some(run) = self.runs.get_mut(&id) {
            run.is_active = false;
            // What the run wrote last is the truth; without it, what it told.
            let record = active.folder.read_record().unwrap_or_else(|_| (*run.record).clone());
            run.record = Arc::new(crate::train::RunRecord { outcome: outcome.clone(), ..record });
        }
        self.tell(ending_notice(&id, &outcome));
        self.answers.forget_network();
        self.refresh();
    }

    /// Stops the run under way and waits for its checkpoint.
    pub(super) fn end_training(&mut self) {
        if self.active.is_none() {
            return;
        }
        // Stopping what runs can't fail.
        let _ = self.stop();
        let end = Instant::now() + CLOSING;
        while self.active.is_some() && Instant::now() < end {
            self.poll_training();
            std::thread::sleep(Duration::from_millis(2));
        }
        self.active = None;
    }
}

impl Active {
    fn take_steps(&mut self, run: &mut Run, steps: &[StepMetrics]) {
        for step in steps {
            run.push_step(step);
        }
        let Some(last) = steps.last() else { return };
        self.clock.steps_made(steps);
        let training = &mut self.training;
        training.step = last.step;
        let per_epoch = self.clock.steps_per_epoch.max(1);
        training.epoch = (last.step.saturating_sub(1) / per_epoch) as usize + 1;
        training.samples_per_second = self.clock.samples_per_second().unwrap_or(last.samples_per_second);
        training.remaining = self.clock.remaining(training.total_steps.saturating_sub(last.step));
    }
}

/// Estimates the time left from a median of recent steps, and from what an epoch takes besides its steps.
#[derive(Debug, Default)]
struct StepClock {
    steps_per_epoch: u64,
    batch_size: usize,
    /// Seconds of recent steps, as the trainer measured them: events arrive here in bunches.
    seconds: VecDeque<f64>,
    epoch_since: Option<Instant>,
    /// Seconds of the last validation.
    validation: f64,
}

impl StepClock {
    fn steps_made(&mut self, steps: &[StepMetrics]) {
        self.epoch_since.get_or_insert_with(Instant::now);
        for step in steps.iter().rev().take(RECENT).rev() {
            self.seconds.push_back(self.batch_size as f64 / step.samples_per_second.max(1e-9));
        }
        while self.seconds.len() > RECENT {
            self.seconds.pop_front();
        }
    }

    fn epoch_ended(&mut self, epoch: &EpochMetrics) {
        let now = Instant::now();
        if let Some(since) = self.epoch_since.replace(now) {
            let rest = now.duration_since(since).as_secs_f64() - epoch.seconds;
            if rest > 0.0 {
                self.validation = rest;
            }
        }
    }

    fn median(&self) -> Option<f64> {
        let mut sorted: Vec<f64> = self.seconds.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }

    fn samples_per_second(&self) -> Option<f64> {
        self.median().map(|seconds| self.batch_size as f64 / seconds.max(1e-9))
    }

    fn remaining(&self, steps: u64) -> Option<Duration> {
        if self.seconds.len() < 3 {
            return None;
        }
        let epochs = steps as f64 / self.steps_per_epoch.max(1) as f64;
        Duration::try_from_secs_f64(self.median()? * steps as f64 + epochs.ceil() * self.validation).ok()
    }
}

/// Everything that keeps a job from starting becomes one problem.
fn first_error(job: &TrainJob) -> Result<(), Problem> {
    let errors = crate::train::run::check(job).into_iter().find(|problem| problem.severity == Severity::Error);
    errors.map_or(Ok(()), Err)
}

fn ending_notice(id: &RunId, outcome: &Outcome) -> Problem {
    let place = Place::Run(id.clone());
    let number = id.number();
    let accuracy = outcome.metrics.and_then(|metrics| metrics.validation_accuracy);
    let result = accuracy.map_or_else(String::new, |share| format!(", validation accuracy {}", format::share(share)));
    match (&outcome.problem, outcome.ending) {
        (Some(problem), Ending::Diverged | Ending::Failed | Ending::Unfinished) => Problem { place, ..problem.clone() },
        (_, Ending::Completed) => {
            Problem::advice(place, format!("run {number} is complete: {} epochs{result}", outcome.epochs), "")
        }
        (_, Ending::StoppedEarly) => Problem::advice(
            place,
            format!("run {number} stopped early after {} epochs{result}", outcome.epochs),
            "No epoch was better for as long as the patience allows",
        ),
        (_, Ending::Stopped) => Problem::advice(
            place,
            format!("run {number} was stopped after {} steps", outcome.steps),
            "It can be resumed",
        ),
        (None, Ending::Diverged | Ending::Failed | Ending::Unfinished) => {
            Problem::error(place, format!("run {number} failed"), "Resume it, or look at its settings")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_median_step() {
        let mut clock = StepClock { steps_per_epoch: 10, validation: 1.0, ..StepClock::default() };
        assert_eq!(clock.remaining(100), None);
        clock.seconds = [0.1, 0.1, 9.0, 0.1, 0.1].into();
        let left = clock.remaining(20).unwrap().as_secs_f64();
        assert!((left - 4.0).abs() < 1e-9, "one slow step must not count: {left}");
    }

    #[test]
    fn steps_that_arrive_together_took_the_time_that_the_trainer_measured() {
        let step = StepMetrics {
            step: 1,
            epoch: 0.1,
            loss: 1.0,
            accuracy: None,
            learning_rate: 0.1,
            gradient_norm: 1.0,
            samples_per_second: 320.0,
        };
        let mut clock = StepClock { steps_per_epoch: 10, batch_size: 32, ..StepClock::default() };
        clock.steps_made(&[step; 50]);
        assert_eq!(clock.remaining(20), Some(Duration::from_secs(2)));
    }
}
