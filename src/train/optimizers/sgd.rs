//! Stochastic gradient descent with momentum (Sutskever et al. 2013, as PyTorch writes it).

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::optim::{self, Rule};

/// Settings of SGD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// Share of the last step that is repeated.
    pub momentum: f64,
    /// Share of the gradient that the momentum leaves out.
    pub dampening: f64,
    /// Looks ahead along the momentum before it steps.
    pub nesterov: bool,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { momentum: 0.9, dampening: 0.0, nesterov: false }
    }
}

impl Params for Sgd {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("momentum", "Momentum").rare().help(
            "Share of the last step that is repeated, so that steps in the same direction add up. 0 turns it off.",
        );
        visitor.number(field, &mut self.momentum, 0.0..=0.999);
        let field = Field::new("dampening", "Dampening").rare().help(
            "Share of each new gradient that the momentum leaves out, so that it grows less. 0, the usual, takes all of it.",
        );
        visitor.number(field, &mut self.dampening, 0.0..=1.0);
        let field = Field::new("nesterov", "Nesterov")
            .rare()
            .help("Takes the gradient as seen from where the momentum leads. Needs momentum above 0.");
        visitor.flag(field, &mut self.nesterov);
    }
}

impl Sgd {
    pub(super) fn rule(&self) -> Rule {
        let Self { momentum, dampening, nesterov } = *self;
        Rule::Sgd(optim::Sgd { momentum, dampening, nesterov })
    }
}
