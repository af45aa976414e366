//! The table of commands: menu, palette, shortcuts and help sheet are made from it.

mod table;

use egui::{Key, KeyboardShortcut};

use crate::session::{Command, Session};

use super::dialogs::Ask;

pub use table::TABLE;

/// One command.
pub struct CommandRecord {
    /// As in tests and [`crate::gui::panels::Request::Run`].
    pub id: &'static str,
    /// Menu and heading.
    pub group: Group,
    /// As shown.
    pub title: &'static str,
    /// One plain sentence.
    pub help: &'static str,
    /// The first is shown, all work.
    pub keys: &'static [KeyboardShortcut],
    /// Whether it can be done now.
    pub enabled: fn(&Session) -> bool,
    /// What it does.
    pub run: fn(&Session) -> Act,
}

/// Menus, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Projects and files.
    File,
    /// Changes.
    Edit,
    /// Steps and the window.
    View,
    /// Training, evaluation, prediction.
    Run,
    /// Explanations.
    Help,
}

impl Group {
    /// In order.
    pub const ALL: [Self; 5] = [Self::File, Self::Edit, Self::View, Self::Run, Self::Help];

    /// As shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::View => "View",
            Self::Run => "Run",
            Self::Help => "Help",
        }
    }
}

/// What a command or a panel wants done.
#[derive(Debug, Clone)]
pub enum Act {
    /// By the session.
    Session(Command),
    /// By a file dialog, and then with its answer.
    Ask(Ask),
    /// By the window.
    Window(WindowAct),
    /// By the panel of the present step, which knows what is selected.
    Panel(&'static str),
    /// Something failed in the window itself and is told.
    Tell(String),
}

/// What the window does itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WindowAct {
    /// Opens or closes the list of commands.
    Palette,
    /// Opens or closes the sheet of shortcuts.
    Help,
    /// Opens or closes the window's settings.
    Settings,
    /// Opens the form for a new project.
    NewProject,
    /// Changes between light and dark.
    SwitchTheme,
    /// Larger (1), smaller (-1) or as designed (0).
    Scale(i8),
    /// All of the screen, or a window again.
    Fullscreen,
    /// Shows or hides the left panel.
    LeftPanel,
    /// Shows or hides the right panel.
    RightPanel,
    /// Puts the tabs of this step back to where they were at first.
    ResetLayout,
    /// Saves the project and goes back to the start page.
    CloseProject,
    /// Ends the program.
    Quit,
}

/// The command of that id.
pub fn by_id(id: &str) -> Option<&'static CommandRecord> {
    TABLE.iter().find(|record| record.id == id)
}

/// The commands whose shortcuts were pressed in this frame. While text is edited, keys without Ctrl or Cmd and the keys of undo belong
/// to the text.
pub fn pressed(ctx: &egui::Context, session: &Session) -> Vec<Act> {
    let is_editing = ctx.text_edit_focused();
    let mut keys: Vec<(&CommandRecord, KeyboardShortcut)> =
        TABLE.iter().flat_map(|record| record.keys.iter().map(move |key| (record, *key))).collect();
    // egui lets Ctrl+S match when Ctrl+Shift+S is pressed: more modifiers first. Enabled first, since some share a key.
    keys.sort_by_key(|(record, key)| (!key.modifiers.shift && !key.modifiers.alt, !(record.enabled)(session)));
    let mut acts = Vec::new();
    for (record, key) in keys {
        let belongs_to_text = is_editing && (!key.modifiers.command || matches!(key.logical_key, Key::Z | Key::Y));
        if belongs_to_text || !ctx.input_mut(|input| input.consume_shortcut(&key)) {
            continue;
        }
        if (record.enabled)(session) {
            acts.push((record.run)(session));
        }
    }
    acts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn ids_are_unique_and_every_command_explains_itself() {
        let ids: BTreeSet<_> = TABLE.iter().map(|record| record.id).collect();
        assert_eq!(ids.len(), TABLE.len());
        for record in TABLE {
            assert!(record.help.ends_with('.'), "{}", record.id);
            assert!(record.title.chars().next().is_some_and(char::is_uppercase), "{}", record.id);
        }
    }

    #[test]
    fn only_start_pause_and_continue_share_a_key() {
        let mut seen: Vec<(KeyboardShortcut, &str)> = Vec::new();
        for record in TABLE {
            for key in record.keys {
                if let Some((_, other)) = seen.iter().find(|(known, _)| known == key) {
                    let of_training = ["train", "pause", "continue"];
                    assert!(
                        of_training.contains(&record.id) && of_training.contains(other),
                        "{other} and {}",
                        record.id
                    );
                }
                seen.push((*key, record.id));
            }
        }
    }

    #[test]
    fn without_a_project_only_what_makes_sense_is_enabled() {
        let session = Session::new(Arc::new(|| {}));
        let enabled: Vec<_> =
            TABLE.iter().filter(|record| (record.enabled)(&session)).map(|record| record.id).collect();
        for id in ["new", "open", "open_example", "palette", "settings", "help", "quit"] {
            assert!(enabled.contains(&id), "{id}");
        }
        for id in ["save", "undo", "train", "evaluate", "predict_file", "import_file"] {
            assert!(!enabled.contains(&id), "{id}");
        }
    }
}
