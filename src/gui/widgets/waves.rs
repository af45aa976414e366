//! Samples that are no pictures, drawn all the same: recordings as waves, windows of series as curves, texts as text.

use egui::{FontId, Pos2, Rect, Stroke, Ui, pos2, vec2};

use crate::data::{Dataset, InputKind};
use crate::gui::icons;
use crate::gui::theme::{Theme, size};

/// Values that are looked at for one column of pixels: enough to see the wave, however long the recording.
const PROBES: usize = 24;
/// Curves of one window that are drawn.
const MOST_CURVES: usize = 12;

/// Paints the raw values of a sample into `rect`.
pub fn paint_values(ui: &Ui, dataset: &Dataset, values: &[f32], rect: Rect) {
    let theme = Theme::of(ui.ctx());
    ui.painter().rect_filled(rect, size::TIGHT, theme.raised);
    let inside = rect.shrink(size::TIGHT);
    match &dataset.input {
        InputKind::Sound { .. } => {
            let middle = inside.center().y;
            ui.painter().hline(inside.x_range(), middle, Stroke::new(0.5, theme.faint));
            for (column, (low, high)) in envelope(values, inside.width().max(1.0) as usize).into_iter().enumerate() {
                let x = inside.left() + column as f32 + 0.5;
                let half = inside.height() / 2.0;
                let range = egui::Rangef::new(middle - high * half - 0.5, middle - low * half + 0.5);
                ui.painter().vline(x, range, Stroke::new(1.0, theme.accent));
            }
        }
        InputKind::Series { columns, target, .. } => {
            for column in (0..columns.len().min(MOST_CURVES)).filter(|column| column != target).chain([*target]) {
                let points = curve(values, columns.len(), column, inside);
                let (width, color) = if column == *target { (1.5, theme.accent) } else { (0.75, theme.faint) };
                ui.painter().add(egui::Shape::line(points, Stroke::new(width, color)));
            }
        }
        InputKind::Text(texts) => {
            let text = texts.decode(values);
            let font = FontId::proportional(size::UNIT);
            let galley = ui.painter().layout(text, font, theme.weak, inside.width());
            ui.painter().with_clip_rect(inside.intersect(ui.clip_rect())).galley(inside.min, galley, theme.weak);
        }
        InputKind::Image { .. } | InputKind::Table { .. } => {
            let font = FontId::proportional(22.0);
            ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, icons::TABLE, font, theme.weak);
        }
    }
}

/// Smallest and largest value of each of so many stretches, scaled so that the loudest is 1.
fn envelope(values: &[f32], columns: usize) -> Vec<(f32, f32)> {
    let columns = columns.min(values.len());
    if columns == 0 {
        return Vec::new();
    }
    let stretch = |column: usize| {
        let (start, end) = (column * values.len() / columns, (column + 1) * values.len() / columns);
        let step = (end - start).div_ceil(PROBES).max(1);
        let seen = values.get(start..end).unwrap_or(&[]).iter().step_by(step).copied();
        seen.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let mut stretches: Vec<(f32, f32)> = (0..columns).map(stretch).collect();
    let loudest = stretches.iter().fold(0.0_f32, |loudest, (low, high)| loudest.max(low.abs()).max(high.abs()));
    let scale = if loudest > 0.0 { 1.0 / loudest } else { 1.0 };
    for (low, high) in &mut stretches {
        (*low, *high) = (*low * scale, *high * scale);
    }
    stretches
}

/// The course of one column of a window `[steps, columns]`, from its smallest to its largest value.
fn curve(values: &[f32], columns: usize, column: usize, rect: Rect) -> Vec<Pos2> {
    let course: Vec<f32> = values.iter().skip(column).step_by(columns.max(1)).copied().collect();
    let low = course.iter().copied().fold(f32::INFINITY, f32::min);
    let high = course.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let spread = (high - low).max(f32::MIN_POSITIVE);
    let last = course.len().saturating_sub(1).max(1) as f32;
    let place = |(step, value): (usize, &f32)| {
        let share = if high > low { (value - low) / spread } else { 0.5 };
        rect.left_bottom() + vec2(step as f32 / last * rect.width(), -share * rect.height())
    };
    let points = course.iter().enumerate().map(place);
    points.filter(|point| point.is_finite()).map(|point| pos2(point.x, point.y)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_reaches_from_edge_to_edge() {
        assert_eq!(envelope(&[0.0, 0.5, -0.25, 0.0], 2), [(0.0, 1.0), (-0.5, 0.0)]);
        assert_eq!(envelope(&[0.0; 3], 9).len(), 3);
        assert!(envelope(&[], 9).is_empty());
    }

    #[test]
    fn a_curve_takes_its_own_column() {
        let rect = Rect::from_min_size(Pos2::ZERO, vec2(10.0, 10.0));
        assert_eq!(
            curve(&[1.0, 7.0, 2.0, 7.0, 3.0, 7.0], 2, 0, rect),
            [pos2(0.0, 10.0), pos2(5.0, 5.0), pos2(10.0, 0.0)]
        );
        assert_eq!(curve(&[7.0, 7.0], 1, 0, rect)[1], pos2(10.0, 5.0));
    }
}
