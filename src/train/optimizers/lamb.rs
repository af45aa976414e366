//! LAMB (You et al. 2020): AdamW whose step in each layer is as long as its weights are large.

use serde::{Deserialize, Serialize};

use crate::base::{ParamVisitor, Params};
use crate::ops::optim::{Betas, Rule};

use super::adam;

/// Settings of Lamb.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lamb {
    /// Memory of the mean gradient.
    pub beta1: f64,
    /// Memory of the mean squared gradient.
    pub beta2: f64,
    /// Keeps the division finite.
    pub eps: f64,
}

impl Default for Lamb {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-6 }
    }
}

impl Params for Lamb {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        adam::visit(&mut self.beta1, &mut self.beta2, &mut self.eps, visitor);
    }
}

impl Lamb {
    pub(super) fn rule(&self) -> Rule {
        let Self { beta1, beta2, eps } = *self;
        Rule::Lamb(Betas { beta1, beta2, eps })
    }
}
