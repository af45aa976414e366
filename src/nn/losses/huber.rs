//! Huber's loss (1964): the square of small errors, the size of large ones.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::{self, Loss};

/// Settings of Huber's loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Huber {
    /// Where the line begins.
    pub delta: f64,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl Params for Huber {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("delta", "Delta").rare()
            .help("Errors beyond this count by their size instead of their square, so that outliers pull less. In units of the scaled target, whose spread is 1.");
        visitor.number(field, &mut self.delta, 1e-6..=1e6);
    }
}

impl Huber {
    pub(super) fn compute(&self, predictions: &Tensor, targets: &Tensor) -> Result<Loss> {
        loss::huber(predictions, targets, self.delta)
    }
}
