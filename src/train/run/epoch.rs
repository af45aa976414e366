//! The end of an epoch: validation, timing, the best weights so far.

use std::time::Duration;

use crate::base::{Problem, memory};
use crate::data::{Part, Task};
use crate::metrics::evaluate::RIGHT;
use crate::metrics::{EpochLosses, Summary, Timing, inference_time, overfitting, summarize};
use crate::train::checkpoint::Best;
use crate::train::schedules::ScheduleSpec;
use crate::train::{EpochMetrics, TrainEvent, device, history};

use super::{Run, TrainError};

/// Share of an epoch that may be spent on waiting for data before it is told.
const WAITING: f64 = 0.2;

impl Run<'_> {
    /// Validates, measures and compares. False if a stop came during the validation: the epoch is then not finished.
    pub(super) fn end_epoch(&mut self, observe: &mut dyn FnMut(TrainEvent)) -> Result<bool, TrainError> {
        let (job, config) = (self.job, &self.job.config);
        let held_out = job.data.split.part(Part::Validation);
        // Timed and validated is what will be kept.
        self.optimizer.swap_averages(self.network.parameters_mut());
        let measured = self.measure();
        self.optimizer.swap_averages(self.network.parameters_mut());
        let Measured { validation, single, whole } = measured?;
        if validation.is_none() && !held_out.is_empty() {
            return Ok(false);
        }

        self.tell_of_waiting(observe);
        let state = &self.state;
        let samples = state.samples.max(1) as f64;
        let train_loss = state.loss_sum / samples;
        let loss = validation.map_or(train_loss, |validation| validation.loss);
        let is_best = loss.is_finite() && state.best.is_none_or(|best| loss < best.loss);
        let process_bytes = memory::sample().process;
        let has_right_answers = matches!(job.data.dataset.task, Task::Classification | Task::Segmentation);
        let metrics = history::rounded_epoch(&EpochMetrics {
            epoch: state.epochs + 1,
            step: state.step,
            train_loss,
            train_accuracy: has_right_answers.then_some(state.right as f64 / (samples * RIGHT as f64)),
            validation_loss: validation.map(|validation| validation.loss),
            validation_accuracy: validation.and_then(|validation| validation.accuracy),
            validation_mean_iou: validation.and_then(|validation| validation.overlap).map(|(mean_iou, _)| mean_iou),
            validation_dice: validation.and_then(|validation| validation.overlap).map(|(_, dice)| dice),
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
            self.kept = self.snapshot()?;
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

    /// A run that waits for its data has too few cores, or changes its samples too much.
    fn tell_of_waiting(&mut self, observe: &mut dyn FnMut(TrainEvent)) {
        let Some(waited) = self.loader.take().map(|loader| loader.waited().as_secs_f64()) else { return };
        let share = waited / self.state.epoch_seconds.max(1e-9);
        if share > WAITING && waited > 1.0 && !self.waiting_told {
            self.waiting_told = true;
            let message = format!("the run waits for its data {:.0} % of the time", 100.0 * share.min(1.0));
            let hint = "Turn costly augmentations off (blur, noise), or use smaller images";
            self.notice(Problem::advice(self.place(), message, hint), observe);
        }
    }

    /// Validates and times; without a validation if a stop came during it.
    fn measure(&self) -> Result<Measured, TrainError> {
        let (job, config) = (self.job, &self.job.config);
        let held_out = job.data.split.part(Part::Validation);
        let is_stopped = || self.control.is_stopped();
        let validation = summarize(&self.network, &job.data, held_out, config.batch_size, &self.loss, &is_stopped)?;
        // Predictions are timed on samples that the network does not learn from, as far as there are some.
        let timed = if held_out.is_empty() { job.data.split.part(Part::Train) } else { held_out };
        let budget = Duration::from_secs_f64((self.state.epoch_seconds * 0.01).clamp(0.002, 0.025));
        let time = |batch: usize| inference_time(&self.network, &job.data, timed, batch, budget);
        let (single, whole) = (time(1)?.unwrap_or_default(), time(config.batch_size)?.unwrap_or_default());
        Ok(Measured { validation, single, whole })
    }
}

struct Measured {
    validation: Option<Summary>,
    single: Timing,
    whole: Timing,
}
