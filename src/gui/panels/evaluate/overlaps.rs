//! Masks: intersection over union and Dice of every class, and a sample's image beside its truth and the answer.

use std::fmt::Write as _;

use egui::{Align, Frame, Layout, RichText, Sense, Ui, Vec2, vec2};
use egui_extras::{Column, TableBuilder};

use crate::base::format;
use crate::gui::icons;
use crate::gui::panels::{PanelContext, Request};
use crate::gui::theme::size;
use crate::gui::widgets::masks::{class_color, legend_ui, opacity_ui, paint_mask};
use crate::gui::widgets::samples::paint_texture;
use crate::gui::widgets::{mono, secondary_button, semibold};
use crate::metrics::{Evaluation, SampleResult};
use crate::session::{Command, Input};

use super::{EvaluatePanel, class_name};

/// Titles and meanings of the columns behind the name.
const COLUMNS: [(&str, &str); 5] = [
    ("IoU", "Intersection over union: pixels that truth and answer share, of all that either has."),
    ("Dice", "Twice the shared pixels, of the pixels of truth and answer together; the F1 of pixels."),
    ("Precision", "Of the pixels answered with this class, the share that is right."),
    ("Recall", "Of the pixels of this class, the share that was found."),
    ("Pixels", "Pixels of this class in the part."),
];

/// One row for each class.
pub(super) fn classes_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, evaluation: &Evaluation) {
    let Some(masks) = &evaluation.masks else { return };
    let names: Vec<String> = (0..evaluation.per_class.len()).map(|class| class_name(cx.session, class)).collect();
    let theme = cx.theme.clone();
    let data = cx.session.prepared().cloned();
    Frame::new().inner_margin(size::PAD).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(semibold("Classes", size::BODY));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if secondary_button(ui, icons::EXPORT, "Export as CSV…").clicked() {
                    let name = format!("classes-{}.csv", evaluation.part);
                    cx.ask(Request::SaveFile { name, content: csv(evaluation, &names).into_bytes() });
                }
            });
        });
        ui.spacing_mut().item_spacing.y = 0.0;
        TableBuilder::new(ui)
            .cell_layout(Layout::left_to_right(Align::Center))
            .column(Column::remainder().at_least(110.0).clip(true))
            .columns(Column::exact(92.0), COLUMNS.len())
            .header(size::EDIT_ROW, |mut header| {
                header.col(|ui| drop(ui.label(semibold("Class", size::ASIDE).color(theme.weak))));
                for (title, help) in COLUMNS {
                    header.col(|ui| {
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            ui.label(semibold(title, size::ASIDE).color(theme.weak)).on_hover_text(help);
                        });
                    });
                }
            })
            .body(|body| {
                body.rows(30.0, names.len(), |mut row| {
                    let class = row.index();
                    let Some(scores) = evaluation.per_class.get(class).copied() else { return };
                    row.col(|ui| {
                        let (rect, _) = ui.allocate_exact_size(vec2(12.0, 12.0), Sense::hover());
                        let color = data.as_ref().and_then(|data| class_color(&theme, &data.dataset, class));
                        ui.painter().rect_filled(rect, 3.0, color.unwrap_or(theme.raised));
                        ui.label(names.get(class).map_or("", String::as_str));
                    });
                    let iou = masks.iou.get(class).copied().flatten();
                    let shares = [iou, Some(scores.f1), Some(scores.precision), Some(scores.recall)];
                    let texts = shares.map(|share| share.map_or_else(|| "none".to_owned(), format::share));
                    for text in texts.into_iter().chain([format::count(scores.support)]) {
                        row.col(|ui| {
                            ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(mono(text)));
                        });
                    }
                });
            });
        ui.add_space(size::GAP);
        let text = format!(
            "Mean IoU {}, Dice {} over the classes other than background. Void counts for nothing.",
            format::share(masks.mean_iou),
            format::share(masks.dice)
        );
        ui.label(RichText::new(text).color(theme.weak));
    });
}

fn csv(evaluation: &Evaluation, names: &[String]) -> String {
    let mut text = String::from("class,iou,dice,precision,recall,pixels\n");
    let iou = |class: usize| evaluation.masks.as_ref().and_then(|masks| masks.iou.get(class).copied().flatten());
    for (class, (name, scores)) in names.iter().zip(&evaluation.per_class).enumerate() {
        let iou = iou(class).map_or_else(String::new, |iou| iou.to_string());
        let name = name.replace('"', "\"\"");
        // Writing to a string can't fail.
        let _ =
            writeln!(text, "\"{name}\",{iou},{},{},{},{}", scores.f1, scores.precision, scores.recall, scores.support);
    }
    text
}

impl EvaluatePanel {
    /// Image, truth and answer of a sample. The answer is asked for when it is first looked at.
    pub(super) fn masks_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, sample: SampleResult) {
        let Some(data) = cx.session.prepared().cloned() else { return };
        let dataset = &data.dataset;
        let wanted = (cx.session.selected_run().map(|run| run.id.clone()), sample.sample);
        let answer = cx.session.predictions().iter().find(|known| known.input == Input::Sample(sample.sample));
        if answer.is_none() && self.asked.as_ref() != Some(&wanted) {
            self.asked = Some(wanted);
            cx.send(Command::Predict(Input::Sample(sample.sample)));
        }
        let side = ((ui.available_width() - size::GAP) / 2.0).floor().min(180.0);
        let opacity = cx.samples.mask_opacity;
        let truth = cx.samples.mask(ui.ctx(), dataset, sample.sample);
        let predicted = answer.and_then(|answer| cx.samples.answer(ui.ctx(), dataset, answer).1);
        let mut picture = |ui: &mut Ui, side: f32, title: &str, mask: Option<&egui::TextureHandle>| {
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
                response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, title));
                if let Some(image) = cx.samples.get(ui.ctx(), dataset, sample.sample) {
                    paint_texture(ui, &image, rect);
                }
                if let Some(mask) = mask {
                    paint_mask(ui, mask, rect, opacity);
                }
                ui.label(RichText::new(title).size(size::UNIT).color(cx.theme.weak));
            });
        };
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = size::GAP;
            picture(ui, side, "Image", None);
            picture(ui, side, "Truth", truth.as_ref());
        });
        let title = if predicted.is_some() { "Answer" } else { "Answer, under way" };
        picture(ui, side * 2.0 + size::GAP, title, predicted.as_ref());
        opacity_ui(ui, cx.samples);
        legend_ui(ui, &cx.theme, dataset, &[]);
    }
}
