//! `layerbench train PROJECT [--set train.epochs=3] [--seed N] [--device cpu] [--resume RUN]`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::base::{Progress, RunId, Severity, format};
use crate::project::{Access, Opened, ProjectFile};
use crate::session::work;
use crate::train::record::RunFolder;
use crate::train::{Control, Ending, EpochMetrics, Outcome, TrainError, TrainEvent, TrainJob};

use super::failure::{Code, Failure};
use super::import::{pair, set};
use super::interrupt;
use super::output::Output;

/// Networks may nest deeply; address space that is not touched costs nothing.
const STACK_BYTES: usize = 512 << 20;

#[derive(Debug, Args)]
pub(super) struct Train {
    /// Project folder or file.
    project: PathBuf,
    /// A setting for this run alone, e.g. train.epochs=3; can be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Seed of weights, shuffle and dropout.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Device: cpu, cuda:0 or metal.
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Go on with a stopped or unfinished run, by its number or name.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["set", "seed", "device"])]
    resume: Option<String>,
}

impl Train {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let opened = open_for_runs(&self.project, output)?;
        let (control, progress) = (Control::default(), Progress::default());
        interrupt::watch(control.clone(), progress.clone());
        let (id, job, is_new) = self.job(&opened, &progress, output)?;
        let result = train(&job, &control, output);
        if let (Err(TrainError::WouldNotFit(_) | TrainError::Invalid(_)), true, Some(folder)) =
            (&result, is_new, &job.folder)
        {
            // Nothing was computed, so nothing is lost; an empty run would only be in the way.
            let _ = std::fs::remove_dir_all(&folder.0);
        }
        let outcome = result?;
        output.summary(summary(&id, &outcome));
        finish(&id, &outcome, output)
    }

    fn job(&self, opened: &Opened, progress: &Progress, output: &Output) -> Result<(RunId, TrainJob, bool), Failure> {
        let runs = opened.file.runs();
        if let Some(run) = &self.resume {
            let (id, folder) = find_run(&runs, run)?;
            let record = folder.read_record()?;
            let data = output
                .with_progress("Reading", progress, || work::run_data(&record, None, opened.file.folder(), progress));
            let data = data.map_err(|problem| data_failure(&problem))?;
            let job = work::resume_job(&record, data, folder).map_err(|problem| data_failure(&problem))?;
            return Ok((id, job, false));
        }
        let mut project = opened.project.clone();
        for setting in &self.set {
            let (path, value) = pair(setting)?;
            project = set(&project, path, value)?;
        }
        if let Some(seed) = self.seed {
            project.train.seed = seed;
        }
        if let Some(device) = &self.device {
            project.train.device.clone_from(device);
        }
        let config = project.data.clone().ok_or_else(|| {
            let hint = format!("Import some first: layerbench import {} PATH", self.project.display());
            Failure::new(Code::BadInput, "the project has no data", hint)
        })?;
        let read =
            output.with_progress("Reading", progress, || work::read_data(config, opened.file.folder(), progress));
        let (config, dataset) = read?;
        let prepared = Arc::new(crate::data::prepare(Arc::new(dataset), &config));
        let mut job =
            work::train_job(&project, prepared, None).map_err(|problem| Failure::problem(Code::BadInput, &problem))?;
        let (id, folder) = RunFolder::create(&runs, &job.name)?;
        job.folder = Some(folder);
        Ok((id, job, true))
    }
}

/// Opens a project whose runs are to be written.
pub(super) fn open_for_runs(path: &std::path::Path, output: &Output) -> Result<Opened, Failure> {
    let opened = ProjectFile::open(path, Access::Write)?;
    if opened.file.is_read_only() {
        let text = format!(
            "{} lies in a folder that can't be written, so the run can't be stored",
            opened.file.path().display()
        );
        return Err(Failure::new(Code::Failed, text, "Copy the project to a folder that you may write to"));
    }
    for warning in &opened.warnings {
        output.problem(warning);
    }
    if opened.recovery.is_some() {
        output.remark("note: the project has unsaved changes of an earlier session; this run uses what was saved");
    }
    Ok(opened)
}

/// The run of that number or name; `last` is the newest.
pub(super) fn find_run(runs: &std::path::Path, name: &str) -> Result<(RunId, RunFolder), Failure> {
    let all = RunFolder::list(runs);
    let is_meant = |id: &RunId| id.as_str() == name || name.parse() == Ok(id.number());
    let found =
        if name == "last" { all.last().cloned() } else { all.iter().rev().find(|(id, _)| is_meant(id)).cloned() };
    found.ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|(id, _)| id.as_str()).collect();
        let hint = if known.is_empty() {
            "The project has no runs yet".to_owned()
        } else {
            format!("The runs are {}", known.join(", "))
        };
        Failure::new(Code::BadInput, format!("there is no run '{name}'"), hint)
    })
}

pub(super) fn data_failure(problem: &crate::base::Problem) -> Failure {
    let code = if interrupt::is_interrupted() { Code::Interrupted } else { Code::BadInput };
    Failure::problem(code, problem)
}

/// Trains on a thread with a large stack and shows what happens.
fn train(job: &TrainJob, control: &Control, output: &Output) -> Result<Outcome, TrainError> {
    let bar = output.bar("{msg}  {wide_bar} {percent:>3} %  {eta} left");
    let epochs = job.config.epochs;
    let mut observe = |event: TrainEvent| show(&event, epochs, &bar, output);
    let result = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("trainer".to_owned()).stack_size(STACK_BYTES);
        let trainer = builder.spawn_scoped(scope, || crate::train::run::run(job, control, &mut observe));
        match trainer.map(|trainer| trainer.join()) {
            Ok(Ok(result)) => Some(result),
            Ok(Err(_panic)) => None,
            Err(error) => Some(Err(TrainError::Tensor(error.into()))),
        }
    });
    bar.finish_and_clear();
    result.unwrap_or_else(|| {
        let text = "training failed with an internal error (see above); the last checkpoint stands";
        let problem = crate::base::Problem::error(crate::base::Place::Project, text, "Resume the run, and report it");
        Ok(Outcome { ending: Ending::Failed, problem: Some(problem), ..Outcome::default() })
    })
}

fn show(event: &TrainEvent, epochs: usize, bar: &ProgressBar, output: &Output) {
    match event {
        TrainEvent::Started { total_steps, steps_per_epoch, first_step, planned_bytes, before_bytes } => {
            bar.set_length(*total_steps);
            bar.set_position(*first_step);
            bar.reset_eta();
            output.event(
                "started",
                json!({
                    "total_steps": total_steps, "steps_per_epoch": steps_per_epoch,
                    "first_step": first_step, "planned_bytes": planned_bytes,
                    "before_bytes": before_bytes,
                }),
            );
        }
        TrainEvent::Steps(steps) => {
            if let Some(last) = steps.last() {
                bar.set_position(last.step);
                bar.set_message(format!("loss {}", format::number(last.loss)));
            }
        }
        TrainEvent::Epoch(epoch) => {
            let fields = serde_json::to_value(epoch).unwrap_or(Value::Null);
            output.event("epoch", fields);
            let line = epoch_line(epoch, epochs);
            bar.suspend(|| output.text(&line));
        }
        TrainEvent::Checkpoint { step, path } => output.event("checkpoint", json!({"step": step, "path": path})),
        TrainEvent::Notice(problem) => bar.suspend(|| output.problem(problem)),
        TrainEvent::Phase(_) | TrainEvent::Finished(_) => {}
    }
}

fn epoch_line(epoch: &EpochMetrics, epochs: usize) -> String {
    let loss =
        epoch.validation_loss.map_or_else(String::new, |loss| format!("  validation loss {:>8}", format::number(loss)));
    let accuracy =
        epoch.validation_accuracy.map_or_else(String::new, |share| format!("  accuracy {}", format::share(share)));
    let overlap = epoch.validation_mean_iou.zip(epoch.validation_dice).map_or_else(String::new, |(mean_iou, dice)| {
        format!("  mean IoU {}  Dice {}", format::share(mean_iou), format::share(dice))
    });
    let speed = format::magnitude(epoch.samples_per_second as u64);
    let best = if epoch.is_best { "  best" } else { "" };
    let number = epoch.epoch;
    format!(
        "epoch {number:>3} of {epochs}  loss {:>8}{loss}{accuracy}{overlap}  {speed} samples/s{best}",
        format::number(epoch.train_loss)
    )
}

fn summary(id: &RunId, outcome: &Outcome) -> Value {
    let metrics = outcome.metrics;
    let Outcome { ending, epochs, steps, seconds, best_epoch, peak_bytes, weights_blake3, problem, .. } = outcome;
    json!({
        "run": id,
        "epochs": epochs,
        "steps": steps,
        "seconds": seconds,
        "train_loss": metrics.map(|metrics| metrics.train_loss),
        "validation_loss": metrics.and_then(|metrics| metrics.validation_loss),
        "validation_accuracy": metrics.and_then(|metrics| metrics.validation_accuracy),
        "validation_mean_iou": metrics.and_then(|metrics| metrics.validation_mean_iou),
        "validation_dice": metrics.and_then(|metrics| metrics.validation_dice),
        "samples_per_second": metrics.map(|metrics| metrics.samples_per_second),
        "peak_bytes": peak_bytes,
        "weights_blake3": weights_blake3,
        "ending": ending,
        "best_epoch": best_epoch,
        "problem": problem.as_ref().map(ToString::to_string),
    })
}

fn finish(id: &RunId, outcome: &Outcome, output: &Output) -> Result<Code, Failure> {
    if let Some(problem) = outcome.problem.as_ref().filter(|problem| problem.severity == Severity::Error) {
        return Err(Failure::problem(Code::Failed, problem));
    }
    output.text(&format!(
        "Run {} ({id}): {} epochs, {} steps in {}",
        id.number(),
        outcome.epochs,
        format::count(outcome.steps),
        format::clock(std::time::Duration::try_from_secs_f64(outcome.seconds).unwrap_or_default())
    ));
    if let Some(accuracy) = outcome.metrics.and_then(|metrics| metrics.validation_accuracy) {
        output.text(&format!("Validation accuracy {}, weights {}", format::share(accuracy), outcome.weights_blake3));
    }
    match outcome.ending {
        Ending::Stopped | Ending::Unfinished if interrupt::is_interrupted() => {
            output.remark(&format!("Stopped; go on with --resume {}", id.number()));
            Ok(Code::Interrupted)
        }
        Ending::Completed | Ending::StoppedEarly | Ending::Stopped => Ok(Code::Ok),
        Ending::Unfinished | Ending::Diverged | Ending::Failed => {
            Err(Failure::new(Code::Failed, format!("run {} failed", id.number()), ""))
        }
    }
}
