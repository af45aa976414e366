//! Max pooling over images.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::convolution::Over;
use super::pooling::{self, Pooling, Taken};
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::PoolWindow;

/// Keeps the largest value of each window of `[channels, height, width]`. On a tie the first one gets the gradient, as in PyTorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaxPool {
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// Step of the window.
    pub stride: [usize; 2],
    /// Empty places around the image.
    pub padding: [usize; 2],
    /// Whether a last window may stick out of the image.
    pub ceil_mode: bool,
    /// Distance between the values that a window sees.
    pub dilation: [usize; 2],
}

impl Default for MaxPool {
    fn default() -> Self {
        Self { kernel: [2, 2], stride: [2, 2], padding: [0, 0], ceil_mode: false, dilation: [1, 1] }
    }
}

impl Params for MaxPool {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        pooling::visit_images(visitor, [&mut self.kernel, &mut self.stride, &mut self.padding], &mut self.ceil_mode);
        let field = Field::new("dilation", "Dilation")
            .unit("pixels")
            .help("Distance between the values that a window sees. 1 sees neighbours.");
        visitor.pair(field, &mut self.dilation, 1..=64);
    }
}

impl MaxPool {
    fn body(&self) -> Pooling {
        let Self { kernel, stride, padding, ceil_mode, dilation } = *self;
        let window = PoolWindow { kernel, stride, padding, dilation, ceil_mode };
        Pooling { name: "Max pool", over: Over::Images, taken: Taken::Largest, window }
    }
}

layer_of_body!(MaxPool);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    #[test]
    fn shapes_as_in_pytorch() {
        let shape = |layer: MaxPool, input: [usize; 3]| layer.outputs(&[Dims::from(input)]).unwrap()[0].to_string();
        assert_eq!(shape(MaxPool::default(), [16, 7, 8]), "16 x 3 x 4");
        assert_eq!(shape(MaxPool { ceil_mode: true, ..MaxPool::default() }, [16, 7, 8]), "16 x 4 x 4");
        let stem = MaxPool { kernel: [3, 3], stride: [2, 2], padding: [1, 1], ..MaxPool::default() };
        assert_eq!(shape(stem, [64, 112, 112]), "64 x 56 x 56");
    }

    #[test]
    fn refuses_padding_beyond_half_the_kernel() {
        let layer = MaxPool { padding: [2, 2], ..MaxPool::default() };
        let error = layer.outputs(&[Dims::from([1, 8, 8])]).unwrap_err().to_string();
        assert_eq!(error, "Max pool has a padding of 2 x 2, more than half its kernel of 2 x 2");
    }

    #[test]
    fn no_window_sees_padding_alone() {
        let layer = MaxPool { padding: [1, 1], dilation: [3, 3], ..MaxPool::default() };
        let error = layer.outputs(&[Dims::from([1, 2, 2])]).unwrap_err().to_string();
        assert!(error.contains("could see padding alone"), "{error}");
        assert_eq!(layer.outputs(&[Dims::from([1, 3, 4])]).unwrap(), [Dims::from([1, 1, 2])]);
    }
}
