//! The layers as they run, with buttons to move and remove them.

use egui::{Align, Layout, Sense, Ui, vec2};

use crate::graph::NodeRole;
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::size;
use crate::gui::widgets::{icon_button, mono, severity_icon};
use crate::project::{Edit, Project};
use crate::session::Command;

use super::NetworkPanel;

/// Height of a row.
const ROW: f32 = 30.0;

impl NetworkPanel {
    pub(super) fn order_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, project: &std::sync::Arc<Project>) {
        let drawing = self.drawing(project, cx.session);
        self.move_ui(ui, cx, project);
        let theme = cx.theme.clone();
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.scope(|ui| {
            for node in &drawing.nodes {
                let is_selected = self.selected.as_ref() == Some(&node.id);
                let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
                // Rows out of sight cost only their place.
                if !ui.is_rect_visible(rect) {
                    continue;
                }
                response.widget_info(|| {
                    egui::WidgetInfo::selected(egui::WidgetType::SelectableLabel, true, is_selected, node.spoken())
                });
                if is_selected {
                    ui.painter().rect_filled(rect, size::CONTROL_RADIUS, theme.selected());
                } else if response.hovered() {
                    ui.painter().rect_filled(rect, size::CONTROL_RADIUS, theme.hovered());
                }
                let color = node.kind.map_or(theme.faint, |kind| theme.layer(kind));
                let bar = egui::Rect::from_min_size(rect.min + vec2(4.0, 7.0), vec2(4.0, ROW - 14.0));
                ui.painter().rect_filled(bar, 2.0, color);
                let inner = rect.shrink2(vec2(14.0, 0.0)).translate(vec2(4.0, 0.0));
                let mut row =
                    ui.new_child(egui::UiBuilder::new().max_rect(inner).layout(Layout::right_to_left(Align::Center)));
                if let Some(problem) = &node.problem {
                    row.colored_label(theme.severity(problem.severity), severity_icon(problem.severity));
                } else {
                    row.label(mono(&node.output).color(theme.weak));
                }
                row.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(egui::Label::new(node.id.as_str()).truncate());
                });
                if response.on_hover_text(format!("{}   {}", node.label, node.summary)).clicked() {
                    self.select(Some(node.id.clone()));
                }
            }
        });
    }

    /// Buttons for the selected layer.
    fn move_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, project: &std::sync::Arc<Project>) {
        let selected = self.selected.clone();
        let is_layer = selected
            .as_ref()
            .and_then(|id| project.graph.nodes.get(id))
            .is_some_and(|node| matches!(node.role, NodeRole::Layer(_) | NodeRole::Block { .. }));
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = size::TIGHT;
            if !is_layer {
                ui.disable();
            }
            for (icon, name, later) in
                [(icons::MOVE_UP, "Move towards the input", false), (icons::MOVE_DOWN, "Move towards the output", true)]
            {
                if icon_button(ui, icon, name).clicked()
                    && let Some(node) = selected.clone()
                {
                    cx.send(Command::Edit(Edit::MoveNode { node, later }));
                }
            }
            if icon_button(ui, icons::DELETE, "Remove the layer").clicked()
                && let Some(node) = &selected
            {
                let drawing = self.drawing(project, cx.session);
                self.remove(cx, node, &drawing);
            }
        });
    }
}
