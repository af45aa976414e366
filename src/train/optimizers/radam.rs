//! RAdam (Liu et al. 2020): Adam that first waits until its mean square can be trusted.

use serde::{Deserialize, Serialize};

use crate::base::{ParamVisitor, Params};
use crate::ops::optim::{Betas, Rule};

use super::adam;

/// Settings of RAdam.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RAdam {
    /// Memory of the mean gradient.
    pub beta1: f64,
    /// Memory of the mean squared gradient.
    pub beta2: f64,
    /// Keeps the division finite.
    pub eps: f64,
}

impl Default for RAdam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

impl Params for RAdam {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        adam::visit(&mut self.beta1, &mut self.beta2, &mut self.eps, visitor);
    }
}

impl RAdam {
    pub(super) fn rule(&self) -> Rule {
        let Self { beta1, beta2, eps } = *self;
        Rule::RAdam(Betas { beta1, beta2, eps })
    }
}
