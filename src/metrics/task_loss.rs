//! The loss of a run: that of its settings, with what it takes from the data.

use candle_core::{Result, Tensor};

use crate::data::{Labels, Prepared, Task, VOID};
use crate::nn::LossSpec;
use crate::nn::losses::ClassWeights;
use crate::ops;
use crate::ops::loss::Loss;

/// A loss for one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskLoss {
    spec: LossSpec,
    task: Task,
    class_weights: Option<Vec<f64>>,
}

impl TaskLoss {
    /// With class weights from the training part, if the loss wants them.
    pub fn new(spec: &LossSpec, prepared: &Prepared) -> Self {
        let balanced = spec.class_weights() == ClassWeights::Balanced;
        let class_weights = balanced.then(|| balanced_weights(prepared));
        Self { spec: spec.clone(), task: prepared.dataset.task, class_weights }
    }

    /// Of the network's output for a batch, with the batch's targets.
    ///
    /// # Errors
    /// If the shapes do not fit, or the loss is not for the data's task.
    pub fn compute(&self, output: &Tensor, targets: &Tensor) -> Result<Loss> {
        let _computing = ops::computing();
        match self.task {
            Task::Segmentation => self.spec.of_masks(output, targets, self.class_weights.as_deref(), VOID),
            Task::Classification => self.spec.of_classes(output, targets, self.class_weights.as_deref()),
            Task::Regression => self.spec.of_values(output, targets),
            Task::LanguageModel => self.spec.of_tokens(output, targets),
            Task::Detection => candle_core::bail!("this version does not train detectors yet"),
        }
    }
}

/// One weight a class, so that all classes count the same in the training part and the mean weight of a sample (of a
/// pixel, for masks) is 1. A class
/// without samples there has the weight 1.
fn balanced_weights(prepared: &Prepared) -> Vec<f64> {
    let mut counts = vec![0_u64; prepared.dataset.classes.len()];
    if let Labels::Classes(labels) = &prepared.dataset.labels {
        for label in prepared.split.train.iter().filter_map(|&sample| labels.get(sample as usize)) {
            if let Some(count) = counts.get_mut(*label as usize) {
                *count += 1;
            }
        }
    }
    if let Labels::Masks(masks) = &prepared.dataset.labels {
        for &sample in &prepared.split.train {
            let pixels = masks.counts(sample as usize, counts.len());
            counts.iter_mut().zip(pixels).for_each(|(count, pixels)| *count += pixels);
        }
    }
    let present = counts.iter().filter(|&&count| count > 0).count() as f64;
    let samples = counts.iter().sum::<u64>() as f64;
    counts.iter().map(|&count| if count > 0 { samples / (present * count as f64) } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::Arc;

    use crate::base::Progress;
    use crate::data::{self, DataConfig};

    #[test]
    fn balanced_classes_count_the_same() {
        let config = DataConfig::default();
        let dataset = data::load(&config, Path::new("."), &Progress::default()).unwrap();
        let mut prepared = data::prepare(Arc::new(dataset), &config);
        let Labels::Classes(labels) = prepared.dataset.labels.clone() else { panic!() };
        // Three of class 4 and one of class 7.
        let some = |class: u32, count: usize| {
            let found = (0..labels.len() as u32).filter(|&sample| labels[sample as usize] == class).take(count);
            found.collect::<Vec<u32>>()
        };
        prepared.split.train = [some(4, 3), some(7, 1)].concat();
        let weights = balanced_weights(&prepared);
        assert_eq!((weights.len(), weights[4], weights[7], weights[0]), (10, 4.0 / 6.0, 2.0, 1.0));
    }
}
