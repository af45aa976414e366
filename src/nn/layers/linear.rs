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

/// `y = x w' + b` over the last dimension of `[features]` or `[steps, features]`. Weights are `[out, in]` as in PyTorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Linear {
    /// Number of sums.
    pub out_features: usize,
    /// Whether each sum adds a learned constant.
    pub bias: bool,
}

impl Default for Linear {
    fn default() -> Self {
        Self { out_features: 128, bias: true }
    }
}

impl Params for Linear {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("out_features", "Output features")
            .help("Number of weighted sums. The last layer of a classifier has one for each class.");
        visitor.count(field, &mut self.out_features, 1..=1_000_000);
        let field = Field::new("bias", "Bias").help("Adds a learned constant to each sum.");
        visitor.flag(field, &mut self.bias);
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
        let mut specs = vec![ParamSpec::trained("weight", [self.out_features, features], init)];
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
        Ok(Forward::one(ops::composed::linear(single(inputs)?, weight, params.get(1))?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Linear {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let output = ops::linear::forward(input, rules::param(params, 0)?, params.get(1))?;
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
            let (weight, bias) = ops::linear::backward_parameters(grad, &input)?;
            Ok(rules::with_bias(weight, bias, self.bias))
        })?;
        let input = asked(needs, || Ok(ops::linear::backward_input(grad, rules::param(params, 0)?)?))?;
        Ok(Backward { inputs: vec![input], parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_rows_and_refuses_images() {
        let layer = Linear { out_features: 10, bias: true };
        assert_eq!(layer.outputs(&[Dims::from([64])]).unwrap(), [Dims::from([10])]);
        assert_eq!(layer.outputs(&[Dims::from([5, 64])]).unwrap(), [Dims::from([5, 10])]);
        assert_eq!(layer.parameters(&[Dims::from([64])])[0].dims, [10, 64]);
        let error = layer.outputs(&[Dims::from([3, 8, 8])]).unwrap_err().to_string();
        assert_eq!(error, "Linear works on rows of values, but its input is 3 x 8 x 8");
    }
}
