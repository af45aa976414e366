//! One step of a sequence.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::sequence;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Arity, Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops;

crate::choices! {
    /// Which step is taken.
    pub enum Step {
        /// The last one.
        Last = "last", "Last", "The last step, which has seen the whole sequence.";
        /// The first one.
        First = "first", "First", "The first step: that of the class token in BERT.";
        /// A numbered one.
        Nth = "nth", "Numbered", "The step of a given number.";
    }
}

/// Takes one step out of `[time, …]`: `[…]`. With lengths, the last step is that of each sample's own length.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelectStep {
    /// Which step.
    pub step: Step,
    /// Its number, from 0, where it is a numbered one.
    pub index: usize,
    /// Whether a second input gives the length of each sequence.
    pub lengths: bool,
}

impl Params for SelectStep {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("step", "Step").help("Which step of the sequence goes on.");
        visitor.choice(field, &mut self.step);
        let field =
            Field::new("index", "Number").help("The number of the step, counted from 0, where it is a numbered one.");
        visitor.count(field, &mut self.index, 0..=1_000_000);
        let field = Field::new("lengths", "Lengths")
            .help("Adds an input that gives the length of each sequence, so that the last step is not one of padding.");
        visitor.flag(field, &mut self.lengths);
    }
}

const NAME: &str = "Select step";

impl SelectStep {
    fn picks(&self, inputs: &[Tensor]) -> Result<Vec<usize>, LayerError> {
        let (batch, time) = (single(inputs)?.dim(0)?, single(inputs)?.dim(1)?);
        let lengths = sequence::optional_lengths(NAME, inputs.get(1), batch, time)?;
        Ok(match self.step {
            Step::Last => lengths.iter().map(|length| length - 1).collect(),
            Step::First => vec![0; batch],
            Step::Nth => vec![self.index; batch],
        })
    }
}

impl Layer for SelectStep {
    fn kind(&self) -> LayerKind {
        LayerKind::Shape
    }

    fn summary(&self) -> String {
        match self.step {
            Step::Nth => self.index.to_string(),
            step => step.label().to_lowercase(),
        }
    }

    fn arity(&self) -> Arity {
        Arity::Exactly(if self.lengths { 2 } else { 1 })
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let (time, rest) = sequence::reduced(NAME, inputs, self.lengths)?;
        if self.step == Step::Nth && self.index >= time {
            return Err(LayerError::shape(
                format!("{NAME} takes step {}, but its input has steps 0 to {}", self.index, time.saturating_sub(1)),
                "Choose one of them; 0 is the first",
            ));
        }
        Ok(vec![rest])
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let time = input.dim(1)?;
        let rows = self.picks(inputs)?.into_iter().enumerate().map(|(sample, pick)| (sample * time + pick) as u32);
        let rows = Tensor::new(rows.collect::<Vec<_>>(), input.device())?;
        Ok(Forward::one(input.flatten(0, 1)?.index_select(&rows, 0)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for SelectStep {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let (input, picks) = (single(inputs)?, self.picks(inputs)?);
        Ok(Forward::kept(ops::time::pick(input, &picks)?, ctx, || (picks, input.dims().to_vec())))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let (picks, dims): (Vec<usize>, Vec<usize>) = unpack(saved)?;
        let input = asked(needs, || Ok(ops::time::pick_backward(single(grads)?, &picks, &dims)?))?;
        let lengths = self.lengths.then_some(None);
        Ok(Backward { inputs: std::iter::once(input).chain(lengths).collect(), parameters: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_steps_there_are() {
        let layer = SelectStep { step: Step::Nth, index: 4, lengths: false };
        assert_eq!(layer.outputs(&[Dims::from([5, 3])]).unwrap(), [Dims::from([3])]);
        let error = layer.outputs(&[Dims::from([4, 3])]).unwrap_err().to_string();
        assert_eq!(error, "Select step takes step 4, but its input has steps 0 to 3");
    }
}
