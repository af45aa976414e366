//! Precision, recall and F1 of every class, sortable.

use std::fmt::Write as _;

use egui::{Align, Frame, Layout, RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::base::format;
use crate::gui::icons;
use crate::gui::panels::{PanelContext, Request};
use crate::gui::theme::size;
use crate::gui::widgets::{mono, secondary_button, semibold};
use crate::metrics::{ClassScores, Evaluation};

use super::{EvaluatePanel, class_name};

/// By which column, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sort {
    column: usize,
    is_descending: bool,
}

/// Titles and meanings of the columns.
const COLUMNS: [(&str, &str); 5] = [
    ("Class", "In the order of the data."),
    ("Precision", "Of the answers for this class, the share that is right."),
    ("Recall", "Of the samples of this class, the share that was found."),
    ("F1", "Harmonic mean of precision and recall."),
    ("Samples", "Samples of this class in the part."),
];

/// Room behind the last column, where the scroll bar of a long table lies.
const SCROLL_BAR: f32 = 12.0;

impl EvaluatePanel {
    pub(super) fn classes_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, evaluation: &Evaluation) {
        let theme = cx.theme.clone();
        let names: Vec<String> = (0..evaluation.per_class.len()).map(|class| class_name(cx.session, class)).collect();
        let order = sorted(&evaluation.per_class, self.sort);
        Frame::new().inner_margin(size::PAD).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(semibold("Classes", size::BODY));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if secondary_button(ui, icons::EXPORT, "Export as CSV…").clicked() {
                        let text = csv(evaluation, &names);
                        cx.ask(Request::SaveFile {
                            name: format!("classes-{}.csv", evaluation.part),
                            content: text.into_bytes(),
                        });
                    }
                });
            });
            ui.spacing_mut().item_spacing.y = 0.0;
            TableBuilder::new(ui)
                .cell_layout(Layout::left_to_right(Align::Center))
                .sense(egui::Sense::click())
                .column(Column::remainder().at_least(120.0).clip(true))
                .columns(Column::exact(110.0), 4)
                .header(size::EDIT_ROW, |mut header| {
                    for (index, (title, help)) in COLUMNS.into_iter().enumerate() {
                        header.col(|ui| self.title_ui(ui, index, title, help));
                    }
                })
                .body(|body| {
                    let averages = [
                        ("Mean of classes", evaluation.macro_average),
                        ("Weighted by samples", evaluation.weighted_average),
                    ];
                    body.rows(34.0, order.len() + averages.len(), |mut row| {
                        let index = row.index();
                        let (name, scores, class) = match order.get(index) {
                            Some(&class) => {
                                let Some(scores) = evaluation.per_class.get(class) else { return };
                                (names.get(class).map_or("", String::as_str), *scores, Some(class))
                            }
                            None => match averages.get(index - order.len()) {
                                Some((name, scores)) => (*name, *scores, None),
                                None => return,
                            },
                        };
                        row.set_selected(class.is_some() && self.cell == class.map(|class| (class, class)));
                        row.col(|ui| {
                            let color = if class.is_some() { theme.text } else { theme.weak };
                            ui.label(RichText::new(name).color(color));
                        });
                        for share in [scores.precision, scores.recall, scores.f1] {
                            row.col(|ui| share_ui(ui, &theme, share));
                        }
                        row.col(|ui| {
                            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                                ui.add_space(SCROLL_BAR);
                                ui.label(mono(format::count(scores.support)));
                            });
                        });
                        if row.response().clicked()
                            && let Some(class) = class
                        {
                            self.cell = Some((class, class));
                            self.sample = None;
                        }
                    });
                });
        });
    }

    fn title_ui(&mut self, ui: &mut Ui, column: usize, title: &str, help: &str) {
        let is_sorted = self.sort.column == column;
        let layout =
            if column == 0 { Layout::left_to_right(Align::Center) } else { Layout::right_to_left(Align::Center) };
        ui.with_layout(layout, |ui| {
            if column + 1 == COLUMNS.len() {
                ui.add_space(SCROLL_BAR);
            }
            let arrow = match (is_sorted, self.sort.is_descending) {
                (false, _) => "",
                (true, false) => icons::UP,
                (true, true) => icons::OPEN_GROUP,
            };
            let text = semibold(format!("{title} {arrow}"), size::ASIDE);
            let button = ui.add(egui::Button::new(text).frame(false)).on_hover_text(format!("{help} Click to sort."));
            button.widget_info(|| {
                egui::WidgetInfo::labeled(egui::WidgetType::Button, true, format!("Sort by {}", title.to_lowercase()))
            });
            if button.clicked() {
                // The first click shows what is worst.
                let is_descending = if is_sorted { !self.sort.is_descending } else { column == 4 };
                self.sort = Sort { column, is_descending };
            }
        });
    }
}

/// A share as a number and as a thin bar below it.
fn share_ui(ui: &mut Ui, theme: &crate::gui::theme::Theme, share: f64) {
    let rect = ui.available_rect_before_wrap();
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(mono(format::share(share))));
    let rail = egui::Rect::from_min_max(
        egui::pos2(rect.left() + 24.0, rect.bottom() - 4.0),
        egui::pos2(rect.right(), rect.bottom() - 2.0),
    );
    ui.painter().rect_filled(rail, 1.0, theme.raised);
    let mut filled = rail;
    filled.set_width(rail.width() * (share.clamp(0.0, 1.0) as f32));
    let color = if share < 0.5 {
        theme.error
    } else if share < 0.8 {
        theme.warn
    } else {
        theme.accent
    };
    ui.painter().rect_filled(filled, 1.0, color);
}

fn sorted(classes: &[ClassScores], sort: Sort) -> Vec<usize> {
    let key = |class: &usize| {
        let scores = classes.get(*class).copied().unwrap_or_default();
        match sort.column {
            0 => *class as f64,
            1 => scores.precision,
            2 => scores.recall,
            3 => scores.f1,
            _ => scores.support as f64,
        }
    };
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
    if sort.is_descending {
        order.reverse();
    }
    order
}

fn csv(evaluation: &Evaluation, names: &[String]) -> String {
    let mut text = String::from("class,precision,recall,f1,support\n");
    for (name, scores) in names.iter().zip(&evaluation.per_class) {
        let ClassScores { precision, recall, f1, support } = scores;
        let name = name.replace('"', "\"\"");
        // Writing to a string can't fail.
        let _ = writeln!(text, "\"{name}\",{precision},{recall},{f1},{support}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_shows_the_worst_first_and_keeps_ties_in_order() {
        let class = |recall, support| ClassScores { recall, support, ..ClassScores::default() };
        let classes = [class(0.9, 5), class(0.7, 9), class(0.9, 2)];
        assert_eq!(sorted(&classes, Sort::default()), [0, 1, 2]);
        assert_eq!(sorted(&classes, Sort { column: 2, is_descending: false }), [1, 0, 2]);
        assert_eq!(sorted(&classes, Sort { column: 4, is_descending: true }), [1, 0, 2]);
    }
}
