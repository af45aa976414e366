//! Sigmoid linear unit.

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{ParamVisitor, Params};
use crate::ops::Activation;

/// `x / (1 + exp(-x))`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Silu {}

impl Params for Silu {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Elementwise for Silu {
    const NAME: &'static str = "SiLU";

    fn activation(&self) -> Activation {
        Activation::Silu
    }
}
