//! Sigmoid linear unit.

use serde::{Deserialize, Serialize};

use super::activation::activation_layer;
use crate::base::{ParamVisitor, Params};
use crate::nn::Layer;
use crate::ops::Activation;

/// `x / (1 + exp(-x))`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Silu {}

impl Params for Silu {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Layer for Silu {
    activation_layer!(Silu, "SiLU", |_: &Self| Activation::Silu);
}
