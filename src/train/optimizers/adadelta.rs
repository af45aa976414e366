//! Adadelta (Zeiler 2012).

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::optim::Rule;

/// Settings of Adadelta.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adadelta {
    /// Memory of both mean squares.
    pub rho: f64,
    /// Keeps the first steps from being zero.
    pub eps: f64,
}

impl Default for Adadelta {
    fn default() -> Self {
        Self { rho: 0.9, eps: 1e-6 }
    }
}

impl Params for Adadelta {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("rho", "Rho")
            .rare()
            .help("How long the mean squares of gradients and steps remember: 0.9 looks back about 10 steps.");
        visitor.number(field, &mut self.rho, 0.0..=0.999_999);
        let field = Field::new("eps", "Epsilon")
            .rare()
            .help("Added under both roots: the size of the very first steps. Larger starts faster.");
        visitor.number(field, &mut self.eps, 1e-12..=1.0);
    }
}

impl Adadelta {
    pub(super) fn rule(&self) -> Rule {
        Rule::Adadelta { rho: self.rho, eps: self.eps }
    }
}
