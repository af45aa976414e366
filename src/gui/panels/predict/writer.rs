//! The Predict step of a language model: a beginning, and the text that the network writes behind it.

use egui::text::LayoutJob;
use egui::{Align, FontId, Label, Layout, ScrollArea, TextEdit, TextFormat, Ui};

use crate::base::format;
use crate::gui::form::Form;
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::size;
use crate::gui::widgets::{
    card_filled, faint, icon_button, key_value, primary_button, secondary_button, section_title, semibold, weak,
};
use crate::session::generator::Sampling;
use crate::session::{Command, Writing};

/// Rows of the field for the beginning.
const ROWS: usize = 3;

/// What is asked for.
#[derive(Default)]
pub(super) struct Writer {
    prompt: String,
    sampling: Sampling,
}

impl Writer {
    /// The beginning, and the text.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        card_filled(ui, |ui| {
            let is_active = cx.session.writing().is_some_and(|writing| writing.is_active);
            let mut is_asked = false;
            ui.horizontal(|ui| {
                ui.label(semibold("Beginning", size::BODY));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if is_active {
                        if secondary_button(ui, icons::STOP, "Stop").clicked() {
                            cx.send(Command::CancelJob);
                        }
                    } else {
                        is_asked = primary_button(ui, icons::DRAW, "Write on").clicked();
                    }
                });
            });
            ui.scope(|ui| {
                ui.visuals_mut().text_edit_bg_color = Some(cx.theme.raised);
                let field = TextEdit::multiline(&mut self.prompt)
                    .desired_width(f32::INFINITY)
                    .desired_rows(ROWS)
                    .hint_text("The first words; Ctrl + Enter lets the network go on");
                let response = ui.add(field);
                response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, "Beginning"));
                is_asked |= response.has_focus()
                    && ui.input(|input| input.modifiers.command && input.key_pressed(egui::Key::Enter));
            });
            if is_asked {
                let prompt = if self.prompt.is_empty() { "\n".to_owned() } else { self.prompt.clone() };
                cx.send(Command::Generate { prompt, sampling: self.sampling.clone() });
            }
            ui.add_space(size::GAP);
            let writing = cx.session.writing();
            self.head_ui(ui, writing);
            let Some(writing) = writing else {
                let text = weak(ui, "The network writes on from here, one token after the other.");
                ui.add(Label::new(text).wrap());
                return;
            };
            ScrollArea::vertical().auto_shrink([false, false]).stick_to_bottom(true).show(ui, |ui| {
                let mut job = LayoutJob::default();
                job.wrap.max_width = ui.available_width();
                let font = FontId::proportional(size::BODY);
                let beginning = writing.prompt.trim_start_matches('\n');
                job.append(beginning, 0.0, TextFormat::simple(font.clone(), cx.theme.weak));
                job.append(&writing.text, 0.0, TextFormat::simple(font, cx.theme.text));
                ui.add(Label::new(job).wrap());
            });
        });
    }

    fn head_ui(&self, ui: &mut Ui, writing: Option<&Writing>) {
        ui.horizontal(|ui| {
            ui.label(semibold("Text", size::BODY));
            let Some(writing) = writing else { return };
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icon_button(ui, icons::COPY, "Copy the text").clicked() {
                    ui.copy_text(format!("{}{}", writing.prompt, writing.text));
                }
                let written = format::count(writing.tokens);
                let mut told = format!("{written} tokens");
                if writing.tokens_per_second > 0.0 {
                    told = format!("{told}, {} a second", format::number(writing.tokens_per_second.round()));
                }
                let told = faint(ui, told);
                ui.label(told);
            });
        });
    }

    /// How tokens are drawn.
    pub(super) fn settings_ui(&mut self, ui: &mut Ui, cx: &PanelContext<'_>) {
        section_title(ui, "How it writes");
        Form::new(&cx.theme).show(ui, &mut self.sampling);
        ui.add_space(size::GAP);
        ui.separator();
        section_title(ui, "Network");
        ui.spacing_mut().item_spacing.y = 0.0;
        let Some(prepared) = cx.session.prepared() else { return };
        key_value(ui, "Context", &format!("{} tokens", prepared.dataset.dims))
            .on_hover_text("How far it looks back; what lies further back it has forgotten");
        key_value(ui, "Vocabulary", &format::count(prepared.dataset.outputs_needed() as u64));
    }
}
