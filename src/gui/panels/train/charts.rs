//! The cards with the curves: a grid of two columns, or one card with all the room.

use egui::{Frame, ScrollArea, Ui, vec2};

use crate::data::Task;
use crate::gui::charts::chart_card_ui;
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::size;
use crate::gui::widgets::{capitalized, empty_state, icon_toggle};
use crate::project::Step;
use crate::session::{Command, Run, StepState};

use super::TrainPanel;
use super::cards::{CardInput, CardKind, card};

/// A card is never lower than this.
const LOWEST: f32 = 190.0;

impl TrainPanel {
    pub(super) fn charts_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let runs = self.shown_runs(cx);
        if runs.is_empty() {
            no_runs_ui(ui, cx);
            return;
        }
        let target_scale = cx
            .session
            .prepared()
            .filter(|data| data.dataset.task == Task::Regression)
            .map(|data| f64::from(data.normalizer.target.1));
        let target = cx.session.prepared().map(|data| data.dataset.target.clone()).unwrap_or_default();
        let is_language = cx.session.prepared().is_some_and(|data| data.dataset.task == Task::LanguageModel);
        let kinds: Vec<CardKind> = match self.enlarged {
            Some(kind) if self.cards.contains(&kind) => vec![kind],
            _ => self.cards.clone(),
        };
        let theme = cx.theme.clone();
        let is_single = kinds.len() == 1;
        Frame::new().inner_margin(size::PAD).show(ui, |ui| {
            let room = ui.available_size();
            let columns = if is_single || room.x < 560.0 { 1 } else { 2 };
            let rows = kinds.len().div_ceil(columns).max(1);
            let width = (room.x - size::GAP * (columns - 1) as f32) / columns as f32;
            let height = ((room.y - size::GAP * (rows - 1) as f32) / rows as f32).floor().max(LOWEST);
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing = vec2(size::GAP, size::GAP);
                for row in kinds.chunks(columns) {
                    ui.horizontal(|ui| {
                        for &kind in row {
                            let input = CardInput {
                                runs: runs.clone(),
                                target_scale,
                                target: &target,
                                is_language,
                                is_log: self.logarithmic.contains(&kind),
                                smoothing: self.smoothing,
                            };
                            let card = card(kind, &theme, &input);
                            ui.push_id(kind.title(), |ui| {
                                chart_card_ui(ui, &theme, card, vec2(width.floor(), height), |ui| {
                                    self.tools_ui(ui, kind);
                                });
                            });
                        }
                    });
                }
            });
        });
    }

    fn tools_ui(&mut self, ui: &mut Ui, kind: CardKind) {
        ui.spacing_mut().item_spacing.x = 0.0;
        // The other values lie close together; there a logarithm would only hide the zero.
        let has_log = matches!(kind, CardKind::Loss | CardKind::LearningRate);
        let is_log = self.logarithmic.contains(&kind);
        let name = format!("Logarithmic axis, {}", kind.title().to_lowercase());
        if has_log && icon_toggle(ui, icons::TREND, &name, is_log).clicked() && !self.logarithmic.remove(&kind) {
            self.logarithmic.insert(kind);
        }
        let is_large = self.enlarged == Some(kind);
        let (icon, verb) = if is_large { (icons::SHRINK, "Show all charts") } else { (icons::ENLARGE, "Enlarge") };
        let name = if is_large { verb.to_owned() } else { format!("{verb} {}", kind.title().to_lowercase()) };
        if icon_toggle(ui, icon, &name, is_large).clicked() {
            self.enlarged = (!is_large).then_some(kind);
        }
    }

    /// The compared runs and then the selected one.
    fn shown_runs<'a>(&self, cx: &PanelContext<'a>) -> Vec<&'a Run> {
        let selected = cx.session.selected_run();
        let compared = cx
            .session
            .runs()
            .iter()
            .filter(|run| self.compared.contains(&run.id) && selected.is_none_or(|selected| selected.id != run.id));
        compared.chain(selected).collect()
    }
}

/// What to do while there is nothing to show.
pub(super) fn no_runs_ui(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let text = "A run trains the network on your data. Its curves appear here while it works.";
    match cx.session.step_state(Step::Train) {
        StepState::Blocked(missing) => {
            let (action, step) = if cx.session.prepared().is_none() {
                ("Go to Data", Step::Data)
            } else {
                ("Go to Network", Step::Network)
            };
            if empty_state(
                ui,
                icons::CURVES,
                "No run yet",
                &format!("{text} {}.", capitalized(missing.trim_end_matches('.'))),
                Some(action),
            ) {
                cx.send(Command::Show(step));
            }
        }
        _ => {
            if empty_state(ui, icons::CURVES, "No run yet", text, Some("Start the first run")) {
                cx.send(Command::Train);
            }
        }
    }
}
