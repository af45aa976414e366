//! `layerbench info PROJECT|PRESET`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::base::{Severity, format};
use crate::graph::{Graph, analyze, presets};
use crate::project::{Access, ProjectFile};
use crate::train::TrainConfig;

use super::failure::{Code, Failure};
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct Info {
    /// Project folder or file, or the name of a preset network.
    what: PathBuf,
}

impl Info {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let (name, graph, train) = self.network(output)?;
        let analysis = analyze(&graph);
        let total = analysis.total;
        let training = analysis.training_memory(train.batch_size, train.optimizer_values());
        output.text(&name);
        for id in &analysis.order {
            let Some(node) = analysis.nodes.get(id) else { continue };
            let dims: Vec<String> = node.outputs.iter().map(ToString::to_string).collect();
            output.text(&format!(
                "  {:24} {:>16} {:>12} parameters {:>10} multiply-adds",
                id.as_str(),
                dims.join(", "),
                format::count(node.cost.parameters),
                format::magnitude(node.cost.multiply_adds)
            ));
        }
        output.text(&format!(
            "{} layers, {} parameters, {} multiply-adds a sample, {} a training step of {} samples",
            analysis.layers,
            format::count(total.parameters),
            format::magnitude(total.multiply_adds),
            format::bytes(training.total()),
            train.batch_size
        ));
        for problem in &analysis.problems {
            output.problem(problem);
        }
        let errors = analysis.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        output.summary(json!({
            "layers": analysis.layers,
            "parameters": total.parameters,
            "trainable": total.parameters,
            "buffers": total.buffers,
            "macs": total.multiply_adds,
            "activation_bytes": total.output_bytes,
            "training_bytes": training.total(),
            "conv_layers": analysis.conv_layers,
            "recurrent_layers": analysis.recurrent_layers,
            "attention_layers": analysis.attention_layers,
            "linear_layers": analysis.linear_layers,
            "batch_size": train.batch_size,
            "inputs": analysis.inputs,
            "outputs": analysis.outputs,
            "errors": errors,
        }));
        Ok(Code::Ok)
    }

    fn network(&self, output: &Output) -> Result<(String, Graph, TrainConfig), Failure> {
        let preset = self.what.to_str().and_then(presets::by_id);
        if let (Some(preset), false) = (preset, self.what.exists()) {
            return Ok((format!("{} ({})", preset.label, preset.id), preset.graph(), TrainConfig::default()));
        }
        if !self.what.exists() {
            let known: Vec<&str> = presets::all().iter().map(|preset| preset.id).collect();
            let text = format!("{} is neither a project nor a preset", self.what.display());
            return Err(Failure::new(Code::BadInput, text, format!("The presets are {}", known.join(", "))));
        }
        let opened = ProjectFile::open(&self.what, Access::Read)?;
        for warning in &opened.warnings {
            output.problem(warning);
        }
        let project = opened.project;
        Ok((format!("{}, network {}", project.name, project.network), project.graph, project.train))
    }
}
