//! The right panel: start and stop, the settings of the next run, plan beside measurement, advice.

use std::time::Duration;

use egui::{RichText, Ui, vec2};

use crate::base::{Severity, format};
use crate::gui::form::Form;
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::{
    advice_box, capitalized, planned_and_measured, primary_button, secondary_button, section, section_title,
};
use crate::project::{Edit, Project, Step};
use crate::session::{Command, Plan, Run, Session, StepState};
use crate::train::{Phase, TrainConfig};

use super::status;

pub(super) fn settings_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, project: &Project) {
    section_title(ui, "Training");
    buttons_ui(ui, cx);
    ui.scope(|ui| {
        let plan = cx.session.plan();
        fit_ui(ui, cx, &plan, &project.train);
        form_ui(ui, cx, project);
        ui.separator();
        plan_ui(ui, cx, &plan);
        notices_ui(ui, cx);
        let sentence = if project.train.device == "cpu" {
            "On the CPU the same seed gives the same weights, bit for bit, on this machine and version."
        } else {
            "On a GPU two runs with the same seed may differ in the last digits. On the CPU they do not."
        };
        ui.label(RichText::new(sentence).small().color(cx.theme.weak));
    });
}

fn buttons_ui(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let session = cx.session;
    ui.horizontal(|ui| {
        let half = (ui.available_width() - size::GAP) / 2.0;
        let wide = |ui: &mut Ui| ui.spacing_mut().interact_size.x = half;
        wide(ui);
        if let Some(training) = session.training() {
            let (icon, text, command) = match training.phase {
                Phase::Running => (icons::PAUSE, "Pause", Command::Pause),
                Phase::Paused => (icons::PLAY, "Continue", Command::Continue),
            };
            ui.add_enabled_ui(!training.is_stopping, |ui| {
                let at = sized(ui, half, |ui| primary_button(ui, icon, text).clicked());
                if at {
                    cx.send(command);
                }
                let text = if training.is_stopping { "Stopping" } else { "Stop" };
                if sized(ui, half, |ui| {
                    secondary_button(ui, icons::STOP, text)
                        .on_hover_text("Ends after the current step; the run can be resumed from there.")
                        .clicked()
                }) {
                    cx.send(Command::Stop);
                }
            });
            return;
        }
        let missing = match session.step_state(Step::Train) {
            StepState::Blocked(missing) => Some(missing),
            _ => None,
        };
        let resumable = session.selected_run().filter(|run| status::can_resume(run));
        let width = if resumable.is_some() { half } else { ui.available_width() };
        let is_clicked = ui
            .add_enabled_ui(missing.is_none(), |ui| {
                sized(ui, width, |ui| {
                    let button = primary_button(ui, icons::PLAY, "Start");
                    button.on_disabled_hover_text(missing.clone().unwrap_or_default()).clicked()
                })
            })
            .inner;
        if is_clicked {
            cx.send(Command::Train);
        }
        if let Some(run) = resumable {
            let text = format!("Resume {}", run.id.number());
            if sized(ui, half, |ui| secondary_button(ui, icons::RELOAD, &text).clicked()) {
                cx.send(Command::ResumeRun(run.id.clone()));
            }
        }
    });
}

/// Gives a button that width.
fn sized<R>(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.allocate_ui_with_layout(
        vec2(width, size::EDIT_ROW),
        egui::Layout::centered_and_justified(egui::Direction::LeftToRight),
        add,
    )
    .inner
}

fn form_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, project: &Project) {
    if cx.session.training().is_some() {
        ui.label(RichText::new("Changes are for the next run.").small().color(cx.theme.weak));
    }
    let devices: Vec<(String, String)> =
        cx.session.devices().iter().map(|device| (device.id.clone(), device.label.clone())).collect();
    let lists = [("device", devices)];
    let mut train = project.train.clone();
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let form = Form::new(&cx.theme).lists(&lists);
        let mut has_changed = form.only(|field| !field.is_rare).show(ui, &mut train);
        let is_open = disclosure_ui(ui, &cx.theme, "More settings");
        if is_open {
            has_changed |= form.only(|field| field.is_rare).show(ui, &mut train);
        }
        if has_changed {
            cx.send(Command::Edit(Edit::SetTrain(Box::new(train))));
        }
    });
}

/// A row that opens and closes what stands below it; whether it is open is kept.
fn disclosure_ui(ui: &mut Ui, theme: &Theme, title: &str) -> bool {
    let id = ui.id().with(title);
    let mut is_open = ui.data_mut(|data| *data.get_persisted_mut_or(id, false));
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), size::EDIT_ROW), egui::Sense::click());
    let color = if response.hovered() || response.has_focus() { theme.text } else { theme.weak };
    let painter = ui.painter();
    let font = |points| egui::FontId::proportional(points);
    let at = rect.left_center();
    painter.text(at, egui::Align2::LEFT_CENTER, title, font(size::BODY), color);
    let caret = if is_open { icons::OPEN_GROUP } else { icons::NEXT };
    painter.text(rect.right_center() - vec2(6.0, 0.0), egui::Align2::RIGHT_CENTER, caret, font(size::ASIDE), color);
    if response.clicked() {
        is_open = !is_open;
        ui.data_mut(|data| data.insert_persisted(id, is_open));
    }
    let is_enabled = ui.is_enabled();
    response.widget_info(|| egui::WidgetInfo::selected(egui::WidgetType::CollapsingHeader, is_enabled, is_open, title));
    is_open
}

/// Says so when a step would not fit in memory, and offers the batch that does.
fn fit_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, plan: &Plan, train: &TrainConfig) {
    let needed = plan.memory.total();
    if plan.available == 0 || needed <= plan.available {
        return;
    }
    let mut text = format!("One step needs {}, but {} are free.", format::bytes(needed), format::bytes(plan.available));
    let largest = plan.largest_batch.filter(|&batch| batch < train.batch_size && batch > 0);
    let action = largest.map(|batch| format!("Use batch size {batch}"));
    if action.is_none() {
        text.push_str(" Not even one sample fits: make the network smaller.");
    }
    if advice_box(ui, Severity::Error, &text, action.as_deref())
        && let Some(batch_size) = largest
    {
        cx.send(Command::Edit(Edit::SetTrain(Box::new(TrainConfig { batch_size, ..train.clone() }))));
    }
}

fn plan_ui(ui: &mut Ui, cx: &PanelContext<'_>, plan: &Plan) {
    let session = cx.session;
    section(ui, "Plan and measurement", |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let run = session.selected_run();
        let measured = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        heads_ui(ui, &cx.theme);
        let is_on_cpu = session.project().is_none_or(|project| project.train.device == "cpu");
        let memory = run.and_then(|run| {
            let device = run.epochs.iter().filter_map(|epoch| epoch.device_bytes).max().filter(|_| !is_on_cpu);
            device.or_else(|| run.epochs.iter().map(|epoch| epoch.process_bytes).max())
        });
        // While a run works, the program has taken that run's memory already.
        let under_way = run.filter(|run| run.is_active).and_then(status::planned_bytes);
        let before = if is_on_cpu { plan.process } else { 0 };
        let (before, step) = under_way.unwrap_or((before, plan.memory.total()));
        planned_and_measured(ui, "Memory", &format::bytes(before + step), &measured(memory.map(format::bytes)))
            .on_hover_text(format!(
                "Planned: {} for one training step, and {} that the program has taken before it. Measured: the most at the end of an epoch of the selected run.",
                format::bytes(step),
                format::bytes(before)
            ));
        let planned = measured(plan.step_ms.map(|ms| format!("{} ms", format::milliseconds(ms))));
        let step = run.and_then(step_ms).map(|ms| format!("{} ms", format::milliseconds(ms)));
        planned_and_measured(ui, "Time per step", &planned, &measured(step));
        let total = plan.step_ms.map(|ms| Duration::from_secs_f64((ms * plan.steps as f64 / 1e3).clamp(0.0, 1e9)));
        let (label, help) = if session.training().is_some() {
            ("Time left", "Planned: the whole run. Measured: what is left of it, at the speed of the last steps.")
        } else {
            ("Whole run", "Planned: the next run, at the speed of the last one alike. Measured: the selected run.")
        };
        planned_and_measured(ui, label, &measured(total.map(format::clock)), &measured(finish(session)))
            .on_hover_text(help);
    });
}

/// What the two columns are.
fn heads_ui(ui: &mut Ui, theme: &Theme) {
    let room = vec2(ui.available_width(), 16.0);
    ui.allocate_ui_with_layout(room, egui::Layout::right_to_left(egui::Align::Center), |ui| {
        ui.label(RichText::new("measured").small().color(theme.weak));
        ui.label(RichText::new("planned").small().color(theme.faint));
    });
}

/// Time left of the run under way, or time that the selected one took.
fn finish(session: &Session) -> Option<String> {
    if let Some(training) = session.training() {
        return training.remaining.map(format::clock);
    }
    let seconds = session.selected_run()?.record.outcome.seconds;
    (seconds > 0.0).then(|| format::clock(Duration::from_secs_f64(seconds.min(1e9))))
}

/// Milliseconds a step in the last epoch.
fn step_ms(run: &Run) -> Option<f64> {
    let epoch = run.epochs.last()?;
    (epoch.samples_per_second > 0.0)
        .then(|| run.record.train.samples_per_step() as f64 / epoch.samples_per_second * 1e3)
}

fn notices_ui(ui: &mut Ui, cx: &PanelContext<'_>) {
    let Some(run) = cx.session.selected_run() else { return };
    let problems = run.notices.iter().chain(&run.record.outcome.problem);
    for problem in problems {
        let mut text = capitalized(&problem.message);
        if !problem.hint.is_empty() {
            text.push_str(". ");
            text.push_str(&capitalized(&problem.hint));
        }
        if !text.ends_with('.') {
            text.push('.');
        }
        advice_box(ui, problem.severity, &text, None);
    }
}
