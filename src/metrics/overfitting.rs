//! Tells from the curves when a network starts to learn samples by heart.

use serde::{Deserialize, Serialize};

use crate::base::{Place, Problem};

/// The two losses of one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochLosses {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean over the training steps.
    #[serde(with = "super::exact")]
    pub train: f64,
    /// On the validation part.
    #[serde(with = "super::exact")]
    pub validation: f64,
}

/// Epochs in a row that it takes to call it overfitting rather than noise.
const PATIENCE: usize = 5;

/// How far above its minimum the validation loss must stand.
const RISE: f64 = 1.1;

/// Says so when the validation loss has not come near its minimum for five epochs, now stands at least a tenth above it, and
/// the training loss kept falling meanwhile. Names the best epoch.
pub fn overfitting(epochs: &[EpochLosses]) -> Option<Problem> {
    let best = epochs.iter().min_by(|a, b| a.validation.total_cmp(&b.validation))?;
    let since: Vec<&EpochLosses> = epochs.iter().filter(|epoch| epoch.epoch > best.epoch).collect();
    let last = since.last()?;
    // One epoch may be an outlier in either direction, so all of the last few must stand above the minimum.
    let recent = since.get(since.len().checked_sub(PATIENCE)?..)?;
    let rises = recent.iter().all(|epoch| epoch.validation > best.validation * (1.0 + (RISE - 1.0) / 2.0))
        && last.validation >= best.validation * RISE;
    let falls = last.train < best.train * 0.98;
    (rises && falls).then(|| {
        Problem::warning(
            Place::Project,
            format!(
                "The network overfits: since epoch {} the validation loss rose from {:.3} to {:.3} while the training loss \
                 fell from {:.3} to {:.3}",
                best.epoch, best.validation, last.validation, best.train, last.train
            ),
            format!(
                "The weights of epoch {} are the best ones. Early stopping, more weight decay, dropout, a smaller network or \
                 more data help",
                best.epoch
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(train: &[f64], validation: &[f64]) -> Vec<EpochLosses> {
        let pairs = train.iter().zip(validation).enumerate();
        pairs.map(|(index, (&train, &validation))| EpochLosses { epoch: index + 1, train, validation }).collect()
    }

    #[test]
    fn rising_validation_with_falling_training_is_called_out() {
        let train = [1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1];
        let problem = overfitting(&curve(&train, &[1.0, 0.8, 0.7, 0.75, 0.78, 0.8, 0.85, 0.9])).unwrap();
        assert!(problem.message.contains("since epoch 3"), "{problem}");
        assert!(problem.hint.contains("epoch 3"), "{problem}");
    }

    #[test]
    fn noise_plateaus_and_divergence_are_not() {
        let falling = [1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1];
        let silent = |train: &[f64], validation: &[f64]| assert_eq!(overfitting(&curve(train, validation)), None);
        silent(&falling, &[1.0, 0.8, 0.7, 0.71, 0.7, 0.72, 0.71, 0.72]);
        silent(&falling, &[1.0, 0.8, 0.7, 0.9, 0.71, 0.72, 0.71, 0.9]);
        silent(&[0.5; 8], &[1.0, 0.8, 0.7, 0.75, 0.78, 0.8, 0.85, 0.9]);
        silent(&[], &[]);
    }
}
