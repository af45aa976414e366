//! Max pooling over signals.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::convolution::Over;
use super::pooling::{self, Pooling, Taken};
use crate::base::{Field, ParamVisitor, Params};

/// Keeps the largest value of each window of `[channels, length]`. On a tie the first one gets the gradient, as in PyTorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaxPool1d {
    /// Length of a window.
    pub kernel: usize,
    /// Step of the window.
    pub stride: usize,
    /// Empty places at both ends.
    pub padding: usize,
    /// Whether a last window may stick out of the signal.
    pub ceil_mode: bool,
    /// Distance between the values that a window sees.
    pub dilation: usize,
}

impl Default for MaxPool1d {
    fn default() -> Self {
        Self { kernel: 2, stride: 2, padding: 0, ceil_mode: false, dilation: 1 }
    }
}

impl Params for MaxPool1d {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        pooling::visit_signals(visitor, [&mut self.kernel, &mut self.stride, &mut self.padding], &mut self.ceil_mode);
        let field = Field::new("dilation", "Dilation")
            .unit("steps")
            .help("Distance between the values that a window sees. 1 sees neighbours.");
        visitor.count(field, &mut self.dilation, 1..=4096);
    }
}

impl MaxPool1d {
    fn body(&self) -> Pooling {
        let Self { kernel, stride, padding, ceil_mode, dilation } = *self;
        let window = pooling::signal_window([kernel, stride, padding, dilation], ceil_mode);
        Pooling { name: "Max pool 1d", over: Over::Signals, taken: Taken::Largest, window }
    }
}

layer_of_body!(MaxPool1d);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    #[test]
    fn shapes_as_in_pytorch() {
        let layer = MaxPool1d { kernel: 3, padding: 1, ..MaxPool1d::default() };
        assert_eq!(layer.outputs(&[Dims::from([2, 9])]).unwrap(), [Dims::from([2, 5])]);
        let error = layer.outputs(&[Dims::from([2, 9, 9])]).unwrap_err().to_string();
        assert!(error.contains("signals of channels x length"), "{error}");
    }
}
