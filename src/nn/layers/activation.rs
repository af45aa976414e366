//! What the element-wise activations have in common: one input, the same shape out, no parameters.

use candle_core::Tensor;

use super::rules;
use crate::base::Dims;
use crate::nn::layer::single;
use crate::nn::{Forward, LayerError};
use crate::ops::{self, Activation};

/// The shape rule: any shape, unchanged.
pub(super) fn outputs(name: &str, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
    Ok(vec![rules::one(name, inputs)?.clone()])
}

/// The definition in stock operations.
pub(super) fn compose(activation: Activation, inputs: &[Tensor]) -> Result<Forward, LayerError> {
    Ok(Forward::one(ops::composed::activation(single(inputs)?, activation)?))
}

/// The body of [`Layer`](crate::nn::Layer) for an activation; `$activation` makes the [`Activation`] of the settings.
macro_rules! activation_layer {
    ($layer:ty, $name:literal, $activation:expr) => {
        fn kind(&self) -> $crate::nn::LayerKind {
            $crate::nn::LayerKind::Activation
        }

        fn outputs(&self, inputs: &[$crate::base::Dims]) -> Result<Vec<$crate::base::Dims>, $crate::nn::LayerError> {
            $crate::nn::layers::activation::outputs($name, inputs)
        }

        fn compose(
            &self,
            inputs: &[candle_core::Tensor],
            _: &[candle_core::Tensor],
            _: &$crate::nn::LayerContext<'_>,
        ) -> Result<$crate::nn::Forward, $crate::nn::LayerError> {
            $crate::nn::layers::activation::compose($activation(self), inputs)
        }
    };
}
pub(super) use activation_layer;
