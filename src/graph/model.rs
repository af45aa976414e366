//! The network as the editor and the project file see it.

use std::collections::BTreeMap;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::{Dims, NodeId};
use crate::nn::LayerSpec;

/// Nodes by name; the wires are the nodes' inputs. Several inputs and outputs, nested blocks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Graph {
    /// Every node under its name.
    #[serde(deserialize_with = "nodes_without_repeats")]
    pub nodes: BTreeMap<NodeId, Node>,
    /// Named sub-graphs, defined once and instanced by nodes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub blocks: BTreeMap<String, Block>,
}

/// One box of the drawing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// What it does.
    #[serde(flatten)]
    pub role: NodeRole,
    /// Where its inputs come from, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Wire>,
    /// Place on the canvas where a person put it; `None` is laid out automatically.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<[f32; 2]>,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeRole {
    /// Takes data from outside.
    Input {
        /// Shape of one sample.
        dims: Dims,
    },
    /// Computes.
    Layer(LayerSpec),
    /// An instance of a block of [`Graph::blocks`].
    Block {
        /// Name of the block.
        block: String,
        /// Values for the block's parameters, as `--set` takes them.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        values: BTreeMap<String, String>,
    },
    /// Gives its input to the outside.
    Output,
}

/// An output of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wire {
    /// The node.
    pub node: NodeId,
    /// Which of its outputs, counted from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub port: usize,
}

/// A named sub-graph. Its input and output nodes, in the order of their names, are the instance's ports.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Block {
    /// What is inside.
    #[serde(deserialize_with = "nodes_without_repeats")]
    pub nodes: BTreeMap<NodeId, Node>,
    /// Parameters with their default values, as `--set` takes them.
    pub parameters: BTreeMap<String, String>,
    /// Which setting of which inner node a parameter sets: (parameter, node, setting).
    pub bindings: Vec<(String, NodeId, String)>,
}

impl Block {
    /// How many inputs an instance has.
    pub fn input_count(&self) -> usize {
        self.nodes.values().filter(|node| matches!(node.role, NodeRole::Input { .. })).count()
    }

    /// How many outputs an instance has.
    pub fn output_count(&self) -> usize {
        self.nodes.values().filter(|node| matches!(node.role, NodeRole::Output)).count()
    }
}

impl Node {
    /// A layer that takes its inputs from there.
    pub fn layer(layer: LayerSpec, inputs: &[&str]) -> Self {
        Self {
            role: NodeRole::Layer(layer),
            inputs: inputs.iter().map(|name| Wire::from(*name)).collect(),
            position: None,
        }
    }

    /// An input of the network.
    pub fn input(dims: Dims) -> Self {
        Self { role: NodeRole::Input { dims }, inputs: Vec::new(), position: None }
    }

    /// An output of the network.
    pub fn output(from: &str) -> Self {
        Self { role: NodeRole::Output, inputs: vec![Wire::from(from)], position: None }
    }
}

impl From<&str> for Wire {
    fn from(node: &str) -> Self {
        Self { node: node.into(), port: 0 }
    }
}

fn is_zero(port: &usize) -> bool {
    *port == 0
}

/// A name that stands twice (after a careless merge, say) would silently lose one of its nodes; so it is an error.
fn nodes_without_repeats<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<NodeId, Node>, D::Error> {
    struct Nodes;

    impl<'de> Visitor<'de> for Nodes {
        type Value = BTreeMap<NodeId, Node>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("nodes by name")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut nodes = BTreeMap::new();
            while let Some((name, node)) = map.next_entry::<NodeId, Node>()? {
                if let Some(name) = nodes.contains_key(&name).then(|| name.clone()) {
                    return Err(M::Error::custom(format!(
                        "the network has two nodes of the name '{name}'; rename one"
                    )));
                }
                nodes.insert(name, node);
            }
            Ok(nodes)
        }
    }

    deserializer.deserialize_map(Nodes)
}
