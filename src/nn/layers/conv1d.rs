//! Convolution over signals.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::convolution::{self, Convolution, Direction, Over};
use crate::base::{Field, ParamVisitor, Params};

/// Slides `out_channels` filters over a signal `[channels, length]`. Weights are `[out, in / groups, length]` as in PyTorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conv1d {
    /// Number of filters.
    pub out_channels: usize,
    /// Length of a filter.
    pub kernel: usize,
    /// Step of the filter.
    pub stride: usize,
    /// Zeros put at both ends.
    pub padding: usize,
    /// Distance between the values of a filter.
    pub dilation: usize,
    /// Independent groups of channels.
    pub groups: usize,
    /// Whether each channel adds a learned constant.
    pub bias: bool,
}

impl Default for Conv1d {
    fn default() -> Self {
        Self { out_channels: 32, kernel: 3, stride: 1, padding: 1, dilation: 1, groups: 1, bias: true }
    }
}

impl Params for Conv1d {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("out_channels", "Output channels")
            .help("Number of filters. Each looks for one pattern and gives one channel.");
        visitor.count(field, &mut self.out_channels, 1..=65_536);
        let field = Field::new("kernel", "Kernel").unit("steps").help("Length of a filter.");
        visitor.count(field, &mut self.kernel, 1..=4096);
        let field = Field::new("stride", "Stride")
            .unit("steps")
            .help("How far the filter moves at a time. 2 halves the length of the signal.");
        visitor.count(field, &mut self.stride, 1..=4096);
        let field = Field::new("padding", "Padding")
            .unit("steps")
            .help("Zeros put at both ends. Half the kernel, rounded down, keeps the length.");
        visitor.count(field, &mut self.padding, 0..=4096);
        let field = Field::new("dilation", "Dilation")
            .unit("steps")
            .help("Distance between the values that a filter sees. 1 sees neighbours, 2 leaves one out between them.");
        visitor.count(field, &mut self.dilation, 1..=4096);
        convolution::visit_groups(visitor, &mut self.groups, &mut self.bias);
    }
}

impl Conv1d {
    fn body(&self) -> Convolution {
        let Self { out_channels, kernel, stride, padding, dilation, groups, bias } = *self;
        let window = Over::signal_window([kernel, stride, padding, dilation]);
        let (over, direction) = (Over::Signals, Direction::Forward);
        Convolution { name: "Convolution 1d", over, direction, out_channels, window, groups, bias }
    }
}

layer_of_body!(Conv1d);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    #[test]
    fn shapes_as_in_pytorch() {
        let layer = Conv1d { stride: 2, ..Conv1d::default() };
        assert_eq!(layer.outputs(&[Dims::from([3, 10])]).unwrap(), [Dims::from([32, 5])]);
        assert_eq!(layer.parameters(&[Dims::from([3, 10])])[0].dims, [32, 3, 3]);
        let error = layer.outputs(&[Dims::from([3, 10, 10])]).unwrap_err().to_string();
        assert_eq!(error, "Convolution 1d works on signals of channels x length, but its input is 3 x 10 x 10");
        let long = Conv1d { kernel: 13, ..Conv1d::default() }.outputs(&[Dims::from([3, 10])]).unwrap_err();
        assert!(long.to_string().contains("kernel length of 13"), "{long}");
    }
}
