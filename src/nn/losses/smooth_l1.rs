//! Smooth L1 (Girshick 2015): Huber's loss divided by its width.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::{self, Loss};

/// Settings of smooth L1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmoothL1 {
    /// Where the line begins; `beta` in PyTorch.
    pub transition: f64,
}

impl Default for SmoothL1 {
    fn default() -> Self {
        Self { transition: 1.0 }
    }
}

impl Params for SmoothL1 {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("transition", "Transition").rare().help(
            "Errors beyond this count by their size, smaller ones by their square. 0 is the mean absolute error.",
        );
        visitor.number(field, &mut self.transition, 0.0..=1e6);
    }
}

impl SmoothL1 {
    pub(super) fn compute(&self, predictions: &Tensor, targets: &Tensor) -> Result<Loss> {
        loss::smooth_l1(predictions, targets, self.transition)
    }
}
