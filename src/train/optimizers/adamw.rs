//! AdamW (Loshchilov and Hutter 2019): Adam with weight decay apart from the gradient.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{ParamVisitor, Params};
use crate::ops::optim;

use super::{UpdateStep, adam, adam_update};

/// Settings of AdamW.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamW {
    /// Memory of the mean gradient.
    pub beta1: f64,
    /// Memory of the mean squared gradient.
    pub beta2: f64,
    /// Keeps the division finite.
    pub eps: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

impl Params for AdamW {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        adam::visit(&mut self.beta1, &mut self.beta2, &mut self.eps, visitor);
    }
}

impl AdamW {
    pub(super) fn update(
        &self,
        value: &mut Tensor,
        gradient: &Tensor,
        state: &mut [Tensor],
        step: UpdateStep,
    ) -> Result<()> {
        let Self { beta1, beta2, eps } = *self;
        let UpdateStep { learning_rate, weight_decay, number, .. } = step;
        let numbers = optim::Adam { learning_rate, beta1, beta2, eps, weight_decay, decay: optim::Decay::Decoupled };
        adam_update(value, gradient, state, number, &numbers)
    }
}
