//! The flat plan of a network: its layers in running order, which values each reads and makes, when a value is read
//! for the last time, and where gradients must flow.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::base::{Dims, NodeId};
use crate::nn::{LayerSpec, ParamSpec};

use super::flatten::{Flat, FlatRole, Source};

/// A network as it runs. Values (outputs of inputs and layers) are numbered.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The layers that the outputs depend on, in running order.
    pub(super) steps: Vec<Step>,
    /// The network's inputs, in the order of their names.
    pub(super) inputs: Vec<PlanInput>,
    /// The network's outputs, in the order of their names: values.
    pub(super) outputs: Vec<usize>,
    /// Shape of each value, for one sample.
    pub(super) dims: Vec<Dims>,
    /// What can be looked at by path: nodes, and the first output of blocks.
    pub(super) paths: BTreeMap<String, usize>,
}

/// An input of the network.
#[derive(Debug)]
pub(super) struct PlanInput {
    pub(super) path: NodeId,
    pub(super) dims: Dims,
    /// The value that it is.
    pub(super) value: usize,
    /// Whether an output depends on it.
    pub(super) is_used: bool,
}

/// A layer in its place.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) path: NodeId,
    pub(super) layer: LayerSpec,
    /// Values that it reads.
    pub(super) inputs: Vec<usize>,
    /// Values that it makes.
    pub(super) outputs: Range<usize>,
    /// Its parameters within the network's.
    pub(super) parameters: Range<usize>,
    /// Values that nobody reads after it.
    pub(super) dead: Vec<usize>,
    /// Which inputs a gradient must be computed for: those with a trainable parameter before them.
    pub(super) needs: Vec<bool>,
    /// Whether backward comes here at all.
    pub(super) is_differentiated: bool,
}

impl Plan {
    /// Makes the plan of a graph without errors, and the list of its parameters with their names.
    pub(super) fn new(flat: Flat) -> (Self, Vec<(String, ParamSpec)>) {
        let mut plan = Self::default();
        let mut parameters = Vec::new();
        // Values by flat node: the first of its outputs.
        let mut first_value = vec![None; flat.nodes.len()];
        let mut first_parameter = vec![0; flat.nodes.len()];
        let mut has_gradient = Vec::new();
        let value_of = |first_value: &[Option<usize>], source: Option<Source>| -> Option<usize> {
            let (node, port) = source?;
            first_value.get(node).copied().flatten().map(|first: usize| first + port)
        };
        let mut inputs = BTreeMap::new();
        let mut outputs = BTreeMap::new();
        for (index, node) in flat.nodes.into_iter().enumerate() {
            let sources: Vec<usize> =
                node.sources.iter().filter_map(|source| value_of(&first_value, *source)).collect();
            match node.role {
                FlatRole::Input => {
                    let value = plan.dims.len();
                    first_value[index] = Some(value);
                    has_gradient.push(false);
                    let dims = node.outputs.into_iter().next().unwrap_or_default();
                    plan.dims.push(dims.clone());
                    plan.paths.insert(node.path.0.clone(), value);
                    inputs.insert(index, PlanInput { path: node.path, dims, value, is_used: node.is_used });
                }
                FlatRole::Output => {
                    let Some(value) = sources.first().copied() else { continue };
                    plan.paths.insert(node.path.0.clone(), value);
                    outputs.insert(index, value);
                }
                FlatRole::Layer(layer) if node.is_used => {
                    let first = plan.dims.len();
                    first_value[index] = Some(first);
                    // A tied layer has the first parameter of another one.
                    let tied = node.tied.and_then(|other| first_parameter.get(other).copied());
                    let start = parameters.len();
                    first_parameter[index] = start;
                    let is_trainable = tied.is_some() || node.parameters.iter().any(|parameter| parameter.trainable);
                    for spec in node.parameters {
                        parameters.push((format!("{}.{}", node.path, spec.name), spec));
                    }
                    let needs: Vec<bool> =
                        sources.iter().map(|value| has_gradient.get(*value) == Some(&true)).collect();
                    let is_differentiated = is_trainable || needs.contains(&true);
                    plan.dims.extend(node.outputs);
                    has_gradient.resize(plan.dims.len(), is_differentiated);
                    plan.paths.insert(node.path.0.clone(), first);
                    plan.steps.push(Step {
                        path: node.path,
                        layer,
                        inputs: sources,
                        outputs: first..plan.dims.len(),
                        parameters: tied.map_or(start..parameters.len(), |first| first..first + 1),
                        dead: Vec::new(),
                        needs,
                        is_differentiated,
                    });
                }
                FlatRole::Layer(_) => {}
            }
        }
        for block in flat.blocks {
            if let Some(value) = value_of(&first_value, block.outputs.first().copied().flatten()) {
                plan.paths.insert(block.path.0, value);
            }
        }
        plan.inputs = flat.inputs.iter().filter_map(|index| inputs.remove(index)).collect();
        plan.outputs = flat.outputs.iter().filter_map(|index| outputs.remove(index)).collect();
        plan.find_deaths();
        (plan, parameters)
    }

    /// Finds anew where gradients must flow when only these parameters learn.
    pub(super) fn differentiate(&mut self, is_trainable: &[bool]) {
        let mut has_gradient = vec![false; self.dims.len()];
        for step in &mut self.steps {
            step.needs = step.inputs.iter().map(|value| has_gradient.get(*value) == Some(&true)).collect();
            let learns = is_trainable.get(step.parameters.clone()).is_some_and(|some| some.contains(&true));
            step.is_differentiated = learns || step.needs.contains(&true);
            if let Some(outputs) = has_gradient.get_mut(step.outputs.clone()) {
                outputs.fill(step.is_differentiated);
            }
        }
    }

    fn find_deaths(&mut self) {
        let mut is_dead = vec![true; self.dims.len()];
        for output in &self.outputs {
            is_dead[*output] = false;
        }
        // Backwards: whoever reads a value first from the end is its last reader.
        for step in self.steps.iter_mut().rev() {
            for value in step.outputs.clone().chain(step.inputs.iter().copied()) {
                if std::mem::replace(&mut is_dead[value], false) {
                    step.dead.push(value);
                }
            }
        }
    }
}
