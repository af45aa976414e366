//! Everything that can be said of a network without running it: problems, shapes, costs, memory.

use std::collections::BTreeMap;

use crate::base::{Dims, NodeId, Problem};
use crate::nn::Cost;

use super::Graph;

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

    /// Memory of a training step. `optimizer_values` is what the optimizer keeps per parameter (Adam 2, SGD with momentum 1).
    pub fn training_memory(&self, batch: usize, optimizer_values: u64) -> MemoryPlan {
        let _ = (batch, optimizer_values);
        MemoryPlan::default()
    }

    /// Memory of a forward pass without gradients.
    pub fn inference_memory(&self, batch: usize) -> MemoryPlan {
        let _ = batch;
        MemoryPlan::default()
    }

    /// The largest batch whose training step fits in `bytes`; `None` if not even one sample does.
    pub fn largest_batch(&self, bytes: u64, optimizer_values: u64) -> Option<usize> {
        let _ = (bytes, optimizer_values);
        None
    }
}

/// Looks at the whole graph and reports every problem at once.
pub fn analyze(graph: &Graph) -> Analysis {
    let _ = graph;
    Analysis::default()
}
