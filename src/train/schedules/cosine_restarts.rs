//! Half a cosine again and again, each time longer (Loshchilov and Hutter 2017: SGDR).

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};

use super::Position;

/// Settings of the cosine schedule with restarts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CosineRestarts {
    /// Epochs of the first fall.
    pub first_epochs: usize,
    /// How many times longer each fall is than the one before.
    pub growth: usize,
    /// Share of the peak rate that is left at the end of each fall.
    pub final_share: f64,
}

impl Default for CosineRestarts {
    fn default() -> Self {
        Self { first_epochs: 10, growth: 2, final_share: 0.01 }
    }
}

impl Params for CosineRestarts {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("first_epochs", "First fall")
            .unit("epochs")
            .help("Epochs until the learning rate jumps back to its peak for the first time.");
        visitor.count(field, &mut self.first_epochs, 1..=100_000);
        let field = Field::new("growth", "Growth")
            .help("How many times longer each fall is than the one before: 2 restarts after 10, 30 and 70 epochs.");
        visitor.count(field, &mut self.growth, 1..=100);
        let field = Field::new("final_share", "Final share")
            .rare()
            .help("Share of the peak learning rate that is left at the end of each fall.");
        visitor.number(field, &mut self.final_share, 0.0..=1.0);
    }
}

impl CosineRestarts {
    pub(super) fn share(&self, at: Position) -> f64 {
        let mut length = self.first_epochs.max(1) as f64;
        let mut epochs = at.epochs;
        if self.growth <= 1 {
            epochs %= length;
        }
        while epochs >= length {
            epochs -= length;
            length *= self.growth as f64;
        }
        let fall = f64::midpoint(1.0, (std::f64::consts::PI * epochs / length).cos());
        self.final_share + (1.0 - self.final_share) * fall
    }
}
