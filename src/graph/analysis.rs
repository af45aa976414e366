//! Everything that can be said of a network without running it: problems, shapes, costs, memory.

use std::collections::BTreeMap;

use crate::base::{Dims, NodeId, Place, Problem};
use crate::nn::{Cost, LayerKind};

use super::Graph;
use super::flatten::{Flat, FlatRole, Source};
use super::memory::Footprint;

/// What is known of a graph. Made anew after each edit; cheap (a million-parameter network takes well under 1 ms).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Analysis {
    /// Everything that is wrong, each pinned to its node.
    pub problems: Vec<Problem>,
    /// Node names in the order in which they run: the layer list's order.
    pub order: Vec<NodeId>,
    /// Per node (also blocks as a whole); nodes whose inputs have no shape are missing.
    pub nodes: BTreeMap<NodeId, NodeAnalysis>,
    /// Sums over all nodes.
    pub total: Cost,
    /// Number of convolutional, recurrent, attention and linear layers, blocks opened.
    pub conv_layers: usize,
    /// Recurrent layers.
    pub recurrent_layers: usize,
    /// Attention layers.
    pub attention_layers: usize,
    /// Linear layers.
    pub linear_layers: usize,
    /// All layers, inputs and outputs not counted.
    pub layers: usize,
    /// Shapes of the network's inputs, in the order of their names.
    pub inputs: Vec<Dims>,
    /// Shapes of the network's outputs, in the order of their names.
    pub outputs: Vec<Dims>,
    /// What a pass needs besides parameters.
    pub(super) footprint: Footprint,
}

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeAnalysis {
    /// Shapes of its inputs.
    pub inputs: Vec<Dims>,
    /// Shapes of its outputs.
    pub outputs: Vec<Dims>,
    /// What it costs for one sample.
    pub cost: Cost,
}

/// Memory of a training step in bytes, before anything is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryPlan {
    /// Parameters and buffers.
    pub parameters: u64,
    /// One gradient per trainable parameter.
    pub gradients: u64,
    /// What the optimizer keeps.
    pub optimizer: u64,
    /// Outputs and saved values of all layers, and gradients of activations while they live.
    pub activations: u64,
    /// Work space of the kernels.
    pub workspace: u64,
}

impl MemoryPlan {
    /// All together.
    pub fn total(&self) -> u64 {
        let Self { parameters, gradients, optimizer, activations, workspace } = *self;
        [gradients, optimizer, activations, workspace].into_iter().fold(parameters, u64::saturating_add)
    }
}

impl Analysis {
    /// Whether the network can run.
    pub fn is_runnable(&self) -> bool {
        !self.order.is_empty() && self.problems.iter().all(|problem| problem.severity < crate::base::Severity::Error)
    }
}

/// Looks at the whole graph and reports every problem at once. Never allocates what the network would need.
pub fn analyze(graph: &Graph) -> Analysis {
    let mut flat = Flat::new(graph);
    warn_of_activations_before_output(&mut flat);
    let mut analysis = Analysis { footprint: Footprint::of(&flat), ..Analysis::default() };
    for node in &flat.nodes {
        analysis.total = sum(analysis.total, node.cost);
        match &node.role {
            FlatRole::Input | FlatRole::Output => {}
            FlatRole::Layer(spec) => {
                analysis.layers += 1;
                match spec.as_layer().map(|layer| layer.kind()) {
                    Some(LayerKind::Convolution) => analysis.conv_layers += 1,
                    Some(LayerKind::Recurrent) => analysis.recurrent_layers += 1,
                    Some(LayerKind::Attention) => analysis.attention_layers += 1,
                    Some(LayerKind::Linear) => analysis.linear_layers += 1,
                    _ => {}
                }
            }
        }
        if !node.outputs.is_empty() {
            let known = NodeAnalysis { inputs: node.inputs.clone(), outputs: node.outputs.clone(), cost: node.cost };
            analysis.nodes.insert(node.path.clone(), known);
        }
    }
    let shapes =
        |ends: &[usize]| ends.iter().filter_map(|index| flat.nodes.get(*index)?.outputs.first().cloned()).collect();
    analysis.inputs = shapes(&flat.inputs);
    analysis.outputs = shapes(&flat.outputs);
    for block in &flat.blocks {
        let shapes = |sources: &[Option<Source>]| -> Option<Vec<Dims>> {
            sources.iter().map(|source| flat.dims(*source).cloned()).collect()
        };
        let (Some(inputs), Some(outputs)) = (shapes(&block.sources), shapes(&block.outputs)) else { continue };
        let inner = flat.nodes.get(block.layers.clone()).unwrap_or(&[]);
        let cost = inner.iter().fold(Cost::default(), |total, node| sum(total, node.cost));
        analysis.nodes.insert(block.path.clone(), NodeAnalysis { inputs, outputs, cost });
    }
    // The worst first; among equals, in the order in which they were found.
    flat.problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    Analysis { problems: flat.problems, order: flat.order, ..analysis }
}

/// Cross-entropy takes raw scores (logits): a softmax or sigmoid in front of the output of a classifier still
/// trains, but slowly and to a worse end, which nobody would find by looking at curves.
fn warn_of_activations_before_output(flat: &mut Flat) {
    let mut found = Vec::new();
    for output in flat.nodes.iter().filter(|node| matches!(node.role, FlatRole::Output)) {
        let [Some((source, _))] = output.sources[..] else { continue };
        let Some(node) = flat.nodes.get(source) else { continue };
        let FlatRole::Layer(spec) = &node.role else { continue };
        // A single value is a regression or a score, where a sigmoid may well be meant.
        let classes = output.outputs.first().map_or(0, Dims::elements);
        if matches!(spec.id(), "softmax" | "sigmoid") && classes > 1 {
            let message = format!(
                "'{}' stands directly in front of the output, but training a classifier takes the raw scores",
                node.path
            );
            let hint = format!("Remove it; probabilities are shown anyway ({} is part of the loss)", spec.label());
            found.push(Problem::warning(Place::Node(node.path.clone()), message, hint));
        }
    }
    flat.problems.append(&mut found);
}

fn sum(one: Cost, other: Cost) -> Cost {
    Cost {
        parameters: one.parameters.saturating_add(other.parameters),
        buffers: one.buffers.saturating_add(other.buffers),
        multiply_adds: one.multiply_adds.saturating_add(other.multiply_adds),
        output_bytes: one.output_bytes.saturating_add(other.output_bytes),
        saved_bytes: one.saved_bytes.saturating_add(other.saved_bytes),
    }
}
