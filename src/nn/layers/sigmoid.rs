//! Logistic function.

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{ParamVisitor, Params};
use crate::ops::Activation;

/// `1 / (1 + exp(-x))`, between 0 and 1.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sigmoid {}

impl Params for Sigmoid {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Elementwise for Sigmoid {
    const NAME: &'static str = "Sigmoid";

    fn activation(&self) -> Activation {
        Activation::Sigmoid
    }
}
