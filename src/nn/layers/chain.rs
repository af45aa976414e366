//! Layers made of other layers: the parts, and who reads what. The layers of a transformer are such chains.

use candle_core::Tensor;

use super::{LayerSpec, sequence};
use crate::base::{Dims, NodeId};
use crate::nn::layer::single;
use crate::nn::{Backward, Forward, Layer, LayerContext, LayerError, Needs, ParamSpec, Saved};

/// Parts and their wiring. Values are numbered: the inputs first, then what each step makes.
#[derive(Debug)]
pub(super) struct Chain {
    name: &'static str,
    inputs: Vec<&'static str>,
    /// In the order of their parameters, which carry their names: `linear1.weight`.
    parts: Vec<(&'static str, LayerSpec)>,
    steps: Vec<Step>,
}

/// A part at work.
#[derive(Debug)]
struct Step {
    part: usize,
    reads: Vec<usize>,
}

impl Chain {
    /// No parts yet.
    pub(super) fn new(name: &'static str, inputs: Vec<&'static str>) -> Self {
        Self { name, inputs, parts: Vec::new(), steps: Vec::new() }
    }

    /// Declares a part.
    pub(super) fn part(&mut self, name: &'static str, layer: LayerSpec) -> usize {
        self.parts.push((name, layer));
        self.parts.len() - 1
    }

    /// Lets a part work on values; gives the number of what it makes. The last one is the output.
    pub(super) fn then(&mut self, part: usize, reads: &[usize]) -> usize {
        self.steps.push(Step { part, reads: reads.to_vec() });
        self.inputs.len() + self.steps.len() - 1
    }

    fn layer(&self, step: &Step) -> Result<(&'static str, &LayerSpec, &dyn Layer), LayerError> {
        let lost = || LayerError::shape(format!("{} lacks a part", self.name), "Please report this as a bug");
        let (name, spec) = self.parts.get(step.part).ok_or_else(lost)?;
        Ok((name, spec, spec.as_layer().ok_or_else(lost)?))
    }

    /// Shapes of all values.
    fn shapes(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let mut shapes = inputs.to_vec();
        for step in &self.steps {
            let (_, spec, _) = self.layer(step)?;
            shapes.extend(spec.outputs(&read(&step.reads, &shapes))?.into_iter().next());
        }
        Ok(shapes)
    }

    /// Each step's part with the shapes that it reads and makes; nothing for inputs that don't fit.
    fn shaped(&self, inputs: &[Dims]) -> Vec<(usize, &LayerSpec, Vec<Dims>, Dims)> {
        let Ok(shapes) = self.shapes(inputs) else { return Vec::new() };
        let made = shapes.get(inputs.len()..).unwrap_or_default();
        let steps = self.steps.iter().zip(made);
        steps
            .filter_map(|(step, made)| {
                let (_, spec) = self.parts.get(step.part)?;
                Some((step.part, spec, read(&step.reads, &shapes), made.clone()))
            })
            .collect()
    }

    /// How many parameters each part has, counted from the shapes of the tensors.
    fn shares(&self, inputs: &[Dims]) -> Vec<std::ops::Range<usize>> {
        let mut counts = vec![0; self.parts.len()];
        for (part, spec, reads, _) in self.shaped(inputs) {
            if let Some(count) = counts.get_mut(part) {
                *count = spec.parameters(&reads).len();
            }
        }
        let mut end = 0;
        let after = |count: usize| {
            end += count;
            end - count..end
        };
        counts.into_iter().map(after).collect()
    }

    /// Runs all steps with `run`, which gets the part's number and layer, its inputs and parameters, and its context.
    fn run(
        &self,
        inputs: &[Tensor],
        params: &[Tensor],
        ctx: &LayerContext<'_>,
        mut run: impl FnMut(&dyn Layer, &[Tensor], &[Tensor], &LayerContext<'_>) -> Result<Tensor, LayerError>,
    ) -> Result<Tensor, LayerError> {
        let shares = self.shares(&dims_of(inputs));
        let mut values = inputs.to_vec();
        for step in &self.steps {
            let (name, _, layer) = self.layer(step)?;
            // Each part draws its dropout from a stream of its own.
            let node = NodeId::from(format!("{}.{name}", ctx.node).as_str());
            let ctx = LayerContext { node: &node, ..*ctx };
            let own = shares.get(step.part).and_then(|share| params.get(share.clone())).unwrap_or_default();
            let made = run(layer, &read(&step.reads, &values), own, &ctx)?;
            values.push(made);
        }
        values.pop().ok_or_else(|| LayerError::shape(format!("{} has no parts", self.name), ""))
    }
}

fn read<T: Clone>(reads: &[usize], values: &[T]) -> Vec<T> {
    reads.iter().filter_map(|&value| values.get(value).cloned()).collect()
}

fn dims_of(inputs: &[Tensor]) -> Vec<Dims> {
    inputs.iter().map(|input| Dims::from(input.dims().get(1..).unwrap_or_default())).collect()
}

/// What the parts kept.
pub(super) struct Kept {
    chain: Chain,
    steps: Vec<Option<Saved>>,
    shares: Vec<std::ops::Range<usize>>,
}

impl Chain {
    /// As [`crate::nn::Layer::outputs`].
    pub(super) fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let inputs = sequence::named(self.name, inputs, &self.inputs)?;
        Ok(self.shapes(inputs)?.pop().into_iter().collect())
    }

    /// As [`crate::nn::Layer::parameters`].
    pub(super) fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let mut by_part: Vec<Vec<ParamSpec>> = vec![Vec::new(); self.parts.len()];
        for (part, spec, reads, _) in self.shaped(inputs) {
            if let Some(specs) = by_part.get_mut(part) {
                *specs = spec.parameters(&reads);
            }
        }
        let named = |((part, _), specs): (&(&'static str, LayerSpec), Vec<ParamSpec>)| {
            let part = *part;
            specs.into_iter().map(move |spec| ParamSpec { name: format!("{part}.{}", spec.name).into(), ..spec })
        };
        self.parts.iter().zip(by_part).flat_map(named).collect()
    }

    /// As [`crate::nn::Layer::multiply_adds`].
    pub(super) fn multiply_adds(&self, inputs: &[Dims]) -> u64 {
        let costs = self.shaped(inputs).into_iter();
        costs.fold(0, |sum, (_, spec, reads, made)| sum.saturating_add(spec.cost(&reads, &[made]).multiply_adds))
    }

    /// As [`crate::nn::Layer::saved_bytes`].
    pub(super) fn saved_bytes(&self, inputs: &[Dims]) -> u64 {
        let costs = self.shaped(inputs).into_iter().map(|(_, spec, reads, made)| spec.cost(&reads, &[made]));
        let kept = costs.map(|cost| (cost.saved_bytes, cost.output_bytes)).collect::<Vec<_>>();
        // The last output is that of the layer, which is counted elsewhere.
        let last = kept.last().map_or(0, |cost| cost.1);
        kept.iter().fold(0_u64, |sum, cost| sum.saturating_add(cost.0).saturating_add(cost.1)).saturating_sub(last)
    }

    /// As [`crate::nn::Layer::compose`].
    pub(super) fn compose(
        &self,
        inputs: &[Tensor],
        params: &[Tensor],
        ctx: &LayerContext<'_>,
    ) -> Result<Forward, LayerError> {
        let output = self.run(inputs, params, ctx, |layer, inputs, params, ctx| {
            Ok(single(&layer.compose(inputs, params, ctx)?.outputs)?.clone())
        })?;
        Ok(Forward::one(output))
    }

    /// As [`crate::nn::Kernels::forward`]; what is kept is [`Kept`].
    pub(super) fn forward(
        self,
        inputs: &[Tensor],
        params: &[Tensor],
        ctx: &LayerContext<'_>,
    ) -> Result<Forward, LayerError> {
        let mut steps = Vec::new();
        let output = self.run(inputs, params, ctx, |layer, inputs, params, ctx| {
            let Forward { outputs, saved, .. } = layer.forward(inputs, params, ctx)?;
            steps.push(saved);
            Ok(single(&outputs)?.clone())
        })?;
        Ok(Forward::kept(output, ctx, || Kept { steps, shares: self.shares(&dims_of(inputs)), chain: self }))
    }
}

impl Kept {
    /// As [`crate::nn::Kernels::backward`].
    pub(super) fn backward(
        self,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        let Self { chain, steps: mut saved, shares } = self;
        let mut parameters: Vec<Option<Tensor>> = vec![None; params.len()];
        let mut values: Vec<Option<Tensor>> = vec![None; chain.inputs.len() + chain.steps.len()];
        if let Some(last) = values.last_mut() {
            *last = Some(single(grads)?.clone());
        }
        for step in chain.steps.iter().rev() {
            let (kept, grad) = (saved.pop().flatten(), values.pop().flatten());
            let (Some(kept), Some(grad)) = (kept, grad) else { continue };
            let (_, _, layer) = chain.layer(step)?;
            let share = shares.get(step.part).cloned().unwrap_or(0..0);
            let own = params.get(share.clone()).unwrap_or_default();
            let asked: Vec<bool> = step.reads.iter().map(|&value| needs.input(value)).collect();
            let learning = needs.parameters.get(share.clone()).unwrap_or_default();
            let asked = Needs { inputs: &asked, parameters: learning };
            let Backward { inputs, parameters: found } = layer.backward(kept, own, &[grad], asked)?;
            for (place, grad) in parameters.iter_mut().skip(share.start).zip(found) {
                *place = grad;
            }
            for (&value, grad) in step.reads.iter().zip(inputs) {
                if let (Some(place), Some(grad)) = (values.get_mut(value), grad) {
                    *place = Some(match place.take() {
                        Some(sum) => (sum + grad)?,
                        None => grad,
                    });
                }
            }
        }
        let inputs = values.into_iter().zip(needs.inputs).map(|(grad, needed)| grad.filter(|_| *needed)).collect();
        Ok(Backward { inputs, parameters })
    }
}
