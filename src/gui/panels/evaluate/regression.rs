//! Regression: answers against the truth, and what is left over.

use egui::{Color32, FontId, Frame, RichText, Sense, Stroke, TextStyle, Ui, vec2};
use egui_plot::{AxisHints, Line, LineStyle, Plot, PlotPoints, Points};

use crate::base::format;
use crate::gui::panels::PanelContext;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::semibold;
use crate::metrics::Evaluation;

/// More points than this are thinned out evenly.
const MOST_POINTS: usize = 4000;

/// Predicted against true, with the line on which all would lie.
pub(super) fn scatter_ui(ui: &mut Ui, cx: &PanelContext<'_>, evaluation: &Evaluation) {
    let room = ui.available_size();
    let half = vec2(((room.x - size::GAP) / 2.0).floor(), room.y);
    let points = thinned(evaluation);
    let target = cx.session.prepared().map_or_else(String::new, |data| data.dataset.target.clone());
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = size::GAP;
        let help = "Each point is a sample. On the dashed line the answer is right.";
        card_ui(ui, &cx.theme, half, "Answer against truth", &target, help, |ui, theme| {
            let (low, high) = points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), [truth, answer]| {
                (low.min(*truth).min(*answer), high.max(*truth).max(*answer))
            });
            plot_ui(ui, theme, ["scatter", "truth", "answer"], points.clone(), vec![[low, low], [high, high]]);
        });
        let help = "Answer minus truth for each sample. A pattern here means that the network misses something.";
        card_ui(ui, &cx.theme, half, "Residuals", &target, help, |ui, theme| {
            let residuals: Vec<[f64; 2]> = points.iter().map(|[truth, answer]| [*truth, answer - truth]).collect();
            let low = residuals.iter().map(|[x, _]| *x).fold(f64::INFINITY, f64::min);
            let high = residuals.iter().map(|[x, _]| *x).fold(f64::NEG_INFINITY, f64::max);
            plot_ui(ui, theme, ["residuals", "truth", "answer minus truth"], residuals, vec![[low, 0.0], [high, 0.0]]);
        });
    });
}

/// How large the errors are, as a histogram in words: shares of samples within a tenth, a quarter and a half of the spread.
pub(super) fn errors_ui(ui: &mut Ui, cx: &PanelContext<'_>, evaluation: &Evaluation) {
    Frame::new().inner_margin(size::PAD).show(ui, |ui| {
        ui.label(semibold("Size of the errors", size::BODY));
        let mut errors: Vec<f64> =
            evaluation.samples.iter().map(|sample| f64::from((sample.predicted - sample.truth).abs())).collect();
        errors.sort_by(f64::total_cmp);
        let most = errors.last().copied().unwrap_or(0.0);
        for percent in [50, 75, 90, 95, 100] {
            let index = (errors.len() * percent / 100).saturating_sub(1);
            let Some(&error) = errors.get(index) else { continue };
            let share = if most > 0.0 { (error / most) as f32 } else { 0.0 };
            let label = format!("{percent} % of samples within");
            crate::gui::widgets::bar_row(ui, &label, share, &format::number(error), cx.theme.accent, 190.0);
        }
    });
}

fn card_ui(
    ui: &mut Ui,
    theme: &Theme,
    room: egui::Vec2,
    title: &str,
    unit: &str,
    help: &str,
    add: impl FnOnce(&mut Ui, &Theme),
) {
    let (rect, _) = ui.allocate_exact_size(room, Sense::hover());
    ui.painter().rect(rect, size::CARD_RADIUS, theme.card, Stroke::new(1.0, theme.line), egui::StrokeKind::Inside);
    let mut inside = ui.new_child(egui::UiBuilder::new().max_rect(rect.shrink(size::PAD)));
    inside.vertical(|ui| {
        ui.horizontal(|ui| {
            ui.label(semibold(title, size::BODY)).on_hover_text(help);
            ui.label(RichText::new(unit).small().color(theme.weak));
        });
        add(ui, theme);
    });
}

/// A plot by its name and those of its axes.
fn plot_ui(ui: &mut Ui, theme: &Theme, [id, x, y]: [&'static str; 3], points: Vec<[f64; 2]>, line: Vec<[f64; 2]>) {
    let font = FontId::new(size::UNIT, TextStyle::Body.resolve(ui.style()).family);
    let axis = |hints: AxisHints<'static>| {
        hints.tick_label_color(theme.weak).tick_label_font(font.clone()).formatter(|mark, _| format::number(mark.value))
    };
    let name = |text: &str| RichText::new(text).size(size::UNIT).color(theme.weak);
    let (dot, dashed): (Color32, Color32) = (theme.accent.gamma_multiply(0.55), theme.weak);
    Plot::new(id)
        .width(ui.available_width())
        .height(ui.available_height())
        .show_background(false)
        .show_crosshair(false)
        .allow_scroll(false)
        .grid_color(theme.grid())
        .grid_fade(0.0)
        .grid_spacing(egui::Rangef::new(70.0, 300.0))
        .custom_x_axes(vec![axis(AxisHints::new_x()).label(name(x))])
        .custom_y_axes(vec![axis(AxisHints::new_y()).label(name(y))])
        .label_formatter(|_| None)
        .show(ui, |plot| {
            plot.line(
                Line::new("right", PlotPoints::from(line))
                    .color(dashed)
                    .style(LineStyle::dashed_dense())
                    .allow_hover(false),
            );
            plot.points(Points::new("samples", PlotPoints::from(points)).color(dot).radius(2.5));
        });
}

fn thinned(evaluation: &Evaluation) -> Vec<[f64; 2]> {
    let step = evaluation.samples.len().div_ceil(MOST_POINTS).max(1);
    let samples = evaluation.samples.iter().step_by(step);
    samples.map(|sample| [f64::from(sample.truth), f64::from(sample.predicted)]).collect()
}
