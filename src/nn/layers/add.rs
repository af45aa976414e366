//! Sum of inputs.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, ParamVisitor, Params};
use crate::nn::layer::{single, unpack};
use crate::nn::{Arity, Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops::{self, Activation};

/// Adds inputs of the same shape value by value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Add {}

impl Params for Add {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

const NAME: &str = "Add";

impl Layer for Add {
    fn kind(&self) -> LayerKind {
        LayerKind::Shape
    }

    fn arity(&self) -> Arity {
        Arity::AtLeast(2)
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let first = rules::several(NAME, inputs)?;
        for (index, input) in inputs.iter().enumerate() {
            if input != first {
                return Err(LayerError::shape(
                    format!(
                        "{NAME} needs inputs of the same shape, but input 1 is {first} and input {} is {input}",
                        index + 1
                    ),
                    "Match them: a 1 x 1 convolution changes the channels, its stride the height and width",
                ));
            }
        }
        Ok(vec![first.clone()])
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let mut total = single(inputs)?.clone();
        for input in inputs.iter().skip(1) {
            total = (total + input)?;
        }
        Ok(Forward::one(total))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }

    fn takes_relu(&self) -> bool {
        true
    }
}

impl Kernels for Add {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let mut total = single(inputs)?.clone();
        for (index, input) in inputs.iter().enumerate().skip(1) {
            total = ops::sum::add(&total, input, ctx.rectifies && index + 1 == inputs.len())?;
        }
        // Where the ReLU cut off shows in its output.
        let kept = ctx.rectifies.then(|| total.clone());
        Ok(Forward::kept(total, ctx, || kept))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let rectified: Option<Tensor> = unpack(saved)?;
        let grad = single(grads)?;
        let grad = match rectified {
            Some(output) => ops::activation::backward(Activation::Relu, &output, grad)?,
            None => grad.clone(),
        };
        let inputs = needs.inputs.iter().map(|&needed| needed.then(|| grad.clone())).collect();
        Ok(Backward { inputs, parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_input_differs() {
        let error = Add {}.outputs(&[Dims::from([8, 4, 4]), Dims::from([16, 4, 4])]).unwrap_err().to_string();
        assert_eq!(error, "Add needs inputs of the same shape, but input 1 is 8 x 4 x 4 and input 2 is 16 x 4 x 4");
        assert!(Add {}.outputs(&[Dims::from([8])]).unwrap_err().to_string().contains("joins 2 or more"));
    }
}
