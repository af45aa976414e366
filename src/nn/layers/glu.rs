//! Gated linear unit (Dauphin et al. 2017).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops;

/// The first half of a dimension times the sigmoid of the second half.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Glu {
    /// The dimension, the batch counted as 0.
    pub dim: usize,
}

impl Default for Glu {
    fn default() -> Self {
        Self { dim: 1 }
    }
}

impl Params for Glu {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("dim", "Dimension")
            .help("Which dimension is cut in halves, the batch counted as 0: 1 is the features of a row or the channels of an image.");
        visitor.count(field, &mut self.dim, 1..=8);
    }
}

const NAME: &str = "GLU";

impl Layer for Glu {
    fn kind(&self) -> LayerKind {
        LayerKind::Activation
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        let axis = rules::axis(NAME, self.dim, input)?;
        let mut output = input.clone();
        if let Some(size) = output.0.get_mut(axis) {
            if *size % 2 != 0 {
                return Err(LayerError::shape(
                    format!("{NAME} cuts dimension {} in halves, but its size is {size}", self.dim),
                    "Give that dimension an even size, or choose another one",
                ));
            }
            *size /= 2;
        }
        Ok(vec![output])
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(ops::composed::glu(single(inputs)?, self.dim)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Glu {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        Ok(Forward::kept(ops::gate::glu(input, self.dim)?, ctx, || input.clone()))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let (input, grad): (Tensor, _) = (unpack(saved)?, single(grads)?);
        let input = asked(needs, || Ok(ops::gate::glu_backward(&input, grad, self.dim)?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_the_channels_and_refuses_odd_ones() {
        let shape = |channels| Glu::default().outputs(&[Dims::from([channels, 4, 4])]);
        assert_eq!(shape(6).unwrap(), [Dims::from([3, 4, 4])]);
        assert!(shape(5).unwrap_err().to_string().contains("its size is 5"));
    }
}
