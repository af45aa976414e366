//! The right panel: the button, then the selected cell or sample, then what the curves say.

use egui::{Align, Layout, RichText, Ui};

use crate::base::{Severity, format};
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::panels::train::status;
use crate::gui::theme::size;
use crate::gui::widgets::{
    advice_box, capitalized, icon_button, key_value, progress_bar, secondary_button, section, section_title, semibold,
};
use crate::session::{Command, Run};

use super::{EvaluatePanel, class_name, is_regression, samples};

impl EvaluatePanel {
    pub(super) fn details_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        section_title(ui, "Evaluation");
        self.button_ui(ui, cx);
        let Some(run) = cx.session.selected_run() else { return };
        let Some(evaluation) = self.evaluation(cx.session) else {
            ui.separator();
            curves_ui(ui, cx, run);
            return;
        };
        let chosen = self.sample.and_then(|id| evaluation.samples.iter().find(|sample| sample.sample == id)).copied();
        if let Some(sample) = chosen {
            ui.separator();
            self.sample_ui(ui, cx, sample);
        }
        let has_cells =
            !is_regression(cx.session, evaluation) && evaluation.masks.is_none() && evaluation.language.is_none();
        match self.cell.filter(|_| has_cells) {
            Some((row, column)) => {
                ui.separator();
                let found = samples::of_cell(evaluation, row, column);
                let (truth, answer) = (class_name(cx.session, row), class_name(cx.session, column));
                let title =
                    if row == column { format!("{truth} recognized") } else { format!("{truth} taken for {answer}") };
                ui.horizontal(|ui| {
                    ui.label(semibold(title, size::BODY));
                    ui.label(RichText::new(status::plural(found.len(), "sample")).small().color(cx.theme.weak));
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        if icon_button(ui, icons::CLOSE, "Close the cell").clicked() {
                            self.cell = None;
                            self.sample = None;
                        }
                    });
                });
                if found.is_empty() {
                    ui.label(RichText::new("No sample.").color(cx.theme.weak));
                } else {
                    self.gallery_ui(ui, cx, &found, 54.0, rest(ui));
                }
            }
            None if chosen.is_none() => {
                ui.separator();
                ui.scope(|ui| {
                    curves_ui(ui, cx, run);
                    if has_cells {
                        ui.separator();
                        self.mistakes_ui(ui, cx);
                    }
                });
            }
            None => {}
        }
    }

    fn button_ui(&self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        if let Some(progress) = cx.session.evaluating() {
            let (done, total) = progress.counts();
            progress_bar(ui, progress.fraction(), ui.available_width());
            ui.horizontal(|ui| {
                if total > 0 {
                    let text = format!("{} of {}", format::count(done), format::count(total));
                    ui.label(RichText::new(text).color(cx.theme.weak));
                }
                if secondary_button(ui, icons::STOP, "Cancel").clicked() {
                    cx.send(Command::CancelJob);
                }
            });
            return;
        }
        let has_weights = cx.session.selected_run().is_some_and(crate::session::Run::has_weights);
        let is_ready = has_weights && cx.session.prepared().is_some();
        let is_done = self.evaluation(cx.session).is_some();
        ui.add_enabled_ui(is_ready, |ui| {
            let part = samples::part_word(self.part);
            let is_clicked = if is_done {
                secondary_button(ui, icons::RELOAD, "Evaluate again")
            } else {
                secondary_button(ui, icons::TARGET, &format!("Evaluate on the {part} part"))
            };
            let why = "Choose a run with at least one finished epoch on the left; the data must be loaded too.";
            if is_clicked.on_disabled_hover_text(why).clicked() {
                cx.send(Command::Evaluate(self.part));
            }
        });
    }

    /// The most frequent confusions as rows that lead to their cells.
    fn mistakes_ui(&mut self, ui: &mut Ui, cx: &PanelContext<'_>) {
        let Some(evaluation) = self.evaluation(cx.session) else { return };
        let mut mistakes: Vec<(u64, usize, usize)> = Vec::new();
        for (row, counts) in evaluation.confusion.iter().enumerate() {
            for (column, &count) in counts.iter().enumerate() {
                if row != column && count > 0 {
                    mistakes.push((count, row, column));
                }
            }
        }
        mistakes.sort_by_key(|&(count, row, column)| (std::cmp::Reverse(count), row, column));
        section(ui, "Most frequent mistakes", |ui| {
            if mistakes.is_empty() {
                ui.label(RichText::new("None: every answer is right.").color(cx.theme.weak));
            }
            for &(count, row, column) in mistakes.iter().take(6) {
                let title = format!("{} taken for {}", class_name(cx.session, row), class_name(cx.session, column));
                let value = format::count(count);
                let button = crate::gui::widgets::RowButton { title: &title, value: &value, ..Default::default() };
                if crate::gui::widgets::selectable_row(ui, &button).clicked() {
                    self.cell = Some((row, column));
                }
            }
        });
    }
}

/// Height of the panel that is still in sight below what was drawn.
fn rest(ui: &Ui) -> f32 {
    (ui.clip_rect().bottom() - ui.cursor().top() - size::PAD).max(160.0)
}

/// What the curves of the run say: where it was best, and whether it has learned by heart.
fn curves_ui(ui: &mut Ui, cx: &PanelContext<'_>, run: &Run) {
    section(ui, "What the curves say", |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let Some(best) = status::best(run) else {
            ui.label(RichText::new("The run has no finished epoch.").color(cx.theme.weak));
            return;
        };
        key_value(ui, "Best epoch", &format!("{} of {}", best.epoch, run.epochs.len()));
        let mut value = |name: &str, value: Option<f64>, show: fn(f64) -> String| {
            if let Some(value) = value {
                key_value(ui, name, &show(value)).on_hover_text(value.to_string());
            }
        };
        value("Training loss", Some(best.train_loss), format::number);
        value("Validation loss", best.validation_loss, format::number);
        value("Training accuracy", best.train_accuracy, format::share);
        value("Validation accuracy", best.validation_accuracy, format::share);
        if run.notices.is_empty() {
            ui.add_space(size::TIGHT);
            let (severity, text) = verdict(run);
            advice_box(ui, severity, &text, None);
        }
        for notice in &run.notices {
            let text = if notice.hint.is_empty() {
                format!("{}.", capitalized(&notice.message))
            } else {
                format!("{}. {}.", capitalized(&notice.message), capitalized(&notice.hint))
            };
            advice_box(ui, notice.severity, &text, None);
        }
    });
}

/// One sentence on fit, from the best epoch and the last.
fn verdict(run: &Run) -> (Severity, String) {
    let (Some(best), Some(last)) = (status::best(run), run.epochs.last()) else {
        return (Severity::Advice, "No epoch is finished yet.".to_owned());
    };
    let gap = best.train_accuracy.zip(best.validation_accuracy).map(|(train, validation)| train - validation);
    // Accuracy over few samples is noisy; the loss must say the same.
    let is_loss_higher = best.validation_loss.is_some_and(|loss| loss > best.train_loss * 1.1);
    if is_loss_higher && gap.is_some_and(|gap| gap > 0.05) {
        let text = "Training accuracy is well above validation: samples are learned by heart. More data, dropout or weight decay help.";
        return (Severity::Warning, text.to_owned());
    }
    if last.epoch >= best.epoch + 3 {
        let text = format!(
            "Validation was best in epoch {}; the {} epochs after it brought nothing.",
            best.epoch,
            last.epoch - best.epoch
        );
        return (Severity::Advice, text);
    }
    if last.epoch == best.epoch && run.epochs.len() > 2 {
        let text = "The last epoch was the best one: more epochs may bring more.";
        return (Severity::Advice, text.to_owned());
    }
    (Severity::Advice, "Training and validation lie close together: no sign of overfitting.".to_owned())
}
