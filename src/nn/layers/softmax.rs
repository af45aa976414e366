//! Shares that sum to 1, and their logarithms.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::body::{Body, layer_of_body};
use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops::{self, SoftmaxForm};

/// `exp(x) / sum(exp(x))` over one dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Softmax {
    /// The dimension, the batch counted as 0.
    pub dim: usize,
}

/// `x - ln(sum(exp(x)))` over one dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSoftmax {
    /// The dimension, the batch counted as 0.
    pub dim: usize,
}

impl Default for Softmax {
    fn default() -> Self {
        Self { dim: 1 }
    }
}

impl Default for LogSoftmax {
    fn default() -> Self {
        Self { dim: 1 }
    }
}

impl Params for Softmax {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("dim", "Dimension")
            .help("Over which dimension the values sum to 1, the batch counted as 0: 1 is the classes of a row or the channels of an image.");
        visitor.count(field, &mut self.dim, 1..=8);
    }
}

impl Params for LogSoftmax {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("dim", "Dimension")
            .help("Over which dimension the shares sum to 1, the batch counted as 0: 1 is the classes of a row or the channels of an image.");
        visitor.count(field, &mut self.dim, 1..=8);
    }
}

impl Softmax {
    fn body(&self) -> Shares {
        Shares { name: "Softmax", dim: self.dim, form: SoftmaxForm::Shares }
    }
}

impl LogSoftmax {
    fn body(&self) -> Shares {
        Shares { name: "Log-softmax", dim: self.dim, form: SoftmaxForm::Logarithms }
    }
}

layer_of_body!(Softmax);
layer_of_body!(LogSoftmax);

/// What both have in common.
struct Shares {
    name: &'static str,
    dim: usize,
    form: SoftmaxForm,
}

impl Body for Shares {
    fn kind(&self) -> LayerKind {
        LayerKind::Activation
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(self.name, inputs)?;
        rules::axis(self.name, self.dim, input)?;
        Ok(vec![input.clone()])
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(ops::composed::softmax(single(inputs)?, self.dim, self.form)?))
    }

    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let output = ops::softmax::forward(single(inputs)?, self.dim, self.form)?;
        let kept = output.clone();
        Ok(Forward::kept(output, ctx, || kept))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let saved: Tensor = unpack(saved)?;
        let grad = single(grads)?;
        let input = asked(needs, || Ok(ops::softmax::backward(&saved, grad, self.dim, self.form)?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}
