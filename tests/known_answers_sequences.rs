//! Layers on sequences against PyTorch: outputs, states and every gradient, in f64 and f32, with the kernels and composed of
//! stock operations. The numbers are in `fixtures/known_answers_sequences.json`, whose head says how they were made.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/answers.rs"]
mod answers;

use answers::{check, tensor};
use candle_core::{DType, Device, Tensor};
use layerbench::base::{Dims, NodeId};
use layerbench::nn::{Backend, LayerContext, LayerSpec, Mode, Needs};
use serde_json::{Value, json};

fn cases(ops: &[&str]) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("fixtures/known_answers_sequences.json")).unwrap();
    let cases = file["cases"].as_array().unwrap().iter();
    cases.filter(|case| ops.contains(&case["op"].as_str().unwrap())).cloned().collect()
}

/// A row of the file as a layer: its settings, its inputs in order, and the file's names of inputs and outputs.
struct Question {
    settings: Value,
    inputs: Vec<Tensor>,
    input_names: Vec<&'static str>,
    output_names: Vec<&'static str>,
}

/// PyTorch keeps states as `[layers, batch, hidden]`; in a batch of samples they are `[batch, layers, hidden]`.
fn is_state(name: &str) -> bool {
    matches!(name, "h0" | "c0" | "h_n" | "c_n")
}

/// What the file holds under this name, with the batch in front.
fn value(case: &Value, group: &str, name: &str, dtype: DType) -> Tensor {
    let value = tensor(&case[group][name], dtype);
    if is_state(name) { value.transpose(0, 1).unwrap().contiguous().unwrap() } else { value }
}

fn ask(case: &Value, question: &Question, dtype: DType, backend: Backend) {
    let what = format!("{} {} ({backend:?})", case["op"], case["args"]);
    let spec: LayerSpec = serde_json::from_value(question.settings.clone()).unwrap();
    let layer = spec.as_layer().unwrap_or_else(|| panic!("{} is not a layer", question.settings));
    let dims: Vec<Dims> = question.inputs.iter().map(|input| Dims::from(&input.dims()[1..])).collect();
    let outputs = spec.outputs(&dims).unwrap_or_else(|error| panic!("{what}: {error}"));
    let specs = spec.parameters(&dims);
    let group = if case["params"].is_null() { "in" } else { "params" };
    let params: Vec<Tensor> = specs
        .iter()
        .map(|spec| {
            let value = tensor(&case[group][&*spec.name], dtype);
            assert_eq!(value.dims(), spec.dims, "{what}: {}", spec.name);
            value
        })
        .collect();
    if group == "params" {
        assert_eq!(case[group].as_object().unwrap().len(), specs.len(), "{what}: parameters");
    }
    let to_dtype =
        |input: &Tensor| if input.dtype().is_float() { input.to_dtype(dtype).unwrap() } else { input.clone() };
    let inputs: Vec<Tensor> = question.inputs.iter().map(to_dtype).collect();
    let node = NodeId::from("node");
    let ctx = LayerContext { keeps: true, backend, ..LayerContext::new(Mode::Train { seed: 0, step: 0 }, &node) };
    let forward = layer.forward(&inputs, &params, &ctx).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut grads = Vec::new();
    for ((name, output), dims) in question.output_names.iter().zip(&forward.outputs).zip(&outputs) {
        assert_eq!(output.dims()[1..], dims.0, "{what}: shape of {name}");
        let turned = if is_state(name) { output.transpose(0, 1).unwrap() } else { output.clone() };
        check(&format!("{what}: {name}"), &turned, &case["out"][name], dtype);
        // PyTorch's gradients in the file are those of the outputs that have one.
        grads.push(match &case["grad_out"][name] {
            Value::Null => output.zeros_like().unwrap(),
            _ => value(case, "grad_out", name, dtype),
        });
    }
    let needs = vec![true; inputs.len()];
    let backward = layer.backward(forward.saved.unwrap(), &params, &grads, Needs::with_parameters(&needs)).unwrap();
    let names = question.input_names.iter().copied().chain(specs.iter().map(|spec| &*spec.name));
    for (name, grad) in names.zip(backward.inputs.iter().chain(&backward.parameters)) {
        let expect = &case["grad"][name];
        if !expect.is_null() {
            let grad = grad.as_ref().unwrap_or_else(|| panic!("{what}: no gradient for {name}"));
            let grad = if is_state(name) { grad.transpose(0, 1).unwrap() } else { grad.clone() };
            check(&format!("{what}: gradient of {name}"), &grad, expect, dtype);
        }
    }
}

fn ask_all(ops: &[&str], expect: usize, question: impl Fn(&Value) -> Question) {
    let cases = cases(ops);
    assert_eq!(cases.len(), expect);
    for case in cases {
        for dtype in [DType::F64, DType::F32] {
            for backend in [Backend::Fastest, Backend::Composed] {
                ask(&case, &question(&case), dtype, backend);
            }
        }
    }
}

#[test]
fn bilinear_gives_pytorchs_numbers() {
    ask_all(&["bilinear"], 1, |case| Question {
        settings: json!({"kind": "bilinear", "out_features": case["in"]["weight"]["shape"][0]}),
        inputs: ["input1", "input2"].map(|name| value(case, "in", name, DType::F64)).to_vec(),
        input_names: vec!["input1", "input2"],
        output_names: vec!["y"],
    });
}

#[test]
fn embeddings_give_pytorchs_numbers() {
    ask_all(&["embedding"], 3, |case| {
        let shape = &case["in"]["weight"]["shape"];
        let padding = &case["args"]["padding_idx"];
        Question {
            settings: json!({
                "kind": "embedding", "vocabulary": shape[0], "features": shape[1],
                "padding": !padding.is_null(), "padding_index": padding.as_u64().unwrap_or(0),
            }),
            inputs: vec![value(case, "in", "input", DType::U32)],
            input_names: vec!["input"],
            output_names: vec!["y"],
        }
    });
}

#[test]
fn recurrent_layers_give_pytorchs_numbers() {
    ask_all(&["lstm", "gru", "rnn"], 19, |case| {
        let args = &case["args"];
        let is_lstm = case["op"] == "lstm";
        let has_state = !case["in"]["h0"].is_null();
        let mut settings = json!({
            "kind": case["op"], "hidden_features": args["hidden_size"],
            "layers": args["num_layers"].as_u64().unwrap_or(1),
            "bias": args["bias"].as_bool().unwrap_or(true),
            "bidirectional": args["bidirectional"].as_bool().unwrap_or(false),
            "lengths": !args["lengths"].is_null(), "initial_state": has_state,
        });
        if let Some(size) = args["proj_size"].as_u64() {
            settings["projection"] = json!(size);
        }
        if let Some(activation) = args["nonlinearity"].as_str() {
            settings["activation"] = json!(activation);
        }
        let mut inputs = vec![value(case, "in", "x", DType::F64)];
        let mut input_names = vec!["x"];
        if let Some(lengths) = args["lengths"].as_array() {
            let lengths: Vec<u32> = lengths.iter().map(|length| length.as_u64().unwrap() as u32).collect();
            inputs.push(Tensor::from_vec(lengths.clone(), (lengths.len(), 1), &Device::Cpu).unwrap());
            input_names.push("lengths");
        }
        for name in if is_lstm { &["h0", "c0"][..] } else { &["h0"] } {
            if has_state {
                inputs.push(value(case, "in", name, DType::F64));
                input_names.push(name);
            }
        }
        let output_names = if is_lstm { vec!["output", "h_n", "c_n"] } else { vec!["output", "h_n"] };
        Question { settings, inputs, input_names, output_names }
    });
}

#[test]
fn attention_gives_pytorchs_numbers() {
    for weights in [false, true] {
        ask_all(&["multihead_attention"], 7, |case| {
            let given = case["in"].as_object().unwrap();
            let is_cross = given.contains_key("key");
            let mut names = if is_cross { vec!["query", "key", "value"] } else { vec!["query"] };
            let mut inputs: Vec<Tensor> = names.iter().map(|name| value(case, "in", name, DType::F64)).collect();
            if given.contains_key("key_padding_mask") {
                inputs.push(value(case, "in", "key_padding_mask", DType::U8));
                names.push("key_padding_mask");
            }
            Question {
                settings: json!({
                    "kind": "multihead_attention", "heads": case["args"]["num_heads"],
                    "source": if is_cross { "key_value" } else { "self" },
                    // The only mask in the file hides later steps.
                    "causal": given.contains_key("attn_mask"),
                    "key_padding": given.contains_key("key_padding_mask"),
                    "bias": case["args"]["bias"].as_bool().unwrap_or(true),
                    "weights": weights,
                }),
                inputs,
                input_names: names,
                output_names: if weights { vec!["y", "weights"] } else { vec!["y"] },
            }
        });
    }
}

#[test]
fn transformer_layers_give_pytorchs_numbers() {
    ask_all(&["transformer_encoder_layer", "transformer_decoder_layer"], 4, |case| {
        let (args, given) = (&case["args"], &case["in"]);
        let mut settings = json!({
            "kind": case["op"], "heads": args["nhead"], "feedforward": args["dim_feedforward"],
            "norm_first": args["norm_first"], "activation": args["activation"], "dropout": 0.0,
        });
        let is_decoder = case["op"] == "transformer_decoder_layer";
        let (names, flag) = if is_decoder {
            // The only mask in the file hides later steps.
            settings["causal"] = json!(!given["tgt_mask"].is_null());
            (vec!["x", "memory", "memory_key_padding_mask"], "memory_padding")
        } else {
            (vec!["x", "src_key_padding_mask"], "key_padding")
        };
        settings[flag] = json!(true);
        let dtype = |name: &str| if name.ends_with("mask") { DType::U8 } else { DType::F64 };
        let inputs = names.iter().map(|name| value(case, "in", name, dtype(name))).collect();
        Question { settings, inputs, input_names: names, output_names: vec!["y"] }
    });
}

#[test]
fn mel_spectrograms_are_torchaudios() {
    ask_all(&["mel_spectrogram"], 2, |case| {
        let args = &case["args"];
        Question {
            settings: json!({
                "kind": "mel_spectrogram", "sample_rate": args["sample_rate"], "window": args["n_fft"],
                "hop": args["hop_length"].as_u64().unwrap_or(8), "mels": args["n_mels"],
                "lowest": args["f_min"].as_f64().unwrap_or(0.0), "highest": args["f_max"].as_f64().unwrap_or(0.0),
            }),
            inputs: vec![value(case, "in", "x", DType::F64)],
            input_names: vec!["x"],
            output_names: vec!["y"],
        }
    });
}

/// A layer without parameters on one input.
fn run(settings: Value, input: Tensor, backend: Backend) -> Tensor {
    let spec: LayerSpec = serde_json::from_value(settings).unwrap();
    let node = NodeId::from("node");
    let ctx = LayerContext { backend, ..LayerContext::new(Mode::Infer, &node) };
    spec.as_layer().unwrap().forward(&[input], &[], &ctx).unwrap().outputs.remove(0)
}

#[test]
fn sinusoidal_positions_are_those_of_the_paper() {
    for case in cases(&["positional_encoding"]) {
        let zeros = Tensor::zeros((1, 7, 6), DType::F64, &Device::Cpu).unwrap();
        let output = run(json!({"kind": "sinusoidal_position"}), zeros, Backend::Fastest);
        check("sinusoidal positions", &output, &case["out"]["y"], DType::F64);
    }
}

/// As LLaMA (halves) and GPT-J (neighbours) rotate:
/// ```python
/// x = torch.sin(torch.arange(24, dtype=torch.float64)).reshape(1, 3, 8)          # two heads of four values
/// angle = torch.outer(torch.arange(3.).double(), 10000. ** (-torch.arange(2.).double() / 2))
/// z = torch.view_as_complex(x.reshape(1, 3, 2, 2, 2))                             # neighbours
/// torch.view_as_real(z * torch.polar(torch.ones_like(angle), angle)[None, :, None])[0, 2]
/// h = x.reshape(1, 3, 2, 4); cos, sin = (f(torch.cat([angle, angle], 1))[None, :, None] for f in (torch.cos, torch.sin))
/// (h * cos + torch.cat([-h[..., 2:], h[..., :2]], -1) * sin)[0, 2]
/// ```
#[test]
fn rotary_positions_rotate_as_in_well_known_models() {
    let x: Vec<f64> = (0..24).map(|index| f64::from(index).sin()).collect();
    let neighbours: [f64; 8] = ROTARY_NEIGHBOURS;
    let halves: [f64; 8] = ROTARY_HALVES;
    for (form, expect) in [("neighbours", neighbours), ("halves", halves)] {
        for backend in [Backend::Fastest, Backend::Composed] {
            let x = Tensor::from_vec(x.clone(), (1, 3, 8), &Device::Cpu).unwrap();
            let output = run(json!({"kind": "rotary_position", "heads": 2, "form": form}), x, backend);
            let last = output.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            let error = last[16..].iter().zip(expect).map(|(got, expect)| (got - expect).abs()).fold(0.0, f64::max);
            assert!(error < 1e-9, "{form} {backend:?}: off by {error:.1e}");
        }
    }
}
const ROTARY_NEIGHBOURS: [f64; 8] = [
    0.994_006_319_984,
    0.138_292_779_892,
    -0.753_834_398_69,
    0.134_828_491_581,
    -1.140_688_097_291,
    0.481_967_170_063,
    0.008_073_740_725,
    -0.846_228_180_12,
];
const ROTARY_HALVES: [f64; 8] = [
    0.802_680_825_53,
    -0.964_202_563_151,
    0.050_731_222_013,
    0.130_620_567_22,
    -0.371_870_805_269,
    0.853_411_592_798,
    0.833_822_211_68,
    -0.829_319_168_484,
];
