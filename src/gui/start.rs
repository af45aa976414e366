//! The start page, shown while no project is open: the ready project, new and open, recent ones, and what can be recovered.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{
    Align, ColorImage, Frame, Layout, Margin, Rect, RichText, ScrollArea, TextureHandle, TextureOptions, Ui, vec2,
};

use crate::data::{Dataset, Features, embedded};
use crate::session::{Command, Session};

use super::commands::{Act, WindowAct};
use super::dialogs::Ask;
use super::icons;
use super::theme::{Theme, size};
use super::widgets::{
    RowButton, card, faint, primary_button, secondary_button, section_title, selectable_row, semibold, weak,
};

/// Digits in a row and rows of the picture on the ready project's card.
const COLLAGE: [usize; 2] = [22, 8];

/// The start page's pictures and what it found out about files.
#[derive(Default)]
pub struct Start {
    digits: Option<Arc<Dataset>>,
    collage: Option<(bool, TextureHandle)>,
    recent: Vec<Recent>,
}

/// A project that was open lately.
#[derive(Debug, Clone, PartialEq)]
struct Recent {
    path: PathBuf,
    is_there: bool,
}

impl Start {
    /// Looks which recent projects are still there, and reads the picture's digits. Outside drawing.
    pub fn logic(&mut self, session: &Session) {
        let is_new = !self.recent.iter().map(|recent| &recent.path).eq(session.recent());
        if is_new {
            let look = |path: &PathBuf| Recent { path: path.clone(), is_there: path.exists() };
            self.recent = session.recent().iter().map(look).collect();
        }
        if self.digits.is_none() {
            self.digits = embedded::read("digits").ok().map(Arc::new);
        }
    }

    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, session: &Session, acts: &mut Vec<Act>) {
        let theme = Theme::of(ui.ctx());
        let frame = Frame::new().fill(theme.app).inner_margin(Margin::same(24));
        egui::CentralPanel::default().frame(frame).show(ui, |ui| {
            ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
                let width = ui.available_width().min(920.0);
                let space = ((ui.available_height() - 560.0) / 2.0).max(0.0);
                ui.vertical_centered(|ui| {
                    ui.add_space(space);
                    ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                        ui.set_width(width);
                        self.content_ui(ui, session, acts);
                    });
                });
            });
        });
    }

    fn content_ui(&mut self, ui: &mut Ui, session: &Session, acts: &mut Vec<Act>) {
        let theme = Theme::of(ui.ctx());
        ui.horizontal(|ui| {
            ui.label(RichText::new(icons::MARK).size(32.0).color(theme.accent));
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                ui.label(semibold("Layerbench", 20.0));
                let text = weak(ui, "Import data, design a network, train it, judge it, use it.");
                ui.label(text);
            });
        });
        ui.add_space(size::PAD);
        recovery_ui(ui, session, acts);
        let width = ui.available_width();
        if width < 640.0 {
            self.example_ui(ui, acts);
            self.projects_ui(ui, acts);
            return;
        }
        let gap = 16.0;
        let left = (width - gap) * 0.54;
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            ui.allocate_ui_with_layout(vec2(left, 0.0), Layout::top_down(Align::Min), |ui| {
                ui.set_width(left);
                self.example_ui(ui, acts);
            });
            let right = width - gap - left;
            ui.allocate_ui_with_layout(vec2(right, 0.0), Layout::top_down(Align::Min), |ui| {
                ui.set_width(right);
                self.projects_ui(ui, acts);
            });
        });
    }

    fn example_ui(&mut self, ui: &mut Ui, acts: &mut Vec<Act>) {
        section_title(ui, "Ready to try");
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            self.collage_ui(ui);
            ui.add_space(size::TIGHT);
            ui.label(semibold("Handwritten digits", size::HEADLINE));
            let text = weak(
                ui,
                "1,797 images of 8 x 8 pixels in ten classes, with a small convolutional network. It trains in seconds, \
                 and you can draw your own digits for it to read.",
            );
            ui.add(egui::Label::new(text).wrap());
            ui.add_space(size::TIGHT);
            if primary_button(ui, icons::PLAY, "Open the digits").clicked() {
                acts.push(Act::Session(Command::OpenExample));
            }
            let origin = faint(ui, "UCI optical recognition of handwritten digits, CC BY 4.0");
            ui.label(origin);
        });
    }

    fn collage_ui(&mut self, ui: &mut Ui) {
        let theme = Theme::of(ui.ctx());
        let Some(digits) = &self.digits else { return };
        if self.collage.as_ref().is_none_or(|(is_dark, _)| *is_dark != theme.is_dark) {
            let image = collage(digits, &theme);
            let texture = ui.ctx().load_texture("digits", image, TextureOptions::NEAREST);
            self.collage = Some((theme.is_dark, texture));
        }
        let Some((_, texture)) = &self.collage else { return };
        let [columns, rows] = texture.size();
        let width = ui.available_width();
        let (rect, response) =
            ui.allocate_exact_size(vec2(width, width * rows as f32 / columns as f32), egui::Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, "Handwritten digits"));
        let shown = Rect::from_min_size(rect.min, rect.size());
        egui::Image::from_texture((texture.id(), shown.size())).corner_radius(size::TIGHT).paint_at(ui, shown);
    }

    fn projects_ui(&self, ui: &mut Ui, acts: &mut Vec<Act>) {
        let theme = Theme::of(ui.ctx());
        let shortcut = |key| egui::KeyboardShortcut::new(egui::Modifiers::COMMAND, key);
        section_title(ui, "Your projects");
        card(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = size::TIGHT;
            let new = RowButton {
                icon: icons::NEW,
                title: "New from your data…",
                aside: "Images, texts, recordings, a table, or a time series",
                value: &ui.ctx().format_shortcut(&shortcut(egui::Key::N)),
                value_color: Some(theme.weak),
                ..RowButton::default()
            };
            if selectable_row(ui, &new).clicked() {
                acts.push(Act::Window(WindowAct::NewProject));
            }
            let open = RowButton {
                icon: icons::OPEN,
                title: "Open…",
                aside: "A .layerbench file",
                value: &ui.ctx().format_shortcut(&shortcut(egui::Key::O)),
                value_color: Some(theme.weak),
                ..RowButton::default()
            };
            if selectable_row(ui, &open).clicked() {
                acts.push(Act::Ask(Ask::OpenProject));
            }
        });
        ui.add_space(size::TIGHT);
        section_title(ui, "Recent");
        if self.recent.is_empty() {
            let text = weak(ui, "Projects that you open will be listed here.");
            ui.label(text);
        }
        ui.spacing_mut().item_spacing.y = 2.0;
        for recent in self.recent.iter().take(8) {
            recent_ui(ui, recent, acts);
        }
    }
}

fn recent_ui(ui: &mut Ui, recent: &Recent, acts: &mut Vec<Act>) {
    let name = recent.path.file_stem().unwrap_or(recent.path.as_os_str()).to_string_lossy().into_owned();
    let folder = recent.path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let aside = if recent.is_there { folder } else { format!("not found in {folder}") };
    let row = RowButton { icon: icons::FILE, title: &name, aside: &aside, ..RowButton::default() };
    let response = ui.add_enabled_ui(recent.is_there, |ui| selectable_row(ui, &row)).inner;
    if response.on_hover_text(recent.path.display().to_string()).clicked() {
        acts.push(Act::Session(Command::Open(recent.path.clone())));
    }
}

fn recovery_ui(ui: &mut Ui, session: &Session, acts: &mut Vec<Act>) {
    let theme = Theme::of(ui.ctx());
    for (path, when) in session.recoverable() {
        card(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(RichText::new(icons::WARNING).size(20.0).color(theme.warn));
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                    ui.label(semibold(format!("{name} was not closed properly"), size::BODY));
                    let age = when.elapsed().map_or(0, |age| age.as_secs());
                    let text = weak(ui, format!("It has changes from {} that are not in its file.", age_words(age)));
                    ui.label(text);
                });
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if primary_button(ui, "", "Recover").clicked() {
                        acts.push(Act::Session(Command::Recover(path.clone())));
                    }
                    if secondary_button(ui, "", "Open the file as it is").clicked() {
                        acts.push(Act::Session(Command::Open(path.clone())));
                    }
                });
            });
        });
    }
}

fn age_words(seconds: u64) -> String {
    match seconds {
        0..=89 => "a minute ago".to_owned(),
        90..=5399 => format!("{} minutes ago", (seconds + 30) / 60),
        5400..=129_599 => format!("{} hours ago", (seconds + 1800) / 3600),
        _ => format!("{} days ago", (seconds + 43_200) / 86_400),
    }
}

/// Digits in rows, drawn in the theme's own ink.
fn collage(digits: &Dataset, theme: &Theme) -> ColorImage {
    let [columns, rows] = COLLAGE;
    let side = digits.dims.0.last().copied().unwrap_or(8);
    let cell = side + 2;
    let mut image = ColorImage::filled([columns * cell, rows * cell], theme.app);
    let Features::Bytes(bytes) = &digits.features else { return image };
    let width = image.size[0];
    for position in 0..columns * rows {
        let (left, top) = (position % columns * cell + 1, position / columns * cell + 1);
        for (place, &ink) in bytes.iter().skip(position * side * side).take(side * side).enumerate() {
            let (row, column) = (top + place / side, left + place % side);
            if let Some(pixel) = image.pixels.get_mut(row * width + column) {
                *pixel = theme.tint(theme.app, theme.text, f32::from(ink) / 255.0 * 0.92);
            }
        }
    }
    image
}

/// A path that is typed where the system has no file dialog. Gives the path once it is confirmed.
pub fn typed_path_ui(ctx: &egui::Context, typed: &mut Option<super::dialogs::TypedPath>) -> Option<(Ask, PathBuf)> {
    let mut is_done = false;
    let mut is_closed = false;
    let entry = typed.as_mut()?;
    let frame = Frame::window(&ctx.global_style()).inner_margin(20.0);
    let modal = egui::Modal::new(egui::Id::new("typed path")).frame(frame).show(ctx, |ui| {
        ui.set_width(460.0_f32.min(ctx.content_rect().width() - 64.0));
        ui.label(semibold(entry.ask.title(), size::HEADLINE));
        let text = weak(ui, "This system has no file dialog. Type the whole path, or drop the file onto the window.");
        ui.add(egui::Label::new(text).wrap());
        let field = ui.add(egui::TextEdit::singleline(&mut entry.text).desired_width(f32::INFINITY));
        field.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, "Path"));
        if ui.memory(|memory| memory.focused().is_none()) && !field.lost_focus() {
            field.request_focus();
        }
        ui.horizontal(|ui| {
            let by_key = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            is_done = (primary_button(ui, "", "OK").clicked() || by_key) && !entry.text.trim().is_empty();
            is_closed = secondary_button(ui, "", "Cancel").clicked();
        });
    });
    if is_done {
        return typed.take().map(|entry| (entry.ask, PathBuf::from(entry.text.trim())));
    }
    if is_closed || modal.should_close() {
        *typed = None;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_people_say_them() {
        assert_eq!(age_words(20), "a minute ago");
        assert_eq!(age_words(600), "10 minutes ago");
        assert_eq!(age_words(7200), "2 hours ago");
        assert_eq!(age_words(3 * 86_400), "3 days ago");
    }

    #[test]
    fn the_picture_shows_ink_on_the_themes_ground() {
        let digits = embedded::read("digits").unwrap();
        for theme in [Theme::dark(), Theme::light()] {
            let image = collage(&digits, &theme);
            assert_eq!(image.size, [COLLAGE[0] * 10, COLLAGE[1] * 10]);
            assert_eq!(image.pixels[0], theme.app, "a margin around each digit");
            let inked = image.pixels.iter().filter(|pixel| **pixel != theme.app).count();
            assert!(inked > image.pixels.len() / 8, "{inked} pixels with ink");
        }
    }
}
