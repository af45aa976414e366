//! Batch normalization (Ioffe and Szegedy 2015).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{learned, single, unpack};
use crate::nn::{
    Backward, Forward, Init, Kernels, Layer, LayerContext, LayerError, LayerKind, Mode, Needs, ParamSpec, Saved,
};
use crate::ops::norm::Normalized;
use crate::ops::{self, BatchNormSettings};

/// Normalizes each channel over the batch and all places: `[features]`, `[channels, length]` or `[channels, height, width]`.
/// Parameters `weight` and `bias`, buffers `running_mean` and `running_var`, with PyTorch's rules: the batch is
/// normalized by its biased variance, and the running variance is fed the unbiased one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchNorm {
    /// Share of the new batch in the running statistics.
    pub momentum: f64,
    /// Added to the variance, so that nothing is divided by zero.
    pub eps: f64,
    /// Whether the running statistics are used in training too, and nothing is trained.
    pub frozen: bool,
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self { momentum: 0.1, eps: 1e-5, frozen: false }
    }
}

impl Params for BatchNorm {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("momentum", "Momentum")
            .help("Share of each new batch in the running mean and variance, which prediction uses.");
        visitor.number(field, &mut self.momentum, 0.0..=1.0);
        let field = Field::new("eps", "Epsilon").help("Added to the variance, so that nothing is divided by zero.");
        visitor.number(field, &mut self.eps, 1e-12..=1.0);
        let field = Field::new("frozen", "Frozen")
            .help("Keeps the running statistics, the scale and the shift as they are and uses them in training too. For a trained network that is tuned with batches too small for statistics.");
        visitor.flag(field, &mut self.frozen);
    }
}

const NAME: &str = "Batch norm";

impl BatchNorm {
    /// Whether this pass takes the statistics of the batch.
    fn looks_at_batch(&self, ctx: &LayerContext<'_>) -> bool {
        ctx.mode != Mode::Infer && !self.frozen
    }

    pub(super) fn settings(&self) -> BatchNormSettings {
        BatchNormSettings { momentum: self.momentum, eps: self.eps }
    }
}

/// Refuses a training batch that has one value a channel: its variance is 0, and the running one would be NaN for ever.
fn check_batch(input: &Tensor) -> Result<(), LayerError> {
    let values: usize = match input.dims() {
        [batch, _, places @ ..] => batch * places.iter().product::<usize>(),
        _ => 0,
    };
    if values < 2 {
        return Err(LayerError::shape(
            format!("{NAME} needs 2 or more values a channel in training, but this batch has {values}"),
            "Use a batch size of 2 or more that leaves no batch of a single sample at the end, or remove the layer",
        ));
    }
    Ok(())
}

impl Layer for BatchNorm {
    fn kind(&self) -> LayerKind {
        LayerKind::Normalization
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        if input.0.len() > 3 {
            return Err(LayerError::shape(
                format!("{NAME} works on rows or images, but its input is {input}"),
                "Give it an input of at most three dimensions, channels first",
            ));
        }
        Ok(vec![input.clone()])
    }

    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let channels = inputs.first().and_then(|dims| dims.0.first()).copied().unwrap_or(0);
        let spec = |name: &'static str, value, trainable| ParamSpec {
            name: name.into(),
            dims: vec![channels],
            init: Init::Constant(value),
            trainable,
        };
        vec![
            // As in torchvision, all four are buffers of a frozen one.
            spec("weight", 1.0, !self.frozen),
            spec("bias", 0.0, !self.frozen),
            spec("running_mean", 0.0, false),
            spec("running_var", 1.0, false),
        ]
    }

    fn multiply_adds(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        outputs.first().map_or(0, |dims| rules::product(&dims.0))
    }

    fn saved_bytes(&self, _: &[Dims], _: &[Dims]) -> u64 {
        // Mean and inverse deviation of the channels are a few bytes a batch, not a sample.
        0
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|index| rules::param(params, index));
        let (mean, variance) = (mean?.detach(), variance?.detach());
        if !self.looks_at_batch(ctx) {
            let (mut weight, mut bias) = (weight?.clone(), bias?.clone());
            if self.frozen {
                (weight, bias) = (weight.detach(), bias.detach());
            }
            let output = ops::composed::batch_norm_eval(input, &weight, &bias, &mean, &variance, self.settings())?;
            return Ok(Forward::one(output));
        }
        check_batch(input)?;
        let (output, mean, variance) =
            ops::composed::batch_norm_train(input, weight?, bias?, &mean, &variance, self.settings())?;
        Ok(Forward { outputs: vec![output], saved: None, buffers: vec![(2, mean), (3, variance)] })
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }

    fn takes_relu(&self) -> bool {
        true
    }
}

impl Kernels for BatchNorm {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let [weight, bias, mean, variance] = [0, 1, 2, 3].map(|index| rules::param(params, index));
        let parameters = [weight?, bias?, mean?, variance?];
        if !self.looks_at_batch(ctx) {
            let (output, kept) = ops::norm::eval(input, parameters, self.settings(), ctx.rectifies)?;
            return Ok(Forward::kept(output, ctx, || (input.clone(), kept)));
        }
        check_batch(input)?;
        let (output, mean, variance, kept) = ops::norm::train(input, parameters, self.settings(), ctx.rectifies)?;
        let forward = Forward::kept(output, ctx, || (input.clone(), kept));
        Ok(Forward { buffers: vec![(2, mean), (3, variance)], ..forward })
    }

    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        let (input, kept): (Tensor, Normalized) = unpack(saved)?;
        let (input, weight, bias) =
            ops::norm::backward(&input, single(grads)?, rules::param(params, 0)?, &kept, needs.input(0))?;
        // They come along with that of the input.
        let trained = |gradient: Tensor| Some(gradient).filter(|_| !self.frozen);
        let parameters = learned(needs, || Ok(vec![trained(weight), trained(bias), None, None]))?;
        Ok(Backward { inputs: vec![input], parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_pytorchs_parameters() {
        let specs = BatchNorm::default().parameters(&[Dims::from([16, 8, 8])]);
        let names: Vec<&str> = specs.iter().map(|spec| &*spec.name).collect();
        assert_eq!(names, ["weight", "bias", "running_mean", "running_var"]);
        assert_eq!(specs.iter().filter(|spec| spec.trainable).count(), 2);
        assert!(specs.iter().all(|spec| spec.dims == [16]));
    }

    #[test]
    fn a_frozen_one_trains_nothing() {
        let layer = BatchNorm { frozen: true, ..BatchNorm::default() };
        assert!(layer.parameters(&[Dims::from([16, 8, 8])]).iter().all(|spec| !spec.trainable));
    }
}
