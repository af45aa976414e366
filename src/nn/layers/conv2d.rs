//! Convolution over images.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::convolution::{self, Convolution, Direction, Over};
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::Window;

/// Slides `out_channels` filters over an image `[channels, height, width]`. Weights are `[out, in / groups, height, width]`
/// as in PyTorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conv2d {
    /// Number of filters.
    pub out_channels: usize,
    /// Height and width of a filter.
    pub kernel: [usize; 2],
    /// Step of the filter.
    pub stride: [usize; 2],
    /// Zeros put around the image.
    pub padding: [usize; 2],
    /// Distance between the values that a filter sees.
    pub dilation: [usize; 2],
    /// Independent groups of channels.
    pub groups: usize,
    /// Whether each filter adds a learned constant.
    pub bias: bool,
}

impl Default for Conv2d {
    fn default() -> Self {
        Self {
            out_channels: 32,
            kernel: [3, 3],
            stride: [1, 1],
            padding: [1, 1],
            dilation: [1, 1],
            groups: 1,
            bias: true,
        }
    }
}

impl Params for Conv2d {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("out_channels", "Output channels")
            .help("Number of filters. Each looks for one pattern and gives one channel.");
        visitor.count(field, &mut self.out_channels, 1..=65_536);
        let field = Field::new("kernel", "Kernel").unit("pixels").help("Height and width of a filter.");
        visitor.pair(field, &mut self.kernel, 1..=64);
        let field = Field::new("stride", "Stride")
            .unit("pixels")
            .help("How far the filter moves at a time. 2 halves the height and width of the image.");
        visitor.pair(field, &mut self.stride, 1..=64);
        let field = Field::new("padding", "Padding")
            .unit("pixels")
            .help("Zeros put around the image on each side. Half the kernel, rounded down, keeps the image's size.");
        visitor.pair(field, &mut self.padding, 0..=64);
        let field = Field::new("dilation", "Dilation")
            .unit("pixels")
            .help("Distance between the pixels that a filter sees. 1 sees neighbours, 2 leaves one out between them.");
        visitor.pair(field, &mut self.dilation, 1..=64);
        convolution::visit_groups(visitor, &mut self.groups, &mut self.bias);
    }
}

impl Conv2d {
    fn body(&self) -> Convolution {
        let Self { out_channels, kernel, stride, padding, dilation, groups, bias } = *self;
        let window = Window { kernel, stride, padding, dilation };
        let (over, direction) = (Over::Images, Direction::Forward);
        Convolution { name: "Convolution", over, direction, out_channels, window, groups, bias }
    }
}

layer_of_body!(Conv2d);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    fn shape(layer: &Conv2d, input: [usize; 3]) -> Result<String, String> {
        layer.outputs(&[Dims::from(input)]).map(|dims| dims[0].to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn shapes_as_in_pytorch() {
        assert_eq!(shape(&Conv2d::default(), [3, 28, 28]).unwrap(), "32 x 28 x 28");
        let stem = Conv2d { out_channels: 64, kernel: [7, 7], stride: [2, 2], padding: [3, 3], ..Conv2d::default() };
        assert_eq!(shape(&stem, [3, 224, 224]).unwrap(), "64 x 112 x 112");
        let flat = Conv2d { kernel: [1, 7], padding: [0, 3], ..Conv2d::default() };
        assert_eq!(shape(&flat, [8, 17, 17]).unwrap(), "32 x 17 x 17");
    }

    #[test]
    fn counts_parameters_and_multiply_adds() {
        let layer = Conv2d::default();
        let inputs = [Dims::from([3, 28, 28])];
        let outputs = layer.outputs(&inputs).unwrap();
        assert_eq!(layer.parameters(&inputs)[0].dims, [32, 3, 3, 3]);
        assert_eq!(layer.multiply_adds(&inputs, &outputs), 32 * 28 * 28 * 27);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let groups = Conv2d { groups: 2, ..Conv2d::default() };
        assert!(shape(&groups, [3, 8, 8]).unwrap_err().contains("2 groups, which do not divide its 3 input channels"));
        let large = Conv2d { kernel: [9, 9], padding: [0, 0], ..Conv2d::default() };
        assert!(shape(&large, [1, 8, 8]).unwrap_err().contains("kernel height of 9"));
        let row = Conv2d::default().outputs(&[Dims::from([64])]).unwrap_err();
        assert!(row.to_string().contains("row of 64 values"), "{row}");
    }
}
