//! The whole drawing in small, with the part in sight; a click goes there.

use egui::{Rect, Sense, Stroke, StrokeKind, Ui, Vec2, vec2};

use crate::gui::theme::Theme;

use super::{Canvas, Drawing};

/// Where it stands; nowhere while the whole drawing is in sight and large enough to read.
pub(super) fn place(view: Rect, drawing: &Drawing, canvas: &Canvas) -> Option<Rect> {
    let size = vec2(100.0, 120.0);
    let is_all_seen = view.contains_rect(canvas.rect_to_screen(view, drawing.bounds));
    let has_room = view.width() > 420.0 && view.height() > 300.0;
    (has_room && !(is_all_seen && drawing.nodes.len() < 4))
        .then(|| Rect::from_min_size(view.max - size - Vec2::splat(12.0), size))
}

/// Draws it and takes clicks.
pub(super) fn minimap_ui(ui: &Ui, theme: &Theme, canvas: &mut Canvas, view: Rect, drawing: &Drawing, rect: Rect) {
    let response = ui.interact(rect, ui.id().with("minimap"), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, "Overview of the network"));
    let painter = ui.painter_at(rect);
    painter.rect(rect, 6.0, theme.card, Stroke::new(1.0, theme.line), StrokeKind::Inside);
    let inner = rect.shrink(10.0);
    let scale = (inner.size() / drawing.bounds.size().max(Vec2::splat(1.0))).min_elem().min(0.2);
    let place = |at: egui::Pos2| inner.center() + (at - drawing.bounds.center()) * scale;
    let small = |rect: Rect| Rect::from_min_max(place(rect.min), place(rect.max));
    for node in &drawing.nodes {
        let color = node.kind.map_or(theme.faint, |kind| theme.layer(kind));
        painter.rect_filled(small(node.rect).expand2(vec2(0.0, 0.5)), 1.5, color.gamma_multiply(0.8));
    }
    let seen = Rect::from_min_max(canvas.to_drawing(view, view.min), canvas.to_drawing(view, view.max));
    let seen = small(seen).intersect(rect.shrink(2.0));
    painter.rect_stroke(seen, 2.0, Stroke::new(1.0, theme.weak), StrokeKind::Inside);
    if let Some(pointer) = response.interact_pointer_pos() {
        canvas.centre = drawing.bounds.center() + (pointer - inner.center()) / scale;
    }
}
