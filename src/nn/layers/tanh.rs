//! Hyperbolic tangent.

use serde::{Deserialize, Serialize};

use super::activation::activation_layer;
use crate::base::{ParamVisitor, Params};
use crate::nn::Layer;
use crate::ops::Activation;

/// `tanh(x)`, between -1 and 1.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tanh {}

impl Params for Tanh {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Layer for Tanh {
    activation_layer!(Tanh, "Tanh", |_: &Self| Activation::Tanh);
}
