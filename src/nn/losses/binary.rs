//! Binary cross-entropy with logits: one yes or no for each output.

use candle_core::{DType, Device, Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::{self, Loss};

/// Settings of binary cross-entropy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Binary {
    /// How many times a yes counts.
    pub positive_weight: f64,
}

impl Default for Binary {
    fn default() -> Self {
        Self { positive_weight: 1.0 }
    }
}

impl Params for Binary {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("positive_weight", "Weight of yes")
            .rare()
            .help("How many times a right class counts against a wrong one: more than 1 where few answers are yes.");
        visitor.number(field, &mut self.positive_weight, 0.0..=1e6);
    }
}

impl Binary {
    /// Every class is a question of its own: is it this one?
    pub(super) fn compute(&self, logits: &Tensor, targets: &Tensor) -> Result<Loss> {
        let (batch, classes) = logits.dims2()?;
        let targets: Vec<u32> = targets.flatten_all()?.to_dtype(DType::U32)?.to_vec1()?;
        let mut truth = vec![0.0_f32; batch * classes];
        for (row, target) in truth.chunks_mut(classes.max(1)).zip(targets) {
            let Some(place) = row.get_mut(target as usize) else {
                candle_core::bail!("a sample has class {target}, but the network's output has {classes} values")
            };
            *place = 1.0;
        }
        let truth = Tensor::from_vec(truth, (batch, classes), &Device::Cpu)?;
        let positive = Tensor::new(self.positive_weight, &Device::Cpu)?;
        loss::binary_cross_entropy(logits, &truth, None, Some(&positive))
    }
}
