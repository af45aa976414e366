//! Continuously differentiable exponential linear unit (Barron 2017).

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use super::rules;
use crate::base::{Field, ParamVisitor, Params};
use crate::nn::LayerError;
use crate::ops::Activation;

/// `x` where it is positive, else `alpha * (exp(x / alpha) - 1)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Celu {
    /// How far below 0 it goes, and how slowly.
    pub alpha: f64,
}

impl Default for Celu {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl Params for Celu {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("alpha", "Alpha").help(
            "How far below 0 the result goes for very negative values. Unlike that of ELU, the bend at 0 stays smooth.",
        );
        visitor.number(field, &mut self.alpha, 0.001..=100.0);
    }
}

impl Elementwise for Celu {
    const NAME: &'static str = "CELU";

    fn activation(&self) -> Activation {
        Activation::Elu { alpha: self.alpha, scale: 1.0, steepness: 1.0 / self.alpha }
    }

    fn check(&self) -> Result<(), LayerError> {
        rules::positive(Self::NAME, "alpha", self.alpha)
    }

    fn short(&self) -> String {
        self.alpha.to_string()
    }
}
