//! The same values in another shape.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};

/// Reads the values of a sample in their order as those of another shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reshape {
    /// The new sizes without the batch, as `16 x 8 x 8`; one of them may be -1, which takes what is left over.
    pub shape: String,
}

impl Default for Reshape {
    fn default() -> Self {
        Self { shape: "-1".to_owned() }
    }
}

impl Params for Reshape {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("shape", "Shape")
            .help("The new sizes without the batch, such as 16 x 8 x 8. One may be -1, which takes what is left over.");
        visitor.text(field, &mut self.shape);
    }
}

const NAME: &str = "Reshape";

impl Reshape {
    fn shape(&self, input: &Dims) -> Result<Dims, LayerError> {
        let sizes = rules::numbers(NAME, &self.shape)?;
        let elements = input.checked_elements().ok_or_else(|| rules::too_large(NAME))?;
        let mut given = sizes.iter().filter(|&&size| size != -1);
        let product = given.try_fold(1_usize, |product, &size| product.checked_mul(usize::try_from(size).ok()?));
        let open = sizes.iter().filter(|&&size| size == -1).count();
        let refusal = || {
            LayerError::shape(
                format!("{NAME} to {} does not fit the {elements} values of its input {input}", self.shape),
                "The product of the sizes must be the number of values; one size may be -1",
            )
        };
        let product = product.filter(|&product| product > 0 && !sizes.is_empty()).ok_or_else(refusal)?;
        let fits = if open == 0 { product == elements } else { open == 1 && elements.is_multiple_of(product) };
        if !fits {
            return Err(refusal());
        }
        Ok(Dims(sizes.iter().map(|&size| usize::try_from(size).unwrap_or(elements / product)).collect()))
    }
}

impl Layer for Reshape {
    fn kind(&self) -> LayerKind {
        LayerKind::Shape
    }

    fn summary(&self) -> String {
        self.shape.clone()
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        Ok(vec![self.shape(rules::one(NAME, inputs)?)?])
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let shape = self.shape(&Dims::from(&input.dims()[1..]))?;
        Ok(Forward::one(input.reshape(shape.with_batch(input.dim(0)?))?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Reshape {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let output = single(&self.compose(inputs, params, ctx)?.outputs)?.detach();
        let dims = single(inputs)?.dims().to_vec();
        Ok(Forward::kept(output, ctx, || dims))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let dims: Vec<usize> = unpack(saved)?;
        let input = asked(needs, || Ok(single(grads)?.reshape(dims)?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_and_fills_in_the_one_that_is_open() {
        let shape = |text: &str| {
            let layer = Reshape { shape: text.to_owned() };
            layer.outputs(&[Dims::from([12, 2])]).map(|dims| dims[0].to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(shape("3 x 8").unwrap(), "3 x 8");
        assert_eq!(shape("2,-1,3").unwrap(), "2 x 4 x 3");
        for text in ["5 -1", "-1 -1", "7", "", "0 -1", "-2 -12", "99999999999 99999999999 -1"] {
            assert!(shape(text).unwrap_err().contains("does not fit the 24 values"), "{text}");
        }
        assert!(shape("3 y").unwrap_err().contains("'y' is not a whole number"));
    }
}
