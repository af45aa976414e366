//! Positions as sines and cosines (Vaswani et al. 2017).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{rules, sequence};
use crate::base::{Dims, ParamVisitor, Params};
use crate::nn::layer::{asked, single};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops;

/// Adds to each step of `[time, features]` sines and cosines of its place, of wavelengths from 2 pi to 20 000 pi.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SinusoidalPosition {}

impl Params for SinusoidalPosition {
    fn visit(&mut self, _: &mut dyn ParamVisitor) {}
}

const NAME: &str = "Sinusoidal positions";

impl Layer for SinusoidalPosition {
    fn kind(&self) -> LayerKind {
        LayerKind::Attention
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        sequence::steps(NAME, input)?;
        Ok(vec![input.clone()])
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (_, time, features) = input.dims3()?;
        let table = ops::position::sinusoidal(time, features);
        let table = Tensor::from_vec(table, (time, features), input.device())?.to_dtype(input.dtype())?;
        Ok(Forward::one(input.broadcast_add(&table)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for SinusoidalPosition {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let output = self.compose(inputs, params, ctx)?.outputs.remove(0);
        Ok(Forward::kept(output, ctx, || ()))
    }

    fn backward(&self, _: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let grad = single(grads)?;
        Ok(Backward { inputs: vec![asked(needs, || Ok(grad.clone()))?], parameters: Vec::new() })
    }
}
