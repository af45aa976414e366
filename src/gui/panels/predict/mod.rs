//! The Predict step: an input (drawn, opened, filled in, or a sample), and what the network says to it.

mod answer;
mod drawing;
mod pad;
mod row_form;
mod text_form;
mod writer;

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Layout, RichText, ScrollArea, Sense, Stroke, TextureHandle, TextureOptions, Ui, Vec2, vec2};

use crate::base::format;
use crate::data::{Dataset, InputKind, Prepared, Task};
use crate::gui::icons;
use crate::gui::theme::size;
use crate::gui::widgets::samples::{paint_texture, picture};
use crate::gui::widgets::waves::paint_values;
use crate::gui::widgets::{
    RowButton, card_filled, empty_state, faint, headline, icon_button, key_value, page, secondary_button,
    section_title, selectable_row, semibold, weak,
};
use crate::project::Step;
use crate::session::{Command, Input, Prediction, Session};

use super::{PanelContext, Request, StepPanel, Tab};

use drawing::Style;
use pad::Pad;
use row_form::RowForm;
use text_form::TextForm;
use writer::Writer;

const TABS: &[Tab] =
    &[Tab { id: "predict", title: "Predict", icon: icons::PREDICT, help: "An input and what the network says." }];

/// Height of the strip of recent inputs.
const RECENT: f32 = 132.0;

/// What the Predict step shows.
pub struct PredictPanel {
    pad: Pad,
    form: RowForm,
    text: TextForm,
    writer: Writer,
    /// Whether the pad is shown instead of the last input.
    is_drawing: bool,
    by_probability: bool,
    /// Which of the recent predictions is shown, 0 the newest.
    shown: usize,
    /// How many predictions there were when it was chosen.
    known: usize,
    style: Option<Style>,
    style_of: Option<Arc<Prepared>>,
    pictures: HashMap<usize, TextureHandle>,
    random: u64,
}

impl Default for PredictPanel {
    fn default() -> Self {
        Self {
            pad: Pad::default(),
            form: RowForm::default(),
            text: TextForm::default(),
            writer: Writer::default(),
            is_drawing: true,
            by_probability: false,
            shown: 0,
            known: 0,
            style: None,
            style_of: None,
            pictures: HashMap::new(),
            random: 0x9E37_79B9_7F4A_7C15,
        }
    }
}

impl StepPanel for PredictPanel {
    fn tabs(&self) -> &'static [Tab] {
        TABS
    }

    fn left_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let Some(prepared) = cx.session.prepared().cloned() else {
            section_title(ui, "Inputs");
            let text = weak(ui, "There is no data yet.");
            ui.label(text);
            return;
        };
        if prepared.dataset.task == Task::LanguageModel {
            section_title(ui, "Write with");
            ui.spacing_mut().item_spacing.y = 2.0;
            runs_ui(ui, cx);
            return;
        }
        section_title(ui, "Inputs");
        ui.spacing_mut().item_spacing.y = 2.0;
        self.input_rows_ui(ui, cx, &prepared);
        ui.add_space(size::GAP);
        section_title(ui, "Many at once");
        let (title, command) = match prepared.dataset.input {
            InputKind::Image { .. } | InputKind::Sound { .. } => ("A folder to CSV…", "predict_folder"),
            InputKind::Table { .. } | InputKind::Text(_) | InputKind::Series { .. } => {
                ("A table to CSV…", "predict_table")
            }
        };
        let row = RowButton { icon: icons::EXPORT, title, ..RowButton::default() };
        let help = "Predicts every input and writes the answers with their probabilities.";
        let is_ready = cx.session.selected_run().is_some_and(|run| run.has_weights());
        let response = ui.add_enabled_ui(is_ready, |ui| selectable_row(ui, &row)).inner;
        if response.on_hover_text(help).clicked() {
            cx.ask(Request::Run(command));
        }
        ui.add_space(size::GAP);
        section_title(ui, "Predict with");
        if runs_ui(ui, cx)
            && let Some(shown) = cx.session.predictions().get(self.shown)
        {
            // The same input again, so that the answers of two runs can be compared.
            cx.send(Command::Predict(shown.input.clone()));
        }
    }

    fn tab_ui(&mut self, _tab: &str, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let Some(prepared) = cx.session.prepared().cloned() else {
            let text = "Import data and train a network; then it can be used here.";
            if empty_state(ui, icons::PREDICT, "Nothing to predict with yet", text, Some("Go to Data")) {
                cx.send(Command::Show(Step::Data));
            }
            return;
        };
        if !cx.session.selected_run().is_some_and(|run| run.has_weights()) {
            let text = "Train a network first. After its first epoch you can draw, open files or pick samples here.";
            if empty_state(ui, icons::PREDICT, "No trained network yet", text, Some("Go to Train")) {
                cx.send(Command::Show(Step::Train));
            }
            return;
        }
        if prepared.dataset.task == Task::LanguageModel {
            page(ui, |ui| self.writer.ui(ui, cx));
            return;
        }
        page(ui, |ui| {
            let area = ui.available_size();
            let gap = size::GAP;
            let half = ((area.x - gap) / 2.0).floor();
            // No higher than a square pad needs; what is left goes to the recent inputs.
            let top = (area.y - RECENT - gap).max(220.0).min(half + 40.0);
            ui.spacing_mut().item_spacing = vec2(gap, gap);
            ui.horizontal_top(|ui| {
                // Cards have margins of 12 inside and are as large as told.
                let inside = Layout::top_down(egui::Align::Min);
                ui.allocate_ui_with_layout(vec2(half, top), inside, |ui| {
                    ui.set_max_size(vec2(half, top));
                    self.input_ui(ui, cx, &prepared);
                });
                ui.allocate_ui_with_layout(vec2(area.x - gap - half, top), inside, |ui| {
                    ui.set_max_size(vec2(area.x - gap - half, top));
                    let session = cx.session;
                    let prediction = session.predictions().get(self.shown);
                    answer::answer_ui(ui, cx, &prepared.dataset, prediction, &mut self.by_probability);
                });
            });
            self.recent_ui(ui, cx, &prepared.dataset);
        });
    }

    fn right_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let Some(prepared) = cx.session.prepared().cloned() else { return };
        if prepared.dataset.task == Task::LanguageModel {
            self.writer.settings_ui(ui, cx);
            return;
        }
        let prediction = cx.session.predictions().get(self.shown);
        section_title(ui, "What the network sees");
        match (prediction, &prepared.dataset.input) {
            (Some(prediction), InputKind::Image { .. }) => {
                if let Some(texture) = self.picture(ui, &prepared.dataset, prediction) {
                    ui.vertical_centered(|ui| {
                        let (rect, response) = ui.allocate_exact_size(Vec2::splat(160.0), Sense::hover());
                        response.widget_info(|| {
                            egui::WidgetInfo::labeled(egui::WidgetType::Image, true, "What the network sees")
                        });
                        paint_texture(ui, &texture, rect);
                    });
                }
            }
            (Some(prediction), InputKind::Table { columns }) => {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (column, value) in columns.iter().zip(prediction.values.iter()).take(40) {
                    key_value(ui, &column.column, &format::number(f64::from(*value)));
                }
                ui.spacing_mut().item_spacing.y = size::GAP;
            }
            (Some(prediction), InputKind::Text(texts)) => {
                let text = weak(ui, texts.decode(&prediction.values));
                ui.add(egui::Label::new(text).wrap());
            }
            (Some(prediction), InputKind::Sound { .. } | InputKind::Series { .. }) => {
                let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 120.0), Sense::hover());
                response
                    .widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, "What the network sees"));
                paint_values(ui, &prepared.dataset, &prediction.values, rect);
            }
            (None, _) => {
                let text = weak(ui, "The input in the form of the data set, before scaling.");
                ui.add(egui::Label::new(text).wrap());
            }
        }
        ui.add_space(size::TIGHT);
        ui.separator();
        section_title(ui, "Input");
        ui.spacing_mut().item_spacing.y = 0.0;
        key_value(ui, "Shape", &prepared.dataset.dims.to_string());
        if let Some(prediction) = prediction {
            let from = match &prediction.input {
                Input::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                Input::Sample(sample) => format!("sample {}", format::count(u64::from(*sample) + 1)),
                Input::Values(_) if matches!(prepared.dataset.input, InputKind::Image { .. }) => "drawing".to_owned(),
                Input::Values(_) if matches!(prepared.dataset.input, InputKind::Text(_)) => "typed".to_owned(),
                Input::Values(_) => "form".to_owned(),
            };
            key_value(ui, "From", &from).on_hover_text(&from);
            key_value(ui, "Forward pass", &format!("{} ms", format::milliseconds(prediction.inference_ms)));
        }
        if let Some(style) = &self.style {
            ui.add_space(size::GAP);
            ui.separator();
            ui.add_space(size::GAP);
            section_title(ui, "Drawings");
            ui.add_space(size::TIGHT);
            let ink = if style.bright_ink { "bright on dark" } else { "dark on bright" };
            key_value(ui, "Ink", ink);
            key_value(ui, "Sign", &format!("{:.0} x {:.0} px", style.sign[0], style.sign[1]));
            key_value(ui, "Pen", &format!("{:.1} px", style.pen));
            ui.add_space(size::TIGHT);
            let text = faint(ui, "Found in the data set. A drawing is cut out, scaled and centred like its samples.");
            ui.add(egui::Label::new(text).wrap());
        }
    }

    fn logic(&mut self, session: &Session) {
        let count = session.predictions().len();
        if count != self.known {
            // The newest is shown as soon as it is there.
            if let Some(newest) = session.predictions().first() {
                self.is_drawing = matches!(newest.input, Input::Values(_)) && self.style.is_some();
            }
            self.known = count;
            self.shown = 0;
            self.pictures.clear();
        }
        let Some(prepared) = session.prepared() else { return };
        if self.style_of.as_ref().is_none_or(|known| !Arc::ptr_eq(known, prepared)) {
            // Nobody draws photos, so masks have none to draw over.
            let is_drawn = prepared.dataset.task != Task::Segmentation;
            self.style = is_drawn.then(|| Style::of(&prepared.dataset, &prepared.split.train)).flatten();
            self.style_of = Some(Arc::clone(prepared));
            let newest = session.predictions().first();
            let was_drawn = newest.is_none_or(|newest| matches!(newest.input, Input::Values(_)));
            self.is_drawing = was_drawn && self.style.is_some();
            self.pad.clear();
            if let Some(&first) = prepared.split.test.first().or(prepared.split.train.first()) {
                self.form.follow(&prepared.dataset, first);
            }
        }
    }
}

impl PredictPanel {
    fn input_rows_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared) {
        let is_ready = cx.session.selected_run().is_some_and(|run| run.has_weights());
        ui.add_enabled_ui(is_ready, |ui| {
            if self.style.is_some() {
                let row = RowButton {
                    icon: icons::DRAW,
                    title: "Draw",
                    is_selected: self.is_drawing && is_ready,
                    ..RowButton::default()
                };
                if selectable_row(ui, &row).clicked() {
                    self.is_drawing = true;
                }
            }
            let opened = match prepared.dataset.input {
                InputKind::Image { .. } => Some((icons::IMAGE, "Open an image…")),
                InputKind::Sound { .. } => Some((icons::FOLDER, "Open a recording…")),
                InputKind::Text(_) => Some((icons::FOLDER, "Open a text…")),
                InputKind::Series { .. } => Some((icons::TABLE, "Open a series…")),
                InputKind::Table { .. } => None,
            };
            if let Some((icon, title)) = opened {
                let row = RowButton { icon, title, ..RowButton::default() };
                if selectable_row(ui, &row).on_hover_text("Or drop it onto the window.").clicked() {
                    cx.ask(Request::Run("predict_file"));
                }
            }
            let title = if prepared.split.test.is_empty() { "A sample" } else { "A test sample" };
            let row = RowButton { icon: icons::SHUFFLE, title, ..RowButton::default() };
            let help = "Picks one at random, one that the network has not learned from.";
            if selectable_row(ui, &row).on_hover_text(help).clicked() {
                self.pick_sample(cx, prepared);
            }
        });
    }

    fn pick_sample(&mut self, cx: &mut PanelContext<'_>, prepared: &Prepared) {
        // xorshift: any sample will do, and no two in a row the same way.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let part = if prepared.split.test.is_empty() { &prepared.split.train } else { &prepared.split.test };
        let position = (self.random % part.len().max(1) as u64) as usize;
        if let Some(&sample) = part.get(position) {
            self.is_drawing = false;
            self.form.fill(&prepared.dataset.sample(sample as usize));
            self.text.fill(&prepared.dataset, sample);
            cx.send(Command::Predict(Input::Sample(sample)));
        }
    }

    fn input_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared) {
        card_filled(ui, |ui| match prepared.dataset.input {
            InputKind::Table { .. } => self.form_ui(ui, cx, prepared),
            InputKind::Image { .. } if self.is_drawing => self.pad_ui(ui, cx),
            InputKind::Text(_) => {
                if let Some(values) = self.text.ui(ui, &cx.theme, &prepared.dataset) {
                    cx.send(Command::Predict(Input::Values(values)));
                }
            }
            InputKind::Image { .. } | InputKind::Sound { .. } | InputKind::Series { .. } => {
                self.shown_input_ui(ui, cx, &prepared.dataset);
            }
        });
    }

    fn pad_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let Some(style) = self.style else { return };
        ui.horizontal(|ui| {
            ui.label(semibold("Draw", size::BODY));
            ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
                let has_ink = !self.pad.drawing.strokes.is_empty();
                ui.add_enabled_ui(has_ink, |ui| {
                    if secondary_button(ui, icons::ERASE, "Clear").clicked() {
                        self.pad.clear();
                    }
                    if icon_button(ui, icons::UNDO, "Take the last stroke back").clicked() {
                        self.pad.undo();
                        self.predict_drawing(cx, style);
                    }
                });
            });
        });
        let side = ui.available_width().min(ui.available_height()).floor();
        let pen = style.pen / style.size[1].max(1) as f32;
        ui.vertical_centered(|ui| {
            if self.pad.ui(ui, &cx.theme, side, pen.clamp(0.03, 0.12)) {
                self.predict_drawing(cx, style);
            }
        });
    }

    fn predict_drawing(&self, cx: &mut PanelContext<'_>, style: Style) {
        if let Some(values) = style.sample(&self.pad.drawing) {
            cx.send(Command::Predict(Input::Values(values)));
        }
    }

    fn shown_input_ui(&mut self, ui: &mut Ui, cx: &PanelContext<'_>, dataset: &Dataset) {
        headline(ui, "Input", "", "");
        let Some(prediction) = cx.session.predictions().get(self.shown) else {
            let (one, _) = dataset.input.nouns();
            let text = match dataset.input {
                InputKind::Image { .. } => "Drop an image here, open one, or pick a test sample.".to_owned(),
                _ => format!("Drop a file with a {one} here, open one, or pick a test sample."),
            };
            empty_state(ui, icons::IMAGE, "No input yet", &text, None);
            return;
        };
        if !matches!(dataset.input, InputKind::Image { .. }) {
            let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, "The input"));
            paint_values(ui, dataset, &prediction.values, rect);
            return;
        }
        let side = ui.available_width().min(ui.available_height()).floor();
        if let Some(texture) = self.picture(ui, dataset, prediction) {
            ui.vertical_centered(|ui| {
                let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
                response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, "The input"));
                paint_texture(ui, &texture, rect);
            });
        }
    }

    fn form_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared) {
        ui.horizontal(|ui| {
            ui.label(semibold("Row", size::BODY));
            ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
                if crate::gui::widgets::primary_button(ui, icons::PREDICT, "Predict").clicked() {
                    cx.send(Command::Predict(Input::Values(self.form.values())));
                }
                if secondary_button(ui, icons::SHUFFLE, "A test row").clicked() {
                    self.pick_sample(cx, prepared);
                }
            });
        });
        ui.spacing_mut().item_spacing.y = 0.0;
        let theme = Arc::clone(&cx.theme);
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            if self.form.ui(ui, &theme) {
                cx.send(Command::Predict(Input::Values(self.form.values())));
            }
        });
    }

    fn recent_ui(&mut self, ui: &mut Ui, cx: &PanelContext<'_>, dataset: &Dataset) {
        card_filled(ui, |ui| {
            let predictions = cx.session.predictions();
            headline(ui, "Recent inputs", "", "");
            if predictions.is_empty() {
                let text = weak(
                    ui,
                    "Every input with its answer is kept here until another run is chosen or the project closes.",
                );
                ui.label(text);
                return;
            }
            ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
                ui.horizontal_wrapped(|ui| {
                    for (position, prediction) in predictions.iter().enumerate().take(40) {
                        if self.tile_ui(ui, cx, dataset, prediction, position) {
                            self.shown = position;
                            self.is_drawing = false;
                        }
                    }
                });
            });
        });
    }

    fn tile_ui(
        &mut self,
        ui: &mut Ui,
        cx: &PanelContext<'_>,
        dataset: &Dataset,
        prediction: &Prediction,
        position: usize,
    ) -> bool {
        let answer = answer_text(dataset, prediction);
        let (rect, response) = ui.allocate_exact_size(vec2(56.0, 74.0), Sense::click());
        response.widget_info(|| {
            egui::WidgetInfo::labeled(
                egui::WidgetType::Button,
                true,
                format!("Recent input {}, {answer}", position + 1),
            )
        });
        if ui.is_rect_visible(rect) {
            let place = egui::Rect::from_min_size(rect.min + vec2(1.0, 1.0), Vec2::splat(54.0));
            if let Some(texture) = self.picture_at(ui, dataset, prediction, position) {
                paint_texture(ui, &texture, place);
            } else {
                paint_values(ui, dataset, &prediction.values, place);
            }
            if self.shown == position || response.hovered() || response.has_focus() {
                let color = if self.shown == position { cx.theme.accent } else { cx.theme.faint };
                ui.painter().rect_stroke(place, size::TIGHT, Stroke::new(1.5, color), egui::StrokeKind::Outside);
            }
            let middle = egui::pos2(rect.center().x, rect.bottom() - 8.0);
            let font = egui::FontId::proportional(size::ASIDE);
            let painter = ui.painter().with_clip_rect(rect);
            painter.text(middle, egui::Align2::CENTER_CENTER, &answer, font, cx.theme.text);
        }
        let sure = prediction.probabilities.iter().copied().fold(0.0, f32::max);
        let hover = if prediction.value.is_some() || prediction.mask.is_some() {
            answer
        } else {
            format!("{answer}, {}", answer::percent(sure))
        };
        response.on_hover_text(hover).clicked()
    }

    fn picture(&mut self, ui: &Ui, dataset: &Dataset, prediction: &Prediction) -> Option<TextureHandle> {
        self.picture_at(ui, dataset, prediction, self.shown)
    }

    fn picture_at(
        &mut self,
        ui: &Ui,
        dataset: &Dataset,
        prediction: &Prediction,
        position: usize,
    ) -> Option<TextureHandle> {
        if !matches!(dataset.input, InputKind::Image { .. }) {
            return None;
        }
        if let Some(texture) = self.pictures.get(&position) {
            return Some(texture.clone());
        }
        let image = picture(&prediction.values, &dataset.dims.0)?;
        let texture = ui.ctx().load_texture(format!("input {position}"), image, TextureOptions::NEAREST);
        self.pictures.insert(position, texture.clone());
        Some(texture)
    }
}

/// The runs to choose from; true when another one was chosen.
fn runs_ui(ui: &mut Ui, cx: &mut PanelContext<'_>) -> bool {
    let selected = cx.session.selected_run().map(|run| run.id.clone());
    if cx.session.runs().is_empty() {
        let text = weak(ui, "No run yet.");
        ui.label(text);
    }
    let mut chosen = None;
    for run in cx.session.runs().iter().rev().filter(|run| run.has_weights()).take(12) {
        let title = format!("run {}  {}", run.id.number(), run.record.name);
        let metrics = run.record.outcome.metrics.or_else(|| run.epochs.last().copied());
        let value = metrics
            .and_then(|metrics| {
                metrics.validation_accuracy.map(format::share).or(metrics.validation_loss.map(format::number))
            })
            .unwrap_or_default();
        let row = RowButton {
            dot: Some(cx.theme.run(run.id.number())),
            title: &title,
            value: &value,
            is_selected: selected.as_ref() == Some(&run.id),
            ..RowButton::default()
        };
        if selectable_row(ui, &row).clicked() {
            chosen = Some(run.id.clone());
        }
    }
    let is_other = chosen.as_ref().is_some_and(|run| selected.as_ref() != Some(run));
    if let Some(run) = chosen {
        cx.send(Command::SelectRun(run));
    }
    if cx.session.training().is_some() {
        ui.label(
            RichText::new("The run under way joins with its first checkpoint.").size(size::UNIT).color(cx.theme.weak),
        );
    }
    is_other
}

fn answer_text(dataset: &Dataset, prediction: &Prediction) -> String {
    if let Some(value) = prediction.value {
        return format::number(f64::from(value));
    }
    if prediction.mask.is_some() {
        // What an image shows most of, background aside.
        let shown = prediction.probabilities.iter().zip(&dataset.classes).skip(1).filter(|(share, _)| **share > 0.0);
        let most = shown.max_by(|a, b| a.0.total_cmp(b.0));
        let first = || dataset.classes.first().map_or_else(|| "?".to_owned(), Clone::clone);
        return most.map_or_else(first, |(_, name)| name.clone());
    }
    let best = prediction.probabilities.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.and_then(|(class, _)| dataset.classes.get(class)).map_or_else(|| "?".to_owned(), Clone::clone)
}
