//! The planned memory of a training step against what one really takes: the peak of the process's resident memory.
//!
//! Each network trains in a process of its own (this test started anew), so that none finds the other's memory ready.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that can't go on fails; its child tells its figures by printing"
)]

use std::process::Command;

use candle_core::{DType, Device, Tensor};
use layerbench::base::params;
use layerbench::data::Task;
use layerbench::graph::{Graph, Network, Node, analyze, presets};
use layerbench::nn::{LayerSpec, Mode};

const CASE: &str = "LAYERBENCH_MEMORY_CASE";

fn layer(id: &str, settings: &[(&str, &str)]) -> LayerSpec {
    let mut layer = LayerSpec::from_id(id).unwrap();
    for (name, value) in settings {
        params::set(&mut layer, name, value).unwrap();
    }
    layer
}

/// Name, network, batch.
fn cases() -> Vec<(&'static str, Graph, usize)> {
    let preset =
        |id: &str, dims: [usize; 3]| presets::by_id(id).unwrap().graph_for(&dims.into(), 10, Task::Classification);
    let mut wide = Graph::default();
    wide.nodes.insert("input".into(), Node::input([1024].into()));
    wide.nodes.insert("a".into(), Node::layer(layer("linear", &[("out_features", "4096")]), &["input"]));
    wide.nodes.insert("b".into(), Node::layer(layer("gelu", &[]), &["a"]));
    wide.nodes.insert("c".into(), Node::layer(layer("linear", &[("out_features", "2048")]), &["b"]));
    wide.nodes.insert("output".into(), Node::output("c"));

    let mut branches = Graph::default();
    let conv = |channels: &str| layer("conv2d", &[("out_channels", channels)]);
    branches.nodes.insert("image".into(), Node::input([3, 48, 48].into()));
    branches.nodes.insert("conv1".into(), Node::layer(conv("16"), &["image"]));
    branches.nodes.insert("act1".into(), Node::layer(layer("silu", &[]), &["conv1"]));
    branches.nodes.insert("conv2".into(), Node::layer(conv("16"), &["act1"]));
    branches.nodes.insert("sum".into(), Node::layer(layer("add", &[]), &["conv2", "act1"]));
    branches.nodes.insert("norm".into(), Node::layer(layer("batch_norm", &[]), &["sum"]));
    branches.nodes.insert("act2".into(), Node::layer(layer("relu", &[]), &["norm"]));
    branches.nodes.insert("pool".into(), Node::layer(layer("avg_pool", &[]), &["act2"]));
    branches.nodes.insert("drop".into(), Node::layer(layer("dropout", &[]), &["pool"]));
    branches.nodes.insert("flatten".into(), Node::layer(layer("flatten", &[]), &["drop"]));
    branches.nodes.insert("classes".into(), Node::layer(layer("linear", &[("out_features", "10")]), &["flatten"]));
    branches.nodes.insert("output".into(), Node::output("classes"));

    vec![
        ("small_cnn", preset("small_cnn", [1, 28, 28]), 80),
        ("mlp", preset("mlp", [3, 100, 100]), 256),
        ("wide", wide, 64),
        ("branches", branches, 64),
    ]
}

/// A figure of `/proc/self/status` in bytes.
fn status(key: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

fn train(graph: &Graph, batch: usize) {
    let mut network = Network::build(graph, &Device::Cpu, DType::F32, 1).unwrap();
    // Two moments, as Adam keeps them; ones, because untouched zeros take no memory.
    let moments: Vec<Tensor> = network
        .parameters()
        .iter()
        .filter(|parameter| parameter.trainable)
        .flat_map(|parameter| [parameter.value.ones_like().unwrap(), parameter.value.ones_like().unwrap()])
        .collect();
    let dims = network.input_dims().next().unwrap().with_batch(batch);
    for step in 0..2 {
        let input = Tensor::ones(dims.as_slice(), DType::F32, &Device::Cpu).unwrap();
        let pass = network.forward(&[input], Mode::Train { seed: 1, step }).unwrap();
        let grads = [pass.outputs[0].ones_like().unwrap()];
        let gradients = network.backward(pass, &grads).unwrap();
        assert!(gradients.iter().any(Option::is_some));
    }
    drop(moments);
}

/// What the started process does: trains one network and prints the growth of its memory.
fn measure(wanted: &str) {
    layerbench::ops::kernels::alloc::keep_pages();
    // Threads, code and tables that any network needs are not the network's.
    train(&presets::by_id("small_cnn").unwrap().graph_for(&[1, 8, 8].into(), 10, Task::Classification), 2);
    let (_, graph, batch) = cases().into_iter().find(|(name, ..)| *name == wanted).unwrap();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    train(&graph, batch);
    println!("peak {}", status("VmHWM:") - before);
}

#[test]
fn planned_memory_is_within_a_fifth_of_the_measured() {
    if let Ok(wanted) = std::env::var(CASE) {
        return measure(&wanted);
    }
    let mut failures = Vec::new();
    for (name, graph, batch) in cases() {
        let planned = analyze(&graph).training_memory(batch, 2);
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "planned_memory_is_within_a_fifth_of_the_measured", "--nocapture"])
            .env(CASE, name)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let peak = text.lines().find_map(|line| line.split("peak ").nth(1)?.trim().parse::<f64>().ok());
        let peak = peak.unwrap_or_else(|| panic!("{name}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        let ratio = planned.total() as f64 / peak;
        println!(
            "{name}: planned {:.1} MB, measured {:.1} MB, ratio {ratio:.2}, {planned:?}",
            planned.total() as f64 / 1e6,
            peak / 1e6
        );
        if !(0.8..=1.2).contains(&ratio) {
            failures.push(name);
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
