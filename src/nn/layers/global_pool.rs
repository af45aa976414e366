//! Mean of each channel over the whole image.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Saved};
use crate::ops;

/// `[channels, height, width]` becomes `[channels]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GlobalPool {}

impl Params for GlobalPool {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

const NAME: &str = "Global average pool";

impl Layer for GlobalPool {
    fn kind(&self) -> LayerKind {
        LayerKind::Pooling
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let [channels, ..] = rules::image(NAME, rules::one(NAME, inputs)?)?;
        Ok(vec![Dims::from([channels])])
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(single(inputs)?.flatten_from(2)?.mean(D::Minus1)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for GlobalPool {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (_, _, height, width) = input.dims4()?;
        Ok(Forward::kept(ops::pool::global_forward(input)?, ctx, || [height, width]))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: &[bool]) -> Result<Backward, LayerError> {
        let saved: [usize; 2] = unpack(saved)?;
        let grad = single(grads)?;
        let input = asked(needs, || Ok(ops::pool::global_backward(grad, saved)?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}
