//! A property form made from any settings struct that lists its fields ([`Params`]), and the rows that only show a value.
//!
//! No form is written by hand: a new field of a layer, a split or a run gets its row, its range and its explanation
//! from [`Params::visit`].

use std::ops::RangeInclusive;

use egui::{Align, Color32, ComboBox, CornerRadius, DragValue, Layout, Response, RichText, Ui, vec2};

use crate::base::{Choice, Field, ParamVisitor, Params, format};

use super::icons;
use super::theme::{Theme, size};
use super::widgets::semibold;

/// Height of a row where one edits.
pub const EDIT_ROW: f32 = 32.0;
/// Height of a row where one only reads.
pub const READ_ROW: f32 = 23.0;
/// Height of a value box.
const BOX_HEIGHT: f32 = 26.0;

/// A form under construction.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    theme: &'a Theme,
    /// Text fields that take one of a list instead: (name, [(id, label)]).
    lists: &'a [(&'static str, Vec<(String, String)>)],
    is_enabled: bool,
    /// Which fields are shown.
    filter: fn(&Field) -> bool,
}

impl<'a> Form<'a> {
    /// A form in that theme.
    pub fn new(theme: &'a Theme) -> Self {
        Self { theme, lists: &[], is_enabled: true, filter: |_| true }
    }

    /// Offers fixed values for text fields: per field name its (id, label) pairs.
    #[must_use]
    pub fn lists(self, lists: &'a [(&'static str, Vec<(String, String)>)]) -> Self {
        Self { lists, ..self }
    }

    /// Shows only the fields that pass.
    #[must_use]
    pub fn only(self, filter: fn(&Field) -> bool) -> Self {
        Self { filter, ..self }
    }

    /// Shows the values without letting them be changed.
    #[must_use]
    pub fn enabled(self, is_enabled: bool) -> Self {
        Self { is_enabled, ..self }
    }

    /// Draws one row per field; true if one of them was changed.
    pub fn show(self, ui: &mut Ui, params: &mut dyn Params) -> bool {
        let mut rows = Rows { form: self, ui, has_changed: false };
        params.visit(&mut rows);
        rows.has_changed
    }
}

/// A row with a label, a value in mono and what to say about it on hover.
pub fn read_row(ui: &mut Ui, theme: &Theme, label: &str, value: &str, help: &str) {
    read_row_with(ui, theme, label, help, |ui| {
        ui.label(RichText::new(value).monospace().color(theme.text));
    });
}

/// As [`read_row`], with `value` drawing from the right edge to the left.
pub fn read_row_with(ui: &mut Ui, theme: &Theme, label: &str, help: &str, value: impl FnOnce(&mut Ui)) {
    row(ui, READ_ROW, |ui| {
        value(ui);
        let response = label_ui(ui, label, theme.weak);
        if !help.is_empty() {
            response.on_hover_text(help);
        }
    });
}

/// A row of the form: `add` draws from the right edge to the left.
pub fn row<R>(ui: &mut Ui, height: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let size = vec2(ui.available_width(), height);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
        ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            ui.set_min_height(height);
            add(ui)
        })
        .inner
    })
    .inner
}

/// The label of a row, left, in the room that the value leaves.
pub fn label_ui(ui: &mut Ui, label: &str, color: Color32) -> Response {
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.add(egui::Label::new(RichText::new(label).color(color)).truncate().selectable(false))
    })
    .inner
}

/// The look of a value box: field colour, a thin border, mono.
pub fn style_box(ui: &mut Ui, theme: &Theme) {
    let style = ui.style_mut();
    style.drag_value_text_style = egui::TextStyle::Monospace;
    style.override_text_style = Some(egui::TextStyle::Monospace);
    style.spacing.button_padding = vec2(8.0, 3.0);
    style.spacing.interact_size = vec2(24.0, BOX_HEIGHT);
    for (widget, line) in [
        (&mut style.visuals.widgets.inactive, theme.line),
        (&mut style.visuals.widgets.hovered, theme.faint),
        (&mut style.visuals.widgets.active, theme.accent),
        (&mut style.visuals.widgets.open, theme.accent),
    ] {
        widget.weak_bg_fill = theme.app;
        widget.bg_fill = theme.app;
        widget.bg_stroke = egui::Stroke::new(1.0, line);
        widget.fg_stroke.color = theme.text;
        widget.corner_radius = CornerRadius::same(6);
        widget.expansion = 0.0;
    }
}

/// Keeps room for the label of a row beside a box with a long text.
pub fn leave_room_for_label(ui: &mut Ui, label: &str) {
    let font = egui::TextStyle::Body.resolve(&ui.ctx().global_style());
    let label = ui.fonts_mut(|fonts| fonts.layout_no_wrap(label.to_owned(), font, Color32::WHITE).size().x);
    let width = ui.available_width();
    ui.set_max_width((width - label.ceil() - size::GAP - 2.0).max(width * 0.4));
}

/// A box that opens a list: as wide as its text, with a small caret.
pub fn combo_box(id_salt: impl egui::AsIdSalt, shown: &str, theme: &Theme) -> ComboBox {
    let color = theme.weak;
    ComboBox::from_id_salt(id_salt).selected_text(shown).width(0.0).truncate().icon(move |ui, rect, _, _| {
        let font = egui::FontId::proportional(size::ASIDE);
        ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, icons::OPEN_GROUP, font, color);
    })
}

/// A switch: on is the accent with the knob to the right.
pub fn switch(ui: &mut Ui, theme: &Theme, label: &str, is_on: &mut bool) -> Response {
    let (rect, mut response) = ui.allocate_exact_size(vec2(34.0, 20.0), egui::Sense::click());
    if response.clicked() {
        *is_on = !*is_on;
        response.mark_changed();
    }
    response.widget_info(|| egui::WidgetInfo::selected(egui::WidgetType::Checkbox, ui.is_enabled(), *is_on, label));
    if ui.is_rect_visible(rect) {
        let on = ui.ctx().animate_bool_responsive(response.id, *is_on);
        let (fill, line) = if *is_on { (theme.accent, theme.accent) } else { (theme.app, theme.faint) };
        let stroke =
            if response.has_focus() { egui::Stroke::new(2.0, theme.text) } else { egui::Stroke::new(1.0, line) };
        ui.painter().rect(rect, 10.0, fill, stroke, egui::StrokeKind::Inside);
        let x = egui::lerp(rect.left() + 10.0..=rect.right() - 10.0, on);
        let knob = if *is_on { theme.on_accent } else { theme.weak };
        ui.painter().circle_filled(egui::pos2(x, rect.center().y), 6.5, knob);
    }
    response
}

struct Rows<'a, 'u> {
    form: Form<'a>,
    ui: &'u mut Ui,
    has_changed: bool,
}

impl Rows<'_, '_> {
    /// One row; `add` draws the value and says which response stands for it.
    fn field(&mut self, field: Field, rule: &str, add: impl FnOnce(&mut Ui, &Theme) -> Response) {
        if !(self.form.filter)(&field) {
            return;
        }
        let theme = self.form.theme;
        let is_enabled = self.form.is_enabled;
        let changed = row(self.ui, EDIT_ROW, |ui| {
            if !field.unit.is_empty() {
                ui.label(RichText::new(field.unit).small().color(theme.faint));
            }
            let value = ui
                .scope(|ui| {
                    if !is_enabled {
                        ui.disable();
                    }
                    style_box(ui, theme);
                    add(ui, theme)
                })
                .inner;
            let changed = value.changed();
            let label = label_ui(ui, field.label, theme.weak);
            let value = value.labelled_by(label.id);
            for response in [value, label] {
                response.on_hover_ui(|ui| tooltip_ui(ui, theme, field, rule));
            }
            changed
        });
        self.has_changed |= changed;
    }
}

fn tooltip_ui(ui: &mut Ui, theme: &Theme, field: Field, rule: &str) {
    ui.set_max_width(280.0);
    ui.label(semibold(field.label, 13.0));
    if !field.help.is_empty() {
        ui.label(field.help);
    }
    if !rule.is_empty() {
        ui.label(RichText::new(rule).small().color(theme.weak));
    }
}

/// `From 1 to 65,536`; ranges without an end that a person would meet say less.
fn count_rule(range: &RangeInclusive<usize>) -> String {
    if *range.end() > 1_000_000_000_000 {
        format!("From {}", format::count(*range.start() as u64))
    } else {
        format!("From {} to {}", format::count(*range.start() as u64), format::count(*range.end() as u64))
    }
}

/// Whether a text is the word that stands for 0.
fn is_zero_word(text: &str, zero: &str) -> bool {
    !zero.is_empty() && text.trim().eq_ignore_ascii_case(zero)
}

/// The field as it is shown with that value: the word for 0 has no unit.
fn shown(field: Field, is_zero: bool) -> Field {
    if is_zero && !field.zero.is_empty() { Field { unit: "", ..field } } else { field }
}

fn count_drag<'a>(value: &'a mut usize, range: &RangeInclusive<usize>, zero: &'static str) -> DragValue<'a> {
    // A tenth of the value over ten points of dragging, but never slower than one in eight points.
    let speed = (*value as f64 * 0.01).max(0.125);
    DragValue::new(value)
        .range(range.clone())
        .speed(speed)
        .update_while_editing(false)
        .custom_formatter(
            move |value, _| {
                if value == 0.0 && !zero.is_empty() { zero.to_owned() } else { format!("{value:.0}") }
            },
        )
        .custom_parser(move |text| {
            if is_zero_word(text, zero) { Some(0.0) } else { text.replace([',', ' ', '_'], "").parse().ok() }
        })
}

impl ParamVisitor for Rows<'_, '_> {
    fn count(&mut self, field: Field, value: &mut usize, range: RangeInclusive<usize>) {
        self.field(shown(field, *value == 0), &count_rule(&range), |ui, _| {
            ui.add(count_drag(value, &range, field.zero))
        });
    }

    fn pair(&mut self, field: Field, value: &mut [usize; 2], range: RangeInclusive<usize>) {
        let rule = format!("Height x width, each {}", count_rule(&range).to_lowercase());
        self.field(field, &rule, |ui, theme| {
            // The box is drawn by hand, as high as all others; a frame would take the height of the row.
            let characters = value[0].to_string().len() + value[1].to_string().len();
            let width = 42.0 + 7.4 * characters as f32;
            let (rect, _) = ui.allocate_exact_size(vec2(width, BOX_HEIGHT), egui::Sense::hover());
            let line = egui::Stroke::new(1.0, theme.line);
            ui.painter().rect(rect, size::CONTROL_RADIUS, theme.app, line, egui::StrokeKind::Inside);
            let layout = Layout::left_to_right(Align::Center);
            let mut inside = ui.new_child(egui::UiBuilder::new().max_rect(rect.shrink2(vec2(4.0, 1.0))).layout(layout));
            let ui = &mut inside;
            ui.visuals_mut().widgets.inactive.bg_stroke = egui::Stroke::NONE;
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.spacing_mut().button_padding = vec2(4.0, 2.0);
            ui.spacing_mut().interact_size = vec2(10.0, BOX_HEIGHT - 4.0);
            let [height, width] = value;
            let left = ui.add(count_drag(height, &range, ""));
            ui.label(RichText::new("x").color(theme.weak));
            left | ui.add(count_drag(width, &range, ""))
        });
    }

    fn number(&mut self, field: Field, value: &mut f64, range: RangeInclusive<f64>) {
        let rule = format!("From {} to {}", format::number(*range.start()), format::number(*range.end()));
        self.field(shown(field, *value == 0.0), &rule, |ui, _| {
            let zero = field.zero;
            let reach = if range.end().is_finite() { (range.end() - range.start()) * 1e-3 } else { 1e-3 };
            // Zero has no size of its own to go by.
            let speed = if *value == 0.0 { reach.min(1e-3) } else { value.abs() * 0.02 };
            ui.add(
                DragValue::new(value)
                    .range(range.clone())
                    .speed(speed)
                    .update_while_editing(false)
                    .custom_formatter(move |value, _| {
                        if value == 0.0 && !zero.is_empty() { zero.to_owned() } else { format::number(value) }
                    })
                    .custom_parser(move |text| {
                        if is_zero_word(text, zero) { Some(0.0) } else { text.trim().replace(',', ".").parse().ok() }
                    }),
            )
        });
    }

    fn flag(&mut self, field: Field, value: &mut bool) {
        self.field(field, "", |ui, theme| switch(ui, theme, field.label, value));
    }

    fn choice(&mut self, field: Field, value: &mut dyn Choice) {
        let options = value.options();
        let current = value.selected();
        let shown = current.and_then(|index| options.get(index)).map_or("unknown", |option| option.label);
        let mut chosen = None;
        self.field(field, "", |ui, theme| {
            leave_room_for_label(ui, field.label);
            let combo = combo_box(field.name, shown, theme).height(320.0);
            let mut response = combo
                .show_ui(ui, |ui| {
                    ui.style_mut().override_text_style = None;
                    for (index, option) in options.iter().enumerate() {
                        let entry =
                            ui.selectable_label(current == Some(index), option.label).on_hover_text(option.help);
                        if entry.clicked() && current != Some(index) {
                            chosen = Some(index);
                        }
                    }
                })
                .response;
            if chosen.is_some() {
                response.mark_changed();
            }
            response
        });
        if let Some(index) = chosen {
            value.select(index);
        }
    }

    fn text(&mut self, field: Field, value: &mut String) {
        let list = self.form.lists.iter().find(|(name, _)| *name == field.name).map(|(_, list)| list);
        let Some(list) = list else {
            self.field(field, "", |ui, _| {
                ui.add(egui::TextEdit::singleline(value).hint_text("none").desired_width(120.0))
            });
            return;
        };
        self.field(field, "", |ui, theme| {
            let shown = list.iter().find(|(id, _)| id == value).map_or(value.as_str(), |(_, label)| label);
            let shown = shown.to_owned();
            let mut is_changed = false;
            leave_room_for_label(ui, field.label);
            let mut response = combo_box(field.name, &shown, theme)
                .show_ui(ui, |ui| {
                    ui.style_mut().override_text_style = None;
                    for (id, label) in list {
                        if ui.selectable_label(id == value, label).clicked() && id != value {
                            value.clone_from(id);
                            is_changed = true;
                        }
                    }
                })
                .response;
            if is_changed {
                response.mark_changed();
            }
            response
        });
    }
}
