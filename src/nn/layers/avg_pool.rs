//! Average pooling over images.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Saved};
use crate::ops::{self, PoolWindow};

/// The mean of each window of `[channels, height, width]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AvgPool {
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// Step of the window.
    pub stride: [usize; 2],
    /// Zeros around the image.
    pub padding: [usize; 2],
    /// Whether a last window may stick out of the image.
    pub ceil_mode: bool,
    /// Whether the padding's zeros count in the mean.
    pub count_include_pad: bool,
}

impl Default for AvgPool {
    fn default() -> Self {
        Self { kernel: [2, 2], stride: [2, 2], padding: [0, 0], ceil_mode: false, count_include_pad: true }
    }
}

impl Params for AvgPool {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("kernel", "Kernel").unit("pixels").help("Height and width of a window.");
        visitor.pair(field, &mut self.kernel, 1..=64);
        let field = Field::new("stride", "Stride")
            .unit("pixels")
            .help("How far the window moves at a time. As far as the kernel is large, windows do not overlap.");
        visitor.pair(field, &mut self.stride, 1..=64);
        let field = Field::new("padding", "Padding").unit("pixels").help("Zeros put around the image on each side.");
        visitor.pair(field, &mut self.padding, 0..=32);
        let field = Field::new("ceil_mode", "Keep the last part window")
            .help("Whether a last window that sticks out of the image counts too.");
        visitor.flag(field, &mut self.ceil_mode);
        let field = Field::new("count_include_pad", "Count the padding")
            .help("Whether the zeros of the padding count in the mean.");
        visitor.flag(field, &mut self.count_include_pad);
    }
}

const NAME: &str = "Average pool";

impl AvgPool {
    fn window(&self) -> PoolWindow {
        let Self { kernel, stride, padding, ceil_mode, .. } = *self;
        PoolWindow { kernel, stride, padding, ceil_mode }
    }
}

impl Layer for AvgPool {
    fn kind(&self) -> LayerKind {
        LayerKind::Pooling
    }

    fn summary(&self) -> String {
        rules::pool_summary(self.kernel, self.stride)
    }

    fn explain(&self) -> String {
        format!("Takes the mean of each {} window.", rules::pair(self.kernel))
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        rules::pooled(NAME, rules::one(NAME, inputs)?, self.window())
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let output = ops::composed::avg_pool2d(single(inputs)?, self.window(), self.count_include_pad)?;
        Ok(Forward::one(output))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for AvgPool {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (_, _, height, width) = input.dims4()?;
        let output = ops::pool::avg_forward(input, self.window(), self.count_include_pad)?;
        Ok(Forward::kept(output, ctx, || [height, width]))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: &[bool]) -> Result<Backward, LayerError> {
        let saved: [usize; 2] = unpack(saved)?;
        let grad = single(grads)?;
        let input = asked(needs, || Ok(ops::pool::avg_backward(grad, self.window(), self.count_include_pad, saved)?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}
