//! How much memory a training step or a forward pass will need, before anything is allocated.
//!
//! The plan of the network is walked as it runs, with sizes in place of tensors. An activation lives from the layer
//! that makes it until the last one that reads it, and in training until backward has passed the last layer that
//! keeps it: convolutions, linear and normalization layers keep their input; ReLU, sigmoid, tanh and softmax their
//! output; pools and dropout a mask of their own; flatten, add and concat nothing. In the backward pass a gradient
//! as large as the activation lives from the first layer that adds to it until the layer that made the activation
//! has used it. The peak of that sum, for one sample, times the batch, is `activations`.

use serde::{Deserialize, Serialize};

use crate::base::Dims;
use crate::nn::LayerKind;

use super::analysis::{Analysis, MemoryPlan};
use super::flatten::{Flat, FlatNode, FlatRole};

/// Bytes that a pass needs besides parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
        Self { training: walk.training_peak(), inference: walk.inference_peak(), workspace: workspace(flat) }
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
        "flatten" => Keeps { is_view: true, ..none },
        "add" | "concat" | "dropout" => none,
        "relu" | "leaky_relu" | "sigmoid" | "tanh" | "softmax" => Keeps { output: true, ..none },
        _ => match spec.as_layer().map(|layer| layer.kind()) {
            Some(LayerKind::Pooling | LayerKind::Shape) => none,
            _ => Keeps { inputs: true, ..none },
        },
    }
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
        let keeps: Vec<Keeps> = nodes.iter().map(keeps).collect();
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
            for source in self.sources(index) {
                if self.has_gradient[source] && !std::mem::replace(&mut has_grad[source], true) {
                    live = live.saturating_add(self.bytes[source]);
                }
            }
            peak = peak.max(live);
            live = live.saturating_sub(self.bytes[index]).saturating_sub(self.nodes[index].cost.saved_bytes);
            for owner in &releases[index] {
                live = live.saturating_sub(self.bytes[*owner]);
            }
        }
        peak
    }
}

fn workspace(flat: &Flat) -> u64 {
    let _ = flat;
    0
}

fn value_bytes(dims: &Dims) -> u64 {
    (dims.elements() as u64).saturating_mul(4)
}
