//! Borders cut off images and signals.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::picking::{self, Picked, Picking, Plan};
use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::LayerError;
use crate::ops::resample::Picks;

/// Cuts rows and columns off `[channels, height, width]`, or both ends off `[channels, length]`, where left and right count alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crop {
    /// Rows at the top.
    pub top: usize,
    /// Rows at the bottom.
    pub bottom: usize,
    /// Columns at the left.
    pub left: usize,
    /// Columns at the right.
    pub right: usize,
}

impl Default for Crop {
    fn default() -> Self {
        Self { top: 1, bottom: 1, left: 1, right: 1 }
    }
}

impl Params for Crop {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("top", "Top").unit("pixels").help("Rows cut off at the top; 0 for signals.");
        visitor.count(field, &mut self.top, 0..=65_536);
        let field = Field::new("bottom", "Bottom").unit("pixels").help("Rows cut off at the bottom; 0 for signals.");
        visitor.count(field, &mut self.bottom, 0..=65_536);
        let field = Field::new("left", "Left").unit("pixels").help("Columns cut off at the left.");
        visitor.count(field, &mut self.left, 0..=65_536);
        let field = Field::new("right", "Right").unit("pixels").help("Columns cut off at the right.");
        visitor.count(field, &mut self.right, 0..=65_536);
    }
}

impl Crop {
    fn body(&self) -> Picked<'_, Self> {
        Picked(self)
    }
}

layer_of_body!(Crop);

impl Picking for Crop {
    const NAME: &'static str = "Crop";

    fn shape(&self, input: &Dims) -> Result<Dims, LayerError> {
        let mut size = rules::plane(Self::NAME, input)?;
        let cuts = [("height", self.top, self.bottom), ("width", self.left, self.right)];
        for (size, (axis, before, after)) in size.iter_mut().zip(cuts) {
            let left = size.checked_sub(before).and_then(|left| left.checked_sub(after)).filter(|&left| left > 0);
            *size = left.ok_or_else(|| {
                LayerError::shape(
                    format!("{} cuts {before} and {after} off a {axis} of {size}, so that nothing is left", Self::NAME),
                    if input.0.len() == 2 {
                        "Set top and bottom to 0 for a signal, and cut less off its ends"
                    } else {
                        "Cut less off"
                    },
                )
            })?;
        }
        Ok(rules::with_plane(input, size))
    }

    fn plan(&self, input: &Dims) -> Result<Plan, LayerError> {
        let output = self.shape(input)?;
        let [height, width] = rules::plane(Self::NAME, &output)?;
        let picks = Picks {
            rows: (self.top..self.top + height).map(Some).collect(),
            columns: (self.left..self.left + width).map(Some).collect(),
        };
        Ok(Plan { size: rules::plane(Self::NAME, input)?, picks, output, fill: 0.0 })
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
    fn leaves_something() {
        let shape = |dims: [usize; 3]| Crop::default().outputs(&[Dims::from(dims)]);
        assert_eq!(shape([4, 6, 3]).unwrap(), [Dims::from([4, 4, 1])]);
        assert!(shape([4, 6, 2]).unwrap_err().to_string().contains("off a width of 2"));
    }
}
