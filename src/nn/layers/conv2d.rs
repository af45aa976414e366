//! Convolution over images.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules::{self, Slide};
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Init, Kernels, Layer, LayerContext, LayerError, LayerKind, ParamSpec, Saved};
use crate::ops::{self, Window};

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
        let field = Field::new("groups", "Groups")
            .help("Splits the channels into groups that do not see each other. As many groups as channels makes a depthwise convolution.");
        visitor.count(field, &mut self.groups, 1..=65_536);
        let field = Field::new("bias", "Bias")
            .help("Adds a learned constant to each channel. Not needed when batch norm follows.");
        visitor.flag(field, &mut self.bias);
    }
}

const NAME: &str = "Convolution";

impl Conv2d {
    fn window(&self) -> Window {
        Window { kernel: self.kernel, stride: self.stride, padding: self.padding, dilation: self.dilation }
    }
}

impl Layer for Conv2d {
    fn kind(&self) -> LayerKind {
        LayerKind::Convolution
    }

    fn summary(&self) -> String {
        let mut parts = vec![self.out_channels.to_string(), rules::pair(self.kernel)];
        if self.stride != [1, 1] {
            parts.push(format!("stride {}", rules::short(self.stride)));
        }
        if self.groups > 1 {
            parts.push(format!("{} groups", self.groups));
        }
        parts.join(", ")
    }

    fn explain(&self) -> String {
        format!(
            "Slides {} learned {} filters over the image; each gives one channel.",
            self.out_channels,
            rules::pair(self.kernel)
        )
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let [channels, height, width] = rules::image(NAME, rules::one(NAME, inputs)?)?;
        if self.out_channels == 0 || self.groups == 0 {
            return Err(LayerError::shape(
                format!("{NAME} has {} output channels in {} groups", self.out_channels, self.groups),
                "Set both to 1 or more",
            ));
        }
        for (name, count) in [("input", channels), ("output", self.out_channels)] {
            if count % self.groups != 0 {
                return Err(LayerError::shape(
                    format!("{NAME} has {} groups, which do not divide its {count} {name} channels", self.groups),
                    format!("Choose a number of groups that divides {channels} and {}", self.out_channels),
                ));
            }
        }
        let slides = Slide::both(self.kernel, self.stride, self.padding, self.dilation, false);
        let height = slides[0].positions(NAME, "height", height)?;
        let width = slides[1].positions(NAME, "width", width)?;
        rules::checked(NAME, Dims::from([self.out_channels, height, width]))
    }

    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let channels = inputs.first().and_then(|dims| dims.0.first()).copied().unwrap_or(0);
        let in_channels = channels / self.groups.max(1);
        let [height, width] = self.kernel;
        // Kaiming uniform with a = sqrt(5), PyTorch's default, comes down to this bound for both.
        let fan_in = in_channels as f64 * height as f64 * width as f64;
        let init = Init::Uniform { bound: 1.0 / fan_in.max(1.0).sqrt() };
        let dims = vec![self.out_channels, in_channels, height, width];
        let mut specs = vec![ParamSpec::trained("weight", dims, init)];
        if self.bias {
            specs.push(ParamSpec::trained("bias", [self.out_channels], init));
        }
        specs
    }

    fn multiply_adds(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
        let channels = inputs.first().and_then(|dims| dims.0.first()).copied().unwrap_or(0);
        let output = outputs.first().map_or(0, |dims| rules::product(&dims.0));
        output.saturating_mul(rules::product(&[channels / self.groups.max(1), self.kernel[0], self.kernel[1]]))
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let weight = rules::param(params, 0)?;
        Ok(Forward::one(ops::composed::conv2d(single(inputs)?, weight, params.get(1), self.window(), self.groups)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Conv2d {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let (input, weight) = (single(inputs)?, rules::param(params, 0)?);
        let output = ops::conv::forward(input, weight, params.get(1), self.window(), self.groups)?;
        Ok(Forward::kept(output, ctx, || input.clone()))
    }

    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: &[bool],
    ) -> Result<Backward, LayerError> {
        let (input, grad, weight): (Tensor, _, _) = (unpack(saved)?, single(grads)?, rules::param(params, 0)?);
        let (window, groups) = (self.window(), self.groups);
        let (_, _, height, width) = input.dims4()?;
        let (weight_grad, bias_grad) = ops::conv::backward_parameters(grad, &input, weight, window, groups)?;
        let input = asked(needs, || Ok(ops::conv::backward_input(grad, weight, window, groups, [height, width])?))?;
        Ok(Backward { inputs: vec![input], parameters: rules::with_bias(weight_grad, bias_grad, self.bias) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
