//! A run that is killed at any moment goes on to the very weights of a run that never was.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use layerbench::base::rng::Stream;
use layerbench::data::DataConfig;
use layerbench::project::Project;
use layerbench::train::TrainConfig;
use layerbench::train::record::RunFolder;
use serde_json::{Value, json};

const KILLS: usize = 50;

/// The digits with a small network that has everything with a memory of its own: batch norm, dropout, AdamW.
fn write_project(folder: &Path) {
    let node = |layer: Value, input: &str| json!({ "layer": layer, "inputs": [{ "node": input }] });
    let graph = json!({ "nodes": {
        "image": { "input": { "dims": [1, 8, 8] } },
        "flat": node(json!({ "kind": "flatten" }), "image"),
        "hidden": node(json!({ "kind": "linear", "out_features": 32 }), "flat"),
        "norm": node(json!({ "kind": "batch_norm" }), "hidden"),
        "relu": node(json!({ "kind": "relu" }), "norm"),
        "drop": node(json!({ "kind": "dropout", "rate": 0.2 }), "relu"),
        "classes": node(json!({ "kind": "linear", "out_features": 10 }), "drop"),
        "output": { "output": null, "inputs": [{ "node": "classes" }] },
    } });
    let project = Project {
        schema: Project::SCHEMA,
        name: "kill".to_owned(),
        data: Some(DataConfig::default()),
        network: "small".to_owned(),
        graph: serde_json::from_value(graph).unwrap(),
        // Checkpoints as often as the rule allows: saving takes at most a twentieth of the time.
        train: TrainConfig { epochs: 60, batch_size: 32, checkpoint_seconds: 0.0, ..TrainConfig::default() },
        ..Project::default()
    };
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("kill.layerbench"), serde_json::to_vec_pretty(&project).unwrap()).unwrap();
}

fn train(project: &Path, resume: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerbench"));
    command.arg("train").arg(project).arg("--json").stdin(Stdio::null()).stderr(Stdio::piped());
    if let Some(run) = resume {
        command.args(["--resume", run]);
    }
    command
}

/// Runs to the end and gives the summary.
fn finish(project: &Path, resume: Option<&str>) -> Value {
    let output = train(project, resume).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(summary["event"], "summary");
    summary
}

/// The newest run, if it has come as far as a record.
fn newest_run(project: &Path) -> Option<(String, RunFolder)> {
    RunFolder::list(&project.join("runs")).pop().map(|(id, folder)| (id.as_str().to_owned(), folder))
}

/// Files that are being written in the newest run, or that a kill left half-written.
fn half_written(project: &Path) -> BTreeSet<PathBuf> {
    let Some((_, RunFolder(run))) = newest_run(project) else { return BTreeSet::new() };
    let folders: [PathBuf; 2] = [run.join("checkpoints"), run];
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let is_temporary = |path: &PathBuf| path.to_string_lossy().contains("/.layerbench-tmp-");
    entries.map(|entry| entry.path()).filter(is_temporary).collect()
}

/// Kills the process after a while, or in the middle of a save. Gives false if it had ended before.
fn kill(child: &mut Child, project: &Path, after: Duration, in_a_save: bool) -> bool {
    let start = Instant::now();
    let before = half_written(project);
    let is_saving = || half_written(project).difference(&before).next().is_some();
    while start.elapsed() < after || (in_a_save && start.elapsed() < after + Duration::from_secs(2)) {
        if in_a_save && start.elapsed() >= after && is_saving() {
            break;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

#[test]
fn fifty_kills_cost_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let straight = folder.path().join("straight");
    write_project(&straight);
    let started = Instant::now();
    let expect = finish(&straight, None);
    println!("uninterrupted: {:.1} s, {expect}", started.elapsed().as_secs_f64());

    let broken = folder.path().join("broken");
    write_project(&broken);
    let mut stream = Stream::new(7, "kill");
    let (mut kills, mut in_saves, mut completed) = (0, 0, 0);
    let mut run: Option<String> = None;
    while kills < KILLS {
        let after = Duration::from_millis(u64::from(30 + stream.below(500)));
        let in_a_save = stream.below(3) == 0;
        let before = half_written(&broken);
        let mut child = train(&broken, run.as_deref()).stdout(Stdio::null()).spawn().unwrap();
        if kill(&mut child, &broken, after, in_a_save) {
            kills += 1;
            in_saves += usize::from(half_written(&broken).difference(&before).next().is_some());
        } else if !child.wait().unwrap().success() {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
            panic!("it failed after {kills} kills: {text}");
        } else {
            completed += 1;
        }
        run = None;
        if let Some((id, folder)) = newest_run(&broken) {
            // The record is whole after any kill.
            let record = folder.read_record().unwrap();
            if record.outcome.weights_blake3.is_empty() {
                run = Some(id);
            } else {
                assert_eq!(Value::from(record.outcome.weights_blake3), expect["weights_blake3"], "after {kills} kills");
            }
        }
    }
    let summary = finish(&broken, run.as_deref());
    for field in ["weights_blake3", "steps", "epochs", "train_loss", "validation_loss", "validation_accuracy"] {
        assert_eq!(summary[field], expect[field], "{field} after {kills} kills");
    }
    let (_, newest) = newest_run(&broken).unwrap();
    assert_eq!(half_written(&broken), BTreeSet::new(), "what kills left is swept");
    let history = newest.read_history().unwrap();
    assert!(
        history.steps.iter().map(|metrics| metrics.step).eq(1..=expect["steps"].as_u64().unwrap()),
        "every step once"
    );
    println!(
        "{kills} kills, {in_saves} of them in a save, {completed} runs completed between, {:.1} s",
        started.elapsed().as_secs_f64()
    );
    assert!(in_saves > 0, "some kills must hit a save");
}
