//! Sigmoid drawn with straight lines.

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{ParamVisitor, Params};
use crate::ops::Activation;

/// `clamp(x + 3, 0, 6) / 6`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HardSigmoid {}

impl Params for HardSigmoid {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Elementwise for HardSigmoid {
    const NAME: &'static str = "Hard sigmoid";

    fn activation(&self) -> Activation {
        Activation::HardSigmoid
    }
}
