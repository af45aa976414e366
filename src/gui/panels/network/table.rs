//! The network as a table: one row a node.

use egui::{Align, Layout, RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::base::format;
use crate::gui::canvas::Drawing;
use crate::gui::panels::PanelContext;
use crate::gui::theme::size;
use crate::gui::widgets::{mono, semibold};

use super::NetworkPanel;

impl NetworkPanel {
    pub(super) fn table_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, drawing: &Drawing) {
        let theme = cx.theme.clone();
        let mut chosen = None;
        egui::Frame::new().inner_margin(size::PAD).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            TableBuilder::new(ui)
                .cell_layout(Layout::left_to_right(Align::Center))
                .sense(egui::Sense::click())
                .column(Column::initial(140.0).at_least(80.0).resizable(true).clip(true))
                .column(Column::initial(200.0).at_least(80.0).resizable(true).clip(true))
                .columns(Column::remainder().at_least(80.0), 4)
                .header(size::EDIT_ROW, |mut header| {
                    for (index, title) in ["Name", "Layer", "Output", "Parameters", "Multiply-adds", "Output memory"]
                        .into_iter()
                        .enumerate()
                    {
                        header.col(|ui| {
                            let title = semibold(title, size::ASIDE).color(theme.weak);
                            if index < 2 {
                                ui.label(title);
                            } else {
                                right(ui, |ui| ui.label(title));
                            }
                        });
                    }
                })
                .body(|body| {
                    body.rows(26.0, drawing.nodes.len(), |mut row| {
                        let Some(node) = drawing.nodes.get(row.index()) else { return };
                        row.set_selected(self.selected.as_ref() == Some(&node.id));
                        row.col(|ui| {
                            let color =
                                node.problem.as_ref().map_or(theme.text, |found| theme.severity(found.severity));
                            ui.label(RichText::new(node.id.as_str()).color(color));
                        });
                        row.col(|ui| {
                            ui.label(RichText::new(format!("{}   {}", node.label, node.summary)).color(theme.weak));
                        });
                        for value in [
                            node.output.clone(),
                            format::count(node.parameters),
                            format::magnitude(node.multiply_adds),
                            format::bytes(node.output_bytes),
                        ] {
                            row.col(|ui| right(ui, |ui| ui.label(mono(value))));
                        }
                        if row.response().clicked() {
                            chosen = Some(node.id.clone());
                        }
                    });
                });
        });
        if chosen.is_some() {
            self.select(chosen);
        }
    }
}

fn right<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) {
    ui.with_layout(Layout::right_to_left(Align::Center), add);
}
