//! The compiled network: a flat plan with its parameters, forward and backward.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};

use crate::base::{Dims, NodeId, Problem};
use crate::nn::{LayerError, Mode, Saved};

use super::Graph;

/// A named tensor of the network.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Path of the node and the layer's own name: `layer1.0.conv1.weight`.
    pub name: String,
    /// Its value.
    pub value: Tensor,
    /// Whether the optimizer changes it.
    pub trainable: bool,
}

/// A network that can run.
#[derive(Debug)]
pub struct Network {
    parameters: Vec<Parameter>,
    device: Device,
    dtype: DType,
}

/// What a training forward pass keeps for backward.
pub struct Pass {
    /// Outputs of the network, in the order of the output nodes' names.
    pub outputs: Vec<Tensor>,
    #[expect(dead_code, reason = "filled by the plan")]
    saved: Vec<Option<Saved>>,
}

/// Gradients in the order of [`Network::parameters`]; `None` for buffers and for parameters that the outputs do not depend on.
pub type Gradients = Vec<Option<Tensor>>;

/// Why a network can't be built or run.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The graph has errors.
    #[error("the network has problems: {}", first(problems))]
    Problems {
        /// All of them.
        problems: Vec<Problem>,
    },
    /// A layer failed.
    #[error("layer {node}: {source}")]
    Layer {
        /// Its path.
        node: NodeId,
        /// What failed.
        source: LayerError,
    },
    /// An input of the wrong shape.
    #[error("the network takes inputs of {expected}, but {received} were given")]
    Input {
        /// What it takes.
        expected: Dims,
        /// What it got.
        received: Dims,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

fn first(problems: &[Problem]) -> String {
    problems.first().map(ToString::to_string).unwrap_or_default()
}

impl Network {
    /// Compiles a graph and makes its parameters with values drawn from the stream `init.<parameter name>` of `seed`.
    ///
    /// # Errors
    /// If the graph has errors or the device no room.
    pub fn build(graph: &Graph, device: &Device, dtype: DType, seed: u64) -> Result<Self, NetworkError> {
        let _ = (graph, seed);
        Ok(Self { parameters: Vec::new(), device: device.clone(), dtype })
    }

    /// All parameters and buffers, in the order of the plan.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The same, to change their values.
    pub fn parameters_mut(&mut self) -> &mut [Parameter] {
        &mut self.parameters
    }

    /// Where it runs.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// In which precision.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Runs without keeping anything. One input tensor per input node, in the order of their names.
    ///
    /// # Errors
    /// If an input has the wrong shape or a layer fails.
    pub fn infer(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, NetworkError> {
        let _ = inputs;
        Ok(Vec::new())
    }

    /// Runs like [`Self::infer`] and gives the output of every node by its path.
    ///
    /// # Errors
    /// As [`Self::infer`].
    pub fn infer_all(&self, inputs: &[Tensor]) -> Result<BTreeMap<String, Tensor>, NetworkError> {
        let _ = inputs;
        Ok(BTreeMap::new())
    }

    /// Runs in training mode and keeps what backward needs; updates running statistics.
    ///
    /// # Errors
    /// As [`Self::infer`].
    pub fn forward(&mut self, inputs: &[Tensor], mode: Mode) -> Result<Pass, NetworkError> {
        let _ = (inputs, mode);
        Ok(Pass { outputs: Vec::new(), saved: Vec::new() })
    }

    /// Gradients of the parameters, given the gradients of the outputs.
    ///
    /// # Errors
    /// If a layer fails.
    pub fn backward(&self, pass: Pass, output_grads: &[Tensor]) -> Result<Gradients, NetworkError> {
        let _ = (pass, output_grads);
        Ok(Vec::new())
    }

    /// The first node, in running order, whose output holds a NaN or an infinity for these inputs, or whose parameter does.
    ///
    /// # Errors
    /// If a layer fails.
    pub fn first_non_finite(&mut self, inputs: &[Tensor], mode: Mode) -> Result<Option<NodeId>, NetworkError> {
        let _ = (inputs, mode);
        Ok(None)
    }
}
