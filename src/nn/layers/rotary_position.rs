//! Positions as rotations (Su et al. 2021).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{rules, sequence};
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops::position::{self, Pairing, Rotation};

crate::choices! {
    /// Which values are rotated together.
    pub enum RotaryForm {
        /// The halves of a head.
        Halves = "halves", "Halves", "A value of the first half of a head with that of the second, as in GPT-NeoX and LLaMA.";
        /// Neighbours.
        Neighbours = "neighbours", "Neighbours", "Values that lie side by side, as in the paper and in GPT-J.";
    }
}

/// Rotates pairs of values of each head of `[time, features]` by an angle that grows with the place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RotaryPosition {
    /// Into how many heads the features are split.
    pub heads: usize,
    /// Wavelengths go up to 2 pi times this.
    pub base: f64,
    /// Which values are rotated together.
    pub form: RotaryForm,
}

impl Default for RotaryPosition {
    fn default() -> Self {
        Self { heads: 1, base: 10_000.0, form: RotaryForm::Halves }
    }
}

impl Params for RotaryPosition {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("heads", "Heads")
            .help("Into how many heads the features are split. Choose what the attention behind it has.");
        visitor.count(field, &mut self.heads, 1..=1024);
        let field = Field::new("base", "Base")
            .help("How slow the slowest rotation is. 10 000 is usual; larger values suit very long sequences.");
        visitor.number(field, &mut self.base, 1.0..=1e9);
        let field = Field::new("form", "Pairs")
            .help("Which values are rotated together. Choose what trained weights were trained with.");
        visitor.choice(field, &mut self.form);
    }
}

const NAME: &str = "Rotary positions";

impl RotaryPosition {
    fn rotation(&self) -> Rotation {
        let pairing = match self.form {
            RotaryForm::Halves => Pairing::Halves,
            RotaryForm::Neighbours => Pairing::Neighbours,
        };
        Rotation { heads: self.heads, base: self.base, pairing }
    }
}

impl Layer for RotaryPosition {
    fn kind(&self) -> LayerKind {
        LayerKind::Attention
    }

    fn summary(&self) -> String {
        format!("{} heads", self.heads)
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        let [_, features] = sequence::steps(NAME, input)?;
        if self.heads == 0 || features % self.heads.saturating_mul(2) != 0 {
            return Err(LayerError::shape(
                format!("{NAME} splits {features} features into pairs of {} heads, which leaves some over", self.heads),
                "Choose a number of heads whose double divides the features",
            ));
        }
        if !(self.base.is_finite() && self.base > 0.0) {
            return Err(LayerError::shape(format!("{NAME} has a base of {}", self.base), "Set it to 10000"));
        }
        Ok(vec![input.clone()])
    }

    fn multiply_adds(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        outputs.first().map_or(0, |dims| rules::product(&dims.0).saturating_mul(2))
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        Ok(Forward::one(position::rotate_composed(single(inputs)?, self.rotation())?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for RotaryPosition {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let output = position::rotate(single(inputs)?, self.rotation(), 1.0)?;
        Ok(Forward::kept(output, ctx, || ()))
    }

    fn backward(&self, _: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        // A rotation is turned back by the opposite angle.
        let input = asked(needs, || Ok(position::rotate(single(grads)?, self.rotation(), -1.0)?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}
