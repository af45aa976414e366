//! Text in the roles of the theme.

use egui::{Color32, FontFamily, FontId, RichText, Ui};

use crate::gui::fonts;
use crate::gui::theme::{Theme, size};

/// Titles and headline values.
pub fn semibold(text: impl Into<String>, points: f32) -> RichText {
    RichText::new(text).font(FontId::new(points, FontFamily::Name(fonts::SEMIBOLD.into())))
}

/// Numbers that line up.
pub fn mono(text: impl Into<String>) -> RichText {
    RichText::new(text).font(FontId::new(size::ASIDE, FontFamily::Monospace))
}

/// A label beside a value.
pub fn weak(ui: &Ui, text: impl Into<String>) -> RichText {
    colored(text, size::BODY, Theme::of(ui.ctx()).weak)
}

/// An aside that need not be read.
pub fn faint(ui: &Ui, text: impl Into<String>) -> RichText {
    colored(text, size::UNIT, Theme::of(ui.ctx()).faint)
}

/// A unit behind a value.
pub fn unit(ui: &Ui, text: impl Into<String>) -> RichText {
    faint(ui, text)
}

/// Title of a section in a side panel.
pub fn section_title(ui: &mut Ui, text: &str) -> egui::Response {
    ui.label(semibold(text, size::BODY))
}

fn colored(text: impl Into<String>, points: f32, color: Color32) -> RichText {
    RichText::new(text).size(points).color(color)
}
