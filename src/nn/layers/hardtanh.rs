//! Tanh drawn with straight lines.

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{Field, ParamVisitor, Params};
use crate::nn::LayerError;
use crate::ops::Activation;

/// `x`, cut off at both ends, where the gradient is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hardtanh {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl Default for Hardtanh {
    fn default() -> Self {
        Self { min: -1.0, max: 1.0 }
    }
}

impl Params for Hardtanh {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("min", "Smallest value").help("Everything below becomes this.");
        visitor.number(field, &mut self.min, -1e6..=1e6);
        let field = Field::new("max", "Largest value").help("Everything above becomes this.");
        visitor.number(field, &mut self.max, -1e6..=1e6);
    }
}

impl Elementwise for Hardtanh {
    const NAME: &'static str = "Hard tanh";

    fn activation(&self) -> Activation {
        Activation::Clamp { min: self.min, max: self.max }
    }

    fn check(&self) -> Result<(), LayerError> {
        if self.min < self.max {
            return Ok(());
        }
        Err(LayerError::shape(
            format!("{} has a smallest value of {} and a largest of {}", Self::NAME, self.min, self.max),
            "Set the largest value to more than the smallest",
        ))
    }

    fn short(&self) -> String {
        format!("{} to {}", self.min, self.max)
    }
}
