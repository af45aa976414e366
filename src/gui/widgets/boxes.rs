//! Boxes over images: the colour of their class, and its name where there is room.

use egui::{Align2, CornerRadius, FontId, Rect, Stroke, StrokeKind, Ui, pos2};

use crate::data::{BoxLabel, Dataset};
use crate::gui::theme::{Theme, size};

use super::masks::class_color;

/// Width of a picture from which on boxes carry the name of their class, points.
const NAMED_FROM: f32 = 220.0;

/// Paints boxes over an image that was painted into just this `rect`. What does not count (difficult, a crowd) is drawn thin.
pub(super) fn paint_boxes(ui: &Ui, dataset: &Dataset, boxes: &[BoxLabel], rect: Rect) {
    let &[_, height, width] = dataset.dims.0.as_slice() else { return };
    let theme = Theme::of(ui.ctx());
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let (x, y) = (rect.width() / width.max(1) as f32, rect.height() / height.max(1) as f32);
    for label in boxes {
        let bounds = label.bounds;
        let place = |left: f64, top: f64| pos2(rect.left() + left as f32 * x, rect.top() + top as f32 * y);
        let outline = Rect::from_min_max(place(bounds.x1, bounds.y1), place(bounds.x2, bounds.y2));
        let color = class_color(&theme, dataset, label.class as usize).unwrap_or(theme.accent);
        let thickness = if label.counts() { 1.5 } else { 0.5 };
        painter.rect_stroke(outline, CornerRadius::ZERO, Stroke::new(thickness, color), StrokeKind::Inside);
        if rect.width() >= NAMED_FROM
            && let Some(name) = dataset.classes.get(label.class as usize)
        {
            let font = FontId::proportional(size::ASIDE);
            painter.text(outline.left_top() + egui::vec2(3.0, 1.0), Align2::LEFT_TOP, name, font, color);
        }
    }
}
