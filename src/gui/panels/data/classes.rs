//! Class counts as bars: a list to filter by on the left, and counts per part in the centre.

use egui::{Align2, Color32, CornerRadius, FontId, Rect, ScrollArea, Sense, Ui, pos2, vec2};

use crate::base::{Severity, format};
use crate::data::{Labels, Part, Prepared, Task};
use crate::gui::panels::PanelContext;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::masks::class_color;
use crate::gui::widgets::{advice_box, card, headline, page, weak};

use super::view::{Histogram, View};

/// A class with at most this share of the largest one's samples is called out.
const RARE: f64 = 0.2;

/// The classes with the counts of the part in sight; a click shows that class alone.
pub(super) fn class_list_ui(ui: &mut Ui, cx: &PanelContext<'_>, prepared: &Prepared, view: &mut View) {
    let counts = view.counts_in_sight();
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f32;
    let longest = prepared.dataset.classes.iter().map(|name| name.chars().count()).max().unwrap_or(1);
    let label_width = (longest as f32 * 7.5 + 12.0).clamp(22.0, ui.available_width() * 0.42);
    ui.spacing_mut().item_spacing.y = 1.0;
    // The list is the legend to masks and boxes.
    let has_colors = matches!(prepared.dataset.labels, Labels::Masks(_) | Labels::Boxes(_));
    // Long lists (a thousand classes) would make every frame long; the filter of the gallery takes over there.
    for (class, (name, count)) in prepared.dataset.classes.iter().zip(&counts).enumerate().take(200) {
        let is_selected = view.class == Some(class as u32);
        let color = has_colors.then(|| class_color(&cx.theme, &prepared.dataset, class)).flatten();
        let row = ListRow { name, count: *count, share: *count as f32 / most, is_selected, label_width, color };
        if list_row_ui(ui, &cx.theme, &row).clicked() {
            view.class = if is_selected { None } else { Some(class as u32) };
        }
    }
    if prepared.dataset.classes.len() > 200 {
        let text = weak(ui, format!("and {} more classes", prepared.dataset.classes.len() - 200));
        ui.label(text);
    }
}

struct ListRow<'a> {
    name: &'a str,
    count: usize,
    /// Length of the bar, 0 to 1.
    share: f32,
    is_selected: bool,
    label_width: f32,
    /// Of the class, where it has one.
    color: Option<Color32>,
}

fn list_row_ui(ui: &mut Ui, theme: &Theme, row: &ListRow<'_>) -> egui::Response {
    let &ListRow { name, count, share, is_selected, label_width, color } = row;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::click());
    let value = format::count(count as u64);
    response.widget_info(|| {
        let name = format!("Class {name}, {value} samples");
        egui::WidgetInfo::selected(egui::WidgetType::SelectableLabel, true, is_selected, name)
    });
    if ui.is_rect_visible(rect) {
        let fill = match (is_selected, response.hovered()) {
            (true, _) => theme.selected(),
            (false, true) => theme.hovered(),
            (false, false) => Color32::TRANSPARENT,
        };
        let painter = ui.painter().with_clip_rect(rect);
        painter.rect_filled(rect, size::CONTROL_RADIUS, fill);
        if response.has_focus() {
            let stroke = egui::Stroke::new(1.5, theme.accent);
            painter.rect_stroke(rect, size::CONTROL_RADIUS, stroke, egui::StrokeKind::Inside);
        }
        let inner = rect.shrink2(vec2(8.0, 0.0));
        let middle = rect.center().y;
        let font = FontId::monospace(size::ASIDE);
        let number = painter.text(pos2(inner.right(), middle), Align2::RIGHT_CENTER, value, font, theme.text);
        let bar_start = inner.left() + label_width;
        let rail = Rect::from_min_max(
            pos2(bar_start, middle - 3.0),
            pos2(number.left().min(inner.right() - 34.0) - 8.0, middle + 3.0),
        );
        if rail.width() > 4.0 {
            painter.rect_filled(rail, CornerRadius::same(3), theme.raised);
            let filled = Rect::from_min_size(rail.min, vec2(rail.width() * share.clamp(0.0, 1.0), rail.height()));
            let usual = if is_selected { theme.accent } else { theme.tint(theme.raised, theme.accent, 0.75) };
            let color = color.unwrap_or(usual);
            painter.rect_filled(filled, CornerRadius::same(3), color);
        }
        let text_area = Rect::from_min_max(inner.min, pos2(bar_start - 6.0, inner.bottom()));
        let font = FontId::proportional(size::BODY);
        painter.with_clip_rect(text_area).text(pos2(inner.left(), middle), Align2::LEFT_CENTER, name, font, theme.text);
    }
    response.on_hover_text(name)
}

/// Counts per class and part, or the distribution of a real target.
pub(super) fn classes_ui(ui: &mut Ui, cx: &PanelContext<'_>, prepared: &Prepared, view: &mut View) {
    let theme = std::sync::Arc::clone(&cx.theme);
    page(ui, |ui| {
        if let Some(histogram) = &view.histogram {
            histogram_ui(ui, &theme, &prepared.dataset.target, histogram);
            return;
        }
        let has_masks = prepared.dataset.task == Task::Segmentation;
        if let Some(text) = imbalance(&prepared.dataset.classes, &view.counts).filter(|_| !has_masks) {
            advice_box(ui, Severity::Warning, &text, None);
        }
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            let classes = prepared.dataset.classes.len().to_string();
            let title = if has_masks { "Images that show each class, per part" } else { "Samples per class and part" };
            headline(ui, title, &classes, "classes");
            legend_ui(ui, &theme, prepared);
            bars_ui(ui, &theme, prepared, view);
        });
    });
}

fn legend_ui(ui: &mut Ui, theme: &Theme, prepared: &Prepared) {
    ui.horizontal(|ui| {
        for (part, name) in [(Part::Train, "training"), (Part::Validation, "validation"), (Part::Test, "test")] {
            let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
            ui.painter().rect_filled(rect, 2.0, part_color(theme, part));
            let text = weak(ui, format!("{name} {}", format::count(prepared.split.part(part).len() as u64)));
            ui.label(text.size(size::ASIDE));
        }
    });
}

fn bars_ui(ui: &mut Ui, theme: &Theme, prepared: &Prepared, view: &mut View) {
    let [train, validation, test] = &view.counts;
    let total = |class: usize| {
        [train, validation, test].iter().map(|counts| counts.get(class).copied().unwrap_or(0)).sum::<usize>()
    };
    let classes = &prepared.dataset.classes;
    let most = (0..classes.len()).map(total).max().unwrap_or(0).max(1);
    let longest = classes.iter().map(|name| name.chars().count()).max().unwrap_or(1);
    let mut chosen = None;
    ScrollArea::vertical().auto_shrink([false, true]).show_rows(ui, 26.0, classes.len(), |ui, range| {
        for class in range {
            let Some(name) = classes.get(class) else { continue };
            let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width() - 6.0, 26.0), Sense::click());
            let parts = [train, validation, test].map(|counts| counts.get(class).copied().unwrap_or(0));
            let [in_train, in_validation, in_test] = parts;
            let words = format!("{name}: {in_train} training, {in_validation} validation, {in_test} test");
            response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, &words));
            let painter = ui.painter().with_clip_rect(rect);
            let middle = rect.center().y;
            let label_width = (longest as f32 * 7.5 + 16.0).clamp(24.0, rect.width() * 0.3);
            let label = Rect::from_min_max(rect.min, pos2(rect.left() + label_width - 8.0, rect.bottom()));
            let font = FontId::proportional(size::BODY);
            painter.with_clip_rect(label).text(pos2(rect.left(), middle), Align2::LEFT_CENTER, name, font, theme.text);
            let rail_width = rect.width() - label_width - 60.0;
            let mut left = rect.left() + label_width;
            for (part, count) in [Part::Train, Part::Validation, Part::Test].into_iter().zip(parts) {
                let width = rail_width * count as f32 / most as f32;
                let bar =
                    Rect::from_min_max(pos2(left, middle - 6.0), pos2(left + (width - 1.0).max(0.0), middle + 6.0));
                painter.rect_filled(bar, 2.0, part_color(theme, part));
                left += width;
            }
            let font = FontId::monospace(size::ASIDE);
            let number = format::count(total(class) as u64);
            painter.text(pos2(rect.right(), middle), Align2::RIGHT_CENTER, number, font, theme.text);
            if response.on_hover_text(words).clicked() {
                chosen = Some(class as u32);
            }
        }
    });
    if chosen.is_some() {
        view.class = chosen;
    }
}

fn part_color(theme: &Theme, part: Part) -> Color32 {
    match part {
        Part::Train => theme.accent,
        Part::Validation => theme.run(2),
        Part::Test => theme.run(3),
    }
}

/// A sentence where a class has far fewer samples than the largest one.
fn imbalance(classes: &[String], counts: &[Vec<usize>; 3]) -> Option<String> {
    let total = |class: usize| counts.iter().filter_map(|part| part.get(class)).sum::<usize>();
    let totals: Vec<usize> = (0..classes.len()).map(total).collect();
    let most = *totals.iter().max()?;
    let (rarest, least) = totals.iter().enumerate().min_by_key(|(_, count)| **count)?;
    if most == 0 || *least as f64 > RARE * most as f64 {
        return None;
    }
    let name = classes.get(rarest)?;
    Some(format!(
        "The classes are uneven: {name} has {least} samples, the largest class {most}. Accuracy alone will look better than it is; \
         judge by recall and F1 per class."
    ))
}

fn histogram_ui(ui: &mut Ui, theme: &Theme, target: &str, histogram: &Histogram) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        let total: usize = histogram.counts.iter().sum();
        headline(ui, target, &format::count(total as u64), "samples");
        let height = (ui.available_height() - 40.0).clamp(120.0, 320.0);
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        let words = format!(
            "Distribution of {target} from {} to {}",
            format::number(f64::from(histogram.smallest)),
            format::number(f64::from(histogram.largest))
        );
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, &words));
        let most = histogram.counts.iter().copied().max().unwrap_or(0).max(1) as f32;
        let step = rect.width() / histogram.counts.len().max(1) as f32;
        let floor = rect.bottom() - 18.0;
        for (position, count) in histogram.counts.iter().enumerate() {
            let left = rect.left() + step * position as f32;
            let top = floor - (floor - rect.top() - 4.0) * *count as f32 / most;
            let bar = Rect::from_min_max(pos2(left + 1.0, top), pos2(left + step - 1.0, floor));
            ui.painter().rect_filled(bar, CornerRadius { nw: 2, ne: 2, sw: 0, se: 0 }, theme.accent);
        }
        let font = FontId::monospace(size::UNIT);
        let smallest = format::number(f64::from(histogram.smallest));
        let largest = format::number(f64::from(histogram.largest));
        ui.painter().text(rect.left_bottom(), Align2::LEFT_BOTTOM, smallest, font.clone(), theme.weak);
        ui.painter().text(rect.right_bottom(), Align2::RIGHT_BOTTOM, largest, font, theme.weak);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_class_is_named_and_an_even_set_is_not() {
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let uneven = [vec![80, 8], vec![10, 1], vec![10, 1]];
        assert!(imbalance(&classes, &uneven).unwrap().contains("dog has 10 samples, the largest class 100"));
        assert_eq!(imbalance(&classes, &[vec![80, 60], vec![10, 10], vec![10, 10]]), None);
        assert_eq!(imbalance(&[], &[vec![], vec![], vec![]]), None);
    }
}
