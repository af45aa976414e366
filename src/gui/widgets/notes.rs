//! What stands where something is wrong, worth knowing, or not there yet.

use egui::{Color32, CornerRadius, Frame, Margin, RichText, Ui};

use super::buttons::{primary_button, secondary_button};
use super::text::{semibold, weak};
use crate::base::{Place, Problem, Severity};
use crate::gui::icons;
use crate::gui::theme::{Theme, size};

/// The icon of a finding.
pub fn severity_icon(severity: Severity) -> &'static str {
    match severity {
        Severity::Advice => icons::ADVICE,
        Severity::Warning => icons::WARNING,
        Severity::Error => icons::ERROR,
    }
}

/// One plain sentence next to what it concerns, with an action if there is one. True if the action was chosen.
pub fn advice_box(ui: &mut Ui, severity: Severity, text: &str, action: Option<&str>) -> bool {
    let theme = Theme::of(ui.ctx());
    let color = theme.severity(severity);
    Frame::new()
        .fill(theme.tint(theme.panel, color, 0.12))
        .corner_radius(CornerRadius::same(size::CONTROL_RADIUS as u8))
        .inner_margin(Margin::symmetric(10, 8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = size::GAP;
                ui.label(RichText::new(severity_icon(severity)).size(14.0).color(color));
                ui.vertical(|ui| {
                    ui.add(egui::Label::new(RichText::new(text).size(size::ASIDE)).wrap());
                    action.is_some_and(|action| secondary_button(ui, "", action).clicked())
                })
                .inner
            })
            .inner
        })
        .inner
}

/// A finding as a row: icon, where, what, and what to do. Clicking it leads to the place, if the answer is used so.
pub fn problem_row(ui: &mut Ui, problem: &Problem) -> egui::Response {
    let theme = Theme::of(ui.ctx());
    let place = match &problem.place {
        Place::Project | Place::Data => String::new(),
        Place::Setting(name) => name.replace('.', ", ").replace('_', " "),
        place => capitalized(&place.to_string()),
    };
    let row = ui
        .horizontal_top(|ui| {
            let color = theme.severity(problem.severity);
            ui.label(RichText::new(severity_icon(problem.severity)).size(14.0).color(color));
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                if !place.is_empty() {
                    ui.add(egui::Label::new(RichText::new(&place).size(size::ASIDE).color(theme.weak)).wrap());
                }
                ui.add(egui::Label::new(RichText::new(capitalized(&problem.message)).size(size::BODY)).wrap());
                if !problem.hint.is_empty() {
                    let hint = RichText::new(capitalized(&problem.hint)).size(size::ASIDE).color(theme.weak);
                    ui.add(egui::Label::new(hint).wrap());
                }
            });
        })
        .response;
    let row = row.interact(egui::Sense::click());
    row.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, problem.to_string()));
    row
}

/// An empty place: what belongs here, and the action that brings it. True if the action was chosen.
pub fn empty_state(ui: &mut Ui, icon: &str, title: &str, text: &str, action: Option<&str>) -> bool {
    let theme = Theme::of(ui.ctx());
    let height = 132.0 + if action.is_some() { 42.0 } else { 0.0 };
    ui.vertical_centered(|ui| {
        ui.add_space(((ui.available_height() - height) / 2.0).max(size::PAD));
        ui.label(RichText::new(icon).size(36.0).color(theme.faint));
        ui.label(semibold(title, size::HEADLINE));
        ui.scope(|ui| {
            ui.set_max_width(360.0_f32.min(ui.available_width()));
            let text = weak(ui, text);
            ui.add(egui::Label::new(text).wrap().halign(egui::Align::Center));
        });
        action.is_some_and(|action| {
            ui.add_space(size::TIGHT);
            primary_button(ui, "", action).clicked()
        })
    })
    .inner
}

/// Messages are stored as parts of sentences; alone they start with a capital, unless they start with a file's name.
pub fn capitalized(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.trim_end_matches(['.', ',', ':', ';']).contains(['/', '\\', '.', '_']) {
        return text.to_owned();
    }
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// A small filled circle, e.g. a run's colour.
pub(super) fn dot(ui: &mut Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(egui::Vec2::splat(10.0), egui::Sense::hover());
    ui.painter().circle_filled(rect.center(), 4.5, color);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_start_with_a_capital_and_names_stay_as_they_are() {
        assert_eq!(capitalized("there is no data"), "There is no data");
        assert_eq!(capitalized("flowers/a.png: not an image"), "flowers/a.png: not an image");
        assert_eq!(capitalized("small_cnn is too large"), "small_cnn is too large");
    }
}
