//! Dropout of values (Srivastava et al. 2014), of channels (Tompson et al. 2015) and of paths (Huang et al. 2016).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::body::{Body, layer_of_body};
use super::rules;
use crate::base::rng::Stream;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, LayerContext, LayerError, LayerKind, Mode, Needs, Saved};
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

/// Sets a random share of the channels to zero in training, each as a whole, and scales the others up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelDropout {
    /// Share of the channels that are set to zero.
    pub rate: f64,
}

impl Default for ChannelDropout {
    fn default() -> Self {
        Self { rate: 0.5 }
    }
}

impl Params for ChannelDropout {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("rate", "Rate").help("Share of the channels that are set to zero in training.");
        visitor.number(field, &mut self.rate, 0.0..=0.99);
    }
}

/// Sets all values of a random share of the samples to zero in training and scales those of the others up: in front of an addition it leaves out the branch for these samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PathDropout {
    /// Share of the samples that are set to zero.
    pub rate: f64,
}

impl Default for PathDropout {
    fn default() -> Self {
        Self { rate: 0.1 }
    }
}

impl Params for PathDropout {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field =
            Field::new("rate", "Rate").help("Share of the samples for which the branch is left out in training.");
        visitor.number(field, &mut self.rate, 0.0..=0.99);
    }
}

impl Dropout {
    fn body(&self) -> Dropping {
        Dropping { name: "Dropout", rate: self.rate, unit: Unit::Values }
    }
}

impl ChannelDropout {
    fn body(&self) -> Dropping {
        Dropping { name: "Channel dropout", rate: self.rate, unit: Unit::Channels }
    }
}

impl PathDropout {
    fn body(&self) -> Dropping {
        Dropping { name: "Path dropout", rate: self.rate, unit: Unit::Samples }
    }
}

layer_of_body!(Dropout);
layer_of_body!(ChannelDropout);
layer_of_body!(PathDropout);

/// What is dropped or kept as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Values,
    Channels,
    Samples,
}

/// What all three have in common.
#[derive(Debug)]
struct Dropping {
    name: &'static str,
    rate: f64,
    unit: Unit,
}

/// The stream of this node and step, so that a resumed run draws the same mask without any saved state.
fn stream(ctx: &LayerContext<'_>) -> Option<Stream> {
    match ctx.mode {
        Mode::Train { seed, step } => Some(Stream::new(seed, &format!("dropout.{}.{step}", ctx.node))),
        Mode::Infer => None,
    }
}

impl Dropping {
    /// Values of a sample of these sizes that are dropped together.
    fn run(&self, sample: &[usize]) -> usize {
        let leading = match self.unit {
            Unit::Values => sample.len(),
            Unit::Channels => 1,
            Unit::Samples => 0,
        };
        sample.iter().skip(leading).product()
    }

    /// The mask of this pass; none in prediction.
    fn mask(&self, input: &Tensor, ctx: &LayerContext<'_>) -> Option<Mask> {
        stream(ctx).map(|stream| Mask::of_runs(input, self.rate, self.run(&input.dims()[1..]), &stream))
    }
}

impl Body for Dropping {
    fn kind(&self) -> LayerKind {
        LayerKind::Activation
    }

    fn summary(&self) -> String {
        self.rate.to_string()
    }

    fn explain(&self) -> String {
        let percent = self.rate * 100.0;
        match self.unit {
            Unit::Values => {
                format!("Sets {percent:.0} % of the values to zero in training; does nothing in prediction.")
            }
            Unit::Channels => {
                format!("Sets {percent:.0} % of the channels to zero in training; does nothing in prediction.")
            }
            Unit::Samples => {
                format!(
                    "Leaves the branch out for {percent:.0} % of the samples in training; does nothing in prediction."
                )
            }
        }
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(self.name, inputs)?;
        if !(0.0..1.0).contains(&self.rate) {
            return Err(LayerError::shape(
                format!("{} has a rate of {}", self.name, self.rate),
                "Set it to 0 or more and less than 1",
            ));
        }
        Ok(vec![input.clone()])
    }

    fn saved_bytes(&self, inputs: &[Dims], _: &[Dims]) -> u64 {
        inputs.first().map_or(0, |dims| rules::product(&dims.0) / self.run(&dims.0).max(1) as u64)
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        Ok(Forward::one(match self.mask(input, ctx) {
            Some(mask) => (input * mask.factors(input)?)?,
            None => input.clone(),
        }))
    }

    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let mask = self.mask(input, ctx);
        let output = mask.as_ref().map_or_else(|| Ok(input.clone()), |mask| mask.apply(input))?;
        Ok(Forward::kept(output, ctx, || mask))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let saved: Option<Mask> = unpack(saved)?;
        let grad = single(grads)?;
        let input = asked(needs, || Ok(saved.as_ref().map_or_else(|| Ok(grad.clone()), |mask| mask.apply(grad))?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_values_channels_or_samples_as_a_whole() {
        let run = |unit| Dropping { name: "Dropout", rate: 0.5, unit }.run(&[8, 3, 4]);
        assert_eq!([Unit::Values, Unit::Channels, Unit::Samples].map(run), [1, 12, 96]);
        let error = Dropout { rate: 1.0 }.body().outputs(&[Dims::from([3])]).unwrap_err().to_string();
        assert_eq!(error, "Dropout has a rate of 1");
    }
}
