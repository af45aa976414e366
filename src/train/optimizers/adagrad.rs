//! Adagrad (Duchi et al. 2011).

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::optim::Rule;

/// Settings of Adagrad.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adagrad {
    /// How fast the learning rate falls with the steps.
    pub lr_decay: f64,
    /// Where the sum of squared gradients starts.
    pub initial_accumulator: f64,
    /// Keeps the division finite.
    pub eps: f64,
}

impl Default for Adagrad {
    fn default() -> Self {
        Self { lr_decay: 0.0, initial_accumulator: 0.0, eps: 1e-10 }
    }
}

impl Params for Adagrad {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("lr_decay", "Rate decay")
            .rare()
            .help("Divides the learning rate by 1 + this x the number of steps so far. 0 turns it off.");
        visitor.number(field, &mut self.lr_decay, 0.0..=1.0);
        let field = Field::new("initial_accumulator", "Initial sum")
            .rare()
            .help("Where the sum of squared gradients starts. Above 0 the first steps are smaller.");
        visitor.number(field, &mut self.initial_accumulator, 0.0..=1e6);
        let field = Field::new("eps", "Epsilon")
            .rare()
            .help("Added to the divisor, so that weights with hardly any gradient take no giant steps.");
        visitor.number(field, &mut self.eps, 1e-12..=1.0);
    }
}

impl Adagrad {
    pub(super) fn rule(&self) -> Rule {
        let Self { lr_decay: rate_decay, initial_accumulator: initial_sum, eps } = *self;
        Rule::Adagrad { rate_decay, initial_sum, eps }
    }
}
