//! `RMSprop` (Hinton 2012; centred: Graves 2013).

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::optim::{self, Rule};

/// Settings of `RMSprop`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmsProp {
    /// Memory of the mean squared gradient.
    pub alpha: f64,
    /// Keeps the division finite.
    pub eps: f64,
    /// Share of the last step that is repeated.
    pub momentum: f64,
    /// Divides by the deviation from the mean gradient.
    pub centered: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self { alpha: 0.99, eps: 1e-8, momentum: 0.0, centered: false }
    }
}

impl Params for RmsProp {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("alpha", "Alpha")
            .rare()
            .help("How long the mean squared gradient remembers: 0.99 looks back about 100 steps.");
        visitor.number(field, &mut self.alpha, 0.0..=0.999_999);
        let field = Field::new("eps", "Epsilon")
            .rare()
            .help("Added to the divisor, so that weights with hardly any gradient take no giant steps.");
        visitor.number(field, &mut self.eps, 1e-12..=1.0);
        let field = Field::new("momentum", "Momentum").rare().help(
            "Share of the last step that is repeated, so that steps in the same direction add up. 0 turns it off.",
        );
        visitor.number(field, &mut self.momentum, 0.0..=0.999);
        let field = Field::new("centered", "Centered").rare().help(
            "Divides by how far gradients stray from their mean instead of by how large they are: larger steps where the \
             gradient is steady.",
        );
        visitor.flag(field, &mut self.centered);
    }
}

impl RmsProp {
    pub(super) fn rule(&self) -> Rule {
        let Self { alpha, eps, momentum, centered } = *self;
        Rule::RmsProp(optim::RmsProp { alpha, eps, momentum, centered })
    }
}
