//! The Data step: parts and classes on the left, samples, counts, columns and problems in the centre, settings on the right.

mod augment;
mod classes;
mod columns;
mod findings;
mod samples;
mod settings;
mod table;
mod view;

use egui::{Color32, RichText, Stroke, StrokeKind, Ui};

use crate::base::{Place, format};
use crate::data::{Part, Prepared, Task};
use crate::gui::icons;
use crate::gui::theme::size;
use crate::gui::widgets::masks::opacity_ui;
use crate::gui::widgets::{
    RowButton, advice_box, centered_row, page, primary_button, progress_bar, secondary_button, section_title,
    selectable_row, semibold, weak,
};
use crate::session::{Command, DataState, Session};

use super::{PanelContext, Request, StepPanel, Tab};

use view::View;

const TABS: &[Tab] = &[
    Tab { id: "samples", title: "Samples", icon: icons::IMAGES, help: "Every sample with its label." },
    Tab { id: "classes", title: "Classes", icon: icons::BARS, help: "How many samples of each class each part has." },
    Tab {
        id: "columns",
        title: "Values",
        icon: icons::SLIDERS,
        help: "Range, mean and gaps of each column or channel.",
    },
    Tab {
        id: "augment",
        title: "Augmentation",
        icon: icons::SHUFFLE,
        help: "Random changes of the training samples, and what samples look like then.",
    },
    Tab {
        id: "problems",
        title: "Findings",
        icon: icons::REPAIR,
        help: "What is wrong with the data, and what could not be read.",
    },
];

/// What the Data step shows.
#[derive(Default)]
pub struct DataPanel {
    view: View,
    augment: augment::Preview,
}

impl StepPanel for DataPanel {
    fn tabs(&self) -> &'static [Tab] {
        TABS
    }

    fn left_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        if let Some(prepared) = cx.session.prepared().cloned() {
            self.choices_ui(ui, cx, &prepared);
        } else {
            section_title(ui, "Data");
            let text = weak(ui, "No data yet.");
            ui.label(text);
        }
        ui.add_space(size::GAP);
        ui.separator();
        section_title(ui, "Import");
        import_buttons(ui, cx);
    }

    fn tab_ui(&mut self, tab: &str, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let Some(prepared) = cx.session.prepared().cloned() else {
            no_data_ui(ui, cx);
            return;
        };
        match tab {
            "classes" => classes::classes_ui(ui, cx, &prepared, &mut self.view),
            "columns" => columns::columns_ui(ui, cx, &prepared, &self.view),
            "augment" => augment::augment_ui(ui, cx, &prepared, &mut self.augment, self.view.selected),
            "problems" => findings::findings_ui(ui, cx, &prepared, &mut self.view),
            _ if prepared.dataset.input.is_drawn() => samples::gallery_ui(ui, cx, &prepared, &mut self.view),
            _ => table::table_ui(ui, cx, &prepared, &mut self.view),
        }
    }

    fn right_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        settings::settings_ui(ui, cx, &mut self.view);
    }

    fn go_to(&mut self, place: &Place, _: &Session) {
        if let Place::Data | Place::File { .. } = place {
            self.view.show_everything();
        }
    }

    fn command(&mut self, id: &str, cx: &mut PanelContext<'_>) {
        match id {
            "fit" => self.view.show_everything(),
            "find" => {
                self.view.wants_search = true;
                cx.ask(Request::ShowTab(crate::project::Step::Data, "samples"));
            }
            _ => {}
        }
    }

    fn logic(&mut self, session: &Session) {
        self.view.follow(session.prepared());
        self.augment.follow(session, self.view.selected);
    }
}

impl DataPanel {
    fn choices_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared) {
        let dataset = &prepared.dataset;
        section_title(ui, "Data");
        ui.add(egui::Label::new(RichText::new(format!("{}  {}", icons::DATA, dataset.name))).truncate());
        ui.add_space(size::TIGHT);
        section_title(ui, "Parts");
        ui.spacing_mut().item_spacing.y = 2.0;
        let parts = [
            (None, "All", dataset.len()),
            (Some(Part::Train), "Training", prepared.split.train.len()),
            (Some(Part::Validation), "Validation", prepared.split.validation.len()),
            (Some(Part::Test), "Test", prepared.split.test.len()),
        ];
        for (part, title, count) in parts {
            let value = format::count(count as u64);
            let row = RowButton { title, value: &value, is_selected: self.view.part == part, ..RowButton::default() };
            if selectable_row(ui, &row).on_hover_text(part_help(part)).clicked() {
                self.view.part = part;
            }
        }
        findings::count_ui(ui, cx);
        if dataset.classes.is_empty() {
            return;
        }
        ui.add_space(size::GAP);
        section_title(ui, &format!("Classes of {}", part_word(self.view.part)));
        classes::class_list_ui(ui, cx, prepared, &mut self.view);
        if dataset.task == Task::Segmentation {
            ui.add_space(size::TIGHT);
            opacity_ui(ui, cx.samples);
        }
    }
}

fn part_word(part: Option<Part>) -> &'static str {
    match part {
        None => "all parts",
        Some(Part::Train) => "training",
        Some(Part::Validation) => "validation",
        Some(Part::Test) => "test",
    }
}

fn part_help(part: Option<Part>) -> &'static str {
    match part {
        None => "Every sample.",
        Some(Part::Train) => "The network learns from these.",
        Some(Part::Validation) => "These are not learned from; they choose settings and the best epoch.",
        Some(Part::Test) => "These are looked at last, so that the result is honest.",
    }
}

fn import_buttons(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.spacing_mut().item_spacing.y = size::TIGHT;
    let rows = [
        (
            icons::FOLDER,
            "A folder…",
            "import_folder",
            "One sub-folder per class: images (PNG, JPEG, BMP, WebP, GIF, TIFF), texts (.txt) or recordings (WAV, FLAC, OGG, MP3). Or images with masks in two folders.",
        ),
        (
            icons::TABLE,
            "A file…",
            "import_file",
            "A table, texts with labels or a time series (CSV, TSV, JSON lines), or images in IDX format, also gzipped.",
        ),
    ];
    for (icon, title, command, help) in rows {
        if selectable_row(ui, &RowButton { icon, title, ..RowButton::default() }).on_hover_text(help).clicked() {
            cx.ask(Request::Run(command));
        }
    }
    if cx.session.project().is_some_and(|project| project.data.is_some()) {
        let row = RowButton { icon: icons::RELOAD, title: "Read again", ..RowButton::default() };
        if selectable_row(ui, &row).on_hover_text("Reads the same files again, after they have changed.").clicked() {
            cx.send(Command::Reload);
        }
    }
}

/// The centre while there is no data: it is being read, or could not be, or is still to be chosen.
fn no_data_ui(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    page(ui, |ui| match cx.session.data() {
        DataState::Importing { progress, since } => {
            ui.vertical_centered(|ui| {
                ui.add_space((ui.available_height() / 2.0 - 60.0).max(0.0));
                ui.label(semibold("Reading the data", size::HEADLINE));
                progress_bar(ui, progress.fraction(), 320.0);
                let (done, total) = progress.counts();
                let mut text = match total {
                    0 => format!("{} read", format::count(done)),
                    total => format!("{} of {}", format::count(done), format::count(total)),
                };
                if since.elapsed().as_secs() >= 2 {
                    text = format!("{text}, {}", format::clock(since.elapsed()));
                }
                let text = weak(ui, text);
                ui.label(text);
                if secondary_button(ui, icons::CLOSE, "Cancel").clicked() {
                    cx.send(Command::CancelImport);
                }
                // The counts are read from the job; nobody wakes the window for each file.
                ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
            });
        }
        DataState::Failed(problem) => {
            let text = match problem.hint.as_str() {
                "" => problem.message.clone(),
                hint => format!("{}. {hint}.", problem.message.trim_end_matches('.')),
            };
            // What was never read as this project's data can only be chosen again.
            let can_reload = cx.session.project().is_some_and(|project| project.data.is_some());
            if advice_box(ui, problem.severity, &text, can_reload.then_some("Read again")) {
                cx.send(Command::Reload);
            }
            drop_target_ui(ui, cx);
        }
        DataState::None | DataState::Ready(_) => drop_target_ui(ui, cx),
    });
}

fn drop_target_ui(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let theme = std::sync::Arc::clone(&cx.theme);
    let outer = ui.available_rect_before_wrap().shrink(size::PAD);
    ui.painter().rect_filled(outer, size::CARD_RADIUS, theme.panel);
    dashed_border(ui, outer, theme.faint);
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() / 2.0 - 110.0).max(size::PAD));
        ui.label(RichText::new(icons::IMPORT).size(40.0).color(theme.accent));
        ui.label(semibold("Drop your data here", 18.0));
        let text = weak(ui, "A folder with images, texts or recordings in one sub-folder per class, a table, a time series, or IDX files");
        ui.label(text);
        ui.add_space(size::GAP);
        centered_row(ui, "drop target", |ui| {
            if primary_button(ui, icons::FOLDER, "A folder…").clicked() {
                cx.ask(Request::Run("import_folder"));
            }
            if secondary_button(ui, icons::TABLE, "A file…").clicked() {
                cx.ask(Request::Run("import_file"));
            }
        });
        ui.add_space(size::TIGHT);
        let digits = ui.link("or use the handwritten digits that come with Layerbench");
        if digits.clicked() {
            cx.send(Command::Import(Box::default()));
        }
        if std::env::var_os("WAYLAND_DISPLAY").is_some() {
            let text =
                weak(ui, "Dropping does not work on every Wayland desktop; the buttons always do.").size(size::UNIT);
            ui.label(text);
        }
    });
}

fn dashed_border(ui: &Ui, rect: egui::Rect, color: Color32) {
    let stroke = Stroke::new(1.5, color);
    let corners = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
    ui.painter().extend(egui::Shape::dashed_line(&corners, stroke, 6.0, 5.0));
    // A hair of the plain border keeps the corners closed.
    ui.painter().rect_stroke(rect, size::TIGHT, Stroke::new(0.5, color.gamma_multiply(0.4)), StrokeKind::Inside);
}
