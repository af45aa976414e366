//! The numbers behind the curves, one row an epoch, and their CSV.

use egui::{Align, Layout, RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::base::format;
use crate::gui::icons;
use crate::gui::panels::{PanelContext, Request};
use crate::gui::theme::size;
use crate::gui::widgets::{mono, secondary_button, semibold};
use crate::session::Run;
use crate::train::EpochMetrics;

use super::{charts, status};

type Cell = fn(&EpochMetrics) -> String;

/// Titles, short enough for a column, and what stands in each.
const COLUMNS: [(&str, Cell); 8] = [
    ("Epoch", |epoch| epoch.epoch.to_string()),
    ("Training loss", |epoch| format::number(epoch.train_loss)),
    ("Validation loss", |epoch| epoch.validation_loss.map(format::number).unwrap_or_default()),
    ("Training acc.", |epoch| epoch.train_accuracy.map(format::share).unwrap_or_default()),
    ("Validation acc.", |epoch| epoch.validation_accuracy.map(format::share).unwrap_or_default()),
    ("Samples/s", |epoch| format::count(epoch.samples_per_second.round().max(0.0) as u64)),
    ("Memory", |epoch| format::bytes(epoch.process_bytes)),
    ("Inference", |epoch| format!("{} ms", format::milliseconds(epoch.inference_ms_p50))),
];

pub(super) fn table_ui(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(run) = cx.session.selected_run() else {
        charts::no_runs_ui(ui, cx);
        return;
    };
    let theme = cx.theme.clone();
    egui::Frame::new().inner_margin(size::PAD).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(semibold(status::title(run), size::BODY));
            if let Some(best) = status::best(run) {
                let text = format!("epoch {} is the best one", best.epoch);
                ui.label(RichText::new(text).small().color(theme.weak));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if secondary_button(ui, icons::EXPORT, "Export as CSV…").clicked() {
                    cx.ask(Request::SaveFile { name: format!("{}.csv", run.id), content: csv(run).into_bytes() });
                }
            });
        });
        ui.spacing_mut().item_spacing.y = 0.0;
        TableBuilder::new(ui)
            .columns(Column::remainder().at_least(64.0), COLUMNS.len())
            .stick_to_bottom(run.is_active)
            .header(size::EDIT_ROW, |mut header| {
                for (title, _) in COLUMNS {
                    header.col(|ui| right(ui, |ui| drop(ui.label(semibold(title, size::ASIDE).color(theme.weak)))));
                }
            })
            .body(|body| {
                body.rows(24.0, run.epochs.len(), |mut row| {
                    let Some(epoch) = run.epochs.get(row.index()) else { return };
                    row.set_selected(epoch.is_best && status::best(run).is_some_and(|best| best.epoch == epoch.epoch));
                    for (_, cell) in COLUMNS {
                        row.col(|ui| right(ui, |ui| drop(ui.label(mono(cell(epoch))))));
                    }
                });
            });
    });
}

fn right(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    ui.with_layout(Layout::right_to_left(Align::Center), add);
}

/// All epochs with unrounded numbers.
fn csv(run: &Run) -> String {
    let mut text = String::from(
        "epoch,step,train_loss,validation_loss,train_accuracy,validation_accuracy,learning_rate,seconds,samples_per_second,process_bytes,inference_ms_p50,inference_ms_p95\n",
    );
    let optional = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for epoch in &run.epochs {
        let cells = [
            epoch.epoch.to_string(),
            epoch.step.to_string(),
            epoch.train_loss.to_string(),
            optional(epoch.validation_loss),
            optional(epoch.train_accuracy),
            optional(epoch.validation_accuracy),
            epoch.learning_rate.to_string(),
            epoch.seconds.to_string(),
            epoch.samples_per_second.to_string(),
            epoch.process_bytes.to_string(),
            epoch.inference_ms_p50.to_string(),
            epoch.inference_ms_p95.to_string(),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}
