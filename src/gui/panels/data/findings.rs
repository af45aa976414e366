//! What is wrong with the data: what the doctor found, each with its samples and a repair, and what could not be read.
//! Nothing is dropped silently.

use std::sync::Arc;

use egui::{Label, RichText, ScrollArea, Sense, Ui, vec2};

use crate::base::{Place, Problem, format};
use crate::data::Prepared;
use crate::data::doctor::Finding;
use crate::gui::icons;
use crate::gui::panels::{PanelContext, Request};
use crate::gui::theme::size;
use crate::gui::widgets::samples::sample_image;
use crate::gui::widgets::{
    card, card_filled, empty_state, headline, mono, page, secondary_button, semibold, severity_icon, weak,
};
use crate::project::Step;
use crate::session::Command;

use super::view::View;

const ROW: f32 = 44.0;
/// Samples that are shown with a finding, and the side of their pictures.
const SHOWN: usize = 12;
const PICTURE: f32 = 48.0;

pub(super) fn findings_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared, view: &mut View) {
    let problems = &prepared.dataset.problems;
    // The samples of a finding may be many: only the pointer is copied in each frame.
    let all = cx.session.findings().map(Arc::clone);
    let open = |finding: &&Finding| !cx.session.is_mended(finding);
    let found: Option<Vec<&Finding>> = all.as_ref().map(|found| found.iter().filter(open).collect());
    page(ui, |ui| {
        let is_clean = found.as_ref().is_some_and(Vec::is_empty);
        if problems.is_empty() && is_clean {
            let text =
                "Every file and every row could be read, and the doctor found neither copies nor leaks nor slips.";
            empty_state(ui, icons::OK, "Nothing to mend", text, None);
            return;
        }
        let Some(found) = found else {
            let text = weak(ui, "The doctor looks at the data …");
            ui.label(text);
            return;
        };
        if found.is_empty() {
            read_ui(ui, cx, problems);
            return;
        }
        ScrollArea::vertical().id_salt("findings").auto_shrink([false, false]).show(ui, |ui| {
            for (number, finding) in found.iter().enumerate() {
                ui.push_id(number, |ui| card(ui, |ui| finding_ui(ui, cx, prepared, view, finding)));
                ui.add_space(size::TIGHT);
            }
            if !problems.is_empty() {
                ui.allocate_ui(vec2(ui.available_width(), 400.0), |ui| read_ui(ui, cx, problems));
            }
        });
    });
}

fn finding_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared, view: &mut View, finding: &Finding) {
    ui.set_width(ui.available_width());
    let severity = finding.check.severity();
    ui.horizontal_wrapped(|ui| {
        let color = cx.theme.severity(severity);
        ui.label(RichText::new(severity_icon(severity)).size(size::ICON).color(color));
        ui.label(semibold(finding.check.label(), size::BODY));
    });
    ui.add(Label::new(&finding.message).wrap());
    let text = weak(ui, finding.check.explanation()).size(size::ASIDE);
    ui.add(Label::new(text).wrap());
    if !finding.samples.is_empty() {
        samples_ui(ui, cx, prepared, view, finding);
    }
    if let Some(repair) = &finding.repair {
        let button = secondary_button(ui, icons::REPAIR, &repair.label());
        if button.on_hover_text("Changes the project alone, never a file. Undo takes it back.").clicked() {
            cx.send(Command::Repair(Box::new(repair.clone())));
        }
    }
}

/// The first samples; a click shows one in full.
fn samples_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared, view: &mut View, finding: &Finding) {
    let dataset = Arc::clone(&prepared.dataset);
    let is_drawn = dataset.input.is_drawn();
    ui.horizontal_wrapped(|ui| {
        for &sample in finding.samples.iter().take(SHOWN) {
            let origin = dataset.origins.get(sample as usize).cloned().unwrap_or_else(|| format!("{}", sample + 1));
            let name = format!("Sample {}, {}", sample + 1, super::samples::label_of(&dataset, sample));
            let response = if is_drawn {
                sample_image(ui, cx.samples, &dataset, sample, PICTURE, &name)
            } else {
                ui.link(mono(&origin))
            };
            if response.on_hover_text(format!("{origin}\n{name}")).clicked() {
                view.selected = Some(sample);
            }
        }
        let more = finding.samples.len().saturating_sub(SHOWN);
        if more > 0 {
            let text = weak(ui, format!("and {} more", format::count(more as u64)));
            ui.label(text);
        }
    });
}

/// What could not be read.
fn read_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, problems: &[Problem]) {
    card_filled(ui, |ui| {
        headline(ui, "Reading", &format::count(problems.len() as u64), "left out or changed");
        ui.horizontal(|ui| {
            let text = weak(ui, "Everything else was read. Mend the files and read the data again.");
            ui.label(text);
            if secondary_button(ui, icons::EXPORT, "Write the list…").clicked() {
                let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                cx.ask(Request::SaveFile {
                    name: "findings.txt".to_owned(),
                    content: (lines.join("\n") + "\n").into_bytes(),
                });
            }
        });
        ui.spacing_mut().item_spacing.y = 0.0;
        ScrollArea::vertical().auto_shrink([false, false]).show_rows(ui, ROW, problems.len(), |ui, range| {
            for problem in problems.get(range).unwrap_or(&[]) {
                row_ui(ui, cx, problem);
            }
        });
    });
}

/// A row of the left panel: how much was found. A click leads there.
pub(super) fn count_ui(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    use crate::gui::widgets::{RowButton, selectable_row};
    let Some(found) = cx.session.findings() else { return };
    let found: Vec<&Finding> = found.iter().filter(|finding| !cx.session.is_mended(finding)).collect();
    let value = format::count(found.len() as u64);
    let color = found.first().map(|finding| cx.theme.severity(finding.check.severity()));
    let icon = if found.is_empty() { icons::OK } else { icons::REPAIR };
    let row = RowButton { icon, title: "Findings", value: &value, value_color: color, ..RowButton::default() };
    if selectable_row(ui, &row).on_hover_text("What the doctor found in the data, with repairs.").clicked() {
        cx.ask(Request::ShowTab(Step::Data, "problems"));
    }
}

fn row_ui(ui: &mut Ui, cx: &PanelContext<'_>, problem: &Problem) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, problem.to_string()));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(rect.shrink2(vec2(4.0, 2.0))).layout(layout));
    ui.label(
        RichText::new(severity_icon(problem.severity)).size(size::ICON).color(cx.theme.severity(problem.severity)),
    );
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let place = match &problem.place {
            Place::File { path, row: None } => path.display().to_string(),
            Place::File { path, row: Some(row) } => format!("{}, row {row}", path.display()),
            place => place.to_string(),
        };
        ui.add(Label::new(mono(place)).truncate());
        ui.add(Label::new(RichText::new(&problem.message).color(cx.theme.weak)).truncate());
    });
    response.on_hover_ui(|ui| {
        ui.label(&problem.message);
        if !problem.hint.is_empty() {
            ui.label(&problem.hint);
        }
    });
}
