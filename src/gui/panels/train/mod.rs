//! The Train step: runs on the left, curves in the centre, settings, plan and measurement on the right.

mod cards;
mod charts;
mod epochs;
mod runs;
mod settings;
pub(in crate::gui) mod status;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use egui::Ui;

use crate::base::{Place, RunId};
use crate::gui::icons;
use crate::session::{Command, Session};

use super::{PanelContext, StepPanel, Tab};

pub use cards::CardKind;

const TABS: &[Tab] = &[
    Tab {
        id: "curves",
        title: "Curves",
        icon: icons::CURVES,
        help: "Loss, accuracy, memory and inference time over the epochs.",
    },
    Tab { id: "epochs", title: "Epochs", icon: icons::TABLE, help: "The same numbers as a table, one row an epoch." },
];

/// What the Train step shows.
pub struct TrainPanel {
    /// Charts in sight, in the order in which they stand.
    cards: Vec<CardKind>,
    /// The chart that has all the room.
    enlarged: Option<CardKind>,
    /// Logarithmic charts.
    logarithmic: BTreeSet<CardKind>,
    /// How much raw curves are smoothed, 0 to 1.
    smoothing: f64,
    /// Runs shown besides the selected one.
    compared: BTreeSet<RunId>,
    /// The run that was deleted last, which can be brought back.
    deleted: Option<RunId>,
    /// The project that all this is about.
    project: Option<PathBuf>,
}

impl Default for TrainPanel {
    fn default() -> Self {
        Self {
            cards: CardKind::FIRST.to_vec(),
            enlarged: None,
            logarithmic: BTreeSet::new(),
            smoothing: 0.9,
            compared: BTreeSet::new(),
            deleted: None,
            project: None,
        }
    }
}

impl StepPanel for TrainPanel {
    fn tabs(&self) -> &'static [Tab] {
        TABS
    }

    fn left_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        if cx.session.project().is_some() {
            self.runs_ui(ui, cx);
        }
    }

    fn tab_ui(&mut self, tab: &str, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        if cx.session.project().is_none() {
            return;
        }
        match tab {
            "epochs" => epochs::table_ui(ui, cx),
            _ => self.charts_ui(ui, cx),
        }
    }

    fn right_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        if let Some(project) = cx.session.project().cloned() {
            settings::settings_ui(ui, cx, &project);
        }
    }

    fn go_to(&mut self, place: &Place, _: &Session) {
        if let Place::Run(_) = place {
            self.enlarged = None;
        }
    }

    fn command(&mut self, id: &str, cx: &mut PanelContext<'_>) {
        if id == "delete"
            && let Some(run) = cx.session.selected_run().filter(|run| !run.is_active)
        {
            self.deleted = Some(run.id.clone());
            cx.send(Command::DeleteRun(run.id.clone()));
        }
        if id == "fit" {
            self.enlarged = None;
        }
    }

    fn logic(&mut self, session: &Session) {
        let runs = session.runs();
        self.compared.retain(|id| runs.iter().any(|run| run.id == *id));
        // A deleted run of another project can't be brought back here, and one that is there need not be.
        if self.project.as_deref() != session.path() {
            self.project = session.path().map(Path::to_owned);
            (self.deleted, self.enlarged) = (None, None);
        }
        self.deleted = self.deleted.take().filter(|id| runs.iter().all(|run| run.id != *id));
    }
}

/// Leaves the command that brings a run to the front.
fn select(cx: &mut PanelContext<'_>, run: &RunId) {
    if cx.session.selected_run().is_none_or(|selected| selected.id != *run) {
        cx.send(Command::SelectRun(run.clone()));
    }
}

/// The first four charts of these runs, for pictures.
#[cfg(test)]
pub(in crate::gui) fn preview_cards<'a>(
    theme: &crate::gui::theme::Theme,
    runs: &[&'a crate::session::Run],
    is_log: bool,
) -> Vec<crate::gui::charts::ChartCard<'a>> {
    let input = cards::CardInput {
        runs: runs.to_vec(),
        target_scale: None,
        is_language: false,
        target: "",
        is_log,
        smoothing: 0.9,
    };
    CardKind::FIRST.iter().map(|kind| cards::card(*kind, theme, &input)).collect()
}
