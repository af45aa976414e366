//! Whole training steps: forward, loss, backward and the update, on one batch that stays the same.

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};

use super::networks::{self, Source};
use super::{BenchError, Case, Result, Work, whole_numbers};
use crate::graph::{Graph, Network, analyze};
use crate::nn::Mode;
use crate::ops::loss::cross_entropy;
use crate::train::OptimizerSpec;
use crate::train::optimizers::{Optimizer, UpdateStep};

/// All cases.
pub(super) fn cases() -> Vec<Case> {
    networks::trained()
        .into_iter()
        .filter_map(|(name, source, batch)| case(&format!("step.{name}"), &source, batch))
        .collect()
}

/// Steps of small networks while one size grows and the others stay.
pub(super) fn growth() -> Vec<Case> {
    let mut cases = Vec::new();
    for (axis, values) in networks::GROWTH {
        for &value in *values {
            let (source, batch) = networks::grown(axis, value);
            let case = case(&format!("growth.{axis}.{value}"), &source, batch);
            cases.extend(case.map(|mut case| {
                case.about["axis"] = json!(axis);
                case.about["value"] = json!(value);
                case
            }));
        }
    }
    cases
}

/// `None` if this version lacks one of the layers.
fn case(name: &str, source: &Source, batch: usize) -> Option<Case> {
    let graph = source.graph()?;
    let about = networks::about("step", source, &graph, batch)?;
    Some(Case::new(name, about, move || step(&graph, batch)))
}

fn step(graph: &Graph, batch: usize) -> Result<Work> {
    let mut network = Network::build(graph, &Device::Cpu, DType::F32, 1)?;
    let inputs = networks::inputs(graph, batch)?;
    let output = analyze(graph).outputs.into_iter().next().unwrap_or_default();
    // Images and rows have their classes in front, sequences at the end.
    let (classes, places) = match output.0[..] {
        [classes] => (classes, vec![]),
        [steps, classes] => (classes, vec![steps]),
        [classes, height, width] => (classes, vec![height, width]),
        _ => return Err(BenchError::Failed(format!("there is no loss for outputs of {output}"))),
    };
    let targets = whole_numbers(&[&[batch], &places[..]].concat(), classes)?;
    let spec = OptimizerSpec::from_id("adamw").unwrap_or_default();
    let mut optimizer = Optimizer::new(&spec, network.parameters())?;
    let mut number = 0;
    Ok(Box::new(move || {
        let pass = network.forward(&inputs, Mode::Train { seed: 1, step: number })?;
        number += 1;
        let Some(output) = pass.outputs.first() else { return Ok(()) };
        let grad = loss_gradient(output, &targets)?;
        let gradients = network.backward(pass, &[grad])?;
        let update = UpdateStep { number, learning_rate: 1e-3, weight_decay: 0.01, ..UpdateStep::default() };
        optimizer.update(network.parameters_mut(), &gradients, update)?;
        Ok(())
    }))
}

/// Gradient of the mean cross-entropy over all places.
fn loss_gradient(output: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let &[batch, steps, classes] = output.dims() else { return Ok(cross_entropy(output, targets)?.grad) };
    // The loss wants the classes behind the batch, as images have them.
    let rows = output.reshape((batch * steps, classes))?;
    Ok(cross_entropy(&rows, &targets.flatten_all()?)?.grad.reshape((batch, steps, classes))?)
}

/// Predictions of one sample.
pub(super) fn inference() -> Vec<Case> {
    let single = |preset: &&str| {
        let source = Source::preset(preset);
        let graph = source.graph()?;
        let about: Value = networks::about("inference", &source, &graph, 1)?;
        Some(Case::new(&format!("inference.{preset}"), about, move || {
            let network = Network::build(&graph, &Device::Cpu, DType::F32, 1)?;
            let inputs = networks::inputs(&graph, 1)?;
            Ok(Box::new(move || {
                network.infer(&inputs)?;
                Ok(())
            }))
        }))
    };
    ["alexnet", "vgg16", "resnet50", "inception_v3"].iter().filter_map(single).collect()
}
