//! Mean of each channel over the whole image.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, ParamVisitor, Params};
use crate::nn::layer::single;
use crate::nn::{Forward, Layer, LayerContext, LayerError, LayerKind};

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
}
