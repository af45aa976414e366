//! Scaling of the inputs, fitted on the training part alone.

use serde::{Deserialize, Serialize};

use super::Dataset;

crate::choices! {
    /// How inputs are scaled.
    pub enum Normalization {
        /// Mean 0, standard deviation 1.
        Standard = "standard", "Standard", "Subtracts the mean and divides by the standard deviation of the training part.";
        /// From 0 to 1.
        MinMax = "min_max", "0 to 1", "Maps the smallest value of the training part to 0 and the largest to 1.";
        /// As in the files.
        None = "none", "None", "Passes the values on as they are.";
    }
}

/// A fitted scaling: `(value - shift) * scale`, a missing value replaced by `fill` first. One entry per image
/// channel or table position, in the order of the sample. For regression the target is scaled too.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Normalizer {
    /// Subtracted.
    pub shift: Vec<f32>,
    /// Multiplied.
    pub scale: Vec<f32>,
    /// Stands in for NaN: the mean of the training part.
    pub fill: Vec<f32>,
    /// Shift and scale of a regression target; `(0, 1)` for classes.
    pub target: (f32, f32),
}

impl Normalizer {
    /// Fits the scaling on the samples `train` of the data set.
    pub fn fit(dataset: &Dataset, train: &[u32], kind: Normalization) -> Self {
        let _ = (dataset, train, kind);
        Self::default()
    }

    /// Scales one raw sample (as [`Dataset::sample`] gives it) in place; `channel_size` is the number of values that
    /// share an entry: height x width for images, 1 for tables.
    pub fn apply(&self, sample: &mut [f32], channel_size: usize) {
        let _ = (sample, channel_size);
    }
}
