//! How much memory a training step or a forward pass will need, before anything is allocated.
//!
//! The plan of the network is walked as it runs, with sizes in place of tensors. An activation lives from the layer
//! that makes it until the last one that reads it, and in training until backward has passed the last layer that
//! keeps it: convolutions, linear and normalization layers, GELU and SiLU keep their input; ReLU, sigmoid, tanh and
//! softmax their output; max pools and dropout a small mask of their own; flatten, average pools, add and concat
//! nothing, and a ReLU that alone reads a batch norm or a sum is part of that. In the backward pass a gradient as large as
//! the activation lives from the first layer that adds to it until the layer that made the activation has used it. The peak
//! of that sum for one sample, and once more the largest output of a layer (holes between activations that the allocator
//! can't fill again: measured, 10 to 20 % of the peak in convolutional networks), times the batch, is `activations`.
//! `tests/memory.rs` holds the result against what a training step really takes.

use crate::base::Dims;
use crate::nn::{LayerKind, LayerSpec};

use super::analysis::Analysis;
use super::flatten::{Flat, FlatNode, FlatRole};

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

/// Bytes that a pass needs besides parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Footprint {
    /// Activations and their gradients at the peak of a training step, per sample.
    training: u64,
    /// Activations at the peak of a forward pass, per sample.
    inference: u64,
    /// Work space of the greediest kernel.
    workspace: u64,
}

impl Analysis {
    /// Memory of a training step. `optimizer_values` is what the optimizer keeps per parameter (Adam 2, SGD with momentum 1).
    pub fn training_memory(&self, batch: usize, optimizer_values: u64) -> MemoryPlan {
        let values = self.total.parameters.saturating_mul(4);
        MemoryPlan {
            parameters: values.saturating_add(self.total.buffers.saturating_mul(4)),
            gradients: values,
            optimizer: values.saturating_mul(optimizer_values),
            activations: self.footprint.training.saturating_mul(batch as u64),
            workspace: self.footprint.workspace,
        }
    }

    /// Memory of a forward pass without gradients.
    pub fn inference_memory(&self, batch: usize) -> MemoryPlan {
        let values = self.total.parameters.saturating_add(self.total.buffers);
        MemoryPlan {
            parameters: values.saturating_mul(4),
            activations: self.footprint.inference.saturating_mul(batch as u64),
            workspace: self.footprint.workspace,
            ..MemoryPlan::default()
        }
    }

    /// The largest batch whose training step fits in `bytes`; `None` if not even one sample does.
    pub fn largest_batch(&self, bytes: u64, optimizer_values: u64) -> Option<usize> {
        let room = bytes.checked_sub(self.training_memory(0, optimizer_values).total())?;
        let batch = room.checked_div(self.footprint.training).unwrap_or(u64::MAX);
        (batch > 0).then(|| usize::try_from(batch).unwrap_or(usize::MAX))
    }
}

impl Footprint {
    /// Walks the plan.
    pub(super) fn of(flat: &Flat) -> Self {
        let walk = Walk::new(flat);
        let training = walk.training_peak().saturating_add(walk.largest_output());
        Self { training, inference: walk.inference_peak(), workspace: workspace(flat) }
    }
}

/// What a layer keeps of its surroundings for backward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Keeps {
    inputs: bool,
    output: bool,
    /// The output is the input's memory under another shape.
    is_view: bool,
}

fn keeps(node: &FlatNode) -> Keeps {
    let none = Keeps { inputs: false, output: false, is_view: false };
    let FlatRole::Layer(spec) = &node.role else {
        return Keeps { is_view: matches!(node.role, FlatRole::Output), ..none };
    };
    match spec.id() {
        "flatten" | "reshape" => Keeps { is_view: true, ..none },
        "add" | "concat" | "dropout" | "channel_dropout" | "path_dropout" => none,
        "multiply" => Keeps { inputs: true, ..none },
        "relu" | "relu6" | "hardtanh" | "elu" | "selu" | "celu" | "sigmoid" | "tanh" | "softmax" | "log_softmax" => {
            Keeps { output: true, ..none }
        }
        _ => match spec.as_layer().map(|layer| layer.kind()) {
            Some(LayerKind::Pooling | LayerKind::Shape) => none,
            _ => Keeps { inputs: true, ..none },
        },
    }
}

/// Each ReLU that the layer before it applies to its own output, as that is seen by nobody else, and that layer.
fn joined(nodes: &[FlatNode]) -> Vec<(usize, usize)> {
    let mut readers = vec![0; nodes.len()];
    for (source, _) in nodes.iter().filter(|node| node.is_used).flat_map(|node| node.sources.iter().flatten()) {
        readers[*source] += 1;
    }
    let takes_relu = |index: usize| match &nodes[index].role {
        FlatRole::Layer(spec) => spec.as_layer().is_some_and(|layer| layer.takes_relu()),
        _ => false,
    };
    let before = |node: &FlatNode| match (&node.role, node.sources.first()) {
        (FlatRole::Layer(LayerSpec::Relu(_)), Some(Some((before, _)))) if node.is_used => Some(*before),
        _ => None,
    };
    let pairs = nodes.iter().enumerate().filter_map(|(index, node)| Some((index, before(node)?)));
    pairs.filter(|&(_, before)| readers[before] == 1 && takes_relu(before)).collect()
}

/// Sizes per sample, by flat node.
struct Walk<'a> {
    nodes: &'a [FlatNode],
    keeps: Vec<Keeps>,
    /// Bytes of all outputs of a node.
    bytes: Vec<u64>,
    /// The node whose memory a node's output is: itself, or for views what they look at.
    owner: Vec<usize>,
    /// Whether a gradient flows through the node in backward: some parameter lies in it or before it.
    has_gradient: Vec<bool>,
}

impl<'a> Walk<'a> {
    fn new(flat: &'a Flat) -> Self {
        let nodes = &flat.nodes[..];
        let mut keeps: Vec<Keeps> = nodes.iter().map(keeps).collect();
        for (relu, before) in joined(nodes) {
            keeps[relu] = Keeps { inputs: false, output: false, is_view: true };
            // A sum finds in its output what the ReLU cut off; a norm computes it again.
            keeps[before].output |= matches!(&nodes[before].role, FlatRole::Layer(LayerSpec::Add(_)));
        }
        let bytes: Vec<u64> = nodes
            .iter()
            .map(|node| {
                if node.is_used {
                    node.outputs.iter().fold(0_u64, |sum, dims| sum.saturating_add(value_bytes(dims)))
                } else {
                    0
                }
            })
            .collect();
        let mut owner: Vec<usize> = Vec::with_capacity(nodes.len());
        let mut has_gradient: Vec<bool> = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            let source = node.sources.first().copied().flatten().map(|(source, _)| source);
            let looked_at = source.filter(|_| keeps[index].is_view).and_then(|source| owner.get(source).copied());
            owner.push(looked_at.unwrap_or(index));
            let before = node.sources.iter().flatten().any(|(source, _)| has_gradient.get(*source) == Some(&true));
            has_gradient.push(before || node.parameters.iter().any(|parameter| parameter.trainable));
        }
        Self { nodes, keeps, bytes, owner, has_gradient }
    }

    fn sources(&self, index: usize) -> impl Iterator<Item = usize> {
        self.nodes[index].sources.iter().flatten().map(|(source, _)| *source)
    }

    /// Bytes of the largest value that a layer makes anew.
    fn largest_output(&self) -> u64 {
        let made = |index: &usize| self.owner[*index] == *index && !matches!(self.nodes[*index].role, FlatRole::Input);
        (0..self.nodes.len()).filter(made).map(|index| self.bytes[index]).max().unwrap_or(0)
    }

    fn is_addition(&self, index: usize) -> bool {
        matches!(&self.nodes[index].role, FlatRole::Layer(LayerSpec::Add(_)))
    }

    /// For each owner of memory, the last node that reads it in the forward pass.
    fn last_reads(&self) -> Vec<usize> {
        let mut last: Vec<usize> = (0..self.nodes.len()).collect();
        for index in (0..self.nodes.len()).filter(|index| self.nodes[*index].is_used) {
            // Outputs of the network outlive the pass.
            let until = if matches!(self.nodes[index].role, FlatRole::Output) { usize::MAX } else { index };
            for source in self.sources(index) {
                let owner = self.owner[source];
                last[owner] = last[owner].max(until);
            }
        }
        last
    }

    fn inference_peak(&self) -> u64 {
        let last = self.last_reads();
        let mut ending: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for (owner, until) in last.iter().enumerate() {
            if let Some(list) = ending.get_mut(*until) {
                list.push(owner);
            }
        }
        let (mut live, mut peak) = (0_u64, 0);
        for (index, ends) in ending.iter().enumerate() {
            if self.owner[index] == index {
                live = live.saturating_add(self.bytes[index]);
            }
            peak = peak.max(live);
            for owner in ends {
                live = live.saturating_sub(self.bytes[*owner]);
            }
        }
        peak
    }

    fn training_peak(&self) -> u64 {
        let count = self.nodes.len();
        let last_read = self.last_reads();
        // The node after whose backward an activation is no longer kept: the first one in running order.
        let mut kept_until: Vec<Option<usize>> = vec![None; count];
        for index in (0..count).rev().filter(|index| self.nodes[*index].is_used && self.has_gradient[*index]) {
            if self.keeps[index].inputs {
                for source in self.sources(index) {
                    kept_until[self.owner[source]] = Some(index);
                }
            }
            if self.keeps[index].output {
                kept_until[self.owner[index]] = Some(index);
            }
        }
        let mut ending: Vec<Vec<usize>> = vec![Vec::new(); count];
        for owner in 0..count {
            if let (None, Some(list)) = (kept_until[owner], ending.get_mut(last_read[owner])) {
                list.push(owner);
            }
        }
        let (mut live, mut peak) = (0_u64, 0);
        for (index, ends) in ending.iter().enumerate() {
            if self.nodes[index].is_used {
                if self.owner[index] == index {
                    live = live.saturating_add(self.bytes[index]);
                }
                if self.has_gradient[index] {
                    live = live.saturating_add(self.nodes[index].cost.saved_bytes);
                }
            }
            peak = peak.max(live);
            for owner in ends {
                live = live.saturating_sub(self.bytes[*owner]);
            }
        }
        // Backward: the gradient of a node's output is live from its last reader on.
        let mut has_grad = vec![false; count];
        let mut releases: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (owner, until) in kept_until.iter().enumerate() {
            if let Some(list) = until.and_then(|until| releases.get_mut(until)) {
                list.push(owner);
            }
        }
        for index in (0..count).rev().filter(|index| self.nodes[*index].is_used && self.has_gradient[*index]) {
            if matches!(self.nodes[index].role, FlatRole::Output) {
                live = live.saturating_add(self.bytes[index]);
            }
            if self.keeps[index].is_view {
                // The gradient is handed on under another shape.
                for source in self.sources(index) {
                    has_grad[source] = true;
                }
                peak = peak.max(live);
                continue;
            }
            // An addition hands the gradient itself on to its first input.
            let mut hands_on = self.is_addition(index);
            let is_handed_on = hands_on;
            for source in self.sources(index) {
                if self.has_gradient[source]
                    && !std::mem::replace(&mut has_grad[source], true)
                    && !std::mem::take(&mut hands_on)
                {
                    live = live.saturating_add(self.bytes[source]);
                }
            }
            peak = peak.max(live);
            if !is_handed_on || hands_on {
                live = live.saturating_sub(self.bytes[index]);
            }
            live = live.saturating_sub(self.nodes[index].cost.saved_bytes);
            for owner in &releases[index] {
                live = live.saturating_sub(self.bytes[*owner]);
            }
        }
        peak
    }
}

/// The gradient of a convolution's weights is summed in parts, so that the sum does not depend on the number of
/// threads, and each thread lays out a block of the image as a matrix that fits its cache.
fn workspace(flat: &Flat) -> u64 {
    /// Of one thread, measured: its blocks, and what its part of the allocator holds.
    const BLOCKS: u64 = 4_000_000;
    const MOST_PARTS: u64 = 16;
    const VALUES_IN_PARTS: u64 = 8 << 20;
    let convolutions = flat.nodes.iter().filter(|node| matches!(&node.role, FlatRole::Layer(LayerSpec::Conv2d(_))));
    let greediest = convolutions.map(|node| {
        let weights = node.cost.parameters.max(1);
        let parts = (VALUES_IN_PARTS / weights).clamp(2, MOST_PARTS);
        weights.saturating_mul(parts).saturating_mul(4)
    });
    let threads = rayon::current_num_threads() as u64;
    greediest.max().map_or(0, |bytes| bytes.saturating_add(BLOCKS.saturating_mul(threads)))
}

fn value_bytes(dims: &Dims) -> u64 {
    (dims.elements() as u64).saturating_mul(4)
}

#[cfg(test)]
mod tests {
    use crate::data::Task;
    use crate::graph::model::{Graph, Node};
    use crate::graph::{Analysis, analyze, presets};
    use crate::nn::LayerSpec;

    fn small_cnn() -> Analysis {
        let preset = presets::by_id("small_cnn").unwrap();
        analyze(&preset.graph_for(&[1, 8, 8].into(), 10, Task::Classification))
    }

    /// input (4 values) -> sigmoid -> sigmoid -> linear (2 values) -> output
    fn chain() -> Graph {
        let mut graph = Graph::default();
        let layer = |id: &str| LayerSpec::from_id(id).unwrap();
        let mut linear = layer("linear");
        crate::base::params::set(&mut linear, "out_features", "2").unwrap();
        graph.nodes.insert("input".into(), Node::input([4].into()));
        graph.nodes.insert("a".into(), Node::layer(layer("sigmoid"), &["input"]));
        graph.nodes.insert("b".into(), Node::layer(layer("sigmoid"), &["a"]));
        graph.nodes.insert("c".into(), Node::layer(linear, &["b"]));
        graph.nodes.insert("output".into(), Node::output("c"));
        graph
    }

    #[test]
    fn a_chain_needs_what_one_counts_by_hand() {
        let analysis = analyze(&chain());
        // Prediction: a layer's input and output at a time, 4 values each.
        assert_eq!(analysis.inference_memory(10).activations, 10 * (4 + 4) * 4);
        // Training: nothing before the linear layer learns, so input and output of a sigmoid, 4 and 4 values; later the
        // linear layer's input and output, and the gradient of the output, 4 + 2 + 2. And 4 for holes.
        assert_eq!(analysis.training_memory(10, 2).activations, 10 * (4 + 4 + 4) * 4);
        let plan = analysis.training_memory(10, 2);
        assert_eq!((plan.parameters, plan.gradients, plan.optimizer), (40, 40, 80));
    }

    #[test]
    fn the_largest_batch_just_fits() {
        let analysis = small_cnn();
        let room = analysis.training_memory(300, 2).total();
        assert_eq!(analysis.largest_batch(room, 2), Some(300));
        assert_eq!(analysis.largest_batch(room - 1, 2), Some(299));
        assert_eq!(analysis.largest_batch(1_000_000, 2), None, "the parameters alone need more");
    }

    #[test]
    fn training_needs_more_than_prediction_and_nothing_overflows() {
        let analysis = small_cnn();
        assert!(analysis.training_memory(64, 2).activations > 2 * analysis.inference_memory(64).activations);
        assert_eq!(analysis.training_memory(usize::MAX, u64::MAX).total(), u64::MAX);
        assert_eq!(Analysis::default().largest_batch(1, 2), Some(usize::MAX), "nothing needs nothing");
    }
}
