//! The evaluation of a trained network on one part of the data.

use serde::{Deserialize, Serialize};

/// Everything the evaluation panel and the command line show. Definitions as in scikit-learn, 0 where a ratio has no samples.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Evaluation {
    /// The part: `test`, `validation` or `train`.
    pub part: String,
    /// Mean loss; NaN if the network gives NaN.
    #[serde(deserialize_with = "super::exact::null_is_nan")]
    pub loss: f64,
    /// Share of right answers (classification).
    pub accuracy: f64,
    /// Shares of samples whose class is among the k most probable ones, as (k, share).
    pub top_k: Vec<(usize, f64)>,
    /// Mean over classes.
    pub macro_average: ClassScores,
    /// Mean weighted by each class's samples.
    pub weighted_average: ClassScores,
    /// One for each class.
    pub per_class: Vec<ClassScores>,
    /// `confusion[truth][predicted]` counts samples.
    pub confusion: Vec<Vec<u64>>,
    /// One for each sample, in the order of the part.
    pub samples: Vec<SampleResult>,
    /// Regression: mean absolute error, in the target's unit.
    pub mean_absolute_error: Option<f64>,
    /// Regression: root of the mean squared error, in the target's unit.
    pub root_mean_squared_error: Option<f64>,
    /// Regression: coefficient of determination.
    pub r_squared: Option<f64>,
    /// Language models: what the loss means for the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<super::LanguageScores>,
    /// Segmentation: how well the masks overlap. The other numbers are of pixels then: accuracy, confusion, and the scores
    /// of each class, whose F1 is its Dice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<super::MaskScores>,
    /// Median of the time for one sample, milliseconds.
    pub inference_ms_p50: f64,
    /// 95th percentile of the same.
    pub inference_ms_p95: f64,
}

/// Precision, recall and F1 of a class or an average.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ClassScores {
    /// Share of the predictions of this class that are right.
    pub precision: f64,
    /// Share of the samples of this class that were found.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Samples of this class.
    pub support: u64,
}

/// One evaluated sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SampleResult {
    /// Index in the data set.
    pub sample: u32,
    /// Class index, or the real target; 0 for masks.
    pub truth: f32,
    /// Class index, or the predicted value in the target's unit; 0 for masks.
    #[serde(deserialize_with = "super::exact::null_is_nan")]
    pub predicted: f32,
    /// Probability of the predicted class; 0 for regression, the mean intersection over union for masks.
    #[serde(deserialize_with = "super::exact::null_is_nan")]
    pub confidence: f32,
    /// Loss of this sample.
    #[serde(deserialize_with = "super::exact::null_is_nan")]
    pub loss: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_gives_nan_still_has_a_readable_evaluation() {
        let sample = SampleResult { sample: 1, truth: 2.0, predicted: f32::NAN, confidence: f32::NAN, loss: f32::NAN };
        let evaluation = Evaluation { loss: f64::NAN, accuracy: 0.1, samples: vec![sample], ..Evaluation::default() };
        let text = serde_json::to_string(&evaluation).unwrap();
        let read: Evaluation = serde_json::from_str(&text).unwrap();
        assert!(read.loss.is_nan() && read.samples[0].loss.is_nan());
        assert_eq!(read.accuracy, 0.1);
    }
}
