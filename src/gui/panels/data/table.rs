//! The samples of a table, row by row; only the rows in sight are made.

use egui::{RichText, Sense, Ui};
use egui_extras::{Column as TableColumn, TableBuilder};

use crate::base::format;
use crate::data::{InputKind, Prepared};
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::size;
use crate::gui::widgets::{empty_state, faint, mono, page, semibold, weak};

use super::samples::{filter_ui, label_of, search_ui};
use super::view::{Sort, View};

/// Columns that are drawn; wider tables say how many more there are.
const MOST_COLUMNS: usize = 120;

pub(super) fn table_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared, view: &mut View) {
    page(ui, |ui| {
        head_ui(ui, prepared, view);
        if view.samples.is_empty() {
            let text = "No row of this part fits the class and the search.";
            if empty_state(ui, icons::FILTER, "Nothing passes the filter", text, Some("Show everything")) {
                view.show_everything();
            }
            return;
        }
        let shown = view.columns.len().min(MOST_COLUMNS);
        let texts = matches!(prepared.dataset.input, InputKind::Text(_));
        let mut clicked = None;
        let mut sorted = None;
        ui.push_id("table", |ui| {
            egui::ScrollArea::horizontal().auto_shrink([false, false]).show(ui, |ui| {
                let table = TableBuilder::new(ui)
                    .striped(true)
                    .sense(Sense::click())
                    .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
                    .column(TableColumn::exact(56.0))
                    .column(TableColumn::initial(110.0).at_least(60.0).clip(true).resizable(true))
                    .columns(TableColumn::initial(104.0).at_least(56.0).clip(true).resizable(true), shown)
                    .columns(TableColumn::remainder().at_least(200.0).clip(true), usize::from(texts))
                    .auto_shrink([false, false]);
                let table = table.header(26.0, |mut header| {
                    header.col(|ui| {
                        ui.label(faint(ui, "row"));
                    });
                    header.col(|ui| {
                        if header_ui(ui, &prepared.dataset.target, cx.theme.accent, None, view.sort) {
                            sorted = Some(None);
                        }
                    });
                    for (position, column) in view.columns.iter().enumerate().take(shown) {
                        header.col(|ui| {
                            if header_ui(ui, &column.name, cx.theme.text, Some(position), view.sort) {
                                sorted = Some(Some(position));
                            }
                        });
                    }
                    if texts {
                        header.col(|ui| {
                            ui.label(semibold("text", size::ASIDE).color(cx.theme.text));
                        });
                    }
                });
                table.body(|body| {
                    body.rows(size::READ_ROW + 2.0, view.samples.len(), |mut row| {
                        let Some(&sample) = view.samples.get(row.index()) else { return };
                        row.set_selected(view.selected == Some(sample));
                        let values = if texts { Vec::new() } else { prepared.dataset.sample(sample as usize) };
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
                        if texts {
                            row.col(|ui| {
                                let text = prepared.dataset.text(sample as usize).unwrap_or_default();
                                // A line is far shorter than the longest text.
                                let start: String =
                                    text.chars().take(400).map(|c| if c == '\n' { ' ' } else { c }).collect();
                                ui.add(egui::Label::new(start).truncate());
                            });
                        }
                        if row.response().clicked() {
                            clicked = Some(sample);
                        }
                    });
                });
            });
        });
        if let Some(column) = sorted {
            view.sort_by(column);
        }
        if clicked.is_some() {
            view.selected = if view.selected == clicked { None } else { clicked };
        }
    });
}

/// Name of a column; true when a click asks to sort by it.
fn header_ui(ui: &mut Ui, name: &str, color: egui::Color32, column: Option<usize>, sort: Option<Sort>) -> bool {
    let sort = sort.filter(|sort| sort.column == column);
    let arrow = sort.map_or("", |sort| if sort.is_descending { icons::MOVE_DOWN } else { icons::MOVE_UP });
    let mut text = egui::text::LayoutJob::default();
    semibold(format!("{arrow} {name}").trim_start(), size::ASIDE).color(color).append_to(
        &mut text,
        ui.style(),
        egui::FontSelection::Default,
        egui::Align::Center,
    );
    let label = ui.add(egui::Label::new(text).truncate().sense(Sense::click()));
    label.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, format!("Sort by {name}")));
    label.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_text(format!("{name}\nClick to sort")).clicked()
}

fn head_ui(ui: &mut Ui, prepared: &Prepared, view: &mut View) {
    ui.horizontal(|ui| {
        let (_, nouns) = prepared.dataset.input.nouns();
        ui.label(semibold(format!("{} {nouns}", format::count(view.samples.len() as u64)), size::HEADLINE));
        let mut text = match &prepared.dataset.input {
            InputKind::Text(texts) => {
                let vocabulary = format::count(texts.vocabulary.len() as u64);
                format!("{} tokens, vocabulary of {vocabulary}", prepared.dataset.dims)
            }
            _ => format!("{} columns, target {}", view.columns.len(), prepared.dataset.target),
        };
        if view.columns.len() > MOST_COLUMNS {
            text = format!("{text}; the first {MOST_COLUMNS} are shown");
        }
        let text = weak(ui, text);
        ui.label(text);
        filter_ui(ui, prepared, view);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            search_ui(ui, view, "Find a value");
        });
    });
}
