//! The left panel: layers by kind with a search, blocks of the project, and ready networks.

use egui::{CollapsingHeader, RichText, Ui};

use crate::base::NodeId;
use crate::data::{Prepared, Task};
use crate::graph::presets::{self, Preset};
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::{RowButton, row_button, search_field, section_title, selectable_row, semibold, weak};
use crate::nn::{LayerKind, LayerSpec};
use crate::project::{Edit, Project};
use crate::session::Command;

use super::{NetworkPanel, Side};

/// Two halves: what can be added, and what is there.
pub(super) fn sides_ui(ui: &mut Ui, side: &mut Side) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::TIGHT;
        for (value, text, help) in [
            (Side::Add, "Add", "Layers and ready networks to choose from."),
            (Side::Order, "Order", "The layers of this network as they run."),
        ] {
            let is_on = *side == value;
            let text = semibold(text, size::BODY);
            let button = egui::Button::new(text).selected(is_on).frame_when_inactive(is_on);
            if ui.add(button).on_hover_text(help).clicked() {
                *side = value;
            }
        }
    });
}

impl NetworkPanel {
    pub(super) fn palette_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, project: &Project) {
        let search = search_field(ui, &mut self.search, "Find a layer or network");
        if std::mem::take(&mut self.wants_search) {
            search.request_focus();
        }
        let theme = cx.theme.clone();
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let search = self.search.trim().to_lowercase();
            let all = LayerSpec::all();
            let matching: Vec<&LayerSpec> = all.iter().filter(|layer| fits(layer, &search)).collect();
            for kind in LayerKind::ALL {
                let members: Vec<&LayerSpec> = matching.iter().copied().filter(|layer| layer.kind() == kind).collect();
                if members.is_empty() {
                    continue;
                }
                // A search opens every group that has something.
                let open = (!search.is_empty()).then_some(true);
                group_ui(ui, &theme, kind, open, |ui| {
                    for layer in members {
                        let row = row_button(ui, "", layer.label(), false);
                        let after = self.selected.as_ref().map_or_else(
                            || "Click to add it at the end.".to_owned(),
                            |id| format!("Click to add it behind {id}."),
                        );
                        let row = row.on_hover_text(format!("{}\n{after}", layer.help()));
                        if row.clicked() {
                            self.add(cx, project, layer);
                        }
                    }
                });
            }
            self.presets_ui(ui, cx, &search);
            if matching.is_empty() && presets::all().iter().all(|preset| !preset_fits(preset, &search)) {
                ui.add_space(size::GAP);
                ui.label(RichText::new("Nothing by that name.").color(theme.weak));
            }
        });
    }

    pub(super) fn add(&mut self, cx: &mut PanelContext<'_>, project: &Project, layer: &LayerSpec) {
        self.before_adding = Some(project.graph.nodes.keys().cloned().collect());
        // Behind an output there is nothing; the edit puts it in front of the output then.
        let after: Option<NodeId> = self.selected.clone();
        cx.send(Command::Edit(Edit::AddLayer { layer: Box::new(layer.clone()), after }));
    }

    fn presets_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, search: &str) {
        let mut offered: Vec<&Preset> = presets::all().iter().filter(|preset| preset_fits(preset, search)).collect();
        // Masks need networks of their own, so these come first.
        let task = cx.session.prepared().map(|data| data.dataset.task);
        offered.sort_by_key(|preset| task == Some(Task::Segmentation) && !preset.is_for(Task::Segmentation));
        if offered.is_empty() {
            return;
        }
        ui.add_space(size::GAP);
        ui.separator();
        section_title(ui, "Ready networks");
        let current = cx.session.project().map(|project| project.network.clone()).unwrap_or_default();
        let mut group = None;
        for preset in offered {
            if group.replace(preset.group) != Some(preset.group) {
                ui.add_space(size::TIGHT);
                let heading = weak(ui, preset.group.label());
                ui.label(heading);
            }
            let row = RowButton {
                icon: icons::LAYER,
                title: preset.label,
                is_selected: current == preset.id,
                ..RowButton::default()
            };
            let help =
                format!("{}\nClick to take it instead of the present network; Undo brings that back.", preset.help);
            if selectable_row(ui, &row).on_hover_text(help).clicked() {
                let graph = fitted(preset, cx.session.prepared().map(AsRef::as_ref));
                self.selected = None;
                self.canvas.open();
                cx.send(Command::Edit(Edit::SetNetwork { name: preset.id.to_owned(), graph: Box::new(graph) }));
            }
        }
    }
}

/// The preset for the project's data, if there is some.
fn fitted(preset: &Preset, data: Option<&Prepared>) -> crate::graph::Graph {
    match data {
        None => preset.graph(),
        Some(data) => preset.graph_for_data(&data.dataset),
    }
}

/// A group with the colour of its kind in front.
fn group_ui(ui: &mut Ui, theme: &Theme, kind: LayerKind, open: Option<bool>, add: impl FnOnce(&mut Ui)) {
    let color = theme.layer(kind);
    let header = CollapsingHeader::new(semibold(kind.label(), size::BODY))
        .id_salt(kind.label())
        .open(open)
        .default_open(kind == LayerKind::Convolution)
        .icon(move |ui, openness, response| {
            let rect = egui::Rect::from_center_size(response.rect.center(), egui::vec2(4.0, 16.0));
            ui.painter().rect_filled(rect, 2.0, color.gamma_multiply(0.75 + 0.25 * openness));
        });
    let shown = header.show_unindented(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.indent(kind.label(), add);
    });
    let head = shown.header_response.rect;
    let icon = if shown.openness > 0.5 { icons::OPEN_GROUP } else { icons::NEXT };
    let place = egui::pos2(ui.max_rect().right() - 8.0, head.center().y);
    let color = if shown.header_response.hovered() { theme.text } else { theme.faint };
    let font = egui::FontId::proportional(size::ASIDE);
    ui.painter().text(place, egui::Align2::CENTER_CENTER, icon, font, color);
}

fn fits(layer: &LayerSpec, search: &str) -> bool {
    let matches = |text: &str| text.to_lowercase().contains(search);
    search.is_empty() || matches(layer.label()) || matches(layer.id()) || matches(layer.kind().label())
}

fn preset_fits(preset: &Preset, search: &str) -> bool {
    search.is_empty() || preset.label.to_lowercase().contains(search) || preset.id.contains(search)
}
