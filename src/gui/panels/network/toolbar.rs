//! The small bar of tools over the canvas.

use egui::{Frame, Margin, Stroke, Ui, UiBuilder, vec2};

use crate::gui::canvas::{Canvas, Measure};
use crate::gui::icons;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::icon_button;

/// Draws the bar over the upper left corner of what was drawn before.
pub(super) fn toolbar_ui(ui: &mut Ui, theme: &Theme, canvas: &mut Canvas) {
    let at = ui.min_rect().min + vec2(size::PAD, size::PAD);
    let room = egui::Rect::from_min_size(at, vec2(220.0, 34.0));
    let mut bar = ui.new_child(UiBuilder::new().max_rect(room));
    Frame::new()
        .fill(theme.card)
        .stroke(Stroke::new(1.0, theme.line))
        .corner_radius(size::CARD_RADIUS)
        .inner_margin(Margin::symmetric(5, 2))
        .show(&mut bar, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                if icon_button(ui, icons::ZOOM_IN, "Zoom in (Ctrl and scroll)").clicked() {
                    canvas.zoom_by(1.25);
                }
                if icon_button(ui, icons::ZOOM_OUT, "Zoom out (Ctrl and scroll)").clicked() {
                    canvas.zoom_by(0.8);
                }
                if icon_button(ui, icons::FIT, "Show the whole network").clicked() {
                    canvas.fit();
                }
                let measure =
                    icon_button(ui, icons::HEAT, &format!("Bars show {}", canvas.measure.label().to_lowercase()));
                egui::Popup::menu(&measure).show(|ui| {
                    ui.set_min_width(180.0);
                    for choice in Measure::ALL {
                        if ui.radio(canvas.measure == choice, choice.label()).clicked() {
                            canvas.measure = choice;
                        }
                    }
                });
            });
        });
}
