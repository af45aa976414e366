//! What holds of every layer of the catalogue, with each of its cases: shapes, gradients, files, bits, strides and NaN.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{self, AssertUnwindSafe};

use candle_core::{DType, Device, Tensor};
use layerbench::base::NodeId;
use layerbench::graph::{Graph, Network, Node, NodeRole, Wire};
use layerbench::nn::{Backend, Backward, Forward, LayerContext, LayerSpec, Mode, Needs};
use layerbench::train::weights::{self, Bundle};
use rayon::prelude::*;
use serde_json::{Value, json};

use cases::{
    Case, case, cases, check_gradients, dims, forward, gradients, large_cases, numbers, random, relative_error, tensors,
};

/// A promise that every layer keeps.
type Check = (&'static str, fn(&Case));

/// [`forward`] holds the shape rule against the real shapes in each of them.
const CHECKS: &[Check] = &[
    ("gradients agree with central differences", |case| check_gradients(case, Backend::Fastest)),
    ("f32 agrees with f64", single_agrees_with_double),
    ("a batch of one is a batch", a_batch_of_one_works),
    ("a network with it saves, loads and learns", a_network_saves_loads_and_learns),
    ("the same seed gives the same bits", the_same_seed_gives_the_same_bits),
    ("threads change no bit", threads_change_no_bit),
    ("strides change no bit", strides_change_no_bit),
    ("a NaN never vanishes", a_nan_never_vanishes),
    ("large values stay finite", large_values_stay_finite),
    ("only what is asked for is computed", only_what_is_asked_for_is_computed),
    ("prediction keeps nothing", prediction_keeps_nothing),
];

#[test]
fn every_layer_keeps_the_contract() {
    let cases = cases();
    let known: BTreeSet<&str> = cases.iter().map(|case| case.spec.id()).collect();
    let mut faults: Vec<String> = LayerSpec::OPTIONS
        .iter()
        .filter(|option| !known.contains(option.id))
        .map(|option| format!("{}: no case", option.id))
        .collect();
    for option in LayerSpec::OPTIONS {
        // Tails of vectors, windows that do not fit, halves that are not alike.
        let is_odd = |case: &Case| case.inputs.iter().any(|dims| dims[1..].iter().any(|size| size % 2 == 1));
        if !cases.iter().any(|case| case.spec.id() == option.id && is_odd(case)) {
            faults.push(format!("{}: no case of odd size", option.id));
        }
    }
    let small = cases.par_iter().flat_map_iter(|case| CHECKS.iter().filter_map(move |check| fault(check, case)));
    faults.extend(small.collect::<Vec<_>>());
    let large = large_cases();
    let threads: Check = ("threads change no bit", threads_change_no_bit);
    faults.extend(large.iter().filter_map(|case| fault(&threads, case)));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// What a check found, so that one run tells all faults.
fn fault((name, check): &Check, case: &Case) -> Option<String> {
    let cause = panic::catch_unwind(AssertUnwindSafe(|| check(case))).err()?;
    let text = cause.downcast_ref::<String>().cloned();
    let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
    Some(format!("{name}: {}: {text}", case.text))
}

/// Outputs, new buffers and all gradients of a case.
fn everything(case: &Case, inputs: &[Tensor], params: &[Tensor]) -> Vec<Tensor> {
    let Forward { outputs, buffers, .. } = forward(case, Backend::Fastest, inputs, params, false);
    let Backward { inputs, parameters } = gradients(case, Backend::Fastest, inputs, params);
    let made = outputs.into_iter().chain(buffers.into_iter().map(|(_, buffer)| buffer));
    made.chain(inputs.into_iter().chain(parameters).flatten()).collect()
}

/// Bits, not numbers: -0 and 0 differ too.
fn bits(tensors: &[Tensor]) -> Vec<Vec<u64>> {
    tensors.iter().map(|tensor| numbers(tensor).into_iter().map(f64::to_bits).collect()).collect()
}

fn single_agrees_with_double(case: &Case) {
    let all = |dtype| {
        let (inputs, params) = tensors(case, dtype);
        everything(case, &inputs, &params).iter().map(numbers).collect::<Vec<_>>()
    };
    for (index, (single, double)) in all(DType::F32).iter().zip(&all(DType::F64)).enumerate() {
        let error = relative_error(single, double);
        // The promise is 1e-2; what these small tensors reach is far better, and a slip in f32 alone would show.
        assert!(error <= 1e-4, "tensor {index} in f32 is off by {error:.1e}");
    }
}

/// The first sample alone.
fn single(case: &Case, inputs: &[Tensor]) -> (Case, Vec<Tensor>) {
    let firsts = |dims: &Vec<usize>| [&[1], &dims[1..]].concat();
    let whole = case.whole.iter().map(|(input, values)| {
        let count = case.inputs[*input][1..].iter().product();
        (*input, values[..count].to_vec())
    });
    let one = Case {
        spec: case.spec.clone(),
        text: case.text.clone(),
        inputs: case.inputs.iter().map(firsts).collect(),
        whole: whole.collect(),
        mode: case.mode,
    };
    (one, inputs.iter().map(|input| input.narrow(0, 0, 1).unwrap()).collect())
}

fn a_batch_of_one_works(case: &Case) {
    let (inputs, params) = tensors(case, DType::F64);
    let (one, first) = single(case, &inputs);
    // One value a channel has no variance to normalize by; the layer says so, as a test of its own holds.
    let has_no_variance = case.spec.id() == "batch_norm" && case.inputs[0][2..].iter().product::<usize>() == 1;
    if !(has_no_variance && case.mode != Mode::Infer) {
        for tensor in everything(&one, &first, &params) {
            assert!(numbers(&tensor).iter().all(|value| value.is_finite()), "not finite");
        }
    }
    // A prediction does not depend on what else is in the batch.
    let [mut one, mut all] = [one, copy(case)];
    (one.mode, all.mode) = (Mode::Infer, Mode::Infer);
    let alone = forward(&one, Backend::Fastest, &first, &params, false).outputs;
    let among = forward(&all, Backend::Fastest, &inputs, &params, false).outputs;
    for (alone, among) in alone.iter().zip(&among) {
        let error = relative_error(&numbers(alone), &numbers(&among.narrow(0, 0, 1).unwrap()));
        assert!(error <= 1e-12, "the first sample alone differs by {error:.1e}");
    }
}

fn copy(case: &Case) -> Case {
    Case {
        spec: case.spec.clone(),
        text: case.text.clone(),
        inputs: case.inputs.clone(),
        whole: case.whole.clone(),
        mode: case.mode,
    }
}

/// A network of the layer alone, with an output for each of its outputs.
fn graph(case: &Case) -> Graph {
    let names: Vec<String> = (0..case.inputs.len()).map(|index| format!("input{index}")).collect();
    let mut graph = Graph::default();
    for (name, dims) in names.iter().zip(dims(case)) {
        graph.nodes.insert(NodeId::from(name.as_str()), Node::input(dims));
    }
    let sources: Vec<&str> = names.iter().map(String::as_str).collect();
    graph.nodes.insert("layer".into(), Node::layer(case.spec.clone(), &sources));
    for port in 0..case.spec.outputs(&dims(case)).unwrap().len() {
        let from = Wire { node: "layer".into(), port };
        let output = Node { role: NodeRole::Output, inputs: vec![from], position: None };
        graph.nodes.insert(NodeId::from(format!("output{port}").as_str()), output);
    }
    graph
}

fn a_network_saves_loads_and_learns(case: &Case) {
    let graph = graph(case);
    let build = |seed| Network::build(&graph, &Device::Cpu, DType::F32, seed).unwrap();
    let (mut first, mut second) = (build(1), build(2));
    assert_eq!(first.weights_blake3().unwrap(), build(1).weights_blake3().unwrap(), "one seed, two networks");
    let (inputs, values) = tensors(case, DType::F32);
    for (parameter, value) in first.parameters_mut().iter_mut().zip(values) {
        parameter.value = value;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let bundle = Bundle { tensors: first.state_dict(), note: String::new() };
    weights::write(&path, &bundle).unwrap();
    weights::load(&mut second, &path).unwrap();
    let [expect, got] = [&first, &second].map(|network| bits(&network.infer(&inputs).unwrap()));
    assert_eq!(expect, got, "another output with the weights of the file");
    let loaded: BTreeMap<String, Tensor> = weights::read(&path, &Device::Cpu).unwrap().tensors;
    assert!(first.load_state_dict(&loaded).unwrap().is_exact());

    let pass = first.forward(&inputs, case.mode).unwrap();
    let grads: Vec<Tensor> = pass.outputs.iter().map(|output| random("grad", output.dims(), DType::F32)).collect();
    let found = first.backward(pass, &grads).unwrap();
    for (parameter, grad) in first.parameters().iter().zip(&found) {
        let dims = grad.as_ref().map(|grad| grad.dims().to_vec());
        let expect = parameter.trainable.then(|| parameter.value.dims().to_vec());
        assert_eq!(dims, expect, "the gradient of {}", parameter.name);
    }
}

fn the_same_seed_gives_the_same_bits(case: &Case) {
    let (inputs, params) = tensors(case, DType::F32);
    assert_eq!(bits(&everything(case, &inputs, &params)), bits(&everything(case, &inputs, &params)));
}

fn threads_change_no_bit(case: &Case) {
    let (inputs, params) = tensors(case, DType::F32);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bits(&everything(case, &inputs, &params)))
    };
    let expect = on(1);
    for threads in [2, 4] {
        assert!(on(threads) == expect, "{threads} threads give other bits");
    }
}

fn strides_change_no_bit(case: &Case) {
    // The same values with the last two dimensions swapped in memory, and as a part of a larger tensor.
    let swapped = |tensor: &Tensor| {
        let swap = |tensor: &Tensor| tensor.transpose(tensor.rank() - 1, tensor.rank() - 2).unwrap();
        swap(&swap(tensor).contiguous().unwrap())
    };
    let narrowed = |tensor: &Tensor| {
        let last = tensor.rank() - 1;
        let around = Tensor::cat(&[tensor, tensor, tensor], last).unwrap();
        around.narrow(last, tensor.dims()[last], tensor.dims()[last]).unwrap()
    };
    for backend in [Backend::Fastest, Backend::Composed] {
        let (inputs, params) = tensors(case, DType::F64);
        let run = |view: &dyn Fn(&Tensor) -> Tensor| {
            let inputs: Vec<Tensor> = inputs.iter().map(view).collect();
            let Forward { outputs, saved, .. } = forward(case, backend, &inputs, &params, true);
            let grads: Vec<Tensor> =
                outputs.iter().map(|output| view(&random("grad", output.dims(), output.dtype()))).collect();
            let needs = vec![true; inputs.len()];
            let layer = case.spec.as_layer().unwrap();
            let found = layer.backward(saved.unwrap(), &params, &grads, Needs::with_parameters(&needs)).unwrap();
            bits(
                &outputs
                    .into_iter()
                    .chain(found.inputs.into_iter().chain(found.parameters).flatten())
                    .collect::<Vec<_>>(),
            )
        };
        let expect = run(&|tensor| tensor.clone());
        assert!(run(&swapped) == expect, "another result for swapped dimensions ({backend:?})");
        assert!(run(&narrowed) == expect, "another result for a part of a tensor ({backend:?})");
    }
}

/// A NaN at any place of an input or a parameter reaches every output that depends on that place, in training as in
/// prediction. Which these are is seen from finite values in prediction: a slice leaves places out, a step of padding counts
/// for nothing, and a value of a pool reaches just the windows that hold it.
fn a_nan_never_vanishes(case: &Case) {
    const MOST: usize = 12;
    let mut predicting = copy(case);
    predicting.mode = Mode::Infer;
    let (inputs, params) = tensors(case, DType::F64);
    let given = [inputs.as_slice(), &params].concat();
    for (which, tensor) in given.iter().enumerate().filter(|(which, _)| !case.is_whole(*which)) {
        let values = numbers(tensor);
        for place in (0..values.len()).step_by(values.len().div_ceil(MOST)) {
            let with = |value: f64, case: &Case, backend, dtype| {
                let (mut values, mut given) = (values.clone(), given.clone());
                values[place] = value;
                given[which] = Tensor::from_vec(values, tensor.dims(), &Device::Cpu).unwrap();
                let typed = given.iter().map(|tensor| {
                    if tensor.dtype().is_float() { tensor.to_dtype(dtype).unwrap() } else { tensor.clone() }
                });
                let typed: Vec<Tensor> = typed.collect();
                let (inputs, params) = typed.split_at(inputs.len());
                forward(case, backend, inputs, params, false).outputs.iter().flat_map(numbers).collect::<Vec<f64>>()
            };
            let [low, middle, high] =
                [-1e3, 0.5, 1e3].map(|value| with(value, &predicting, Backend::Fastest, DType::F64));
            let places = low.iter().zip(&middle).zip(&high);
            let depends: Vec<bool> = places.map(|((low, middle), high)| low != middle || middle != high).collect();
            for backend in [Backend::Fastest, Backend::Composed] {
                for (dtype, case) in
                    [(DType::F32, case), (DType::F64, case), (DType::F32, &predicting), (DType::F64, &predicting)]
                {
                    // In training the batch takes the place of the running statistics.
                    if which > inputs.len() + 1 && case.mode != Mode::Infer && case.spec.id() == "batch_norm" {
                        continue;
                    }
                    let got = with(f64::NAN, case, backend, dtype);
                    let lost = got.iter().zip(&depends).filter(|(value, depends)| **depends && !value.is_nan()).count();
                    let (count, mode) = (got.len(), case.mode);
                    assert!(
                        lost == 0,
                        "{lost} of {count} outputs lost the NaN at {place} of tensor {which} ({backend:?}, {dtype:?}, {mode:?})",
                    );
                }
            }
        }
    }
}

/// Where f64 has numbers, f32 has numbers: no exponential overflows on the way to a finite result.
fn large_values_stay_finite(case: &Case) {
    let all = |dtype| {
        let (inputs, params) = tensors(case, dtype);
        let large = |input: Tensor| if input.dtype().is_float() { (input * 500.0).unwrap() } else { input };
        let inputs: Vec<Tensor> = inputs.into_iter().map(large).collect();
        everything(case, &inputs, &params).iter().map(numbers).collect::<Vec<_>>()
    };
    for (index, (single, double)) in all(DType::F32).iter().zip(&all(DType::F64)).enumerate() {
        let lost =
            single.iter().zip(double).filter(|(single, double)| !single.is_finite() && double.is_finite()).count();
        assert!(lost == 0, "{lost} values of tensor {index} are not finite in f32");
        assert!(double.iter().all(|value| value.is_finite()), "tensor {index} is not finite in f64");
    }
}

fn only_what_is_asked_for_is_computed(case: &Case) {
    let (inputs, params) = tensors(case, DType::F32);
    let layer = case.spec.as_layer().unwrap();
    let backward = |needs| {
        let Forward { outputs, saved, .. } = forward(case, Backend::Fastest, &inputs, &params, true);
        layer.backward(saved.unwrap(), &params, &outputs, needs).unwrap()
    };
    let (all, none, no_parameters) = (vec![true; inputs.len()], vec![false; inputs.len()], vec![false; params.len()]);
    let expect = backward(Needs::with_parameters(&all));
    let of_parameters = backward(Needs::with_parameters(&none));
    assert!(of_parameters.inputs.iter().all(Option::is_none), "the gradient of an input that nobody asked for");
    let values = |grads: Vec<Option<Tensor>>| bits(&grads.into_iter().flatten().collect::<Vec<_>>());
    assert_eq!(values(of_parameters.parameters), values(expect.parameters), "other gradients of parameters");
    if !params.is_empty() {
        let of_inputs = backward(Needs { inputs: &all, parameters: &no_parameters });
        assert!(of_inputs.parameters.iter().all(Option::is_none), "the gradient of a frozen parameter");
        assert_eq!(values(of_inputs.inputs), values(expect.inputs), "other gradients of the inputs");
    }
}

fn prediction_keeps_nothing(case: &Case) {
    let node = NodeId::from("node");
    let (inputs, params) = tensors(case, DType::F32);
    let ctx = LayerContext::new(Mode::Infer, &node);
    let forward = case.spec.as_layer().unwrap().forward(&inputs, &params, &ctx).unwrap();
    assert!(forward.saved.is_none() && forward.buffers.is_empty());
}

/// A gradient that starts small and halves in each step ends among the denormals, if these are not zero.
#[test]
fn vanishing_gradients_have_the_same_bits_on_any_number_of_threads() {
    let settings = json!({"kind": "lstm", "hidden_features": 24});
    let case = case(settings, &[&[40, 30, 8]]);
    let graph = graph(&case);
    let tiny = |output: &Tensor| (random("grad", output.dims(), DType::F32) * 1e-37).unwrap();
    let step = || {
        let mut network = Network::build(&graph, &Device::Cpu, DType::F32, 3).unwrap();
        let (inputs, _) = tensors(&case, DType::F32);
        let pass = network.forward(&inputs, case.mode).unwrap();
        let grads: Vec<Tensor> = pass.outputs.iter().map(tiny).collect();
        network.backward(pass, &grads).unwrap().into_iter().flatten().collect::<Vec<_>>()
    };
    // Without the network, which asks for the mode, they are there.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let raw = pool.install(|| {
        let (inputs, params) = tensors(&case, DType::F32);
        let Forward { outputs, saved, .. } = forward(&case, Backend::Fastest, &inputs, &params, true);
        let grads: Vec<Tensor> = outputs.iter().map(tiny).collect();
        let layer = case.spec.as_layer().unwrap();
        layer.backward(saved.unwrap(), &params, &grads, Needs::with_parameters(&[true])).unwrap().inputs
    });
    let is_denormal = |value: &f64| (*value as f32).is_subnormal();
    assert!(raw.iter().flatten().flat_map(numbers).any(|value| is_denormal(&value)));
    let here = step();
    let has_mode = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
    assert!(!has_mode || !here.iter().flat_map(numbers).any(|value| is_denormal(&value)));
    for threads in [1, 2, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| bits(&step())) == bits(&here), "{threads} threads give other bits");
    }
}

#[test]
fn what_a_layer_selects_is_all_that_a_nan_of_its_input_can_reach() {
    let nan_at = |place: usize, settings: Value, dims: &[usize]| {
        let case = case(settings, &[dims]);
        let mut values = vec![0.25; dims.iter().product()];
        values[place] = f64::NAN;
        let input = Tensor::from_vec(values, dims, &Device::Cpu).unwrap();
        let output = forward(&case, Backend::Fastest, &[input], &[], false).outputs.remove(0);
        numbers(&output).iter().map(|value| value.is_nan()).collect::<Vec<_>>()
    };
    assert_eq!(nan_at(0, json!({"kind": "slice", "start": 1}), &[1, 4]), [false; 3]);
    assert_eq!(nan_at(2, json!({"kind": "slice", "start": 1}), &[1, 4]), [false, true, false]);
    assert_eq!(nan_at(1, json!({"kind": "relu"}), &[1, 3]), [false, true, false]);
    assert_eq!(nan_at(1, json!({"kind": "hardtanh"}), &[1, 3]), [false, true, false]);
    assert_eq!(nan_at(1, json!({"kind": "softmax"}), &[1, 3]), [true; 3]);
    assert_eq!(nan_at(3, json!({"kind": "max_pool1d"}), &[1, 1, 6]), [false, true, false]);
    // PyTorch drops by a product with zero, which a NaN survives.
    assert!(nan_at(1, json!({"kind": "dropout", "rate": 0.99}), &[1, 3])[1]);
}
