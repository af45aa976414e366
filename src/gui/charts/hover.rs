//! What a chart says under the pointer: the value of every curve at that x.

use egui::{Color32, Response, RichText, Sense, Stroke, Ui, pos2, vec2};
use egui_plot::PlotTransform;

use crate::gui::theme::Theme;

/// A drawn curve, as far as the pointer is concerned.
pub(super) struct Hovered {
    pub(super) name: String,
    pub(super) color: Color32,
    /// Exact values; `y` as drawn is `height(y)`.
    pub(super) points: Vec<[f64; 2]>,
}

/// Draws a line at the pointer's x, a dot on each curve, and lists the exact values.
pub(super) fn hover_ui(
    ui: &Ui,
    theme: &Theme,
    response: &Response,
    transform: &PlotTransform,
    curves: &[Hovered],
    height: impl Fn(f64) -> f64,
    show: impl Fn(f64) -> String,
) {
    let Some(pointer) = response.hover_pos() else { return };
    let x = transform.value_from_position(pointer).x;
    let painter = ui.painter().with_clip_rect(*transform.frame());
    painter.vline(pointer.x, transform.frame().y_range(), Stroke::new(1.0, theme.faint.gamma_multiply(0.6)));
    let mut rows = Vec::new();
    for curve in curves {
        let Some([at, y]) = nearest(&curve.points, x) else { continue };
        let value = egui_plot::PlotPoint::new(at, height(y));
        if y.is_finite() {
            let position = transform.position_from_point(&value);
            painter.circle(position, 3.5, curve.color, Stroke::new(1.5, theme.card));
        }
        rows.push((curve, at, y));
    }
    let Some(&(_, epoch, _)) = rows.first() else { return };
    let tooltip = response.clone();
    tooltip.on_hover_ui_at_pointer(|ui| {
        ui.label(RichText::new(format!("Epoch {}", epoch_text(epoch))).small().color(theme.weak));
        egui::Grid::new("values").num_columns(3).min_col_width(0.0).min_row_height(18.0).spacing(vec2(8.0, 2.0)).show(
            ui,
            |ui| {
                for (curve, at, y) in &rows {
                    let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
                    ui.painter().circle_filled(pos2(rect.center().x, rect.center().y), 4.0, curve.color);
                    let name = if (at - epoch).abs() < 1e-9 {
                        curve.name.clone()
                    } else {
                        format!("{}, epoch {}", curve.name, epoch_text(*at))
                    };
                    ui.label(RichText::new(name).color(theme.weak));
                    ui.label(RichText::new(show(*y)).monospace());
                    ui.end_row();
                }
            },
        );
    });
}

/// The point whose x is nearest; the points are in the order of x.
fn nearest(points: &[[f64; 2]], x: f64) -> Option<[f64; 2]> {
    let after = points.partition_point(|point| point[0] < x);
    let candidates = [after.checked_sub(1).and_then(|index| points.get(index)), points.get(after)];
    candidates.into_iter().flatten().copied().min_by(|a, b| (a[0] - x).abs().total_cmp(&(b[0] - x).abs()))
}

/// `13` for a whole epoch, else `12.84`.
fn epoch_text(epoch: f64) -> String {
    if (epoch - epoch.round()).abs() < 1e-6 { format!("{epoch:.0}") } else { format!("{epoch:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_point_wins() {
        let points = [[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]];
        assert_eq!(nearest(&points, 0.0), Some([1.0, 10.0]));
        assert_eq!(nearest(&points, 2.9), Some([2.0, 20.0]));
        assert_eq!(nearest(&points, 9.0), Some([4.0, 40.0]));
        assert_eq!(nearest(&[], 1.0), None);
        assert_eq!(epoch_text(13.0), "13");
        assert_eq!(epoch_text(12.837), "12.84");
    }
}
