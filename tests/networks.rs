//! The preset networks against PyTorch: names and shapes of all parameters, and the values of a forward pass in
//! prediction, node by node, with weights that a formula gives.
//!
//! The expected values were computed by torch 2.15.0 and torchvision 0.29.2. With crc32 that of zip,
//! `phase(name) = 2 pi (crc32(name) % 1000) / 1000`, `u(i) = sin(0.37 i + phase(name))`, all in float64:
//! weights of two and more dimensions are `sqrt(gain / fan_in) * sin(10000 u(i))` with `fan_in` the product of all but the
//! first, weights of norms and running variances `1 + 0.1 u(i)`, biases and running means `0.1 u(i)`; the input is
//! `sin(0.011 i)`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

mod reference;

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use layerbench::data::Task;
use layerbench::graph::{Network, NodeRole, analyze, presets};
use reference::{Expected, TOLERANCE, assert_outputs, crc32, fill, scale};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    parameters: u64,
    multiply_adds: u64,
    gain: f64,
    input: Vec<usize>,
    shapes: BTreeMap<String, Vec<usize>>,
    tensors: Vec<Expected>,
}

fn check(preset: &str, reference: &str) {
    let reference: Reference = serde_json::from_str(reference).unwrap();
    let preset = presets::by_id(preset).unwrap();
    let mut graph = preset.graph();
    if preset.is_for(Task::Segmentation) {
        let classes = if preset.id == "unet" { 2 } else { 21 };
        graph = preset.graph_for(&reference.input[1..].into(), classes, Task::Segmentation);
    }
    for node in graph.nodes.values_mut() {
        if let NodeRole::Input { dims } = &mut node.role {
            *dims = reference.input[1..].into();
        }
    }
    let analysis = analyze(&graph);
    assert_eq!(analysis.problems, Vec::new());
    assert_eq!(analysis.total.parameters, reference.parameters);
    // Ours also counts the multiply-adds of batch norm.
    let ratio = analysis.total.multiply_adds as f64 / reference.multiply_adds as f64;
    assert!((1.0..1.01).contains(&ratio), "{ratio}");

    let mut network = Network::build(&graph, &Device::Cpu, DType::F32, 0).unwrap();
    let shapes: BTreeMap<String, Vec<usize>> = network
        .parameters()
        .iter()
        .map(|parameter| (parameter.name.clone(), parameter.value.dims().to_vec()))
        .collect();
    assert_eq!(shapes, reference.shapes);
    for parameter in network.parameters_mut() {
        let dims = parameter.value.dims().to_vec();
        parameter.value = Tensor::from_vec(values(&parameter.name, &dims, reference.gain), dims, &Device::Cpu).unwrap();
    }
    let count: usize = reference.input.iter().product();
    let input: Vec<f32> = (0..count).map(|i| (0.011 * i as f64).sin() as f32).collect();
    let input = Tensor::from_vec(input, reference.input.as_slice(), &Device::Cpu).unwrap();
    let outputs = network.infer_all(std::slice::from_ref(&input)).unwrap();
    // A prediction, in which layers run as one, gives what the nodes give one by one.
    let predicted = network.infer(&[input]).unwrap().remove(0);
    let scale = largest(&outputs["output"]);
    assert!(largest(&(&predicted - &outputs["output"]).unwrap()) < TOLERANCE * scale, "predictions differ");
    drop(network);
    assert_outputs(&outputs, &reference.tensors);
}

fn largest(tensor: &Tensor) -> f64 {
    f64::from(tensor.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap())
}

fn values(name: &str, dims: &[usize], gain: f64) -> Vec<f32> {
    let scale = scale(dims, gain);
    let is_norm = name.ends_with(".weight") || name.ends_with(".running_var");
    fill(name, dims, |u| match dims.len() {
        0 | 1 if is_norm => 1.0 + 0.1 * u,
        0 | 1 => 0.1 * u,
        _ => scale * (10000.0 * u).sin(),
    })
}

#[test]
fn the_checksum_is_that_of_zip() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn alexnet() {
    check("alexnet", include_str!("fixtures/networks/alexnet.json"));
}

/// Half a gigabyte of weights.
#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimization; cargo test --release")]
fn vgg16() {
    check("vgg16", include_str!("fixtures/networks/vgg16.json"));
}

#[test]
fn unet() {
    check("unet", include_str!("fixtures/networks/unet.json"));
}

#[test]
fn fcn_resnet50() {
    check("fcn_resnet50_aux", include_str!("fixtures/networks/fcn_resnet50.json"));
    // The same without its second head: 512 x 1024 x 9 + 2 x 256 + 256 x 21 + 21 less, says torchvision.
    let preset = presets::by_id("fcn_resnet50").unwrap();
    let analysis = analyze(&preset.graph());
    assert_eq!((analysis.problems.as_slice(), analysis.total.parameters), (&[][..], 32_957_013));
    let names = |id: &str| Network::parameter_names(&presets::by_id(id).unwrap().graph());
    let mut published = names("fcn_resnet50_aux");
    published.retain(|name| !name.starts_with("aux_classifier."));
    assert_eq!(names("fcn_resnet50"), published);
}

#[test]
fn resnet50() {
    check("resnet50", include_str!("fixtures/networks/resnet50.json"));
}

#[test]
fn inception_v3() {
    check("inception_v3", include_str!("fixtures/networks/inception_v3.json"));
}
