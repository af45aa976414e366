//! All values of a sample in one row.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};

/// `[channels, height, width]` becomes `[channels * height * width]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flatten {}

impl Params for Flatten {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

const NAME: &str = "Flatten";

impl Layer for Flatten {
    fn kind(&self) -> LayerKind {
        LayerKind::Shape
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        let elements = input.checked_elements().ok_or_else(|| rules::too_large(NAME))?;
        rules::checked(NAME, Dims::from([elements]))
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(single(inputs)?.flatten_from(1)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Flatten {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        Ok(Forward::kept(input.flatten_from(1)?, ctx, || input.dims().to_vec()))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let dims: Vec<usize> = unpack(saved)?;
        let input = asked(needs, || Ok(single(grads)?.reshape(dims)?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}
