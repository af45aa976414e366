//! The random changes of training samples: what is on, its settings, and what samples look like then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Align2, CornerRadius, FontId, Rect, RichText, ScrollArea, Sense, Stroke, TextureHandle, Ui, vec2};

use crate::base::Severity;
use crate::data::augment::{Augmenter, Medium, Outside};
use crate::data::{Augmentation, Part, Prepared};
use crate::gui::form::{EDIT_ROW, Form, label_ui, row, switch};
use crate::gui::icons;
use crate::gui::panels::PanelContext;
use crate::gui::theme::{Theme, size};
use crate::gui::widgets::samples::{paint_sample, paint_texture, picture};
use crate::gui::widgets::waves::paint_values;
use crate::gui::widgets::{advice_box, capitalized, card_filled, empty_state, headline, page, section_title, weak};
use crate::project::{Edit, Project};
use crate::session::{Command, Session};

/// Width of the settings.
const SETTINGS: f32 = 280.0;
/// Samples that are shown, and epochs of each.
const SAMPLES: usize = 5;
const EPOCHS: usize = 6;
/// Time that a frame may spend on changing samples.
const BUDGET: Duration = Duration::from_millis(6);

/// Changed samples, made a few in each frame while they are in sight.
#[derive(Default)]
pub(super) struct Preview {
    made_for: Option<(Arc<Prepared>, Augmentation, u64, Option<u32>)>,
    augmenter: Option<Augmenter>,
    /// Rows of the picture.
    samples: Vec<u32>,
    /// Raw values by sample and epoch, as far as they are made.
    changed: Vec<Vec<f32>>,
    textures: Vec<Option<TextureHandle>>,
    is_seen: bool,
}

impl Preview {
    /// Goes on with what is in sight.
    pub(super) fn follow(&mut self, session: &Session, selected: Option<u32>) {
        if !std::mem::take(&mut self.is_seen) {
            return;
        }
        let (Some(prepared), Some(project)) = (session.prepared(), session.project()) else { return };
        let Some(config) = &project.data else { return };
        let selected = selected.filter(|sample| (*sample as usize) < prepared.dataset.len());
        let is_same = self.made_for.as_ref().is_some_and(|(data, steps, seed, sample)| {
            Arc::ptr_eq(data, prepared)
                && *steps == config.augmentation
                && *seed == project.train.seed
                && *sample == selected
        });
        if !is_same {
            let steps = &config.augmentation;
            self.made_for = Some((Arc::clone(prepared), steps.clone(), project.train.seed, selected));
            self.augmenter = Some(Augmenter::new(Arc::clone(prepared), steps, project.train.seed));
            let train = prepared.split.part(Part::Train).iter().copied().filter(|sample| Some(*sample) != selected);
            self.samples = selected.into_iter().chain(train).take(SAMPLES).collect();
            self.changed.clear();
            self.textures.clear();
        }
        let Some(augmenter) = &self.augmenter else { return };
        let start = Instant::now();
        while start.elapsed() < BUDGET {
            let next = self.changed.len();
            let Some(&sample) = self.samples.get(next / EPOCHS) else { return };
            self.changed.push(augmenter.sample(sample, next % EPOCHS).0);
        }
    }

    fn is_complete(&self) -> bool {
        self.made_for.is_some() && self.changed.len() >= self.samples.len() * EPOCHS
    }
}

pub(super) fn augment_ui(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    prepared: &Prepared,
    preview: &mut Preview,
    selected: Option<u32>,
) {
    let Some(project) = cx.session.project().cloned() else { return };
    if Medium::of(&prepared.dataset.input).is_none() {
        page(ui, |ui| {
            let text = "Random changes are for images, recordings, texts and series. Rows of a table stay as they are.";
            empty_state(ui, icons::SHUFFLE, "Nothing to change", text, None);
        });
        return;
    }
    preview.is_seen = true;
    page(ui, |ui| {
        ui.horizontal_top(|ui| {
            let height = ui.available_height();
            ui.allocate_ui_with_layout(vec2(SETTINGS, height), egui::Layout::top_down(egui::Align::Min), |ui| {
                ui.set_width(SETTINGS);
                ScrollArea::vertical().id_salt("steps").auto_shrink([false, false]).show(ui, |ui| {
                    ui.set_width(SETTINGS - 14.0);
                    settings_ui(ui, cx, prepared, &project);
                });
            });
            ui.vertical(|ui| card_filled(ui, |ui| samples_ui(ui, cx, prepared, preview, selected)));
        });
    });
    if !preview.is_complete() {
        ui.ctx().request_repaint();
    }
}

fn settings_ui(ui: &mut Ui, cx: &mut PanelContext<'_>, prepared: &Prepared, project: &Project) {
    let Some(config) = &project.data else { return };
    let theme = Arc::clone(&cx.theme);
    let mut steps = config.augmentation.clone();
    let (input, task) = (&prepared.dataset.input, prepared.dataset.task);
    section_title(ui, "Random changes");
    let text =
        weak(ui, "Training sees each sample a little different in each epoch. Validation and test stay as they are.");
    ui.add(egui::Label::new(text.size(size::ASIDE)).wrap());
    if let Some(problem) = steps.problems(input, task).first()
        && advice_box(ui, Severity::Warning, &capitalized(&problem.message), Some("Turn off"))
    {
        steps.steps.retain(|step| step.fits(input, task));
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    for (mut spec, was_on) in steps.offered(input, task) {
        ui.push_id(spec.id().to_owned(), |ui| {
            let mut is_on = was_on;
            let (label, help) = (spec.label().to_owned(), spec.help());
            row(ui, EDIT_ROW, |ui| {
                switch(ui, &theme, &label, &mut is_on).on_hover_text(help);
                let color = if is_on { theme.text } else { theme.weak };
                label_ui(ui, &label, color).on_hover_text(help);
            });
            let mut has_changed = is_on != was_on;
            if is_on {
                ui.indent("settings", |ui| has_changed |= Form::new(&theme).show(ui, &mut spec));
            }
            match (has_changed, is_on) {
                (true, true) => steps.put(spec),
                (true, false) => steps.remove(spec.id()),
                (false, _) => {}
            }
        });
    }
    if steps.has_border(input) {
        Form::new(&theme).show(ui, &mut Outside(&mut steps.border));
    }
    if steps != config.augmentation {
        cx.send(Command::Edit(Edit::SetAugmentation(Box::new(steps))));
    }
}

fn samples_ui(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    prepared: &Prepared,
    preview: &mut Preview,
    selected: Option<u32>,
) {
    headline(ui, "As training sees them", "", "");
    if preview.augmenter.as_ref().is_some_and(Augmenter::is_idle) {
        let text = weak(ui, "Nothing is changed yet. Turn something on at the left, and look here at what it does.");
        ui.label(text);
    } else if selected.is_none() {
        let text = weak(ui, "Choose a sample in Samples to see it here.");
        ui.label(text);
    }
    let gap = size::GAP;
    let room = ui.available_size();
    let rows = preview.samples.len().max(1);
    let side = ((room.x + gap) / (EPOCHS + 1) as f32 - gap)
        .min((room.y - 24.0 + gap) / rows as f32 - gap)
        .clamp(32.0, 200.0)
        .floor();
    let theme = Arc::clone(&cx.theme);
    ui.spacing_mut().item_spacing = vec2(gap, gap);
    ui.horizontal(|ui| {
        for column in 0..=EPOCHS {
            let (rect, _) = ui.allocate_exact_size(vec2(side, 16.0), Sense::hover());
            let text = if column == 0 { "as it is".to_owned() } else { format!("epoch {column}") };
            let font = FontId::proportional(size::UNIT);
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, font, theme.weak);
        }
    });
    for (place, sample) in preview.samples.clone().into_iter().enumerate() {
        ui.horizontal(|ui| {
            let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
            paint_sample(ui, cx.samples, &prepared.dataset, sample, rect);
            let stroke = Stroke::new(1.0, theme.line);
            ui.painter().rect_stroke(rect, CornerRadius::same(size::TIGHT as u8), stroke, egui::StrokeKind::Outside);
            response.on_hover_text(RichText::new(format!("Sample {}", sample + 1)));
            for epoch in 0..EPOCHS {
                let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
                let name = format!("Sample {} in epoch {}", sample + 1, epoch + 1);
                response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, &name));
                cell_ui(ui, &theme, prepared, preview, place * EPOCHS + epoch, rect);
            }
        });
    }
}

fn cell_ui(ui: &Ui, theme: &Theme, prepared: &Prepared, preview: &mut Preview, index: usize, rect: Rect) {
    let Some(values) = preview.changed.get(index) else {
        ui.painter().rect_filled(rect, size::TIGHT, theme.raised);
        return;
    };
    if preview.textures.len() <= index {
        preview.textures.resize(index + 1, None);
    }
    let Some(texture) = preview.textures.get_mut(index) else { return };
    if texture.is_none()
        && let (Some(Medium::Image), Some(image)) =
            (Medium::of(&prepared.dataset.input), picture(values, &prepared.dataset.dims.0))
    {
        *texture = Some(ui.ctx().load_texture(format!("changed {index}"), image, egui::TextureOptions::NEAREST));
    }
    match texture {
        Some(texture) => paint_texture(ui, texture, rect),
        None => paint_values(ui, &prepared.dataset, values, rect),
    }
}
