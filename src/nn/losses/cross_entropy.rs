//! Cross-entropy of scores with the right class; the softmax is part of it.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::{self, Classes, Loss};

crate::choices! {
    /// Whether rare classes count more.
    pub enum ClassWeights {
        /// Every sample counts the same.
        Equal = "equal", "Equal", "Every sample counts the same, so frequent classes count more in all.";
        /// Every class counts the same.
        Balanced = "balanced", "Balanced", "Samples of rare classes count more, by the counts of the training part.";
    }
}

/// Settings of cross-entropy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossEntropy {
    /// Whether rare classes count more.
    pub class_weights: ClassWeights,
    /// Share of the target that is spread over all classes.
    pub label_smoothing: f64,
}

impl Default for CrossEntropy {
    fn default() -> Self {
        Self { class_weights: ClassWeights::default(), label_smoothing: 0.0 }
    }
}

impl Params for CrossEntropy {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("class_weights", "Class weights").rare()
            .help("Whether rare classes count more. Balanced makes every class count the same in all, however few samples it has.");
        visitor.choice(field, &mut self.class_weights);
        let field = Field::new("label_smoothing", "Label smoothing").rare()
            .help("Share of each target that is spread over all classes: 0.1 keeps the network from being too sure of itself. 0 turns it off.");
        visitor.number(field, &mut self.label_smoothing, 0.0..=0.999);
    }
}

impl CrossEntropy {
    pub(super) fn compute(
        &self,
        logits: &Tensor,
        targets: &Tensor,
        weights: Option<&[f64]>,
        ignore: Option<i64>,
    ) -> Result<Loss> {
        let weights = weights.map(<[f64]>::to_vec);
        let settings = Classes { weights, smoothing: self.label_smoothing, ignore };
        if settings == Classes::default() {
            return loss::cross_entropy(logits, targets);
        }
        loss::cross_entropy_with(logits, targets, &settings)
    }
}
