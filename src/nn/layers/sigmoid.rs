//! Logistic function.

use serde::{Deserialize, Serialize};

use super::activation::activation_layer;
use crate::base::{ParamVisitor, Params};
use crate::nn::Layer;
use crate::ops::Activation;

/// `1 / (1 + exp(-x))`, between 0 and 1.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sigmoid {}

impl Params for Sigmoid {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Layer for Sigmoid {
    activation_layer!(Sigmoid, "Sigmoid", |_: &Self| Activation::Sigmoid);
}
