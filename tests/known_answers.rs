//! Layers against PyTorch: outputs, running statistics and every gradient, in f64 and f32, with the kernels and
//! composed of stock operations. The numbers are in `fixtures/known_answers*.json`, whose heads say how they were made.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/answers.rs"]
mod answers;

use answers::{check, tensor};
use candle_core::{DType, Device, Tensor};
use layerbench::base::NodeId;
use layerbench::nn::{Backend, LayerContext, LayerSpec, Mode, Needs};
use serde_json::{Map, Value, json};

fn cases() -> Vec<Value> {
    let files = [include_str!("fixtures/known_answers.json"), include_str!("fixtures/known_answers_layers.json")];
    let of_file = |text| {
        let file: Value = serde_json::from_str(text).unwrap();
        file["cases"].as_array().unwrap().clone()
    };
    files.into_iter().flat_map(of_file).collect()
}

/// The project's settings for a row of PyTorch's arguments.
fn spec(case: &Value) -> Option<LayerSpec> {
    let (args, shape) = (&case["args"], |name: &str| case["in"][name]["shape"].as_array().cloned());
    // PyTorch gives one number where both are the same.
    let pair = |name: &str, default: usize| match &args[name] {
        Value::Null => json!([default, default]),
        Value::Array(both) => json!(both),
        both => json!([both, both]),
    };
    let copy = |settings: &mut Map<String, Value>, names: &[&str]| {
        for &name in names {
            if !args[name].is_null() {
                settings.insert(name.to_owned(), args[name].clone());
            }
        }
    };
    let mut settings = Map::new();
    let kind = match case["op"].as_str().unwrap() {
        op @ ("conv1d" | "conv2d" | "conv_transpose1d" | "conv_transpose2d") => {
            let weight = shape("weight").unwrap();
            let groups = args["groups"].as_u64().unwrap_or(1);
            // A transposed convolution has the output in the second place, that of one group.
            let out =
                if op.contains("transpose") { json!(weight[1].as_u64().unwrap() * groups) } else { weight[0].clone() };
            settings.insert("out_channels".to_owned(), out);
            settings.insert("bias".to_owned(), json!(shape("bias").is_some()));
            settings.insert("groups".to_owned(), json!(groups));
            let is_signal = op.ends_with("1d");
            let kernel = if is_signal { weight[2].clone() } else { json!([weight[2], weight[3]]) };
            settings.insert("kernel".to_owned(), kernel);
            for (name, default) in [("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0)] {
                if name != "output_padding" || op.contains("transpose") {
                    let both = pair(name, default);
                    settings.insert(name.to_owned(), if is_signal { both[0].clone() } else { both });
                }
            }
            op
        }
        op @ ("max_pool1d" | "avg_pool1d" | "max_pool2d" | "avg_pool2d") => {
            let is_signal = op.ends_with("1d");
            let stride = if args["stride"].is_null() { "kernel_size" } else { "stride" };
            let names = [("kernel", "kernel_size", 1), ("stride", stride, 1), ("padding", "padding", 0)];
            for (name, from, default) in names {
                let both = pair(from, default);
                settings.insert(name.to_owned(), if is_signal { both[0].clone() } else { both });
            }
            if !args["dilation"].is_null() {
                settings.insert("dilation".to_owned(), pair("dilation", 1));
            }
            copy(&mut settings, &["ceil_mode", "count_include_pad", "divisor_override"]);
            match op {
                "max_pool2d" => "max_pool",
                "avg_pool2d" => "avg_pool",
                op => op,
            }
        }
        "adaptive_avg_pool2d" if args["output_size"] == 1 => "global_pool",
        op @ ("adaptive_avg_pool1d" | "adaptive_avg_pool2d" | "adaptive_max_pool1d" | "adaptive_max_pool2d") => {
            settings.insert("size".to_owned(), pair("output_size", 1));
            if op.contains("avg") { "adaptive_avg_pool" } else { "adaptive_max_pool" }
        }
        "batch_norm" => {
            copy(&mut settings, &["momentum", "eps"]);
            "batch_norm"
        }
        op @ ("layer_norm" | "rms_norm" | "group_norm" | "instance_norm") => {
            copy(&mut settings, &["eps"]);
            settings.insert("affine".to_owned(), json!(shape("weight").is_some()));
            if let Some(sizes) = args["normalized_shape"].as_array() {
                settings.insert("dims".to_owned(), json!(sizes.len()));
            }
            if op == "group_norm" {
                settings.insert("groups".to_owned(), args["num_groups"].clone());
            }
            op
        }
        "local_response_norm" => {
            copy(&mut settings, &["size", "alpha", "beta", "k"]);
            "local_response_norm"
        }
        "linear" => {
            settings.insert("out_features".to_owned(), shape("weight").unwrap()[0].clone());
            settings.insert("bias".to_owned(), json!(shape("bias").is_some()));
            "linear"
        }
        "gelu" => {
            let form = if args["approximate"] == "tanh" { "tanh" } else { "exact" };
            settings.insert("form".to_owned(), json!(form));
            "gelu"
        }
        "leaky_relu" => {
            settings.insert("slope".to_owned(), args["negative_slope"].clone());
            "leaky_relu"
        }
        op @ ("softmax" | "log_softmax" | "glu") => {
            let rank = shape("x").unwrap().len() as i64;
            let dim = args["dim"].as_i64().unwrap();
            settings.insert("dim".to_owned(), json!(if dim < 0 { rank + dim } else { dim }));
            op
        }
        op @ ("relu" | "relu6" | "silu" | "sigmoid" | "tanh" | "selu" | "mish") => op,
        "hardswish" => "hard_swish",
        "hardsigmoid" => "hard_sigmoid",
        op @ ("elu" | "celu" | "softplus") => {
            copy(&mut settings, &["alpha", "beta", "threshold"]);
            op
        }
        "hardtanh" => {
            settings.insert("min".to_owned(), args["min_val"].clone());
            settings.insert("max".to_owned(), args["max_val"].clone());
            "hardtanh"
        }
        "pad" => {
            let sides = args["pad"].as_array().unwrap();
            for (side, count) in ["left", "right", "top", "bottom"].into_iter().zip(sides) {
                settings.insert(side.to_owned(), count.clone());
            }
            copy(&mut settings, &["mode", "value"]);
            "pad"
        }
        "interpolate" => {
            let mode = match args["mode"].as_str().unwrap() {
                "nearest" => "nearest",
                "nearest-exact" => "nearest_exact",
                "bicubic" => "cubic",
                _ => "linear",
            };
            settings.insert("mode".to_owned(), json!(mode));
            settings.insert("size".to_owned(), pair("size", 0));
            if let Some(factor) = args["scale_factor"].as_f64() {
                settings.insert("factor".to_owned(), json!(factor));
            }
            copy(&mut settings, &["align_corners"]);
            "upsample"
        }
        op @ ("pixel_shuffle" | "pixel_unshuffle") => {
            let factor = if op == "pixel_shuffle" { "upscale_factor" } else { "downscale_factor" };
            settings.insert("factor".to_owned(), args[factor].clone());
            op
        }
        "prelu" => {
            settings.insert("per_channel".to_owned(), json!(shape("weight").unwrap()[0] != 1));
            "prelu"
        }
        _ => return None,
    };
    settings.insert("kind".to_owned(), json!(kind));
    let spec: LayerSpec = serde_json::from_value(Value::Object(settings)).unwrap();
    assert!(spec.as_layer().is_some(), "{spec:?}");
    Some(spec)
}

fn check_layer(case: &Value, spec: &LayerSpec, dtype: DType, backend: Backend) {
    let what = format!("{} {} ({backend:?})", case["op"], case["args"]);
    let given = case["in"].as_object().unwrap();
    let input_name = if given.contains_key("x") { "x" } else { "input" };
    let input = tensor(&given[input_name], dtype);
    let dims = vec![layerbench::base::Dims::from(&input.dims()[1..])];
    let specs = spec.parameters(&dims);
    let params: Vec<Tensor> = specs
        .iter()
        .map(|param| {
            if let Some(value) = given.get(&*param.name) {
                return tensor(value, dtype);
            }
            // A batch norm without weight and bias is one with 1 and 0.
            let value = if param.name == "weight" { 1.0 } else { 0.0 };
            Tensor::full(value, param.dims.as_slice(), &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
        })
        .collect();
    let is_training = case["args"]["training"].as_bool().unwrap_or(true);
    let mode = if is_training { Mode::Train { seed: 0, step: 0 } } else { Mode::Infer };
    let node = NodeId::from("node");
    let ctx = LayerContext { keeps: true, backend, ..LayerContext::new(mode, &node) };
    let layer = spec.as_layer().unwrap();
    let forward = layer.forward(&[input], &params, &ctx).unwrap_or_else(|error| panic!("{what}: {error}"));
    check(&what, &forward.outputs[0], &case["out"]["y"], dtype);
    for (index, value) in &forward.buffers {
        check(&what, value, &case["out"][format!("new_{}", specs[*index].name)], dtype);
    }
    let grad = tensor(&case["grad_out"]["y"], dtype).reshape(forward.outputs[0].dims()).unwrap();
    let backward = layer.backward(forward.saved.unwrap(), &params, &[grad], Needs::default()).unwrap();
    let names = std::iter::once(input_name).chain(specs.iter().map(|param| &*param.name));
    for (name, grad) in names.zip(backward.inputs.iter().chain(&backward.parameters)) {
        let expect = &case["grad"][name];
        if !expect.is_null() {
            let grad = grad.as_ref().unwrap_or_else(|| panic!("{what}: no gradient for {name}"));
            check(&format!("{what}: gradient of {name}"), grad, expect, dtype);
        }
    }
}

#[test]
fn layers_give_pytorchs_numbers() {
    let mut checked = 0;
    for case in cases() {
        let Some(spec) = spec(&case) else { continue };
        for dtype in [DType::F64, DType::F32] {
            for backend in [Backend::Fastest, Backend::Composed] {
                check_layer(&case, &spec, dtype, backend);
                checked += 1;
            }
        }
    }
    assert!(checked >= 150, "only {checked} comparisons were made");
}
