//! The bar on top: mark and menu, save state, the five steps, search, theme and settings.

use std::time::Duration;

use egui::{
    Align, Align2, Button, CornerRadius, FontFamily, FontId, Frame, Layout, Margin, Panel, Response, RichText, Sense,
    Stroke, Ui, WidgetInfo, WidgetType, vec2,
};

use crate::project::Step;
use crate::session::{Command, SaveState, Session, StepState};

use super::commands::{Act, Group, TABLE, WindowAct};
use super::theme::{Theme, size};
use super::widgets::{faint, icon_button, semibold};
use super::{fonts, icons};

/// Below this width only the present step has its label, and the search its icon alone.
const NARROW: f32 = 960.0;

/// Draws the bar.
pub fn top_bar(ui: &mut Ui, session: &Session, acts: &mut Vec<Act>) {
    let theme = Theme::of(ui.ctx());
    let frame = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(size::PAD as i8, 0));
    Panel::top("top bar").exact_size(size::TOP_BAR).frame(frame).show(ui, |ui| {
        let is_narrow = ui.available_width() < NARROW;
        ui.horizontal_centered(|ui| {
            project_ui(ui, session, acts, if is_narrow { 150.0 } else { 204.0 });
            if let Some(project) = session.project() {
                steps_ui(ui, session, project.view.step, is_narrow, acts);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, icons::SETTINGS, "Settings").clicked() {
                    acts.push(Act::Window(WindowAct::Settings));
                }
                let (icon, name) =
                    if theme.is_dark { (icons::SUN, "Light theme") } else { (icons::MOON, "Dark theme") };
                if icon_button(ui, icon, name).clicked() {
                    acts.push(Act::Window(WindowAct::SwitchTheme));
                }
                if search_ui(ui, is_narrow).clicked() {
                    acts.push(Act::Window(WindowAct::Palette));
                }
            });
        });
    });
}

/// Mark, name and save state; a click opens the menu.
fn project_ui(ui: &mut Ui, session: &Session, acts: &mut Vec<Act>, width: f32) {
    let theme = Theme::of(ui.ctx());
    let name = session.project().map_or("Layerbench", |project| project.name.as_str());
    let height = ui.available_height();
    ui.allocate_ui_with_layout(vec2(width, height), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(width);
        ui.spacing_mut().button_padding = vec2(4.0, 4.0);
        let mark = RichText::new(icons::MARK).size(22.0).color(theme.accent);
        let menu = ui
            .scope(|ui| {
                ui.set_max_width(width - 70.0);
                ui.add(Button::new((mark, semibold(name, 14.0))).frame_when_inactive(false).truncate())
            })
            .inner
            .on_hover_text("Menu");
        menu.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, "Menu"));
        egui::Popup::menu(&menu).show(|ui| menu_ui(ui, session, acts));

        let (text, color) = save_state(session, ui);
        if !text.is_empty() {
            let label = egui::Label::new(RichText::new(&text).size(size::UNIT).color(color)).truncate();
            ui.add(label).on_hover_text(text);
        }
    });
}

fn save_state(session: &Session, ui: &Ui) -> (String, egui::Color32) {
    let theme = Theme::of(ui.ctx());
    match session.save_state() {
        SaveState::NoProject => (String::new(), theme.faint),
        SaveState::Saved(at) => {
            let (text, until_change) = ago(at.elapsed());
            ui.ctx().request_repaint_after(until_change);
            (text, theme.weak)
        }
        SaveState::Unsaved => ("not saved yet".to_owned(), theme.weak),
        SaveState::Failed(message) => (format!("{} not saved: {message}", icons::ERROR), theme.error),
        SaveState::ReadOnly => (format!("{} read only", icons::LOCK), theme.warn),
    }
}

/// How long ago in words, and after what time the words change: a still window wakes that rarely.
fn ago(elapsed: Duration) -> (String, Duration) {
    let seconds = elapsed.as_secs();
    let (text, step) = match seconds {
        0..=9 => ("saved".to_owned(), 10),
        10..=59 => (format!("saved {} s ago", seconds / 10 * 10), 10),
        60..=3599 => (format!("saved {} min ago", seconds / 60), 60),
        _ => (format!("saved {} h ago", seconds / 3600), 3600),
    };
    (text, Duration::from_secs(step - seconds % step) + Duration::from_millis(50))
}

fn menu_ui(ui: &mut Ui, session: &Session, acts: &mut Vec<Act>) {
    ui.set_min_width(240.0);
    for group in Group::ALL {
        ui.menu_button(group.label(), |ui| {
            ui.set_min_width(280.0);
            for record in TABLE.iter().filter(|record| record.group == group) {
                let mut button = Button::new(record.title);
                if let Some(key) = record.keys.first() {
                    let key = RichText::new(ui.ctx().format_shortcut(key)).monospace();
                    button = button.shortcut_text(key);
                }
                let response = ui.add_enabled((record.enabled)(session), button).on_hover_text(record.help);
                if response.clicked() {
                    acts.push((record.run)(session));
                    ui.close();
                }
            }
        });
    }
    let recent = session.recent();
    if !recent.is_empty() {
        ui.menu_button("Open recent", |ui| {
            for path in recent.iter().take(10) {
                let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                if ui.button(name).on_hover_text(path.display().to_string()).clicked() {
                    acts.push(Act::Session(Command::Open(path.clone())));
                    ui.close();
                }
            }
        });
    }
}

fn steps_ui(ui: &mut Ui, session: &Session, present: Step, is_narrow: bool, acts: &mut Vec<Act>) {
    let theme = Theme::of(ui.ctx());
    ui.spacing_mut().item_spacing.x = size::TIGHT;
    for (position, step) in Step::ALL.into_iter().enumerate() {
        if position > 0 {
            ui.label(RichText::new(icons::NEXT).size(size::ASIDE).color(theme.faint));
        }
        let state = session.step_state(step);
        let has_label = !is_narrow || step == present;
        if step_ui(ui, step, &state, step == present, has_label).clicked() {
            acts.push(Act::Session(Command::Show(step)));
        }
    }
    ui.spacing_mut().item_spacing.x = size::GAP;
}

fn step_ui(ui: &mut Ui, step: Step, state: &StepState, is_present: bool, has_label: bool) -> Response {
    let theme = Theme::of(ui.ctx());
    let family = if is_present { FontFamily::Name(fonts::SEMIBOLD.into()) } else { FontFamily::Proportional };
    let color = match state {
        StepState::Blocked(_) | StepState::Ready(_) if !is_present => theme.weak,
        _ => theme.text,
    };
    let text = if has_label { step.label() } else { "" };
    let galley = ui.painter().layout_no_wrap(text.to_owned(), FontId::new(size::BODY, family), color);
    let label_width = if has_label { galley.size().x + size::GAP } else { 0.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(label_width + 20.0 + 20.0, 34.0), Sense::click());

    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        let fill = match (is_present, response.hovered()) {
            (true, _) => theme.selected(),
            (false, true) => theme.hovered(),
            (false, false) => theme.panel,
        };
        painter.rect_filled(rect, CornerRadius::same(17), fill);
        if response.has_focus() {
            let stroke = Stroke::new(1.5, theme.accent);
            painter.rect_stroke(rect, CornerRadius::same(17), stroke, egui::StrokeKind::Inside);
        }
        let centre = egui::pos2(rect.left() + 20.0, rect.center().y);
        let number = (step as usize + 1).to_string();
        let font = FontId::proportional(size::UNIT);
        let is_running = matches!(state, StepState::Running(_));
        match state {
            StepState::Done(_) if !is_present => {
                painter.circle_filled(centre, 9.5, theme.ok);
                let font = FontId::proportional(size::ASIDE);
                painter.text(centre, Align2::CENTER_CENTER, icons::DONE, font, theme.panel);
            }
            _ if is_present => {
                painter.circle_filled(centre, 9.5, theme.accent);
                painter.text(centre, Align2::CENTER_CENTER, number, font, theme.on_accent);
            }
            _ => {
                let stroke = Stroke::new(1.3, if is_running { theme.accent } else { theme.faint });
                painter.circle_stroke(centre, 9.0, stroke);
                let color = if is_running { theme.accent } else { theme.weak };
                painter.text(centre, Align2::CENTER_CENTER, number, font, color);
            }
        }
        let place = egui::pos2(centre.x + 10.0 + size::GAP, rect.center().y - galley.size().y / 2.0);
        painter.galley(place, galley, color);
    }

    let (word, text) = match state {
        StepState::Done(text) => ("Done", text),
        StepState::Ready(text) => ("Next", text),
        StepState::Blocked(text) => ("Not yet", text),
        StepState::Running(text) => ("Running", text),
    };
    response.widget_info(|| WidgetInfo::selected(WidgetType::Button, true, is_present, step.label()));
    response.on_hover_ui(|ui| {
        ui.label(semibold(step.label(), size::BODY));
        ui.label(format!("{word}. {text}"));
        let aside = faint(ui, format!("Ctrl {}", step as usize + 1));
        ui.label(aside);
    })
}

fn search_ui(ui: &mut Ui, is_narrow: bool) -> Response {
    let theme = Theme::of(ui.ctx());
    if is_narrow {
        return icon_button(ui, icons::SEARCH, "Search commands");
    }
    let (rect, response) = ui.allocate_exact_size(vec2(172.0, 32.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, "Search commands"));
    if ui.is_rect_visible(rect) {
        let fill = if response.hovered() { theme.tint(theme.raised, theme.text, 0.06) } else { theme.raised };
        let stroke = if response.has_focus() { Stroke::new(1.5, theme.accent) } else { Stroke::NONE };
        ui.painter().rect(rect, size::CONTROL_RADIUS, fill, stroke, egui::StrokeKind::Inside);
        let middle = rect.center().y;
        let font = FontId::proportional(size::ASIDE);
        let left = egui::pos2(rect.left() + 9.0, middle);
        let text = format!("{}  Search commands", icons::SEARCH);
        ui.painter().text(left, Align2::LEFT_CENTER, text, font.clone(), theme.weak);
        let right = egui::pos2(rect.right() - 9.0, middle);
        ui.painter().text(right, Align2::RIGHT_CENTER, "Ctrl K", font, theme.weak);
    }
    response.on_hover_text("Every command by a few letters of its name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_still_window_wakes_rarely_to_say_how_long_ago() {
        let words = |seconds: u64| ago(Duration::from_secs(seconds)).0;
        assert_eq!(words(3), "saved");
        assert_eq!(words(12), "saved 10 s ago");
        assert_eq!(words(125), "saved 2 min ago");
        assert_eq!(words(7300), "saved 2 h ago");
        for seconds in [0, 9, 10, 59, 60, 3599, 3600, 100_000] {
            let (_, wait) = ago(Duration::from_secs(seconds));
            assert!(wait > Duration::from_millis(500), "{seconds} s: {wait:?}");
            assert_ne!(ago(Duration::from_secs(seconds) + wait).0, "", "{seconds}");
        }
    }
}
