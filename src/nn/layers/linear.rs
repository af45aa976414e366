//! Fully connected layer.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, learned, single, unpack};
use crate::nn::{
    Backward, Forward, Init, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, ParamSpec, Saved,
};
use crate::ops;

/// `y = x w' + b` over the last dimension of `[features]` or `[steps, features]`. Weights are `[out, in]` as in PyTorch, or
/// `[in, out]` as in the files of GPT-2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Linear {
    /// Number of sums.
    pub out_features: usize,
    /// Whether each sum adds a learned constant.
    pub bias: bool,
    /// Whether the weights are stored as `[in, out]`.
    pub transposed: bool,
    /// Path of the embedding whose table is the weights; empty for weights of its own.
    pub tied: String,
}

impl Default for Linear {
    fn default() -> Self {
        Self { out_features: 128, bias: true, transposed: false, tied: String::new() }
    }
}

impl Params for Linear {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("out_features", "Output features")
            .help("Number of weighted sums. The last layer of a classifier has one for each class.");
        visitor.count(field, &mut self.out_features, 1..=1_000_000);
        let field = Field::new("bias", "Bias").help("Adds a learned constant to each sum.");
        visitor.flag(field, &mut self.bias);
        let field = Field::new("transposed", "Stored as inputs x outputs").rare().help(
            "How the weights lie in files: PyTorch stores a row for each output, GPT-2 one for each input. The sums are the same.",
        );
        visitor.flag(field, &mut self.transposed);
        let field = Field::new("tied", "Weights of").rare().help(
            "Path of an embedding whose table is taken as weights, so that both learn together, as in GPT-2: a token is told by \
             the values that it is read with. Empty gives the layer weights of its own.",
        );
        visitor.text(field, &mut self.tied);
    }
}

const NAME: &str = "Linear";

impl Layer for Linear {
    fn kind(&self) -> LayerKind {
        LayerKind::Linear
    }

    fn summary(&self) -> String {
        self.out_features.to_string()
    }

    fn explain(&self) -> String {
        format!("Gives {} weighted sums of all its inputs, with learned weights.", self.out_features)
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        if self.out_features == 0 {
            return Err(LayerError::shape(format!("{NAME} has 0 output features"), "Set them to 1 or more"));
        }
        if !self.tied.is_empty() && (self.bias || self.transposed) {
            return Err(LayerError::shape(
                format!(
                    "{NAME} takes the table of '{}' as weights, which has no bias and a row for each output",
                    self.tied
                ),
                "Turn off the bias and what is stored as inputs x outputs",
            ));
        }
        match input.0[..] {
            [_] => rules::checked(NAME, Dims::from([self.out_features])),
            [steps, _] => rules::checked(NAME, Dims::from([steps, self.out_features])),
            _ => Err(LayerError::shape(
                format!("{NAME} works on rows of values, but its input is {input}"),
                "Put a Flatten layer or a Global average pool before it",
            )),
        }
    }

    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let features = inputs.first().and_then(|dims| dims.0.last()).copied().unwrap_or(0);
        let init = Init::Uniform { bound: 1.0 / (features.max(1) as f64).sqrt() };
        let dims = if self.transposed { [features, self.out_features] } else { [self.out_features, features] };
        let mut specs = vec![ParamSpec::trained("weight", dims, init)];
        if self.bias {
            specs.push(ParamSpec::trained("bias", [self.out_features], init));
        }
        specs
    }

    fn multiply_adds(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
        let features = inputs.first().and_then(|dims| dims.0.last()).copied().unwrap_or(0);
        outputs.first().map_or(0, |dims| rules::product(&dims.0)).saturating_mul(features as u64)
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let weight = rules::param(params, 0)?;
        let weight = if self.transposed { weight.t()?.contiguous()? } else { weight.clone() };
        Ok(Forward::one(ops::composed::linear(single(inputs)?, &weight, params.get(1))?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Linear {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (weight, bias) = (rules::param(params, 0)?, params.get(1));
        let output = match bias {
            _ if !self.transposed => ops::linear::forward(input, weight, bias)?,
            // The same product as that of a gradient with weights the other way round.
            Some(bias) => ops::linear::backward_input(input, weight)?.broadcast_add(bias)?,
            None => ops::linear::backward_input(input, weight)?,
        };
        Ok(Forward::kept(output, ctx, || input.clone()))
    }

    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        let (input, grad): (Tensor, _) = (unpack(saved)?, single(grads)?);
        let parameters = learned(needs, || {
            let (mut weight, bias) = ops::linear::backward_parameters(grad, &input)?;
            if self.transposed {
                weight = weight.t()?.contiguous()?;
            }
            Ok(rules::with_bias(weight, bias, self.bias))
        })?;
        let weight = rules::param(params, 0)?;
        let input = asked(needs, || {
            let of_input = if self.transposed {
                ops::linear::forward(grad, weight, None)?
            } else {
                ops::linear::backward_input(grad, weight)?
            };
            Ok(of_input)
        })?;
        Ok(Backward { inputs: vec![input], parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_rows_and_refuses_images() {
        let layer = Linear { out_features: 10, ..Linear::default() };
        assert_eq!(layer.outputs(&[Dims::from([64])]).unwrap(), [Dims::from([10])]);
        assert_eq!(layer.outputs(&[Dims::from([5, 64])]).unwrap(), [Dims::from([5, 10])]);
        assert_eq!(layer.parameters(&[Dims::from([64])])[0].dims, [10, 64]);
        let error = layer.outputs(&[Dims::from([3, 8, 8])]).unwrap_err().to_string();
        assert_eq!(error, "Linear works on rows of values, but its input is 3 x 8 x 8");
    }
}
