//! Average pooling over signals.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::convolution::Over;
use super::pooling::{self, Pooling, Taken};
use crate::base::{Field, ParamVisitor, Params};

/// The mean of each window of `[channels, length]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AvgPool1d {
    /// Length of a window.
    pub kernel: usize,
    /// Step of the window.
    pub stride: usize,
    /// Empty places at both ends.
    pub padding: usize,
    /// Whether a last window may stick out of the signal.
    pub ceil_mode: bool,
    /// Whether the padding's zeros count in the mean.
    pub count_include_pad: bool,
}

impl Default for AvgPool1d {
    fn default() -> Self {
        Self { kernel: 2, stride: 2, padding: 0, ceil_mode: false, count_include_pad: true }
    }
}

impl Params for AvgPool1d {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        pooling::visit_signals(visitor, [&mut self.kernel, &mut self.stride, &mut self.padding], &mut self.ceil_mode);
        let field = Field::new("count_include_pad", "Count the padding")
            .help("Whether the empty places of the padding count as zeros in the mean.");
        visitor.flag(field, &mut self.count_include_pad);
    }
}

impl AvgPool1d {
    fn body(&self) -> Pooling {
        let Self { kernel, stride, padding, ceil_mode, count_include_pad } = *self;
        let window = pooling::signal_window([kernel, stride, padding, 1], ceil_mode);
        Pooling { name: "Average pool 1d", over: Over::Signals, taken: Taken::mean(count_include_pad), window }
    }
}

layer_of_body!(AvgPool1d);
