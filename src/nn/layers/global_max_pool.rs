//! Largest value of each channel over the whole image.

use serde::{Deserialize, Serialize};

use super::bins::{Binned, Count, Taken};
use super::body::layer_of_body;
use crate::base::{ParamVisitor, Params};

/// `[channels, height, width]` or `[channels, length]` becomes `[channels]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GlobalMaxPool {}

impl Params for GlobalMaxPool {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl GlobalMaxPool {
    #[expect(clippy::unused_self, reason = "each layer gives its body by a method")]
    fn body(&self) -> Binned {
        Binned { name: "Global max pool", taken: Taken::Largest, count: Count::One }
    }
}

layer_of_body!(GlobalMaxPool);
