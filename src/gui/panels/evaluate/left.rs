//! Which run, which part, and the numbers of the result.

use egui::{ScrollArea, Ui};

use crate::base::format;
use crate::data::Part;
use crate::gui::panels::PanelContext;
use crate::gui::panels::train::status;
use crate::gui::theme::size;
use crate::gui::widgets::{RowButton, key_value, section_title, selectable_row};
use crate::metrics::Evaluation;
use crate::session::Command;

use super::{EvaluatePanel, is_regression};

impl EvaluatePanel {
    pub(super) fn choice_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let session = cx.session;
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = size::TIGHT;
            section_title(ui, "Run");
            if session.runs().is_empty() {
                ui.label(egui::RichText::new("None yet.").color(cx.theme.weak));
            }
            let room = (ui.clip_rect().height() * 0.3).max(120.0);
            ScrollArea::vertical().id_salt("runs").max_height(room).auto_shrink([false, true]).show(ui, |ui| {
                for run in session.runs().iter().rev() {
                    let (value, is_bad) = status::value(run);
                    let is_selected = session.selected_run().is_some_and(|selected| selected.id == run.id);
                    let title = status::title(run);
                    let row = RowButton {
                        dot: Some(cx.theme.run(run.id.number())),
                        title: &title,
                        value: &value,
                        value_color: is_bad.then_some(cx.theme.error),
                        is_selected,
                        ..RowButton::default()
                    };
                    if selectable_row(ui, &row).on_hover_text(status::status(run, session.training())).clicked() {
                        cx.send(Command::SelectRun(run.id.clone()));
                    }
                }
            });
            ui.add_space(size::GAP);
            section_title(ui, "Part of the data");
            for (part, title, help) in [
                (Part::Test, "Test", "Samples that nothing was chosen by: the honest result."),
                (
                    Part::Validation,
                    "Validation",
                    "Samples that chose the settings and the best epoch: a little too good.",
                ),
                (
                    Part::Train,
                    "Training",
                    "Samples that the network has learned from: far too good, but good for finding wrong labels.",
                ),
            ] {
                let count = session.prepared().map(|data| format::count(data.split.part(part).len() as u64));
                let value = count.unwrap_or_default();
                let row = RowButton { title, value: &value, is_selected: self.part == part, ..RowButton::default() };
                if selectable_row(ui, &row).on_hover_text(help).clicked() && self.part != part {
                    self.part = part;
                    self.cell = None;
                    self.sample = None;
                }
            }
            if let Some(evaluation) = self.evaluation(session) {
                ui.add_space(size::GAP);
                section_title(ui, "Metrics");
                ui.spacing_mut().item_spacing.y = 1.0;
                for (label, value, help) in metrics(evaluation, is_regression(session, evaluation)) {
                    key_value(ui, &label, &value).on_hover_text(help);
                }
            }
        });
    }
}

/// Label, value and meaning of every number of a result.
pub(super) fn metrics(evaluation: &Evaluation, is_regression: bool) -> Vec<(String, String, &'static str)> {
    let mut list = Vec::new();
    let mut add = |label: &str, value: String, help| list.push((label.to_owned(), value, help));
    if is_regression {
        let value = |value: Option<f64>| value.map(format::number).unwrap_or_default();
        add(
            "Mean absolute error",
            value(evaluation.mean_absolute_error),
            "Mean distance between answer and truth, in the unit of the target.",
        );
        add(
            "Root mean squared error",
            value(evaluation.root_mean_squared_error),
            "As the mean absolute error, but large errors weigh more.",
        );
        add(
            "R squared",
            value(evaluation.r_squared),
            "Share of the target's variance that is explained: 1 is perfect, 0 is no better than the mean.",
        );
    } else if let Some(language) = evaluation.language {
        add(
            "Perplexity",
            format::number(language.perplexity),
            "Between how many equally likely tokens the network would be as unsure: e to the loss.",
        );
        add(
            "Bits a character",
            format::number(language.bits_per_character),
            "Bits that a character takes when the network packs the text; comparable whatever the tokens are.",
        );
        for (k, share) in &evaluation.top_k {
            add(&format!("Top {k}"), format::share(*share), "Share of tokens that are among the most probable ones.");
        }
        add("Tokens", format::count(language.tokens), "Tokens that were told.");
    } else if let Some(masks) = &evaluation.masks {
        add("Mean IoU", format::share(masks.mean_iou), "Intersection over union of each class, mean of the classes.");
        add(
            "Dice",
            format::share(masks.dice),
            "Overlap as the F1 of pixels, mean of the classes other than background.",
        );
        add("Right pixels", format::share(evaluation.accuracy), "Share of right pixels; large areas count most.");
    } else {
        add("Accuracy", format::share(evaluation.accuracy), "Share of right answers.");
        for (k, share) in evaluation.top_k.iter().filter(|(k, _)| *k > 1) {
            add(
                &format!("Top {k} accuracy"),
                format::share(*share),
                "Share of samples whose class is among the most probable ones.",
            );
        }
        let macro_average = evaluation.macro_average;
        add(
            "Precision, mean",
            format::share(macro_average.precision),
            "Of the answers for a class, the share that is right; mean over classes.",
        );
        add(
            "Recall, mean",
            format::share(macro_average.recall),
            "Of the samples of a class, the share that was found; mean over classes.",
        );
        add("F1, mean", format::share(macro_average.f1), "Harmonic mean of precision and recall; mean over classes.");
        add("F1, weighted", format::share(evaluation.weighted_average.f1), "F1, each class weighted by its samples.");
    }
    add("Loss", format::number(evaluation.loss), "Mean loss over the part.");
    let time = |ms: f64| format!("{} ms", format::milliseconds(ms));
    add("Inference, median", time(evaluation.inference_ms_p50), "Half of the single samples were answered faster.");
    add("Inference, 95 %", time(evaluation.inference_ms_p95), "95 of 100 single samples were answered faster.");
    list
}
