//! What is drawn: the nodes of a graph with their places and texts. Made anew when the graph changes, not each frame.

use std::collections::BTreeMap;

use egui::{Pos2, Rect, Vec2};

use crate::base::{NodeId, Place, Problem, Severity, format};
use crate::graph::{Analysis, Graph, Node, NodeRole};
use crate::nn::LayerKind;

use super::layout;

/// What the bars of the nodes compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// Multiply-adds of a forward pass.
    #[default]
    MultiplyAdds,
    /// Trainable values.
    Parameters,
    /// Bytes of the output.
    Memory,
}

impl Measure {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::MultiplyAdds, Self::Parameters, Self::Memory];

    /// As shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::MultiplyAdds => "Multiply-adds",
            Self::Parameters => "Parameters",
            Self::Memory => "Memory of the output",
        }
    }
}

/// One box of the drawing.
#[derive(Debug, Clone)]
pub struct DrawnNode {
    /// Its name.
    pub id: NodeId,
    /// Group and colour; `None` for inputs, outputs and blocks.
    pub kind: Option<LayerKind>,
    /// What it is, e.g. `Conv 2d`.
    pub label: String,
    /// The settings that matter, e.g. `64, 3 x 3`.
    pub summary: String,
    /// Shape of its output, or empty while it is not known.
    pub output: String,
    /// Trainable values.
    pub parameters: u64,
    /// Multiply-adds for one sample.
    pub multiply_adds: u64,
    /// Bytes of the output for one sample.
    pub output_bytes: u64,
    /// The worst thing that is wrong with it.
    pub problem: Option<Problem>,
    /// One plain sentence on what it does.
    pub help: String,
    /// Drawn in one line, close to what is in front of it.
    pub is_compact: bool,
    /// Where it stands.
    pub rect: Rect,
    /// Positions in [`Drawing::nodes`] of what feeds it.
    pub inputs: Vec<usize>,
}

impl DrawnNode {
    /// Everything on the node in words, for those who do not see it.
    pub fn spoken(&self) -> String {
        let mut parts = vec![self.id.to_string(), self.label.clone()];
        parts.extend([&self.summary, &self.output].into_iter().filter(|text| !text.is_empty()).cloned());
        if self.parameters > 0 {
            parts.push(format!("{} parameters", format::count(self.parameters)));
        }
        if let Some(problem) = &self.problem {
            parts.push(problem.message.clone());
        }
        parts.join(", ")
    }

    /// What its bar shows.
    pub fn measured(&self, measure: Measure) -> u64 {
        match measure {
            Measure::MultiplyAdds => self.multiply_adds,
            Measure::Parameters => self.parameters,
            Measure::Memory => self.output_bytes,
        }
    }
}

/// A graph with a place for every node.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// In the order in which they run.
    pub nodes: Vec<DrawnNode>,
    /// Outline of everything.
    pub bounds: Rect,
    /// The wires.
    pub wires: Vec<DrawnWire>,
}

/// A wire between two nodes.
#[derive(Debug, Clone)]
pub struct DrawnWire {
    /// Position of the source in [`Drawing::nodes`].
    pub from: usize,
    /// Position of the node that it leads to.
    pub to: usize,
    /// The places that it passes, joined by curves that leave and arrive vertically.
    pub points: Vec<Pos2>,
}

impl Drawing {
    /// Places and describes the nodes of a graph.
    pub fn new(graph: &Graph, analysis: &Analysis) -> Self {
        let order = order(graph, analysis);
        let position: BTreeMap<&NodeId, usize> =
            order.iter().enumerate().map(|(index, (id, _))| (*id, index)).collect();
        let mut nodes: Vec<DrawnNode> = order
            .iter()
            .map(|(id, node)| {
                let inputs = node.inputs.iter().filter_map(|wire| position.get(&wire.node).copied()).collect();
                describe(id, node, analysis, inputs)
            })
            .collect();
        let is_free = graph.nodes.values().any(|node| node.position.is_some());
        let wires = layout::place(&mut nodes, &crate::graph::layout(graph, analysis), is_free);
        let outline = nodes.iter().map(|node| node.rect).reduce(Rect::union);
        let bounds = wires.iter().flat_map(|wire| &wire.points).fold(
            outline.unwrap_or(Rect::from_min_size(Pos2::ZERO, Vec2::splat(1.0))),
            |mut bounds, point| {
                bounds.extend_with(*point);
                bounds
            },
        );
        Self { nodes, bounds, wires }
    }

    /// The node of that name.
    pub fn node(&self, id: &NodeId) -> Option<&DrawnNode> {
        self.nodes.iter().find(|node| node.id == *id)
    }

    /// The largest value that a bar shows.
    pub fn most(&self, measure: Measure) -> u64 {
        self.nodes.iter().map(|node| node.measured(measure)).max().unwrap_or(0)
    }

    /// The nearest node in that direction.
    pub fn neighbour(&self, from: &DrawnNode, direction: Vec2) -> Option<&DrawnNode> {
        let score = |node: &DrawnNode| {
            let offset = node.rect.center() - from.rect.center();
            let along = offset.dot(direction);
            let across = (offset - direction * along).length();
            (along > 1.0).then_some(along + 2.0 * across)
        };
        let scored = self.nodes.iter().filter_map(|node| score(node).map(|score| (score, node)));
        scored.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, node)| node)
    }
}

/// Nodes as they run; what the analysis could not order comes last.
fn order<'a>(graph: &'a Graph, analysis: &Analysis) -> Vec<(&'a NodeId, &'a Node)> {
    let mut found: Vec<(&NodeId, &Node)> =
        analysis.order.iter().filter_map(|id| graph.nodes.get_key_value(id)).collect();
    if found.len() < graph.nodes.len() {
        let known: std::collections::BTreeSet<&NodeId> = found.iter().map(|(id, _)| *id).collect();
        let rest: Vec<_> = graph.nodes.iter().filter(|(id, _)| !known.contains(id)).collect();
        found.extend(rest);
    }
    found
}

fn describe(id: &NodeId, node: &Node, analysis: &Analysis, inputs: Vec<usize>) -> DrawnNode {
    let (kind, label, summary, help) = match &node.role {
        NodeRole::Input { .. } => (None, "Input".to_owned(), String::new(), "Takes the data in.".to_owned()),
        NodeRole::Output => (None, "Output".to_owned(), String::new(), "Gives the answer to the outside.".to_owned()),
        NodeRole::Block { block, .. } => {
            let help = "A group of layers that is defined once and used several times.";
            (None, block.clone(), "block".to_owned(), help.to_owned())
        }
        NodeRole::Layer(layer) => (Some(layer.kind()), layer.label().to_owned(), layer.summary(), layer.explain()),
    };
    let known = analysis.nodes.get(id);
    let cost = known.map(|known| known.cost).unwrap_or_default();
    let output = known.map(|known| &known.outputs).and_then(|outputs| outputs.first());
    let problem = analysis
        .problems
        .iter()
        .filter(|problem| problem.place == Place::Node(id.clone()) && problem.severity > Severity::Advice)
        .max_by_key(|problem| problem.severity)
        .cloned();
    // What passes values on one by one needs one line; a message needs a second one.
    let is_plain = matches!(kind, None | Some(LayerKind::Activation | LayerKind::Normalization | LayerKind::Shape));
    let is_block = matches!(node.role, NodeRole::Block { .. });
    let is_compact = is_plain && !is_block && inputs.len() <= 1 && problem.is_none();
    DrawnNode {
        id: id.clone(),
        kind,
        label,
        summary,
        output: output.map(ToString::to_string).unwrap_or_default(),
        parameters: cost.parameters,
        multiply_adds: cost.multiply_adds,
        output_bytes: cost.output_bytes,
        problem,
        help,
        is_compact,
        rect: Rect::NOTHING,
        inputs,
    }
}
