//! Stochastic gradient descent with momentum (Sutskever et al. 2013, as PyTorch writes it).

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::optim;

use super::UpdateStep;

/// Settings of SGD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// Share of the last step that is repeated.
    pub momentum: f64,
    /// Looks ahead along the momentum before it steps.
    pub nesterov: bool,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { momentum: 0.9, nesterov: false }
    }
}

impl Params for Sgd {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("momentum", "Momentum").help(
            "Share of the last step that is repeated, so that steps in the same direction add up. 0 turns it off.",
        );
        visitor.number(field, &mut self.momentum, 0.0..=0.999);
        let field = Field::new("nesterov", "Nesterov")
            .help("Takes the gradient as seen from where the momentum leads. Needs momentum above 0.");
        visitor.flag(field, &mut self.nesterov);
    }
}

impl Sgd {
    pub(super) fn state_names(&self) -> &'static [&'static str] {
        if self.momentum > 0.0 { &["momentum_buffer"] } else { &[] }
    }

    pub(super) fn update(
        &self,
        value: &mut Tensor,
        gradient: &Tensor,
        state: &mut [Tensor],
        step: UpdateStep,
    ) -> Result<()> {
        let numbers = optim::Sgd {
            learning_rate: step.learning_rate,
            momentum: self.momentum,
            nesterov: self.nesterov,
            weight_decay: step.weight_decay,
        };
        // PyTorch's first step fills the buffer with the gradient itself: the same as starting from zero.
        let mut momentum = state.first().cloned();
        optim::sgd_step(value, gradient, &mut momentum, &numbers)?;
        if let (Some(kept), Some(new)) = (state.first_mut(), momentum) {
            *kept = new;
        }
        Ok(())
    }
}
