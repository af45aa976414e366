//! The wires between nodes.

use egui::epaint::CubicBezierShape;
use egui::{Pos2, Rect, Stroke, pos2};

use crate::base::NodeId;
use crate::gui::theme::Theme;

use super::{Canvas, Drawing};

/// Draws all wires; those of the selected node in the accent and over the others.
pub(super) fn paint(
    painter: &egui::Painter,
    theme: &Theme,
    canvas: &Canvas,
    view: Rect,
    drawing: &Drawing,
    selected: Option<&NodeId>,
) {
    let selected = selected.and_then(|id| drawing.nodes.iter().position(|node| node.id == *id));
    for wants_touched in [false, true] {
        for wire in &drawing.wires {
            let is_touched = selected.is_some_and(|node| node == wire.from || node == wire.to);
            if is_touched != wants_touched {
                continue;
            }
            let points: Vec<Pos2> =
                curve(&wire.points).into_iter().map(|place| canvas.to_screen(view, place)).collect();
            if !Rect::from_points(&points).expand(2.0).intersects(view) {
                continue;
            }
            let color = if is_touched { theme.accent } else { theme.faint };
            painter.line(points, Stroke::new((1.75 * canvas.zoom).clamp(1.0, 2.5), color));
        }
    }
}

/// A smooth way through all places that is vertical at each.
fn curve(places: &[Pos2]) -> Vec<Pos2> {
    let mut points = Vec::new();
    for pair in places.windows(2) {
        let &[from, to] = pair else { continue };
        if (from.x - to.x).abs() < 0.5 {
            points.extend([from, to]);
            continue;
        }
        let bend = ((to.y - from.y) * 0.6).max(16.0);
        let control = [from, pos2(from.x, from.y + bend), pos2(to.x, to.y - bend), to];
        let shape = CubicBezierShape::from_points_stroke(
            control,
            false,
            egui::Color32::TRANSPARENT,
            egui::epaint::PathStroke::NONE,
        );
        points.extend(shape.flatten(Some(0.3)));
    }
    points
}
