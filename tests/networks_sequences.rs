//! The preset networks for sequences against PyTorch and transformers: names and shapes of all parameters, and the values of
//! a forward pass in prediction, node by node, with weights that a formula gives.
//!
//! The formula is that of `networks.rs`; `rules` says for each parameter what it is: `W` weights, `N` weights of norms, `B`
//! biases, and `E` (or `E0`, with a row of zeros) tables of tokens, `embedding * sin(10000 u(i))`. Inputs without values are
//! `sin(0.011 i)`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

use std::collections::BTreeMap;
use std::f64::consts::PI;

use candle_core::{DType, Device, Tensor};
use layerbench::graph::{Network, NodeRole, analyze, presets};
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

#[derive(Deserialize)]
struct Expected {
    node: String,
    /// Root of the sum of squares.
    l2: f64,
    /// Values at `k (n - 1) / 15` in whole numbers, k from 0 to 15.
    spaced: Vec<f64>,
}

const TOLERANCE: f64 = 2e-5;

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
        let values = fill(&parameter.name, dims, rule, reference.gain, reference.embedding);
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
    for Expected { node, l2, spaced } in &reference.tensors {
        let values = outputs.get(node).unwrap_or_else(|| panic!("there is no node {node}"));
        let values: Vec<f32> = values.flatten_all().unwrap().to_vec1().unwrap();
        let square: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
        assert!((square.sqrt() / l2 - 1.0).abs() < TOLERANCE, "{node}: norm {} but {l2}", square.sqrt());
        let rms = l2 / (values.len() as f64).sqrt();
        for (k, expect) in spaced.iter().enumerate() {
            let value = f64::from(values[k * (values.len() - 1) / (spaced.len() - 1)]);
            let error = (value - expect).abs() / (expect.abs() + rms);
            assert!(error < TOLERANCE, "{node}, value {k}: {value} but {expect}");
        }
    }
}

fn fill(name: &str, dims: &[usize], rule: &str, gain: f64, embedding: f64) -> Vec<f32> {
    let phase = 2.0 * PI * f64::from(crc32(name.as_bytes()) % 1000) / 1000.0;
    let fan_in: usize = dims.iter().skip(1).product();
    let scale = (gain / fan_in as f64).sqrt();
    let mut values: Vec<f32> = (0..dims.iter().product())
        .map(|i: usize| {
            let u = (0.37 * i as f64 + phase).sin();
            let value = match rule {
                "W" => scale * (10000.0 * u).sin(),
                "E" | "E0" => embedding * (10000.0 * u).sin(),
                "N" => 1.0 + 0.1 * u,
                "B" => 0.1 * u,
                other => panic!("there is no rule {other}"),
            };
            value as f32
        })
        .collect();
    if rule == "E0" {
        values[..fan_in].fill(0.0);
    }
    values
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
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
