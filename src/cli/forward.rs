//! `layerbench forward NETWORK|PROJECT --weights F --input F --output F [--all]`: runs a network on given tensors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use clap::Args;
use serde_json::json;

use crate::base::files::{self, FileError};
use crate::graph::{Graph, Network, NetworkError, NodeRole, presets};
use crate::project::{Access, ProjectFile};
use crate::train::weights::{self, Bundle};

use super::failure::{Code, Failure};
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct Forward {
    /// Preset name, JSON file of a network, project folder or project file.
    network: PathBuf,
    /// Weights by parameter name, as safetensors.
    #[arg(long, value_name = "F.safetensors")]
    weights: PathBuf,
    /// One tensor for each input node, batch in front, under the node's name (any name if there is one input).
    #[arg(long, value_name = "F.safetensors")]
    input: PathBuf,
    /// Where the outputs go, under the names of the output nodes.
    #[arg(long, value_name = "F.safetensors")]
    output: PathBuf,
    /// Write the output of every node, under its path.
    #[arg(long)]
    all: bool,
}

impl Forward {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let graph = self.graph()?;
        let device = Device::Cpu;
        let mut network = Network::build(&graph, &device, DType::F32, 0).map_err(|error| failure(&error))?;
        let stored = weights::read(&self.weights, &device)?;
        let report = network.load_state_dict(&stored.tensors).map_err(|error| Failure::of(Code::Failed, &error))?;
        if let Some((name, expected, found)) = report.misfits.first() {
            let text = format!(
                "{}: the network's {name} has shape {expected:?}, but the file holds {found:?}",
                self.weights.display()
            );
            return Err(Failure::new(Code::BadInput, text, "These weights belong to another network"));
        }
        if !report.missing.is_empty() {
            let text = format!("{}: the weights of {} are missing", self.weights.display(), report.missing.join(", "));
            return Err(Failure::new(Code::BadInput, text, "These weights belong to another network"));
        }
        for name in report.unexpected.iter().filter(|name| !name.ends_with("num_batches_tracked")) {
            output.remark(&format!("warning: the network has no parameter {name}; it was left out"));
        }
        let inputs = self.inputs(&graph, &device)?;
        let outputs = if self.all {
            network.infer_all(&inputs).map_err(|error| failure(&error))?
        } else {
            let values = network.infer(&inputs).map_err(|error| failure(&error))?;
            let names = graph.nodes.iter().filter(|(_, node)| matches!(node.role, NodeRole::Output));
            names.map(|(name, _)| name.0.clone()).zip(values).collect()
        };
        let shapes: BTreeMap<&String, &[usize]> = outputs.iter().map(|(name, tensor)| (name, tensor.dims())).collect();
        for (name, dims) in &shapes {
            output.text(&format!("{name:32} {dims:?}"));
        }
        output.summary(json!({"outputs": shapes, "loaded": report.matched.len(), "output": self.output}));
        let mut tensors = BTreeMap::new();
        for (name, tensor) in outputs {
            tensors.insert(name, tensor.contiguous().map_err(|error| Failure::of(Code::Failed, &error))?);
        }
        weights::write(&self.output, &Bundle { tensors, note: String::new() })?;
        Ok(Code::Ok)
    }

    fn graph(&self) -> Result<Graph, Failure> {
        if let (Some(preset), false) = (self.network.to_str().and_then(presets::by_id), self.network.exists()) {
            return Ok(preset.graph());
        }
        if self.network.extension().is_some_and(|extension| extension == "json") {
            let bytes = files::read(&self.network)?;
            return serde_json::from_slice(&bytes).map_err(|error| {
                let text = format!("{} can't be read as a network: {error}", self.network.display());
                Failure::new(Code::BadInput, text, "A network is {\"nodes\": {…}}, as in project files")
            });
        }
        Ok(ProjectFile::open(&self.network, Access::Read)?.project.graph)
    }

    /// One tensor for each input node, in the order of their names.
    fn inputs(&self, graph: &Graph, device: &Device) -> Result<Vec<Tensor>, Failure> {
        let mut stored = weights::read(&self.input, device)?.tensors;
        let names: Vec<&String> = graph
            .nodes
            .iter()
            .filter(|(_, node)| matches!(node.role, NodeRole::Input { .. }))
            .map(|(name, _)| &name.0)
            .collect();
        let mut inputs = Vec::new();
        for name in &names {
            let only = (names.len() == 1 && stored.len() == 1).then(|| stored.pop_first()).flatten();
            let tensor = only.map(|(_, tensor)| tensor).or_else(|| stored.remove(*name)).ok_or_else(|| {
                let text = format!("{} holds no tensor '{name}'", self.input.display());
                Failure::new(Code::BadInput, text, "Give one tensor for each input node, under its name")
            })?;
            inputs.push(as_f32(&self.input, &tensor)?);
        }
        Ok(inputs)
    }
}

fn as_f32(path: &Path, tensor: &Tensor) -> Result<Tensor, FileError> {
    tensor.to_dtype(DType::F32).map_err(|error| FileError::of("can't read", path)(std::io::Error::other(error)))
}

/// A network that can't run on what was given is bad input; anything else failed.
fn failure(error: &NetworkError) -> Failure {
    let code = match error {
        NetworkError::Tensor(_) => Code::Failed,
        _ => Code::BadInput,
    };
    Failure::of(code, error)
}
