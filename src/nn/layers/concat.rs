//! Inputs one behind the other.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{single, unpack};
use crate::nn::{Arity, Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};

/// Joins inputs along one dimension; all others must be the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Concat {
    /// The dimension, the batch counted as 0.
    pub dim: usize,
}

impl Default for Concat {
    fn default() -> Self {
        Self { dim: 1 }
    }
}

impl Params for Concat {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("dim", "Dimension")
            .help("Along which dimension, the batch counted as 0: 1 joins channels or features.");
        visitor.count(field, &mut self.dim, 1..=8);
    }
}

const NAME: &str = "Concatenate";

impl Layer for Concat {
    fn kind(&self) -> LayerKind {
        LayerKind::Shape
    }

    fn arity(&self) -> Arity {
        Arity::AtLeast(2)
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let first = rules::several(NAME, inputs)?;
        let axis = rules::axis(NAME, self.dim, first)?;
        let mut output = first.clone();
        for (index, input) in inputs.iter().enumerate().skip(1) {
            let fits = input.0.len() == first.0.len()
                && input.0.iter().zip(&first.0).enumerate().all(|(at, (size, other))| at == axis || size == other);
            if !fits {
                return Err(LayerError::shape(
                    format!(
                        "{NAME} needs inputs that differ in dimension {} only, but input 1 is {first} and input {} is {input}",
                        self.dim,
                        index + 1
                    ),
                    "Match the other dimensions, for instance with a pool or the stride of a convolution",
                ));
            }
            if let (Some(total), Some(size)) = (output.0.get_mut(axis), input.0.get(axis)) {
                *total = total.checked_add(*size).ok_or_else(|| rules::too_large(NAME))?;
            }
        }
        rules::checked(NAME, output)
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(Tensor::cat(inputs, self.dim)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Concat {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let sizes = inputs.iter().map(|input| input.dim(self.dim)).collect::<Result<Vec<usize>, _>>()?;
        Ok(Forward::kept(Tensor::cat(inputs, self.dim)?.detach(), ctx, || sizes))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let sizes: Vec<usize> = unpack(saved)?;
        let grad = single(grads)?;
        let mut start = 0;
        let mut inputs = Vec::with_capacity(sizes.len());
        for (size, &needed) in sizes.into_iter().zip(needs.inputs) {
            let part = if needed { Some(grad.narrow(self.dim, start, size)?.contiguous()?) } else { None };
            inputs.push(part);
            start += size;
        }
        Ok(Backward { inputs, parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_channels_and_refuses_other_sizes() {
        let join = |second: [usize; 3]| Concat::default().outputs(&[Dims::from([8, 4, 4]), Dims::from(second)]);
        assert_eq!(join([16, 4, 4]).unwrap(), [Dims::from([24, 4, 4])]);
        let error = join([16, 2, 2]).unwrap_err().to_string();
        assert!(error.contains("input 1 is 8 x 4 x 4 and input 2 is 16 x 2 x 2"), "{error}");
    }
}
