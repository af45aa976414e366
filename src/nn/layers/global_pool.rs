//! Mean of each channel over the whole image.

use serde::{Deserialize, Serialize};

use super::bins::{Binned, Count, Taken};
use super::body::layer_of_body;
use crate::base::{ParamVisitor, Params};

/// `[channels, height, width]` or `[channels, length]` becomes `[channels]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GlobalPool {}

impl Params for GlobalPool {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

impl GlobalPool {
    #[expect(clippy::unused_self, reason = "each layer gives its body by a method")]
    fn body(&self) -> Binned {
        Binned { name: "Global average pool", taken: Taken::Mean, count: Count::One }
    }
}

layer_of_body!(GlobalPool);
