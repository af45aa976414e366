//! The form for a new project: a name, a place, and the data if it is at hand.

use std::path::PathBuf;

use egui::{Context, Id, Key, Modal, TextEdit, Ui};

use crate::session::Command;

use super::commands::Act;
use super::dialogs::Ask;
use super::icons;
use super::theme::{Theme, size};
use super::widgets::{faint, icon_button, mono, primary_button, secondary_button, semibold, weak};

/// The form; closed when the default.
#[derive(Default)]
pub struct NewProject {
    is_open: bool,
    name: String,
    folder: Option<PathBuf>,
    /// Where the data is.
    data: Option<PathBuf>,
    /// Puts the cursor into the name in the next frame.
    wants_focus: bool,
}

/// The name until someone types another, or chooses data.
const FIRST_NAME: &str = "my project";

impl NewProject {
    /// Opens the form, with data if something was dropped.
    pub fn open(&mut self, data: Option<PathBuf>) {
        *self = Self {
            is_open: true,
            name: FIRST_NAME.to_owned(),
            folder: default_folder(),
            data: None,
            wants_focus: true,
        };
        if let Some(data) = data {
            self.set_data(data);
        }
    }

    /// The data that the project reads first; a project that has no name of its own yet takes that of the data.
    pub fn set_data(&mut self, data: PathBuf) {
        if self.name == FIRST_NAME
            && let Some(name) = data.file_stem()
        {
            self.name = name.to_string_lossy().into_owned();
        }
        self.data = Some(data);
    }

    /// Whether it is shown.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Another place for the project's folder.
    pub fn set_folder(&mut self, folder: PathBuf) {
        self.folder = Some(folder);
    }

    /// Draws the form. Gives what is wanted: a dialog, or the project with its data to import.
    pub fn ui(&mut self, ctx: &Context, acts: &mut Vec<Act>) -> Option<PathBuf> {
        if !self.is_open {
            return None;
        }
        let theme = Theme::of(ctx);
        let frame = egui::Frame::window(&ctx.global_style()).inner_margin(20.0);
        let (mut create, mut by_key) = (false, false);
        let modal = Modal::new(Id::new("new project")).frame(frame).show(ctx, |ui| {
            ui.set_width(440.0_f32.min(ctx.content_rect().width() - 64.0));
            ui.label(semibold("New project", size::HEADLINE));
            ui.add_space(size::TIGHT);
            self.name_ui(ui);
            self.folder_ui(ui, acts);
            self.data_ui(ui, acts);
            ui.add_space(size::GAP);
            let fault = name_fault(&self.name).or_else(|| self.folder.is_none().then_some("Choose where it goes."));
            if let Some(fault) = fault {
                ui.label(egui::RichText::new(format!("{}  {fault}", icons::WARNING)).color(theme.warn));
            }
            ui.horizontal(|ui| {
                let button = ui.add_enabled_ui(fault.is_none(), |ui| primary_button(ui, "", "Create")).inner;
                // Enter on a button that has the focus presses that button.
                let is_free = ui.ctx().text_edit_focused() || ui.memory(|memory| memory.focused().is_none());
                by_key = fault.is_none() && is_free && ui.input(|input| input.key_pressed(Key::Enter));
                create = button.clicked();
                if secondary_button(ui, "", "Cancel").clicked() {
                    ui.close();
                }
            });
        });
        // A path may be typed in a window above this one; the key is meant for that then.
        create |= by_key && modal.is_top_modal;
        if create && let Some(place) = self.place() {
            acts.push(Act::Session(Command::New { folder: place, preset: None }));
            let data = self.data.take();
            *self = Self::default();
            return data;
        }
        if modal.should_close() {
            *self = Self::default();
        }
        None
    }

    fn name_ui(&mut self, ui: &mut Ui) {
        let label = weak(ui, "Name");
        let label = ui.label(label);
        let field = TextEdit::singleline(&mut self.name)
            .desired_width(f32::INFINITY)
            .char_limit(80)
            .margin(egui::Margin::symmetric(8, 6));
        let mut output = field.show(ui);
        let field = output.response.response.clone().labelled_by(label.id);
        if std::mem::take(&mut self.wants_focus) {
            field.request_focus();
            let end = egui::text::CCursor::new(self.name.chars().count());
            let all = egui::text::CCursorRange::two(egui::text::CCursor::default(), end);
            output.state.cursor.set_char_range(Some(all));
            output.state.store(ui.ctx(), field.id);
        }
    }

    fn folder_ui(&mut self, ui: &mut Ui, acts: &mut Vec<Act>) {
        let label = weak(ui, "Place");
        ui.label(label);
        ui.horizontal(|ui| {
            let place = self.place().map_or_else(|| "not chosen".to_owned(), |place| place.display().to_string());
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if secondary_button(ui, icons::FOLDER, "Change…").clicked() {
                    acts.push(Act::Ask(Ask::ProjectPlace));
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.add(egui::Label::new(mono(&place)).truncate()).on_hover_text(&place);
                });
            });
        });
    }

    fn data_ui(&mut self, ui: &mut Ui, acts: &mut Vec<Act>) {
        let label = weak(ui, "Data");
        ui.label(label);
        if let Some(data) = &self.data {
            let text = data.display().to_string();
            let mut is_removed = false;
            ui.horizontal(|ui| {
                ui.label(icons::DATA);
                ui.add(egui::Label::new(mono(&text)).truncate()).on_hover_text(&text);
                is_removed = icon_button(ui, icons::CLOSE, "Without this data").clicked();
            });
            if is_removed {
                self.data = None;
            }
            return;
        }
        ui.horizontal(|ui| {
            if secondary_button(ui, icons::FOLDER, "A folder…").clicked() {
                acts.push(Act::Ask(Ask::NewDataFolder));
            }
            if secondary_button(ui, icons::TABLE, "A file…").clicked() {
                acts.push(Act::Ask(Ask::NewDataFile));
            }
        });
        let aside = faint(ui, "Data can also be chosen or dropped later.");
        ui.label(aside);
    }

    fn place(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(self.name.trim()))
    }
}

/// Documents/Layerbench, or the home folder where a system has no documents.
fn default_folder() -> Option<PathBuf> {
    let folders = directories::UserDirs::new()?;
    Some(folders.document_dir().unwrap_or(folders.home_dir()).join("Layerbench"))
}

/// Why a name can't be that of a folder on every system.
fn name_fault(name: &str) -> Option<&'static str> {
    let name = name.trim();
    let stem = name.split('.').next().unwrap_or_default().to_uppercase();
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (stem.len() == 4
            && (stem.starts_with("COM") || stem.starts_with("LPT"))
            && stem.ends_with(|last: char| last.is_ascii_digit()));
    if name.is_empty() {
        Some("Give it a name.")
    } else if name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']) || name.contains(char::is_control) {
        Some("A name has none of / \\ : * ? \" < > |.")
    } else if name.ends_with('.') || name.starts_with('.') {
        Some("A name does not begin or end with a dot.")
    } else if is_device {
        Some("Windows keeps this name for a device. Choose another.")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fail_on_some_system_are_refused_with_the_reason() {
        for name in ["", "  ", "a/b", "a:b", "con", "aux.txt", "COM1", "end.", ".hidden", "tab\tname", "what?"] {
            assert!(name_fault(name).is_some(), "{name}");
        }
        for name in ["digits", "my project", "Blumen 2", "été", "console", "花", "v1.2"] {
            assert_eq!(name_fault(name), None, "{name}");
        }
    }

    #[test]
    fn dropped_data_gives_the_project_its_name() {
        let mut form = NewProject::default();
        form.open(Some(PathBuf::from("/data/flowers.csv")));
        assert_eq!(form.name, "flowers");
        assert!(form.is_open());
    }
}
