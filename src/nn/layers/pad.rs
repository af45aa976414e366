//! Values put around images and signals.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::picking::{self, Picked, Picking, Plan};
use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::LayerError;
use crate::ops::resample::Picks;

crate::choices! {
    /// What is put around an image.
    pub enum PadMode {
        /// One value.
        Constant = "constant", "One value", "Puts the same value everywhere, 0 unless set otherwise.";
        /// The image mirrored at its border, which is not repeated.
        Reflect = "reflect", "Mirror", "Mirrors the image at its border; the border itself is not repeated.";
        /// The border repeated.
        Replicate = "replicate", "Border", "Repeats the border outwards.";
        /// The other side of the image.
        Circular = "circular", "Other side", "Continues with the other side of the image, as if it were rolled up.";
    }
}

/// Puts values around `[channels, height, width]`, or at both ends of `[channels, length]`, where left and right count alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pad {
    /// What is put there.
    pub mode: PadMode,
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
    /// The value of the mode that puts one.
    pub value: f64,
}

impl Default for Pad {
    fn default() -> Self {
        Self { mode: PadMode::default(), top: 1, bottom: 1, left: 1, right: 1, value: 0.0 }
    }
}

impl Params for Pad {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        visitor.choice(Field::new("mode", "Filled with").help("What is put around the image."), &mut self.mode);
        let field = Field::new("top", "Top").unit("pixels").help("Rows put above the image; 0 for signals.");
        visitor.count(field, &mut self.top, 0..=4096);
        let field = Field::new("bottom", "Bottom").unit("pixels").help("Rows put below the image; 0 for signals.");
        visitor.count(field, &mut self.bottom, 0..=4096);
        let field = Field::new("left", "Left").unit("pixels").help("Columns put to the left of the image.");
        visitor.count(field, &mut self.left, 0..=4096);
        let field = Field::new("right", "Right").unit("pixels").help("Columns put to the right of the image.");
        visitor.count(field, &mut self.right, 0..=4096);
        let field = Field::new("value", "Value").help("The value that is put there if it is filled with one value.");
        visitor.number(field, &mut self.value, -1e9..=1e9);
    }
}

impl Pad {
    fn body(&self) -> Picked<'_, Self> {
        Picked(self)
    }

    /// The place in an axis of `size` that stands at `at`, counted with the padding `before`.
    fn place(&self, at: usize, before: usize, size: usize) -> Option<usize> {
        if (before..before + size).contains(&at) {
            return Some(at - before);
        }
        let distance = at as isize - before as isize;
        let last = size as isize - 1;
        let place = match self.mode {
            PadMode::Constant => return None,
            PadMode::Replicate => distance.clamp(0, last),
            PadMode::Reflect => {
                let inside = distance.abs();
                if inside > last { 2 * last - inside } else { inside }
            }
            PadMode::Circular => distance.rem_euclid(size as isize),
        };
        usize::try_from(place).ok()
    }
}

layer_of_body!(Pad);

impl Picking for Pad {
    const NAME: &'static str = "Pad";

    fn shape(&self, input: &Dims) -> Result<Dims, LayerError> {
        let size = rules::plane(Self::NAME, input)?;
        let is_signal = input.0.len() == 2;
        if is_signal && [self.top, self.bottom] != [0, 0] {
            return Err(LayerError::shape(
                format!("{} puts rows above or below, but its input is a signal of {input}", Self::NAME),
                "Set top and bottom to 0; left and right are the start and the end of a signal",
            ));
        }
        let sides = [("height", self.top, self.bottom), ("width", self.left, self.right)];
        let mut padded = size;
        for ((padded, size), (axis, before, after)) in padded.iter_mut().zip(size).zip(sides) {
            let most = match self.mode {
                PadMode::Reflect => size - 1,
                PadMode::Circular => size,
                PadMode::Constant | PadMode::Replicate => usize::MAX,
            };
            if before.max(after) > most {
                return Err(LayerError::shape(
                    format!(
                        "{} has {} more along the {axis} than the {most} that a {axis} of {size} can give",
                        Self::NAME,
                        before.max(after)
                    ),
                    "Use less padding, or another filling",
                ));
            }
            let sum = size.checked_add(before).and_then(|sum| sum.checked_add(after));
            *padded = sum.ok_or_else(|| rules::too_large(Self::NAME))?;
        }
        Ok(rules::with_plane(input, padded))
    }

    fn plan(&self, input: &Dims) -> Result<Plan, LayerError> {
        let output = self.shape(input)?;
        let (size, padded) = (rules::plane(Self::NAME, input)?, rules::plane(Self::NAME, &output)?);
        let picks = Picks {
            rows: (0..padded[0]).map(|at| self.place(at, self.top, size[0])).collect(),
            columns: (0..padded[1]).map(|at| self.place(at, self.left, size[1])).collect(),
        };
        Ok(Plan { size, picks, output, fill: self.value })
    }

    fn short(&self) -> String {
        picking::short_sides([self.top, self.bottom, self.left, self.right])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Layer as _;

    #[test]
    fn refuses_a_mirror_larger_than_the_image_and_rows_for_signals() {
        let error = |layer: Pad, dims: &[usize]| layer.outputs(&[Dims::from(dims)]).unwrap_err().to_string();
        let mirror = Pad { mode: PadMode::Reflect, left: 3, ..Pad::default() };
        assert!(error(mirror, &[1, 3, 3]).contains("3 more along the width than the 2"));
        assert!(error(Pad::default(), &[1, 3]).contains("signal of 1 x 3"));
        let signal = Pad { top: 0, bottom: 0, ..Pad::default() };
        assert_eq!(signal.outputs(&[Dims::from([2, 5])]).unwrap(), [Dims::from([2, 7])]);
    }
}
