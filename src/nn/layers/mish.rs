//! Mish (Misra 2019).

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{ParamVisitor, Params};
use crate::ops::Activation;

/// `x * tanh(ln(1 + exp(x)))`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mish {}

impl Params for Mish {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Elementwise for Mish {
    const NAME: &'static str = "Mish";

    fn activation(&self) -> Activation {
        Activation::Mish
    }
}
