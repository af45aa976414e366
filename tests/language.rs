//! Language models from a text file to an evaluation.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use layerbench::base::Progress;
use layerbench::data::{Part, Task};
use layerbench::graph::presets;
use layerbench::project::Project;
use layerbench::session::work;
use layerbench::train::{Control, TrainConfig};

/// A text in which every character follows from the one before it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("abc.txt"), "round and about it goes\n".repeat(400)).unwrap();
    folder
}

#[test]
fn a_text_that_repeats_itself_is_learned_and_the_loss_is_per_token() {
    let folder = folder();
    let mut config = work::import_config(&folder.path().join("abc.txt"), folder.path());
    config.options.insert("context".to_owned(), 24.into());
    let (config, dataset) = work::read_data(config, folder.path(), &Progress::default()).unwrap();
    assert_eq!((config.format.as_str(), dataset.task), ("corpus", Task::LanguageModel));
    let prepared = std::sync::Arc::new(layerbench::data::prepare(dataset.into(), &config));
    // 9,600 characters; 70 % of them are windows of 24 and the character behind each.
    assert_eq!(prepared.split.part(Part::Train).len(), 279);

    let small = presets::by_id("gpt").unwrap().graph_for_data(&prepared.dataset);
    assert!(work::fits(&small, &prepared.dataset), "the preset is fitted to context and vocabulary");
    let project = work::with_data(&Project::default(), config, &prepared.dataset, None);
    assert_eq!(project.network, "gpt");

    let graph: layerbench::graph::Graph = serde_json::from_str(
        r#"{"nodes": {
            "tokens": {"input": {"dims": [24]}},
            "embedding": {"layer": {"kind": "embedding", "vocabulary": 20, "features": 16}, "inputs": [{"node": "tokens"}]},
            "gru": {"layer": {"kind": "gru", "hidden_features": 32}, "inputs": [{"node": "embedding"}]},
            "head": {"layer": {"kind": "linear", "out_features": 20}, "inputs": [{"node": "gru"}]},
            "output": {"output": null, "inputs": [{"node": "head"}]}
        }}"#,
    )
    .unwrap();
    let train = TrainConfig { epochs: 12, batch_size: 16, learning_rate: 0.01, ..TrainConfig::default() };
    let project = Project { graph, train, ..project };
    let mut job = work::train_job(&project, std::sync::Arc::clone(&prepared), None).unwrap();
    job.folder = None;
    assert_eq!(
        layerbench::train::run::check(&job).iter().map(ToString::to_string).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    let mut first = None;
    let outcome = layerbench::train::run::run(&job, &Control::default(), &mut |event| {
        if let layerbench::train::TrainEvent::Steps(steps) = &event
            && first.is_none()
        {
            first = steps.first().map(|step| step.loss);
        }
    })
    .unwrap();
    // Nothing is known at first: ln 20 nats for each of 20 tokens.
    assert!((first.unwrap() - 20.0_f64.ln()).abs() < 0.4, "{first:?}");
    let metrics = outcome.metrics.unwrap();
    // Only the first characters of a window are open, as they say nothing of where in the sentence they stand.
    assert!(metrics.validation_loss.unwrap() < 0.25, "{metrics:?}");
    assert_eq!(metrics.validation_accuracy, None);
}
