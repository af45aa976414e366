//! What is measured: curves over a run, the evaluation of a trained network, and the time of a prediction.

pub mod evaluate;
pub mod evaluation;
pub mod exact;
pub mod language;
pub mod masks;
pub mod overfitting;
pub mod scores;
pub mod series;
pub mod task_loss;
pub mod timing;

pub use evaluate::{EvaluateError, Summary, evaluate, summarize};
pub use evaluation::{ClassScores, Evaluation, SampleResult};
pub use language::LanguageScores;
pub use masks::{MaskScores, MaskTally};
pub use overfitting::{EpochLosses, overfitting};
pub use series::MetricSeries;
pub use task_loss::TaskLoss;
pub use timing::{Timing, inference_time};
