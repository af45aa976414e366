//! Rectified linear unit.

use serde::{Deserialize, Serialize};

use super::activation::activation_layer;
use crate::base::{ParamVisitor, Params};
use crate::nn::Layer;
use crate::ops::Activation;

/// `max(x, 0)`, with the gradient 0 at 0 and a NaN passed on, as in PyTorch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relu {}

impl Params for Relu {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Layer for Relu {
    activation_layer!(Relu, "ReLU", |_: &Self| Activation::Relu);
}
