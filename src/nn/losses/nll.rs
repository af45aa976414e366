//! Negative log-likelihood of log-probabilities.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use super::ClassWeights;
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::{self, Classes, Loss};

/// Settings of the negative log-likelihood.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nll {
    /// Whether rare classes count more.
    pub class_weights: ClassWeights,
}

impl Params for Nll {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("class_weights", "Class weights").rare()
            .help("Whether rare classes count more. Balanced makes every class count the same in all, however few samples it has.");
        visitor.choice(field, &mut self.class_weights);
    }
}

impl Nll {
    pub(super) fn compute(
        &self,
        log_probabilities: &Tensor,
        targets: &Tensor,
        weights: Option<&[f64]>,
        ignore: Option<i64>,
    ) -> Result<Loss> {
        let weights = weights.map(<[f64]>::to_vec);
        loss::nll(log_probabilities, targets, &Classes { weights, ignore, ..Classes::default() })
    }
}
