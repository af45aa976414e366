//! AdamW (Loshchilov and Hutter 2019): Adam with weight decay apart from the gradient.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{ParamVisitor, Params};

use super::{Adam, UpdateStep, adam};

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
        if step.weight_decay > 0.0 {
            *value = (&*value * (1.0 - step.learning_rate * step.weight_decay))?;
        }
        let adam = Adam { beta1: self.beta1, beta2: self.beta2, eps: self.eps };
        adam.update(value, gradient, state, UpdateStep { weight_decay: 0.0, ..step })
    }
}
