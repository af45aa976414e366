//! Changes of a network, each refused with a reason when it does not fit. A refused change leaves the graph as it was.
//!
//! These are what the layer list and the canvas do; [`crate::project::Edit`] makes them undoable. A half-built network
//! is normal while one edits, so only what could never be meant is refused (a circle, a name twice); everything else is
//! told by [`super::analyze`].

use std::collections::BTreeSet;

use crate::base::{Dims, NodeId, params};
use crate::nn::{LayerKind, LayerSpec};

use super::model::{Graph, Node, NodeRole, Wire};
use super::structure;

/// Why a change was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GraphError(pub String);

type Result<T> = std::result::Result<T, GraphError>;

impl Graph {
    /// A name for a new layer that no node has yet, as PyTorch code would call it: `conv3`, `relu1`, `add`.
    pub fn fresh_name(&self, layer: &LayerSpec) -> NodeId {
        let stem = stem(layer);
        // Layers that only move values are rarely more than one, and read better without a number.
        if is_unnumbered(layer) && !self.nodes.contains_key(&NodeId::from(stem)) {
            return stem.into();
        }
        let numbers = self.nodes.keys().filter_map(|name| name.as_str().strip_prefix(stem)?.parse::<usize>().ok());
        let least = usize::from(is_unnumbered(layer));
        let mut number = numbers.fold(least, usize::max).saturating_add(1);
        loop {
            let name = NodeId(format!("{stem}{number}"));
            if !self.nodes.contains_key(&name) {
                return name;
            }
            number = number.wrapping_add(1);
        }
    }

    /// Puts a new layer behind `after`, between it and all that its first output feeds; in front of the output, if
    /// `after` is `None` or the output itself. Gives the new layer's name.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn add_layer(&mut self, layer: LayerSpec, after: Option<&NodeId>) -> Result<NodeId> {
        let name = self.fresh_name(&layer);
        let after_node = after.map(|after| self.node(after)).transpose()?;
        let is_inside = after_node.is_some_and(|node| !matches!(node.role, NodeRole::Output));
        let source = match after {
            Some(after) if is_inside => Some(Wire { node: after.clone(), port: 0 }),
            _ => self.end(after),
        };
        let mut node = Node { role: NodeRole::Layer(layer), inputs: Vec::new(), position: None };
        if let Some(source) = source {
            for (target, consumer) in &mut self.nodes {
                // At the end only outputs move behind the new layer, not other readers of the same values.
                let is_moved = match after {
                    Some(after) if !is_inside => target == after,
                    Some(_) => true,
                    None => matches!(consumer.role, NodeRole::Output),
                };
                for wire in consumer.inputs.iter_mut().filter(|wire| is_moved && **wire == source) {
                    *wire = Wire { node: name.clone(), port: 0 };
                }
            }
            node.inputs.push(source);
        } else if let Some(output) = self.first_output() {
            // A network without layers so far: the output has waited for this one.
            if let Some(output) = self.nodes.get_mut(&output).filter(|output| output.inputs.is_empty()) {
                output.inputs.push(Wire { node: name.clone(), port: 0 });
            }
        }
        self.nodes.insert(name.clone(), node);
        Ok(name)
    }

    /// Takes a node out and connects what it fed to its first input.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn remove(&mut self, name: &NodeId) -> Result<Node> {
        self.node(name)?;
        let Some(removed) = self.nodes.remove(name) else { return Err(missing(name)) };
        // A node that fed itself has nothing in front of it.
        let source = removed.inputs.first().filter(|wire| wire.node != *name);
        for consumer in self.nodes.values_mut() {
            match source {
                Some(source) => {
                    for wire in consumer.inputs.iter_mut().filter(|wire| wire.node == *name) {
                        wire.clone_from(source);
                    }
                }
                None => consumer.inputs.retain(|wire| wire.node != *name),
            }
        }
        Ok(removed)
    }

    /// Swaps a layer of a chain with the one behind it (`later`) or in front of it.
    ///
    /// # Errors
    /// If the two don't follow each other in a plain chain.
    pub fn move_node(&mut self, name: &NodeId, later: bool) -> Result<()> {
        let neighbour = if later { self.only_reader(name)? } else { self.only_source(name)? };
        let (first, second) = if later { (name.clone(), neighbour) } else { (neighbour, name.clone()) };
        for movable in [&first, &second] {
            if !matches!(self.node(movable)?.role, NodeRole::Layer(_) | NodeRole::Block { .. }) {
                return Err(GraphError(format!(
                    "'{name}' is at the end of its chain: '{movable}' can't change its place"
                )));
            }
        }
        let in_front = self.only_source_wire(&first)?;
        self.only_source_wire(&second)?;
        if self.only_reader(&first)? != second {
            return Err(GraphError(format!("'{first}' and '{second}' don't follow each other in a chain")));
        }
        for (target, consumer) in &mut self.nodes {
            for wire in consumer.inputs.iter_mut().filter(|wire| wire.node == second && *target != first) {
                *wire = Wire { node: first.clone(), port: 0 };
            }
        }
        self.node_mut(&first)?.inputs = vec![Wire { node: second.clone(), port: 0 }];
        self.node_mut(&second)?.inputs = vec![in_front];
        // The places that a person gave belong to the places in the chain.
        let (one, other) = (self.node(&first)?.position, self.node(&second)?.position);
        self.node_mut(&first)?.position = other;
        self.node_mut(&second)?.position = one;
        Ok(())
    }

    /// Gives a node another name; all wires follow.
    ///
    /// # Errors
    /// If the name is taken or can't be a name.
    pub fn rename(&mut self, name: &NodeId, new: &str) -> Result<()> {
        self.node(name)?;
        if let Some(rule) = structure::broken_name_rule(new) {
            return Err(GraphError(rule));
        }
        let new = NodeId::from(new);
        if new == *name {
            return Ok(());
        }
        if self.nodes.contains_key(&new) {
            return Err(GraphError(format!("there is already a layer '{new}'; names must differ")));
        }
        if let Some(node) = self.nodes.remove(name) {
            self.nodes.insert(new.clone(), node);
        }
        for wire in self.nodes.values_mut().flat_map(|node| &mut node.inputs).filter(|wire| wire.node == *name) {
            wire.node.clone_from(&new);
        }
        Ok(())
    }

    /// Gives a node other inputs.
    ///
    /// # Errors
    /// If one of them does not exist, gives nothing, or depends on the node itself.
    pub fn connect(&mut self, name: &NodeId, inputs: Vec<Wire>) -> Result<()> {
        if matches!(self.node(name)?.role, NodeRole::Input { .. }) && !inputs.is_empty() {
            return Err(GraphError(format!("'{name}' is an input of the network and takes nothing from other layers")));
        }
        let behind = self.depends_on(name);
        for wire in &inputs {
            let source = self.node(&wire.node)?;
            if wire.node == *name {
                return Err(GraphError(format!("'{name}' can't feed itself; connect it to a layer in front of it")));
            }
            if matches!(source.role, NodeRole::Output) {
                return Err(GraphError(format!(
                    "'{}' is an output of the network and feeds nothing inside it",
                    wire.node
                )));
            }
            if behind.contains(&wire.node) {
                return Err(GraphError(format!(
                    "'{name}' can't take its values from '{}', which depends on '{name}' itself: that would be a circle",
                    wire.node
                )));
            }
        }
        self.node_mut(name)?.inputs = inputs;
        Ok(())
    }

    /// Gives a layer other settings, or another kind.
    ///
    /// # Errors
    /// If there is no such layer.
    pub fn set_layer(&mut self, name: &NodeId, layer: LayerSpec) -> Result<()> {
        match &mut self.node_mut(name)?.role {
            NodeRole::Layer(present) => {
                *present = layer;
                Ok(())
            }
            _ => Err(GraphError(format!("'{name}' is not a layer, so it has no layer settings"))),
        }
    }

    /// Sets one setting from text: a layer's, a parameter of a block, or `dims` of an input.
    ///
    /// # Errors
    /// If there is no such setting, or the text does not fit it.
    pub fn set(&mut self, name: &NodeId, setting: &str, value: &str) -> Result<()> {
        let block_parameters: Option<Vec<String>> = match &self.node(name)?.role {
            NodeRole::Block { block, .. } => {
                self.blocks.get(block).map(|block| block.parameters.keys().cloned().collect())
            }
            _ => None,
        };
        match &mut self.node_mut(name)?.role {
            NodeRole::Layer(layer) => {
                params::set(layer, setting, value).map_err(|error| GraphError(format!("layer {name}: {error}")))
            }
            NodeRole::Block { values, .. } => {
                let known = block_parameters.unwrap_or_default();
                if known.iter().all(|parameter| parameter != setting) {
                    let known = known.join(", ");
                    return Err(GraphError(format!(
                        "'{name}' has no parameter '{setting}'; its parameters are {known}"
                    )));
                }
                values.insert(setting.to_owned(), value.to_owned());
                Ok(())
            }
            NodeRole::Input { dims } if setting == "dims" => {
                let rule =
                    || GraphError(format!("'dims' of '{name}' must be sizes such as 1x28x28, but '{value}' was given"));
                let parts = value.split(['x', ',', ' ']).filter(|part| !part.is_empty());
                let sizes: Option<Vec<usize>> = parts.map(|part| part.parse().ok().filter(|size| *size > 0)).collect();
                *dims = Dims(sizes.filter(|sizes| !sizes.is_empty()).ok_or_else(rule)?);
                Ok(())
            }
            NodeRole::Input { .. } => {
                Err(GraphError(format!("'{name}' has no setting '{setting}'; its setting is dims")))
            }
            NodeRole::Output => Err(GraphError(format!("'{name}' is an output and has no settings"))),
        }
    }

    fn node(&self, name: &NodeId) -> Result<&Node> {
        self.nodes.get(name).ok_or_else(|| missing(name))
    }

    fn node_mut(&mut self, name: &NodeId) -> Result<&mut Node> {
        self.nodes.get_mut(name).ok_or_else(|| missing(name))
    }

    fn first_output(&self) -> Option<NodeId> {
        self.nodes.iter().find(|(_, node)| matches!(node.role, NodeRole::Output)).map(|(name, _)| name.clone())
    }

    /// What feeds the output (that one, or the first); without an output, the last layer that feeds nothing.
    fn end(&self, output: Option<&NodeId>) -> Option<Wire> {
        if let Some(output) = output.cloned().or_else(|| self.first_output()) {
            return self.nodes.get(&output)?.inputs.first().filter(|wire| self.nodes.contains_key(&wire.node)).cloned();
        }
        let scope = structure::Scope::new(&self.nodes);
        let consumers = scope.consumers();
        let last = scope.order.iter().rev().find(|index| consumers[**index].is_empty()).or(scope.order.last())?;
        Some(Wire { node: scope.nodes.get(*last)?.0.clone(), port: 0 })
    }

    /// All nodes that depend on `name`.
    fn depends_on(&self, name: &NodeId) -> BTreeSet<NodeId> {
        let scope = structure::Scope::new(&self.nodes);
        let consumers = scope.consumers();
        let mut open: Vec<usize> = scope.nodes.iter().position(|(node, _)| *node == name).into_iter().collect();
        let mut behind = BTreeSet::new();
        while let Some(index) = open.pop() {
            for target in &consumers[index] {
                if behind.insert(scope.nodes[*target].0.clone()) {
                    open.push(*target);
                }
            }
        }
        behind
    }

    /// The one node that reads `name`.
    fn only_reader(&self, name: &NodeId) -> Result<NodeId> {
        self.node(name)?;
        let readers: Vec<&NodeId> = self
            .nodes
            .iter()
            .flat_map(|(target, node)| node.inputs.iter().filter(|wire| wire.node == *name).map(move |_| target))
            .collect();
        match readers[..] {
            [reader] => Ok(reader.clone()),
            [] => Err(GraphError(format!("'{name}' feeds nothing, so it is the last of its chain"))),
            _ => {
                Err(GraphError(format!("'{name}' feeds {} inputs, so it is not part of a plain chain", readers.len())))
            }
        }
    }

    fn only_source_wire(&self, name: &NodeId) -> Result<Wire> {
        match &self.node(name)?.inputs[..] {
            [source] => Ok(source.clone()),
            [] => Err(GraphError(format!("'{name}' takes no input, so it is the first of its chain"))),
            inputs => {
                Err(GraphError(format!("'{name}' takes {} inputs, so it is not part of a plain chain", inputs.len())))
            }
        }
    }

    fn only_source(&self, name: &NodeId) -> Result<NodeId> {
        let wire = self.only_source_wire(name)?;
        self.node(&wire.node)?;
        Ok(wire.node)
    }
}

fn missing(name: &NodeId) -> GraphError {
    GraphError(format!("there is no layer '{name}' in the network"))
}

/// What names of such layers start with.
fn stem(layer: &LayerSpec) -> &str {
    match layer.id() {
        "batch_norm" | "layer_norm" | "group_norm" | "instance_norm" | "rms_norm" | "local_response_norm" => "norm",
        "max_pool" | "avg_pool" | "global_pool" | "max_pool1d" | "avg_pool1d" | "global_max_pool" => "pool",
        "conv1d" | "conv2d" | "conv3d" => "conv",
        // A kind from elsewhere may be called anything; names have rules.
        id if structure::broken_name_rule(id).is_some() => "layer",
        id => id,
    }
}

fn is_unnumbered(layer: &LayerSpec) -> bool {
    layer.as_layer().is_some_and(|layer| layer.kind() == LayerKind::Shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{analyze, presets};

    fn cnn() -> Graph {
        presets::by_id("small_cnn").unwrap().graph()
    }

    fn layer(id: &str) -> LayerSpec {
        LayerSpec::from_id(id).unwrap()
    }

    fn source(graph: &Graph, name: &str) -> String {
        graph.nodes[&NodeId::from(name)].inputs.iter().map(|wire| wire.node.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn new_layers_are_named_as_in_pytorch_code() {
        let graph = cnn();
        let name = |id: &str| graph.fresh_name(&layer(id)).0;
        assert_eq!(name("conv2d"), "conv4");
        assert_eq!(name("batch_norm"), "norm4");
        assert_eq!(name("avg_pool"), "pool3");
        assert_eq!(name("linear"), "linear1");
        assert_eq!(name("add"), "add");
        assert_eq!(name("flatten"), "flatten2");
    }

    #[test]
    fn a_new_layer_stands_between_its_source_and_all_that_it_fed() {
        let mut graph = cnn();
        let name = graph.add_layer(layer("relu"), Some(&"pool1".into())).unwrap();
        assert_eq!(name.as_str(), "relu4");
        assert_eq!(source(&graph, "relu4"), "pool1");
        assert_eq!(source(&graph, "conv3"), "relu4");
        // Without a place, and behind the output, it stands in front of the output.
        let name = graph.add_layer(layer("tanh"), None).unwrap();
        assert_eq!((source(&graph, "output"), source(&graph, name.as_str())), ("tanh1".into(), "classes".into()));
        graph.add_layer(layer("tanh"), Some(&"output".into())).unwrap();
        assert_eq!((source(&graph, "output"), source(&graph, "tanh2")), ("tanh2".into(), "tanh1".into()));
        assert_eq!(analyze(&graph).problems, Vec::new());
        assert!(graph.add_layer(layer("relu"), Some(&"nobody".into())).is_err());
    }

    #[test]
    fn a_network_can_be_made_from_nothing() {
        let mut graph = Graph::default();
        graph.add_layer(layer("relu"), None).unwrap();
        graph.add_layer(layer("flatten"), None).unwrap();
        assert_eq!(source(&graph, "flatten"), "relu1");
        graph.nodes.insert("output".into(), Node { inputs: Vec::new(), ..Node::output("") });
        graph.add_layer(layer("tanh"), None).unwrap();
        assert_eq!(source(&graph, "output"), "tanh1");
    }

    #[test]
    fn what_a_removed_layer_fed_reads_what_it_read() {
        let mut graph = cnn();
        graph.remove(&"norm1".into()).unwrap();
        assert_eq!(source(&graph, "relu1"), "conv1");
        assert_eq!(analyze(&graph).problems, Vec::new());
        graph.remove(&"image".into()).unwrap();
        assert_eq!(source(&graph, "conv1"), "");
        assert!(graph.remove(&"image".into()).is_err());
    }

    #[test]
    fn neighbours_of_a_chain_swap() {
        let mut graph = cnn();
        graph.move_node(&"norm1".into(), true).unwrap();
        assert_eq!(source(&graph, "relu1"), "conv1");
        assert_eq!(source(&graph, "norm1"), "relu1");
        assert_eq!(source(&graph, "conv2"), "norm1");
        graph.move_node(&"norm1".into(), false).unwrap();
        assert_eq!(graph, cnn());
        let refused = |name: &str, later: bool| cnn().move_node(&name.into(), later).unwrap_err().to_string();
        assert_eq!(refused("conv1", false), "'conv1' is at the end of its chain: 'image' can't change its place");
        assert_eq!(refused("classes", true), "'classes' is at the end of its chain: 'output' can't change its place");
    }

    #[test]
    fn branches_do_not_move() {
        let mut graph = cnn();
        graph.add_layer(layer("add"), Some(&"relu3".into())).unwrap();
        graph.connect(&"add".into(), vec!["relu3".into(), "pool1".into()]).unwrap();
        let before = graph.clone();
        assert!(graph.move_node(&"pool1".into(), true).unwrap_err().0.contains("feeds 2 inputs"));
        assert!(graph.move_node(&"add".into(), false).unwrap_err().0.contains("takes 2 inputs"));
        assert_eq!(graph, before);
    }

    #[test]
    fn wires_follow_a_new_name() {
        let mut graph = cnn();
        graph.rename(&"pool1".into(), "shrink").unwrap();
        assert_eq!(source(&graph, "conv3"), "shrink");
        assert_eq!(analyze(&graph).problems, Vec::new());
        let refused = |new: &str| cnn().rename(&"pool1".into(), new).unwrap_err().to_string();
        assert_eq!(refused("pool2"), "there is already a layer 'pool2'; names must differ");
        assert!(refused("a.b").contains("can't contain a dot"));
    }

    #[test]
    fn circles_can_not_be_drawn() {
        let mut graph = cnn();
        let refused = graph.connect(&"conv1".into(), vec!["relu3".into()]).unwrap_err().to_string();
        assert_eq!(
            refused,
            "'conv1' can't take its values from 'relu3', which depends on 'conv1' itself: that would be a circle"
        );
        assert!(graph.connect(&"conv1".into(), vec!["conv1".into()]).is_err());
        assert!(graph.connect(&"conv1".into(), vec!["output".into()]).is_err());
        assert!(graph.connect(&"image".into(), vec!["conv1".into()]).is_err());
        assert_eq!(graph, cnn());
        graph.connect(&"conv2".into(), vec!["conv1".into()]).unwrap();
        assert_eq!(source(&graph, "conv2"), "conv1");
    }

    #[test]
    fn settings_are_set_from_text() {
        let mut graph = cnn();
        graph.set(&"conv1".into(), "out_channels", "12").unwrap();
        graph.set(&"image".into(), "dims", "3x32x32").unwrap();
        let analysis = analyze(&graph);
        assert_eq!(analysis.nodes[&NodeId::from("conv1")].outputs, vec![Dims::from([12, 32, 32])]);
        let refused = graph.set(&"conv1".into(), "chanels", "1").unwrap_err().to_string();
        assert!(refused.starts_with("layer conv1: there is no setting 'chanels'; the settings here are out_channels"));
        assert!(graph.set(&"conv1".into(), "out_channels", "0").is_err());
        assert!(graph.set(&"image".into(), "dims", "3xx").is_ok(), "a stray mark is no harm");
        assert!(graph.set(&"image".into(), "dims", "0x3").is_err());
        assert!(graph.set(&"output".into(), "x", "1").is_err());
    }
}
