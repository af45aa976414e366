//! The pad: a square to draw on with mouse, pen or finger.

use egui::{Color32, CornerRadius, CursorIcon, FontId, Pos2, Rect, Sense, Shape, Stroke, StrokeKind, Ui, Vec2};

use crate::gui::theme::{Theme, size};

use super::drawing::{Drawing, Point};

/// Points closer than this share of the pad are one.
const NEAR: f32 = 0.004;

/// The pad with what is drawn on it.
#[derive(Default)]
pub(super) struct Pad {
    pub(super) drawing: Drawing,
    is_drawing: bool,
}

impl Pad {
    /// Draws the pad, `side` large, with a pen of that share of it. True when a stroke was finished.
    pub(super) fn ui(&mut self, ui: &mut Ui, theme: &Theme, side: f32, pen: f32) -> bool {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::click_and_drag());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, "Drawing pad"));
        let to_pad = |place: Pos2| -> Point { [(place.x - rect.left()) / side, (place.y - rect.top()) / side] };

        let mut is_finished = false;
        let place = response.interact_pointer_pos().map(|place| rect.clamp(place));
        let is_down = response.is_pointer_button_down_on() && ui.input(|input| input.pointer.primary_down());
        if let (true, Some(place)) = (is_down, place) {
            let point = to_pad(place);
            if self.is_drawing {
                self.extend(point);
            } else {
                self.drawing.strokes.push(vec![point]);
                self.is_drawing = true;
            }
        } else if self.is_drawing {
            self.is_drawing = false;
            is_finished = true;
        }

        self.paint(ui, theme, rect, pen, response.has_focus());
        response.on_hover_cursor(CursorIcon::Crosshair);
        is_finished
    }

    fn extend(&mut self, point: Point) {
        let Some(stroke) = self.drawing.strokes.last_mut() else { return };
        let is_far = stroke.last().is_none_or(|last| (last[0] - point[0]).abs() + (last[1] - point[1]).abs() > NEAR);
        if is_far {
            stroke.push(point);
        }
    }

    fn paint(&self, ui: &Ui, theme: &Theme, rect: Rect, pen: f32, has_focus: bool) {
        let painter = ui.painter().with_clip_rect(rect);
        painter.rect_filled(rect, CornerRadius::same(size::CARD_RADIUS as u8), theme.app);
        // A cross in the middle says where, faintly.
        let faint = Stroke::new(1.0, theme.line);
        painter.extend(Shape::dashed_line(&[rect.center_top(), rect.center_bottom()], faint, 4.0, 6.0));
        painter.extend(Shape::dashed_line(&[rect.left_center(), rect.right_center()], faint, 4.0, 6.0));
        if self.drawing.strokes.is_empty() {
            let font = FontId::proportional(size::BODY);
            let place = rect.center() + egui::vec2(0.0, rect.height() * 0.32);
            painter.text(place, egui::Align2::CENTER_CENTER, "Draw here", font, theme.weak);
        }
        let ink: Color32 = theme.text;
        let width = (pen * rect.width()).max(2.0);
        for stroke in &self.drawing.strokes {
            let points: Vec<Pos2> =
                stroke.iter().map(|point| rect.min + Vec2::new(point[0], point[1]) * rect.width()).collect();
            // Round ends and joints.
            for point in &points {
                painter.circle_filled(*point, width / 2.0, ink);
            }
            painter.add(Shape::line(points, Stroke::new(width, ink)));
        }
        let border = if has_focus { Stroke::new(1.5, theme.accent) } else { Stroke::new(1.0, theme.line) };
        ui.painter().rect_stroke(rect, CornerRadius::same(size::CARD_RADIUS as u8), border, StrokeKind::Inside);
    }

    /// Takes the last stroke back.
    pub(super) fn undo(&mut self) {
        self.drawing.strokes.pop();
    }

    /// An empty pad.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
