//! A learned row for each place of a sequence, as in BERT and GPT-2.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{rules, sequence};
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, learned, single};
use crate::nn::{
    Backward, Forward, Init, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, ParamSpec, Saved,
};

/// Adds a learned row to each step of `[time, features]`. Weights are `[longest, features]`, those of a PyTorch embedding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearnedPosition {
    /// Number of places that have a row.
    pub longest: usize,
    /// Standard deviation of the values before training.
    pub deviation: f64,
}

impl Default for LearnedPosition {
    fn default() -> Self {
        Self { longest: 512, deviation: 1.0 }
    }
}

impl Params for LearnedPosition {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("longest", "Longest sequence")
            .unit("steps")
            .help("Number of places that have learned values. Sequences may be shorter, but not longer.");
        visitor.count(field, &mut self.longest, 1..=1_000_000);
        let field = Field::new("deviation", "First spread")
            .rare()
            .help("Standard deviation of the values before training. PyTorch takes 1; GPT-2 takes 0.02.");
        visitor.number(field, &mut self.deviation, 0.0..=10.0);
    }
}

const NAME: &str = "Learned positions";

impl Layer for LearnedPosition {
    fn kind(&self) -> LayerKind {
        LayerKind::Attention
    }

    fn summary(&self) -> String {
        self.longest.to_string()
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        let [time, _] = sequence::steps(NAME, input)?;
        if time > self.longest {
            return Err(LayerError::shape(
                format!("{NAME} has values for {} places, but its input has {time} steps", self.longest),
                format!("Set the longest sequence to {time} or more"),
            ));
        }
        Ok(vec![input.clone()])
    }

    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let features = inputs.first().and_then(|dims| dims.0.last()).copied().unwrap_or(0);
        let init = Init::Normal { deviation: self.deviation, zero_row: None };
        vec![ParamSpec::trained("weight", [self.longest, features], init)]
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let (input, weight) = (single(inputs)?, rules::param(params, 0)?);
        Ok(Forward::one(input.broadcast_add(&weight.narrow(0, 0, input.dim(1)?)?)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for LearnedPosition {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let output = self.compose(inputs, params, ctx)?.outputs.remove(0);
        Ok(Forward::kept(output, ctx, || ()))
    }

    fn backward(
        &self,
        _: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        let (grad, weight) = (single(grads)?, rules::param(params, 0)?);
        let parameters = learned(needs, || {
            let used = grad.sum(0)?;
            let rest = weight.dim(0)?.saturating_sub(used.dim(0)?);
            Ok(vec![Some(used.pad_with_zeros(0, 0, rest)?)])
        })?;
        Ok(Backward { inputs: vec![asked(needs, || Ok(grad.clone()))?], parameters })
    }
}
