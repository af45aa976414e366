//! Training as a whole: it learns, repeats itself bit for bit, goes on where it stood, and says why it does not.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use candle_core::{DType, Device, Tensor};
use layerbench::base::{Place, Progress};
use layerbench::data::{self, DataConfig, Dataset, Features, InputColumn, InputKind, Labels, Part, Prepared, Task};
use layerbench::graph::{Graph, Network, Node, NodeRole, Wire, presets};
use layerbench::metrics::evaluate;
use layerbench::nn::{LayerSpec, Mode};
use layerbench::ops::loss::cross_entropy;
use layerbench::train::optimizers::{Optimizer, Sgd, UpdateStep};
use layerbench::train::record::RunFolder;
use layerbench::train::run::{check, run};
use layerbench::train::trained;
use layerbench::train::weights::{self, Bundle};
use layerbench::train::{
    Control, Ending, OptimizerSpec, Outcome, Phase, StepMetrics, TrainConfig, TrainError, TrainEvent, TrainJob, Worker,
};
use serde_json::json;

/// The embedded digits.
fn digits() -> Arc<Prepared> {
    static DIGITS: OnceLock<Arc<Prepared>> = OnceLock::new();
    let load = || {
        let config = DataConfig::default();
        let dataset = data::load(&config, Path::new("."), &Progress::default()).unwrap();
        Arc::new(data::prepare(Arc::new(dataset), &config))
    };
    DIGITS.get_or_init(load).clone()
}

/// The first of them, for tests that need steps rather than results.
fn few_digits(train: usize) -> Arc<Prepared> {
    let mut few = (*digits()).clone();
    few.split.train.truncate(train);
    few.split.validation.truncate(40);
    Arc::new(few)
}

fn preset(id: &str, data: &Prepared) -> Graph {
    let Dataset { dims, classes, task, .. } = &*data.dataset;
    presets::by_id(id).unwrap().graph_for(dims, classes.len(), *task)
}

/// Convolution, batch norm, dropout and a linear layer, small enough for hundreds of steps a second.
fn small_graph() -> Graph {
    let node = |layer: serde_json::Value, input: &str| json!({ "layer": layer, "inputs": [{ "node": input }] });
    let graph = json!({ "nodes": {
        "image": { "input": { "dims": [1, 8, 8] } },
        "conv": node(json!({ "kind": "conv2d", "out_channels": 4 }), "image"),
        "norm": node(json!({ "kind": "batch_norm" }), "conv"),
        "relu": node(json!({ "kind": "relu" }), "norm"),
        "pool": node(json!({ "kind": "max_pool" }), "relu"),
        "flat": node(json!({ "kind": "flatten" }), "pool"),
        "drop": node(json!({ "kind": "dropout", "rate": 0.3 }), "flat"),
        "classes": node(json!({ "kind": "linear", "out_features": 10 }), "drop"),
        "output": { "output": null, "inputs": [{ "node": "classes" }] },
    } });
    serde_json::from_value(graph).unwrap()
}

fn job(graph: Graph, data: Arc<Prepared>, config: TrainConfig) -> TrainJob {
    TrainJob {
        name: "test".to_owned(),
        graph,
        data,
        data_config: DataConfig::default(),
        config,
        folder: None,
        resume: false,
        memory_limit: None,
    }
}

fn small_job(optimizer: OptimizerSpec) -> TrainJob {
    let config = TrainConfig { epochs: 3, batch_size: 16, optimizer, ..TrainConfig::default() };
    // 15 batches; the last has 5 samples.
    job(small_graph(), few_digits(229), config)
}

fn finish(job: &TrainJob) -> Outcome {
    run(job, &Control::default(), &mut |_| {}).unwrap()
}

/// Runs until that step, then stops.
fn stop_at(job: &TrainJob, step: u64) -> Outcome {
    let control = Control::default();
    let stop = control.clone();
    let mut observe = |event| {
        if let TrainEvent::Steps(steps) = event
            && steps.iter().any(|metrics| metrics.step == step)
        {
            stop.stop();
        }
    };
    run(job, &control, &mut observe).unwrap()
}

#[test]
fn digits_are_learned_to_97_percent() {
    let data = digits();
    // The part that is held out is small (270 samples), and the perceptron ends 1 to 2 percent behind the convolutions.
    for (name, epochs, wanted) in [("mlp", 20, 0.95), ("small_cnn", 3, 0.97)] {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainConfig { epochs, ..TrainConfig::default() };
        let job = TrainJob {
            folder: Some(RunFolder(folder.path().to_owned())),
            ..job(preset(name, &data), data.clone(), config)
        };
        let outcome = finish(&job);
        let metrics = outcome.metrics.unwrap();
        println!("{name}: {:.1} s, {metrics:?}", outcome.seconds);
        assert_eq!(outcome.ending, Ending::Completed);
        assert!(metrics.validation_accuracy.unwrap() >= wanted, "{name}: {metrics:?}");
        assert!(metrics.inference_ms_p50 > 0.0 && metrics.inference_ms_p95 >= metrics.inference_ms_p50);
        assert!(metrics.process_bytes > 1_000_000 && outcome.peak_bytes >= metrics.process_bytes / 2);

        // The kept weights are those that the metrics tell of.
        let folder = job.folder.unwrap();
        let network = trained::load(&folder, &folder.read_record().unwrap()).unwrap();
        assert_eq!(network.weights_blake3().unwrap(), outcome.weights_blake3);
        let evaluation = evaluate(&network, &data, Part::Validation, &Progress::default()).unwrap();
        assert!((evaluation.accuracy - metrics.validation_accuracy.unwrap()).abs() < 1e-6);
        assert!((evaluation.loss - metrics.validation_loss.unwrap()).abs() < 1e-4 * evaluation.loss);
        assert_eq!(evaluation.confusion.iter().flatten().sum::<u64>() as usize, data.split.validation.len());
        let test = evaluate(&network, &data, Part::Test, &Progress::default()).unwrap();
        assert!(test.accuracy >= wanted - 0.02, "{name}: {}", test.accuracy);
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_with_any_number_of_threads() {
    let with = |threads: usize, seed: u64| {
        let mut job = small_job(OptimizerSpec::default());
        job.config.seed = seed;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| finish(&job)).weights_blake3
    };
    let first = with(1, 42);
    assert_eq!(first.len(), 64);
    assert_eq!([with(1, 42), with(2, 42), with(3, 42)], [first.clone(), first.clone(), first.clone()]);
    assert_ne!(with(1, 43), first);
}

#[test]
fn a_resumed_run_equals_the_uninterrupted_one() {
    let optimizers = ["adamw", "sgd", "rmsprop"].map(|id| OptimizerSpec::from_id(id).unwrap());
    for optimizer in optimizers {
        for keep_best in [true, false] {
            let mut straight = small_job(optimizer.clone());
            straight.config.keep_best = keep_best;
            let expect = finish(&straight);
            let folder = tempfile::tempdir().unwrap();
            let mut broken = TrainJob { folder: Some(RunFolder(folder.path().to_owned())), ..straight };
            // In the middle of epochs, at their ends, and right behind one.
            for step in [1, 7, 15, 16, 30, 44] {
                let outcome = stop_at(&broken, step);
                assert_eq!((outcome.ending, outcome.steps), (Ending::Stopped, step), "{}", optimizer.id());
                broken.resume = true;
            }
            let outcome = finish(&broken);
            assert_eq!(outcome.weights_blake3, expect.weights_blake3, "{}, keep best {keep_best}", optimizer.id());
            assert_eq!((outcome.ending, outcome.steps, outcome.epochs), (Ending::Completed, 45, 3));
            assert_eq!(outcome.best_epoch, expect.best_epoch);
            let (got, expect) = (outcome.metrics.unwrap(), expect.metrics.unwrap());
            assert_eq!((got.train_loss, got.validation_loss), (expect.train_loss, expect.validation_loss));
            let history = broken.folder.unwrap().read_history().unwrap();
            assert!(history.steps.iter().map(|metrics| metrics.step).eq(1..=45), "every step once");
            assert!(history.epochs.iter().map(|metrics| metrics.epoch).eq(1..=3), "every epoch once");
        }
    }
}

/// Everything with a memory of its own: the average of weights, the plateau, accumulated batches, frozen layers.
#[test]
fn a_resumed_run_equals_the_uninterrupted_one_with_all_that_a_run_can_keep() {
    let mut straight = small_job(OptimizerSpec::from_id("sgd").unwrap());
    let plateau = json!({ "kind": "plateau", "patience": 0, "factor": 0.5, "threshold": 0.4 });
    straight.config = TrainConfig {
        epochs: 5,
        batch_size: 8,
        accumulate: 3,
        ema_decay: 0.9,
        learning_rate: 0.05,
        clip_value: 0.1,
        decay_biases: false,
        parameter_rules: "conv: frozen; classes: learning rate x 0.5".to_owned(),
        schedule: serde_json::from_value(plateau).unwrap(),
        ..straight.config
    };
    let expect = finish(&straight);
    // 229 samples, 24 a step.
    assert_eq!((expect.ending, expect.steps), (Ending::Completed, 50));
    let folder = tempfile::tempdir().unwrap();
    let mut broken = TrainJob { folder: Some(RunFolder(folder.path().to_owned())), ..straight };
    for step in [3, 10, 11, 29, 30, 44] {
        assert_eq!(stop_at(&broken, step).steps, step);
        broken.resume = true;
    }
    let outcome = finish(&broken);
    assert_eq!(outcome.weights_blake3, expect.weights_blake3);
    let folder = broken.folder.unwrap();
    let rates: Vec<f64> = folder.read_history().unwrap().epochs.iter().map(|metrics| metrics.learning_rate).collect();
    assert!(rates[0] > rates[4], "the plateau schedule had work to do: {rates:?}");
    let network = trained::load(&folder, &folder.read_record().unwrap()).unwrap();
    let fresh = Network::build(&broken.graph, &Device::Cpu, DType::F32, broken.config.seed).unwrap();
    let values =
        |network: &Network, name: &str| network.state_dict()[name].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(values(&network, "conv.weight"), values(&fresh, "conv.weight"), "frozen");
    assert_ne!(values(&network, "classes.weight"), values(&fresh, "classes.weight"));
}

#[test]
fn accumulated_batches_step_like_one_large_batch() {
    let data = few_digits(100);
    // Without dropout, which draws anew for each batch.
    let node = |layer: serde_json::Value, input: &str| json!({ "layer": layer, "inputs": [{ "node": input }] });
    let graph: Graph = serde_json::from_value(json!({ "nodes": {
        "image": { "input": { "dims": [1, 8, 8] } },
        "flat": node(json!({ "kind": "flatten" }), "image"),
        "hidden": node(json!({ "kind": "linear", "out_features": 16 }), "flat"),
        "relu": node(json!({ "kind": "relu" }), "hidden"),
        "classes": node(json!({ "kind": "linear", "out_features": 10 }), "relu"),
        "output": { "output": null, "inputs": [{ "node": "classes" }] },
    } }))
    .unwrap();
    let weights = |batch_size, accumulate| {
        let optimizer = OptimizerSpec::Sgd(Sgd::default());
        let config =
            TrainConfig { epochs: 2, batch_size, accumulate, optimizer, learning_rate: 0.05, ..TrainConfig::default() };
        let folder = tempfile::tempdir().unwrap();
        let job =
            TrainJob { folder: Some(RunFolder(folder.path().to_owned())), ..job(graph.clone(), data.clone(), config) };
        let outcome = finish(&job);
        assert_eq!(outcome.steps, 6, "two of 40 samples and one of 20 an epoch");
        let bundle = weights::read(&folder.path().join("weights.safetensors"), &Device::Cpu).unwrap();
        let losses: Vec<f64> = job.folder.unwrap().read_history().unwrap().steps.iter().map(|step| step.loss).collect();
        (bundle.tensors, losses)
    };
    let (large, expect) = weights(40, 1);
    // Batches of 16, 16 and 8 samples make no step of 40, but those of 20 do.
    let (small, losses) = weights(20, 2);
    for (name, tensor) in &large {
        let difference = (tensor - &small[name]).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(difference < 1e-5, "{name}: {difference}");
    }
    assert!(losses.iter().zip(&expect).all(|(loss, expect)| (loss - expect).abs() < 1e-4), "{losses:?}, {expect:?}");
}

#[test]
fn averaged_weights_are_validated_and_kept() {
    let outcome = |ema_decay| {
        let data = few_digits(200);
        let config = TrainConfig { epochs: 3, batch_size: 16, ema_decay, ..TrainConfig::default() };
        let folder = tempfile::tempdir().unwrap();
        let job =
            TrainJob { folder: Some(RunFolder(folder.path().to_owned())), ..job(small_graph(), data.clone(), config) };
        let outcome = finish(&job);
        let folder = job.folder.unwrap();
        let network = trained::load(&folder, &folder.read_record().unwrap()).unwrap();
        let evaluation = evaluate(&network, &data, Part::Validation, &Progress::default()).unwrap();
        let loss = outcome.metrics.unwrap().validation_loss.unwrap();
        assert!((evaluation.loss - loss).abs() < 1e-4 * loss, "what is kept is what was validated");
        let losses: Vec<f64> = folder.read_history().unwrap().steps.iter().map(|step| step.loss).collect();
        (outcome.weights_blake3, losses)
    };
    let (with, without) = (outcome(0.9), outcome(0.0));
    assert_ne!(with.0, without.0);
    assert_eq!(with.1, without.1, "the steps themselves are the same");
}

#[test]
fn frozen_layers_get_no_gradient_and_cost_none() {
    let data = few_digits(32);
    let mut network = Network::build(&small_graph(), &Device::Cpu, DType::F32, 1).unwrap();
    let samples: Vec<u32> = data.split.train.clone();
    let (inputs, targets) = data::batch::batch(&data.dataset, &data.normalizer, &samples, &Device::Cpu).unwrap();
    let gradients = |network: &mut Network| {
        let pass = network.forward(std::slice::from_ref(&inputs), Mode::Train { seed: 1, step: 0 }).unwrap();
        let loss = cross_entropy(&pass.outputs[0], &targets).unwrap();
        let gradients = network.backward(pass, &[loss.grad]).unwrap();
        let names = network.parameters().iter().zip(gradients);
        names
            .filter_map(|(parameter, grad)| {
                Some((parameter.name.clone(), grad?.flatten_all().unwrap().to_vec1().unwrap()))
            })
            .collect::<std::collections::BTreeMap<String, Vec<f32>>>()
    };
    let all = gradients(&mut network);
    assert_eq!(all.len(), 6);
    network.freeze(|name| name.starts_with("conv.") || name.starts_with("norm."));
    let head = gradients(&mut network);
    assert_eq!(head.keys().collect::<Vec<_>>(), ["classes.bias", "classes.weight"]);
    assert!(head.iter().all(|(name, grad)| all[name] == *grad));
    // What lies behind a frozen layer still passes its gradient on.
    let mut network = Network::build(&small_graph(), &Device::Cpu, DType::F32, 1).unwrap();
    network.freeze(|name| name.starts_with("classes."));
    let body = gradients(&mut network);
    assert_eq!(body.len(), 4);
    assert!(body.iter().all(|(name, grad)| all[name] == *grad));
}

#[test]
fn layer_rules_that_do_nothing_or_too_much_are_told() {
    let with = |rules: &str| {
        let mut job = small_job(OptimizerSpec::default());
        job.config.parameter_rules = rules.to_owned();
        check(&job).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(with("conv: frozen"), "");
    assert!(with("convolution: frozen").contains("the rule for 'convolution' is for no layer"));
    assert!(with("conv: thaw").contains("'thaw' is none of frozen"));
    assert!(with("*: frozen").contains("nothing to learn"));
}

#[test]
fn changed_and_mixed_samples_repeat_themselves_and_go_on_after_a_stop() {
    let config = TrainConfig { epochs: 2, batch_size: 16, checkpoint_seconds: 0.0, ..TrainConfig::default() };
    let mut job = job(small_graph(), few_digits(100), config);
    let plain = finish(&job).weights_blake3;
    for (path, value) in [("rotate", "on"), ("crop", "on"), ("noise", "on"), ("mixup.alpha", "1"), ("cutmix", "on")] {
        job.data_config.augmentation.set(path, value).unwrap();
    }
    let whole = finish(&job).weights_blake3;
    assert_ne!(whole, plain, "the samples are changed");
    assert_eq!(finish(&job).weights_blake3, whole, "the same changes again");
    for step in [3, 7, 10] {
        let folder = tempfile::tempdir().unwrap();
        let mut broken = TrainJob { folder: Some(RunFolder(folder.path().to_owned())), ..job.clone() };
        assert_eq!(stop_at(&broken, step).steps, step);
        broken.resume = true;
        assert_eq!(finish(&broken).weights_blake3, whole, "stopped after step {step}");
    }
}

#[test]
fn a_damaged_checkpoint_costs_only_the_way_back_to_the_one_before() {
    let expect = finish(&small_job(OptimizerSpec::default()));
    let folder = tempfile::tempdir().unwrap();
    let mut job = small_job(OptimizerSpec::default());
    job.folder = Some(RunFolder(folder.path().to_owned()));
    stop_at(&job, 10);
    job.resume = true;
    stop_at(&job, 20);
    let newest = folder.path().join("checkpoints/step-000000020.safetensors");
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    let mut first_step = None;
    let outcome = run(&job, &Control::default(), &mut |event| {
        if let TrainEvent::Started { first_step: step, .. } = event {
            first_step = Some(step);
        }
    })
    .unwrap();
    assert_eq!(first_step, Some(10));
    assert_eq!(outcome.weights_blake3, expect.weights_blake3);
}

#[test]
fn other_settings_or_data_can_not_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = small_job(OptimizerSpec::default());
    job.folder = Some(RunFolder(folder.path().to_owned()));
    stop_at(&job, 10);
    job.resume = true;
    job.config.batch_size = 8;
    let error = run(&job, &Control::default(), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("batch size 16") && error.contains("batch size 8"), "{error}");
}

#[test]
fn a_divergence_is_named_and_the_last_good_weights_stay() {
    let data = few_digits(200);
    let config = TrainConfig {
        optimizer: OptimizerSpec::Sgd(Sgd { momentum: 0.0, ..Sgd::default() }),
        learning_rate: 1e6,
        schedule: layerbench::train::ScheduleSpec::from_id("constant").unwrap(),
        batch_size: 16,
        ..TrainConfig::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let job = TrainJob { folder: Some(RunFolder(folder.path().to_owned())), ..job(preset("mlp", &data), data, config) };
    let outcome = finish(&job);
    assert_eq!(outcome.ending, Ending::Diverged);
    let problem = outcome.problem.unwrap();
    assert!(matches!(problem.place, Place::Node(_)), "{problem}");
    assert!(problem.message.contains("first appears in layer"), "{problem}");
    assert!(problem.hint.contains("Lower the learning rate (it was 1e6)"), "{problem}");
    let kept = weights::read(&folder.path().join("weights.safetensors"), &Device::Cpu).unwrap();
    let is_finite =
        |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().all(|v| v.is_finite());
    assert!(!kept.tensors.is_empty() && kept.tensors.values().all(is_finite));
    assert_eq!(job.folder.unwrap().read_record().unwrap().outcome.ending, Ending::Diverged);
}

#[test]
fn a_poisoned_weight_is_found_before_it_does_harm() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = small_job(OptimizerSpec::default());
    job.folder = Some(RunFolder(folder.path().to_owned()));
    stop_at(&job, 20);
    let path = folder.path().join("checkpoints/step-000000020.safetensors");
    let Bundle { mut tensors, note } = weights::read(&path, &Device::Cpu).unwrap();
    let poison = tensors["conv.bias"].affine(0.0, f64::NAN).unwrap();
    tensors.insert("conv.bias".to_owned(), poison);
    weights::write(&path, &Bundle { tensors, note }).unwrap();
    let good = std::fs::read(folder.path().join("checkpoints/best-0001.safetensors")).unwrap();
    job.resume = true;
    let outcome = finish(&job);
    assert_eq!((outcome.ending, outcome.steps, outcome.best_epoch), (Ending::Diverged, 20, Some(1)));
    assert_eq!(outcome.problem.unwrap().place, Place::Node("conv".into()));
    assert_eq!(std::fs::read(folder.path().join("checkpoints/best-0001.safetensors")).unwrap(), good);
    let network = trained::load(job.folder.as_ref().unwrap(), &job.folder.as_ref().unwrap().read_record().unwrap());
    assert_eq!(network.unwrap().weights_blake3().unwrap(), outcome.weights_blake3);
}

#[test]
fn what_would_not_fit_is_refused_with_the_largest_batch_that_does() {
    let mut job = small_job(OptimizerSpec::default());
    let bytes = |batch: usize| layerbench::graph::analyze(&job.graph).training_memory(batch, 2).total();
    let limit = bytes(10);
    assert!(limit < bytes(16), "{limit} and {}", bytes(16));
    job.memory_limit = Some(limit);
    let Err(TrainError::WouldNotFit(problem)) = run(&job, &Control::default(), &mut |_| {}) else { panic!("it ran") };
    assert!(problem.message.contains("16 samples"), "{problem}");
    assert!(problem.hint.contains("largest batch that fits has 10 samples"), "{problem}");
    assert_eq!(check(&job), [problem]);
    job.config.batch_size = 10;
    assert_eq!(check(&job), []);
    job.memory_limit = Some(1000);
    assert!(check(&job)[0].hint.contains("Not even one sample fits"), "{:?}", check(&job));
}

#[test]
fn what_is_wrong_is_told_before_the_first_step() {
    let data = few_digits(64);
    let graph = presets::by_id("mlp").unwrap().graph_for(&[3, 9, 9].into(), 7, Task::Classification);
    let mut job = job(graph, data, TrainConfig::default());
    job.config.device = "tpu".to_owned();
    let text: Vec<String> = check(&job).iter().map(ToString::to_string).collect();
    let has = |part: &str| assert!(text.iter().any(|text| text.contains(part)), "{part}: {text:#?}");
    has("the network takes samples of 3 x 9 x 9, but those of");
    has("are 1 x 8 x 8. Set the input to 1 x 8 x 8");
    has(
        "the network gives 7 values for each sample, but the data has 10 classes. Set the outputs of the last layer to 10",
    );
    has("there is no device 'tpu'");
    assert!(matches!(run(&job, &Control::default(), &mut |_| {}), Err(TrainError::Invalid(_))));
}

#[test]
fn a_pause_waits_and_a_stop_ends_with_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = small_job(OptimizerSpec::default());
    job.folder = Some(RunFolder(folder.path().to_owned()));
    let mut worker = Worker::start(job.clone(), Arc::new(|| {})).unwrap();
    worker.control().pause();
    let mut seen = Vec::new();
    let mut wait_for = |worker: &mut Worker, wanted: &dyn Fn(&TrainEvent) -> bool| {
        for _ in 0..2_000 {
            let events = worker.drain();
            let found = events.iter().any(wanted);
            seen.extend(events);
            if found {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("did not come: {seen:?}");
    };
    wait_for(&mut worker, &|event| *event == TrainEvent::Phase(Phase::Paused));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(worker.drain(), [], "nothing happens in a pause");
    worker.control().resume();
    wait_for(&mut worker, &|event| matches!(event, TrainEvent::Steps(_)));
    worker.control().stop();
    wait_for(&mut worker, &|event| matches!(event, TrainEvent::Finished(_)));
    assert!(worker.is_finished());
    let Some(TrainEvent::Finished(outcome)) = seen.last() else { panic!("not the last event") };
    assert!(matches!(outcome.ending, Ending::Stopped | Ending::Completed));
    assert!(job.folder.as_ref().unwrap().has_checkpoint());
    job.resume = true;
    assert_eq!(finish(&job).weights_blake3, finish(&small_job(OptimizerSpec::default())).weights_blake3);
}

#[test]
fn the_worker_tells_of_a_failure() {
    let mut job = small_job(OptimizerSpec::default());
    job.graph = Graph::default();
    let mut worker = Worker::start(job, Arc::new(|| {})).unwrap();
    let mut events = Vec::new();
    while !worker.is_finished() {
        events.extend(worker.drain());
        std::thread::sleep(Duration::from_millis(2));
    }
    let Some(TrainEvent::Finished(outcome)) = events.last() else { panic!("{events:?}") };
    assert_eq!(outcome.ending, Ending::Failed);
    assert!(outcome.problem.is_some());
}

#[test]
fn the_run_stops_early_when_nothing_gets_better() {
    let data = few_digits(64);
    let config = TrainConfig { learning_rate: 0.0, early_stopping: 3, ..TrainConfig::default() };
    let outcome = finish(&job(preset("mlp", &data), data, config));
    assert_eq!((outcome.ending, outcome.epochs, outcome.best_epoch), (Ending::StoppedEarly, 4, Some(1)));
}

#[test]
fn curves_on_disk_are_those_that_were_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = small_job(OptimizerSpec::default());
    let run_folder = RunFolder(folder.path().to_owned());
    job.folder = Some(run_folder.clone());
    let (mut steps, mut epochs) = (Vec::<StepMetrics>::new(), Vec::new());
    run(&job, &Control::default(), &mut |event| match event {
        TrainEvent::Steps(some) => steps.extend(some),
        TrainEvent::Epoch(metrics) => epochs.push(metrics),
        _ => {}
    })
    .unwrap();
    let history = run_folder.read_history().unwrap();
    assert_eq!((history.steps, history.epochs), (steps, epochs));
    let record = run_folder.read_record().unwrap();
    assert_eq!((record.graph, record.train), (job.graph, job.config));
    assert_eq!(record.outcome.ending, Ending::Completed);
}

#[test]
fn a_last_batch_of_one_is_left_out_with_batch_norm() {
    let config = TrainConfig { epochs: 1, batch_size: 16, ..TrainConfig::default() };
    let with_norm = job(small_graph(), few_digits(33), config.clone());
    assert_eq!(finish(&with_norm).steps, 2);
    let data = few_digits(33);
    assert_eq!(finish(&job(preset("mlp", &data), data, config)).steps, 3);
}

/// Points of a plane, with its height as the target.
fn plane() -> Arc<Prepared> {
    let mut stream = layerbench::base::rng::Stream::new(1, "test");
    let rows: Vec<[f32; 2]> = (0..300).map(|_| [stream.normal(), stream.normal()]).collect();
    let column = |name: &str| InputColumn { column: name.to_owned(), kind: data::ColumnKind::Number };
    let mut dataset = Dataset {
        name: "plane".to_owned(),
        task: Task::Regression,
        input: InputKind::Table { columns: vec![column("a"), column("b")] },
        dims: [2].into(),
        features: Features::Floats(rows.concat()),
        labels: Labels::Values(rows.iter().map(|[a, b]| 100.0 + 20.0 * a - 5.0 * b).collect()),
        classes: Vec::new(),
        target: "y".to_owned(),
        origins: vec![String::new(); 300],
        given_parts: Vec::new(),
        problems: Vec::new(),
        fingerprint: String::new(),
    };
    dataset.seal();
    Arc::new(data::prepare(Arc::new(dataset), &DataConfig::default()))
}

#[test]
fn a_number_is_learned_as_well_as_a_class() {
    let prepared = plane();
    let graph = presets::by_id("mlp").unwrap().graph_for(&[2].into(), 1, Task::Regression);
    let folder = tempfile::tempdir().unwrap();
    let run_folder = RunFolder(folder.path().to_owned());
    let job = TrainJob { folder: Some(run_folder.clone()), ..job(graph, prepared.clone(), TrainConfig::default()) };
    let metrics = finish(&job).metrics.unwrap();
    assert_eq!((metrics.train_accuracy, metrics.validation_accuracy), (None, None));
    let network = trained::load(&run_folder, &run_folder.read_record().unwrap()).unwrap();
    let evaluation = evaluate(&network, &prepared, Part::Test, &Progress::default()).unwrap();
    assert!(evaluation.r_squared.unwrap() > 0.98, "{:?}", evaluation.r_squared);
    assert!(evaluation.root_mean_squared_error.unwrap() < 4.0, "in the target's unit");
}

#[test]
fn every_loss_that_fits_the_data_learns_and_is_validated_with_itself() {
    use layerbench::nn::losses::{LossSpec, Target};
    let losses =
        |wanted: Target| LossSpec::all().into_iter().filter(move |spec| [Target::Any, wanted].contains(&spec.target()));
    let train = |data: &Arc<Prepared>, graph: Graph, loss: LossSpec| {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainConfig { epochs: 12, loss, ..TrainConfig::default() };
        let job = TrainJob { folder: Some(RunFolder(folder.path().to_owned())), ..job(graph, data.clone(), config) };
        let outcome = finish(&job);
        assert_eq!(outcome.ending, Ending::Completed);
        let history = job.folder.unwrap().read_history().unwrap();
        (outcome.metrics.unwrap(), history.epochs[0].validation_loss.unwrap())
    };
    let data = few_digits(600);
    let mut seen = Vec::new();
    for mut loss in losses(Target::Classes) {
        if loss.id() == "cross_entropy" {
            layerbench::base::params::set(&mut loss, "label_smoothing", "0.1").unwrap();
            layerbench::base::params::set(&mut loss, "class_weights", "balanced").unwrap();
        }
        let mut graph = preset("mlp", &data);
        if loss.id() == "nll" {
            // Behind the last layer, whatever its name.
            let output = graph.nodes.iter().find(|(_, node)| matches!(node.role, NodeRole::Output)).unwrap().0.clone();
            let wires = graph.nodes[&output].inputs.clone();
            let role = NodeRole::Layer(LayerSpec::from_id("log_softmax").unwrap());
            let log_softmax = Node { role, inputs: wires.clone(), ..graph.nodes[&wires[0].node].clone() };
            graph.nodes.insert("log".into(), log_softmax);
            graph.nodes.get_mut(&output).unwrap().inputs = vec![Wire::from("log")];
        }
        let (metrics, first) = train(&data, graph, loss.clone());
        println!("{}: {metrics:?}", loss.id());
        assert!(metrics.validation_accuracy.unwrap() > 0.85, "{}: {metrics:?}", loss.id());
        assert!(metrics.validation_loss.unwrap() < first, "{}", loss.id());
        seen.push(metrics.validation_loss.unwrap());
    }
    assert_eq!(seen.len(), 5);
    let data = plane();
    for loss in losses(Target::Values) {
        let graph = presets::by_id("mlp").unwrap().graph_for(&[2].into(), 1, Task::Regression);
        let (metrics, first) = train(&data, graph, loss.clone());
        println!("{}: {metrics:?}", loss.id());
        assert!(metrics.validation_loss.unwrap() < 0.5 * first, "{}: {metrics:?} after {first}", loss.id());
    }
}

#[test]
fn a_loss_that_does_not_fit_is_refused_with_those_that_do() {
    let with = |id: &str| {
        let mut job = small_job(OptimizerSpec::default());
        job.config.loss = layerbench::nn::LossSpec::from_id(id).unwrap();
        check(&job).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(with("focal"), "");
    assert!(with("huber").contains("the loss 'Huber' is for numbers, but the data has classes"), "{}", with("huber"));
    assert!(with("ctc").contains("is for texts") && with("ctc").contains("Cross-entropy, Focal"), "{}", with("ctc"));
    assert!(with("nll").contains("does not end in log-softmax"));
}

/// `tests/fixtures/training_tiny_cnn.json`: 20 steps on one batch by PyTorch 2.15 in float64, from float32-exact weights.
#[test]
fn twenty_steps_are_those_of_pytorch() {
    let reference: serde_json::Value = serde_json::from_str(include_str!("fixtures/training_tiny_cnn.json")).unwrap();
    let node = |layer: serde_json::Value, input: &str| json!({ "layer": layer, "inputs": [{ "node": input }] });
    let graph: Graph = serde_json::from_value(json!({ "nodes": {
        "x": { "input": { "dims": [3, 8, 8] } },
        "conv": node(json!({ "kind": "conv2d", "out_channels": 4, "kernel": [3, 3], "padding": [1, 1], "bias": false }), "x"),
        "bn": node(json!({ "kind": "batch_norm" }), "conv"),
        "relu": node(json!({ "kind": "relu" }), "bn"),
        "pool": node(json!({ "kind": "max_pool", "kernel": [2, 2], "stride": [2, 2] }), "relu"),
        "flat": node(json!({ "kind": "flatten" }), "pool"),
        "fc": node(json!({ "kind": "linear", "out_features": 5 }), "flat"),
        "output": { "output": null, "inputs": [{ "node": "fc" }] },
    } }))
    .unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f32> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
    };
    let tensor = |entry: &serde_json::Value| {
        let dims: Vec<usize> = numbers(&entry["shape"]).iter().map(|&size| size as usize).collect();
        Tensor::from_vec(numbers(&entry["data"]), dims, &Device::Cpu).unwrap()
    };
    let inputs = reference["inputs"].as_array().unwrap();
    let (x, labels) = (tensor(&inputs[0]), tensor(&inputs[1]).to_dtype(DType::U32).unwrap());
    let named = |list: &serde_json::Value, wanted: &dyn Fn(&serde_json::Value) -> bool| {
        let entries = list.as_array().unwrap().iter().filter(|entry| wanted(entry));
        entries.map(|entry| (entry["name"].as_str().unwrap().to_owned(), tensor(entry))).collect::<Vec<_>>()
    };
    let mode = Mode::Train { seed: 0, step: 0 };
    let mut compared = 0;
    for row in reference["steps"].as_array().unwrap() {
        let settings = &row["settings"];
        let number = |name: &str| settings[name].as_f64().unwrap_or(0.0);
        let spec = match row["optimizer"].as_str().unwrap() {
            // The others have default settings.
            "sgd nesterov weight_decay" => {
                OptimizerSpec::Sgd(Sgd { momentum: number("momentum"), nesterov: true, ..Sgd::default() })
            }
            id => OptimizerSpec::from_id(id).unwrap(),
        };
        let mut network = Network::build(&graph, &Device::Cpu, DType::F32, 0).unwrap();
        network.load_state_dict(&named(&reference["weights"], &|_| true).into_iter().collect()).unwrap();
        let mut optimizer = Optimizer::new(&spec, network.parameters()).unwrap();
        let tolerance = 20.0 * row["float32_loss_deviation"].as_f64().unwrap().max(1e-6);
        for (step, expect) in numbers(&row["loss"]).into_iter().enumerate() {
            let pass = network.forward(std::slice::from_ref(&x), mode).unwrap();
            let loss = cross_entropy(&pass.outputs[0], &labels).unwrap();
            let deviation = (loss.mean - f64::from(expect)).abs() / f64::from(expect).abs();
            assert!(deviation <= tolerance, "{} step {step}: {} instead of {expect}", row["optimizer"], loss.mean);
            let gradients = network.backward(pass, &[loss.grad]).unwrap();
            let update = UpdateStep {
                learning_rate: number("lr"),
                weight_decay: number("weight_decay"),
                number: step as u64 + 1,
                ..UpdateStep::default()
            };
            if step < 20 {
                optimizer.update(network.parameters_mut(), &gradients, update).unwrap();
            }
        }
        let tolerance = 20.0 * row["float32_end_deviation"].as_f64().unwrap().max(1e-6);
        for (name, expect) in named(&reference["ends"], &|entry| entry["optimizer"] == row["optimizer"]) {
            if name.contains("running") {
                continue;
            }
            let got = network.state_dict()[&name].clone();
            let norm = |tensor: Tensor| tensor.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
            let deviation = norm((&got - &expect).unwrap()) / norm(expect);
            assert!(f64::from(deviation) <= tolerance, "{} {name} ends {deviation} away", row["optimizer"]);
        }
        compared += 1;
    }
    assert_eq!(compared, 5);
}
