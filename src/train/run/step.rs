//! One step: forward, loss, backward, update.

use std::time::{Duration, Instant};

use candle_core::Tensor;

use crate::base::{Place, Problem, memory};
use crate::data::augment::Augmented;
use crate::data::{Prepared, Task, batch};
use crate::graph::Gradients;
use crate::metrics::evaluate::{RIGHT, right_answers};
use crate::nn::Mode;
use crate::ops;
use crate::ops::loss::Loss;
use crate::train::finite;
use crate::train::optimizers::UpdateStep;
use crate::train::{StepMetrics, TrainEvent, history};

use super::divergence::node_of;
use super::{Run, TrainError};

impl Run<'_> {
    /// One step: forward, loss, backward, update. Gives the problem if a number is not finite any more.
    pub(super) fn step(
        &mut self,
        samples: &[u32],
        observe: &mut dyn FnMut(TrainEvent),
    ) -> Result<Option<Problem>, TrainError> {
        let _computing = ops::computing();
        let job = self.job;
        let config = &job.config;
        let mut sum: Option<Batch> = None;
        let first = self.state.step * config.accumulate.max(1) as u64;
        for (number, samples) in (first..).zip(samples.chunks(config.batch_size.max(1))) {
            // Each batch draws its own dropout.
            let batch = self.batch(samples, Mode::Train { seed: config.seed, step: number })?;
            if !batch.loss.is_finite() {
                return self.diverged(&format!("the loss became {}", batch.loss), Some(&batch)).map(Some);
            }
            sum = Some(match sum {
                Some(sum) => sum.and(batch)?,
                None => batch,
            });
        }
        let Some(batch) = sum else { return Ok(None) };
        let gradient_norm = finite::gradient_norm(&batch.gradients)?;
        if !gradient_norm.is_finite() {
            return self.diverged(&format!("the gradient norm became {gradient_norm}"), Some(&batch)).map(Some);
        }
        if self.state.step == 0 {
            self.tell_of_dead_parameters(&batch.gradients, observe);
        }

        let learning_rate = self.learning_rate_at(self.state.step);
        let update = UpdateStep {
            learning_rate,
            weight_decay: config.weight_decay,
            gradient_scale: finite::clip_factor(gradient_norm, config.clip_norm),
            gradient_limit: if config.clip_value > 0.0 { config.clip_value } else { f64::INFINITY },
            number: self.state.step + 1,
        };
        self.optimizer.update(self.network.parameters_mut(), &batch.gradients, update)?;
        if !finite::are_finite(self.network.parameters())? {
            return self.diverged("a weight became NaN or infinite", Some(&batch)).map(Some);
        }

        let Batch { loss, right, .. } = batch;
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
            accuracy: right.map(|right| right as f64 / (count * RIGHT) as f64),
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

    /// Forward, loss and backward for one batch.
    fn batch(&mut self, samples: &[u32], mode: Mode) -> Result<Batch, TrainError> {
        let data = &self.job.data;
        let Loaded { inputs, targets, others } = self.load(samples)?;
        let pass = self.network.forward(std::slice::from_ref(&inputs), mode)?;
        let Some(output) = pass.outputs.first() else { return Err(nothing_to_learn()) };
        let Loss { mut mean, weight, mut grad, .. } = self.loss.compute(output, &targets)?;
        if let Some((targets, share)) = others {
            let other = self.loss.compute(output, &targets)?;
            mean = share * mean + (1.0 - share) * other.mean;
            grad = ((grad * share)? + (other.grad * (1.0 - share))?)?;
        }
        let right = right_answers(data, samples, output)?;
        // A loss that is not finite has no gradient worth computing.
        let gradients = if mean.is_finite() { self.network.backward(pass, &[grad])? } else { Vec::new() };
        Ok(Batch { loss: mean, weight, right, gradients, inputs, mode })
    }

    /// The samples as tensors, changed if that is wanted.
    fn load(&mut self, samples: &[u32]) -> Result<Loaded, TrainError> {
        let Prepared { dataset, normalizer, .. } = &*self.job.data;
        let device = self.network.device();
        let Some(loader) = &mut self.loader else {
            let (inputs, targets) = batch::batch(dataset, normalizer, samples, device)?;
            return Ok(Loaded { inputs, targets, others: None });
        };
        let Augmented { inputs, target_factors, mixed } = loader.next_batch()?;
        let inputs = Tensor::from_vec(inputs, dataset.dims.with_batch(samples.len()), device)?;
        let mut targets = batch::targets(dataset, normalizer, samples, device)?;
        if !target_factors.is_empty() && dataset.task == Task::Regression {
            targets = targets.broadcast_mul(&Tensor::from_vec(target_factors, (samples.len(), 1), device)?)?;
        }
        let others = mixed.map(|(partners, share)| -> Result<_, TrainError> {
            Ok((batch::targets(dataset, normalizer, &partners, device)?, share))
        });
        Ok(Loaded { inputs, targets, others: others.transpose()? })
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
}

/// A batch as the network takes it.
struct Loaded {
    inputs: Tensor,
    targets: Tensor,
    /// If the samples are mixed with others: their targets, and the share of the first.
    others: Option<(Tensor, f64)>,
}

/// What one batch gives, or several together.
pub(super) struct Batch {
    /// Mean loss.
    loss: f64,
    /// What the mean was divided by.
    weight: f64,
    /// Right answers, times [`RIGHT`] (classification, segmentation).
    right: Option<u64>,
    /// Gradients of the mean loss.
    gradients: Gradients,
    /// Of the last batch, to look for what went wrong.
    pub(super) inputs: Tensor,
    pub(super) mode: Mode,
}

impl Batch {
    /// Both together, as if they were one batch.
    fn and(self, other: Self) -> candle_core::Result<Self> {
        let weight = self.weight + other.weight;
        let (mine, its) = (self.weight / weight, other.weight / weight);
        let mean = |pair: (Option<Tensor>, Option<Tensor>)| match pair {
            (Some(mine_grad), Some(its_grad)) => Ok(Some(((mine_grad * mine)? + (its_grad * its)?)?)),
            (Some(grad), None) => Ok(Some((grad * mine)?)),
            (None, Some(grad)) => Ok(Some((grad * its)?)),
            (None, None) => Ok(None),
        };
        Ok(Self {
            loss: self.loss * mine + other.loss * its,
            weight,
            right: self.right.zip(other.right).map(|(a, b)| a + b),
            gradients: self.gradients.into_iter().zip(other.gradients).map(mean).collect::<candle_core::Result<_>>()?,
            inputs: other.inputs,
            mode: other.mode,
        })
    }
}

/// The job's check sees to it that there is an output.
fn nothing_to_learn() -> TrainError {
    let hint = "Connect the last layer to an output";
    TrainError::Invalid(Problem::error(Place::Project, "the network has no output", hint))
}
