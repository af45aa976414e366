//! What lies over the whole window: the target for dropped files, the settings, questions.

use egui::{Align2, Context, FontId, Id, LayerId, Modal, Order, Stroke, StrokeKind};

use crate::project::Step;
use crate::session::Session;

use super::icons;
use super::settings::Settings;
use super::theme::{Theme, size};
use super::widgets::{secondary_button, semibold};

/// Says what dropping does while files hang over the window.
pub fn drop_overlay(ctx: &Context, session: &Session) {
    let hovered = ctx.input(|input| input.raw.hovered_files.clone());
    let Some(first) = hovered.first() else { return };
    let theme = Theme::of(ctx);
    let name = first.path.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| "the file".to_owned());
    let is_project = name.ends_with(".layerbench");
    let text = match session.project() {
        _ if is_project => format!("Drop to open {name}"),
        None => format!("Drop to make a project from {name}"),
        Some(project) if project.view.step == Step::Predict => format!("Drop to predict {name}"),
        Some(_) => format!("Drop to read {name} as data"),
    };
    let painter = ctx.layer_painter(LayerId::new(Order::Foreground, Id::new("drop")));
    let screen = ctx.content_rect();
    painter.rect_filled(screen, 0.0, theme.app.gamma_multiply(0.86));
    let target = screen.shrink(24.0);
    let stroke = Stroke::new(2.0, theme.accent);
    painter.rect_stroke(target, size::CARD_RADIUS, stroke, StrokeKind::Inside);
    let centre = target.center();
    let icon = FontId::proportional(44.0);
    painter.text(centre - egui::vec2(0.0, 28.0), Align2::CENTER_CENTER, icons::IMPORT, icon, theme.accent);
    let font = FontId::proportional(18.0);
    painter.text(centre + egui::vec2(0.0, 20.0), Align2::CENTER_CENTER, text, font, theme.text);
}

/// The window's settings.
pub fn settings_window(ctx: &Context, is_open: &mut bool, settings: &mut Settings) {
    if !*is_open {
        return;
    }
    let frame = egui::Frame::window(&ctx.global_style()).inner_margin(20.0);
    let modal = Modal::new(Id::new("settings")).frame(frame).show(ctx, |ui| {
        ui.set_width(400.0_f32.min(ctx.content_rect().width() - 64.0));
        ui.label(semibold("Settings", size::HEADLINE));
        ui.add_space(size::GAP);
        settings.ui(ui);
        ui.add_space(size::PAD);
        if secondary_button(ui, "", "Close").clicked() {
            ui.close();
        }
    });
    if modal.should_close() {
        *is_open = false;
    }
}
