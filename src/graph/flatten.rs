//! Opens all blocks: from the graph as people draw it to one list of layers in running order, each with its full
//! path, its settings with the block's parameters applied, and its shapes. [`super::analyze`] and
//! [`super::Network`] both start from this list, so that what is shown is what runs.

use std::collections::BTreeMap;

use crate::base::{Dims, NodeId, Place, Problem, params};
use crate::nn::layers::Linear;
use crate::nn::{Cost, LayerError, LayerSpec, ParamSpec};

use super::bindings::{bind, check_bindings};
use super::model::{Block, Graph, NodeRole};
use super::structure::{self, Scope};

/// More layers than this are refused: blocks within blocks can multiply without end.
const MOST_LAYERS: usize = 100_000;

/// Output of a flat node: its index and which of its outputs.
pub(super) type Source = (usize, usize);

/// All layers in running order.
#[derive(Debug, Default)]
pub(super) struct Flat {
    /// In running order: sources come before what they feed.
    pub(super) nodes: Vec<FlatNode>,
    /// Inputs of the network in the order of their names.
    pub(super) inputs: Vec<usize>,
    /// Outputs of the network in the order of their names.
    pub(super) outputs: Vec<usize>,
    /// Instances of blocks with what they hold, outermost last.
    pub(super) blocks: Vec<FlatBlock>,
    /// Top-level names in running order, those on a circle at the end.
    pub(super) order: Vec<NodeId>,
    /// Everything that is wrong.
    pub(super) problems: Vec<Problem>,
}

/// One layer, input or output of the network.
#[derive(Debug)]
pub(super) struct FlatNode {
    /// Path through the blocks.
    pub(super) path: NodeId,
    /// What it does.
    pub(super) role: FlatRole,
    /// Where its inputs come from; `None` where that is broken.
    pub(super) sources: Vec<Option<Source>>,
    /// Shapes of its inputs; empty if one of them is not known.
    pub(super) inputs: Vec<Dims>,
    /// Shapes of its outputs; empty if they are not known. An output node gives its input's.
    pub(super) outputs: Vec<Dims>,
    /// What it owns.
    pub(super) parameters: Vec<ParamSpec>,
    /// The node whose first parameter is its only one.
    pub(super) tied: Option<usize>,
    /// For one sample.
    pub(super) cost: Cost,
    /// Whether an output depends on it.
    pub(super) is_used: bool,
}

/// What a flat node does.
#[derive(Debug)]
pub(super) enum FlatRole {
    /// Takes data from outside.
    Input,
    /// Computes.
    Layer(LayerSpec),
    /// Gives its input to the outside.
    Output,
}

/// An instance of a block.
#[derive(Debug)]
pub(super) struct FlatBlock {
    /// Its path.
    pub(super) path: NodeId,
    /// What feeds it.
    pub(super) sources: Vec<Option<Source>>,
    /// What its outputs are.
    pub(super) outputs: Vec<Option<Source>>,
    /// Its layers.
    pub(super) layers: std::ops::Range<usize>,
}

impl Flat {
    /// Opens all blocks, finds all shapes and all problems.
    pub(super) fn new(graph: &Graph) -> Self {
        let mut flat = Self::default();
        let top = Scope::new(&graph.nodes);
        top.check(&graph.blocks, &|name| Place::Node(name.clone()), &mut flat.problems);
        if top.inputs.is_empty() {
            let hint = "Add an input with the shape of one sample";
            flat.problems.push(Problem::error(Place::Project, "The network has no input", hint));
        }
        if top.outputs.is_empty() {
            let hint = "Add an output and connect it to the last layer";
            flat.problems.push(Problem::error(Place::Project, "The network has no output", hint));
        }
        flat.order =
            top.order.iter().filter_map(|index| top.nodes.get(*index)).map(|(name, _)| (*name).clone()).collect();
        let Some(scopes) = flat.check_blocks(graph, &top) else { return flat };
        flat.open(graph, &top, &scopes);
        flat.mark_used();
        let indices = 0..flat.nodes.len();
        flat.inputs = indices.clone().filter(|index| matches!(flat.nodes[*index].role, FlatRole::Input)).collect();
        flat.outputs = indices.filter(|index| matches!(flat.nodes[*index].role, FlatRole::Output)).collect();
        flat.inputs.sort_by_key(|index| &flat.nodes[*index].path);
        flat.outputs.sort_by_key(|index| &flat.nodes[*index].path);
        flat
    }

    /// Shape on a wire, if it is known.
    pub(super) fn dims(&self, source: Option<Source>) -> Option<&Dims> {
        let (node, port) = source?;
        self.nodes.get(node)?.outputs.get(port)
    }

    /// Checks every block once, however often it is instanced. `None` if the blocks can't be opened at all.
    fn check_blocks<'a>(&mut self, graph: &'a Graph, top: &Scope<'_>) -> Option<BTreeMap<&'a str, Scope<'a>>> {
        let mut scopes = BTreeMap::new();
        for (name, block) in &graph.blocks {
            let scope = Scope::new(&block.nodes);
            let mut found = Vec::new();
            if let Some(rule) = structure::broken_name_rule(name) {
                found.push(Problem::error(Place::Node(NodeId(name.clone())), rule, "Rename the block"));
            }
            let place = |node: &NodeId| Place::Node(NodeId(format!("{name}.{node}")));
            scope.check(&graph.blocks, &place, &mut found);
            if scope.outputs.is_empty() {
                let message = format!("The block '{name}' has no output");
                found.push(Problem::error(
                    Place::Node(NodeId(name.clone())),
                    message,
                    "Add an output inside the block",
                ));
            }
            check_bindings(name, block, &mut found);
            self.problems.append(&mut found);
            scopes.insert(name.as_str(), scope);
        }
        let sizes = self.block_sizes(&scopes)?;
        let total = scope_size(top, &sizes);
        if total > MOST_LAYERS {
            let message = format!(
                "The network has {total} layers once its blocks are opened; at most {MOST_LAYERS} are possible"
            );
            self.problems.push(Problem::error(Place::Project, message, "Use fewer instances of its blocks"));
            return None;
        }
        Some(scopes)
    }

    /// How many layers each block holds when opened; `None` (with a problem) if a block contains itself.
    fn block_sizes<'a>(&mut self, scopes: &BTreeMap<&'a str, Scope<'a>>) -> Option<BTreeMap<&'a str, usize>> {
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        // Blocks whose inner blocks are all known get known, until nothing changes.
        loop {
            let known = sizes.len();
            for (name, scope) in scopes {
                let ready = instances(scope).all(|inner| sizes.contains_key(inner) || !scopes.contains_key(inner));
                if !sizes.contains_key(name) && ready {
                    let size = scope_size(scope, &sizes);
                    sizes.insert(name, size);
                }
            }
            if sizes.len() == scopes.len() {
                return Some(sizes);
            }
            if sizes.len() == known {
                break;
            }
        }
        let mut names: Vec<&str> = scopes.keys().copied().filter(|name| !sizes.contains_key(name)).collect();
        names.truncate(10);
        let message = format!("Blocks can't contain themselves, but there is a circle among {}", names.join(", "));
        let place = Place::Node(NodeId((*names.first().unwrap_or(&"")).to_owned()));
        self.problems.push(Problem::error(place, message, "Take the instance out of the block that contains it"));
        None
    }

    /// Walks through all scopes in running order with a stack of its own.
    fn open<'a>(&mut self, graph: &'a Graph, top: &'a Scope<'a>, scopes: &'a BTreeMap<&'a str, Scope<'a>>) {
        let mut stack = vec![Frame::new(top, None, String::new(), Vec::new(), BTreeMap::new(), 0)];
        while let Some(frame) = stack.last_mut() {
            let Some(&index) = frame.scope.order.get(frame.next) else {
                // The end of a block: its outputs become those of the instance.
                let Some(done) = stack.pop() else { return };
                if let Some(parent) = stack.last_mut() {
                    let outputs: Vec<Option<Source>> = done
                        .scope
                        .outputs
                        .iter()
                        .map(|index| done.given.get(*index).and_then(|given| given.first().copied().flatten()))
                        .collect();
                    let layers = done.first_layer..self.nodes.len();
                    let path = NodeId(done.prefix.trim_end_matches('.').to_owned());
                    self.blocks.push(FlatBlock { path, sources: done.inputs, outputs: outputs.clone(), layers });
                    if let Some(given) = parent.given.get_mut(done.instance) {
                        *given = outputs;
                    }
                }
                continue;
            };
            frame.next += 1;
            let (name, node) = frame.scope.nodes[index];
            let path = NodeId(format!("{}{name}", frame.prefix));
            let sources: Vec<Option<Source>> = frame.scope.sources[index]
                .iter()
                .map(|wire| {
                    let (source, port) = (*wire)?;
                    // Nodes on circles have given nothing yet.
                    frame.given.get(source)?.get(port).copied().flatten()
                })
                .collect();
            match (&node.role, frame.block) {
                (NodeRole::Input { .. }, Some(_)) => {
                    let port = frame.scope.inputs.iter().position(|input| *input == index);
                    let given = port.and_then(|port| frame.inputs.get(port).copied().flatten());
                    frame.given[index] = vec![given];
                }
                (NodeRole::Output, Some(_)) => frame.given[index] = vec![sources.first().copied().flatten()],
                (NodeRole::Input { dims }, None) => {
                    frame.given[index] = vec![Some((self.nodes.len(), 0))];
                    self.push_input(path, dims);
                }
                (NodeRole::Output, None) => {
                    let dims = self.dims(sources.first().copied().flatten()).cloned();
                    let cost = Cost::default();
                    let shape: Vec<Dims> = dims.into_iter().collect();
                    self.push(FlatNode {
                        path,
                        role: FlatRole::Output,
                        sources,
                        inputs: shape.clone(),
                        outputs: shape,
                        parameters: Vec::new(),
                        tied: None,
                        cost,
                        is_used: false,
                    });
                }
                (NodeRole::Layer(spec), block) => {
                    let mut spec = spec.clone();
                    if let Some(block) = block {
                        bind(
                            block,
                            &frame.values,
                            name,
                            &mut |setting, value| {
                                params::set(&mut spec, setting, value).map_err(|error| error.to_string())
                            },
                            &path,
                            &mut self.problems,
                        );
                    }
                    for (position, wire) in frame.scope.sources[index].iter().enumerate() {
                        let (Some((from, port)), None) = (*wire, sources[position]) else { continue };
                        // Other nodes' outputs were counted when the wires were checked.
                        let outputs = frame.given[from].len();
                        if matches!(frame.scope.nodes[from].1.role, NodeRole::Layer(_)) && outputs > 0 {
                            let source = frame.scope.nodes[from].0.as_str();
                            let place = Place::Node(path.clone());
                            self.problems.push(structure::unknown_port(place, &path, position, source, port, outputs));
                        }
                    }
                    let outputs = self.push_layer(path, spec, sources);
                    let layer = self.nodes.len() - 1;
                    frame.given[index] = (0..outputs).map(|port| Some((layer, port))).collect();
                }
                (NodeRole::Block { block: inner, values }, block) => {
                    let (Some(definition), Some(scope)) = (graph.blocks.get(inner), scopes.get(inner.as_str())) else {
                        continue;
                    };
                    let mut given = definition.parameters.clone();
                    for (parameter, value) in values {
                        if given.insert(parameter.clone(), value.clone()).is_none() {
                            let known: Vec<&str> = definition.parameters.keys().map(String::as_str).collect();
                            let hint = if known.is_empty() {
                                "It has no parameters".to_owned()
                            } else {
                                format!("Its parameters are {}", known.join(", "))
                            };
                            let message =
                                format!("'{path}' sets '{parameter}', which the block '{inner}' does not have");
                            self.problems.push(Problem::error(Place::Node(path.clone()), message, hint));
                        }
                    }
                    if let Some(block) = block {
                        bind(
                            block,
                            &frame.values,
                            name,
                            &mut |setting, value| match given.get_mut(setting) {
                                Some(place) => {
                                    value.clone_into(place);
                                    Ok(())
                                }
                                None => Err(format!("the block '{inner}' has no parameter '{setting}'")),
                            },
                            &path,
                            &mut self.problems,
                        );
                    }
                    let prefix = format!("{path}.");
                    let first_layer = self.nodes.len();
                    stack.push(Frame {
                        instance: index,
                        ..Frame::new(scope, Some(definition), prefix, sources, given, first_layer)
                    });
                }
            }
        }
    }

    fn push(&mut self, node: FlatNode) {
        self.nodes.push(node);
    }

    fn push_input(&mut self, path: NodeId, dims: &Dims) {
        let mut outputs = Vec::new();
        match too_large(dims) {
            _ if dims.0.is_empty() || dims.0.contains(&0) => {
                let message = format!("The sizes of an input must be 1 or more, but '{path}' has the shape [{dims}]");
                let hint = "Give the shape of one sample, e.g. 1 x 28 x 28 for a grey image";
                self.problems.push(Problem::error(Place::Node(path.clone()), message, hint));
            }
            Some(message) => {
                let message = format!("The input '{path}' {message}");
                self.problems.push(Problem::error(Place::Node(path.clone()), message, "Make the input smaller"));
            }
            None => outputs.push(dims.clone()),
        }
        let cost = Cost { output_bytes: outputs.first().map_or(0, bytes), ..Cost::default() };
        self.push(FlatNode {
            path,
            role: FlatRole::Input,
            sources: Vec::new(),
            inputs: Vec::new(),
            outputs,
            parameters: Vec::new(),
            tied: None,
            cost,
            is_used: false,
        });
    }

    /// Adds a layer with its shapes and gives the number of its outputs (1 where that is not known).
    fn push_layer(&mut self, path: NodeId, spec: LayerSpec, sources: Vec<Option<Source>>) -> usize {
        let inputs: Option<Vec<Dims>> = sources.iter().map(|source| self.dims(*source).cloned()).collect();
        let mut node = FlatNode {
            path,
            role: FlatRole::Layer(LayerSpec::Unknown(serde_json::Map::new())),
            sources,
            inputs: inputs.unwrap_or_default(),
            outputs: Vec::new(),
            parameters: Vec::new(),
            tied: None,
            cost: Cost::default(),
            is_used: false,
        };
        if let Some(layer) = spec.as_layer()
            && structure::fits(layer.arity(), node.inputs.len())
            && node.inputs.len() == node.sources.len()
        {
            match spec.outputs(&node.inputs) {
                Ok(outputs) => {
                    node.parameters = spec.parameters(&node.inputs);
                    node.cost = spec.cost(&node.inputs, &outputs);
                    node.outputs = outputs;
                }
                Err(LayerError::Shape { message, hint }) => {
                    self.problems.push(Problem::error(Place::Node(node.path.clone()), message, hint));
                }
                Err(LayerError::Tensor(error)) => {
                    self.problems.push(Problem::error(Place::Node(node.path.clone()), error.to_string(), ""));
                }
            }
        }
        self.tie(&mut node, &spec);
        let outputs = node.outputs.len().max(1);
        node.role = FlatRole::Layer(spec);
        self.push(node);
        outputs
    }

    /// Lets a linear layer take the table of an embedding as its weights.
    fn tie(&mut self, node: &mut FlatNode, spec: &LayerSpec) {
        let LayerSpec::Linear(Linear { tied, .. }) = spec else { return };
        let Some(wanted) = node.parameters.first().filter(|_| !tied.is_empty()) else { return };
        let is_it = |other: &FlatNode| {
            other.path.as_str() == tied && matches!(other.role, FlatRole::Layer(LayerSpec::Embedding(_)))
        };
        let found = self.nodes.iter().position(is_it);
        let table = found.and_then(|index| self.nodes.get(index)?.parameters.first());
        let (message, hint) = match table {
            Some(table) if table.dims == wanted.dims => {
                node.cost.parameters = 0;
                node.parameters.clear();
                node.tied = found;
                return;
            }
            Some(table) => (
                format!(
                    "'{}' takes the table of '{tied}' as weights, which is {}, but it needs {}",
                    node.path,
                    Dims::from(&table.dims[..]),
                    Dims::from(&wanted.dims[..])
                ),
                "Give it as many outputs as the embedding has tokens, and inputs as wide as its rows",
            ),
            None => (
                format!(
                    "'{}' takes the table of '{tied}' as weights, but there is no embedding of that path before it",
                    node.path
                ),
                "Write the path of an embedding, or nothing for weights of its own",
            ),
        };
        self.problems.push(Problem::error(Place::Node(node.path.clone()), message, hint));
    }

    fn mark_used(&mut self) {
        for index in (0..self.nodes.len()).rev() {
            let Some(node) = self.nodes.get_mut(index) else { continue };
            node.is_used |= matches!(node.role, FlatRole::Output);
            if node.is_used {
                // A table is needed wherever it is read.
                let sources = node.sources.iter().flatten().map(|(source, _)| *source).chain(node.tied);
                let sources: Vec<usize> = sources.collect();
                for source in sources {
                    if let Some(source) = self.nodes.get_mut(source) {
                        source.is_used = true;
                    }
                }
            }
        }
    }
}

/// One level of names being walked through.
struct Frame<'a> {
    scope: &'a Scope<'a>,
    /// The block that it is the inside of; `None` for the graph itself.
    block: Option<&'a Block>,
    /// Index of the instance in the scope outside.
    instance: usize,
    /// Path of the instance and a dot.
    prefix: String,
    /// Position in the scope's order.
    next: usize,
    /// What feeds the instance.
    inputs: Vec<Option<Source>>,
    /// The block's parameters.
    values: BTreeMap<String, String>,
    /// What each node gives.
    given: Vec<Vec<Option<Source>>>,
    first_layer: usize,
}

impl<'a> Frame<'a> {
    fn new(
        scope: &'a Scope<'a>,
        block: Option<&'a Block>,
        prefix: String,
        inputs: Vec<Option<Source>>,
        values: BTreeMap<String, String>,
        first_layer: usize,
    ) -> Self {
        let given = vec![Vec::new(); scope.nodes.len()];
        Self { scope, block, instance: 0, prefix, next: 0, inputs, values, given, first_layer }
    }
}

/// Names of the blocks that are instanced in a scope.
fn instances<'a>(scope: &Scope<'a>) -> impl Iterator<Item = &'a str> {
    scope.nodes.iter().filter_map(|(_, node)| match &node.role {
        NodeRole::Block { block, .. } => Some(block.as_str()),
        _ => None,
    })
}

fn scope_size(scope: &Scope<'_>, sizes: &BTreeMap<&str, usize>) -> usize {
    // An instance counts for itself too: blocks that hold nothing but empty blocks must end as well.
    instances(scope).fold(scope.nodes.len(), |sum, inner| sum.saturating_add(sizes.get(inner).copied().unwrap_or(0)))
}

/// What is said of a shape whose values could never be stored.
fn too_large(dims: &Dims) -> Option<String> {
    // Room for a batch and for sums of sizes without overflow; far above any machine's memory.
    const MOST: usize = 1 << 48;
    if dims.checked_elements().is_some_and(|elements| elements <= MOST) {
        return None;
    }
    Some(format!("would be {dims}, more values than any memory holds"))
}

fn bytes(dims: &Dims) -> u64 {
    (dims.elements() as u64).saturating_mul(4)
}
