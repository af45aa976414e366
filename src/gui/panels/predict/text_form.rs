//! A text to predict, typed or pasted.

use egui::{ScrollArea, TextEdit, Ui};

use crate::data::{Dataset, InputKind};
use crate::gui::icons;
use crate::gui::theme::Theme;
use crate::gui::widgets::{primary_button, semibold};

/// The text while it is edited.
#[derive(Default)]
pub(super) struct TextForm {
    text: String,
}

impl TextForm {
    /// Takes over the text of a sample.
    pub(super) fn fill(&mut self, dataset: &Dataset, sample: u32) {
        if let Some(text) = dataset.text(sample as usize) {
            self.text = text.into_owned();
        }
    }

    /// The field and its button; the tokens of the text when an answer is asked for.
    pub(super) fn ui(&mut self, ui: &mut Ui, theme: &Theme, dataset: &Dataset) -> Option<Vec<f32>> {
        let mut is_asked = false;
        ui.horizontal(|ui| {
            ui.label(semibold("Text", crate::gui::theme::size::BODY));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.add_enabled_ui(!self.text.trim().is_empty(), |ui| {
                    is_asked = primary_button(ui, icons::PREDICT, "Predict").clicked();
                });
            });
        });
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            ui.visuals_mut().text_edit_bg_color = Some(theme.raised);
            let field = TextEdit::multiline(&mut self.text)
                .desired_width(f32::INFINITY)
                .desired_rows(8)
                .hint_text("Type or paste a text; Ctrl + Enter asks the network");
            let response = ui.add(field);
            is_asked |= response.has_focus()
                && ui.input(|input| input.modifiers.command && input.key_pressed(egui::Key::Enter));
        });
        match &dataset.input {
            InputKind::Text(texts) if is_asked => Some(texts.encode(&self.text, dataset.dims.elements())),
            _ => None,
        }
    }
}
