//! The networks that are measured: presets, and small ones written here.

use candle_core::Tensor;
use serde_json::{Value, json};

use super::{Result, noise_batch, whole_numbers};
use crate::graph::{Graph, analyze, presets};

/// A network by the name that the PyTorch side knows it under.
#[derive(Debug, Clone)]
pub(super) struct Source {
    name: String,
    graph: Value,
    /// Sizes for the PyTorch side.
    sizes: Value,
}

impl Source {
    pub(super) fn preset(id: &str) -> Self {
        Self { name: id.to_owned(), graph: Value::Null, sizes: json!({}) }
    }

    /// A chain of layers.
    fn chain(name: &str, input: Value, layers: &[Value], sizes: Value) -> Self {
        let mut nodes = json!({"input": {"input": {"dims": input}}});
        let mut last = "input".to_owned();
        for (index, layer) in layers.iter().enumerate() {
            let name = format!("layer{index}");
            nodes[&name] = json!({"layer": layer, "inputs": [{"node": last}]});
            last = name;
        }
        nodes["output"] = json!({"output": null, "inputs": [{"node": last}]});
        Self { name: name.to_owned(), graph: json!({"nodes": nodes}), sizes }
    }

    /// The network; `None` if this version lacks a layer of it.
    pub(super) fn graph(&self) -> Option<Graph> {
        let graph = match &self.graph {
            Value::Null => presets::by_id(&self.name)?.graph(),
            graph => serde_json::from_value(graph.clone()).ok()?,
        };
        analyze(&graph).is_runnable().then_some(graph)
    }
}

/// What the PyTorch side needs to build the same, and to see that it is the same.
pub(super) fn about(kind: &str, source: &Source, graph: &Graph, batch: usize) -> Option<Value> {
    let analysis = analyze(graph);
    Some(json!({
        "kind": kind, "network": source.name, "sizes": source.sizes, "batch": batch,
        "input": analysis.inputs.first()?, "output": analysis.outputs.first()?,
        "parameters": analysis.total.parameters, "macs": analysis.total.multiply_adds,
    }))
}

/// A batch for the network. What an embedding reads are tokens.
pub(super) fn inputs(graph: &Graph, batch: usize) -> Result<Vec<Tensor>> {
    /// The smallest vocabulary among the networks.
    const TOKENS: usize = 65;
    let text = serde_json::to_string(graph).unwrap_or_default();
    let reads_tokens = text.contains("\"embedding\"");
    let dims = analyze(graph).inputs;
    dims.iter()
        .map(
            |dims| if reads_tokens { whole_numbers(&dims.with_batch(batch), TOKENS) } else { noise_batch(batch, dims) },
        )
        .collect()
}

/// Names, networks and batch sizes of the training steps.
pub(super) fn trained() -> Vec<(&'static str, Source, usize)> {
    vec![
        ("small_cnn_28_b64", Source::preset("small_cnn"), 64),
        ("resnet18_cifar_b32", Source::preset("resnet18_cifar"), 32),
        ("resnet50_224_b4", Source::preset("resnet50"), 4),
        ("unet_128_b2", Source::preset("unet"), 2),
        ("lstm_b32", lstm(128, 64, 256, 2), 32),
        ("gpt_4x256_b8", Source::preset("gpt"), 8),
        ("mlp_784_b128", mlp(784, &[512, 256]), 128),
    ]
}

/// ReLU between linear layers, ten classes.
fn mlp(input: usize, widths: &[usize]) -> Source {
    let mut layers = Vec::new();
    for width in widths {
        layers.push(json!({"kind": "linear", "out_features": width}));
        layers.push(json!({"kind": "relu"}));
    }
    layers.push(json!({"kind": "linear", "out_features": 10}));
    Source::chain("mlp", json!([input]), &layers, json!({"input": input, "widths": widths}))
}

/// LSTM layers, and ten classes from the last step.
fn lstm(features: usize, steps: usize, hidden: usize, layers: usize) -> Source {
    let chain = [
        json!({"kind": "lstm", "hidden_features": hidden, "layers": layers}),
        json!({"kind": "select_step", "step": "last"}),
        json!({"kind": "linear", "out_features": 10}),
    ];
    let sizes = json!({"features": features, "hidden": hidden, "layers": layers});
    Source::chain("lstm", json!([steps, features]), &chain, sizes)
}

/// An LSTM, and ten classes from each step: over hundreds of steps the gradient of the last one alone would fade into
/// numbers so small that every processor slows down over them.
fn tagger(features: usize, steps: usize, hidden: usize) -> Source {
    let chain = [json!({"kind": "lstm", "hidden_features": hidden}), json!({"kind": "linear", "out_features": 10})];
    let sizes = json!({"features": features, "hidden": hidden});
    Source::chain("tagger", json!([steps, features]), &chain, sizes)
}

/// So many 3 x 3 convolutions with batch norm and ReLU, ten classes.
fn cnn(width: usize, depth: usize) -> Source {
    let mut layers = Vec::new();
    for _ in 0..depth {
        layers.push(json!({"kind": "conv2d", "out_channels": width, "bias": false}));
        layers.push(json!({"kind": "batch_norm"}));
        layers.push(json!({"kind": "relu"}));
    }
    layers.push(json!({"kind": "global_pool"}));
    layers.push(json!({"kind": "linear", "out_features": 10}));
    Source::chain("cnn", json!([3, 32, 32]), &layers, json!({"width": width, "depth": depth}))
}

/// What grows, and the sizes that it takes.
pub(super) const GROWTH: &[(&str, &[usize])] = &[
    ("batch", &[4, 8, 16, 32, 64]),
    ("width", &[16, 32, 64, 128, 256]),
    ("depth", &[2, 4, 8, 16, 32]),
    ("sequence", &[16, 32, 64, 128, 256]),
];

/// The network with one size changed, and its batch size.
pub(super) fn grown(axis: &str, value: usize) -> (Source, usize) {
    match axis {
        "batch" => (cnn(64, 4), value),
        "width" => (cnn(value, 4), 16),
        "depth" => (cnn(64, value), 16),
        _ => (tagger(128, value, 256), 16),
    }
}
