//! Buttons. Every one has a name for the keyboard and the screen reader.

use egui::{Button, Response, RichText, Stroke, Ui, Vec2, WidgetInfo, WidgetType, vec2};

use crate::gui::theme::{Theme, size};

/// The one main action of a view. `icon` may be empty.
pub fn primary_button(ui: &mut Ui, icon: &str, text: &str) -> Response {
    let theme = Theme::of(ui.ctx());
    let label = RichText::new(with_icon(icon, text)).color(theme.on_accent);
    let button = ui.scope(|ui| {
        // egui paints a hovered button's own fill only when none is set; here the accent itself changes.
        let widgets = &mut ui.visuals_mut().widgets;
        widgets.inactive.weak_bg_fill = theme.accent;
        widgets.hovered.weak_bg_fill = theme.tint(theme.accent, theme.text, 0.14);
        widgets.active.weak_bg_fill = theme.tint(theme.accent, theme.app, 0.14);
        widgets.hovered.bg_stroke = Stroke::NONE;
        ui.add(Button::new(label).min_size(vec2(0.0, size::EDIT_ROW)))
    });
    named(button.inner, text)
}

/// Any other action. `icon` may be empty.
pub fn secondary_button(ui: &mut Ui, icon: &str, text: &str) -> Response {
    let response = ui.add(Button::new(with_icon(icon, text)).min_size(vec2(0.0, size::EDIT_ROW)));
    named(response, text)
}

/// An icon that acts; `name` is its tooltip and what a screen reader says.
pub fn icon_button(ui: &mut Ui, icon: &str, name: &str) -> Response {
    icon_toggle(ui, icon, name, false)
}

/// An icon that is on or off; `name` is its tooltip and what a screen reader says.
pub fn icon_toggle(ui: &mut Ui, icon: &str, name: &str, is_on: bool) -> Response {
    let theme = Theme::of(ui.ctx());
    let color = if is_on { theme.accent } else { theme.weak };
    let text = RichText::new(icon).size(size::ICON).color(color);
    let response = ui
        .scope(|ui| {
            ui.spacing_mut().button_padding = Vec2::splat(size::TIGHT);
            ui.add(Button::new(text).frame_when_inactive(is_on).selected(is_on).min_size(Vec2::splat(26.0)))
        })
        .inner;
    let response = response.on_hover_text(name).on_disabled_hover_text(name);
    let enabled = response.enabled();
    if is_on {
        response.widget_info(|| WidgetInfo::selected(WidgetType::Button, enabled, true, name));
    } else {
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, name));
    }
    response
}

fn with_icon(icon: &str, text: &str) -> String {
    if icon.is_empty() { text.to_owned() } else { format!("{icon}  {text}") }
}

/// Gives a button its name without the icon's character.
pub(super) fn named(response: Response, name: &str) -> Response {
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, name));
    response
}
