//! Channels laid out as pixels and back (Shi et al. 2016).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::body::{Body, layer_of_body};
use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single};
use crate::nn::{Backward, Forward, LayerContext, LayerError, LayerKind, Needs, Saved};

/// `[channels * factor^2, height, width]` becomes `[channels, height * factor, width * factor]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PixelShuffle {
    /// Factor of height and width.
    pub factor: usize,
}

/// `[channels, height * factor, width * factor]` becomes `[channels * factor^2, height, width]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PixelUnshuffle {
    /// By what height and width are divided.
    pub factor: usize,
}

impl Default for PixelShuffle {
    fn default() -> Self {
        Self { factor: 2 }
    }
}

impl Default for PixelUnshuffle {
    fn default() -> Self {
        Self { factor: 2 }
    }
}

impl Params for PixelShuffle {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("factor", "Factor")
            .help("How many times larger height and width become; the channels become as many squared fewer.");
        visitor.count(field, &mut self.factor, 1..=64);
    }
}

impl Params for PixelUnshuffle {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("factor", "Factor")
            .help("How many times smaller height and width become; the channels become as many squared more.");
        visitor.count(field, &mut self.factor, 1..=64);
    }
}

impl PixelShuffle {
    fn body(&self) -> Shuffle {
        Shuffle { factor: self.factor, direction: Direction::ToPixels }
    }
}

impl PixelUnshuffle {
    fn body(&self) -> Shuffle {
        Shuffle { factor: self.factor, direction: Direction::ToChannels }
    }
}

layer_of_body!(PixelShuffle);
layer_of_body!(PixelUnshuffle);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction {
    ToPixels,
    ToChannels,
}

/// What both have in common: either one is the gradient of the other.
struct Shuffle {
    factor: usize,
    direction: Direction,
}

impl Shuffle {
    fn name(&self) -> &'static str {
        match self.direction {
            Direction::ToPixels => "Pixel shuffle",
            Direction::ToChannels => "Pixel unshuffle",
        }
    }

    fn shuffle(&self, x: &Tensor, direction: Direction) -> Result<Tensor, LayerError> {
        let (batch, channels, height, width) = x.dims4()?;
        let factor = self.factor;
        let y = match direction {
            Direction::ToPixels => x
                .reshape(vec![batch, channels / (factor * factor), factor, factor, height, width])?
                .permute(vec![0, 1, 4, 2, 5, 3])?
                .reshape((batch, channels / (factor * factor), height * factor, width * factor))?,
            Direction::ToChannels => x
                .reshape(vec![batch, channels, height / factor, factor, width / factor, factor])?
                .permute(vec![0, 1, 3, 5, 2, 4])?
                .reshape((batch, channels * factor * factor, height / factor, width / factor))?,
        };
        Ok(y)
    }
}

impl Body for Shuffle {
    fn kind(&self) -> LayerKind {
        LayerKind::Shape
    }

    fn summary(&self) -> String {
        self.factor.to_string()
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let name = self.name();
        let [channels, height, width] = rules::image(name, rules::one(name, inputs)?)?;
        let factor = self.factor;
        let square = factor.checked_mul(factor).ok_or_else(|| rules::too_large(name))?;
        let is_divided = |size: usize, by: usize| by > 0 && size.is_multiple_of(by);
        let fits = match self.direction {
            Direction::ToPixels => is_divided(channels, square),
            Direction::ToChannels => is_divided(height, factor) && is_divided(width, factor),
        };
        if !fits {
            let (what, by) = match self.direction {
                Direction::ToPixels => ("channels", square),
                Direction::ToChannels => ("height and width", factor),
            };
            return Err(LayerError::shape(
                format!(
                    "{name} with a factor of {factor} needs {what} that {by} divides, but its input is {}",
                    Dims::from([channels, height, width])
                ),
                "Change the layer before it, or the factor",
            ));
        }
        let times = |size: usize, by: usize| size.checked_mul(by).ok_or_else(|| rules::too_large(name));
        rules::checked(
            name,
            match self.direction {
                Direction::ToPixels => Dims::from([channels / square, times(height, factor)?, times(width, factor)?]),
                Direction::ToChannels => Dims::from([times(channels, square)?, height / factor, width / factor]),
            },
        )
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(self.shuffle(single(inputs)?, self.direction)?))
    }

    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::kept(self.shuffle(single(inputs)?, self.direction)?.detach(), ctx, || ()))
    }

    fn backward(&self, _: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let back = match self.direction {
            Direction::ToPixels => Direction::ToChannels,
            Direction::ToChannels => Direction::ToPixels,
        };
        let input = asked(needs, || Ok(self.shuffle(single(grads)?, back)?.detach()))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Layer as _;

    #[test]
    fn moves_channels_to_pixels_and_back() {
        let shuffled = PixelShuffle::default().outputs(&[Dims::from([8, 2, 3])]).unwrap();
        assert_eq!(shuffled, [Dims::from([2, 4, 6])]);
        assert_eq!(PixelUnshuffle::default().outputs(&shuffled).unwrap(), [Dims::from([8, 2, 3])]);
        let error = PixelShuffle { factor: 3 }.outputs(&[Dims::from([8, 2, 3])]).unwrap_err().to_string();
        assert!(error.contains("channels that 9 divides"), "{error}");
    }
}
