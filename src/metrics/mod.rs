//! What is measured: curves over a run, and the evaluation of a trained network.

pub mod evaluation;
pub mod series;

pub use evaluation::{ClassScores, Evaluation, SampleResult};
pub use series::MetricSeries;
