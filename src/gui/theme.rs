//! Colours and sizes: the tokens of `assets/theme`, and nothing else.

use std::sync::{Arc, LazyLock};

use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle, Visuals, vec2,
};
use serde::Deserialize;

use crate::base::Severity;
use crate::nn::LayerKind;

use super::fonts;

/// Sizes in points, on a grid of 4.
pub mod size {
    /// Inside groups.
    pub const TIGHT: f32 = 4.0;
    /// Between items.
    pub const GAP: f32 = 8.0;
    /// In panels and cards.
    pub const PAD: f32 = 12.0;
    /// Corner of a control.
    pub const CONTROL_RADIUS: f32 = 6.0;
    /// Corner of a card or node.
    pub const CARD_RADIUS: f32 = 8.0;
    /// The bar on top.
    pub const TOP_BAR: f32 = 48.0;
    /// The bar below.
    pub const STATUS_BAR: f32 = 30.0;
    /// The panel on the right.
    pub const RIGHT_PANEL: f32 = 264.0;
    /// Height of a row that is edited.
    pub const EDIT_ROW: f32 = 30.0;
    /// Height of a row that is only read.
    pub const READ_ROW: f32 = 22.0;
    /// Text.
    pub const BODY: f32 = 13.0;
    /// Asides.
    pub const ASIDE: f32 = 12.0;
    /// Units.
    pub const UNIT: f32 = 11.0;
    /// Headline values.
    pub const HEADLINE: f32 = 15.0;
    /// Icons that stand alone.
    pub const ICON: f32 = 16.0;
}

/// The tokens of one theme. Get it with [`Theme::of`].
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// Whether it is the dark one.
    pub is_dark: bool,
    /// Centre, input fields.
    pub app: Color32,
    /// Bars and side panels.
    pub panel: Color32,
    /// Cards, nodes, windows.
    pub card: Color32,
    /// Buttons, progress rail.
    pub raised: Color32,
    /// 1 px borders.
    pub line: Color32,
    /// Values.
    pub text: Color32,
    /// Labels.
    pub weak: Color32,
    /// Units and asides.
    pub faint: Color32,
    /// The main action, the selection, the current run.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Done, right.
    pub ok: Color32,
    /// Probably not as meant.
    pub warn: Color32,
    /// Wrong.
    pub error: Color32,
    /// Below windows and popups.
    pub shadow: Color32,
    /// Runs, colour-blind-safe, pinned by run number.
    pub runs: Vec<Color32>,
    /// Layer kinds, in the order of [`LayerKind::ALL`].
    pub layers: [Color32; LayerKind::ALL.len()],
}

static DARK: LazyLock<Arc<Theme>> =
    LazyLock::new(|| Arc::new(Theme::read(include_str!("../../assets/theme/dark.json"), true)));
static LIGHT: LazyLock<Arc<Theme>> =
    LazyLock::new(|| Arc::new(Theme::read(include_str!("../../assets/theme/light.json"), false)));

impl Theme {
    /// The dark theme.
    pub fn dark() -> Arc<Self> {
        Arc::clone(&DARK)
    }

    /// The light theme.
    pub fn light() -> Arc<Self> {
        Arc::clone(&LIGHT)
    }

    /// The theme that is shown now.
    pub fn of(ctx: &Context) -> Arc<Self> {
        match ctx.theme() {
            egui::Theme::Dark => Self::dark(),
            egui::Theme::Light => Self::light(),
        }
    }

    /// Gives egui the fonts and both themes; call it once per context.
    pub fn install(ctx: &Context) {
        fonts::install(ctx);
        ctx.set_style_of(egui::Theme::Dark, style(&Self::dark()));
        ctx.set_style_of(egui::Theme::Light, style(&Self::light()));
    }

    /// The colour of a layer kind.
    pub fn layer(&self, kind: LayerKind) -> Color32 {
        self.layers.get(kind as usize).copied().unwrap_or(self.faint)
    }

    /// The colour of a run, always the same for the same run number.
    pub fn run(&self, number: u32) -> Color32 {
        let position = number.saturating_sub(1) as usize % self.runs.len().max(1);
        self.runs.get(position).copied().unwrap_or(self.accent)
    }

    /// The colour of a finding.
    pub fn severity(&self, severity: Severity) -> Color32 {
        match severity {
            Severity::Advice => self.accent,
            Severity::Warning => self.warn,
            Severity::Error => self.error,
        }
    }

    /// A colour mixed into a ground, for the surfaces of selections and advice: `amount` 0 is the ground.
    pub fn tint(&self, ground: Color32, color: Color32, amount: f32) -> Color32 {
        ground.lerp_to_gamma(color, amount)
    }

    /// Ground of a selected row or tab.
    pub fn selected(&self) -> Color32 {
        self.tint(self.panel, self.accent, if self.is_dark { 0.16 } else { 0.14 })
    }

    /// Ground of a hovered row.
    pub fn hovered(&self) -> Color32 {
        self.tint(self.panel, self.text, 0.06)
    }

    /// Grid lines of plots.
    pub fn grid(&self) -> Color32 {
        self.faint.gamma_multiply(0.3)
    }

    /// Colours of bars and heat, from none to full.
    pub fn heat(&self, amount: f32) -> Color32 {
        self.tint(self.card, self.accent, 0.06 + 0.86 * amount.clamp(0.0, 1.0))
    }

    fn read(json: &str, is_dark: bool) -> Self {
        let file: Tokens = serde_json::from_str(json).unwrap_or_default();
        let color = |text: &str| Color32::from_hex(text).unwrap_or(Color32::GRAY);
        let layer = |kind: LayerKind| color(file.layers.get(&kind.label().to_lowercase()).map_or("", String::as_str));
        Self {
            is_dark,
            app: color(&file.app),
            panel: color(&file.panel),
            card: color(&file.card),
            raised: color(&file.raised),
            line: color(&file.line),
            text: color(&file.text),
            weak: color(&file.weak),
            faint: color(&file.faint),
            accent: color(&file.accent),
            on_accent: color(&file.on_accent),
            ok: color(&file.ok),
            warn: color(&file.warn),
            error: color(&file.error),
            shadow: color(&file.shadow),
            runs: file.runs.iter().map(|text| color(text)).collect(),
            layers: LayerKind::ALL.map(layer),
        }
    }
}

/// A theme file as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokens {
    app: String,
    panel: String,
    card: String,
    raised: String,
    line: String,
    text: String,
    weak: String,
    faint: String,
    accent: String,
    on_accent: String,
    ok: String,
    warn: String,
    error: String,
    shadow: String,
    runs: Vec<String>,
    layers: std::collections::BTreeMap<String, String>,
}

/// Everything that egui's own widgets take from the tokens.
fn style(theme: &Theme) -> Style {
    let semibold = FontFamily::Name(fonts::SEMIBOLD.into());
    let mut style = Style {
        text_styles: [
            (TextStyle::Small, FontId::new(size::UNIT, FontFamily::Proportional)),
            (TextStyle::Body, FontId::new(size::BODY, FontFamily::Proportional)),
            (TextStyle::Button, FontId::new(size::BODY, FontFamily::Proportional)),
            (TextStyle::Heading, FontId::new(size::HEADLINE, semibold)),
            (TextStyle::Monospace, FontId::new(size::ASIDE, FontFamily::Monospace)),
        ]
        .into(),
        drag_value_text_style: TextStyle::Monospace,
        visuals: visuals(theme),
        animation_time: 0.08,
        ..Style::default()
    };
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(size::GAP, size::GAP);
    spacing.button_padding = vec2(10.0, 5.0);
    spacing.interact_size = vec2(32.0, 26.0);
    spacing.window_margin = Margin::same(size::PAD as i8);
    spacing.menu_margin = Margin::same(6);
    spacing.icon_width = 16.0;
    spacing.icon_width_inner = 8.0;
    spacing.icon_spacing = 6.0;
    spacing.combo_width = 96.0;
    spacing.combo_height = 320.0;
    spacing.slider_rail_height = 4.0;
    spacing.tooltip_width = 320.0;
    spacing.indent = size::PAD;
    spacing.scroll = egui::style::ScrollStyle::thin();
    spacing.scroll.floating_allocated_width = 0.0;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style
}

fn visuals(theme: &Theme) -> Visuals {
    let mut visuals = if theme.is_dark { Visuals::dark() } else { Visuals::light() };
    let radius = CornerRadius::same(size::CONTROL_RADIUS as u8);
    let line = Stroke::new(1.0, theme.line);

    let widgets = &mut visuals.widgets;
    let hovered_fill = theme.tint(theme.raised, theme.text, 0.06);
    let pressed_fill = theme.tint(theme.raised, theme.text, 0.12);
    for (widget, fill, border, foreground) in [
        (&mut widgets.noninteractive, theme.panel, line, theme.text),
        (&mut widgets.inactive, theme.raised, Stroke::NONE, theme.text),
        (&mut widgets.hovered, hovered_fill, Stroke::new(1.0, theme.faint.gamma_multiply(0.6)), theme.text),
        (&mut widgets.active, pressed_fill, Stroke::new(1.5, theme.accent), theme.text),
        (&mut widgets.open, hovered_fill, line, theme.text),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = border;
        widget.fg_stroke = Stroke::new(1.2, foreground);
        widget.corner_radius = radius;
        widget.expansion = 0.0;
    }

    visuals.override_text_color = None;
    visuals.weak_text_color = Some(theme.weak);
    visuals.selection.bg_fill = theme.selected();
    visuals.selection.stroke = Stroke::new(1.0, theme.accent);
    visuals.hyperlink_color = theme.accent;
    visuals.faint_bg_color = theme.tint(theme.card, theme.text, 0.025);
    visuals.extreme_bg_color = theme.app;
    visuals.text_edit_bg_color = Some(theme.app);
    visuals.code_bg_color = theme.raised;
    visuals.warn_fg_color = theme.warn;
    visuals.error_fg_color = theme.error;
    visuals.window_fill = theme.card;
    visuals.window_stroke = line;
    visuals.window_corner_radius = CornerRadius::same(size::CARD_RADIUS as u8);
    visuals.menu_corner_radius = CornerRadius::same(size::CARD_RADIUS as u8);
    visuals.panel_fill = theme.panel;
    visuals.window_shadow = Shadow { offset: [0, 8], blur: 24, spread: 0, color: theme.shadow };
    visuals.popup_shadow = Shadow { offset: [0, 4], blur: 12, spread: 0, color: theme.shadow };
    visuals.text_cursor.stroke = Stroke::new(1.5, theme.accent);
    visuals.slider_trailing_fill = true;
    visuals.handle_shape = egui::style::HandleShape::Circle;
    visuals.indent_has_left_vline = false;
    visuals.striped = false;
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast of two opaque colours as WCAG 2 defines it.
    fn contrast(first: Color32, second: Color32) -> f32 {
        let luminance = |color: Color32| {
            let [red, green, blue, _] = egui::Rgba::from(color).to_array();
            0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
        };
        let (first, second) = (luminance(first), luminance(second));
        first.max(second) / first.min(second)
    }

    #[test]
    fn both_theme_files_are_whole() {
        for theme in [Theme::dark(), Theme::light()] {
            assert_eq!(theme.runs.len(), 8);
            assert!(!theme.layers.contains(&Color32::GRAY));
            assert_ne!(theme.app, Color32::GRAY);
        }
        assert_eq!(Theme::dark().app.to_hex(), "#0f1114ff");
        assert_eq!(Theme::light().accent.to_hex(), "#1769d2ff");
    }

    #[test]
    fn what_must_be_read_can_be_read() {
        for theme in [Theme::dark(), Theme::light()] {
            for ground in [theme.app, theme.panel, theme.card] {
                for (name, color) in [("text", theme.text), ("weak", theme.weak)] {
                    assert!(contrast(color, ground) >= 4.5, "{name} {}", contrast(color, ground));
                }
            }
            for (name, color) in
                [("ok", theme.ok), ("warn", theme.warn), ("error", theme.error), ("accent", theme.accent)]
            {
                assert!(contrast(color, theme.panel) >= 4.0, "{name} {}", contrast(color, theme.panel));
            }
            assert!(contrast(theme.on_accent, theme.accent) >= 4.5);
        }
    }

    #[test]
    fn a_run_keeps_its_colour_however_many_there_are() {
        let theme = Theme::dark();
        assert_eq!(theme.run(1), theme.run(9));
        assert_ne!(theme.run(1), theme.run(2));
    }
}
