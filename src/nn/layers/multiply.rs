//! Product of inputs.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, ParamVisitor, Params};
use crate::nn::layer::{single, unpack};
use crate::nn::{Arity, Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops;

/// Multiplies inputs value by value. Where one has the size 1 along a dimension, that value counts for all places of the
/// others, as the gates of a squeeze-and-excitation block do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Multiply {}

impl Params for Multiply {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

const NAME: &str = "Multiply";

impl Layer for Multiply {
    fn kind(&self) -> LayerKind {
        LayerKind::Shape
    }

    fn arity(&self) -> Arity {
        Arity::AtLeast(2)
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let first = rules::several(NAME, inputs)?;
        let mut output = first.clone();
        for (index, input) in inputs.iter().enumerate().skip(1) {
            let fits = input.0.len() == output.0.len()
                && input.0.iter().zip(&output.0).all(|(&size, &other)| size == other || size == 1 || other == 1);
            if !fits {
                return Err(LayerError::shape(
                    format!(
                        "{NAME} needs inputs of the same shape, or 1 where one value counts for all, but those before are {output} and input {} is {input}",
                        index + 1
                    ),
                    "Match them, for instance with a Reshape layer that gives a row of gates the sizes channels x 1 x 1",
                ));
            }
            output.0.iter_mut().zip(&input.0).for_each(|(size, &other)| *size = (*size).max(other));
        }
        rules::checked(NAME, output)
    }

    fn multiply_adds(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
        let output = outputs.first().map_or(0, |dims| rules::product(&dims.0));
        output.saturating_mul(inputs.len().saturating_sub(1) as u64)
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let mut product = single(inputs)?.clone();
        for input in inputs.iter().skip(1) {
            product = product.broadcast_mul(input)?;
        }
        Ok(Forward::one(product))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

/// The product of all but one.
fn product(inputs: &[Tensor], without: Option<usize>) -> Result<Tensor, LayerError> {
    let mut factors = inputs.iter().enumerate().filter(|(index, _)| Some(*index) != without).map(|(_, input)| input);
    let mut product = factors.next().cloned().ok_or_else(|| LayerError::shape("A tensor is missing", ""))?;
    for factor in factors {
        product = ops::product::multiply(&product, factor)?;
    }
    Ok(product)
}

impl Kernels for Multiply {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::kept(product(inputs, None)?, ctx, || inputs.to_vec()))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let inputs: Vec<Tensor> = unpack(saved)?;
        let grad = single(grads)?;
        let gradient = |(index, &needed): (usize, &bool)| -> Result<Option<Tensor>, LayerError> {
            match inputs.get(index) {
                Some(input) if needed => {
                    let others = product(&inputs, Some(index))?;
                    Ok(Some(ops::product::gradient(input, &others, grad)?))
                }
                _ => Ok(None),
            }
        };
        let inputs = needs.inputs.iter().enumerate().map(gradient).collect::<Result<_, _>>()?;
        Ok(Backward { inputs, parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_channels() {
        let shape =
            |first: [usize; 3], second: [usize; 3]| Multiply {}.outputs(&[Dims::from(first), Dims::from(second)]);
        assert_eq!(shape([8, 4, 4], [8, 1, 1]).unwrap(), [Dims::from([8, 4, 4])]);
        assert_eq!(shape([8, 1, 1], [8, 4, 4]).unwrap(), [Dims::from([8, 4, 4])]);
        assert!(shape([8, 4, 4], [4, 4, 4]).unwrap_err().to_string().contains("input 2 is 4 x 4 x 4"));
    }
}
