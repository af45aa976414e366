//! The Evaluate step: which run and which part on the left, the result in the centre, what is selected on the right.

mod classes;
mod details;
mod headline;
mod left;
mod matrix;
mod overlaps;
mod regression;
mod samples;

use egui::Ui;

use crate::base::{RunId, format};
use crate::data::{Part, Task};
use crate::gui::icons;
use crate::gui::widgets::empty_state;
use crate::metrics::Evaluation;
use crate::project::Step;
use crate::session::{Command, Session};

use super::{PanelContext, StepPanel, Tab};

const TABS: &[Tab] = &[
    Tab {
        id: "result",
        title: "Result",
        icon: icons::MATRIX,
        help: "The numbers that count, and which classes are taken for which.",
    },
    Tab { id: "classes", title: "Classes", icon: icons::TABLE, help: "Precision, recall and F1 of every class." },
    Tab {
        id: "samples",
        title: "Samples",
        icon: icons::IMAGES,
        help: "The samples with the largest and the smallest loss.",
    },
];

/// The same where the answers are masks.
const MASK_TABS: &[Tab] = &[
    Tab {
        id: "result",
        title: "Result",
        icon: icons::MATRIX,
        help: "The numbers that count, and which classes are taken for which, counted in pixels.",
    },
    Tab { id: "classes", title: "Classes", icon: icons::TABLE, help: "How well the masks of every class overlap." },
    Tab {
        id: "samples",
        title: "Samples",
        icon: icons::IMAGES,
        help: "The images with the largest and the smallest loss.",
    },
];

/// The same where the answer is a number.
const REGRESSION_TABS: &[Tab] = &[
    Tab {
        id: "result",
        title: "Result",
        icon: icons::MATRIX,
        help: "The numbers that count, and how far the answers lie from the truth.",
    },
    Tab { id: "classes", title: "Errors", icon: icons::TABLE, help: "How large the errors are." },
    Tab {
        id: "samples",
        title: "Samples",
        icon: icons::IMAGES,
        help: "The samples with the largest and the smallest loss.",
    },
];

/// The same for language models.
const LANGUAGE_TABS: &[Tab] = &[
    Tab {
        id: "result",
        title: "Result",
        icon: icons::MATRIX,
        help: "How well the next token is told, and where it is hardest.",
    },
    Tab {
        id: "samples",
        title: "Samples",
        icon: icons::LIST,
        help: "The stretches of text with the largest and the smallest loss.",
    },
];

/// What the Evaluate step shows.
pub struct EvaluatePanel {
    part: Part,
    /// Row (truth) and column (predicted) of the matrix.
    cell: Option<(usize, usize)>,
    /// Index in the data set.
    sample: Option<u32>,
    sort: classes::Sort,
    list: samples::List,
    /// The run whose evaluation was last in sight: another one starts without a selection.
    seen: Option<RunId>,
    /// What the answers are.
    task: Task,
    /// The sample for which an answer was asked, so that it is asked for once.
    asked: Option<(Option<RunId>, u32)>,
}

impl Default for EvaluatePanel {
    fn default() -> Self {
        Self {
            part: Part::Test,
            cell: None,
            sample: None,
            sort: classes::Sort::default(),
            list: samples::List::default(),
            seen: None,
            task: Task::default(),
            asked: None,
        }
    }
}

impl StepPanel for EvaluatePanel {
    fn tabs(&self) -> &'static [Tab] {
        match self.task {
            Task::LanguageModel => LANGUAGE_TABS,
            Task::Regression => REGRESSION_TABS,
            Task::Segmentation => MASK_TABS,
            Task::Classification | Task::Detection => TABS,
        }
    }

    fn left_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        if cx.session.project().is_some() {
            self.choice_ui(ui, cx);
        }
    }

    fn tab_ui(&mut self, tab: &str, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        if cx.session.project().is_none() {
            return;
        }
        let Some(evaluation) = self.evaluation(cx.session) else {
            self.nothing_ui(ui, cx);
            return;
        };
        let is_regression = is_regression(cx.session, evaluation);
        match tab {
            "samples" => self.samples_ui(ui, cx, evaluation),
            _ if evaluation.language.is_some() => self.language_ui(ui, cx, evaluation),
            "classes" if evaluation.masks.is_some() => overlaps::classes_ui(ui, cx, evaluation),
            "classes" if !is_regression => self.classes_ui(ui, cx, evaluation),
            "classes" => regression::errors_ui(ui, cx, evaluation),
            _ => self.result_ui(ui, cx, evaluation, is_regression),
        }
    }

    fn right_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        if cx.session.project().is_some() {
            self.details_ui(ui, cx);
        }
    }

    fn logic(&mut self, session: &Session) {
        self.task = session.prepared().map_or_else(Task::default, |data| data.dataset.task);
        let run = session.selected_run().map(|run| &run.id);
        if self.seen.as_ref() != run {
            self.seen = run.cloned();
            self.cell = None;
            self.sample = None;
            // An evaluation that is there already is shown, whichever part it is of.
            if let Some(part) = session.evaluation().and_then(|evaluation| part_of(&evaluation.part)) {
                self.part = part;
            }
        }
    }
}

impl EvaluatePanel {
    /// The evaluation of the selected run on the chosen part.
    fn evaluation<'a>(&self, session: &'a Session) -> Option<&'a Evaluation> {
        session.evaluation().filter(|evaluation| evaluation.part == part_id(self.part))
    }

    /// What to do while there is nothing to show.
    fn nothing_ui(&self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let session = cx.session;
        if let Some(progress) = session.evaluating() {
            let text = match progress.counts() {
                (_, 0) => "The network answers every sample of the part.".to_owned(),
                (done, total) => format!("{} of {} samples are answered.", format::count(done), format::count(total)),
            };
            if empty_state(ui, icons::BUSY, "Evaluating", &text, Some("Cancel")) {
                cx.send(Command::CancelJob);
            }
        } else if let Some(run) = session.selected_run().filter(|run| !run.has_weights()) {
            let text = if run.is_active {
                format!("Run {} can be evaluated when its first epoch has ended.", run.id.number())
            } else {
                format!(
                    "Run {} ended before its first epoch did, so it left no weights. Choose another run on the left.",
                    run.id.number()
                )
            };
            if empty_state(ui, icons::TARGET, "Nothing to evaluate in this run", &text, Some("Go to Train")) {
                cx.send(Command::Show(Step::Train));
            }
        } else if session.selected_run().is_none() {
            let text = "An evaluation says how good a trained network is on samples that it has not learned from. Train one first.";
            if empty_state(ui, icons::TARGET, "Nothing to evaluate yet", text, Some("Go to Train")) {
                cx.send(Command::Show(Step::Train));
            }
        } else {
            let text = format!(
                "The selected run has not been evaluated on the {} part. It takes a moment and changes nothing.",
                samples::part_word(self.part)
            );
            if empty_state(ui, icons::TARGET, "Not evaluated yet", &text, Some("Evaluate")) {
                cx.send(Command::Evaluate(self.part));
            }
        }
    }
}

/// As in [`Evaluation::part`].
fn part_id(part: Part) -> &'static str {
    match part {
        Part::Train => "train",
        Part::Validation => "validation",
        Part::Test => "test",
    }
}

fn part_of(id: &str) -> Option<Part> {
    [Part::Test, Part::Validation, Part::Train].into_iter().find(|part| part_id(*part) == id)
}

fn is_regression(session: &Session, evaluation: &Evaluation) -> bool {
    session.prepared().map_or(evaluation.per_class.is_empty(), |data| data.dataset.task == Task::Regression)
}

/// The name of a class, or its number where the data is not there.
fn class_name(session: &Session, class: usize) -> String {
    let name = session.prepared().and_then(|data| data.dataset.classes.get(class).cloned());
    name.unwrap_or_else(|| class.to_string())
}
