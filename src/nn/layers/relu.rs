//! Rectified linear unit.

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{ParamVisitor, Params};
use crate::ops::Activation;

/// `max(x, 0)`, with the gradient 0 at 0 and a NaN passed on, as in PyTorch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relu {}

impl Params for Relu {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Elementwise for Relu {
    const NAME: &'static str = "ReLU";

    fn activation(&self) -> Activation {
        Activation::Relu
    }
}
