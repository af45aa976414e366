//! Kullback-Leibler divergence from target probabilities.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::{self, Loss};

/// Settings of the divergence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kl {
    /// Targets are logarithms.
    pub log_target: bool,
}

impl Params for Kl {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("log_target", "Targets are logarithms")
            .rare()
            .help("Whether the target probabilities are given as their logarithms.");
        visitor.flag(field, &mut self.log_target);
    }
}

impl Kl {
    /// Of log-probabilities from targets of the same shape.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn compute(&self, log_probabilities: &Tensor, targets: &Tensor) -> Result<Loss> {
        loss::kl_divergence(log_probabilities, targets, self.log_target)
    }
}
