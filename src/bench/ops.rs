//! Single operations in sizes as image and text networks have them: forward, and backward from a dense gradient, of
//! layers as a network runs them; the loss; and the optimizer's step.

use candle_core::{Device, Tensor};
use serde_json::{Value, json};

use super::{Case, Result, Work, noise, noise_batch, whole_numbers};
use crate::base::{Dims, NodeId};
use crate::graph::Parameter;
use crate::nn::{Init, Layer, LayerContext, LayerError, LayerSpec, Mode, Needs};
use crate::ops;
use crate::train::OptimizerSpec;
use crate::train::optimizers::{Optimizer, UpdateStep};

/// All cases.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, batch: usize, inputs: Value, layers: Value| {
        cases.extend(layer_case(name, batch, inputs, layers));
    };
    let conv = |out: usize, kernel: usize, stride: usize, groups: usize| {
        json!([{
            "kind": "conv2d", "out_channels": out, "kernel": [kernel, kernel], "stride": [stride, stride],
            "padding": [kernel / 2, kernel / 2], "groups": groups, "bias": true,
        }])
    };
    add("conv2d_5x5_64x1x28_32", 64, json!([[1, 28, 28]]), conv(32, 5, 1, 1));
    add("conv2d_5x5_64x32x14_64", 64, json!([[32, 14, 14]]), conv(64, 5, 1, 1));
    add("conv2d_3x3_8x64x56_64", 8, json!([[64, 56, 56]]), conv(64, 3, 1, 1));
    add("conv2d_3x3_8x256x14_256", 8, json!([[256, 14, 14]]), conv(256, 3, 1, 1));
    add("conv2d_3x3_32x64x32_64", 32, json!([[64, 32, 32]]), conv(64, 3, 1, 1));
    add("conv2d_3x3_32x512x4_512", 32, json!([[512, 4, 4]]), conv(512, 3, 1, 1));
    add("conv2d_3x3s2_8x128x28_256", 8, json!([[128, 28, 28]]), conv(256, 3, 2, 1));
    add("conv2d_7x7s2_8x3x224_64", 8, json!([[3, 224, 224]]), conv(64, 7, 2, 1));
    add("conv2d_1x1_8x256x56_64", 8, json!([[256, 56, 56]]), conv(64, 1, 1, 1));
    add("conv2d_depthwise_8x128x56", 8, json!([[128, 56, 56]]), conv(128, 3, 1, 128));

    let images = json!([[64, 56, 56]]);
    add("batch_norm_32x64x56", 32, images.clone(), json!([{"kind": "batch_norm"}]));
    add("batch_norm_relu_32x64x56", 32, images.clone(), json!([{"kind": "batch_norm"}, {"kind": "relu"}]));
    let pool = |kind: &str, kernel: usize, stride: usize| json!([{"kind": kind, "kernel": [kernel, kernel], "stride": [stride, stride], "padding": [(kernel - 1) / 2, (kernel - 1) / 2]}]);
    add("max_pool_2x2_32x64x56", 32, images.clone(), pool("max_pool", 2, 2));
    add("max_pool_3x3s2_8x64x112", 8, json!([[64, 112, 112]]), pool("max_pool", 3, 2));
    add("avg_pool_2x2_32x64x56", 32, images.clone(), pool("avg_pool", 2, 2));
    add("global_pool_32x512x7", 32, json!([[512, 7, 7]]), json!([{"kind": "global_pool"}]));
    for kind in ["relu", "gelu", "silu", "tanh", "sigmoid"] {
        add(&format!("{kind}_32x64x56"), 32, images.clone(), json!([{"kind": kind}]));
    }
    add("softmax_2048x2048", 2048, json!([[2048]]), json!([{"kind": "softmax"}]));
    add("layer_norm_2048x512", 2048, json!([[512]]), json!([{"kind": "layer_norm"}]));
    add("linear_512x1024_1024", 512, json!([[1024]]), json!([{"kind": "linear", "out_features": 1024}]));
    add("lstm_32x64x128_256", 32, json!([[64, 128]]), json!([{"kind": "lstm", "hidden_features": 256}]));
    add("attention_8x256x512_8", 8, json!([[256, 512]]), json!([{"kind": "multihead_attention", "heads": 8}]));
    cases.push(cross_entropy("cross_entropy_4096x1000", 4096, 1000));
    cases.push(adamw("adamw_4m", 4_000_000));
    cases
}

/// Layers one behind the other on a batch; `None` if this version lacks one or they don't fit.
pub(super) fn layer_case(name: &str, batch: usize, inputs: Value, layers: Value) -> Option<Case> {
    let specs: Vec<LayerSpec> = serde_json::from_value(layers).ok()?;
    let inputs: Vec<Dims> = serde_json::from_value(inputs).ok()?;
    let mut stages = Vec::new();
    let mut at = inputs.clone();
    for spec in specs {
        let outputs = spec.outputs(&at).ok()?;
        stages.push(Stage { inputs: std::mem::replace(&mut at, outputs), layer: spec });
    }
    let layers: Vec<&LayerSpec> = stages.iter().map(|stage| &stage.layer).collect();
    let about = json!({"kind": "layers", "layers": layers, "batch": batch, "inputs": inputs, "outputs": at});
    Some(Case::new(name, about, move || chain(batch, &inputs, &stages)))
}

/// A layer with the shapes that it gets.
#[derive(Debug, Clone)]
struct Stage {
    layer: LayerSpec,
    inputs: Vec<Dims>,
}

/// Forward and backward of a chain of layers, down to the gradients of its inputs.
fn chain(batch: usize, inputs: &[Dims], stages: &[Stage]) -> Result<Work> {
    let stages = stages.to_vec();
    let mut parameters = Vec::new();
    let mut outputs = inputs.to_vec();
    for stage in &stages {
        let mut own = Vec::new();
        for spec in stage.layer.parameters(&stage.inputs) {
            own.push(match spec.init {
                Init::Constant(value) => Tensor::full(value as f32, spec.dims.as_slice(), &Device::Cpu)?,
                _ => (noise(&spec.dims)? * 0.05)?,
            });
        }
        parameters.push(own);
        outputs = stage.layer.outputs(&stage.inputs)?;
    }
    let inputs = inputs.iter().map(|dims| noise_batch(batch, dims)).collect::<Result<Vec<_>>>()?;
    // Of several outputs a network mostly goes on with the first; the others then get zeros.
    let mut grads = outputs.iter().map(|dims| noise_batch(batch, dims)).collect::<Result<Vec<_>>>()?;
    for grad in grads.iter_mut().skip(1) {
        *grad = grad.zeros_like()?;
    }
    let node = NodeId::from("layer");
    Ok(Box::new(move || {
        let ctx = LayerContext::new(Mode::Train { seed: 1, step: 0 }, &node);
        let mut values = inputs.clone();
        let mut kept = Vec::new();
        for (stage, own) in stages.iter().zip(&parameters) {
            let forward = known(&stage.layer)?.forward(&values, own, &ctx)?;
            kept.push(forward.saved);
            values = forward.outputs;
        }
        let mut grads = grads.clone();
        for ((stage, own), saved) in stages.iter().zip(&parameters).rev().zip(kept.into_iter().rev()) {
            let saved = saved.unwrap_or_else(|| Box::new(()));
            let needs = vec![true; stage.inputs.len()];
            let backward = known(&stage.layer)?.backward(saved, own, &grads, Needs::with_parameters(&needs))?;
            grads = backward.inputs.into_iter().flatten().collect();
        }
        Ok(())
    }))
}

fn known(layer: &LayerSpec) -> Result<&dyn Layer> {
    let unknown = || LayerError::shape(format!("this version does not know the layer '{}'", layer.id()), "");
    Ok(layer.as_layer().ok_or_else(unknown)?)
}

fn cross_entropy(name: &str, rows: usize, classes: usize) -> Case {
    Case::new(name, json!({"kind": "cross_entropy", "rows": rows, "classes": classes}), move || {
        let (logits, targets) = (noise(&[rows, classes])?, whole_numbers(&[rows], classes)?);
        Ok(Box::new(move || {
            ops::loss::cross_entropy(&logits, &targets)?;
            Ok(())
        }))
    })
}

/// A step of the optimizer that a new project has.
fn adamw(name: &str, values: usize) -> Case {
    Case::new(name, json!({"kind": "adamw", "values": values}), move || {
        let (value, gradient) = (noise(&[values])?, noise(&[values])?);
        let mut parameters = [Parameter { name: "weight".to_owned(), value, trainable: true }];
        let gradients = [Some(gradient)];
        let spec = OptimizerSpec::from_id("adamw").unwrap_or_default();
        let mut optimizer = Optimizer::new(&spec, &parameters)?;
        let mut number = 0;
        Ok(Box::new(move || {
            number += 1;
            let step = UpdateStep { number, learning_rate: 1e-3, weight_decay: 0.01, ..UpdateStep::default() };
            Ok(optimizer.update(&mut parameters, &gradients, step)?)
        }))
    })
}
