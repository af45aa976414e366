//! Transposed convolution over signals.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::convolution::{self, Convolution, Direction, Over};
use crate::base::{Field, ParamVisitor, Params};

/// Paints filters into a larger signal `[channels, length]`. Weights are `[in, out / groups, length]` as in PyTorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConvTranspose1d {
    /// Channels of the output.
    pub out_channels: usize,
    /// Length of a filter.
    pub kernel: usize,
    /// Distance of the filters in the output.
    pub stride: usize,
    /// What is cut off the output on each side.
    pub padding: usize,
    /// What is added at the end of the output.
    pub output_padding: usize,
    /// Distance between the values of a filter.
    pub dilation: usize,
    /// Independent groups of channels.
    pub groups: usize,
    /// Whether each channel adds a learned constant.
    pub bias: bool,
}

impl Default for ConvTranspose1d {
    fn default() -> Self {
        Self {
            out_channels: 32,
            kernel: 2,
            stride: 2,
            padding: 0,
            output_padding: 0,
            dilation: 1,
            groups: 1,
            bias: true,
        }
    }
}

impl Params for ConvTranspose1d {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("out_channels", "Output channels").help("Number of channels that are painted.");
        visitor.count(field, &mut self.out_channels, 1..=65_536);
        let field = Field::new("kernel", "Kernel")
            .unit("steps")
            .help("Length of a filter, which each value of the input paints into the output.");
        visitor.count(field, &mut self.kernel, 1..=4096);
        let field = Field::new("stride", "Stride")
            .unit("steps")
            .help("How far apart the filters are painted. 2 doubles the length.");
        visitor.count(field, &mut self.stride, 1..=4096);
        let field = Field::new("padding", "Padding").unit("steps").help("How much is cut off the output on each side.");
        visitor.count(field, &mut self.padding, 0..=4096);
        let field = Field::new("output_padding", "Output padding").unit("steps").help("How much is added at the end of the output. With a stride there are several sizes that fit; this chooses one.");
        visitor.count(field, &mut self.output_padding, 0..=4096);
        let field = Field::new("dilation", "Dilation")
            .unit("steps")
            .help("Distance between the values of a filter. 1 puts them side by side.");
        visitor.count(field, &mut self.dilation, 1..=4096);
        convolution::visit_groups(visitor, &mut self.groups, &mut self.bias);
    }
}

impl ConvTranspose1d {
    fn body(&self) -> Convolution {
        let Self { out_channels, kernel, stride, padding, output_padding, dilation, groups, bias } = *self;
        let window = Over::signal_window([kernel, stride, padding, dilation]);
        let (over, direction) = (Over::Signals, Direction::Transposed { output_padding: [0, output_padding] });
        Convolution { name: "Transposed convolution 1d", over, direction, out_channels, window, groups, bias }
    }
}

layer_of_body!(ConvTranspose1d);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    #[test]
    fn shapes_as_in_pytorch() {
        let layer = ConvTranspose1d {
            kernel: 3,
            stride: 3,
            padding: 1,
            output_padding: 1,
            dilation: 2,
            ..ConvTranspose1d::default()
        };
        assert_eq!(layer.outputs(&[Dims::from([2, 4])]).unwrap(), [Dims::from([32, 13])]);
        assert_eq!(layer.parameters(&[Dims::from([2, 4])])[0].dims, [2, 32, 3]);
    }
}
