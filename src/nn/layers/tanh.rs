//! Hyperbolic tangent.

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{ParamVisitor, Params};
use crate::ops::Activation;

/// `tanh(x)`, between -1 and 1.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tanh {}

impl Params for Tanh {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Elementwise for Tanh {
    const NAME: &'static str = "Tanh";

    fn activation(&self) -> Activation {
        Activation::Tanh
    }
}
