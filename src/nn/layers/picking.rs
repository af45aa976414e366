//! Layers whose output holds values of the input in other places: pad, crop, slice.

use candle_core::Tensor;

use super::body::Body;
use super::rules;
use crate::base::Dims;
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops::resample::{self, Picks, Planes};

/// Which values go where in one sample.
#[derive(Debug)]
pub(super) struct Plan {
    /// Height and width of the planes that a sample is seen as.
    pub(super) size: [usize; 2],
    /// Rows and columns.
    pub(super) picks: Picks,
    /// Shape of the output.
    pub(super) output: Dims,
    /// What stands where nothing is picked.
    pub(super) fill: f64,
}

/// A layer that has a plan.
pub(super) trait Picking {
    /// As in error messages.
    const NAME: &'static str;

    /// The shape of the output. Never allocates, since nobody has looked at the settings before.
    fn shape(&self, input: &Dims) -> Result<Dims, LayerError>;

    /// The plan for an input whose shape fits.
    fn plan(&self, input: &Dims) -> Result<Plan, LayerError>;

    /// The settings in a few characters.
    fn short(&self) -> String;
}

/// What is done at top, bottom, left and right, in a few characters: one number where all are alike.
pub(super) fn short_sides(sides: [usize; 4]) -> String {
    let [top, rest @ ..] = sides;
    if rest == [top; 3] { top.to_string() } else { sides.map(|side| side.to_string()).join(", ") }
}

/// What such a layer does.
pub(super) struct Picked<'a, P>(pub(super) &'a P);

impl<P: Picking> Picked<'_, P> {
    fn planes(&self, input: &Tensor) -> Result<(Planes, Picks, f64), LayerError> {
        let batch = input.dim(0)?;
        let Plan { size, picks, output, fill } = self.0.plan(&Dims::from(&input.dims()[1..]))?;
        Ok((Planes { size, input: input.dims().to_vec(), output: output.with_batch(batch) }, picks, fill))
    }
}

impl<P: Picking> Body for Picked<'_, P> {
    fn kind(&self) -> LayerKind {
        LayerKind::Shape
    }

    fn summary(&self) -> String {
        self.0.short()
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        rules::checked(P::NAME, self.0.shape(rules::one(P::NAME, inputs)?)?)
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (planes, picks, fill) = self.planes(input)?;
        Ok(Forward::one(resample::pick_composed(input, &planes, &picks, fill)?))
    }

    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (planes, picks, fill) = self.planes(input)?;
        let output = resample::pick(input, &planes, &picks, fill)?;
        Ok(Forward::kept(output, ctx, || (planes, picks)))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let (planes, picks): (Planes, Picks) = unpack(saved)?;
        let grad = single(grads)?;
        let input = asked(needs, || Ok(resample::pick_backward(grad, &planes, &picks)?))?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}
