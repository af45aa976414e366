//! The gallery: every image with its label, as many as fit, drawn only where they are in sight.

use egui::{Align2, CornerRadius, FontId, RichText, ScrollArea, Sense, Stroke, StrokeKind, Ui, vec2};

use crate::base::format;
use crate::data::{Dataset, Labels, Prepared, corpus};
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::samples::paint_sample;
use crate::gui::widgets::{empty_state, icon_button, icon_toggle, page, search_field, semibold, weak};

use super::view::View;

const SIZES: [(f32, &str); 3] = [(44.0, "Small pictures"), (64.0, "Medium pictures"), (112.0, "Large pictures")];
const LABEL: f32 = 18.0;

pub(super) fn gallery_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared, view: &mut View) {
    page(ui, |ui| {
        head_ui(ui, prepared, view);
        if view.samples.is_empty() {
            let text = "No sample of this part fits the class and the search.";
            if empty_state(ui, icons::FILTER, "Nothing passes the filter", text, Some("Show everything")) {
                view.show_everything();
            }
            return;
        }
        let gap = 6.0;
        let width = ui.available_width() - 10.0;
        let columns = (((width + gap) / (view.tile + gap)).floor() as usize).max(1);
        // A little larger than asked for, so that the rows fill the width.
        let side = ((width + gap) / columns as f32 - gap).floor();
        let rows = view.samples.len().div_ceil(columns);
        ui.spacing_mut().item_spacing = vec2(gap, gap);
        ScrollArea::vertical().auto_shrink([false, false]).show_rows(ui, side + LABEL, rows, |ui, range| {
            for row in range {
                ui.horizontal(|ui| {
                    for position in row * columns..((row + 1) * columns).min(view.samples.len()) {
                        if let Some(&sample) = view.samples.get(position) {
                            tile_ui(ui, cx, prepared, view, sample, side);
                        }
                    }
                });
            }
        });
    });
}

fn head_ui(ui: &mut Ui, prepared: &Prepared, view: &mut View) {
    ui.horizontal(|ui| {
        let shown = format::count(view.samples.len() as u64);
        ui.label(semibold(format!("{shown} samples"), size::HEADLINE));
        filter_ui(ui, prepared, view);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            for ((side, name), icon) in SIZES.into_iter().zip([icons::MATRIX, icons::GRID, icons::IMAGE]).rev() {
                let is_on = (view.tile - side).abs() < 20.0;
                if icon_toggle(ui, icon, name, is_on).clicked() {
                    view.tile = side;
                }
            }
            search_ui(ui, view, "Find a label or file");
        });
    });
}

/// What of the data is in sight in words, and the button that takes the filter away.
pub(super) fn filter_ui(ui: &mut Ui, prepared: &Prepared, view: &mut View) {
    let mut words = Vec::new();
    if view.part.is_some() {
        words.push(super::part_word(view.part).to_owned());
    }
    if let Some(name) = view.class.and_then(|class| prepared.dataset.classes.get(class as usize)) {
        words.push(format!("class {name}"));
    }
    if !words.is_empty() {
        let text = weak(ui, words.join(", "));
        ui.label(text);
    }
    if view.is_filtered() && icon_button(ui, icons::CLOSE, "Show everything").clicked() {
        view.show_everything();
    }
}

/// The search field at the right of the head.
pub(super) fn search_ui(ui: &mut Ui, view: &mut View, hint: &str) {
    let width = (ui.available_width() - size::GAP).min(220.0);
    if width < 100.0 {
        return;
    }
    ui.allocate_ui_with_layout(vec2(width, 30.0), egui::Layout::left_to_right(egui::Align::Center), |ui| {
        let ground = Theme::of(ui.ctx()).card;
        ui.visuals_mut().text_edit_bg_color = Some(ground);
        let search = search_field(ui, &mut view.search, hint);
        if std::mem::take(&mut view.wants_search) {
            search.request_focus();
        }
    });
}

fn tile_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared, view: &mut View, sample: u32, side: f32) {
    let dataset = &prepared.dataset;
    let label = label_of(dataset, sample);
    let (rect, response) = ui.allocate_exact_size(vec2(side, side + LABEL), Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::WidgetType::Button, true, format!("Sample {}, {label}", sample + 1))
    });
    if ui.is_rect_visible(rect) {
        let picture = egui::Rect::from_min_size(rect.min, egui::Vec2::splat(side));
        paint_sample(ui, cx.samples, dataset, sample, picture);
        let is_selected = view.selected == Some(sample);
        if is_selected || response.hovered() || response.has_focus() {
            let color = if is_selected || response.has_focus() { cx.theme.accent } else { cx.theme.faint };
            let stroke = Stroke::new(if is_selected { 2.0 } else { 1.0 }, color);
            ui.painter().rect_stroke(picture, CornerRadius::same(size::TIGHT as u8), stroke, StrokeKind::Outside);
        }
        let place = egui::pos2(rect.center().x, picture.bottom() + LABEL / 2.0);
        let font = FontId::proportional(size::ASIDE);
        let painter = ui.painter().with_clip_rect(rect);
        painter.text(place, Align2::CENTER_CENTER, &label, font, cx.theme.weak);
    }
    if response.clicked() {
        view.selected = if view.selected == Some(sample) { None } else { Some(sample) };
    }
    response.on_hover_ui(|ui| {
        ui.label(semibold(&label, size::BODY));
        if let Some(origin) = dataset.origins.get(sample as usize) {
            ui.label(RichText::new(origin).size(size::ASIDE));
        }
    });
}

/// The label of a sample as text.
pub(super) fn label_of(dataset: &Dataset, sample: u32) -> String {
    match &dataset.labels {
        Labels::Classes(labels) => labels
            .get(sample as usize)
            .and_then(|class| dataset.classes.get(*class as usize))
            .map_or_else(|| "?".to_owned(), Clone::clone),
        Labels::Masks(masks) => shown_classes(dataset, &masks.counts(sample as usize, dataset.classes.len())),
        Labels::Values(values) => {
            values.get(sample as usize).map_or_else(|| "?".to_owned(), |value| format::number(f64::from(*value)))
        }
        Labels::Next(targets) => {
            let last = (sample as usize + 1) * dataset.dims.elements();
            let token = last.checked_sub(1).and_then(|last| targets.get(last)).copied();
            let written = corpus::texts_of(dataset).zip(token).map(|(texts, token)| texts.vocabulary.shown(token));
            written.unwrap_or_else(|| "?".to_owned())
        }
        Labels::Boxes(boxes) => match boxes.get(sample as usize).map_or(0, Vec::len) {
            1 => "1 object".to_owned(),
            count => format!("{count} objects"),
        },
    }
}

/// The classes that a mask shows, those with most pixels first; the first of the data set only where it is alone.
fn shown_classes(dataset: &Dataset, pixels: &[u64]) -> String {
    const MOST: usize = 3;
    let mut shown: Vec<(u64, &String)> =
        pixels.iter().copied().zip(&dataset.classes).skip(1).filter(|(pixels, _)| *pixels > 0).collect();
    shown.sort_by_key(|(pixels, _)| std::cmp::Reverse(*pixels));
    let names: Vec<&str> = shown.iter().take(MOST).map(|(_, name)| name.as_str()).collect();
    if names.is_empty() {
        return dataset.classes.first().map_or_else(|| "?".to_owned(), Clone::clone);
    }
    names.join(", ")
}
