//! The loss that goes with the data: cross-entropy for classes, the mean square error for numbers.

use serde::{Deserialize, Serialize};

use crate::base::{ParamVisitor, Params};

/// Has no settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Automatic {}

impl Params for Automatic {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}
