//! The list of runs, and which charts are shown.

use egui::{Modifiers, RichText, ScrollArea, Ui};

use crate::base::Severity;
use crate::data::Task;
use crate::gui::form;
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::size;
use crate::gui::widgets::{RowButton, advice_box, section_title, selectable_row};
use crate::session::{Command, Run};

use super::cards::CardKind;
use super::{TrainPanel, select, status};

impl TrainPanel {
    pub(super) fn runs_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        section_title(ui, "Runs");
        let session = cx.session;
        let theme = cx.theme.clone();
        if let Some(id) = self.deleted.clone() {
            let text = format!("Run {} is in the bin.", id.number());
            if advice_box(ui, Severity::Advice, &text, Some("Bring it back")) {
                cx.send(Command::RestoreRun(id));
                self.deleted = None;
            }
        }
        let below = 34.0 + CardKind::ALL.len() as f32 * 26.0 + 46.0;
        // The panel scrolls as a whole; within it the list leaves room for what stands below.
        let room = (ui.clip_rect().height() - below).max(140.0);
        ScrollArea::vertical().id_salt("runs").max_height(room).auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = size::GAP;
            if session.runs().is_empty() {
                ui.label(RichText::new("Every run that you start is listed here with its result.").color(theme.weak));
                return;
            }
            for run in session.runs().iter().rev() {
                self.run_ui(ui, cx, run);
            }
            let is_regression = match session.prepared() {
                Some(data) => matches!(data.dataset.task, Task::Regression | Task::LanguageModel),
                None => session.runs().iter().all(|run| {
                    status::best(run).is_some_and(|epoch| epoch.validation_accuracy.or(epoch.train_accuracy).is_none())
                }),
            };
            let caption = if is_regression { "Validation loss, best epoch" } else { "Validation accuracy, best epoch" };
            ui.label(RichText::new(caption).small().color(theme.weak));
        });
        if !session.runs().is_empty() {
            ui.separator();
            self.chart_choice_ui(ui, cx);
        }
    }

    fn run_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, run: &Run) {
        let theme = cx.theme.clone();
        let number = run.id.number();
        let title = status::title(run);
        let mut aside = status::status(run, cx.session.training());
        let (value, is_bad) = status::value(run);
        let is_selected = cx.session.selected_run().is_some_and(|selected| selected.id == run.id);
        let is_compared = self.compared.contains(&run.id);
        if is_compared && !is_selected {
            aside.insert_str(0, &format!("{}  ", icons::SHOWN));
        }
        let row = RowButton {
            dot: Some(theme.run(number)),
            title: &title,
            aside: &aside,
            value: &value,
            value_color: is_bad.then_some(theme.error),
            is_selected,
            ..RowButton::default()
        };
        let response = selectable_row(ui, &row);
        response.context_menu(|ui| {
            if ui.button(format!("{}  Show", icons::CURVES)).clicked() {
                select(cx, &run.id);
            }
            let text = if is_compared { "Stop comparing" } else { "Compare with the shown run" };
            if ui.button(format!("{}  {text}", icons::SHOWN)).clicked() {
                self.toggle_compared(run);
            }
            let can_resume = status::can_resume(run) && cx.session.training().is_none();
            if ui.add_enabled(can_resume, egui::Button::new(format!("{}  Resume", icons::PLAY))).clicked() {
                cx.send(Command::ResumeRun(run.id.clone()));
            }
            if ui.add_enabled(!run.is_active, egui::Button::new(format!("{}  Delete", icons::DELETE))).clicked() {
                cx.send(Command::DeleteRun(run.id.clone()));
                self.deleted = Some(run.id.clone());
            }
        });
        if response.clicked() {
            if ui.input(|input| input.modifiers.matches_logically(Modifiers::COMMAND)) {
                self.toggle_compared(run);
            } else {
                select(cx, &run.id);
            }
        }
        let why = run.record.outcome.problem.as_ref().map(ToString::to_string);
        let help = "Click to show it, Ctrl and click to compare it, right click for more.";
        response.on_hover_text(why.map_or_else(|| help.to_owned(), |why| format!("{why}\n{help}")));
    }

    fn toggle_compared(&mut self, run: &Run) {
        if !self.compared.remove(&run.id) {
            self.compared.insert(run.id.clone());
        }
    }

    fn chart_choice_ui(&mut self, ui: &mut Ui, cx: &PanelContext<'_>) {
        let theme = &cx.theme;
        section_title(ui, "Charts");
        ui.spacing_mut().item_spacing.y = 0.0;
        for kind in CardKind::ALL {
            let mut is_shown = self.cards.contains(kind);
            form::row(ui, 26.0, |ui| {
                if form::switch(ui, theme, kind.title(), &mut is_shown).changed() {
                    if is_shown {
                        self.cards.push(*kind);
                    } else {
                        self.cards.retain(|shown| shown != kind);
                    }
                    // Charts keep the order of the list, however they were switched.
                    self.cards.sort_unstable();
                }
                form::label_ui(ui, kind.title(), theme.weak).on_hover_text(kind.help());
            });
        }
        form::row(ui, 30.0, |ui| {
            ui.spacing_mut().slider_width = 84.0;
            let slider = egui::Slider::new(&mut self.smoothing, 0.0..=0.99).show_value(false);
            let slider = ui.add(slider);
            let label = form::label_ui(ui, "Smoothing", theme.weak);
            slider
                .labelled_by(label.id)
                .on_hover_text("Width of the running mean over the raw training curves; 0 shows them as they are.");
        });
    }
}
