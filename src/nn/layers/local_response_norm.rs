//! Local response normalization (Krizhevsky et al. 2012).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops::row_norm::{self, ResponseSettings};

/// Divides each value by `(k + alpha * mean of the squares of its neighbours)^beta`, its neighbours being the same place
/// in `size` channels around its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocalResponseNorm {
    /// Channels that count, the value's own in the middle.
    pub size: usize,
    /// Weight of their mean square.
    pub alpha: f64,
    /// Exponent of the divisor.
    pub beta: f64,
    /// What the divisor starts from.
    pub k: f64,
}

impl Default for LocalResponseNorm {
    fn default() -> Self {
        Self { size: 5, alpha: 1e-4, beta: 0.75, k: 1.0 }
    }
}

impl Params for LocalResponseNorm {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("size", "Channels")
            .help("How many neighbouring channels weaken a value when they are strong, its own among them.");
        visitor.count(field, &mut self.size, 1..=1024);
        let field = Field::new("alpha", "Alpha").help("How much strong neighbours weaken a value.");
        visitor.number(field, &mut self.alpha, 0.0..=1e3);
        let field = Field::new("beta", "Beta").help("Exponent of what each value is divided by.");
        visitor.number(field, &mut self.beta, 0.0..=10.0);
        let field = Field::new("k", "K").help("What the divisor starts from, so that nothing is divided by zero.");
        visitor.number(field, &mut self.k, 1e-6..=1e3);
    }
}

const NAME: &str = "Local response norm";

impl LocalResponseNorm {
    fn settings(&self) -> ResponseSettings {
        let Self { size, alpha, beta, k } = *self;
        ResponseSettings { size, alpha, beta, k }
    }
}

impl Layer for LocalResponseNorm {
    fn kind(&self) -> LayerKind {
        LayerKind::Normalization
    }

    fn summary(&self) -> String {
        self.size.to_string()
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        rules::plane(NAME, input)?;
        rules::positive(NAME, "k", self.k)?;
        if self.size == 0 || self.size > 65_536 {
            return Err(LayerError::shape(
                format!("{NAME} looks at {} channels", self.size),
                "Set their number to 1 or more, and to no more than there are",
            ));
        }
        Ok(vec![input.clone()])
    }

    fn multiply_adds(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        outputs.first().map_or(0, |dims| rules::product(&dims.0)).saturating_mul(self.size as u64)
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(row_norm::response_composed(single(inputs)?, self.settings())?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for LocalResponseNorm {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        Ok(Forward::kept(row_norm::response_forward(input, self.settings())?, ctx, || input.clone()))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let (input, grad): (Tensor, _) = (unpack(saved)?, single(grads)?);
        let input = asked(needs, || Ok(row_norm::response_backward(&input, grad, self.settings())?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}
