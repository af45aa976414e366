//! What pools with a sliding window have in common, over images and signals, of the largest value and of the mean.

use candle_core::Tensor;

use super::body::Body;
use super::convolution::Over;
use super::rules::{self, Slide};
use crate::base::{Dims, Field, ParamVisitor};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops::pool::Winners;
use crate::ops::{self, Divisor, PoolWindow};

/// What is taken of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// The largest value.
    Largest,
    /// The mean.
    Mean(Divisor),
}

impl Taken {
    /// The mean, with or without the padding's zeros.
    pub(super) fn mean(count_include_pad: bool) -> Self {
        Self::Mean(if count_include_pad { Divisor::WithPadding } else { Divisor::Inside })
    }
}

/// A pool of any kind.
#[derive(Debug, Clone)]
pub(super) struct Pooling {
    pub(super) name: &'static str,
    pub(super) over: Over,
    pub(super) taken: Taken,
    pub(super) window: PoolWindow,
}

impl Pooling {
    /// Height and width of the output. PyTorch's rule: padding of at most half the kernel, so that no window is empty.
    fn output(&self, size: [usize; 2]) -> Result<[usize; 2], LayerError> {
        let PoolWindow { kernel, stride, padding, dilation, ceil_mode } = self.window;
        if padding.iter().zip(kernel).any(|(&padding, kernel)| padding > kernel / 2) {
            return Err(LayerError::shape(
                format!(
                    "{} has a padding of {}, more than half its kernel of {}",
                    self.name,
                    self.over.pair(padding),
                    self.over.pair(kernel)
                ),
                "Use less padding or a larger kernel",
            ));
        }
        let slides = Slide::both(kernel, stride, padding, dilation, ceil_mode);
        let mut output = [0; 2];
        for (axis, name) in self.over.axes().into_iter().enumerate() {
            output[axis] = slides[axis].positions(self.name, name, size[axis])?;
            if padding[axis] > 0 && dilation[axis] > size[axis] {
                return Err(LayerError::shape(
                    format!(
                        "{} has a dilation of {} along a {name} of {}, so that a window could see padding alone",
                        self.name, dilation[axis], size[axis]
                    ),
                    "Use a smaller dilation or no padding",
                ));
            }
        }
        Ok(output)
    }
}

impl Body for Pooling {
    fn kind(&self) -> LayerKind {
        LayerKind::Pooling
    }

    fn summary(&self) -> String {
        let PoolWindow { kernel, stride, .. } = self.window;
        let size = self.over.pair(kernel);
        if stride == kernel { size } else { format!("{size}, stride {}", self.over.short(stride)) }
    }

    fn explain(&self) -> String {
        let window = match self.over {
            Over::Signals => format!("window of {} steps", self.over.pair(self.window.kernel)),
            Over::Images => format!("{} window", self.over.pair(self.window.kernel)),
        };
        match self.taken {
            Taken::Largest => format!("Keeps the largest value of each {window}."),
            Taken::Mean(_) => format!("Takes the mean of each {window}."),
        }
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let [channels, height, width] = self.over.size(self.name, rules::one(self.name, inputs)?)?;
        let [height, width] = self.output([height, width])?;
        rules::checked(self.name, self.over.dims([channels, height, width]))
    }

    fn saved_bytes(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        // Two bytes an output: which place of its window won.
        let bytes = if self.taken == Taken::Largest { 2 } else { 0 };
        outputs.first().map_or(0, |dims| rules::product(&dims.0).saturating_mul(bytes))
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = self.over.lift(single(inputs)?)?;
        let output = match self.taken {
            Taken::Largest => ops::composed::max_pool2d(&input, self.window)?,
            Taken::Mean(divisor) => ops::composed::avg_pool2d(&input, self.window, divisor)?,
        };
        Ok(Forward::one(self.over.lower(&output)?))
    }

    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = self.over.lift(single(inputs)?)?;
        match self.taken {
            Taken::Largest => {
                let (output, winners) = ops::pool::max_forward(&input, self.window)?;
                Ok(Forward::kept(self.over.lower(&output)?, ctx, || winners))
            }
            Taken::Mean(divisor) => {
                let (_, _, height, width) = input.dims4()?;
                let output = ops::pool::avg_forward(&input, self.window, divisor)?;
                Ok(Forward::kept(self.over.lower(&output)?, ctx, || [height, width]))
            }
        }
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let grad = self.over.lift(single(grads)?)?;
        let input = asked(needs, || {
            self.over.lower(&match self.taken {
                Taken::Largest => ops::pool::max_backward(&grad, &unpack::<Winners>(saved)?)?,
                Taken::Mean(divisor) => {
                    ops::pool::avg_backward(&grad, self.window, divisor, unpack::<[usize; 2]>(saved)?)?
                }
            })
        })?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}

/// The settings that both pools of images have.
pub(super) fn visit_images(
    visitor: &mut dyn ParamVisitor,
    [kernel, stride, padding]: [&mut [usize; 2]; 3],
    ceil_mode: &mut bool,
) {
    let field = Field::new("kernel", "Kernel").unit("pixels").help("Height and width of a window.");
    visitor.pair(field, kernel, 1..=64);
    let field = Field::new("stride", "Stride")
        .unit("pixels")
        .help("How far the window moves at a time. As far as the kernel is large, windows do not overlap.");
    visitor.pair(field, stride, 1..=64);
    let field = Field::new("padding", "Padding")
        .unit("pixels")
        .help("Empty places put around the image on each side, at most half the kernel.");
    visitor.pair(field, padding, 0..=32);
    let field = Field::new("ceil_mode", "Keep the last part window")
        .help("Whether a last window that sticks out of the image counts too.");
    visitor.flag(field, ceil_mode);
}

/// The settings that both pools of signals have.
pub(super) fn visit_signals(
    visitor: &mut dyn ParamVisitor,
    [kernel, stride, padding]: [&mut usize; 3],
    ceil_mode: &mut bool,
) {
    let field = Field::new("kernel", "Kernel").unit("steps").help("Length of a window.");
    visitor.count(field, kernel, 1..=4096);
    let field = Field::new("stride", "Stride")
        .unit("steps")
        .help("How far the window moves at a time. As far as the kernel is long, windows do not overlap.");
    visitor.count(field, stride, 1..=4096);
    let field =
        Field::new("padding", "Padding").unit("steps").help("Empty places put at both ends, at most half the kernel.");
    visitor.count(field, padding, 0..=2048);
    let field = Field::new("ceil_mode", "Keep the last part window")
        .help("Whether a last window that sticks out of the signal counts too.");
    visitor.flag(field, ceil_mode);
}

/// `kernel`, `stride` and `padding` of a window over signals, as one over images of height 1.
pub(super) fn signal_window([kernel, stride, padding, dilation]: [usize; 4], ceil_mode: bool) -> PoolWindow {
    let ops::Window { kernel, stride, padding, dilation } = Over::signal_window([kernel, stride, padding, dilation]);
    PoolWindow { kernel, stride, padding, dilation, ceil_mode }
}
