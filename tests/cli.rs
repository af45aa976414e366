//! The command line from end to end, on the built binary: summaries, exit codes, locks, interruption, determinism.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

mod support;

use std::fs;
use std::path::Path;

use layerbench::project::{Access, ProjectFile};
use serde_json::Value;
use support::{command, fixture, ran, run};

/// A project `p` with the iris table and a small network.
fn iris(home: &Path) {
    run(home, &["new", "p", "--preset", "mlp"]).summary();
    run(home, &["import", "p", &fixture("iris.csv")]).summary();
}

fn number(value: &Value, field: &str) -> f64 {
    value[field].as_f64().unwrap_or_else(|| panic!("no number {field} in {value}"))
}

#[test]
fn a_project_goes_from_new_to_forward() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let made = run(home, &["new", "p", "--preset", "mlp"]);
    assert_eq!(made.summary()["network"], "mlp");

    let imported = run(home, &["import", "p", &fixture("iris.csv"), "--set", "split.seed=7"]);
    let summary = imported.summary();
    assert_eq!(summary["samples"], 150);
    assert_eq!(summary["classes"], serde_json::json!(["setosa", "versicolor", "virginica"]));
    assert_eq!(summary["class_counts"], serde_json::json!([50, 50, 50]));
    let parts = ["train", "validation", "test"].map(|part| number(summary, part));
    assert_eq!(parts.iter().sum::<f64>(), 150.0);
    assert!(parts[1] >= 21.0 && parts[2] >= 21.0, "{parts:?}");
    assert!(summary["problems"].is_array());
    let file: Value = serde_json::from_slice(&fs::read(home.join("p/p.layerbench")).unwrap()).unwrap();
    assert_eq!(file["data"]["split"]["seed"], 7);

    let info = run(home, &["info", "p"]);
    let info = info.summary();
    for field in ["layers", "parameters", "trainable", "macs", "activation_bytes", "training_bytes", "linear_layers"] {
        assert!(number(info, field) > 0.0, "{field}");
    }
    for field in ["conv_layers", "recurrent_layers", "attention_layers"] {
        assert_eq!(info[field], 0, "{field}");
    }
    assert_eq!(info["inputs"], serde_json::json!([[4]]));
    assert_eq!(info["outputs"], serde_json::json!([[3]]));

    let settings = ["train", "p", "--set", "train.epochs=60", "--set", "train.learning_rate=0.01", "--seed", "5"];
    let trained = run(home, &settings);
    let summary = trained.summary();
    assert_eq!(summary["run"], "1-mlp");
    assert_eq!(summary["epochs"], 60);
    for field in ["steps", "seconds", "train_loss", "validation_loss", "samples_per_second", "peak_bytes"] {
        assert!(number(summary, field) > 0.0, "{field}");
    }
    assert!(number(summary, "validation_accuracy") > 0.85, "{summary}");
    assert_eq!(summary["weights_blake3"].as_str().unwrap().len(), 64);
    assert_eq!(trained.lines.iter().filter(|line| line["event"] == "epoch").count(), 60);
    // Settings of one run do not change the project.
    let file: Value = serde_json::from_slice(&fs::read(home.join("p/p.layerbench")).unwrap()).unwrap();
    // The file keeps what the import chose: 2,000 steps of 7 an epoch (104 samples, 16 a step), rounded up to tens.
    assert_eq!((&file["train"]["epochs"], &file["train"]["seed"]), (&290.into(), &42.into()));

    let evaluated = run(home, &["eval", "p", "--run", "1"]);
    let summary = evaluated.summary();
    for field in ["accuracy", "precision", "recall", "f1"] {
        assert!((0.8..=1.0).contains(&number(summary, field)), "{field}: {summary}");
    }
    assert!(number(summary, "loss") > 0.0 && number(summary, "inference_ms_p50") > 0.0);
    assert!(number(summary, "inference_ms_p95") >= number(summary, "inference_ms_p50"));
    let counted: u64 = summary["confusion"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(counted as f64, parts[2]);
    assert!(home.join("p/runs/1-mlp/evaluation.json").is_file());

    let predicted = run(home, &["predict", "p", &fixture("iris.csv"), "--out", "answers.csv"]);
    assert_eq!(predicted.summary()["predictions"], 150);
    let table = fs::read_to_string(home.join("answers.csv")).unwrap();
    assert!(table.starts_with("file,row,predicted,setosa,versicolor,virginica\n"), "{table}");
    assert_eq!(table.lines().count(), 151);
    let right = table.lines().skip(1).zip(["setosa", "versicolor", "virginica"].iter().flat_map(|class| [class; 50]));
    let right = right.filter(|(line, class)| line.split(',').nth(2) == Some(**class)).count();
    assert!(right > 130, "{right} of 150");

    let listed = run(home, &["runs", "p"]);
    assert_eq!(listed.summary()["runs"], serde_json::json!(["1-mlp"]));
    let listed = listed.lines.iter().find(|line| line["event"] == "run").unwrap();
    assert_eq!((&listed["ending"], &listed["evaluated"]), (&"completed".into(), &true.into()));

    // The written network on tensors: zeros through softmax-free layers give the same answer for each row.
    let input = home.join("input.safetensors");
    write_zeros(&input, &[2, 4]);
    let weights = home.join("p/runs/1-mlp/weights.safetensors");
    let arguments = ["forward", "p", "--weights", weights.to_str().unwrap(), "--input", "input.safetensors"];
    let forward = run(home, &[&arguments[..], &["--output", "output.safetensors"]].concat());
    assert_eq!(forward.summary()["outputs"]["output"], serde_json::json!([2, 3]));
    let all = run(home, &[&arguments[..], &["--output", "all.safetensors", "--all"]].concat());
    assert!(all.summary()["outputs"].as_object().unwrap().len() > 3);
    let bytes = fs::read(home.join("output.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let (_, output) = tensors.iter().next().unwrap();
    assert_eq!(output.shape(), [2, 3]);
    assert_eq!(output.data()[..12], output.data()[12..]);
}

fn write_zeros(path: &Path, dims: &[usize]) {
    let data = vec![0_u8; dims.iter().product::<usize>() * 4];
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, dims.to_vec(), &data).unwrap();
    fs::write(path, safetensors::serialize([("x", view)], None).unwrap()).unwrap();
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    iris(home);
    run(home, &["train"]).refused(2, &["Usage"]);
    run(home, &["tarin", "p"]).refused(2, &["Usage"]);
    run(home, &["tarin"]).refused(2, &["neither a project nor a sub-command"]);
    run(home, &["train", "p", "--set", "train.epochs"]).refused(2, &["KEY=VALUE"]);
    run(home, &["train", "p", "--set", "train.epochs=many"]).refused(2, &["whole number", "many"]);
    run(home, &["train", "p", "--set", "train.warp=9"]).refused(2, &["warp", "epochs"]);
    run(home, &["new", "q", "--preset", "warp"]).refused(2, &["warp", "mlp"]);
    run(home, &["new", "p"]).refused(3, &["p.layerbench", "there is a project already"]);
    run(home, &["info", "nowhere"]).refused(3, &["nowhere", "mlp"]);
    run(home, &["train", "nowhere"]).refused(3, &["nowhere", "Check the name"]);
    run(home, &["import", "p", "nothing.csv"]).refused(3, &["nothing.csv", "Check the name"]);
    run(home, &["eval", "p"]).refused(3, &["no run"]);
    run(home, &["predict", "p", "x.csv", "--run", "9"]).refused(3, &["no run '9'"]);
    run(home, &["train", "p", "--device", "cuda:9"]).refused(3, &["cuda:9", "cpu"]);
    assert!(run(home, &["runs", "p"]).summary()["runs"].as_array().unwrap().is_empty(), "refused runs leave nothing");
    run(home, &[]).refused(1, &["display", "cargo run --release -- train projects/digits"]);
}

#[test]
fn a_run_that_would_not_fit_is_refused_at_once() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    iris(home);
    let network: Value = serde_json::from_slice(&fs::read(home.join("p/p.layerbench")).unwrap()).unwrap();
    let nodes = network["graph"]["nodes"].as_object().unwrap();
    let wide: Vec<String> = nodes
        .iter()
        .filter(|(_, node)| node["layer"]["kind"] == "linear" && node["layer"]["out_features"] != 3)
        .flat_map(|(name, _)| ["--set".to_owned(), format!("network.{name}.out_features=1000000")])
        .collect();
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    let since = std::time::Instant::now();
    let refused = run(home, &[&["train", "p"], &wide[..]].concat());
    refused.refused(4, &["needs about", "free", "smaller"]);
    assert!(since.elapsed().as_secs() < 10);
    assert!(run(home, &["runs", "p"]).summary()["runs"].as_array().unwrap().is_empty());
}

#[test]
fn an_open_project_can_be_looked_at_but_not_changed() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    iris(home);
    let open = ProjectFile::open(&home.join("p"), Access::Write).unwrap();
    let holder = format!("process {}", std::process::id());
    let before = fs::read(open.file.path()).unwrap();
    run(home, &["train", "p"]).refused(5, &["p.layerbench", &holder, "Close it there"]);
    run(home, &["import", "p", &fixture("iris.csv")]).refused(5, &[&holder]);
    run(home, &["info", "p"]).summary();
    run(home, &["runs", "p"]).summary();
    assert_eq!(fs::read(open.file.path()).unwrap(), before);
    drop(open);
    run(home, &["train", "p", "--set", "train.epochs=1"]).summary();
}

#[test]
fn the_same_seed_gives_the_same_weights_with_any_number_of_threads() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    iris(home);
    let weights = |extra: &[&str]| {
        let arguments = [&["train", "p", "--set", "train.epochs=5"], extra].concat();
        run(home, &arguments).summary()["weights_blake3"].as_str().unwrap().to_owned()
    };
    let one = weights(&["--threads", "1"]);
    assert_eq!(one, weights(&["--threads", "2"]));
    assert_eq!(one, weights(&["--threads", "3"]));
    assert_ne!(one, weights(&["--seed", "43"]));
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_run_that_goes_on_to_the_same_weights() {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::time::{Duration, Instant};

    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    iris(home);
    let arguments = ["train", "p", "--set", "train.epochs=400"];
    let whole = run(home, &arguments);
    let expect = &whole.summary()["weights_blake3"];

    let mut child = command(home, &arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // In the middle of the run.
    let wanted = |line: &String| line.contains("\"event\":\"epoch\"");
    for _ in 0..20 {
        lines.by_ref().find(|line| wanted(line.as_ref().unwrap())).unwrap().unwrap();
    }
    let since = Instant::now();
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    // The pipe must be read, or the process would wait for it.
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let status = child.wait().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    let summary: Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert_eq!((&summary["event"], &summary["ending"]), (&"summary".into(), &"stopped".into()));
    assert!(summary["epochs"].as_u64().unwrap() < 400, "{summary}");

    let resumed = ran(command(home, &["train", "p", "--resume", "2"]).output().unwrap());
    assert_eq!(resumed.summary()["run"], "2-mlp");
    assert_eq!(&resumed.summary()["weights_blake3"], expect);
}
