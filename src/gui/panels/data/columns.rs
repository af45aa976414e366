//! Figures of the values: one row for each column of a table or channel of an image.

use egui::{RichText, Ui};
use egui_extras::{Column as TableColumn, TableBuilder};

use crate::base::format;
use crate::data::stats::Moments;
use crate::data::{InputKind, Prepared};
use crate::gui::panels::PanelContext;
use crate::gui::theme::size;
use crate::gui::widgets::{card_filled, faint, headline, mono, page};

use super::view::View;

pub(super) fn columns_ui(ui: &mut Ui, cx: &PanelContext<'_>, prepared: &Prepared, view: &View) {
    let rows = rows(prepared, view);
    page(ui, |ui| {
        card_filled(ui, |ui| {
            let unit = match (view.channels.len(), rows.len()) {
                (0, 1) => "column",
                (0, _) => "columns",
                (1, _) => "channel",
                _ => "channels",
            };
            headline(ui, "Values of the training part", &rows.len().to_string(), unit);
            let aside =
                faint(ui, "Scaling is fitted on these, so that nothing of validation and test leaks into training.");
            ui.label(aside);
            egui::ScrollArea::horizontal().auto_shrink([false, false]).show(ui, |ui| table_ui(ui, cx, &rows));
        });
    });
}

fn table_ui(ui: &mut Ui, cx: &PanelContext<'_>, rows: &[(String, Moments)]) {
    let name_width = (ui.available_width() - 480.0).max(120.0);
    let table = TableBuilder::new(ui)
        .striped(true)
        .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
        .column(TableColumn::initial(name_width).at_least(120.0).clip(true))
        .columns(TableColumn::exact(84.0), 5)
        .auto_shrink([false, false]);
    let table = table.header(26.0, |mut header| {
        for title in ["column", "smallest", "mean", "largest", "deviation", "missing"] {
            header.col(|ui| {
                ui.label(faint(ui, title));
            });
        }
    });
    table.body(|body| {
        body.rows(size::READ_ROW + 2.0, rows.len(), |mut row| {
            let Some((name, moments)) = rows.get(row.index()) else { return };
            row.col(|ui| {
                ui.add(egui::Label::new(name).truncate()).on_hover_text(name);
            });
            for value in [moments.min, moments.mean, moments.max, moments.deviation] {
                row.col(|ui| {
                    ui.label(mono(format::number(value))).on_hover_text(value.to_string());
                });
            }
            row.col(|ui| {
                let all = moments.count + moments.missing;
                let text = match moments.missing {
                    0 => mono("0").color(cx.theme.faint),
                    missing => RichText::new(format!("{missing} of {all}")).size(size::ASIDE).color(cx.theme.warn),
                };
                ui.label(text);
            });
        });
    });
}

fn rows(prepared: &Prepared, view: &View) -> Vec<(String, Moments)> {
    let dataset = &prepared.dataset;
    let names: &[&str] = match (&dataset.input, dataset.dims.0.first()) {
        (InputKind::Sound { .. }, _) => &["waveform"],
        (_, Some(3)) => &["red", "green", "blue"],
        _ => &["grey"],
    };
    let channels = view.channels.iter().enumerate().map(|(channel, moments)| {
        let name = names.get(channel).map_or_else(|| format!("channel {channel}"), |name| (*name).to_owned());
        (name, *moments)
    });
    let columns = view.statistics.iter().map(|column| {
        let name = match &column.value {
            Some(value) => format!("{} is {value}", column.column),
            None => column.column.clone(),
        };
        (name, column.moments)
    });
    channels.chain(columns).collect()
}
