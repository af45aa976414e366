//! Settings of a training run.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};

/// Settings of a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training part.
    pub epochs: usize,
    /// Samples a step.
    pub batch_size: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Seed of weights, shuffle and dropout.
    pub seed: u64,
    /// `cpu`, `cuda:0`, `metal`.
    pub device: String,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self { epochs: 20, batch_size: 64, learning_rate: 1e-3, seed: 42, device: "cpu".to_owned() }
    }
}

impl Params for TrainConfig {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("epochs", "Epochs").help("Passes over the training part.");
        visitor.count(field, &mut self.epochs, 1..=100_000);
        let field =
            Field::new("batch_size", "Batch size").unit("samples").help("Samples whose mean gradient makes one step.");
        visitor.count(field, &mut self.batch_size, 1..=65_536);
    }
}
