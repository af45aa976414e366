//! Focal loss (Lin et al. 2017): cross-entropy that looks at what is still wrong.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use super::ClassWeights;
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::{self, Classes, Loss};

/// Settings of the focal loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Focal {
    /// How much less samples count that are right already.
    pub focus: f64,
    /// Whether rare classes count more.
    pub class_weights: ClassWeights,
}

impl Default for Focal {
    fn default() -> Self {
        Self { focus: 2.0, class_weights: ClassWeights::default() }
    }
}

impl Params for Focal {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("focus", "Focus").rare().help(
            "How much less samples count that the network is already sure of. 0 is plain cross-entropy; 2 is usual.",
        );
        visitor.number(field, &mut self.focus, 0.0..=10.0);
        let field = Field::new("class_weights", "Class weights").rare()
            .help("Whether rare classes count more. Balanced makes every class count the same in all, however few samples it has.");
        visitor.choice(field, &mut self.class_weights);
    }
}

impl Focal {
    pub(super) fn compute(
        &self,
        logits: &Tensor,
        targets: &Tensor,
        weights: Option<&[f64]>,
        ignore: Option<i64>,
    ) -> Result<Loss> {
        let weights = weights.map(<[f64]>::to_vec);
        loss::focal(logits, targets, self.focus, &Classes { weights, ignore, ..Classes::default() })
    }
}
