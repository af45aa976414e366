//! `layerbench bench`: measures what this machine does, one line a case.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::base::{Progress, format};
use crate::data::{DataConfig, prepare};
use crate::graph::presets;
use crate::ops;
use crate::project::Project;
use crate::session::work;
use crate::train::{Control, TrainEvent};

use super::failure::{Code, Failure};
use super::interrupt;
use super::output::Output;

/// Epochs of the embedded digits that a preset is measured over.
const EPOCHS: usize = 2;

#[derive(Debug, Args)]
pub(super) struct Bench {
    /// Only cases whose name contains this.
    filter: Option<String>,
}

impl Bench {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let control = Control::default();
        interrupt::watch(control.clone(), Progress::default());
        let mut count = 0;
        let failed = |error: &dyn std::fmt::Display| Failure::of(Code::Failed, error);
        for kernel in ops::bench::cases().map_err(|error| failed(&error))? {
            if control.is_stopped() {
                return Ok(Code::Interrupted);
            }
            if self.is_wanted(kernel.name) {
                case(kernel.name, kernel.median_ms().map_err(|error| failed(&error))?, output);
                count += 1;
            }
        }
        for preset in presets::all() {
            if control.is_stopped() {
                return Ok(Code::Interrupted);
            }
            count += self.preset(preset, &control, output)?;
        }
        output.summary(json!({"cases": count, "threads": rayon::current_num_threads()}));
        Ok(Code::Ok)
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()))
    }

    /// Training steps and predictions of a preset on the embedded digits.
    fn preset(&self, preset: &presets::Preset, control: &Control, output: &Output) -> Result<usize, Failure> {
        let names = [
            format!("{}.train_step", preset.id),
            format!("{}.infer_1", preset.id),
            format!("{}.infer_batch", preset.id),
        ];
        if !names.iter().any(|name| self.is_wanted(name)) {
            return Ok(0);
        }
        let (config, dataset) =
            work::read_data(DataConfig::default(), std::path::Path::new("."), &Progress::default())?;
        let mut project = Project::named(preset.id);
        project.graph = preset.graph_for(&dataset.dims, work::outputs_needed(&dataset), dataset.task);
        project.data = Some(config.clone());
        project.train.epochs = EPOCHS;
        let batch = project.train.batch_size;
        let prepared = Arc::new(prepare(Arc::new(dataset), &config));
        let job =
            work::train_job(&project, prepared, None).map_err(|problem| Failure::problem(Code::Failed, &problem))?;
        let mut epochs = Vec::new();
        crate::train::run::run(&job, control, &mut |event| {
            if let TrainEvent::Epoch(epoch) = event {
                epochs.push(epoch);
            }
        })?;
        // The first epoch warms up.
        let Some(last) = epochs.last().filter(|_| epochs.len() > 1 || control.is_stopped()) else { return Ok(0) };
        let step_ms = batch as f64 / last.samples_per_second * 1e3;
        let values = [step_ms, last.inference_ms_p50, last.batch_inference_ms_p50];
        let mut count = 0;
        for (name, value) in names.iter().zip(values).filter(|(name, _)| self.is_wanted(name)) {
            case(name, value, output);
            count += 1;
        }
        Ok(count)
    }
}

fn case(name: &str, milliseconds: f64, output: &Output) {
    output.text(&format!("{name:64} {:>10} ms", format::milliseconds(milliseconds)));
    output.event("case", json!({"name": name, "layerbench_ms": milliseconds}));
}
