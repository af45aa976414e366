//! Predictions for single inputs.

use std::path::PathBuf;
use std::sync::Arc;

/// What to predict.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A file: an image, or the first row of a table.
    File(PathBuf),
    /// A sample of the data set.
    Sample(u32),
    /// Raw values of one sample, as [`crate::data::Dataset::sample`] gives them: a drawing, a filled form.
    Values(Vec<f32>),
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// What was asked.
    pub input: Input,
    /// The raw sample as the network saw it before scaling.
    pub values: Arc<Vec<f32>>,
    /// Probability of each class, in the order of the classes; empty for regression. For masks the share of the pixels.
    pub probabilities: Vec<f32>,
    /// The class of each pixel (segmentation).
    pub mask: Option<Arc<Vec<u8>>>,
    /// The predicted value (regression), in the target's unit.
    pub value: Option<f32>,
    /// Time of the forward pass, milliseconds.
    pub inference_ms: f64,
}
