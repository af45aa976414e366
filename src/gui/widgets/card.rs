//! Cards: the surfaces that hold a chart, a table, a gallery.

use egui::{CornerRadius, Frame, InnerResponse, Margin, Stroke, Ui};

use super::text::{faint, semibold};
use crate::gui::theme::{Theme, size};

/// A card around `content`, as high as its content.
pub fn card<R>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    frame(ui).show(ui, content)
}

/// A card that takes all the room there is.
pub fn card_filled<R>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    frame(ui).show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        content(ui)
    })
}

/// The head of a card: title on the left, the value that matters and its unit on the right.
pub fn headline(ui: &mut Ui, title: &str, value: &str, unit: &str) {
    ui.horizontal(|ui| {
        ui.label(semibold(title, size::BODY));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if !unit.is_empty() {
                let text = faint(ui, unit);
                ui.label(text);
            }
            if !value.is_empty() {
                ui.label(semibold(value, size::HEADLINE));
            }
        });
    });
}

fn frame(ui: &Ui) -> Frame {
    let theme = Theme::of(ui.ctx());
    Frame::new()
        .fill(theme.card)
        .stroke(Stroke::new(1.0, theme.line))
        .corner_radius(CornerRadius::same(size::CARD_RADIUS as u8))
        .inner_margin(Margin::same(size::PAD as i8))
}

/// A row in the middle of the width. Its own width is known from the last frame; `salt` tells rows apart.
pub fn centered_row<R>(ui: &mut Ui, salt: &str, content: impl FnOnce(&mut Ui) -> R) -> R {
    let id = ui.id().with(salt);
    let known: Option<f32> = ui.data(|data| data.get_temp(id));
    let outer = ui.available_rect_before_wrap();
    let width = known.unwrap_or(240.0).min(outer.width());
    let left = outer.center().x - width / 2.0;
    let place = egui::Rect::from_min_size(egui::pos2(left, outer.top()), egui::vec2(width, size::EDIT_ROW));
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let builder = egui::UiBuilder::new().max_rect(place).layout(layout);
    let inner = ui.scope_builder(builder, |ui| {
        let inner = content(ui);
        (inner, ui.min_rect().width())
    });
    let (inner, taken) = inner.inner;
    if known != Some(taken) {
        ui.data_mut(|data| data.insert_temp(id, taken));
        ui.ctx().request_repaint();
    }
    inner
}

/// The whole area of a tab, with the margins of a panel.
pub fn page<R>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> R {
    Frame::new()
        .inner_margin(Margin::same(size::PAD as i8))
        .show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            content(ui)
        })
        .inner
}
