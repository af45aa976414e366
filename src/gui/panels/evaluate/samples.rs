//! Galleries of evaluated samples: the worst, the best, those of a cell.

use egui::{Align, Align2, FontId, Frame, Layout, RichText, ScrollArea, Ui, vec2};
use egui_extras::{Column, TableBuilder};

use crate::base::format;
use crate::data::{Part, Task};
use crate::gui::panels::PanelContext;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::samples::sample_image;
use crate::gui::widgets::{mono, semibold};
use crate::metrics::{Evaluation, SampleResult};

use super::{EvaluatePanel, class_name, is_regression};

/// Which samples the tab shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum List {
    /// Largest loss first.
    #[default]
    Worst,
    /// Smallest loss first.
    Best,
    /// Wrong answers, the surest first.
    Wrong,
}

/// Side of a picture in a gallery.
const SIDE: f32 = 72.0;

impl EvaluatePanel {
    pub(super) fn samples_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, evaluation: &Evaluation) {
        let is_regression = is_regression(cx.session, evaluation);
        Frame::new().inner_margin(size::PAD).show(ui, |ui| {
            ui.horizontal(|ui| {
                for (list, text, help) in [
                    (List::Worst, "Largest loss", "What the network finds hardest; wrong labels often stand here."),
                    (List::Best, "Smallest loss", "What the network is surest of and right about."),
                    (List::Wrong, "Wrong, surest first", "Wrong answers that the network was sure of."),
                ] {
                    let has_wrong = !is_regression && evaluation.masks.is_none() && evaluation.language.is_none();
                    if !has_wrong && list == List::Wrong {
                        continue;
                    }
                    let is_on = self.list == list;
                    let button = egui::Button::new(text).selected(is_on).frame_when_inactive(is_on);
                    if ui.add(button).on_hover_text(help).clicked() {
                        self.list = list;
                    }
                }
            });
            let samples = listed(evaluation, self.list);
            if samples.is_empty() {
                ui.add_space(size::PAD);
                ui.label(RichText::new("Every answer is right.").color(cx.theme.weak));
            }
            let height = ui.available_height();
            self.gallery_ui(ui, cx, &samples, SIDE, height);
        });
    }

    /// Pictures (or rows, for tables) of these samples; only those in sight are drawn.
    pub(super) fn gallery_ui(
        &mut self,
        ui: &mut Ui,
        cx: &mut PanelContext<'_>,
        samples: &[SampleResult],
        side: f32,
        height: f32,
    ) {
        let Some(data) = cx.session.prepared().cloned() else {
            ui.label(RichText::new("The samples are shown once the data is loaded.").color(cx.theme.weak));
            return;
        };
        let theme = cx.theme.clone();
        let classes: Vec<String> = (0..data.dataset.classes.len()).map(|class| class_name(cx.session, class)).collect();
        let has_masks = data.dataset.task == Task::Segmentation;
        let answer = |value: f32| match classes.get(value.max(0.0) as usize) {
            Some(name) => name.clone(),
            None => format::number(f64::from(value)),
        };
        if !data.dataset.input.is_drawn() {
            let origin = |sample: &SampleResult| match data.dataset.text(sample.sample as usize) {
                Some(text) => text.chars().take(200).collect(),
                None => data.dataset.origins.get(sample.sample as usize).cloned().unwrap_or_default(),
            };
            if data.dataset.task == Task::LanguageModel {
                let told = |sample: &SampleResult| [origin(sample).replace('\n', " ↵ "), told(sample)];
                self.rows_ui(ui, &theme, samples, height, ["Text", "Told rightly"], told);
            } else {
                let cells = |sample: &SampleResult| [origin(sample), answer(sample.truth), answer(sample.predicted)];
                self.rows_ui(ui, &theme, samples, height, ["From", "Label", "Answer"], cells);
            }
            return;
        }
        let columns = (((ui.available_width() + size::GAP) / (side + size::GAP)).floor() as usize).max(1);
        let rows = samples.len().div_ceil(columns);
        // The last column ends where the page does.
        let side = ((ui.available_width() - 6.0 + size::GAP) / columns as f32 - size::GAP).floor().max(side.min(24.0));
        ui.spacing_mut().item_spacing = vec2(size::GAP, size::TIGHT);
        scroll(height).show_rows(ui, side + 20.0, rows, |ui, range| {
            for row in range {
                ui.horizontal(|ui| {
                    for sample in samples.iter().skip(row * columns).take(columns) {
                        let is_right = sample.truth == sample.predicted;
                        let overlap = format!("IoU {}", format::share(f64::from(sample.confidence)));
                        let name = if has_masks {
                            format!("Sample {}, {overlap}", sample.sample)
                        } else if is_right {
                            format!("Sample {}, {}", sample.sample, answer(sample.truth))
                        } else {
                            format!(
                                "Sample {}, {} taken for {}",
                                sample.sample,
                                answer(sample.truth),
                                answer(sample.predicted)
                            )
                        };
                        let is_selected = self.sample == Some(sample.sample);
                        ui.allocate_ui(vec2(side, side + 20.0), |ui| {
                            ui.vertical(|ui| {
                                ui.spacing_mut().item_spacing.y = 2.0;
                                let response = sample_image(ui, cx.samples, &data.dataset, sample.sample, side, &name);
                                if is_selected {
                                    let stroke = egui::Stroke::new(2.0, theme.accent);
                                    ui.painter().rect_stroke(
                                        response.rect.expand(1.0),
                                        5.0,
                                        stroke,
                                        egui::StrokeKind::Outside,
                                    );
                                }
                                let caption = if has_masks {
                                    overlap
                                } else if is_right {
                                    answer(sample.truth)
                                } else {
                                    format!("{} ≠ {}", answer(sample.truth), answer(sample.predicted))
                                };
                                let color = if is_right { theme.weak } else { theme.error };
                                let (place, _) = ui.allocate_exact_size(vec2(side, 16.0), egui::Sense::hover());
                                let clip = ui.painter().with_clip_rect(place.intersect(ui.clip_rect()));
                                clip.text(
                                    place.center(),
                                    Align2::CENTER_CENTER,
                                    caption,
                                    FontId::proportional(size::UNIT),
                                    color,
                                );
                                if response
                                    .on_hover_text(format!("{name}\nloss {}", format::number(f64::from(sample.loss))))
                                    .clicked()
                                {
                                    self.sample = if is_selected { None } else { Some(sample.sample) };
                                }
                            });
                        });
                    }
                });
            }
        });
    }

    /// Samples of a table, one a row; the loss stands last.
    fn rows_ui<const N: usize>(
        &mut self,
        ui: &mut Ui,
        theme: &Theme,
        samples: &[SampleResult],
        height: f32,
        titles: [&str; N],
        cells: impl Fn(&SampleResult) -> [String; N],
    ) {
        ui.spacing_mut().item_spacing = vec2(size::GAP, 0.0);
        let width = ((ui.available_width() - N as f32 * size::GAP - 8.0) / (N + 1) as f32).floor().min(200.0);
        // Where there is a text to read it takes the room that is left.
        let first = if N < 3 { Column::remainder().clip(true) } else { Column::exact(width).clip(true) };
        TableBuilder::new(ui)
            .id_salt("rows")
            .cell_layout(Layout::left_to_right(Align::Center))
            .sense(egui::Sense::click())
            .max_scroll_height((height - size::EDIT_ROW).max(60.0))
            .column(first)
            .columns(Column::exact(width).clip(true), N)
            .header(size::EDIT_ROW, |mut header| {
                for title in titles.into_iter().chain(["Loss"]) {
                    header.col(|ui| drop(ui.label(semibold(title, size::ASIDE).color(theme.weak))));
                }
            })
            .body(|body| {
                body.rows(26.0, samples.len(), |mut row| {
                    let Some(sample) = samples.get(row.index()) else { return };
                    let is_selected = self.sample == Some(sample.sample);
                    row.set_selected(is_selected);
                    let loss = format::number(f64::from(sample.loss));
                    for (index, text) in cells(sample).into_iter().chain([loss]).enumerate() {
                        let color = if index == 0 { theme.weak } else { theme.text };
                        row.col(|ui| {
                            ui.add(egui::Label::new(mono(&text).color(color)).selectable(false).truncate());
                        });
                    }
                    if row.response().clicked() {
                        self.sample = if is_selected { None } else { Some(sample.sample) };
                    }
                });
            });
    }

    /// Where a sample came from and what was answered.
    pub(super) fn sample_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, sample: SampleResult) {
        let Some(data) = cx.session.prepared().cloned() else { return };
        ui.label(semibold(format!("Sample {}", sample.sample), size::BODY));
        if let Some(text) = data.dataset.text(sample.sample as usize) {
            let scroll = ScrollArea::vertical().id_salt("text").max_height(160.0);
            scroll.show(ui, |ui| ui.add(egui::Label::new(text).wrap()));
        }
        let has_masks = data.dataset.task == Task::Segmentation;
        if has_masks {
            self.masks_ui(ui, cx, sample);
        } else if data.dataset.input.is_drawn() {
            let side = ui.available_width().min(160.0);
            sample_image(ui, cx.samples, &data.dataset, sample.sample, side, "Selected sample");
        }
        ui.spacing_mut().item_spacing.y = 1.0;
        let value = |value: f32| match data.dataset.classes.get(value.max(0.0) as usize) {
            Some(name) => name.clone(),
            None => format::number(f64::from(value)),
        };
        use crate::gui::widgets::key_value;
        if has_masks {
            key_value(ui, "Mean IoU", &format::share(f64::from(sample.confidence)));
        } else if data.dataset.task == Task::LanguageModel {
            key_value(ui, "Told rightly", &told(&sample));
        } else {
            key_value(ui, "Label", &value(sample.truth));
            key_value(ui, "Answer", &value(sample.predicted));
        }
        if !data.dataset.classes.is_empty() && !has_masks {
            key_value(ui, "Probability of the answer", &format::share(f64::from(sample.confidence)));
        }
        key_value(ui, "Loss", &format::number(f64::from(sample.loss)));
        if let Some(origin) = data.dataset.origins.get(sample.sample as usize) {
            key_value(ui, "From", origin);
        }
    }
}

/// Share of the tokens of a stretch of text that were told.
fn told(sample: &SampleResult) -> String {
    format::share(f64::from(sample.confidence))
}

fn scroll(height: f32) -> ScrollArea {
    ScrollArea::vertical().id_salt("samples").max_height(height).auto_shrink([false, true])
}

/// The samples of a list; ties stay in the order of the part.
fn listed(evaluation: &Evaluation, list: List) -> Vec<SampleResult> {
    let mut samples = evaluation.samples.clone();
    match list {
        List::Worst => samples.sort_by(|a, b| b.loss.total_cmp(&a.loss)),
        List::Best => samples.sort_by(|a, b| a.loss.total_cmp(&b.loss)),
        List::Wrong => {
            samples.retain(|sample| sample.truth != sample.predicted);
            samples.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        }
    }
    samples
}

/// The samples of a cell of the matrix, the worst first.
pub(super) fn of_cell(evaluation: &Evaluation, row: usize, column: usize) -> Vec<SampleResult> {
    let mut samples: Vec<SampleResult> = evaluation
        .samples
        .iter()
        .filter(|sample| sample.truth as usize == row && sample.predicted as usize == column)
        .copied()
        .collect();
    samples.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    samples
}

/// `test`, `validation`, `training`, as in a sentence.
pub(super) fn part_word(part: Part) -> &'static str {
    match part {
        Part::Train => "training",
        Part::Validation => "validation",
        Part::Test => "test",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(sample: u32, truth: f32, predicted: f32, loss: f32) -> SampleResult {
        SampleResult { sample, truth, predicted, confidence: 0.5 + loss / 10.0, loss }
    }

    #[test]
    fn lists_are_sorted_by_what_they_promise() {
        let samples = vec![result(0, 1.0, 1.0, 0.1), result(1, 1.0, 2.0, 3.0), result(2, 2.0, 1.0, 2.0)];
        let evaluation = Evaluation { samples, ..Evaluation::default() };
        let order = |list| listed(&evaluation, list).iter().map(|sample| sample.sample).collect::<Vec<_>>();
        assert_eq!(order(List::Worst), [1, 2, 0]);
        assert_eq!(order(List::Best), [0, 2, 1]);
        assert_eq!(order(List::Wrong), [1, 2]);
        assert_eq!(of_cell(&evaluation, 1, 2).len(), 1);
    }
}
