//! A chart in its card: title, headline value and unit in the head, the plot below.

use egui::{Align, Color32, FontId, Layout, Rect, RichText, Sense, Stroke, TextStyle, Ui, UiBuilder, Vec2, vec2};
use egui_plot::{AxisHints, Corner, Legend, Line, LineStyle, Plot, PlotPoints, VLine};

use crate::gui::theme::{Theme, size};
use crate::gui::widgets::semibold;

use super::hover::{Hovered, hover_ui};
use super::{Curve, Look, axis, smooth};

/// A chart and what its card says.
pub struct ChartCard<'a> {
    /// Name of the chart, unique on the page.
    pub title: &'a str,
    /// What it shows, for the tooltip of the title.
    pub help: &'a str,
    /// The value that counts now.
    pub headline: Option<String>,
    /// The headline's value unrounded, for its tooltip.
    pub whole: Option<f64>,
    /// Unit or name of the headline.
    pub unit: String,
    /// What is drawn, in this order.
    pub curves: Vec<Curve<'a>>,
    /// Exact value for the hover.
    pub show: fn(f64) -> String,
    /// The y axis shows log10.
    pub is_log: bool,
    /// Keep 0 in sight.
    pub from_zero: bool,
    /// Epochs marked as broken, with what was found there.
    pub broken: Vec<(f64, String)>,
    /// How much the raw curves are smoothed, 0 to 1.
    pub smoothing: f64,
    /// Said when there is nothing to draw.
    pub empty: &'a str,
}

/// Height of the head.
const HEAD: f32 = 30.0;

/// Draws the card in a rectangle of that size. `tools` draws buttons behind the title.
pub fn chart_card_ui(
    ui: &mut Ui,
    theme: &Theme,
    card: ChartCard<'_>,
    room: Vec2,
    tools: impl FnOnce(&mut Ui),
) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(room, Sense::hover());
    let line = Stroke::new(1.0, theme.line);
    ui.painter().rect(rect, size::CARD_RADIUS, theme.card, line, egui::StrokeKind::Inside);
    let inner = Rect::from_min_max(rect.min + vec2(size::PAD, 10.0), rect.max - vec2(size::PAD, size::GAP));
    let mut inside = ui.new_child(UiBuilder::new().max_rect(inner).layout(Layout::top_down(Align::Min)));
    let ui = &mut inside;
    ui.spacing_mut().item_spacing = vec2(size::GAP, size::TIGHT);
    head_ui(ui, theme, &card, tools);
    if card.curves.iter().all(Curve::is_empty) {
        let rest = ui.available_rect_before_wrap().shrink2(vec2(24.0, 0.0));
        let layout = Layout::centered_and_justified(egui::Direction::TopDown);
        let mut child = ui.new_child(UiBuilder::new().max_rect(rest).layout(layout));
        child.label(RichText::new(card.empty).color(theme.weak));
    } else {
        plot_ui(ui, theme, &card);
    }
    response
}

fn head_ui(ui: &mut Ui, theme: &Theme, card: &ChartCard<'_>, tools: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(vec2(ui.available_width(), HEAD), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_height(HEAD);
        ui.label(semibold(card.title, size::BODY)).on_hover_text(card.help);
        ui.scope(tools);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(headline) = &card.headline {
                ui.label(RichText::new(&card.unit).small().color(theme.weak));
                let label = ui.label(semibold(headline, size::HEADLINE));
                if let Some(whole) = card.whole {
                    label.on_hover_text(format!("{whole}"));
                }
            }
        });
    });
}

fn plot_ui(ui: &mut Ui, theme: &Theme, card: &ChartCard<'_>) {
    let height = |y: f64| {
        if !card.is_log {
            y
        } else if y > 0.0 {
            y.log10()
        } else {
            f64::NAN
        }
    };
    let size = ui.available_size();
    let is_log = card.is_log;
    let font = FontId::new(11.0, TextStyle::Body.resolve(ui.style()).family);
    let axes = |axis: AxisHints<'static>| {
        axis.tick_label_color(theme.weak).tick_label_font(font.clone()).label_spacing(egui::Rangef::new(12.0, 24.0))
    };
    let x_axis = axes(AxisHints::new_x()).formatter(axis::epoch_tick);
    let y_axis = axes(AxisHints::new_y()).formatter(move |mark, _| axis::tick(mark, is_log));
    let lines_y = f64::from(size.y / 75.0).clamp(2.0, 6.0);
    let lines_x = f64::from(size.x / 130.0).clamp(1.5, 8.0);
    let mut plot = Plot::new(card.title)
        .height(size.y)
        .width(size.x)
        .show_background(false)
        .show_crosshair(false)
        .allow_scroll(false)
        .allow_zoom(true)
        .set_margin_fraction(vec2(0.02, 0.06))
        .grid_color(theme.grid())
        .grid_fade(0.0)
        .custom_x_axes(vec![x_axis])
        .custom_y_axes(vec![y_axis])
        .x_grid_spacer(move |input| axis::marks(&input, lines_x, 1.0))
        .y_grid_spacer(move |input| if is_log { axis::log_marks(&input) } else { axis::marks(&input, lines_y, 0.0) })
        .label_formatter(|_| None)
        .legend(
            Legend::default()
                .text_style(TextStyle::Small)
                .background_alpha(0.0)
                .follow_insertion_order(true)
                .color_conflict_handling(egui_plot::ColorConflictHandling::PickFirst)
                .position(emptiest_corner(card, height)),
        )
        // The first epoch fills an axis that does not move, and always has its end in sight.
        .include_x(0.0)
        .include_x(1.0);
    if card.from_zero && !is_log {
        plot = plot.include_y(0.0);
    }
    let shown = plot.show(ui, |plot_ui| {
        let bounds = plot_ui.plot_bounds();
        let is_whole = plot_ui.auto_bounds().x || !bounds.is_valid();
        let range = if is_whole { f64::NEG_INFINITY..=f64::INFINITY } else { bounds.range_x() };
        let mut hovered = Vec::new();
        for curve in &card.curves {
            let points = curve.points(range.clone(), size.x.max(16.0) as usize);
            for (points, width, color) in strokes(curve, &points, card.smoothing) {
                for part in points.split(|point| !height(point[1]).is_finite()) {
                    let part: PlotPoints<'_> = part.iter().map(|&[x, y]| [x, height(y)]).collect();
                    let style = if curve.look == Look::Dashed { LineStyle::dashed_dense() } else { dash(curve.dash) };
                    // A curve without a name is not in the legend.
                    let name = if curve.is_listed { curve.name.as_str() } else { "" };
                    plot_ui.line(Line::new(name, part).color(color).width(width).style(style).allow_hover(false));
                }
            }
            if curve.look != Look::Dashed {
                hovered.push(Hovered { name: curve.name.clone(), color: curve.color, points });
            }
        }
        for (x, what) in &card.broken {
            plot_ui.vline(VLine::new(what, *x).color(theme.error).width(1.5).style(LineStyle::dotted_dense()));
        }
        hovered
    });
    hover_ui(ui, theme, &shown.response, &shown.transform, &shown.inner, height, card.show);
    shown.response.widget_info(|| {
        let value = card.headline.as_deref().unwrap_or("no value yet");
        egui::WidgetInfo::labeled(egui::WidgetType::Image, true, format!("{} chart, {value} {}", card.title, card.unit))
    });
}

/// What is drawn of a curve, back to front.
fn strokes(curve: &Curve<'_>, points: &[[f64; 2]], smoothing: f64) -> Vec<(Vec<[f64; 2]>, f32, Color32)> {
    match curve.look {
        Look::Strong => vec![(points.to_vec(), 2.0, curve.color)],
        Look::Pale => vec![(points.to_vec(), 1.25, curve.color.gamma_multiply(0.55))],
        Look::Dashed => vec![(points.to_vec(), 1.25, curve.color)],
        // The pale mean comes first, since the legend takes the first colour of a name.
        Look::Smoothed if smoothing <= 0.0 => vec![(points.to_vec(), 1.0, curve.color.gamma_multiply(0.55))],
        Look::Smoothed => vec![
            (smooth(points, smoothing), 1.25, curve.color.gamma_multiply(0.65)),
            (points.to_vec(), 1.0, curve.color.gamma_multiply(0.25)),
        ],
    }
}

fn dash(pattern: usize) -> LineStyle {
    match pattern % 3 {
        0 => LineStyle::Solid,
        1 => LineStyle::Dashed { length: 8.0 },
        _ => LineStyle::Dotted { spacing: 5.0 },
    }
}

/// The corner with the fewest points of the curves in it: the legend's place.
fn emptiest_corner(card: &ChartCard<'_>, height: impl Fn(f64) -> f64) -> Corner {
    let points: Vec<[f64; 2]> = card
        .curves
        .iter()
        .flat_map(|curve| curve.points(f64::NEG_INFINITY..=f64::INFINITY, 64))
        .map(|[x, y]| [x, height(y)])
        .filter(|[_, y]| y.is_finite())
        .collect();
    let mut low = [0.0_f64, if card.from_zero && !card.is_log { 0.0 } else { f64::INFINITY }];
    let mut high = [f64::NEG_INFINITY; 2];
    for point in &points {
        for side in 0..2 {
            low[side] = low[side].min(point[side]);
            high[side] = high[side].max(point[side]);
        }
    }
    let place = |point: &[f64; 2], side: usize| (point[side] - low[side]) / (high[side] - low[side]).max(1e-12);
    let names = card.curves.iter().filter(|curve| curve.is_listed).count().max(1) as f64;
    let (width, tall) = (0.4, (0.09 * names).min(0.5));
    let covered = |corner: &Corner| {
        let (right, top) = match corner {
            Corner::RightTop => (true, true),
            Corner::RightBottom => (true, false),
            Corner::LeftTop => (false, true),
            Corner::LeftBottom => (false, false),
        };
        points
            .iter()
            .filter(|point| {
                let (x, y) = (place(point, 0), place(point, 1));
                (if right { x > 1.0 - width } else { x < width }) && (if top { y > 1.0 - tall } else { y < tall })
            })
            .count()
    };
    [Corner::RightTop, Corner::RightBottom, Corner::LeftTop, Corner::LeftBottom]
        .into_iter()
        .min_by_key(covered)
        .unwrap_or(Corner::RightTop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(points: Vec<[f64; 2]>) -> ChartCard<'static> {
        ChartCard {
            title: "Loss",
            help: "",
            headline: None,
            whole: None,
            unit: String::new(),
            curves: vec![Curve::of_points("a", Color32::WHITE, Look::Strong, points)],
            show: |value| value.to_string(),
            is_log: false,
            from_zero: false,
            broken: Vec::new(),
            smoothing: 0.0,
            empty: "",
        }
    }

    #[test]
    fn the_legend_stands_where_the_curves_are_not() {
        let falling = (0..50).map(|x| [f64::from(x), (-f64::from(x) / 8.0).exp()]).collect();
        assert_eq!(emptiest_corner(&card(falling), |y| y), Corner::RightTop);
        let rising = (0..50).map(|x| [f64::from(x), 1.0 - (-f64::from(x) / 8.0).exp()]).collect();
        assert_eq!(emptiest_corner(&card(rising), |y| y), Corner::RightBottom);
    }
}
