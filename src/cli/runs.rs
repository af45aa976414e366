//! `layerbench runs PROJECT`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::base::format;
use crate::project::{Access, ProjectFile};
use crate::train::record::RunFolder;

use super::failure::{Code, Failure};
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct Runs {
    /// Project folder or file.
    project: PathBuf,
}

impl Runs {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let opened = ProjectFile::open(&self.project, Access::Read)?;
        let (mut ids, mut unreadable) = (Vec::new(), 0);
        for (id, folder) in RunFolder::list(&opened.file.runs()) {
            let record = match folder.read_record() {
                Ok(record) => record,
                Err(error) => {
                    unreadable += 1;
                    output.remark(&format!("warning: run {id}: {error}"));
                    continue;
                }
            };
            let outcome = &record.outcome;
            let accuracy = outcome.metrics.and_then(|metrics| metrics.validation_accuracy);
            let loss = outcome.metrics.and_then(|metrics| metrics.validation_loss);
            let ending = serde_json::to_value(outcome.ending).unwrap_or_default();
            output.text(&format!(
                "{:24} {:14} {:>4} epochs  validation loss {:>8}  accuracy {}",
                id.as_str(),
                ending.as_str().unwrap_or_default(),
                outcome.epochs,
                loss.map_or_else(|| "-".to_owned(), format::number),
                accuracy.map_or_else(|| "-".to_owned(), format::share)
            ));
            output.event(
                "run",
                json!({
                    "run": id, "name": record.name, "started": record.started, "ending": ending,
                    "epochs": outcome.epochs, "steps": outcome.steps, "seconds": outcome.seconds,
                    "validation_loss": loss, "validation_accuracy": accuracy,
                    "weights_blake3": outcome.weights_blake3,
                    "evaluated": matches!(folder.read_evaluation(), Ok(Some(_))),
                }),
            );
            ids.push(id);
        }
        if ids.is_empty() {
            output.text(&format!("No runs yet. Train one: layerbench train {}", self.project.display()));
        }
        output.summary(json!({"runs": ids, "unreadable": unreadable}));
        Ok(Code::Ok)
    }
}
