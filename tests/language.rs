//! Language models from a text file to an evaluation.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use layerbench::base::Progress;
use layerbench::data::{Part, Task};
use layerbench::graph::presets;
use layerbench::project::Project;
use layerbench::session::answerer::Answerer;
use layerbench::session::generator::Sampling;
use layerbench::session::work;
use layerbench::train::record::RunFolder;
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
    let train = TrainConfig { epochs: 8, batch_size: 16, learning_rate: 0.01, ..TrainConfig::default() };
    let project = Project { graph, train, ..project };
    let (_, run) = RunFolder::create(folder.path(), "gru").unwrap();
    let job = work::train_job(&project, std::sync::Arc::clone(&prepared), Some(run.clone())).unwrap();
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

    let answerer =
        Answerer::of_run(&run, &run.read_record().unwrap(), None, folder.path(), &Progress::default()).unwrap();
    let evaluation = answerer.evaluate(Part::Test, &Progress::default()).unwrap();
    let language = evaluation.language.unwrap();
    assert_eq!((language.tokens, language.characters), (1416, 1416), "59 windows of 24 characters");
    assert!((language.perplexity - evaluation.loss.exp()).abs() < 1e-9);
    assert!((language.bits_per_character - evaluation.loss / std::f64::consts::LN_2).abs() < 1e-9);
    assert!(evaluation.accuracy > 0.9, "{}", evaluation.accuracy);

    // It goes on with the text, further than it can look back, and the same seed writes the same.
    let write = |temperature, seed| {
        let sampling = Sampling { tokens: 40, temperature, seed, ..Sampling::default() };
        let mut pieces = Vec::new();
        let mut add = |piece: &str| pieces.push(piece.to_owned());
        let written = answerer.generate("round and ab", &sampling, &Progress::default(), &mut add).unwrap();
        assert_eq!((written, pieces.len()), (40, 40), "a piece for each token");
        pieces.concat()
    };
    assert_eq!(write(0.0, 1), "out it goes\nround and about it goes\nround a"[..40]);
    assert_eq!(write(2.0, 7), write(2.0, 7));
    let cancelled = Progress::default();
    cancelled.cancel();
    let stopped = answerer.generate("round", &Sampling::default(), &cancelled, &mut |_| {});
    assert_eq!(stopped.unwrap(), 0);
}

#[test]
fn pieces_of_words_are_learned_from_the_training_part_and_lose_nothing() {
    let folder = folder();
    let mut config = work::import_config(&folder.path().join("abc.txt"), folder.path());
    for (name, value) in [("tokenizer", "pieces".into()), ("context", 8.into()), ("vocabulary", 280.into())] {
        config.options.insert(name.to_owned(), value);
    }
    let (config, dataset) = work::read_data(config, folder.path(), &Progress::default()).unwrap();
    let prepared = layerbench::data::prepare(dataset.into(), &config);
    let texts = layerbench::data::corpus::texts_of(&prepared.dataset).unwrap();
    assert!(texts.vocabulary.len() <= 280);
    // The five words are a piece each, and so is the line's end.
    assert_eq!(texts.tokens("round and about it goes\n").len(), 6);
    assert_eq!(texts.written(&texts.tokens("Größe?")), "Größe?");
    assert_eq!(prepared.dataset.text(0).unwrap(), "round and about it goes\nround and");
}
