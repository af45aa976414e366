//! What pools into a fixed number of bins have in common: adaptive and global ones.

use candle_core::Tensor;

use super::body::Body;
use super::rules;
use crate::base::Dims;
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops;
use crate::ops::pool::BinWinners;

/// What is taken of a bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// The largest value.
    Largest,
    /// The mean.
    Mean,
}

/// Into how many bins an image or a signal is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// Into so many along height and width; a signal has a width alone.
    Fixed([usize; 2]),
    /// All is one bin, and only the channels are left.
    One,
}

/// A pool of that kind.
#[derive(Debug)]
pub(super) struct Binned {
    pub(super) name: &'static str,
    pub(super) taken: Taken,
    pub(super) count: Count,
}

impl Binned {
    /// Bins along height and width.
    fn output(&self, input: &Dims) -> [usize; 2] {
        match (self.count, input.0.len()) {
            (Count::One, _) => [1, 1],
            (Count::Fixed([_, width]), 2) => [1, width],
            (Count::Fixed(size), _) => size,
        }
    }

    /// The input as an image, and the bins.
    fn image(&self, input: &Tensor) -> Result<(Tensor, [usize; 2]), LayerError> {
        let output = self.output(&Dims::from(&input.dims()[1..]));
        Ok((if input.rank() == 3 { input.unsqueeze(2)? } else { input.clone() }, output))
    }

    /// The output in the shape that the layer promises for that input.
    fn finish(&self, output: &Tensor, input: &Tensor) -> Result<Tensor, LayerError> {
        Ok(match (self.count, input.rank()) {
            (Count::One, _) => output.flatten_from(1)?,
            (Count::Fixed(_), 3) => output.squeeze(2)?,
            (Count::Fixed(_), _) => output.clone(),
        })
    }
}

/// What backward needs.
struct Kept {
    /// Shape of the input.
    input: Vec<usize>,
    winners: Option<BinWinners>,
}

impl Body for Binned {
    fn kind(&self) -> LayerKind {
        LayerKind::Pooling
    }

    fn summary(&self) -> String {
        match self.count {
            Count::Fixed(size) => rules::pair(size),
            Count::One => String::new(),
        }
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(self.name, inputs)?;
        rules::plane(self.name, input)?;
        match self.count {
            Count::One => Ok(vec![Dims(input.0.iter().take(1).copied().collect())]),
            Count::Fixed(_) => {
                let output = self.output(input);
                if output.contains(&0) {
                    return Err(LayerError::shape(
                        format!("{} has a size of {}", self.name, rules::pair(output)),
                        "Set both to 1 or more",
                    ));
                }
                rules::checked(self.name, rules::with_plane(input, output))
            }
        }
    }

    fn saved_bytes(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        // Four bytes an output: which place won.
        let bytes = if self.taken == Taken::Largest { 4 } else { 0 };
        outputs.first().map_or(0, |dims| rules::product(&dims.0).saturating_mul(bytes))
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (image, output) = self.image(input)?;
        let output = match (self.taken, self.count) {
            (Taken::Largest, _) => ops::composed::adaptive_max_pool2d(&image, output)?,
            (Taken::Mean, Count::One) => image.flatten_from(2)?.mean_keepdim(2)?,
            (Taken::Mean, Count::Fixed(_)) => ops::composed::adaptive_avg_pool2d(&image, output)?,
        };
        Ok(Forward::one(self.finish(&output, input)?))
    }

    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (image, output) = self.image(input)?;
        let (output, winners) = match (self.taken, self.count) {
            (Taken::Largest, _) => {
                let (output, winners) = ops::pool::adaptive_max_forward(&image, output)?;
                (output, Some(winners))
            }
            (Taken::Mean, Count::One) => (ops::pool::global_forward(&image)?, None),
            (Taken::Mean, Count::Fixed(_)) => (ops::pool::adaptive_avg_forward(&image, output)?, None),
        };
        let kept = || Kept { input: input.dims().to_vec(), winners };
        Ok(Forward::kept(self.finish(&output, input)?, ctx, kept))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let Kept { input, winners } = unpack(saved)?;
        let grad = single(grads)?;
        let to_input = asked(needs, || {
            let [_, height, width] = match input[..] {
                [_, channels, height, width] => [channels, height, width],
                [_, channels, length] => [channels, 1, length],
                _ => {
                    return Err(LayerError::shape(
                        "The gradient belongs to another input",
                        "Please report this as a bug",
                    ));
                }
            };
            let output = self.output(&Dims::from(&input[1..]));
            let planes = grad.reshape((grad.dim(0)?, grad.dim(1)?, output[0], output[1]))?;
            let to_input = match (&winners, self.count) {
                (Some(winners), _) => ops::pool::adaptive_max_backward(&planes, winners)?,
                (None, Count::One) => ops::pool::global_backward(grad, [height, width])?,
                (None, Count::Fixed(_)) => ops::pool::adaptive_avg_backward(&planes, [height, width])?,
            };
            Ok(to_input.reshape(input.as_slice())?)
        })?;
        Ok(Backward { inputs: vec![to_input], parameters: Vec::new() })
    }
}
