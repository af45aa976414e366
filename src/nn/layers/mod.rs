//! The catalogue of layers.

use crate::base::{ParamVisitor, Params};

/// A layer without settings.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flatten {}

impl Params for Flatten {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

crate::catalogue! {
    /// The settings of any layer.
    pub enum LayerSpec {
        Flatten(Flatten) = "flatten", "Flatten", "Puts all values of a sample in one row.";
    }
}
