//! Cross-entropy and dice together: quick to learn from the first, and just to small objects by the second.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use super::{CrossEntropy, Dice};
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::Loss;

/// Settings of the sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiceCrossEntropy {
    /// How many times dice counts against cross-entropy.
    pub dice_weight: f64,
    /// Added above and below dice's line.
    pub smooth: f64,
}

impl Default for DiceCrossEntropy {
    fn default() -> Self {
        Self { dice_weight: 1.0, smooth: Dice::default().smooth }
    }
}

impl Params for DiceCrossEntropy {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("dice_weight", "Weight of dice")
            .rare()
            .help("How many times dice counts against cross-entropy. 1 adds both as they are.");
        visitor.number(field, &mut self.dice_weight, 0.0..=1e6);
        let field = Field::new("smooth", "Smooth")
            .rare()
            .help("Added above and below the fraction line of dice, so that empty masks have a loss too.");
        visitor.number(field, &mut self.smooth, 0.0..=1e6);
    }
}

impl DiceCrossEntropy {
    pub(super) fn compute(&self, logits: &Tensor, targets: &Tensor, ignore: Option<i64>) -> Result<Loss> {
        let entropy = CrossEntropy::default().compute(logits, targets, None, ignore)?;
        let dice = Dice { smooth: self.smooth }.compute(logits, targets, ignore)?;
        let per_sample = entropy.per_sample.iter().zip(&dice.per_sample);
        Ok(Loss {
            mean: entropy.mean + self.dice_weight * dice.mean,
            weight: entropy.weight,
            per_sample: per_sample.map(|(entropy, dice)| entropy + self.dice_weight * dice).collect(),
            grad: (entropy.grad + (dice.grad * self.dice_weight)?)?,
        })
    }
}
