//! The wires between nodes.

use egui::{Pos2, Rect, Stroke, pos2};
use egui::epaint::CubicBezierShape;

use crate::base::NodeId;
use crate::gui::theme::Theme;

use super::{Canvas, Drawing};

/// Draws all wires; those of the selected node in the accent.
pub(super) fn paint(
    painter: &egui::Painter,
    theme: &Theme,
    canvas: &Canvas,
    view: Rect,
    drawing: &Drawing,
    selected: Option<&NodeId>,
) {
    for node in &drawing.nodes {
        for source in node.inputs.iter().filter_map(|&input| drawing.nodes.get(input)) {
            let is_touched = selected.is_some_and(|id| *id == node.id || *id == source.id);
            let color = if is_touched { theme.accent } else { theme.faint };
            let stroke = Stroke::new((1.75 * canvas.zoom).clamp(1.0, 2.5), color);
            let (from, to) = (source.rect.center_bottom(), node.rect.center_top());
            let points: Vec<Pos2> = match detour(drawing, source.rect, node.rect) {
                None => curve(from, to),
                // Around the nodes that stand in the way: down, along their side, and back.
                Some(x) => {
                    let (above, below) = (pos2(x, from.y + 40.0), pos2(x, to.y - 40.0));
                    let mut points = curve(from, above);
                    points.extend(curve(below, to));
                    points
                }
            };
            let points: Vec<Pos2> = points.into_iter().map(|place| canvas.to_screen(view, place)).collect();
            painter.line(points, stroke);
        }
    }
}

/// An S from one place to another that leaves and arrives vertically.
fn curve(from: Pos2, to: Pos2) -> Vec<Pos2> {
    if (from.x - to.x).abs() < 0.5 {
        return vec![from, to];
    }
    let bend = ((to.y - from.y) * 0.6).max(16.0);
    let points = [from, pos2(from.x, from.y + bend), pos2(to.x, to.y - bend), to];
    CubicBezierShape::from_points_stroke(points, false, egui::Color32::TRANSPARENT, egui::epaint::PathStroke::NONE)
        .flatten(Some(0.3))
}

/// The x at which a wire passes the nodes that stand between its ends, if any do.
fn detour(drawing: &Drawing, from: Rect, to: Rect) -> Option<f32> {
    let straight = (from.center().x.min(to.center().x), from.center().x.max(to.center().x));
    let between = drawing.nodes.iter().map(|node| node.rect).filter(|rect| {
        rect.top() >= from.bottom() && rect.bottom() <= to.top() && rect.left() < straight.1 && rect.right() > straight.0
    });
    between.reduce(Rect::union).map(|blocked| blocked.right() + 22.0)
}
