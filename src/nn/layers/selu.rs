//! Scaled exponential linear unit (Klambauer et al. 2017).

use serde::{Deserialize, Serialize};

use super::activation::Elementwise;
use crate::base::{ParamVisitor, Params};
use crate::ops::Activation;

/// ELU with the two constants under which deep networks of it keep mean 0 and variance 1 by themselves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selu {}

impl Params for Selu {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Elementwise for Selu {
    const NAME: &'static str = "SELU";

    fn activation(&self) -> Activation {
        Activation::Elu { alpha: 1.673_263_242_354_377_2, scale: 1.050_700_987_355_480_5, steepness: 1.0 }
    }
}
