//! A smooth ReLU.

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use super::rules;
use crate::base::{Field, ParamVisitor, Params};
use crate::nn::LayerError;
use crate::ops::Activation;

/// `ln(1 + exp(beta * x)) / beta`, and `x` itself where `beta * x` is beyond the threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Softplus {
    /// Sharpness of the bend.
    pub beta: f64,
    /// From where on it is a straight line.
    pub threshold: f64,
}

impl Default for Softplus {
    fn default() -> Self {
        Self { beta: 1.0, threshold: 20.0 }
    }
}

impl Params for Softplus {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("beta", "Beta").help("How sharp the bend at 0 is. The larger, the closer to ReLU.");
        visitor.number(field, &mut self.beta, 0.001..=1e3);
        let field = Field::new("threshold", "Threshold").help(
            "Where beta times the value is beyond this, the value itself is taken, which differs too little to see.",
        );
        visitor.number(field, &mut self.threshold, 0.0..=1e3);
    }
}

impl Elementwise for Softplus {
    const NAME: &'static str = "Softplus";

    fn activation(&self) -> Activation {
        Activation::Softplus { beta: self.beta, threshold: self.threshold }
    }

    fn check(&self) -> Result<(), LayerError> {
        rules::positive(Self::NAME, "beta", self.beta)
    }

    fn short(&self) -> String {
        self.beta.to_string()
    }
}
