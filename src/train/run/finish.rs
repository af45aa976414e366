//! The end of a run: the weights that are kept, and its record.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::base::memory;
use crate::train::check::Findings;
use crate::train::checkpoint::State;
use crate::train::record::RunRecord;
use crate::train::weights::{self, Bundle};
use crate::train::{Ending, Outcome, TrainEvent, device, history};

use super::{End, Run, TrainError, TrainJob};

impl Run<'_> {
    /// Keeps the weights and tells how it ended.
    pub(super) fn finish(&mut self, end: End, observe: &mut dyn FnMut(TrainEvent)) -> Result<Outcome, TrainError> {
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
                self.kept = self.snapshot()?;
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
    pub(super) fn record_failure(&mut self, error: &TrainError) {
        let problem = Some(error.problem());
        let State { epochs, step: steps, seconds, .. } = self.state;
        self.record.outcome = Outcome { ending: Ending::Failed, epochs, steps, seconds, problem, ..Outcome::default() };
        if let Some(disk) = &mut self.disk {
            let _ = disk.log.flush();
            let _ = disk.folder.write_record(&self.record);
        }
    }

    /// A copy of the weights as validated, which no later step can touch: of their averages where some are kept.
    pub(super) fn snapshot(&mut self) -> candle_core::Result<Vec<Tensor>> {
        self.optimizer.swap_averages(self.network.parameters_mut());
        let copies = self.network.parameters().iter().map(|parameter| parameter.value.copy()).collect();
        self.optimizer.swap_averages(self.network.parameters_mut());
        copies
    }
}

/// The record of a run that begins.
pub(super) fn new_record(job: &TrainJob, findings: &Findings, before_bytes: u64) -> RunRecord {
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
