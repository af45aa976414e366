//! What the element-wise activations have in common: one input, the same shape out, no parameters. An activation says its
//! name and its function, and is a layer by that.

use candle_core::Tensor;

use super::rules;
use crate::base::{Dims, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops::{self, Activation};

/// An element-wise activation.
pub(super) trait Elementwise: Params + std::fmt::Debug + Send + Sync {
    /// As in error messages.
    const NAME: &'static str;

    /// The function.
    fn activation(&self) -> Activation;

    /// Refuses settings under which it has no meaning.
    fn check(&self) -> Result<(), LayerError> {
        Ok(())
    }

    /// The settings in a few characters.
    fn short(&self) -> String {
        String::new()
    }
}

impl<E: Elementwise> Layer for E {
    fn kind(&self) -> LayerKind {
        LayerKind::Activation
    }

    fn summary(&self) -> String {
        self.short()
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        self.check()?;
        Ok(vec![rules::one(E::NAME, inputs)?.clone()])
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(ops::composed::activation(single(inputs)?, self.activation())?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl<E: Elementwise> Kernels for E {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let output = ops::activation::forward(self.activation(), input)?;
        // What the next layer keeps anyway costs nothing to keep here too.
        let kept = if self.activation().keeps_output() { output.clone() } else { input.clone() };
        Ok(Forward::kept(output, ctx, || kept))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let (kept, grad): (Tensor, _) = (unpack(saved)?, single(grads)?);
        let input = asked(needs, || Ok(ops::activation::backward(self.activation(), &kept, grad)?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}
