//! The right side of the Data step: the selected sample, then the settings of import, split and scaling, then the data's card.

use egui::Ui;

use crate::base::{Choice as _, format};
use crate::data::split::{Method, groups};
use crate::data::{DataConfig, InputKind, Normalization, Part, Prepared, Source, importers};
use crate::gui::form::{Form, combo_box, label_ui, leave_room_for_label, row, style_box};
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::size;
use crate::gui::widgets::samples::sample_image;
use crate::gui::widgets::{icon_button, key_value, secondary_button, section_title, weak};
use crate::project::{Edit, Step};
use crate::session::{Command, Input};

use super::samples::label_of;
use super::view::View;

pub(super) fn settings_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, view: &mut View) {
    let Some(project) = cx.session.project().cloned() else { return };
    let prepared = cx.session.prepared().cloned();
    if let Some(prepared) = &prepared {
        sample_ui(ui, cx, prepared, view);
    }
    let Some(config) = &project.data else {
        section_title(ui, "Data");
        let text = weak(ui, "Settings of the import, the split and the scaling will stand here.");
        ui.add(egui::Label::new(text).wrap());
        return;
    };
    import_ui(ui, cx, config, view);
    split_ui(ui, cx, config, prepared.as_deref());
    scaling_ui(ui, cx, config);
    if let Some(prepared) = &prepared {
        card_ui(ui, prepared, view);
    }
}

fn sample_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared, view: &mut View) {
    let Some(sample) = view.selected.filter(|sample| (*sample as usize) < prepared.dataset.len()) else { return };
    let dataset = &prepared.dataset;
    ui.horizontal(|ui| {
        section_title(ui, &format!("Sample {}", format::count(u64::from(sample) + 1)));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button(ui, icons::CLOSE, "Deselect").clicked() {
                view.selected = None;
            }
        });
    });
    if dataset.input.is_drawn() {
        ui.vertical_centered(|ui| sample_image(ui, cx.samples, dataset, sample, 160.0, "The selected sample"));
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    key_value(ui, &dataset.target, &label_of(dataset, sample));
    let part = match view.part_of(sample) {
        Some(Part::Train) => "training",
        Some(Part::Validation) => "validation",
        Some(Part::Test) => "test",
        None => "none, it lies across a border",
    };
    if let Some(text) = dataset.text(sample as usize) {
        let scroll = egui::ScrollArea::vertical().id_salt("text").max_height(180.0);
        scroll.show(ui, |ui| ui.add(egui::Label::new(text).wrap()));
        ui.add_space(size::GAP);
    }
    key_value(ui, "Part", part);
    if let Some(origin) = dataset.origins.get(sample as usize) {
        key_value(ui, "From", origin).on_hover_text(origin);
    }
    if matches!(dataset.input, InputKind::Table { .. }) {
        let values = dataset.sample(sample as usize);
        for column in view.columns.iter().take(24) {
            key_value(ui, &column.name, column.text(&values).as_deref().unwrap_or("missing"));
        }
    }
    ui.spacing_mut().item_spacing.y = size::GAP;
    if cx.session.selected_run().is_some() && secondary_button(ui, icons::PREDICT, "Predict this sample").clicked() {
        cx.send(Command::Predict(Input::Sample(sample)));
        cx.send(Command::Show(Step::Predict));
    }
    ui.separator();
}

fn import_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, config: &DataConfig, view: &mut View) {
    section_title(ui, "Import");
    ui.spacing_mut().item_spacing.y = 0.0;
    match &config.source {
        Source::Embedded(name) => {
            key_value(ui, "Source", &format!("{name}, in Layerbench"));
        }
        Source::Path(path) => {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            key_value(ui, "Source", &name).on_hover_text(path.display().to_string());
            format_ui(ui, cx, config);
        }
    }
    let lists = [("target", targets(cx.session.prepared().map(AsRef::as_ref), config, view))];
    if let Some(options) = view.options_of(config) {
        let theme = std::sync::Arc::clone(&cx.theme);
        let lists = if lists[0].1.is_empty() { &[][..] } else { &lists[..] };
        Form::new(&theme).lists(lists).show(ui, options);
        // Reading the data again waits until the value is let go or the text is left.
        let is_settled = !ui.input(|input| input.pointer.any_down()) && !ui.ctx().text_edit_focused();
        let values = options.values();
        if is_settled && view.are_new(&values) {
            cx.send(Command::Import(Box::new(DataConfig { options: values, ..config.clone() })));
        }
    }
    ui.spacing_mut().item_spacing.y = size::GAP;
    ui.add_space(size::TIGHT);
    ui.separator();
}

/// The columns that a table could predict, as values of its importer's option and as shown. Empty where there is no table.
fn targets(prepared: Option<&Prepared>, config: &DataConfig, view: &View) -> Vec<(String, String)> {
    let Some(dataset) = prepared.map(|prepared| &prepared.dataset) else { return Vec::new() };
    if !matches!(dataset.input, InputKind::Table { .. }) {
        return Vec::new();
    }
    let chosen = config.options.get("target").and_then(|value| value.as_str()).unwrap_or_default();
    let by_itself =
        if chosen.is_empty() { format!("{} (found)", dataset.target) } else { "Found by itself".to_owned() };
    let names = view.columns.iter().map(|column| &column.name).chain([&dataset.target]);
    let mut list = vec![(String::new(), by_itself)];
    list.extend(names.map(|name| (name.clone(), name.clone())));
    list
}

fn format_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, config: &DataConfig) {
    let theme = std::sync::Arc::clone(&cx.theme);
    let present = importers::by_id(&config.format).map_or("found out", |importer| importer.label());
    row(ui, size::EDIT_ROW + 4.0, |ui| {
        ui.scope(|ui| {
            style_box(ui, &theme);
            leave_room_for_label(ui, "Format");
            combo_box("format", present, &theme).show_ui(ui, |ui| {
                for importer in importers::all() {
                    let is_present = importer.id() == config.format;
                    let label = ui.selectable_label(is_present, importer.label()).on_hover_text(importer.help());
                    if label.clicked() && !is_present {
                        let format = importer.id().to_owned();
                        let changed = DataConfig { format, options: serde_json::Map::new(), ..config.clone() };
                        cx.send(Command::Import(Box::new(changed)));
                    }
                }
            });
        });
        label_ui(ui, "Format", theme.weak);
    });
}

fn split_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, config: &DataConfig, prepared: Option<&Prepared>) {
    section_title(ui, "Split");
    let mut split = config.split.clone();
    let theme = std::sync::Arc::clone(&cx.theme);
    ui.spacing_mut().item_spacing.y = 0.0;
    // A table offers its columns; file names are grouped by a pattern that is written.
    let columns = prepared.map(|prepared| groups::columns(&prepared.dataset)).unwrap_or_default();
    let nothing = match split.method {
        Method::Groups => "choose a column",
        _ => "order of the file",
    };
    let none = (String::new(), nothing.to_owned());
    let lists =
        [("by", std::iter::once(none).chain(columns.iter().map(|name| (name.clone(), name.clone()))).collect())];
    let lists = if columns.is_empty() { &[][..] } else { &lists[..] };
    if Form::new(&theme).lists(lists).show(ui, &mut split) && split != config.split {
        cx.send(Command::Edit(Edit::SetSplit(split)));
    }
    ui.spacing_mut().item_spacing.y = size::GAP;
    ui.add_space(size::TIGHT);
    ui.separator();
}

fn scaling_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, config: &DataConfig) {
    section_title(ui, "Scaling");
    let theme = std::sync::Arc::clone(&cx.theme);
    row(ui, size::EDIT_ROW + 4.0, |ui| {
        ui.scope(|ui| {
            style_box(ui, &theme);
            let present = config.normalization;
            combo_box("scaling", present.label(), &theme).show_ui(ui, |ui| {
                for (value, option) in Normalization::ALL.iter().zip(present.options()) {
                    let label = ui.selectable_label(*value == present, option.label).on_hover_text(option.help);
                    if label.clicked() && *value != present {
                        cx.send(Command::Edit(Edit::SetNormalization(*value)));
                    }
                }
            });
        });
        let help = "Inputs of similar size make training quicker and steadier. Fitted on the training part alone.";
        label_ui(ui, "Inputs", theme.weak).on_hover_text(help);
    });
    ui.add_space(size::TIGHT);
    ui.separator();
}

fn card_ui(ui: &mut Ui, prepared: &Prepared, view: &View) {
    let dataset = &prepared.dataset;
    section_title(ui, "This data");
    ui.spacing_mut().item_spacing.y = 0.0;
    let count = |samples: usize| format::count(samples as u64);
    key_value(ui, "Samples", &count(dataset.len()));
    if dataset.classes.is_empty() {
        key_value(ui, "Target", &dataset.target);
    } else {
        key_value(ui, "Classes", &count(dataset.classes.len()));
    }
    if view.columns.is_empty() {
        key_value(ui, "Shape", &dataset.dims.to_string()).on_hover_text(dataset.input.axes());
        if let InputKind::Text(texts) = &dataset.input {
            key_value(ui, "Vocabulary", &count(texts.vocabulary.len()))
                .on_hover_text("Tokens of the training part that the network knows, with padding and unknown");
        }
        if let InputKind::Sound { sample_rate } = dataset.input {
            key_value(ui, "Sample rate", &format!("{} Hz", format::count(u64::from(sample_rate))));
        }
    } else {
        key_value(ui, "Columns", &count(view.columns.len()));
        key_value(ui, "Values a row", &count(dataset.dims.elements()))
            .on_hover_text("A category takes one value for each of its options");
    }
    key_value(ui, "Training", &count(prepared.split.train.len()));
    key_value(ui, "Validation", &count(prepared.split.validation.len()));
    key_value(ui, "Test", &count(prepared.split.test.len()));
    let bytes = match &dataset.features {
        crate::data::Features::Bytes(bytes) => bytes.len(),
        crate::data::Features::Floats(floats) => floats.len() * 4,
    };
    key_value(ui, "In memory", &format::bytes(bytes as u64));
    let short: String = dataset.fingerprint.chars().take(12).collect();
    key_value(ui, "Fingerprint", &short)
        .on_hover_text(format!("blake3 {}\nTwo imports of the same data have the same one.", dataset.fingerprint));
}
