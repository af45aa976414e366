//! SiLU drawn with straight lines (Howard et al. 2019).

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{ParamVisitor, Params};
use crate::ops::Activation;

/// `x * clamp(x + 3, 0, 6) / 6`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HardSwish {}

impl Params for HardSwish {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Elementwise for HardSwish {
    const NAME: &'static str = "Hard swish";

    fn activation(&self) -> Activation {
        Activation::HardSwish
    }
}
