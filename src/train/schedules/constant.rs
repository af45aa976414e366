//! A learning rate that stays.

use serde::{Deserialize, Serialize};

use crate::base::{ParamVisitor, Params};

use super::Position;

/// Has no settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Constant {}

impl Params for Constant {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl Constant {
    pub(super) fn share(&self, _: Position) -> f64 {
        1.0
    }
}
