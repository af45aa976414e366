//! The bar below: the running job from anywhere, problems, throughput, memory, device.

use egui::{Align, Button, Frame, Layout, Margin, Panel, Popup, PopupCloseBehavior, RichText, ScrollArea, Ui};

use crate::base::memory::Memory;
use crate::base::{Problem, Progress, Severity, format};
use crate::project::Step;
use crate::session::{Command, DataState, Session, Training};
use crate::train::Phase;

use super::commands::Act;
use super::icons;
use super::panels::Request;
use super::theme::{Theme, size};
use super::widgets::{icon_button, mono, problem_row, progress_bar, semibold};

/// Problems that are listed; the Findings of the Data step show all.
const MOST_PROBLEMS: usize = 200;

/// Draws the bar.
pub fn status_bar(ui: &mut Ui, session: &Session, memory: Memory, acts: &mut Vec<Act>, requests: &mut Vec<Request>) {
    let theme = Theme::of(ui.ctx());
    let frame = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(size::PAD as i8, 0));
    Panel::bottom("status bar").exact_size(size::STATUS_BAR).frame(frame).show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            ui.style_mut().text_styles.insert(egui::TextStyle::Body, egui::FontId::proportional(size::ASIDE));
            let width = ui.available_width();
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                right_ui(ui, session, memory, width, requests);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| job_ui(ui, session, width, acts));
            });
        });
    });
}

fn job_ui(ui: &mut Ui, session: &Session, width: f32, acts: &mut Vec<Act>) {
    if let Some(training) = session.training() {
        training_ui(ui, session, training, width, acts);
        return;
    }
    let importing = match session.data() {
        DataState::Importing { progress, .. } => Some(progress),
        _ => None,
    };
    let jobs: [(Option<&Progress>, &str, Command); 3] = [
        (importing, "Reading the data", Command::CancelImport),
        (session.evaluating(), "Evaluating", Command::CancelJob),
        (session.predicting(), "Predicting", Command::CancelJob),
    ];
    if let Some((Some(progress), name, cancel)) = jobs.into_iter().find(|(progress, ..)| progress.is_some()) {
        let theme = Theme::of(ui.ctx());
        ui.label(RichText::new(icons::BUSY).color(theme.accent));
        ui.label(name);
        progress_bar(ui, progress.fraction(), (width * 0.16).clamp(60.0, 220.0));
        let (done, total) = progress.counts();
        if total > 0 {
            let text = format!("{} of {}", format::count(done), format::count(total));
            ui.label(RichText::new(text).color(theme.weak));
        }
        if progress.is_cancelled() {
            ui.label(RichText::new("ending…").color(theme.weak));
        } else if icon_button(ui, icons::CLOSE, "Cancel").clicked() {
            acts.push(Act::Session(cancel));
        }
        return;
    }
    let state = session.project().map(|project| session.step_state(project.view.step));
    use crate::session::StepState;
    if let Some(StepState::Ready(text) | StepState::Blocked(text) | StepState::Done(text)) = state {
        let theme = Theme::of(ui.ctx());
        ui.add(egui::Label::new(RichText::new(text).color(theme.weak)).truncate());
    }
}

fn training_ui(ui: &mut Ui, session: &Session, training: &Training, width: f32, acts: &mut Vec<Act>) {
    let theme = Theme::of(ui.ctx());
    let name = session.runs().iter().find(|run| run.id == training.run).map_or("", |run| run.record.name.as_str());
    let number = training.run.number();
    let is_paused = training.phase == Phase::Paused;
    let icon = if is_paused { icons::PAUSE } else { icons::BUSY };
    ui.label(RichText::new(icon).color(theme.accent));
    let title = ui.add(Button::new(format!("run {number}  {name}")).frame(false));
    if title.on_hover_text("Show its curves").clicked() {
        acts.push(Act::Session(Command::SelectRun(training.run.clone())));
        acts.push(Act::Session(Command::Show(Step::Train)));
    }
    let fraction = if training.total_steps == 0 { 0.0 } else { training.step as f32 / training.total_steps as f32 };
    progress_bar(ui, Some(fraction), (width * 0.17).clamp(60.0, 240.0));
    let mut text = format!("epoch {} of {}   {:.0} %", training.epoch, training.epochs, fraction * 100.0);
    if training.is_stopping {
        text.push_str("   stopping…");
    } else if is_paused {
        text.push_str("   paused");
    } else if let Some(left) = training.remaining {
        text = format!("{text}   {} left", format::clock(left));
    }
    ui.add(egui::Label::new(RichText::new(text).color(theme.weak)).truncate());
}

/// From the right: device, memory, throughput, problems.
fn right_ui(ui: &mut Ui, session: &Session, memory: Memory, width: f32, requests: &mut Vec<Request>) {
    let theme = Theme::of(ui.ctx());
    let device = session.project().map_or("cpu", |project| project.train.device.as_str());
    let device = session.devices().iter().find(|info| info.id == device);
    if let Some(device) = device {
        ui.label(RichText::new(&device.label).color(theme.weak)).on_hover_text("Where the next run is computed");
        ui.separator();
    }
    if memory.process > 0 {
        let used = format::bytes(memory.process);
        let text = if width > 900.0 {
            format!("memory {used} of {}", format::bytes(memory.total))
        } else {
            format!("memory {used}")
        };
        let whole = format!("{} available", format::bytes(memory.available));
        ui.label(RichText::new(text).color(theme.weak)).on_hover_text(whole);
        ui.separator();
    }
    if let Some(training) = session.training()
        && training.samples_per_second > 0.0
    {
        let rate = format::count(training.samples_per_second.round() as u64);
        ui.label(RichText::new(format!("{rate} samples/s")).color(theme.weak));
        ui.separator();
    }
    if session.project().is_some() {
        problems_ui(ui, &session.problems(), requests);
    }
}

fn problems_ui(ui: &mut Ui, problems: &[Problem], requests: &mut Vec<Request>) {
    let theme = Theme::of(ui.ctx());
    let count = |severity: Severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let text = match (errors, warnings) {
        (0, 0) => "no problems".to_owned(),
        (0, 1) => "1 warning".to_owned(),
        (0, warnings) => format!("{warnings} warnings"),
        (1, _) => "1 problem".to_owned(),
        (errors, _) => format!("{errors} problems"),
    };
    let (icon, color) = match (errors, warnings) {
        (0, 0) => (icons::OK, theme.ok),
        (0, _) => (icons::WARNING, theme.warn),
        _ => (icons::ERROR, theme.error),
    };
    let label = RichText::new(format!("{icon} {text}")).size(size::ASIDE).color(color);
    let button = ui.add(Button::new(label).frame_when_inactive(false));
    button.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, &text));
    Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.set_width(380.0);
        ui.spacing_mut().item_spacing.y = size::GAP;
        ui.label(semibold("Problems", size::BODY));
        if problems.is_empty() {
            ui.label(RichText::new("Nothing is wrong with data, network and settings.").color(theme.weak));
        }
        ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
            for problem in problems.iter().take(MOST_PROBLEMS) {
                if problem_row(ui, problem).on_hover_text("Go there").clicked() {
                    requests.push(Request::GoTo(problem.place.clone()));
                    ui.close();
                }
            }
        });
        if !problems.is_empty() {
            let all = format::count(problems.len() as u64);
            let text = match problems.len() {
                0..=MOST_PROBLEMS => format!("{all} in all"),
                _ => format!("{all} in all, the first {MOST_PROBLEMS} are shown"),
            };
            ui.label(mono(text).color(theme.weak));
        }
    });
}
