//! A learning rate that falls by the same factor in every epoch.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};

use super::Position;

/// Settings of the exponential schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exponential {
    /// What the rate is multiplied by over an epoch.
    pub factor: f64,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { factor: 0.95 }
    }
}

impl Params for Exponential {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("factor", "Factor")
            .help("What the learning rate is multiplied by over each epoch: 0.95 halves it in about 14 epochs.");
        visitor.number(field, &mut self.factor, 0.0..=1.0);
    }
}

impl Exponential {
    pub(super) fn share(&self, at: Position) -> f64 {
        self.factor.powf(at.epochs)
    }
}
