//! NAdam (Dozat 2016): Adam that looks ahead along its momentum.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::optim::{Betas, Rule};

use super::adam;

/// Settings of NAdam.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NAdam {
    /// Memory of the mean gradient.
    pub beta1: f64,
    /// Memory of the mean squared gradient.
    pub beta2: f64,
    /// Keeps the division finite.
    pub eps: f64,
    /// How fast the momentum rises.
    pub momentum_decay: f64,
}

impl Default for NAdam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, momentum_decay: 0.004 }
    }
}

impl Params for NAdam {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        adam::visit(&mut self.beta1, &mut self.beta2, &mut self.eps, visitor);
        let field = Field::new("momentum_decay", "Momentum decay")
            .rare()
            .help("How fast the momentum rises from half of beta 1 to all of it; 0.004 takes some 1,000 steps.");
        visitor.number(field, &mut self.momentum_decay, 0.0..=1.0);
    }
}

impl NAdam {
    pub(super) fn rule(&self) -> Rule {
        let Self { beta1, beta2, eps, momentum_decay } = *self;
        Rule::NAdam(Betas { beta1, beta2, eps }, momentum_decay)
    }
}
