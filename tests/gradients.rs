//! The gradients of layers composed of stock operations against central differences in f64, its own kernels against
//! those on larger shapes, and what must hold of single layers and losses. What must hold of every layer is in
//! `contract.rs`.

mod cases;

use candle_core::{DType, Device, Tensor};
use layerbench::base::{Dims, NodeId};
use layerbench::nn::{Backend, Backward, Forward, Init, LayerContext, Mode};
use layerbench::ops::loss;
use serde_json::json;

use cases::{
    Case, TRAIN, case, cases, check_gradients, differences, forward, gradients, large_cases, numbers, random,
    relative_error, tensors,
};

#[test]
fn compositions_agree_with_central_differences() {
    for case in cases() {
        check_gradients(&case, Backend::Composed);
    }
}

#[test]
fn kernels_agree_with_compositions_on_larger_shapes() {
    for case in large_cases() {
        let (inputs, params) = tensors(&case, DType::F64);
        let all = |backend| {
            let outputs = forward(&case, backend, &inputs, &params, false).outputs;
            let Backward { inputs, parameters } = gradients(&case, backend, &inputs, &params);
            outputs.into_iter().map(Some).chain(inputs).chain(parameters).flatten().collect::<Vec<_>>()
        };
        for (index, (own, stock)) in all(Backend::Fastest).iter().zip(&all(Backend::Composed)).enumerate() {
            assert_eq!(own.dims(), stock.dims(), "{}", case.text);
            let error = relative_error(&numbers(own), &numbers(stock));
            assert!(error <= 1e-10, "{}: tensor {index} is off by {error:.1e}", case.text);
        }
    }
}

#[test]
fn batch_norm_refuses_a_single_value_a_channel() {
    for (dims, backend) in [([1, 3, 1, 1], Backend::Fastest), ([1, 3, 1, 1], Backend::Composed)] {
        let case = case(json!({"kind": "batch_norm"}), &[&dims]);
        let (inputs, params) = tensors(&case, DType::F32);
        let node = NodeId::from("node");
        let ctx = LayerContext { keeps: true, backend, ..LayerContext::new(TRAIN, &node) };
        let error = case.spec.as_layer().unwrap().forward(&inputs, &params, &ctx).err().unwrap().to_string();
        assert!(error.contains("2 or more values a channel"), "{error}");
    }
}

#[test]
fn batch_norm_gives_new_running_statistics() {
    let case = case(json!({"kind": "batch_norm", "momentum": 0.25}), &[&[4, 1]]);
    let input = Tensor::new(&[[1.0_f64], [2.0], [3.0], [6.0]], &Device::Cpu).unwrap();
    let params: Vec<Tensor> = [1.0, 0.0, 8.0, 2.0].map(|value| Tensor::new(&[value], &Device::Cpu).unwrap()).to_vec();
    for backend in [Backend::Fastest, Backend::Composed] {
        let Forward { buffers, .. } = forward(&case, backend, std::slice::from_ref(&input), &params, true);
        let values: Vec<(usize, Vec<f64>)> = buffers.iter().map(|(index, value)| (*index, numbers(value))).collect();
        // Mean 3, unbiased variance 14/3: a quarter of each, and three quarters of the old ones.
        assert_eq!(values[0], (2, vec![6.75]));
        assert!(values[1].0 == 3 && (values[1].1[0] - (1.5 + 14.0 / 12.0)).abs() < 1e-12, "{values:?}");
    }
}

#[test]
fn dropout_keeps_the_mean_and_draws_anew_in_each_step() {
    let case = |step| Case {
        mode: Mode::Train { seed: 1, step },
        ..case(json!({"kind": "dropout", "rate": 0.3}), &[&[100, 400]])
    };
    let ones = Tensor::ones((100, 400), DType::F32, &Device::Cpu).unwrap();
    let run =
        |step, backend| numbers(&forward(&case(step), backend, std::slice::from_ref(&ones), &[], false).outputs[0]);
    let first = run(0, Backend::Fastest);
    let dropped = first.iter().filter(|&&value| value == 0.0).count() as f64 / 40_000.0;
    let mean = first.iter().sum::<f64>() / 40_000.0;
    assert!((dropped - 0.3).abs() < 0.01 && (mean - 1.0).abs() < 0.02, "dropped {dropped}, mean {mean}");
    assert_eq!(first, run(0, Backend::Fastest));
    assert_eq!(first, run(0, Backend::Composed));
    assert_ne!(first, run(1, Backend::Fastest));
}

/// A loss as a function of the predictions.
type LossOf<'a> = &'a dyn Fn(&Tensor) -> loss::Loss;

#[test]
fn losses_agree_with_central_differences() {
    let logits = random("logits", &[5, 4], DType::F64);
    let classes = Tensor::new(&[0_u32, 3, 1, 1, 2], &Device::Cpu).unwrap();
    let goals = random("goals", &[5, 4], DType::F64);
    let losses: [(&str, LossOf<'_>); 2] = [
        ("cross-entropy", &|logits| loss::cross_entropy(logits, &classes).unwrap()),
        ("mean square error", &|guesses| loss::mse(guesses, &goals).unwrap()),
    ];
    for (name, loss) in losses {
        let at = loss(&logits);
        let expect = differences(&logits, |value| loss(&value).mean);
        let error = relative_error(&numbers(&at.grad), &expect);
        assert!(error <= 1e-6, "{name} is off by {error:.1e}");
        let mean = at.per_sample.iter().sum::<f64>() / 5.0;
        assert!((mean - at.mean).abs() < 1e-12, "{name}: the mean is that of the samples");
        let single = loss(&logits.to_dtype(DType::F32).unwrap());
        assert!(relative_error(&numbers(&single.grad), &expect) <= 1e-4, "{name} in f32");
    }
}

#[test]
fn weights_start_as_in_pytorch() {
    let spec = case(json!({"kind": "conv2d", "groups": 2}), &[&[1, 4, 8, 8]]).spec;
    let bound = 1.0 / f64::from(2 * 3 * 3).sqrt();
    let params = spec.parameters(&[Dims::from([4, 8, 8])]);
    assert!(params.iter().all(|param| param.init == Init::Uniform { bound }), "{params:?}");
}
