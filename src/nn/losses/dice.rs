//! Dice loss (Milletari et al. 2016): how well masks overlap.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::{self, Loss};

/// Settings of the dice loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dice {
    /// Added above and below the line.
    pub smooth: f64,
}

impl Default for Dice {
    fn default() -> Self {
        Self { smooth: 1.0 }
    }
}

impl Params for Dice {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("smooth", "Smooth")
            .rare()
            .help("Added above and below the fraction line, so that empty masks have a loss too.");
        visitor.number(field, &mut self.smooth, 0.0..=1e6);
    }
}

impl Dice {
    /// Of logits `[batch, classes, ...]` and class indices `[batch, ...]`, or with one channel and masks of the same shape.
    /// Places with the class `ignore` count for nothing.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn compute(&self, logits: &Tensor, targets: &Tensor, ignore: Option<i64>) -> Result<Loss> {
        if logits.dims() == targets.dims() {
            return loss::dice(logits, targets, self.smooth);
        }
        loss::multiclass_dice_with(logits, targets, self.smooth, ignore)
    }
}
