//! The mean absolute error.

use serde::{Deserialize, Serialize};

use crate::base::{ParamVisitor, Params};

/// Has no settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mae {}

impl Params for Mae {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}
