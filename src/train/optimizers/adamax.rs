//! Adamax (Kingma and Ba 2015, section 7): Adam that divides by the largest recent gradient.

use serde::{Deserialize, Serialize};

use crate::base::{ParamVisitor, Params};
use crate::ops::optim::{Betas, Rule};

use super::adam;

/// Settings of Adamax.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adamax {
    /// Memory of the mean gradient.
    pub beta1: f64,
    /// Memory of the largest gradient.
    pub beta2: f64,
    /// Keeps the division finite.
    pub eps: f64,
}

impl Default for Adamax {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

impl Params for Adamax {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        adam::visit(&mut self.beta1, &mut self.beta2, &mut self.eps, visitor);
    }
}

impl Adamax {
    pub(super) fn rule(&self) -> Rule {
        let Self { beta1, beta2, eps } = *self;
        Rule::Adamax(Betas { beta1, beta2, eps })
    }
}
