//! Part of a dimension.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::picking::{Picked, Picking, Plan};
use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::LayerError;
use crate::ops::resample::Picks;

/// Keeps `length` places of one dimension from `start` on, or every `step`-th of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Slice {
    /// The dimension, the batch counted as 0.
    pub dim: usize,
    /// The first place, counted from 0.
    pub start: usize,
    /// Number of places that are looked at; 0 for all to the end.
    pub length: usize,
    /// Distance of those that are kept.
    pub step: usize,
}

impl Default for Slice {
    fn default() -> Self {
        Self { dim: 1, start: 0, length: 0, step: 1 }
    }
}

impl Params for Slice {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("dim", "Dimension")
            .help("Along which dimension, the batch counted as 0: 1 is channels, features or time steps.");
        visitor.count(field, &mut self.dim, 1..=8);
        let field = Field::new("start", "Start").help("The first place that is kept, counted from 0.");
        visitor.count(field, &mut self.start, 0..=1_000_000_000);
        let field = Field::new("length", "Length").help("How many places from there on; 0 goes to the end.");
        visitor.count(field, &mut self.length, 0..=1_000_000_000);
        let field = Field::new("step", "Step").help("1 keeps all of them, 2 every second one, and so on.");
        visitor.count(field, &mut self.step, 1..=1_000_000);
    }
}

impl Slice {
    fn body(&self) -> Picked<'_, Self> {
        Picked(self)
    }
}

layer_of_body!(Slice);

impl Picking for Slice {
    const NAME: &'static str = "Slice";

    fn shape(&self, input: &Dims) -> Result<Dims, LayerError> {
        let axis = rules::axis(Self::NAME, self.dim, input)?;
        let mut output = input.clone();
        if let Some(size) = output.0.get_mut(axis) {
            let rest = size.saturating_sub(self.start);
            let length = if self.length == 0 { rest } else { self.length };
            if rest == 0 || length > rest {
                return Err(LayerError::shape(
                    format!(
                        "{} takes {} places from {} on, but dimension {} has {size}",
                        Self::NAME,
                        length.max(1),
                        self.start,
                        self.dim
                    ),
                    "Start earlier or take fewer",
                ));
            }
            if self.step == 0 {
                return Err(LayerError::shape(format!("{} has a step of 0", Self::NAME), "Set the step to 1 or more"));
            }
            *size = length.div_ceil(self.step);
        }
        Ok(output)
    }

    fn plan(&self, input: &Dims) -> Result<Plan, LayerError> {
        let output = self.shape(input)?;
        let axis = rules::axis(Self::NAME, self.dim, input)?;
        let [size, count] = [input, &output].map(|dims| dims.0.get(axis).copied().unwrap_or(1));
        let behind = input.0.iter().skip(axis + 1).product();
        let picks = Picks {
            rows: (0..count).map(|at| Some(self.start + at * self.step)).collect(),
            columns: (0..behind).map(Some).collect(),
        };
        Ok(Plan { size: [size, behind], picks, output, fill: 0.0 })
    }

    fn short(&self) -> String {
        let end = if self.length == 0 { String::new() } else { self.start.saturating_add(self.length).to_string() };
        let step = if self.step == 1 { String::new() } else { format!(":{}", self.step) };
        format!("{}:{end}{step}", self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Layer as _;

    #[test]
    fn keeps_a_part_and_refuses_what_is_not_there() {
        let shape = |slice: Slice| slice.outputs(&[Dims::from([8, 5])]);
        assert_eq!(shape(Slice { start: 2, ..Slice::default() }).unwrap(), [Dims::from([6, 5])]);
        assert_eq!(shape(Slice { dim: 2, step: 2, ..Slice::default() }).unwrap(), [Dims::from([8, 3])]);
        let error = shape(Slice { start: 6, length: 3, ..Slice::default() }).unwrap_err().to_string();
        assert_eq!(error, "Slice takes 3 places from 6 on, but dimension 1 has 8");
        assert!(shape(Slice { start: 8, ..Slice::default() }).is_err());
    }
}
