//! Everything a project file holds.

use serde::{Deserialize, Serialize};

use crate::data::DataConfig;
use crate::graph::Graph;
use crate::train::TrainConfig;

/// The project: no tensors, threads or handles. Shared as `Arc<Project>`; changed only by [`super::Edit`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// Version of the file's layout, [`Self::SCHEMA`] when written by this version.
    pub schema: u32,
    /// For people.
    pub name: String,
    /// The data, once some is chosen.
    pub data: Option<DataConfig>,
    /// Name of the network, by default its preset: runs are called after it.
    pub network: String,
    /// The network.
    pub graph: Graph,
    /// Settings of the next run.
    pub train: TrainConfig,
    /// What the window shows: step, selected run, panel layout. Not part of undo, and stored beside the project file
    /// rather than in it, so that looking at a project does not change it for version control.
    #[serde(skip_serializing)]
    pub view: View,
}

impl Project {
    /// The version of the file's layout that this program writes.
    pub const SCHEMA: u32 = 1;

    /// An empty project of that name.
    pub fn named(name: &str) -> Self {
        Self { schema: Self::SCHEMA, name: name.to_owned(), ..Self::default() }
    }

    /// Whether both hold the same work; what the window shows may differ.
    pub fn same_content(&self, other: &Self) -> bool {
        let Self { schema: _, name, data, network, graph, train, view: _ } = self;
        *name == other.name
            && *data == other.data
            && *network == other.network
            && *train == other.train
            && *graph == other.graph
    }
}

/// What the window shows, so that it reopens as it was.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// The step.
    pub step: Step,
    /// The run whose curves and evaluation are shown.
    pub run: Option<crate::base::RunId>,
    /// The dock's layout per step, as the window stores it.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub layout: serde_json::Map<String, serde_json::Value>,
}

/// The five steps of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Import, look, split.
    #[default]
    Data,
    /// Design.
    Network,
    /// Run and watch.
    Train,
    /// Judge.
    Evaluate,
    /// Use.
    Predict,
}

impl Step {
    /// In order.
    pub const ALL: [Self; 5] = [Self::Data, Self::Network, Self::Train, Self::Evaluate, Self::Predict];

    /// As shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Data => "Data",
            Self::Network => "Network",
            Self::Train => "Train",
            Self::Evaluate => "Evaluate",
            Self::Predict => "Predict",
        }
    }
}
