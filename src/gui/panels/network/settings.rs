//! The right panel: settings of the selected node, what it costs, and what the whole network costs.

use std::sync::Arc;

use egui::{RichText, TextEdit, Ui};

use crate::base::{NodeId, Place, Problem, Severity, format};
use crate::graph::{Graph, Node, NodeRole, Wire};
use crate::gui::form::{self, Form};
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::{advice_box, icon_button, key_value, problem_row, secondary_button, section, semibold};
use crate::nn::Arity;
use crate::project::{Edit, Project};
use crate::session::Command;

use super::NetworkPanel;

impl NetworkPanel {
    pub(super) fn settings_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, project: &Arc<Project>) {
        let theme = cx.theme.clone();
        ui.scope(|ui| {
            let selected = self.selected.clone().and_then(|id| project.graph.nodes.get(&id).map(|node| (id, node)));
            if let Some((id, node)) = selected {
                self.node_ui(ui, cx, &theme, &project.graph, &id, node);
            } else {
                let chosen = network_title_ui(ui, cx, &theme, project);
                if chosen.is_some() {
                    self.select(chosen);
                }
            }
            ui.separator();
            whole_network_ui(ui, cx, project.train.batch_size);
        });
    }

    fn node_ui(
        &mut self,
        ui: &mut Ui,
        cx: &mut PanelContext<'_>,
        theme: &Theme,
        graph: &Graph,
        id: &NodeId,
        node: &Node,
    ) {
        let (kind, help) = match &node.role {
            NodeRole::Input { .. } => ("Input", "Takes the data in. Its shape is that of the data.".to_owned()),
            NodeRole::Output => ("Output", "Gives the answer to the outside.".to_owned()),
            NodeRole::Block { block, .. } => {
                (block.as_str(), "A block that is defined once and used several times.".to_owned())
            }
            NodeRole::Layer(layer) => (layer.label(), layer.explain()),
        };
        ui.horizontal(|ui| {
            self.name_ui(ui, cx, theme, id);
            ui.label(RichText::new(kind).color(theme.weak));
        });
        ui.label(RichText::new(help).size(size::ASIDE).color(theme.weak));
        let found = cx.session.problems();
        for problem in found.iter().filter(|problem| problem.place == Place::Node(id.clone())) {
            problem_ui(ui, problem);
        }
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            match &node.role {
                NodeRole::Layer(layer) => {
                    let mut layer = layer.clone();
                    if Form::new(theme).show(ui, &mut layer) {
                        cx.send(Command::Edit(Edit::SetLayer { node: id.clone(), layer: Box::new(layer) }));
                    }
                }
                NodeRole::Input { dims } => form::read_row(ui, theme, "Shape of a sample", &dims.to_string(), ""),
                _ => {}
            }
            if let Some(inputs) = inputs_ui(ui, theme, graph, id, node, &cx.session.analysis().order) {
                cx.send(Command::Edit(Edit::Connect { node: id.clone(), inputs }));
            }
        });
        ui.separator();
        let batch = cx.session.project().map_or(1, |project| project.train.batch_size);
        this_layer_ui(ui, cx, id, batch);
    }

    /// The name, which can be edited in place.
    fn name_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, theme: &Theme, id: &NodeId) {
        if self.renaming.as_ref().is_none_or(|(node, _)| node != id) {
            self.renaming = Some((id.clone(), id.to_string()));
        }
        let Some((_, name)) = &mut self.renaming else { return };
        let font = egui::FontId::new(size::BODY, egui::FontFamily::Name(crate::gui::fonts::SEMIBOLD.into()));
        let width = ui.fonts_mut(|fonts| fonts.layout_no_wrap(name.clone(), font.clone(), theme.text).size().x);
        let edit = TextEdit::singleline(name)
            .font(font)
            .desired_width((width + 18.0).clamp(48.0, 150.0))
            .margin(egui::Margin { left: 0, right: 6, top: 4, bottom: 4 })
            .background_color(theme.panel);
        let response = ui.add(edit).on_hover_text("Name of the layer. Its weights are stored under it.");
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, "Name of the layer"));
        if response.lost_focus() {
            let typed = name.trim().to_owned();
            self.renaming = None;
            if !ui.input(|input| input.key_pressed(egui::Key::Escape)) && !typed.is_empty() && typed != id.as_str() {
                cx.send(Command::Edit(Edit::RenameNode { node: id.clone(), name: typed.clone() }));
                self.selected = Some(NodeId::from(typed.as_str()));
            }
        }
    }
}

fn problem_ui(ui: &mut Ui, problem: &Problem) {
    let mut text = problem.message.clone();
    if !problem.hint.is_empty() {
        text.push_str(". ");
        text.push_str(&problem.hint);
    }
    advice_box(ui, problem.severity, &text, None);
}

/// Gives the node of a problem that was clicked.
fn network_title_ui(ui: &mut Ui, cx: &PanelContext<'_>, theme: &Theme, project: &Project) -> Option<NodeId> {
    ui.horizontal(|ui| {
        ui.label(semibold("Network", size::BODY));
        ui.label(RichText::new(&project.network).color(theme.weak));
    });
    let text = "Select a layer to change its settings. What you add from the left goes behind the selected layer.";
    ui.label(RichText::new(text).size(size::ASIDE).color(theme.weak));
    let mut chosen = None;
    if project.graph.nodes.is_empty() {
        return chosen;
    }
    for problem in cx.session.analysis().problems.iter().filter(|problem| problem.severity > Severity::Advice) {
        let row = problem_row(ui, problem);
        if let Place::Node(node) = &problem.place
            && row.on_hover_text("Go there").clicked()
        {
            chosen = Some(node.clone());
        }
    }
    chosen
}

fn this_layer_ui(ui: &mut Ui, cx: &PanelContext<'_>, id: &NodeId, batch: usize) {
    section(ui, "This layer", |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let Some(known) = cx.session.analysis().nodes.get(id) else {
            ui.label(RichText::new("Not known until its inputs fit.").color(cx.theme.weak));
            return;
        };
        let dims = |list: &[crate::base::Dims]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (index, input) in dims(&known.inputs).iter().enumerate() {
            let label = if known.inputs.len() > 1 { format!("Input {}", index + 1) } else { "Input".to_owned() };
            key_value(ui, &label, input);
        }
        for output in dims(&known.outputs) {
            key_value(ui, "Output", &output);
        }
        key_value(ui, "Parameters", &format::count(known.cost.parameters));
        key_value(ui, "Multiply-adds", &format::magnitude(known.cost.multiply_adds))
            .on_hover_text(format!("{} for one sample", format::count(known.cost.multiply_adds)));
        let activation = known.cost.output_bytes.saturating_mul(batch as u64);
        key_value(ui, &format!("Activation, batch {batch}"), &format::bytes(activation))
            .on_hover_text("Memory of the output of this layer for one batch, in 32-bit numbers.");
    });
}

fn whole_network_ui(ui: &mut Ui, cx: &PanelContext<'_>, batch: usize) {
    let analysis = cx.session.analysis();
    let plan = cx.session.plan();
    section(ui, "Whole network", |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        key_value(ui, "Layers", &analysis.layers.to_string());
        if analysis.problems.iter().any(|problem| problem.severity == Severity::Error) {
            // Sums over the layers whose shapes are known would only mislead.
            let text = RichText::new("Size and cost are known once every layer fits.").size(size::ASIDE);
            ui.add(egui::Label::new(text.color(cx.theme.weak)).wrap());
            return;
        }
        key_value(ui, "Parameters", &format::count(analysis.total.parameters));
        key_value(ui, "Multiply-adds", &format::magnitude(analysis.total.multiply_adds))
            .on_hover_text("Products and sums of a forward pass for one sample.");
        key_value(ui, "Training memory", &format::bytes(plan.memory.total())).on_hover_ui(|ui| {
            ui.label(format!("Of one training step with {batch} samples"));
            ui.spacing_mut().item_spacing.y = 0.0;
            for (label, bytes) in [
                ("Parameters", plan.memory.parameters),
                ("Gradients", plan.memory.gradients),
                ("Optimizer", plan.memory.optimizer),
                ("Activations", plan.memory.activations),
                ("Work space", plan.memory.workspace),
            ] {
                key_value(ui, label, &format::bytes(bytes));
            }
        });
        if analysis.layers > 0 {
            let largest = plan.largest_batch.map_or("none".to_owned(), |batch| format::count(batch as u64));
            key_value(ui, "Largest batch that fits", &largest);
        }
        let step = plan.step_ms.map_or("after a run".to_owned(), |ms| format!("{} ms", format::milliseconds(ms)));
        key_value(ui, "Time per step", &step)
            .on_hover_text("Measured in the last run with this network and batch size.");
    });
}

/// Where a node takes its inputs from; the new list if it was changed.
fn inputs_ui(
    ui: &mut Ui,
    theme: &Theme,
    graph: &Graph,
    id: &NodeId,
    node: &Node,
    order: &[NodeId],
) -> Option<Vec<Wire>> {
    let (least, can_grow) = match &node.role {
        NodeRole::Input { .. } => return None,
        NodeRole::Output | NodeRole::Block { .. } => (node.inputs.len().max(1), false),
        NodeRole::Layer(layer) => match layer.arity() {
            Arity::Exactly(count) => (count, false),
            Arity::AtLeast(count) => (count, true),
        },
    };
    // Inputs come from nodes in front; all nodes are offered where the order is not known.
    let here = order.iter().position(|other| other == id);
    let sources: Vec<&NodeId> = match here {
        Some(here) => order.iter().take(here).collect(),
        None => graph.nodes.keys().filter(|other| *other != id).collect(),
    };
    let sources: Vec<&NodeId> = sources
        .into_iter()
        .filter(|source| graph.nodes.get(*source).is_some_and(|node| !matches!(node.role, NodeRole::Output)))
        .collect();
    let mut inputs = node.inputs.clone();
    let mut has_changed = false;
    let count = least.max(inputs.len());
    for index in 0..count {
        let label = if count > 1 { format!("From {}", index + 1) } else { "From".to_owned() };
        form::row(ui, form::EDIT_ROW, |ui| {
            if can_grow
                && inputs.len() > least
                && icon_button(ui, icons::CLOSE, &format!("Remove input {}", index + 1)).clicked()
            {
                if index < inputs.len() {
                    inputs.remove(index);
                }
                has_changed = true;
                return;
            }
            let shown = inputs.get(index).map_or("not connected".to_owned(), |wire| wire.node.to_string());
            ui.scope(|ui| {
                form::style_box(ui, theme);
                let combo = form::combo_box(("input", id, index), &shown, theme);
                let combo = combo.show_ui(ui, |ui| {
                    for source in &sources {
                        let is_current = inputs.get(index).is_some_and(|wire| wire.node == **source);
                        if ui.selectable_label(is_current, source.as_str()).clicked() && !is_current {
                            let wire = Wire::from(source.as_str());
                            match inputs.get_mut(index) {
                                Some(place) => *place = wire,
                                None => inputs.push(wire),
                            }
                            has_changed = true;
                        }
                    }
                });
                let name = format!("Input {}", index + 1);
                combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::ComboBox, true, &name));
            });
            form::label_ui(ui, &label, theme.weak).on_hover_text("The node whose output comes in here.");
        });
    }
    if can_grow
        && secondary_button(ui, icons::ADD, "Add input").clicked()
        && let Some(last) = sources.last()
    {
        inputs.push(Wire::from(last.as_str()));
        has_changed = true;
    }
    has_changed.then_some(inputs)
}
