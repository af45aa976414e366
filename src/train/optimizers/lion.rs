//! Lion (Chen et al. 2023): steps of one size, against the sign of an averaged gradient.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::optim::Rule;

/// Settings of Lion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lion {
    /// Share of the memory in the direction of a step.
    pub beta1: f64,
    /// Memory of the mean gradient.
    pub beta2: f64,
}

impl Default for Lion {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99 }
    }
}

impl Params for Lion {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("beta1", "Beta 1")
            .rare()
            .help("Share of the remembered gradient in the direction of a step; the rest is the new gradient's.");
        visitor.number(field, &mut self.beta1, 0.0..=0.9999);
        let field = Field::new("beta2", "Beta 2")
            .rare()
            .help("How long the mean gradient remembers: 0.99 looks back about 100 steps.");
        visitor.number(field, &mut self.beta2, 0.0..=0.999_999);
    }
}

impl Lion {
    pub(super) fn rule(&self) -> Rule {
        Rule::Lion(self.beta1, self.beta2)
    }
}
