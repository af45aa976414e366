//! Dropout (Srivastava et al. 2014).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::rng::Stream;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Mode, Saved};
use crate::ops::dropout::Mask;

/// Sets a random share of the values to zero in training and scales the others up, so that the mean stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dropout {
    /// Share of the values that are set to zero.
    pub rate: f64,
}

impl Default for Dropout {
    fn default() -> Self {
        Self { rate: 0.5 }
    }
}

impl Params for Dropout {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("rate", "Rate").help("Share of the values that are set to zero in training.");
        visitor.number(field, &mut self.rate, 0.0..=0.99);
    }
}

const NAME: &str = "Dropout";

/// The stream of this node and step, so that a resumed run draws the same mask without any saved state.
fn stream(ctx: &LayerContext<'_>) -> Option<Stream> {
    match ctx.mode {
        Mode::Train { seed, step } => Some(Stream::new(seed, &format!("dropout.{}.{step}", ctx.node))),
        Mode::Infer => None,
    }
}

impl Layer for Dropout {
    fn kind(&self) -> LayerKind {
        LayerKind::Activation
    }

    fn summary(&self) -> String {
        self.rate.to_string()
    }

    fn explain(&self) -> String {
        format!("Sets {:.0} % of the values to zero in training; does nothing in prediction.", self.rate * 100.0)
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        if !(0.0..1.0).contains(&self.rate) {
            return Err(LayerError::shape(
                format!("{NAME} has a rate of {}", self.rate),
                "Set it to 0 or more and less than 1",
            ));
        }
        Ok(vec![input.clone()])
    }

    fn saved_bytes(&self, inputs: &[Dims], _: &[Dims]) -> u64 {
        inputs.first().map_or(0, |dims| rules::product(&dims.0))
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let Some(stream) = stream(ctx) else { return Ok(Forward::one(input.clone())) };
        let mask = Mask::draw(input, self.rate, &stream);
        Ok(Forward::one((input * mask.factors(input)?)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Dropout {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let Some(stream) = stream(ctx) else {
            return Ok(Forward::kept(input.clone(), ctx, || Option::<Mask>::None));
        };
        let mask = Mask::draw(input, self.rate, &stream);
        Ok(Forward::kept(mask.apply(input)?, ctx, || Some(mask)))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: &[bool]) -> Result<Backward, LayerError> {
        let saved: Option<Mask> = unpack(saved)?;
        let grad = single(grads)?;
        let input = asked(needs, || Ok(saved.as_ref().map_or_else(|| Ok(grad.clone()), |mask| mask.apply(grad))?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}
