//! Rows of side panels, fields and bars.

use egui::{
    Align, Align2, Color32, CornerRadius, FontId, Layout, Rect, Response, RichText, Sense, TextEdit, Ui, Vec2,
    WidgetInfo, WidgetType, pos2, vec2,
};

use super::notes::dot;
use super::text::{faint, mono, section_title, weak};
use crate::gui::icons;
use crate::gui::theme::{Theme, size};

/// A title, the content, and a line below unless it is the last one.
pub fn section<R>(ui: &mut Ui, title: &str, content: impl FnOnce(&mut Ui) -> R) -> R {
    section_title(ui, title);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = size::TIGHT;
        content(ui)
    })
    .inner
}

/// A label and its value, both only read. The value shows in full when the pointer rests on it.
pub fn key_value(ui: &mut Ui, key: &str, value: &str) -> Response {
    row(ui, key, |ui| {
        ui.add(egui::Label::new(mono(value)).truncate());
    })
}

/// A label, what was planned (faint) and what was measured.
pub fn planned_and_measured(ui: &mut Ui, key: &str, planned: &str, measured: &str) -> Response {
    row(ui, key, |ui| {
        let theme = Theme::of(ui.ctx());
        ui.label(mono(measured));
        ui.label(mono(planned).color(theme.faint));
    })
}

fn row(ui: &mut Ui, key: &str, values: impl FnOnce(&mut Ui)) -> Response {
    let width = ui.available_width();
    ui.allocate_ui_with_layout(vec2(width, size::READ_ROW), Layout::left_to_right(Align::Center), |ui| {
        let key = weak(ui, key);
        ui.label(key);
        ui.with_layout(Layout::right_to_left(Align::Center), values);
    })
    .response
}

/// A row that can be chosen: an icon or a run's dot, a title, an aside below it, and a value on the right.
#[derive(Default)]
pub struct RowButton<'a> {
    /// In front; may be empty.
    pub icon: &'a str,
    /// A dot in front instead of an icon.
    pub dot: Option<Color32>,
    /// The name.
    pub title: &'a str,
    /// Second line; may be empty.
    pub aside: &'a str,
    /// On the right; may be empty.
    pub value: &'a str,
    /// Colour of the value, by default that of text.
    pub value_color: Option<Color32>,
    /// Whether it is the chosen one.
    pub is_selected: bool,
}

/// A [`RowButton`] with a title alone.
pub fn row_button(ui: &mut Ui, icon: &str, title: &str, is_selected: bool) -> Response {
    selectable_row(ui, &RowButton { icon, title, is_selected, ..RowButton::default() })
}

/// A row that can be chosen. A title alone that is too long for one line takes two.
pub fn selectable_row(ui: &mut Ui, row: &RowButton<'_>) -> Response {
    let theme = Theme::of(ui.ctx());
    let is_wrapped = row.aside.is_empty() && row.value.is_empty() && !fits_one_line(ui, row);
    let height = match (row.aside.is_empty(), is_wrapped) {
        (true, false) => size::EDIT_ROW,
        (true, true) => size::EDIT_ROW + TITLE_LINE,
        (false, _) => 45.0,
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let name = if row.value.is_empty() { row.title.to_owned() } else { format!("{}, {}", row.title, row.value) };
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(WidgetType::SelectableLabel, enabled, row.is_selected, &name));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let fill = if row.is_selected {
        theme.selected()
    } else if response.hovered() {
        theme.hovered()
    } else {
        Color32::TRANSPARENT
    };
    let radius = CornerRadius::same(size::CONTROL_RADIUS as u8);
    ui.painter().rect_filled(rect, radius, fill);
    if response.has_focus() {
        let stroke = egui::Stroke::new(1.5, theme.accent);
        ui.painter().rect_stroke(rect, radius, stroke, egui::StrokeKind::Inside);
    }
    let inner = rect.shrink2(vec2(size::GAP, size::TIGHT));
    let mut row_ui = ui.new_child(egui::UiBuilder::new().max_rect(inner).layout(Layout::left_to_right(Align::Center)));
    let ui = &mut row_ui;
    if !enabled {
        ui.disable();
    }
    if let Some(color) = row.dot {
        dot(ui, color);
    } else if !row.icon.is_empty() {
        let color = if row.is_selected { theme.accent } else { theme.weak };
        ui.label(RichText::new(row.icon).size(size::ICON).color(color));
    }
    // The value first, from the right, so that a long title is cut and not the number.
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if !row.value.is_empty() {
            ui.label(mono(row.value).color(row.value_color.unwrap_or(theme.text)));
        }
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let title = egui::Label::new(row.title);
            if is_wrapped {
                ui.add_space(((inner.height() - 2.0 * TITLE_LINE) / 2.0).max(0.0));
                ui.add(title.wrap());
            } else {
                if row.aside.is_empty() {
                    ui.add_space((inner.height() - TITLE_LINE) / 2.0);
                }
                ui.add(title.truncate());
            }
            if !row.aside.is_empty() {
                let aside = faint(ui, row.aside);
                ui.add(egui::Label::new(aside).truncate());
            }
        });
    });
    response
}

/// Height of a line of a row's title.
const TITLE_LINE: f32 = 17.0;

/// Whether the title of a row without a value has room beside the icon.
fn fits_one_line(ui: &Ui, row: &RowButton<'_>) -> bool {
    let width = |text: &str, size: f32| {
        ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(size), Color32::PLACEHOLDER).size().x
    };
    let in_front = if row.dot.is_none() && row.icon.is_empty() {
        0.0
    } else {
        width(row.icon, size::ICON).max(size::GAP) + ui.spacing().item_spacing.x
    };
    width(row.title, size::BODY) + in_front + 2.0 * size::GAP <= ui.available_width()
}

/// A field for searching, with the lens in front and a button that empties it.
pub fn search_field(ui: &mut Ui, text: &mut String, hint: &str) -> Response {
    let theme = Theme::of(ui.ctx());
    let lens = RichText::new(icons::SEARCH).color(theme.weak);
    let edit = TextEdit::singleline(text)
        // What stands in front of the field may change while one types; the field stays the same.
        .id_salt(hint)
        .hint_text(RichText::new(hint).color(theme.weak))
        .prefix(lens)
        .desired_width(ui.available_width())
        .margin(egui::Margin::symmetric(8, 6));
    let response = ui.add(edit);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::TextEdit, true, hint));
    if response.has_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
        text.clear();
    }
    response
}

/// A thin rail with its filled part, `fraction` from 0 to 1; `None` while the total is not known.
pub fn progress_bar(ui: &mut Ui, fraction: Option<f32>, width: f32) -> Response {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(width, 6.0), Sense::hover());
    let radius = CornerRadius::same(3);
    ui.painter().rect_filled(rect, radius, theme.raised);
    let filled = match fraction {
        Some(fraction) => Rect::from_min_size(rect.min, vec2(rect.width() * fraction.clamp(0.0, 1.0), rect.height())),
        // Without a total the bar shows by its half-tone that it works; it does not run about.
        None => rect,
    };
    let color = if fraction.is_some() { theme.accent } else { theme.accent.gamma_multiply(0.35) };
    ui.painter().rect_filled(filled, radius, color);
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(WidgetType::ProgressIndicator, true, "Progress");
        info.value = fraction.map(|fraction| f64::from(fraction) * 100.0);
        info
    });
    response
}

/// A label, a bar and a value: class counts, probabilities. `share` is the bar's length from 0 to 1.
pub fn bar_row(ui: &mut Ui, label: &str, share: f32, value: &str, color: Color32, label_width: f32) -> Response {
    let theme = Theme::of(ui.ctx());
    let value_width = 52.0;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), size::READ_ROW), Sense::click());
    let name = format!("{label}, {value}");
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &name));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter().with_clip_rect(rect);
        let middle = rect.center().y;
        let cut = Rect::from_min_size(rect.min, vec2(label_width - 4.0, rect.height()));
        painter.with_clip_rect(cut).text(
            pos2(rect.left(), middle),
            Align2::LEFT_CENTER,
            label,
            FontId::proportional(size::BODY),
            theme.text,
        );
        let rail = Rect::from_min_max(
            pos2(rect.left() + label_width, middle - 5.0),
            pos2(rect.right() - value_width - 8.0, middle + 5.0),
        );
        if rail.width() > 0.0 {
            painter.rect_filled(rail, CornerRadius::same(3), theme.raised);
            let filled = Vec2::new(rail.width() * share.clamp(0.0, 1.0), rail.height());
            painter.rect_filled(Rect::from_min_size(rail.min, filled), CornerRadius::same(3), color);
        }
        let font = FontId::monospace(size::ASIDE);
        painter.text(pos2(rect.right(), middle), Align2::RIGHT_CENTER, value, font, theme.text);
    }
    response
}
