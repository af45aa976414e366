//! Transposed convolution over images.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::convolution::{self, Convolution, Direction, Over};
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::Window;

/// Paints filters into a larger image `[channels, height, width]`. Weights are `[in, out / groups, height, width]` as in PyTorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConvTranspose2d {
    /// Channels of the output.
    pub out_channels: usize,
    /// Height and width of a filter.
    pub kernel: [usize; 2],
    /// Distance of the filters in the output.
    pub stride: [usize; 2],
    /// What is cut off the output on each side.
    pub padding: [usize; 2],
    /// What is added at the end of the output.
    pub output_padding: [usize; 2],
    /// Distance between the values of a filter.
    pub dilation: [usize; 2],
    /// Independent groups of channels.
    pub groups: usize,
    /// Whether each channel adds a learned constant.
    pub bias: bool,
}

impl Default for ConvTranspose2d {
    fn default() -> Self {
        Self {
            out_channels: 32,
            kernel: [2, 2],
            stride: [2, 2],
            padding: [0, 0],
            output_padding: [0, 0],
            dilation: [1, 1],
            groups: 1,
            bias: true,
        }
    }
}

impl Params for ConvTranspose2d {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("out_channels", "Output channels").help("Number of channels that are painted.");
        visitor.count(field, &mut self.out_channels, 1..=65_536);
        let field = Field::new("kernel", "Kernel")
            .unit("pixels")
            .help("Height and width of a filter, which each value of the input paints into the output.");
        visitor.pair(field, &mut self.kernel, 1..=64);
        let field = Field::new("stride", "Stride")
            .unit("pixels")
            .help("How far apart the filters are painted. 2 doubles the height and width.");
        visitor.pair(field, &mut self.stride, 1..=64);
        let field =
            Field::new("padding", "Padding").unit("pixels").help("How much is cut off the output on each side.");
        visitor.pair(field, &mut self.padding, 0..=64);
        let field = Field::new("output_padding", "Output padding").unit("pixels").help("How much is added at the end of the output. With a stride there are several sizes that fit; this chooses one.");
        visitor.pair(field, &mut self.output_padding, 0..=64);
        let field = Field::new("dilation", "Dilation")
            .unit("pixels")
            .help("Distance between the values of a filter. 1 puts them side by side.");
        visitor.pair(field, &mut self.dilation, 1..=64);
        convolution::visit_groups(visitor, &mut self.groups, &mut self.bias);
    }
}

impl ConvTranspose2d {
    fn body(&self) -> Convolution {
        let Self { out_channels, kernel, stride, padding, output_padding, dilation, groups, bias } = *self;
        let window = Window { kernel, stride, padding, dilation };
        let (over, direction) = (Over::Images, Direction::Transposed { output_padding });
        Convolution { name: "Transposed convolution", over, direction, out_channels, window, groups, bias }
    }
}

layer_of_body!(ConvTranspose2d);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    #[test]
    fn shapes_as_in_pytorch() {
        let shape = |layer: &ConvTranspose2d| layer.outputs(&[Dims::from([64, 7, 5])]).map(|dims| dims[0].to_string());
        assert_eq!(shape(&ConvTranspose2d::default()).unwrap(), "32 x 14 x 10");
        let same =
            ConvTranspose2d { kernel: [3, 3], padding: [1, 1], output_padding: [1, 1], ..ConvTranspose2d::default() };
        assert_eq!(shape(&same).unwrap(), "32 x 14 x 10");
        let error = shape(&ConvTranspose2d { output_padding: [2, 0], ..same.clone() }).unwrap_err().to_string();
        assert!(error.contains("output padding of 2 along the height, but a stride of 2"), "{error}");
        let error = shape(&ConvTranspose2d { padding: [9, 0], ..same }).unwrap_err().to_string();
        assert!(error.contains("nothing is left"), "{error}");
    }

    #[test]
    fn counts_each_painted_value() {
        let layer = ConvTranspose2d::default();
        let inputs = [Dims::from([64, 7, 5])];
        assert_eq!(layer.parameters(&inputs)[0].dims, [64, 32, 2, 2]);
        assert_eq!(layer.multiply_adds(&inputs, &layer.outputs(&inputs).unwrap()), 64 * 7 * 5 * 32 * 4);
    }
}
