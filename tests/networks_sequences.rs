//! The preset networks for sequences against PyTorch and transformers: names and shapes of all parameters, and the values of
//! a forward pass in prediction, node by node, with weights that a formula gives.
//!
//! The formula is that of `networks.rs`; `rules` says for each parameter what it is: `W` weights, `N` weights of norms, `B`
//! biases, and `E` (or `E0`, with a row of zeros) tables of tokens, `embedding * sin(10000 u(i))`. Inputs without values are
//! `sin(0.011 i)`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

mod reference;

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use layerbench::graph::{Network, NodeRole, analyze, presets};
use reference::{Expected, assert_outputs, fill, scale};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    parameters: u64,
    gain: f64,
    embedding: f64,
    inputs: BTreeMap<String, Input>,
    rules: BTreeMap<String, (Vec<usize>, String)>,
    tensors: Vec<Expected>,
}

#[derive(Deserialize)]
struct Input {
    shape: Vec<usize>,
    #[serde(default)]
    values: Vec<u32>,
}

fn check(preset: &str, reference: &str) {
    let reference: Reference = serde_json::from_str(reference).unwrap();
    let mut graph = presets::by_id(preset).unwrap().graph();
    for (name, node) in &mut graph.nodes {
        if let NodeRole::Input { dims } = &mut node.role {
            *dims = reference.inputs[name.as_str()].shape[1..].into();
        }
    }
    let analysis = analyze(&graph);
    assert_eq!(analysis.problems, Vec::new());
    assert_eq!(analysis.total.parameters, reference.parameters);

    let mut network = Network::build(&graph, &Device::Cpu, DType::F32, 0).unwrap();
    for parameter in network.parameters_mut() {
        let (dims, rule) =
            reference.rules.get(&parameter.name).unwrap_or_else(|| panic!("PyTorch has no {}", parameter.name));
        assert_eq!(parameter.value.dims(), dims, "{}", parameter.name);
        let values = values(&parameter.name, dims, rule, reference.gain, reference.embedding);
        parameter.value = Tensor::from_vec(values, dims.as_slice(), &Device::Cpu).unwrap();
    }
    assert_eq!(network.parameters().len(), reference.rules.len(), "some parameters are missing");
    let inputs: Vec<Tensor> = reference
        .inputs
        .values()
        .map(|Input { shape, values }| {
            let count: usize = shape.iter().product();
            let values = if values.is_empty() {
                (0..count).map(|i| (0.011 * i as f64).sin() as f32).collect()
            } else {
                values.iter().map(|&token| token as f32).collect::<Vec<f32>>()
            };
            Tensor::from_vec(values, shape.as_slice(), &Device::Cpu).unwrap()
        })
        .collect();
    let outputs = network.infer_all(&inputs).unwrap();
    drop(network);
    assert_outputs(&outputs, &reference.tensors);
}

fn values(name: &str, dims: &[usize], rule: &str, gain: f64, embedding: f64) -> Vec<f32> {
    let scale = scale(dims, gain);
    let mut values = fill(name, dims, |u| match rule {
        "W" => scale * (10000.0 * u).sin(),
        "E" | "E0" => embedding * (10000.0 * u).sin(),
        "N" => 1.0 + 0.1 * u,
        "B" => 0.1 * u,
        other => panic!("there is no rule {other}"),
    });
    if rule == "E0" {
        values[..dims.iter().skip(1).product()].fill(0.0);
    }
    values
}

#[test]
fn gru() {
    check("gru", include_str!("fixtures/networks/gru.json"));
}

#[test]
fn lstm() {
    check("lstm", include_str!("fixtures/networks/lstm.json"));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "44 million weights take long without optimization; cargo test --release")]
fn transformer() {
    check("transformer", include_str!("fixtures/networks/transformer.json"));
}

/// Half a gigabyte of weights.
#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimization; cargo test --release")]
fn gpt2() {
    check("gpt2", include_str!("fixtures/networks/gpt2.json"));
}
