//! Exponential linear unit (Clevert et al. 2016).

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::Activation;

/// `x` where it is positive, else `alpha * (exp(x) - 1)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Elu {
    /// How far below 0 it goes.
    pub alpha: f64,
}

impl Default for Elu {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl Params for Elu {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("alpha", "Alpha").help("How far below 0 the result goes for very negative values.");
        visitor.number(field, &mut self.alpha, 0.0..=100.0);
    }
}

impl Elementwise for Elu {
    const NAME: &'static str = "ELU";

    fn activation(&self) -> Activation {
        Activation::Elu { alpha: self.alpha, scale: 1.0, steepness: 1.0 }
    }

    fn short(&self) -> String {
        self.alpha.to_string()
    }
}
