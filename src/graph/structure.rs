//! What can be said of names and wires alone, without shapes: who feeds whom, in which order nodes run, and
//! which wires lead nowhere or in a circle. Works on one level of names (the graph, or the inside of a block),
//! without recursion: a chain of 10,000 nodes is normal.

use std::collections::BTreeMap;

use crate::base::{NodeId, Place, Problem};
use crate::nn::{Arity, LayerSpec};

use super::model::{Block, Node, NodeRole};

/// One level of names with its wires resolved. Nodes are numbered in the order of their names.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    /// The nodes in the order of their names.
    pub(super) nodes: Vec<(&'a NodeId, &'a Node)>,
    /// Per node and input: node and port that it comes from; `None` where the wire leads nowhere.
    pub(super) sources: Vec<Vec<Option<(usize, usize)>>>,
    /// Running order: by distance from the inputs, then in the order of what feeds them, then by name. Nodes on or
    /// behind a circle stand at the end.
    pub(super) order: Vec<usize>,
    /// Longest distance from a node without inputs.
    pub(super) level: Vec<usize>,
    /// Nodes that can run: not on a circle and not behind one.
    pub(super) is_ordered: Vec<bool>,
    /// Input nodes in the order of their names.
    pub(super) inputs: Vec<usize>,
    /// Output nodes in the order of their names.
    pub(super) outputs: Vec<usize>,
}

impl<'a> Scope<'a> {
    /// Resolves the wires; says nothing about what is wrong.
    pub(super) fn new(nodes: &'a BTreeMap<NodeId, Node>) -> Self {
        let nodes: Vec<(&NodeId, &Node)> = nodes.iter().collect();
        let find = |name: &NodeId| nodes.binary_search_by(|(id, _)| (*id).cmp(name)).ok();
        let sources: Vec<Vec<Option<(usize, usize)>>> = nodes
            .iter()
            .map(|(_, node)| node.inputs.iter().map(|wire| Some((find(&wire.node)?, wire.port))).collect())
            .collect();
        let having = |wanted: fn(&NodeRole) -> bool| {
            nodes.iter().enumerate().filter(|(_, (_, node))| wanted(&node.role)).map(|(index, _)| index).collect()
        };
        let inputs = having(|role| matches!(role, NodeRole::Input { .. }));
        let outputs = having(|role| matches!(role, NodeRole::Output));
        let (order, level, is_ordered) = running_order(&nodes, &sources);
        Self { nodes, sources, order, level, is_ordered, inputs, outputs }
    }

    /// For each node, the nodes that it feeds, one entry per wire.
    pub(super) fn consumers(&self) -> Vec<Vec<usize>> {
        let mut consumers = vec![Vec::new(); self.nodes.len()];
        for (target, sources) in self.sources.iter().enumerate() {
            for (source, _) in sources.iter().flatten() {
                consumers[*source].push(target);
            }
        }
        consumers
    }

    /// Which nodes an output depends on.
    pub(super) fn reaches_output(&self) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut open = self.outputs.clone();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut reached[node], true) {
                open.extend(self.sources[node].iter().flatten().map(|(source, _)| *source));
            }
        }
        reached
    }

    /// Everything that is wrong with names and wires. `place` makes the place of a node.
    pub(super) fn check(
        &self,
        blocks: &BTreeMap<String, Block>,
        place: &dyn Fn(&NodeId) -> Place,
        problems: &mut Vec<Problem>,
    ) {
        for (index, (name, node)) in self.nodes.iter().enumerate() {
            if let Some(rule) = broken_name_rule(name.as_str()) {
                problems.push(Problem::error(place(name), rule, "Rename it"));
            }
            self.check_wires(index, blocks, place, problems);
            check_arity(name, node, blocks, place, problems);
        }
        self.check_circles(place, problems);
        let reached = self.reaches_output();
        // Without any output every node would be told the same; the one missing output is said instead.
        if !self.outputs.is_empty() {
            for ((name, _), reached) in self.nodes.iter().zip(reached) {
                if !reached {
                    let message = format!("'{name}' reaches no output, so it is not used");
                    problems.push(Problem::warning(
                        place(name),
                        message,
                        "Connect it towards the output, or remove it",
                    ));
                }
            }
        }
    }

    fn check_wires(
        &self,
        index: usize,
        blocks: &BTreeMap<String, Block>,
        place: &dyn Fn(&NodeId) -> Place,
        problems: &mut Vec<Problem>,
    ) {
        let (name, node) = self.nodes[index];
        for (position, wire) in node.inputs.iter().enumerate() {
            let Some((source, port)) = self.sources[index].get(position).copied().flatten() else {
                let message =
                    format!("Input {} of '{name}' comes from '{}', which does not exist", position + 1, wire.node);
                problems.push(Problem::error(place(name), message, "Connect the input to an existing layer"));
                continue;
            };
            if source == index {
                let message = format!("'{name}' feeds itself");
                problems.push(Problem::error(place(name), message, "Connect its input to an earlier layer"));
                continue;
            }
            // How many outputs a layer has is known with its shapes; here only what is fixed.
            let outputs = match &self.nodes[source].1.role {
                NodeRole::Input { .. } => Some(1),
                NodeRole::Output => Some(0),
                NodeRole::Layer(_) => None,
                NodeRole::Block { block, .. } => blocks.get(block).map(Block::output_count),
            };
            if outputs == Some(0) {
                let message =
                    format!("Input {} of '{name}' comes from '{}', which has no output", position + 1, wire.node);
                problems.push(Problem::error(place(name), message, "Connect the input to a layer in front of it"));
            } else if let Some(outputs) = outputs
                && port >= outputs
            {
                problems.push(unknown_port(place(name), name, position, wire.node.as_str(), port, outputs));
            }
        }
    }

    /// Names each circle once, by its members.
    fn check_circles(&self, place: &dyn Fn(&NodeId) -> Place, problems: &mut Vec<Problem>) {
        // More circles than this are told when the first ones are mended.
        const AT_MOST: usize = 20;
        let mut left: Vec<bool> = self.is_ordered.iter().map(|ordered| !ordered).collect();
        let consumers = self.consumers();
        for _ in 0..AT_MOST {
            self.drop_loose_ends(&mut left, &consumers);
            let Some(start) = left.iter().position(|left| *left) else { return };
            // Every node that is left has a source that is left: going back must come round.
            let mut seen_at = vec![None; self.nodes.len()];
            let mut path = Vec::new();
            let mut at = start;
            let circle = loop {
                if let Some(first) = seen_at[at] {
                    break &path[first..];
                }
                seen_at[at] = Some(path.len());
                path.push(at);
                let next = self.sources[at].iter().flatten().map(|(source, _)| *source);
                match next.filter(|source| left[*source] && *source != at).min() {
                    Some(next) => at = next,
                    None => return,
                }
            };
            // Told from its first name on, in the direction of the data.
            let mut names: Vec<&str> = circle.iter().rev().map(|index| self.nodes[*index].0.as_str()).collect();
            let first = names.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(index, _)| index);
            names.rotate_left(first);
            let Some(head) = circle.iter().min() else { return };
            let message = format!("The wires run in a circle: {}", told_circle(&names));
            let hint = "Data must flow from the inputs to the outputs; take one of these wires out";
            problems.push(Problem::error(place(self.nodes[*head].0), message, hint));
            for index in circle {
                left[*index] = false;
            }
        }
    }

    /// Takes out what stands in front of or behind circles until only circles (and what joins them) are left.
    fn drop_loose_ends(&self, left: &mut [bool], consumers: &[Vec<usize>]) {
        let counts = |neighbours: &mut dyn Iterator<Item = usize>, left: &[bool]| {
            neighbours.filter(|index| left[*index]).count()
        };
        let sources = |index: usize| {
            self.sources[index].iter().flatten().map(|(source, _)| *source).filter(move |source| *source != index)
        };
        let targets = |index: usize| consumers[index].iter().copied().filter(move |target| *target != index);
        let mut incoming: Vec<usize> = (0..left.len()).map(|index| counts(&mut sources(index), left)).collect();
        let mut outgoing: Vec<usize> = (0..left.len()).map(|index| counts(&mut targets(index), left)).collect();
        let mut open: Vec<usize> = (0..left.len()).filter(|index| left[*index]).collect();
        while let Some(index) = open.pop() {
            if !left[index] || (incoming[index] > 0 && outgoing[index] > 0) {
                continue;
            }
            left[index] = false;
            for target in targets(index).filter(|target| left[*target]) {
                incoming[target] = incoming[target].saturating_sub(1);
                open.push(target);
            }
            for source in sources(index).filter(|source| left[*source]) {
                outgoing[source] = outgoing[source].saturating_sub(1);
                open.push(source);
            }
        }
    }
}

/// Which rule a name breaks, if any: names become the parts of paths such as `layer1.conv1.weight`.
pub(super) fn broken_name_rule(name: &str) -> Option<String> {
    const LONGEST: usize = 100;
    if name.trim().is_empty() {
        Some("A layer must have a name, but this one's is empty".to_owned())
    } else if name.contains('.') {
        Some(format!("A name can't contain a dot, as '{name}' does: dots part the names in a path"))
    } else if name.trim() != name || name.contains(char::is_control) {
        Some(format!("A name can't start or end with a space or hold control characters, as {name:?} does"))
    } else if name.chars().count() > LONGEST {
        Some(format!("A name has at most {LONGEST} characters, but this one has {}", name.chars().count()))
    } else {
        None
    }
}

/// A wire from an output that its node does not have.
pub(super) fn unknown_port(
    place: Place,
    name: &NodeId,
    position: usize,
    source: &str,
    port: usize,
    outputs: usize,
) -> Problem {
    let there_are = if outputs == 1 { "has one output".to_owned() } else { format!("has {outputs} outputs") };
    let message =
        format!("Input {} of '{name}' comes from output {} of '{source}', which {there_are}", position + 1, port + 1);
    Problem::error(place, message, "Choose one of the outputs that there are")
}

/// Whether a node may have that many inputs; the rule in words.
pub(super) fn arity_rule(role: &NodeRole, blocks: &BTreeMap<String, Block>) -> Option<Arity> {
    match role {
        NodeRole::Input { .. } => Some(Arity::Exactly(0)),
        NodeRole::Output => Some(Arity::Exactly(1)),
        NodeRole::Layer(spec) => spec.as_layer().map(|layer| layer.arity()),
        NodeRole::Block { block, .. } => blocks.get(block).map(|block| Arity::Exactly(block.input_count())),
    }
}

/// Whether `count` inputs are as many as `arity` asks for.
pub(super) fn fits(arity: Arity, count: usize) -> bool {
    match arity {
        Arity::Exactly(wanted) => count == wanted,
        Arity::AtLeast(wanted) => count >= wanted,
    }
}

fn check_arity(
    name: &NodeId,
    node: &Node,
    blocks: &BTreeMap<String, Block>,
    place: &dyn Fn(&NodeId) -> Place,
    problems: &mut Vec<Problem>,
) {
    let count = node.inputs.len();
    match &node.role {
        NodeRole::Layer(LayerSpec::Unknown(settings)) => {
            let (message, hint) = unreadable(name, settings);
            problems.push(Problem::error(place(name), message, hint));
        }
        NodeRole::Block { block, .. } if !blocks.contains_key(block) => {
            let message = format!("'{name}' is made from the block '{block}', which does not exist");
            problems.push(Problem::error(place(name), message, "Choose another block, or remove it"));
        }
        role => {
            let Some(arity) = arity_rule(role, blocks) else { return };
            if fits(arity, count) {
                return;
            }
            let (wanted, least) = match arity {
                Arity::Exactly(0) => ("no inputs".to_owned(), 0),
                Arity::Exactly(1) => ("one input".to_owned(), 1),
                Arity::Exactly(wanted) => (format!("{wanted} inputs"), wanted),
                Arity::AtLeast(1) => ("one input or more".to_owned(), 1),
                Arity::AtLeast(wanted) => (format!("{wanted} inputs or more"), wanted),
            };
            let found = match count {
                0 => "has none".to_owned(),
                count => format!("has {count}"),
            };
            let hint = if count < least {
                "Connect it to the layers that it should take its values from"
            } else {
                "Take the inputs out that are too many"
            };
            problems.push(Problem::error(place(name), format!("'{name}' takes {wanted}, but {found}"), hint));
        }
    }
}

/// What is wrong with a layer that this version could not read, and what to do.
fn unreadable(name: &NodeId, settings: &serde_json::Map<String, serde_json::Value>) -> (String, String) {
    let kind = settings.get("kind").and_then(serde_json::Value::as_str).unwrap_or("");
    let Some(default) = LayerSpec::from_id(kind) else {
        let message = if kind.is_empty() {
            format!("'{name}' does not say which kind of layer it is")
        } else {
            format!("'{name}' is of the kind '{kind}', which this version does not know")
        };
        return (message, "Update Layerbench, or replace the layer".to_owned());
    };
    // The kind is known, so one of the settings is at fault: try each alone on the default.
    let Ok(serde_json::Value::Object(known)) = serde_json::to_value(&default) else {
        return (format!("The settings of '{name}' can't be read"), "Replace the layer".to_owned());
    };
    for (key, value) in settings {
        let Some(usual) = known.get(key) else {
            let keys: Vec<&str> = known.keys().map(String::as_str).filter(|key| *key != "kind").collect();
            let hint = if keys.is_empty() {
                format!("{} has no settings", default.label())
            } else {
                format!("Its settings are {}", keys.join(", "))
            };
            return (format!("'{name}' has the setting '{key}', which {} does not have", default.label()), hint);
        };
        let mut probe = known.clone();
        probe.insert(key.clone(), value.clone());
        let read = serde_json::from_value::<LayerSpec>(serde_json::Value::Object(probe));
        if !read.is_ok_and(|read| read.as_layer().is_some()) {
            return (
                format!("The setting '{key}' of '{name}' can't be {value}"),
                format!("A value like {usual} fits there"),
            );
        }
    }
    (format!("The settings of '{name}' can't be read"), "Replace the layer".to_owned())
}

/// `conv1, relu1, conv1`, shortened in the middle where it is long.
fn told_circle(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let first = names.first().copied().unwrap_or("");
    if names.len() <= SHOWN {
        format!("{} to {first}", names.join(" to "))
    } else {
        let start = names.get(..SHOWN).unwrap_or(names).join(" to ");
        format!("{start} and {} more back to {first}", names.len() - SHOWN)
    }
}

/// Kahn's algorithm (1962) in waves: each wave holds what is fed by earlier waves alone.
fn running_order(
    nodes: &[(&NodeId, &Node)],
    sources: &[Vec<Option<(usize, usize)>>],
) -> (Vec<usize>, Vec<usize>, Vec<bool>) {
    let count = nodes.len();
    let mut waiting = vec![0_usize; count];
    let mut consumers = vec![Vec::new(); count];
    for (target, sources) in sources.iter().enumerate() {
        // A node that feeds itself is a problem of its own and should not hide the order of the others.
        for (source, _) in sources.iter().flatten().filter(|(source, _)| *source != target) {
            waiting[target] += 1;
            consumers[*source].push(target);
        }
    }
    let mut order: Vec<usize> = Vec::with_capacity(count);
    let mut level = vec![0; count];
    let mut position = vec![usize::MAX; count];
    let mut wave: Vec<usize> = (0..count).filter(|index| waiting[*index] == 0).collect();
    wave.sort_by_key(|index| !matches!(nodes[*index].1.role, NodeRole::Input { .. }));
    let mut depth = 0;
    while !wave.is_empty() {
        let mut next = Vec::new();
        for index in wave {
            level[index] = depth;
            position[index] = order.len();
            order.push(index);
            for target in &consumers[index] {
                waiting[*target] -= 1;
                if waiting[*target] == 0 {
                    next.push(*target);
                }
            }
        }
        next.sort_by_key(|index| {
            let first = sources[*index].iter().flatten().map(|(source, _)| position[*source]).next();
            (first, *index)
        });
        wave = next;
        depth += 1;
    }
    let is_ordered: Vec<bool> = position.iter().map(|position| *position != usize::MAX).collect();
    for index in (0..count).filter(|index| !is_ordered[*index]) {
        level[index] = depth;
        order.push(index);
    }
    (order, level, is_ordered)
}
