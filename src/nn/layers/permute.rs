//! Dimensions in another order.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};

/// Puts the dimensions of a sample in another order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Permute {
    /// The dimensions in their new order, the batch counted as 0: `2 3 1` puts the first one last.
    pub order: String,
}

impl Default for Permute {
    fn default() -> Self {
        Self { order: "2 1".to_owned() }
    }
}

impl Params for Permute {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("order", "Order")
            .help("The dimensions in their new order, the batch counted as 0: 2 1 swaps two, 2 3 1 moves the channels of an image to the end.");
        visitor.text(field, &mut self.order);
    }
}

const NAME: &str = "Permute";

impl Permute {
    /// The new order with the batch in front.
    fn order(&self, rank: usize) -> Result<Vec<usize>, LayerError> {
        let order: Vec<usize> =
            rules::numbers(NAME, &self.order)?.into_iter().map(|dim| usize::try_from(dim).unwrap_or(0)).collect();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if sorted != (1..=rank).collect::<Vec<_>>() {
            return Err(LayerError::shape(
                format!("{NAME} to the order {} does not fit an input of {rank} dimensions", self.order),
                format!("Write each number from 1 to {rank} once"),
            ));
        }
        Ok(std::iter::once(0).chain(order).collect())
    }
}

impl Layer for Permute {
    fn kind(&self) -> LayerKind {
        LayerKind::Shape
    }

    fn summary(&self) -> String {
        self.order.clone()
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        let order = self.order(input.0.len())?;
        let size = |&dim: &usize| input.0.get(dim - 1).copied();
        Ok(vec![Dims(order.iter().skip(1).filter_map(size).collect())])
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        Ok(Forward::one(input.permute(self.order(input.rank() - 1)?)?.contiguous()?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Permute {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let output = single(&self.compose(inputs, params, ctx)?.outputs)?.detach();
        Ok(Forward::kept(output, ctx, || ()))
    }

    fn backward(&self, _: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let grad = single(grads)?;
        let order = self.order(grad.rank() - 1)?;
        let mut back = vec![0; order.len()];
        for (to, &from) in order.iter().enumerate() {
            if let Some(place) = back.get_mut(from) {
                *place = to;
            }
        }
        let input = asked(needs, || Ok(grad.permute(back)?.contiguous()?.detach()))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_dimensions_in_another_order() {
        let shape = |order: &str| Permute { order: order.to_owned() }.outputs(&[Dims::from([3, 4, 5])]);
        assert_eq!(shape("2 3 1").unwrap(), [Dims::from([4, 5, 3])]);
        for order in ["2 1", "1 2 2", "0 1 2", ""] {
            assert!(shape(order).unwrap_err().to_string().contains("does not fit an input of 3 dimensions"), "{order}");
        }
    }
}
