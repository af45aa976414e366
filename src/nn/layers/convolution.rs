//! What convolutions over images and signals, and their transposes, have in common.

use candle_core::Tensor;

use super::body::Body;
use super::rules::{self, Slide};
use crate::base::{Dims, Field, ParamVisitor};
use crate::nn::layer::{asked, learned, single, unpack};
use crate::nn::{Backward, Behind, Forward, Init, LayerContext, LayerError, LayerKind, Needs, ParamSpec, Ready, Saved};
use crate::ops::{self, Window};

/// The settings that all convolutions share to the letter.
pub(super) fn visit_groups(visitor: &mut dyn ParamVisitor, groups: &mut usize, bias: &mut bool) {
    let field = Field::new("groups", "Groups")
        .help("Splits the channels into groups that do not see each other. As many groups as channels makes a depthwise convolution.");
    visitor.count(field, groups, 1..=65_536);
    let field =
        Field::new("bias", "Bias").help("Adds a learned constant to each channel. Not needed when batch norm follows.");
    visitor.flag(field, bias);
}

/// What a filter slides over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// `[channels, length]`: an image of height 1.
    Signals,
    /// `[channels, height, width]`.
    Images,
}

impl Over {
    /// A window along the length of a signal: kernel, stride, padding and dilation.
    pub(super) fn signal_window([kernel, stride, padding, dilation]: [usize; 4]) -> Window {
        Window { kernel: [1, kernel], stride: [1, stride], padding: [0, padding], dilation: [1, dilation] }
    }

    pub(super) fn axes(self) -> [&'static str; 2] {
        match self {
            Self::Signals => ["height", "length"],
            Self::Images => ["height", "width"],
        }
    }

    /// Channels, height and width.
    pub(super) fn size(self, name: &str, input: &Dims) -> Result<[usize; 3], LayerError> {
        match self {
            Self::Signals => rules::signal(name, input).map(|[channels, length]| [channels, 1, length]),
            Self::Images => rules::image(name, input),
        }
    }

    /// The dimensions of a sample that have such a size.
    pub(super) fn dims(self, [channels, height, width]: [usize; 3]) -> Dims {
        match self {
            Self::Signals => Dims::from([channels, width]),
            Self::Images => Dims::from([channels, height, width]),
        }
    }

    /// A signal, a weight or a gradient as that of an image.
    pub(super) fn lift(self, x: &Tensor) -> Result<Tensor, LayerError> {
        Ok(match self {
            Self::Signals => x.unsqueeze(2)?,
            Self::Images => x.clone(),
        })
    }

    /// The way back.
    pub(super) fn lower(self, x: &Tensor) -> Result<Tensor, LayerError> {
        Ok(match self {
            Self::Signals => x.squeeze(2)?,
            Self::Images => x.clone(),
        })
    }

    pub(super) fn pair(self, values: [usize; 2]) -> String {
        match self {
            Self::Signals => values[1].to_string(),
            Self::Images => rules::pair(values),
        }
    }

    pub(super) fn short(self, values: [usize; 2]) -> String {
        match self {
            Self::Signals => values[1].to_string(),
            Self::Images => rules::short(values),
        }
    }
}

/// Which way a convolution goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Each filter gives one channel of the output.
    Forward,
    /// The gradient of a convolution as a layer: each value of the input paints a filter into the output.
    Transposed {
        /// Rows and columns added at the end of the output, which the stride leaves open.
        output_padding: [usize; 2],
    },
}

/// A convolution of any kind.
#[derive(Debug, Clone)]
pub(super) struct Convolution {
    pub(super) name: &'static str,
    pub(super) over: Over,
    pub(super) direction: Direction,
    pub(super) out_channels: usize,
    pub(super) window: Window,
    pub(super) groups: usize,
    pub(super) bias: bool,
}

impl Convolution {
    fn check_channels(&self, channels: usize) -> Result<(), LayerError> {
        let Self { name, groups, out_channels, .. } = *self;
        if out_channels == 0 || groups == 0 {
            return Err(LayerError::shape(
                format!("{name} has {out_channels} output channels in {groups} groups"),
                "Set both to 1 or more",
            ));
        }
        for (side, count) in [("input", channels), ("output", out_channels)] {
            if count % groups != 0 {
                return Err(LayerError::shape(
                    format!("{name} has {groups} groups, which do not divide its {count} {side} channels"),
                    format!("Choose a number of groups that divides {channels} and {out_channels}"),
                ));
            }
        }
        Ok(())
    }

    /// Height and width of the output.
    fn output(&self, size: [usize; 2]) -> Result<[usize; 2], LayerError> {
        let Window { kernel, stride, padding, dilation } = self.window;
        let slides = Slide::both(kernel, stride, padding, dilation, false);
        let mut output = [0; 2];
        for (axis, name) in self.over.axes().into_iter().enumerate() {
            output[axis] = match self.direction {
                Direction::Forward => slides[axis].positions(self.name, name, size[axis])?,
                Direction::Transposed { output_padding } => {
                    slides[axis].painted(self.name, name, size[axis], output_padding[axis])?
                }
            };
        }
        Ok(output)
    }

    /// Values of a filter that an output value sees, or that an input value paints.
    fn filter(&self, inputs: &[Dims]) -> [usize; 3] {
        let channels = match self.direction {
            Direction::Forward => channels(inputs),
            Direction::Transposed { .. } => self.out_channels,
        };
        [channels / self.groups.max(1), self.window.kernel[0], self.window.kernel[1]]
    }
}

fn channels(inputs: &[Dims]) -> usize {
    inputs.first().and_then(|dims| dims.0.first()).copied().unwrap_or(0)
}

impl Body for Convolution {
    fn kind(&self) -> LayerKind {
        LayerKind::Convolution
    }

    fn summary(&self) -> String {
        let mut parts = vec![self.out_channels.to_string(), self.over.pair(self.window.kernel)];
        if self.window.stride != [1, 1] {
            parts.push(format!("stride {}", self.over.short(self.window.stride)));
        }
        if self.groups > 1 {
            parts.push(format!("{} groups", self.groups));
        }
        parts.join(", ")
    }

    fn explain(&self) -> String {
        let (count, kernel) = (self.out_channels, self.over.pair(self.window.kernel));
        let (what, with) = match self.over {
            Over::Signals => ("signal", format!("filters of {kernel} steps")),
            Over::Images => ("image", format!("{kernel} filters")),
        };
        match self.direction {
            Direction::Forward => format!("Slides {count} learned {with} over the {what}; each gives one channel."),
            Direction::Transposed { .. } => {
                format!(
                    "Paints learned {with} into a larger {what} of {count} channels, as strongly as each value says."
                )
            }
        }
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let [channels, height, width] = self.over.size(self.name, rules::one(self.name, inputs)?)?;
        self.check_channels(channels)?;
        let [height, width] = self.output([height, width])?;
        rules::checked(self.name, self.over.dims([self.out_channels, height, width]))
    }

    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let filter = self.filter(inputs);
        // Kaiming uniform with a = sqrt(5), PyTorch's default, comes down to this bound for both; the weight's second
        // dimension counts as the input, also where it is the output.
        let fan_in: f64 = filter.iter().map(|&size| size as f64).product();
        let init = Init::Uniform { bound: 1.0 / fan_in.max(1.0).sqrt() };
        let count = match self.direction {
            Direction::Forward => self.out_channels,
            Direction::Transposed { .. } => channels(inputs),
        };
        let mut dims = vec![count];
        dims.extend(self.over.dims(filter).0);
        let mut specs = vec![ParamSpec::trained("weight", dims, init)];
        if self.bias {
            specs.push(ParamSpec::trained("bias", [self.out_channels], init));
        }
        specs
    }

    fn multiply_adds(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
        let values = match self.direction {
            Direction::Forward => outputs.first(),
            Direction::Transposed { .. } => inputs.first(),
        };
        values.map_or(0, |dims| rules::product(&dims.0)).saturating_mul(rules::product(&self.filter(inputs)))
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = self.over.lift(single(inputs)?)?;
        let weight = self.over.lift(rules::param(params, 0)?)?;
        let (bias, window, groups) = (params.get(1), self.window, self.groups);
        let output = match self.direction {
            Direction::Forward => ops::composed::conv2d(&input, &weight, bias, window, groups)?,
            Direction::Transposed { output_padding } => {
                ops::composed::conv_transpose2d(&input, &weight, bias, window, output_padding, groups)?
            }
        };
        Ok(Forward::one(self.over.lower(&output)?))
    }

    fn ready(&self, input: &Dims, params: &[Tensor], behind: Behind<'_>) -> Result<Option<Box<dyn Ready>>, LayerError> {
        let (Over::Images, Direction::Forward) = (self.over, self.direction) else { return Ok(None) };
        let [_, height, width] = rules::image(self.name, input)?;
        let (weight, bias, slides) = (rules::param(params, 0)?, params.get(1), (self.window, self.groups));
        let ready = ops::conv::Ready::new(weight, bias, slides, behind.norm, behind.rectifies, [height, width])?;
        Ok(Some(Box::new(ready)))
    }

    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = self.over.lift(single(inputs)?)?;
        let weight = self.over.lift(rules::param(params, 0)?)?;
        let (bias, window, groups) = (params.get(1), self.window, self.groups);
        let output = match self.direction {
            Direction::Forward => ops::conv::forward(&input, &weight, bias, window, groups)?,
            Direction::Transposed { .. } => {
                let (_, _, height, width) = input.dims4()?;
                let size = self.output([height, width])?;
                ops::conv::transposed_forward(&input, &weight, bias, window, groups, size)?
            }
        };
        Ok(Forward::kept(self.over.lower(&output)?, ctx, || input))
    }

    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        let (input, grad): (Tensor, _) = (unpack(saved)?, self.over.lift(single(grads)?)?);
        let weight = self.over.lift(rules::param(params, 0)?)?;
        let (window, groups) = (self.window, self.groups);
        let (_, _, height, width) = input.dims4()?;
        let parameters = learned(needs, || {
            let (to_weight, to_bias) = match self.direction {
                Direction::Forward => ops::conv::backward_parameters(&grad, &input, &weight, window, groups)?,
                Direction::Transposed { .. } => {
                    ops::conv::transposed_backward_parameters(&grad, &input, &weight, window, groups)?
                }
            };
            Ok(rules::with_bias(self.over.lower(&to_weight)?, to_bias, self.bias))
        })?;
        let to_input = asked(needs, || {
            let to_input = match self.direction {
                Direction::Forward => ops::conv::backward_input(&grad, &weight, window, groups, [height, width])?,
                Direction::Transposed { .. } => {
                    ops::conv::transposed_backward_input(&grad, &weight, window, groups, [height, width])?
                }
            };
            self.over.lower(&to_input)
        })?;
        Ok(Backward { inputs: vec![to_input], parameters })
    }
}
