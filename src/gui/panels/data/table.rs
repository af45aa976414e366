//! The samples of a table, row by row; only the rows in sight are made.

use egui::{RichText, Sense, Ui};
use egui_extras::{Column as TableColumn, TableBuilder};

use crate::base::format;
use crate::data::Prepared;
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::size;
use crate::gui::widgets::{empty_state, faint, mono, page, semibold, weak};

use super::samples::label_of;
use super::view::View;

/// Columns that are drawn; wider tables say how many more there are.
const MOST_COLUMNS: usize = 120;

pub(super) fn table_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared, view: &mut View) {
    page(ui, |ui| {
        head_ui(ui, prepared, view);
        if view.samples.is_empty() {
            let text = "No row of this part has this class.";
            if empty_state(ui, icons::FILTER, "Nothing passes the filter", text, Some("Show everything")) {
                view.show_everything();
            }
            return;
        }
        let shown = view.columns.len().min(MOST_COLUMNS);
        let mut clicked = None;
        ui.push_id("table", |ui| {
            egui::ScrollArea::horizontal().auto_shrink([false, false]).show(ui, |ui| {
                let table = TableBuilder::new(ui)
                    .striped(true)
                    .sense(Sense::click())
                    .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
                    .column(TableColumn::exact(56.0))
                    .column(TableColumn::initial(110.0).at_least(60.0).clip(true).resizable(true))
                    .columns(TableColumn::initial(104.0).at_least(56.0).clip(true).resizable(true), shown)
                    .auto_shrink([false, false]);
                let table = table.header(26.0, |mut header| {
                    header.col(|ui| {
                        ui.label(faint(ui, "row"));
                    });
                    header.col(|ui| {
                        ui.label(semibold(&prepared.dataset.target, size::ASIDE).color(cx.theme.accent));
                    });
                    for column in view.columns.iter().take(shown) {
                        header.col(|ui| {
                            ui.add(egui::Label::new(semibold(&column.name, size::ASIDE)).truncate())
                                .on_hover_text(&column.name);
                        });
                    }
                });
                table.body(|body| {
                    body.rows(size::READ_ROW + 2.0, view.samples.len(), |mut row| {
                        let Some(&sample) = view.samples.get(row.index()) else { return };
                        row.set_selected(view.selected == Some(sample));
                        let values = prepared.dataset.sample(sample as usize);
                        row.col(|ui| {
                            ui.label(mono(format::count(u64::from(sample) + 1)).color(cx.theme.faint));
                        });
                        row.col(|ui| {
                            ui.add(egui::Label::new(label_of(&prepared.dataset, sample)).truncate());
                        });
                        for column in view.columns.iter().take(shown) {
                            row.col(|ui| {
                                let text = match column.text(&values) {
                                    Some(text) => mono(text),
                                    None => RichText::new("missing").size(size::UNIT).color(cx.theme.warn),
                                };
                                ui.add(egui::Label::new(text).truncate());
                            });
                        }
                        if row.response().clicked() {
                            clicked = Some(sample);
                        }
                    });
                });
            });
        });
        if clicked.is_some() {
            view.selected = if view.selected == clicked { None } else { clicked };
        }
    });
}

fn head_ui(ui: &mut Ui, prepared: &Prepared, view: &View) {
    ui.horizontal(|ui| {
        ui.label(semibold(format!("{} rows", format::count(view.samples.len() as u64)), size::HEADLINE));
        let mut text = format!("{} columns, target {}", view.columns.len(), prepared.dataset.target);
        if view.columns.len() > MOST_COLUMNS {
            text = format!("{text}; the first {MOST_COLUMNS} are shown");
        }
        let text = weak(ui, text);
        ui.label(text);
    });
}
