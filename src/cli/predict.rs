//! `layerbench predict PROJECT INPUT… [--out FILE]`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::base::{Progress, format};
use crate::data::Task;
use crate::project::{Access, ProjectFile};
use crate::session::answerer::Answerer;
use crate::session::work;
use crate::train::Control;

use super::failure::{Code, Failure};
use super::interrupt;
use super::output::Output;
use super::train::{data_failure, find_run};

#[derive(Debug, Args)]
pub(super) struct Predict {
    /// Project folder or file.
    project: PathBuf,
    /// Files, or folders of files.
    #[arg(required = true)]
    input: Vec<PathBuf>,
    /// Write a CSV with file, predicted class and probabilities.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the mask of each image as PNG into this folder (segmentation).
    #[arg(long, value_name = "FOLDER")]
    masks: Option<PathBuf>,
    /// Run, by its number or name; the newest by default.
    #[arg(long, value_name = "RUN", default_value = "last")]
    run: String,
}

impl Predict {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let opened = ProjectFile::open(&self.project, Access::Read)?;
        let (id, folder) = find_run(&opened.file.runs(), &self.run)?;
        let record = folder.read_record()?;
        let mut files = Vec::new();
        for input in &self.input {
            files.extend(work::input_files(input)?);
        }
        let progress = Progress::default();
        interrupt::watch(Control::default(), progress.clone());
        let answerer = Answerer::of_run(&folder, &record, None, opened.file.folder(), &progress)
            .map_err(|problem| data_failure(&problem))?;
        let predicted = output.with_progress("Predicting", &progress, || answerer.predict_files(&files, &progress));
        let (answers, problems) = predicted.map_err(|problem| {
            let code = if interrupt::is_interrupted() { Code::Interrupted } else { Code::Failed };
            Failure::problem(code, &problem)
        })?;
        for problem in &problems {
            output.problem(problem);
        }
        let dataset = &answerer.prepared().dataset;
        if self.masks.is_some() && dataset.task != Task::Segmentation {
            let text = "the network gives no masks, so there are none to write";
            return Err(Failure::new(Code::Usage, text, "Leave --masks out"));
        }
        if answers.is_empty() {
            return Err(Failure::new(Code::BadInput, "none of the inputs could be read", "See the messages above"));
        }
        for answer in &answers {
            let best = answer.probabilities.iter().copied().fold(0.0_f32, f32::max);
            let row = answer.row.map_or_else(String::new, |row| format!(", row {row}"));
            let share = if answer.probabilities.is_empty() {
                String::new()
            } else {
                format!("  {}", format::share(f64::from(best)))
            };
            if answer.mask.is_some() {
                // Of a mask the share of every class is told.
                let shares = dataset.classes.iter().zip(&answer.probabilities).filter(|(_, share)| **share > 0.0);
                let shares: Vec<String> =
                    shares.map(|(name, share)| format!("{name} {}", format::share(f64::from(*share)))).collect();
                output.text(&format!("{}  {}", answer.file.display(), shares.join(", ")));
                output.event("prediction", json!({"file": answer.file, "shares": answer.probabilities}));
                continue;
            }
            output.text(&format!("{}{row}  {}{share}", answer.file.display(), answer.predicted));
            output.event(
                "prediction",
                json!({
                    "file": answer.file, "row": answer.row,
                    "predicted": answer.predicted, "probabilities": answer.probabilities,
                }),
            );
        }
        if let Some(out) = &self.out {
            answerer.write_csv(&answers, out)?;
            output.text(&format!("Wrote {} predictions to {}", answers.len(), out.display()));
        }
        if let Some(folder) = &self.masks {
            let written = answerer.write_masks(&answers, folder);
            let written = written.map_err(|problem| Failure::problem(Code::Failed, &problem))?;
            output.text(&format!("Wrote {written} masks to {}", folder.display()));
        }
        output.summary(json!({
            "run": id,
            "masks": self.masks,
            "predictions": answers.len(),
            "unreadable": problems.len(),
            "classes": answerer.prepared().dataset.classes,
            "out": self.out,
        }));
        Ok(Code::Ok)
    }
}
