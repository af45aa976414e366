//! ReLU with an upper end (Krizhevsky 2010).

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{ParamVisitor, Params};
use crate::ops::Activation;

/// `x` between 0 and 6; the gradient at and beyond both ends is 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relu6 {}

impl Params for Relu6 {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Elementwise for Relu6 {
    const NAME: &'static str = "ReLU6";

    fn activation(&self) -> Activation {
        Activation::Clamp { min: 0.0, max: 6.0 }
    }
}
