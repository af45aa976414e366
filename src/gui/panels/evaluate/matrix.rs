//! The confusion matrix: a row for each true class, a column for each answer. A click on a cell shows its samples.

use egui::text::{LayoutJob, TextWrapping};
use egui::{Align2, Color32, FontId, Painter, Rect, RichText, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::base::format;
use crate::gui::panels::PanelContext;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::{card_filled, semibold};
use crate::metrics::Evaluation;

use super::{EvaluatePanel, class_name};

/// Cells below this side show no numbers.
const LEGIBLE: f32 = 19.0;
/// Sides of a cell end here, so that few classes do not become posters.
const LARGEST: f32 = 112.0;
/// So many cells have a name of their own for the keyboard and the screen reader.
const MOST_NAMED: usize = 400;

impl EvaluatePanel {
    pub(super) fn matrix_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, evaluation: &Evaluation) {
        let count = evaluation.confusion.len();
        let names: Vec<String> = (0..count).map(|class| class_name(cx.session, class)).collect();
        let has_masks = evaluation.masks.is_some();
        let theme = cx.theme.clone();
        card_filled(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(semibold("Confusion matrix", size::BODY));
                ui.label(
                    RichText::new(if has_masks {
                        "rows are the truth, columns the answers, in shares of the row's pixels"
                    } else {
                        "rows are the truth, columns the answers; click a cell to see its samples"
                    })
                    .small()
                    .color(theme.weak),
                );
            });
            let room = ui.available_rect_before_wrap();
            let font = FontId::proportional(size::ASIDE);
            let widest = names
                .iter()
                .map(|name| ui.fonts_mut(|fonts| fonts.layout_no_wrap(name.clone(), font.clone(), theme.text).size().x))
                .fold(12.0, f32::max);
            let margin = widest.min(110.0) + 12.0;
            let side = ((room.width() - margin) / count.max(1) as f32)
                .min((room.height() - 26.0) / count.max(1) as f32)
                .clamp(2.0, LARGEST)
                .floor();
            let wide = (((room.width() - margin) / count.max(1) as f32).floor()).clamp(side, side * 1.7);
            let origin = room.min + vec2(margin, 24.0);
            let area = Rect::from_min_size(origin, vec2(wide, side) * count as f32);
            let response = ui.allocate_rect(Rect::from_min_max(room.min, area.max), Sense::hover());
            let painter = ui.painter_at(response.rect.expand(2.0));
            let cell_rect = |row: usize, column: usize| {
                Rect::from_min_size(origin + vec2(column as f32 * wide, row as f32 * side), vec2(wide, side))
            };
            for (class, name) in names.iter().enumerate() {
                let left = cell_rect(class, 0);
                let shown = cut(&painter, name, margin - 10.0, font.clone(), theme.weak);
                let at = pos2(left.left() - 8.0 - shown.size().x, left.center().y - shown.size().y / 2.0);
                if side >= 10.0 {
                    painter.galley(at, shown, theme.weak);
                }
                let top = cell_rect(0, class);
                let shown = cut(&painter, name, wide - 4.0, font.clone(), theme.weak);
                if wide >= LEGIBLE {
                    painter.galley(pos2(top.center().x - shown.size().x / 2.0, origin.y - 20.0), shown, theme.weak);
                }
            }
            let is_named = count * count <= MOST_NAMED;
            for (row, counts) in evaluation.confusion.iter().enumerate() {
                let total: u64 = counts.iter().sum();
                for (column, &samples) in counts.iter().enumerate() {
                    let rect = cell_rect(row, column).shrink(if side > 12.0 { 1.0 } else { 0.0 });
                    let share = if total > 0 { samples as f32 / total as f32 } else { 0.0 };
                    let number = if has_masks { format!("{:.1} %", share * 100.0) } else { format::count(samples) };
                    paint_cell(&painter, &theme, rect, row == column, share, (samples > 0).then_some(&number));
                    let is_selected = self.cell == Some((row, column));
                    if is_selected {
                        painter.rect_stroke(rect, 4.0, Stroke::new(2.0, theme.accent), StrokeKind::Outside);
                    }
                    if !is_named {
                        continue;
                    }
                    let cell = ui.interact(rect, ui.id().with(("cell", row, column)), Sense::click());
                    let text = describe(&names, row, column, samples, total, has_masks);
                    cell.widget_info(|| {
                        egui::WidgetInfo::selected(egui::WidgetType::SelectableLabel, true, is_selected, &text)
                    });
                    if cell.has_focus() {
                        painter.rect_stroke(rect, 4.0, Stroke::new(1.5, theme.text), StrokeKind::Inside);
                    }
                    // Each image has pixels in many cells.
                    if cell.clicked() && !has_masks {
                        self.select_cell(row, column);
                    }
                    cell.on_hover_text(text);
                }
            }
            if !is_named {
                self.large_matrix_ui(ui, evaluation, &names, area, vec2(wide, side));
            }
        });
    }

    /// Of a large matrix only the cell under the pointer is looked at.
    fn large_matrix_ui(&mut self, ui: &Ui, evaluation: &Evaluation, names: &[String], area: Rect, cell: egui::Vec2) {
        let response = ui.interact(area, ui.id().with("cells"), Sense::click());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, "Confusion matrix"));
        let Some(pointer) = response.hover_pos() else { return };
        let at = (pointer - area.min) / cell;
        let (row, column) = (at.y as usize, at.x as usize);
        let Some(counts) = evaluation.confusion.get(row) else { return };
        let Some(&samples) = counts.get(column) else { return };
        if response.clicked() && evaluation.masks.is_none() {
            self.select_cell(row, column);
        }
        let text = describe(names, row, column, samples, counts.iter().sum(), evaluation.masks.is_some());
        response.on_hover_text_at_pointer(text);
    }

    fn select_cell(&mut self, row: usize, column: usize) {
        self.sample = None;
        self.cell = if self.cell == Some((row, column)) { None } else { Some((row, column)) };
    }
}

/// Right answers in the accent, wrong ones in the colour of errors, the more the stronger.
fn paint_cell(painter: &Painter, theme: &Theme, rect: Rect, is_right: bool, share: f32, number: Option<&String>) {
    let color = if is_right { theme.accent } else { theme.error };
    // Few mistakes must still be seen, so wrong answers grow with the root.
    let strength = if number.is_none() {
        0.0
    } else if is_right {
        0.12 + 0.75 * share
    } else {
        0.14 + 0.8 * share.sqrt()
    };
    let fill = theme.tint(theme.card, color, strength.min(0.9));
    let ground = if number.is_none() { theme.tint(theme.card, theme.text, 0.03) } else { fill };
    painter.rect_filled(rect, if rect.width() > 12.0 { 4.0 } else { 0.0 }, ground);
    if let Some(number) = number.filter(|_| rect.width() >= LEGIBLE) {
        let text = clearest(fill, theme.text, theme.on_accent);
        let most = if rect.height() > 64.0 { size::HEADLINE } else { size::ASIDE };
        let points = (rect.height() * 0.45).clamp(9.0, most);
        let font = FontId::monospace(points);
        painter.text(rect.center(), Align2::CENTER_CENTER, number, font, text);
    }
}

/// The colour of the two that stands out more from the ground.
fn clearest(ground: Color32, one: Color32, other: Color32) -> Color32 {
    let light = |color: Color32| {
        let [red, green, blue, _] = egui::Rgba::from(color).to_array();
        0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
    };
    let contrast = |color: Color32| {
        let (a, b) = (light(color), light(ground));
        a.max(b) / a.min(b)
    };
    if contrast(one) >= contrast(other) { one } else { other }
}

/// `3 taken for 5, 2 samples, 5.6 % of 3`.
fn describe(names: &[String], row: usize, column: usize, samples: u64, total: u64, are_pixels: bool) -> String {
    let name = |class: usize| names.get(class).map_or("?", String::as_str);
    let share = if total > 0 { samples as f64 / total as f64 * 100.0 } else { 0.0 };
    let what = if row == column {
        format!("{} recognized", name(row))
    } else {
        format!("{} taken for {}", name(row), name(column))
    };
    let one = if are_pixels { "pixel" } else { "sample" };
    let samples = format!("{} {one}{}", format::count(samples), if samples == 1 { "" } else { "s" });
    format!("{what}, {samples}, {share:.1} % of {}", name(row))
}

fn cut(painter: &Painter, text: &str, room: f32, font: FontId, color: Color32) -> std::sync::Arc<egui::Galley> {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = TextWrapping::truncate_at_width(room.max(8.0));
    painter.layout_job(job)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_out_from_their_cells() {
        let (light, dark) = (Color32::from_gray(235), Color32::from_gray(15));
        assert_eq!(clearest(Color32::from_gray(60), light, dark), light);
        assert_eq!(clearest(Color32::from_gray(180), light, dark), dark);
    }

    #[test]
    fn a_cell_says_what_it_means() {
        let names = ["three".to_owned(), "five".to_owned()];
        assert_eq!(describe(&names, 0, 1, 2, 36, false), "three taken for five, 2 samples, 5.6 % of three");
        assert_eq!(describe(&names, 1, 1, 1, 1, true), "five recognized, 1 pixel, 100.0 % of five");
    }
}
