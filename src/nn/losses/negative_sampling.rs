//! Negative sampling (Mikolov et al. 2013): words near their neighbours, far from others.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{ParamVisitor, Params};
use crate::ops::loss::{self, Loss};

/// Has no settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NegativeSampling {}

impl Params for NegativeSampling {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl NegativeSampling {
    /// Of centers and contexts `[batch, width]` and negatives `[batch, count, width]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn compute(&self, center: &Tensor, context: &Tensor, negatives: &Tensor) -> Result<Loss<[Tensor; 3]>> {
        loss::negative_sampling(center, context, negatives)
    }
}
