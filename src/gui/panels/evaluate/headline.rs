//! The result tab: the numbers that count in a row, and below them the matrix or the scatter plots.

use egui::{Align, Frame, Layout, RichText, Sense, Stroke, Ui, UiBuilder, vec2};

use crate::base::format;
use crate::gui::panels::PanelContext;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::semibold;
use crate::metrics::Evaluation;

use super::{EvaluatePanel, regression};

impl EvaluatePanel {
    pub(super) fn result_ui(
        &mut self,
        ui: &mut Ui,
        cx: &mut PanelContext<'_>,
        evaluation: &Evaluation,
        is_regression: bool,
    ) {
        Frame::new().inner_margin(size::PAD).show(ui, |ui| {
            tiles_ui(ui, &cx.theme, &tiles(evaluation, is_regression));
            if is_regression {
                regression::scatter_ui(ui, cx, evaluation);
            } else {
                self.matrix_ui(ui, cx, evaluation);
            }
        });
    }
}

impl EvaluatePanel {
    /// The result of a language model: its numbers, and the stretches of text that are hardest to tell.
    pub(super) fn language_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, evaluation: &Evaluation) {
        Frame::new().inner_margin(size::PAD).show(ui, |ui| {
            tiles_ui(ui, &cx.theme, &tiles(evaluation, false));
            ui.add_space(size::GAP);
            ui.label(semibold("Hardest to tell", size::BODY));
            let mut hardest = evaluation.samples.clone();
            hardest.sort_by(|left, right| right.loss.total_cmp(&left.loss));
            let height = ui.available_height();
            self.gallery_ui(ui, cx, &hardest, 0.0, height);
        });
    }
}

/// Title, value and unit of the numbers that count.
fn tiles(evaluation: &Evaluation, is_regression: bool) -> Vec<(&'static str, String, String)> {
    let samples = format::count(evaluation.samples.len() as u64);
    let time = ("Inference time", format::milliseconds(evaluation.inference_ms_p50), "ms, median".to_owned());
    if is_regression {
        let value = |value: Option<f64>| value.map(format::number).unwrap_or_default();
        return vec![
            ("Mean absolute error", value(evaluation.mean_absolute_error), String::new()),
            ("R squared", value(evaluation.r_squared), String::new()),
            ("Loss", format::number(evaluation.loss), format!("{samples} samples")),
            time,
        ];
    }
    if let Some(language) = evaluation.language {
        return vec![
            ("Loss", format::number(evaluation.loss), "nats a token".to_owned()),
            ("Perplexity", format::number(language.perplexity), format!("{} tokens", format::count(language.tokens))),
            ("Bits a character", format::number(language.bits_per_character), evaluation.part.clone()),
            ("Told rightly", format::share(evaluation.accuracy), "of the tokens".to_owned()),
        ];
    }
    if let Some(masks) = &evaluation.masks {
        return vec![
            ("Mean IoU", format::share(masks.mean_iou), "mean of classes".to_owned()),
            ("Dice", format::share(masks.dice), "without background".to_owned()),
            ("Right pixels", format::share(evaluation.accuracy), format!("{samples} images")),
            time,
        ];
    }
    let right = evaluation.confusion.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum();
    vec![
        ("Accuracy", format::share(evaluation.accuracy), format!("{} of {samples}", format::count(right))),
        ("F1", format::share(evaluation.macro_average.f1), "mean of classes".to_owned()),
        ("Loss", format::number(evaluation.loss), evaluation.part.clone()),
        time,
    ]
}

fn tiles_ui(ui: &mut Ui, theme: &Theme, tiles: &[(&str, String, String)]) {
    let gaps = size::GAP * tiles.len().saturating_sub(1) as f32;
    let width = ((ui.available_width() - gaps) / tiles.len().max(1) as f32).floor();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = size::GAP;
        for (title, value, unit) in tiles {
            let (rect, response) = ui.allocate_exact_size(vec2(width, 64.0), Sense::hover());
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::WidgetType::Label, true, format!("{title} {value} {unit}"))
            });
            let line = Stroke::new(1.0, theme.line);
            ui.painter().rect(rect, size::CARD_RADIUS, theme.card, line, egui::StrokeKind::Inside);
            let inner = rect.shrink2(vec2(size::PAD, 9.0));
            let mut tile = ui.new_child(UiBuilder::new().max_rect(inner).layout(Layout::top_down(Align::Min)));
            tile.spacing_mut().item_spacing = vec2(6.0, 4.0);
            tile.add(egui::Label::new(RichText::new(*title).size(size::ASIDE).color(theme.weak)).truncate());
            tile.horizontal(|ui| {
                ui.label(semibold(value, 19.0));
                ui.add(egui::Label::new(RichText::new(unit).size(size::UNIT).color(theme.weak)).truncate());
            });
        }
    });
    ui.add_space(size::TIGHT);
}
