//! Max pooling over images.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Saved};
use crate::ops::pool::Winners;
use crate::ops::{self, PoolWindow};

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
}

impl Default for MaxPool {
    fn default() -> Self {
        Self { kernel: [2, 2], stride: [2, 2], padding: [0, 0], ceil_mode: false }
    }
}

impl Params for MaxPool {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("kernel", "Kernel").unit("pixels").help("Height and width of a window.");
        visitor.pair(field, &mut self.kernel, 1..=64);
        let field = Field::new("stride", "Stride")
            .unit("pixels")
            .help("How far the window moves at a time. As far as the kernel is large, windows do not overlap.");
        visitor.pair(field, &mut self.stride, 1..=64);
        let field = Field::new("padding", "Padding")
            .unit("pixels")
            .help("Empty places put around the image on each side; they never win.");
        visitor.pair(field, &mut self.padding, 0..=32);
        let field = Field::new("ceil_mode", "Keep the last part window")
            .help("Whether a last window that sticks out of the image counts too.");
        visitor.flag(field, &mut self.ceil_mode);
    }
}

const NAME: &str = "Max pool";

impl MaxPool {
    fn window(&self) -> PoolWindow {
        let Self { kernel, stride, padding, ceil_mode } = *self;
        PoolWindow { kernel, stride, padding, ceil_mode }
    }
}

impl Layer for MaxPool {
    fn kind(&self) -> LayerKind {
        LayerKind::Pooling
    }

    fn summary(&self) -> String {
        rules::pool_summary(self.kernel, self.stride)
    }

    fn explain(&self) -> String {
        format!("Keeps the largest value of each {} window.", rules::pair(self.kernel))
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        rules::pooled(NAME, rules::one(NAME, inputs)?, self.window())
    }

    fn saved_bytes(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        // Two bytes an output: which place of its window won.
        outputs.first().map_or(0, |dims| rules::product(&dims.0).saturating_mul(2))
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(ops::composed::max_pool2d(single(inputs)?, self.window())?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for MaxPool {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let (output, winners) = ops::pool::max_forward(single(inputs)?, self.window())?;
        Ok(Forward::kept(output, ctx, || winners))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: &[bool]) -> Result<Backward, LayerError> {
        let saved: Winners = unpack(saved)?;
        let grad = single(grads)?;
        let input = asked(needs, || Ok(ops::pool::max_backward(grad, &saved)?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_as_in_pytorch() {
        let shape = |layer: MaxPool, input: [usize; 3]| layer.outputs(&[Dims::from(input)]).unwrap()[0].to_string();
        assert_eq!(shape(MaxPool::default(), [16, 7, 8]), "16 x 3 x 4");
        assert_eq!(shape(MaxPool { ceil_mode: true, ..MaxPool::default() }, [16, 7, 8]), "16 x 4 x 4");
        let stem = MaxPool { kernel: [3, 3], stride: [2, 2], padding: [1, 1], ceil_mode: false };
        assert_eq!(shape(stem, [64, 112, 112]), "64 x 56 x 56");
    }

    #[test]
    fn refuses_padding_beyond_half_the_kernel() {
        let layer = MaxPool { padding: [2, 2], ..MaxPool::default() };
        let error = layer.outputs(&[Dims::from([1, 8, 8])]).unwrap_err().to_string();
        assert_eq!(error, "Max pool has a padding of 2 x 2, more than half its kernel of 2 x 2");
    }
}
