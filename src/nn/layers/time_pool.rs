//! Mean or maximum over the steps of a sequence.

use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use super::{rules, sequence};
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Arity, Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, Saved};
use crate::ops;

crate::choices! {
    /// What is taken over the steps.
    pub enum TimePooling {
        /// The mean.
        Mean = "mean", "Mean", "The mean of all steps.";
        /// The maximum.
        Max = "max", "Max", "The largest value of all steps, for each feature by itself.";
    }
}

/// Brings `[time, …]` down to `[…]`. With lengths, steps behind a sample's length do not count.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimePool {
    /// What is taken.
    pub of: TimePooling,
    /// Whether a second input gives the length of each sequence.
    pub lengths: bool,
}

impl Params for TimePool {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("of", "Takes").help("What is taken over the steps of the sequence.");
        visitor.choice(field, &mut self.of);
        let field = Field::new("lengths", "Lengths")
            .help("Adds an input that gives the length of each sequence, so that padding does not count.");
        visitor.flag(field, &mut self.lengths);
    }
}

const NAME: &str = "Pool over time";

fn lengths(inputs: &[Tensor]) -> Result<Vec<usize>, LayerError> {
    let input = single(inputs)?;
    sequence::optional_lengths(NAME, inputs.get(1), input.dim(0)?, input.dim(1)?)
}

/// Where each maximum was found.
enum Kept {
    Mean(Vec<usize>),
    Max(Vec<u32>),
}

impl Layer for TimePool {
    fn kind(&self) -> LayerKind {
        LayerKind::Pooling
    }

    fn summary(&self) -> String {
        self.of.label().to_lowercase()
    }

    fn arity(&self) -> Arity {
        Arity::Exactly(if self.lengths { 2 } else { 1 })
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let (_, rest) = sequence::reduced(NAME, inputs, self.lengths)?;
        Ok(vec![rest])
    }

    fn saved_bytes(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        match self.of {
            TimePooling::Mean => 0,
            TimePooling::Max => outputs.first().map_or(0, |dims| rules::product(&dims.0).saturating_mul(4)),
        }
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let (input, lengths) = (single(inputs)?, lengths(inputs)?);
        let (batch, time) = (input.dim(0)?, input.dim(1)?);
        let rest = &input.dims()[2..];
        let flat = input.reshape((batch, time, ()))?;
        let inside = sequence::inside(&lengths, time, input)?.unsqueeze(2)?.broadcast_as(flat.shape())?;
        let output = match self.of {
            TimePooling::Mean => {
                let counts: Vec<f64> = lengths.iter().map(|&length| length as f64).collect();
                let counts = Tensor::new(counts, input.device())?.to_dtype(input.dtype())?.reshape((batch, 1))?;
                inside.where_cond(&flat, &flat.zeros_like()?)?.sum(1)?.broadcast_div(&counts)?
            }
            TimePooling::Max => {
                let mut largest = flat.narrow(1, 0, 1)?;
                for step in 1..time {
                    let next = flat.narrow(1, step, 1)?;
                    // The first one of several stays, and so does a NaN.
                    let stays = next.le(&largest)?.to_dtype(DType::U8)?.add(&largest.ne(&largest)?)?;
                    let counts = inside.narrow(1, step, 1)?.contiguous()?;
                    let next = stays.where_cond(&largest, &next)?;
                    largest = counts.where_cond(&next, &largest)?;
                }
                largest
            }
        };
        let dims: Vec<usize> = std::iter::once(batch).chain(rest.iter().copied()).collect();
        Ok(Forward::one(output.reshape(dims)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for TimePool {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let (input, lengths) = (single(inputs)?, lengths(inputs)?);
        let (output, kept) = match self.of {
            TimePooling::Mean => (ops::time::mean(input, &lengths)?, Kept::Mean(lengths)),
            TimePooling::Max => {
                let (output, winners) = ops::time::max(input, &lengths)?;
                (output, Kept::Max(winners))
            }
        };
        Ok(Forward::kept(output, ctx, || (kept, input.dims().to_vec())))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let (kept, dims): (Kept, Vec<usize>) = unpack(saved)?;
        let grad = single(grads)?;
        let input = asked(needs, || match kept {
            Kept::Mean(lengths) => Ok(ops::time::mean_backward(grad, &lengths, &dims)?),
            Kept::Max(winners) => Ok(ops::time::max_backward(grad, &winners, &dims)?),
        })?;
        let lengths = self.lengths.then_some(None);
        Ok(Backward { inputs: std::iter::once(input).chain(lengths).collect(), parameters: Vec::new() })
    }
}
