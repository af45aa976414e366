//! What normalizations of a sample by its own values have in common: layer, group, instance and RMS norm.

use candle_core::Tensor;

use super::body::Body;
use super::rules;
use crate::base::Dims;
use crate::nn::layer::{single, unpack};
use crate::nn::{Backward, Forward, Init, LayerContext, LayerError, LayerKind, Needs, ParamSpec, Saved};
use crate::ops::row_norm::{self, Kept, RowNorm};

/// Which values are normalized together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Together {
    /// Those of the last so many dimensions, each with a weight of its own.
    Last(usize),
    /// Those of so many groups of channels, each channel with one weight.
    Groups(usize),
    /// Those of each channel.
    Channels,
}

/// A normalization of that kind.
#[derive(Debug)]
pub(super) struct Rowwise {
    pub(super) name: &'static str,
    pub(super) together: Together,
    pub(super) eps: f64,
    /// Whether the mean is taken off.
    pub(super) centered: bool,
    pub(super) weight: bool,
    pub(super) bias: bool,
    pub(super) summary: String,
}

impl Rowwise {
    fn norm(&self, input: &Dims) -> Result<RowNorm, LayerError> {
        let (eps, centered, name) = (self.eps, self.centered, self.name);
        let rank = input.0.len();
        if let Together::Last(dims) = self.together {
            if dims == 0 || dims > rank {
                return Err(LayerError::shape(
                    format!("{name} works on the last {dims} dimensions, but its input {input} has {rank}"),
                    format!("Choose a number from 1 to {rank}"),
                ));
            }
            let size = input.0.iter().skip(rank - dims).product();
            return Ok(RowNorm { groups: 1, channels: size, places: 1, eps, centered });
        }
        let [channels, places] = match input.0[..] {
            [channels, ref places @ ..] if rank <= 3 => [channels, places.iter().product()],
            _ => {
                return Err(LayerError::shape(
                    format!("{name} works on rows, signals or images, but its input is {input}"),
                    "Give it an input of at most three dimensions, channels first",
                ));
            }
        };
        let groups = if let Together::Groups(groups) = self.together { groups } else { channels };
        if groups == 0 || channels % groups != 0 {
            return Err(LayerError::shape(
                format!("{name} has {groups} groups, which do not divide its {channels} channels"),
                format!("Choose a number of groups that divides {channels}"),
            ));
        }
        let norm = RowNorm { groups, channels: channels / groups, places, eps, centered };
        if norm.size() < 2 {
            return Err(LayerError::shape(
                format!("{name} needs 2 or more values to normalize together, but its input {input} gives 1"),
                "Use fewer groups, a larger input or another normalization",
            ));
        }
        Ok(norm)
    }

    fn of_tensor(&self, input: &Tensor) -> Result<RowNorm, LayerError> {
        self.norm(&Dims::from(&input.dims()[1..]))
    }

    /// Weight and bias, as far as it has them.
    fn weights<'a>(&self, params: &'a [Tensor]) -> Result<[Option<&'a Tensor>; 2], LayerError> {
        let weight = if self.weight { Some(rules::param(params, 0)?) } else { None };
        let bias = if self.weight && self.bias { Some(rules::param(params, 1)?) } else { None };
        Ok([weight, bias])
    }
}

impl Body for Rowwise {
    fn kind(&self) -> LayerKind {
        LayerKind::Normalization
    }

    fn summary(&self) -> String {
        self.summary.clone()
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(self.name, inputs)?;
        self.norm(input)?;
        Ok(vec![input.clone()])
    }

    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let Some(input) = inputs.first() else { return Vec::new() };
        let dims: Vec<usize> = match self.together {
            Together::Last(dims) => input.0.iter().skip(input.0.len().saturating_sub(dims)).copied().collect(),
            Together::Groups(_) | Together::Channels => input.0.iter().take(1).copied().collect(),
        };
        let mut specs = Vec::new();
        if self.weight {
            specs.push(ParamSpec::trained("weight", dims.clone(), Init::Constant(1.0)));
            if self.bias {
                specs.push(ParamSpec::trained("bias", dims, Init::Constant(0.0)));
            }
        }
        specs
    }

    fn multiply_adds(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        outputs.first().map_or(0, |dims| rules::product(&dims.0))
    }

    fn saved_bytes(&self, inputs: &[Dims], _: &[Dims]) -> u64 {
        // Mean and inverse deviation of each row.
        let Some(input) = inputs.first() else { return 0 };
        let size = self.norm(input).map_or(1, |norm| norm.size());
        rules::product(&input.0) / size.max(1) as u64 * 8
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let [weight, bias] = self.weights(params)?;
        Ok(Forward::one(row_norm::composed(input, self.of_tensor(input)?, weight, bias)?))
    }

    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let [weight, bias] = self.weights(params)?;
        let (output, kept) = row_norm::forward(input, self.of_tensor(input)?, weight, bias)?;
        Ok(Forward::kept(output, ctx, || (input.clone(), kept)))
    }

    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        let (input, kept): (Tensor, Kept) = unpack(saved)?;
        let [weight, bias] = self.weights(params)?;
        let needs = [needs.input(0), needs.any_parameter()];
        let norm = self.of_tensor(&input)?;
        let gradients = row_norm::backward(&input, single(grads)?, norm, weight, &kept, needs)?;
        let mut parameters = Vec::new();
        if weight.is_some() {
            parameters.push(gradients.weight);
        }
        if bias.is_some() {
            parameters.push(gradients.bias);
        }
        Ok(Backward { inputs: vec![gradients.input], parameters })
    }
}
