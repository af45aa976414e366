//! Change of an image's or a signal's size.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops::resample::{self, Blend, Blends, Picks, Planes};

crate::choices! {
    /// Where the values between those of the input come from.
    pub enum UpsampleMode {
        /// The value to the upper left.
        Nearest = "nearest", "Nearest", "Repeats values, which gives blocks; the fastest.";
        /// The value whose middle is nearest.
        NearestExact = "nearest_exact", "Nearest middle", "Repeats the value whose middle is nearest; differs from Nearest where the factor is not whole.";
        /// Blended of neighbours.
        Linear = "linear", "Linear", "Blends neighbours, which gives soft edges: bilinear for images.";
        /// Blended of four neighbours along each axis.
        Cubic = "cubic", "Cubic", "Blends four neighbours along each axis, which keeps edges sharper than Linear: bicubic for images.";
    }
}

/// Makes `[channels, height, width]` or `[channels, length]` larger or smaller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upsample {
    /// Where the new values come from.
    pub mode: UpsampleMode,
    /// Factor of height and width, or of the length.
    pub factor: f64,
    /// Height and width instead of the factor; the length of a signal is the width. 0 x 0 takes the factor.
    pub size: [usize; 2],
    /// Whether the corners of both images lie on each other, not their outer edges.
    pub align_corners: bool,
}

impl Default for Upsample {
    fn default() -> Self {
        Self { mode: UpsampleMode::default(), factor: 2.0, size: [0, 0], align_corners: false }
    }
}

impl Params for Upsample {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("mode", "Mode").help("Where the values between those of the input come from.");
        visitor.choice(field, &mut self.mode);
        let field = Field::new("factor", "Factor").help("How many times larger height and width become.");
        visitor.number(field, &mut self.factor, 0.01..=64.0);
        let field = Field::new("size", "Size instead")
            .unit("pixels")
            .help("Height and width that it must have, whatever it had; 0 x 0 takes the factor. For signals the width is the length.");
        visitor.pair(field, &mut self.size, 0..=16_384);
        let field = Field::new("align_corners", "Corners stay")
            .help("In linear and cubic mode, whether the corner pixels of both images lie on each other, rather than their outer edges.");
        visitor.flag(field, &mut self.align_corners);
    }
}

const NAME: &str = "Upsample";

/// What the mode comes down to for one input.
#[derive(Debug, Clone)]
enum Plan {
    Picks(Picks),
    Blends(Blends<2>),
    Cubic(Blends<4>),
}

impl Upsample {
    fn is_sized(&self) -> bool {
        self.size != [0, 0]
    }

    /// Step in the input from one output to the next, without regard to corners.
    fn scale(&self, size: usize, output: usize, is_scaled: bool) -> f64 {
        if self.is_sized() || !is_scaled { size as f64 / output as f64 } else { 1.0 / self.factor }
    }

    /// PyTorch reckons the places of nearest neighbours in f32, which decides where they fall on a border.
    fn nearest(&self, size: usize, output: usize, is_scaled: bool) -> Vec<Option<usize>> {
        let scale = self.scale(size, output, is_scaled) as f32;
        let offset = if self.mode == UpsampleMode::NearestExact { 0.5 } else { 0.0 };
        let place = |at: usize| ((at as f32 + offset) * scale) as usize;
        (0..output).map(|at| Some(place(at).min(size - 1))).collect()
    }

    /// Where the outputs lie among the inputs, as fractions; those at the border may lie outside.
    fn places(&self, size: usize, output: usize, is_scaled: bool) -> impl Iterator<Item = f64> {
        let aligned = if output > 1 { (size - 1) as f64 / (output - 1) as f64 } else { 0.0 };
        let (scale, is_aligned) = (self.scale(size, output, is_scaled), self.align_corners);
        (0..output).map(move |at| if is_aligned { at as f64 * aligned } else { (at as f64 + 0.5) * scale - 0.5 })
    }

    fn linear(&self, size: usize, output: usize, is_scaled: bool) -> Vec<Blend<2>> {
        let blend = |place: f64| {
            let place = place.max(0.0);
            let first = (place as usize).min(size - 1);
            let share = (place - first as f64).min(1.0);
            Blend { at: [first, (first + 1).min(size - 1)], share: [1.0 - share, share] }
        };
        self.places(size, output, is_scaled).map(blend).collect()
    }

    /// Keys 1981 with a slope of -0.75 at the neighbours, as in PyTorch; beyond the border the outermost value goes on.
    fn cubic(&self, size: usize, output: usize, is_scaled: bool) -> Vec<Blend<4>> {
        const SLOPE: f64 = -0.75;
        let near = |x: f64| ((SLOPE + 2.0) * x - (SLOPE + 3.0)) * x * x + 1.0;
        let far = |x: f64| ((SLOPE * x - 5.0 * SLOPE) * x + 8.0 * SLOPE) * x - 4.0 * SLOPE;
        let blend = |place: f64| {
            let (first, share) = (place.floor(), place - place.floor());
            let at = [-1.0, 0.0, 1.0, 2.0].map(|tap| (first + tap).clamp(0.0, (size - 1) as f64) as usize);
            Blend { at, share: [far(share + 1.0), near(share), near(1.0 - share), far(2.0 - share)] }
        };
        self.places(size, output, is_scaled).map(blend).collect()
    }

    fn plan(&self, input: &Dims) -> Result<(Plan, [usize; 2], Dims), LayerError> {
        let output = self.shape(input)?;
        let (size, wanted) = (rules::plane(NAME, input)?, rules::plane(NAME, &output)?);
        let is_image = input.0.len() == 3;
        let plan = match self.mode {
            UpsampleMode::Linear => Plan::Blends(Blends {
                rows: self.linear(size[0], wanted[0], is_image),
                columns: self.linear(size[1], wanted[1], true),
            }),
            UpsampleMode::Cubic => Plan::Cubic(Blends {
                rows: self.cubic(size[0], wanted[0], is_image),
                columns: self.cubic(size[1], wanted[1], true),
            }),
            UpsampleMode::Nearest | UpsampleMode::NearestExact => Plan::Picks(Picks {
                rows: self.nearest(size[0], wanted[0], is_image),
                columns: self.nearest(size[1], wanted[1], true),
            }),
        };
        Ok((plan, size, output))
    }

    fn shape(&self, input: &Dims) -> Result<Dims, LayerError> {
        let size = rules::plane(NAME, input)?;
        let is_signal = input.0.len() == 2;
        rules::positive(NAME, "its factor", self.factor)?;
        let mut output =
            if self.is_sized() { self.size } else { size.map(|size| (size as f64 * self.factor) as usize) };
        if is_signal {
            output[0] = 1;
        }
        if output.contains(&0) {
            return Err(LayerError::shape(
                format!("{NAME} would make {} of {input}", rules::pair(output)),
                "Choose a larger factor or size",
            ));
        }
        Ok(rules::with_plane(input, output))
    }

    /// Where the planes lie, and the plan for them.
    fn planes(&self, input: &Tensor) -> Result<(Planes, Plan), LayerError> {
        let (plan, size, output) = self.plan(&Dims::from(&input.dims()[1..]))?;
        Ok((Planes { size, input: input.dims().to_vec(), output: output.with_batch(input.dim(0)?) }, plan))
    }
}

impl Layer for Upsample {
    fn kind(&self) -> LayerKind {
        LayerKind::Shape
    }

    fn summary(&self) -> String {
        if self.is_sized() { rules::pair(self.size) } else { format!("x {}", self.factor) }
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        rules::checked(NAME, self.shape(rules::one(NAME, inputs)?)?)
    }

    fn multiply_adds(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        let output = outputs.first().map_or(0, |dims| rules::product(&dims.0));
        if self.mode == UpsampleMode::Linear { output.saturating_mul(4) } else { 0 }
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (planes, plan) = self.planes(input)?;
        Ok(Forward::one(match plan {
            Plan::Picks(picks) => resample::pick_composed(input, &planes, &picks, 0.0)?,
            Plan::Blends(blends) => resample::blend_composed(input, &planes, &blends)?,
            Plan::Cubic(blends) => resample::blend_composed(input, &planes, &blends)?,
        }))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Upsample {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (planes, plan) = self.planes(input)?;
        let output = match &plan {
            Plan::Picks(picks) => resample::pick(input, &planes, picks, 0.0)?,
            Plan::Blends(blends) => resample::blend(input, &planes, blends)?,
            Plan::Cubic(blends) => resample::blend(input, &planes, blends)?,
        };
        Ok(Forward::kept(output, ctx, || (planes, plan)))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let (planes, plan): (Planes, Plan) = unpack(saved)?;
        let grad = single(grads)?;
        let input = asked(needs, || {
            Ok(match &plan {
                Plan::Picks(picks) => resample::pick_backward(grad, &planes, picks)?,
                Plan::Blends(blends) => resample::blend_backward(grad, &planes, blends)?,
                Plan::Cubic(blends) => resample::blend_backward(grad, &planes, blends)?,
            })
        })?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_images_and_signals() {
        let shape =
            |layer: &Upsample, dims: &[usize]| layer.outputs(&[Dims::from(dims)]).map(|dims| dims[0].to_string());
        let double = Upsample::default();
        assert_eq!(shape(&double, &[3, 5, 4]).unwrap(), "3 x 10 x 8");
        assert_eq!(shape(&double, &[3, 5]).unwrap(), "3 x 10");
        let sized = Upsample { size: [7, 9], ..Upsample::default() };
        assert_eq!(shape(&sized, &[3, 5, 4]).unwrap(), "3 x 7 x 9");
        assert_eq!(shape(&sized, &[3, 5]).unwrap(), "3 x 9");
        assert!(shape(&Upsample { factor: 0.1, ..Upsample::default() }, &[3, 5, 4]).is_err());
        assert!(shape(&Upsample { factor: 1e300, ..Upsample::default() }, &[3, 5, 4]).is_err());
    }
}
