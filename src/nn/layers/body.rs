//! Layers that work alike. Each has settings of its own and says which [`Body`] they come down to: a convolution over
//! signals is one over images of height 1, and softmax and its logarithm differ in one place.

use candle_core::Tensor;

use crate::base::Dims;
use crate::nn::{
    Arity, Backward, Behind, Forward, LayerContext, LayerError, LayerKind, Needs, ParamSpec, Ready, Saved,
};

/// What a [`crate::nn::Layer`] does, without its settings.
pub(super) trait Body {
    /// As [`crate::nn::Layer::kind`].
    fn kind(&self) -> LayerKind;

    /// As [`crate::nn::Layer::summary`].
    fn summary(&self) -> String {
        String::new()
    }

    /// As [`crate::nn::Layer::explain`].
    fn explain(&self) -> String {
        String::new()
    }

    /// As [`crate::nn::Layer::arity`].
    fn arity(&self) -> Arity {
        Arity::Exactly(1)
    }

    /// As [`crate::nn::Layer::outputs`].
    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError>;

    /// As [`crate::nn::Layer::parameters`].
    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let _ = inputs;
        Vec::new()
    }

    /// As [`crate::nn::Layer::multiply_adds`].
    fn multiply_adds(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
        let _ = (inputs, outputs);
        0
    }

    /// As [`crate::nn::Layer::saved_bytes`].
    fn saved_bytes(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
        let _ = (inputs, outputs);
        0
    }

    /// As [`crate::nn::Layer::compose`].
    fn compose(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError>;

    /// As [`crate::nn::Layer::ready`].
    fn ready(&self, input: &Dims, params: &[Tensor], behind: Behind<'_>) -> Result<Option<Box<dyn Ready>>, LayerError> {
        let _ = (input, params, behind);
        Ok(None)
    }

    /// As [`crate::nn::Kernels::forward`].
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError>;

    /// As [`crate::nn::Kernels::backward`].
    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError>;
}

/// Makes a settings struct a layer with kernels through the [`Body`] that its method `body` gives.
macro_rules! layer_of_body {
    ($layer:ty) => {
        const _: () = {
            use candle_core::Tensor;

            use crate::base::Dims;
            use crate::nn::layers::body::Body as _;
            use crate::nn::{
                Arity, Backward, Behind, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs,
                ParamSpec, Ready, Saved,
            };

            impl Layer for $layer {
                fn kind(&self) -> LayerKind {
                    self.body().kind()
                }

                fn summary(&self) -> String {
                    self.body().summary()
                }

                fn explain(&self) -> String {
                    self.body().explain()
                }

                fn arity(&self) -> Arity {
                    self.body().arity()
                }

                fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
                    self.body().outputs(inputs)
                }

                fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
                    self.body().parameters(inputs)
                }

                fn multiply_adds(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
                    self.body().multiply_adds(inputs, outputs)
                }

                fn saved_bytes(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
                    self.body().saved_bytes(inputs, outputs)
                }

                fn compose(
                    &self,
                    inputs: &[Tensor],
                    params: &[Tensor],
                    ctx: &LayerContext<'_>,
                ) -> Result<Forward, LayerError> {
                    self.body().compose(inputs, params, ctx)
                }

                fn kernels(&self) -> Option<&dyn Kernels> {
                    Some(self)
                }

                fn ready(
                    &self,
                    input: &Dims,
                    params: &[Tensor],
                    behind: Behind<'_>,
                ) -> Result<Option<Box<dyn Ready>>, LayerError> {
                    self.body().ready(input, params, behind)
                }
            }

            impl Kernels for $layer {
                fn forward(
                    &self,
                    inputs: &[Tensor],
                    params: &[Tensor],
                    ctx: &LayerContext<'_>,
                ) -> Result<Forward, LayerError> {
                    self.body().forward(inputs, params, ctx)
                }

                fn backward(
                    &self,
                    saved: Saved,
                    params: &[Tensor],
                    grads: &[Tensor],
                    needs: Needs<'_>,
                ) -> Result<Backward, LayerError> {
                    self.body().backward(saved, params, grads, needs)
                }
            }
        };
    };
}
pub(super) use layer_of_body;
