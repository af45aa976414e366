//! A learning rate that falls to zero along a power of what is left of the run.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};

use super::Position;

/// Settings of the polynomial schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Polynomial {
    /// 1 falls along a straight line.
    pub power: f64,
}

impl Default for Polynomial {
    fn default() -> Self {
        Self { power: 1.0 }
    }
}

impl Params for Polynomial {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("power", "Power").help(
            "1 lets the learning rate fall along a straight line to 0; 2 falls fast at first and slowly at the end.",
        );
        visitor.number(field, &mut self.power, 0.0..=100.0);
    }
}

impl Polynomial {
    pub(super) fn share(&self, at: Position) -> f64 {
        (1.0 - at.progress().clamp(0.0, 1.0)).powf(self.power)
    }
}
