//! Leaky ReLU whose slope is learned (He et al. 2015).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, learned, single, unpack};
use crate::nn::{
    Backward, Forward, Init, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, ParamSpec, Saved,
};
use crate::ops;

/// `x` where it is positive, else `weight * x`, with one weight for all or one for each channel (the first dimension of a sample).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prelu {
    /// Whether each channel has a slope of its own.
    pub per_channel: bool,
    /// Where the slopes start.
    pub init: f64,
}

impl Default for Prelu {
    fn default() -> Self {
        Self { per_channel: false, init: 0.25 }
    }
}

impl Params for Prelu {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("per_channel", "One slope a channel")
            .help("Whether each channel learns a slope of its own, or all share one.");
        visitor.flag(field, &mut self.per_channel);
        let field = Field::new("init", "First slope").help("Factor of negative values before training.");
        visitor.number(field, &mut self.init, -1.0..=1.0);
    }
}

const NAME: &str = "PReLU";

impl Layer for Prelu {
    fn kind(&self) -> LayerKind {
        LayerKind::Activation
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        Ok(vec![rules::one(NAME, inputs)?.clone()])
    }

    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let channels = inputs.first().and_then(|dims| dims.0.first()).copied().unwrap_or(1);
        let count = if self.per_channel { channels } else { 1 };
        vec![ParamSpec::trained("weight", [count], Init::Constant(self.init))]
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(ops::composed::prelu(single(inputs)?, rules::param(params, 0)?)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Prelu {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let output = ops::gate::prelu(input, rules::param(params, 0)?)?;
        Ok(Forward::kept(output, ctx, || input.clone()))
    }

    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        let (input, grad, weight): (Tensor, _, _) = (unpack(saved)?, single(grads)?, rules::param(params, 0)?);
        let parameters = learned(needs, || Ok(vec![Some(ops::gate::prelu_backward_weight(&input, grad, weight)?)]))?;
        let to_input = asked(needs, || Ok(ops::gate::prelu_backward_input(&input, grad, weight)?))?;
        Ok(Backward { inputs: vec![to_input], parameters })
    }
}
