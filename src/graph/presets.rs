//! Ready networks, stored as data in `assets/presets`. A new one is a file there and a line in [`all`].

use crate::base::{Dims, NodeId, params};
use crate::data::{InputKind, Task};
use crate::nn::LayerSpec;

use super::Graph;
use super::model::{Node, NodeRole};

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

#[rustfmt::skip]
const ALL: [Preset; 2] = [
    Preset { id: "small_cnn", label: "Small CNN", help: "Three convolutions with batch norm: a good first network for small images.", json: include_str!("../../assets/presets/small_cnn.json") },
    Preset { id: "mlp", label: "Multilayer perceptron", help: "Three linear layers: a good first network for tables.", json: include_str!("../../assets/presets/mlp.json") },
];

/// Every preset.
pub fn all() -> &'static [Preset] {
    &ALL
}

/// The preset of that id.
pub fn by_id(id: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.id == id)
}

/// The preset to start with for such data.
pub fn default_for(input: &InputKind, task: Task) -> &'static Preset {
    let [cnn, mlp] = &ALL;
    // A task changes the last layer alone, see `graph_for`.
    let _ = task;
    match input {
        InputKind::Image { .. } => cnn,
        InputKind::Table { .. } => mlp,
    }
}

impl Preset {
    /// The network as published.
    pub fn graph(&self) -> Graph {
        serde_json::from_str(self.json).unwrap_or_default()
    }

    /// The network fitted to data: its input takes `input`, its last layer gives `classes` values (1 for regression).
    pub fn graph_for(&self, input: &Dims, classes: usize, task: Task) -> Graph {
        let mut graph = self.graph();
        fit_input(&mut graph, input);
        fit_output(&mut graph, classes, task);
        graph
    }
}

/// Gives the network's inputs another shape. Where the new images are much larger than the network expects, the first
/// convolution takes larger steps, so that training stays quick on a laptop.
fn fit_input(graph: &mut Graph, input: &Dims) {
    /// Height or width that the steps of the first convolution aim at, at least.
    const SIDE: usize = 40;
    let inputs: Vec<NodeId> = graph
        .nodes
        .iter()
        .filter(|(_, node)| matches!(node.role, NodeRole::Input { .. }))
        .map(|(name, _)| name.clone())
        .collect();
    let smaller = match input.0[..] {
        [_, height, width] => height.min(width),
        _ => 0,
    };
    let stride = match smaller / SIDE {
        0 | 1 => 1,
        2 | 3 => 2,
        _ => 4,
    };
    for node in graph.nodes.values_mut() {
        let is_first = node.inputs.iter().any(|wire| inputs.contains(&wire.node));
        match &mut node.role {
            NodeRole::Input { dims } => dims.clone_from(input),
            NodeRole::Layer(layer) if is_first && layer.id() == "conv2d" && stride > 1 => {
                // The filters must overlap: PyTorch's ResNet takes 7 x 7 for large steps.
                let kernel = 2 * stride - 1;
                for (setting, value) in [("stride", stride), ("kernel", kernel), ("padding", kernel / 2)] {
                    if params::set(layer, setting, &value.to_string()).is_err() {
                        return;
                    }
                }
            }
            _ => {}
        }
    }
}

/// Gives the last linear layer in front of each output so many values.
fn fit_output(graph: &mut Graph, classes: usize, task: Task) {
    let values = match task {
        Task::Classification => classes.max(1),
        Task::Regression => 1,
    };
    let ends: Vec<&Node> = graph.nodes.values().filter(|node| matches!(node.role, NodeRole::Output)).collect();
    let mut last_layers = Vec::new();
    for end in ends {
        let mut at = end;
        // At most once round: a circle would never end.
        for _ in 0..graph.nodes.len() {
            let Some(name) = at.inputs.first().map(|wire| &wire.node) else { break };
            let Some(node) = graph.nodes.get(name) else { break };
            if matches!(node.role, NodeRole::Layer(LayerSpec::Linear(_))) {
                last_layers.push(name.clone());
                break;
            }
            at = node;
        }
    }
    for name in last_layers {
        if let Some(NodeRole::Layer(LayerSpec::Linear(linear))) = graph.nodes.get_mut(&name).map(|node| &mut node.role)
        {
            linear.out_features = values;
        }
        if task == Task::Regression && name.as_str() == "classes" {
            // The name is taken only if the preset itself has such a node.
            let _ = graph.rename(&name, "value");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::importers::Filter;
    use crate::graph::analyze;

    /// Shapes of the data sets that the first issue names: digits, MNIST, hand signs, and a large photo.
    const IMAGES: [[usize; 3]; 4] = [[1, 8, 8], [1, 28, 28], [3, 100, 100], [3, 224, 224]];

    #[test]
    fn every_preset_fits_images_without_problems() {
        for preset in all() {
            for dims in IMAGES {
                let graph = preset.graph_for(&dims.into(), 7, Task::Classification);
                let analysis = analyze(&graph);
                assert_eq!(analysis.problems, Vec::new(), "{} on {dims:?}", preset.id);
                assert!(analysis.is_runnable());
                assert_eq!(analysis.inputs, vec![Dims::from(dims)]);
                assert_eq!(analysis.outputs, vec![Dims::from([7])]);
            }
        }
    }

    #[test]
    fn tables_get_a_network_that_fits_them() {
        let preset = default_for(&InputKind::Table { columns: Vec::new() }, Task::Classification);
        let graph = preset.graph_for(&[4].into(), 3, Task::Classification);
        let analysis = analyze(&graph);
        assert_eq!(analysis.problems, Vec::new());
        assert_eq!(analysis.outputs, vec![Dims::from([3])]);
        // 4*128+128 + 128*64+64 + 64*3+3
        assert_eq!(analysis.total.parameters, 9_091);

        let graph = preset.graph_for(&[4].into(), 0, Task::Regression);
        assert_eq!(analyze(&graph).outputs, vec![Dims::from([1])]);
        assert!(graph.nodes.contains_key(&NodeId::from("value")), "a value is not called classes");
    }

    #[test]
    fn images_get_the_convolutional_network() {
        let preset = default_for(&InputKind::Image { filter: Filter::default() }, Task::Classification);
        let analysis = analyze(&preset.graph_for(&[1, 8, 8].into(), 10, Task::Classification));
        assert_eq!(analysis.conv_layers, 3);
        assert_eq!(analysis.linear_layers, 1);
        let order: Vec<&str> = analysis.order.iter().map(NodeId::as_str).collect();
        assert_eq!(order[..4], ["image", "conv1", "norm1", "relu1"]);
        assert_eq!(order.last(), Some(&"output"));
        // PyTorch: 32*9 + 64 + 64*32*9 + 128 + 64*64*9 + 128 + 256*10 + 10
        assert_eq!(analysis.total.parameters, 58_474);
        assert_eq!(analysis.total.buffers, 2 * (32 + 64 + 64));
    }

    #[test]
    fn presets_are_stored_as_they_are_saved() {
        for preset in all() {
            let graph = preset.graph();
            assert!(!graph.nodes.is_empty(), "{} can't be read", preset.id);
            let once = serde_json::to_string_pretty(&graph).unwrap();
            let again: Graph = serde_json::from_str(&once).unwrap();
            assert_eq!(again, graph);
            assert_eq!(serde_json::to_string_pretty(&again).unwrap(), once);
        }
    }
}
