//! Losses: PyTorch's numbers in f64 and f32, gradients against central differences, and NaN that is never swallowed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/answers.rs"]
mod answers;

use std::collections::BTreeMap;

use answers::{check, tensor};
use candle_core::{DType, Device, Tensor};
use layerbench::ops::loss::{self, Classes, CtcSettings, Loss, TripletSettings};
use serde_json::Value;

type Inputs = BTreeMap<String, Tensor>;

/// `fixtures/losses.json`, whose head says how it was made.
fn cases() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("fixtures/losses.json")).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn inputs(case: &Value, dtype: DType) -> Inputs {
    let of = |value: &Value| tensor(value, if value["type"] == "i64" { DType::I64 } else { dtype });
    case["in"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), of(value))).collect()
}

/// What a case gives: value, that of each sample, what the mean was divided by, and gradients by input.
struct Given {
    loss: Loss<()>,
    grads: Vec<(&'static str, Tensor)>,
}

/// PyTorch leaves out targets of -100 unless it is told another number.
fn ignores(case: &Value) -> Option<i64> {
    let has_default =
        case["in"]["target"]["data"].as_array().is_some_and(|data| data.iter().any(|value| value == -100));
    case["args"]["ignore_index"].as_i64().or(has_default.then_some(-100))
}

fn one(name: &'static str, loss: Loss) -> Given {
    let Loss { mean, weight, per_sample, grad } = loss;
    Given { loss: Loss { mean, weight, per_sample, grad: () }, grads: vec![(name, grad)] }
}

fn three(names: [&'static str; 3], loss: Loss<[Tensor; 3]>) -> Given {
    let Loss { mean, weight, per_sample, grad } = loss;
    let grads = names.into_iter().zip(grad).collect();
    Given { loss: Loss { mean, weight, per_sample, grad: () }, grads }
}

fn run(case: &Value, inputs: &Inputs) -> Given {
    let args = &case["args"];
    let number = |name: &str, default: f64| args[name].as_f64().unwrap_or(default);
    let flag = |name: &str| args[name].as_bool().unwrap_or(false);
    let get = |name: &str| inputs[name].clone();
    let classes = Classes {
        weights: inputs.get("weight").map(|weights| weights.to_dtype(DType::F64).unwrap().to_vec1().unwrap()),
        smoothing: number("label_smoothing", 0.0),
        ignore: ignores(case),
    };
    let (x, t) = (inputs.get("input"), inputs.get("target"));
    let x = x.or(inputs.get("logits")).cloned();
    let pair = || (x.clone().unwrap(), t.cloned().unwrap());
    let by_value = |loss: fn(&Tensor, &Tensor) -> candle_core::Result<Loss>| {
        let (x, t) = pair();
        one("input", loss(&x, &t).unwrap())
    };
    match case["op"].as_str().unwrap() {
        "cross_entropy" if case["in"]["target"]["type"].is_null() => {
            one("input", loss::cross_entropy_soft(&pair().0, &pair().1, &classes).unwrap())
        }
        "cross_entropy" if classes == Classes::default() => by_value(loss::cross_entropy),
        "cross_entropy" => one("input", loss::cross_entropy_with(&pair().0, &pair().1, &classes).unwrap()),
        "focal" => one("input", loss::focal(&pair().0, &pair().1, number("focus", 0.0), &classes).unwrap()),
        "nll_loss" => one("input", loss::nll(&pair().0, &pair().1, &classes).unwrap()),
        "binary_cross_entropy_with_logits" => {
            let (x, t) = pair();
            let (weight, positive) = (inputs.get("weight"), inputs.get("pos_weight"));
            one("input", loss::binary_cross_entropy(&x, &t, weight, positive).unwrap())
        }
        "mse_loss" => by_value(loss::mse),
        "l1_loss" => by_value(loss::mae),
        "huber_loss" => one("input", loss::huber(&pair().0, &pair().1, number("delta", 1.0)).unwrap()),
        "smooth_l1_loss" => one("input", loss::smooth_l1(&pair().0, &pair().1, number("beta", 1.0)).unwrap()),
        "kl_div" => one("input", loss::kl_divergence(&pair().0, &pair().1, flag("log_target")).unwrap()),
        "dice_loss" => one("logits", loss::dice(&pair().0, &pair().1, number("smooth", 1.0)).unwrap()),
        "multiclass_dice_loss" => {
            one("logits", loss::multiclass_dice(&pair().0, &pair().1, number("eps", 1.0)).unwrap())
        }
        "ctc_loss" => {
            let settings = CtcSettings { blank: number("blank", 0.0) as usize, zero_infinity: flag("zero_infinity") };
            // PyTorch has the time in front.
            let logits = get("logits").transpose(0, 1).unwrap();
            let lengths = (get("input_lengths"), get("target_lengths"));
            let loss = loss::ctc(&logits, &get("targets"), &lengths.0, &lengths.1, &settings).unwrap();
            let grad = loss.grad.transpose(0, 1).unwrap().contiguous().unwrap();
            one("logits", Loss { grad, ..loss })
        }
        "triplet_margin_loss" => {
            let settings =
                TripletSettings { margin: number("margin", 1.0), power: number("p", 2.0), swap: flag("swap") };
            let names = ["anchor", "positive", "negative"];
            let [a, p, n] = names.map(get);
            three(names, loss::triplet_margin(&a, &p, &n, &settings).unwrap())
        }
        "negative_sampling" => {
            let names = ["center", "context", "negatives"];
            let [v, u, n] = names.map(get);
            three(names, loss::negative_sampling(&v, &u, &n).unwrap())
        }
        other => panic!("{other}"),
    }
}

#[test]
fn losses_give_pytorchs_numbers() {
    let mut checked = 0;
    for case in cases() {
        let reduction = case["args"]["reduction"].as_str().unwrap_or("mean");
        for dtype in [DType::F64, DType::F32] {
            let what = format!("{} {} in {dtype:?}", case["op"], case["args"]);
            let Given { loss, grads } = run(&case, &inputs(&case, dtype));
            let number = |value: f64| Tensor::new(value, &Device::Cpu).unwrap();
            checked += 1;
            let elements = |name: &str| tensor(&case["grad"][name], DType::F64).elem_count();
            let is_ctc = case["op"] == "ctc_loss";
            let scale = match reduction {
                "none" => {
                    // Losses of single values and of CTC, whose mean weighs by lengths, have no such gradient here.
                    let expect = tensor(&case["out"]["y"], DType::F64);
                    let samples = Tensor::new(loss.per_sample.as_slice(), &Device::Cpu).unwrap();
                    check(&what, &samples, &case["out"]["y"], dtype);
                    assert_eq!(expect.rank(), 1);
                    continue;
                }
                "sum" if is_ctc => {
                    check(&what, &number(loss.per_sample.iter().sum()), &case["out"]["y"], dtype);
                    continue;
                }
                // Value by value, the mean is over all of them.
                "sum" if ["mse_loss", "binary_cross_entropy_with_logits"].contains(&case["op"].as_str().unwrap()) => {
                    elements("input") as f64
                }
                "sum" => loss.weight,
                _ => 1.0,
            };
            check(&what, &number(loss.mean * scale), &case["out"]["y"], dtype);
            for (name, grad) in grads {
                check(&format!("{what}: {name}"), &(grad * scale).unwrap(), &case["grad"][name], dtype);
            }
        }
    }
    assert_eq!(checked, 2 * 45);
}

/// Each prediction moved a little both ways, away from the places where a loss has a kink.
#[test]
fn gradients_are_those_of_central_differences() {
    const STEP: f64 = 1e-5;
    for case in cases() {
        let what = format!("{} {}", case["op"], case["args"]);
        let mut inputs = inputs(&case, DType::F64);
        let learned: Vec<String> = case["grad"].as_object().unwrap().keys().cloned().collect();
        for (number, name) in learned.iter().enumerate() {
            let x = &inputs[name];
            let noise: Vec<f64> =
                (0..x.elem_count()).map(|place| ((place + 7 * number) as f64 * 12.9898).sin() * 0.3).collect();
            let noise = Tensor::from_vec(noise, x.dims(), &Device::Cpu).unwrap();
            inputs.insert(name.clone(), (x + noise).unwrap());
        }
        let Given { grads, .. } = run(&case, &inputs);
        for (name, grad) in grads {
            let grad: Vec<f64> = grad.flatten_all().unwrap().to_vec1().unwrap();
            let x: Vec<f64> = inputs[name].flatten_all().unwrap().to_vec1().unwrap();
            let largest = grad.iter().fold(1e-3_f64, |largest, grad| largest.max(grad.abs()));
            for place in 0..x.len() {
                let at = |step: f64| {
                    let mut moved = x.clone();
                    moved[place] += step;
                    let mut inputs = inputs.clone();
                    inputs.insert(name.to_owned(), Tensor::from_vec(moved, inputs[name].dims(), &Device::Cpu).unwrap());
                    run(&case, &inputs).loss.mean
                };
                let expect = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                let error = (grad[place] - expect).abs() / largest;
                assert!(error < 1e-6, "{what}: {name}[{place}] is {} instead of {expect}", grad[place]);
            }
        }
    }
}

#[test]
fn a_nan_among_the_predictions_is_one_in_the_loss_and_its_gradient() {
    for case in cases() {
        // What is ignored may be anything.
        if ignores(&case).is_some() || case["args"]["zero_infinity"] == true {
            continue;
        }
        let what = format!("{} {}", case["op"], case["args"]);
        let inputs = inputs(&case, DType::F32);
        for name in case["grad"].as_object().unwrap().keys() {
            let mut poisoned = inputs.clone();
            poisoned.insert(name.clone(), (&inputs[name] * f64::NAN).unwrap());
            let Given { loss, .. } = run(&case, &poisoned);
            assert!(loss.mean.is_nan() && loss.per_sample.iter().all(|loss| loss.is_nan()), "{what}: {loss:?}");
        }
    }
}

#[test]
fn per_sample_values_average_to_the_mean() {
    for case in cases() {
        let is_weighted = !case["in"]["weight"].is_null() || ignores(&case).is_some();
        if is_weighted || case["op"] == "ctc_loss" {
            continue;
        }
        let Given { loss, .. } = run(&case, &inputs(&case, DType::F64));
        let mean = loss.per_sample.iter().sum::<f64>() / loss.per_sample.len() as f64;
        assert!((mean - loss.mean).abs() < 1e-12, "{} {}: {mean} and {}", case["op"], case["args"], loss.mean);
    }
}
