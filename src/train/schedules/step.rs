//! A learning rate that falls in steps.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};

use super::Position;

/// Settings of the step schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Epochs between two falls.
    pub every_epochs: usize,
    /// What the rate is multiplied by.
    pub factor: f64,
}

impl Default for Step {
    fn default() -> Self {
        Self { every_epochs: 10, factor: 0.1 }
    }
}

impl Params for Step {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("every_epochs", "Every").unit("epochs").help("Epochs between two falls of the rate.");
        visitor.count(field, &mut self.every_epochs, 1..=100_000);
        let field = Field::new("factor", "Factor").help("What the learning rate is multiplied by at each fall.");
        visitor.number(field, &mut self.factor, 0.0..=1.0);
    }
}

impl Step {
    pub(super) fn share(&self, at: Position) -> f64 {
        let falls = (at.epochs / self.every_epochs.max(1) as f64).floor();
        self.factor.powi(falls as i32)
    }
}
