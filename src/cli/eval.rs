//! `layerbench eval PROJECT [--run RUN]`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::base::{Progress, format};
use crate::data::Part;
use crate::metrics::{EvaluateError, Evaluation};
use crate::project::{Access, ProjectFile};
use crate::session::answerer::Answerer;
use crate::train::Control;

use super::failure::{Code, Failure};
use super::interrupt;
use super::output::Output;
use super::train::{data_failure, find_run};

#[derive(Debug, Args)]
pub(super) struct Eval {
    /// Project folder or file.
    project: PathBuf,
    /// Run, by its number or name; the newest by default.
    #[arg(long, value_name = "RUN", default_value = "last")]
    run: String,
    /// Part of the data.
    #[arg(long, value_enum, default_value = "test")]
    part: PartName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PartName {
    Train,
    Validation,
    Test,
}

impl Eval {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let opened = ProjectFile::open(&self.project, Access::Write)?;
        let (id, folder) = find_run(&opened.file.runs(), &self.run)?;
        let record = folder.read_record()?;
        let progress = Progress::default();
        interrupt::watch(Control::default(), progress.clone());
        let answerer = output.with_progress("Reading", &progress, || {
            Answerer::of_run(&folder, &record, None, opened.file.folder(), &progress)
        });
        let answerer = answerer.map_err(|problem| data_failure(&problem))?;
        let part = match self.part {
            PartName::Train => Part::Train,
            PartName::Validation => Part::Validation,
            PartName::Test => Part::Test,
        };
        let progress = Progress::default();
        let result = output.with_progress("Evaluating", &progress, || answerer.evaluate(part, &progress));
        let evaluation = result.map_err(|error| {
            let code = match error {
                EvaluateError::Cancelled => Code::Interrupted,
                EvaluateError::Empty { .. } | EvaluateError::Output { .. } | EvaluateError::Data(_) => Code::BadInput,
                EvaluateError::Network(_) | EvaluateError::Tensor(_) => Code::Failed,
            };
            Failure::of(code, &error)
        })?;
        if opened.file.is_read_only() {
            output.remark("note: the project's folder can't be written, so the evaluation is not stored");
        } else {
            folder.write_evaluation(&evaluation)?;
        }
        output.text(&format!("Run {} ({id}) on the {} part", id.number(), evaluation.part));
        show(&evaluation, &answerer.prepared().dataset.classes, output);
        let macro_average = evaluation.macro_average;
        output.summary(json!({
            "run": id,
            "part": evaluation.part,
            "accuracy": evaluation.accuracy,
            "precision": macro_average.precision,
            "recall": macro_average.recall,
            "f1": macro_average.f1,
            "loss": evaluation.loss,
            "confusion": evaluation.confusion,
            "top_k": evaluation.top_k,
            "mean_absolute_error": evaluation.mean_absolute_error,
            "root_mean_squared_error": evaluation.root_mean_squared_error,
            "r_squared": evaluation.r_squared,
            "language": evaluation.language,
            "masks": evaluation.masks,
            "inference_ms_p50": evaluation.inference_ms_p50,
            "inference_ms_p95": evaluation.inference_ms_p95,
        }));
        Ok(Code::Ok)
    }
}

fn show(evaluation: &Evaluation, classes: &[String], output: &Output) {
    if let (Some(absolute), Some(squared), Some(r_squared)) =
        (evaluation.mean_absolute_error, evaluation.root_mean_squared_error, evaluation.r_squared)
    {
        output.text(&format!(
            "Mean absolute error {}, root mean squared error {}, R squared {}",
            format::number(absolute),
            format::number(squared),
            format::share(r_squared)
        ));
    } else if let Some(language) = evaluation.language {
        output.text(&format!(
            "{} nats a token, perplexity {}, {} bits a character",
            format::number(evaluation.loss),
            format::number(language.perplexity),
            format::number(language.bits_per_character)
        ));
        output.text(&format!(
            "{} of {} tokens are told rightly ({} characters)",
            format::share(evaluation.accuracy),
            format::count(language.tokens),
            format::count(language.characters)
        ));
    } else if let Some(masks) = &evaluation.masks {
        output.text(&format!(
            "Mean IoU {}, Dice {}, right pixels {}, loss {}",
            format::share(masks.mean_iou),
            format::share(masks.dice),
            format::share(evaluation.accuracy),
            format::number(evaluation.loss)
        ));
        output.text(&format!(
            "  {:20} {:>9} {:>9} {:>9} {:>9} {:>12}",
            "class", "IoU", "Dice", "precision", "recall", "pixels"
        ));
        for ((name, scores), iou) in classes.iter().zip(&evaluation.per_class).zip(&masks.iou) {
            output.text(&format!(
                "  {name:20} {:>9} {:>9} {:>9} {:>9} {:>12}",
                iou.map_or_else(|| "none".to_owned(), format::share),
                format::share(scores.f1),
                format::share(scores.precision),
                format::share(scores.recall),
                format::count(scores.support)
            ));
        }
    } else {
        output.text(&format!(
            "Accuracy {}, loss {}",
            format::share(evaluation.accuracy),
            format::number(evaluation.loss)
        ));
        output.text(&format!("  {:20} {:>9} {:>9} {:>9} {:>9}", "class", "precision", "recall", "F1", "samples"));
        let rows = classes.iter().map(String::as_str).zip(&evaluation.per_class);
        let averages =
            [("macro average", &evaluation.macro_average), ("weighted average", &evaluation.weighted_average)];
        for (name, scores) in rows.chain(averages) {
            output.text(&format!(
                "  {name:20} {:>9} {:>9} {:>9} {:>9}",
                format::share(scores.precision),
                format::share(scores.recall),
                format::share(scores.f1),
                format::count(scores.support)
            ));
        }
    }
    output.text(&format!(
        "One prediction takes {} ms (95 % within {} ms)",
        format::milliseconds(evaluation.inference_ms_p50),
        format::milliseconds(evaluation.inference_ms_p95)
    ));
}
