//! ReLU with a small slope for negative values.

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::Activation;

/// `x` where it is positive, else `slope * x`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeakyRelu {
    /// Factor of negative values.
    pub slope: f64,
}

impl Default for LeakyRelu {
    fn default() -> Self {
        Self { slope: 0.01 }
    }
}

impl Params for LeakyRelu {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("slope", "Slope").help("Factor by which negative values are made smaller.");
        visitor.number(field, &mut self.slope, 0.0..=1.0);
    }
}

impl Elementwise for LeakyRelu {
    const NAME: &'static str = "Leaky ReLU";

    fn activation(&self) -> Activation {
        Activation::LeakyRelu { slope: self.slope }
    }

    fn short(&self) -> String {
        self.slope.to_string()
    }
}
