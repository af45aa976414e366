//! What could not be read, each with its place, its reason and what to do. Nothing is dropped silently.

use egui::{Label, RichText, ScrollArea, Sense, Ui, vec2};

use crate::base::{Place, Problem, format};
use crate::data::Prepared;
use crate::gui::icons;
use crate::gui::panels::{PanelContext, Request};
use crate::gui::theme::size;
use crate::gui::widgets::{card_filled, empty_state, headline, mono, page, secondary_button, severity_icon, weak};

const ROW: f32 = 44.0;

pub(super) fn findings_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared) {
    let problems = &prepared.dataset.problems;
    page(ui, |ui| {
        if problems.is_empty() {
            let text = "Every file and every row could be read.";
            empty_state(ui, icons::OK, "Nothing to mend", text, None);
            return;
        }
        card_filled(ui, |ui| {
            headline(ui, "Findings", &format::count(problems.len() as u64), "left out or changed");
            ui.horizontal(|ui| {
                let text = weak(ui, "Everything else was read. Mend the files and read the data again.");
                ui.label(text);
                if secondary_button(ui, icons::EXPORT, "Write the list…").clicked() {
                    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                    cx.ask(Request::SaveText { name: "findings.txt".to_owned(), text: lines.join("\n") + "\n" });
                }
            });
            ui.spacing_mut().item_spacing.y = 0.0;
            ScrollArea::vertical().auto_shrink([false, false]).show_rows(ui, ROW, problems.len(), |ui, range| {
                for problem in problems.get(range).unwrap_or(&[]) {
                    row_ui(ui, cx, problem);
                }
            });
        });
    });
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
