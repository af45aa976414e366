//! The table of commands: menu, palette, shortcuts and help sheet are made from it.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::data::Part;
use crate::project::Step;
use crate::session::{Command, Session, StepState};
use crate::train::Phase;

use super::dialogs::Ask;

/// One command.
pub struct CommandRecord {
    /// As in tests and [`super::panels::Request::Run`].
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

const fn command(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn command_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

fn always(_: &Session) -> bool {
    true
}

fn has_project(session: &Session) -> bool {
    session.project().is_some()
}

fn has_run(session: &Session) -> bool {
    session.selected_run().is_some()
}

fn step_is_open(session: &Session, step: Step) -> bool {
    has_project(session) && !matches!(session.step_state(step), StepState::Blocked(_))
}

fn neighbour(session: &Session, offset: isize) -> Option<Step> {
    let step = session.project()?.view.step;
    let position = Step::ALL.iter().position(|other| *other == step)?;
    Step::ALL.get(position.checked_add_signed(offset)?).copied()
}

fn show(step: Option<Step>) -> Act {
    Act::Session(Command::Show(step.unwrap_or_default()))
}

/// All commands, in the order of the menus.
pub const TABLE: &[CommandRecord] = &[
    CommandRecord {
        id: "new",
        group: Group::File,
        title: "New project…",
        help: "Makes a project folder, from your data or empty.",
        keys: &[command(Key::N)],
        enabled: always,
        run: |_| Act::Window(WindowAct::NewProject),
    },
    CommandRecord {
        id: "open",
        group: Group::File,
        title: "Open project…",
        help: "Opens a .layerbench file.",
        keys: &[command(Key::O)],
        enabled: always,
        run: |_| Act::Ask(Ask::OpenProject),
    },
    CommandRecord {
        id: "open_example",
        group: Group::File,
        title: "Open the digits example",
        help: "Opens the ready project with 1,797 handwritten digits, in your own folder so that you can change it.",
        keys: &[],
        enabled: always,
        run: |_| Act::Session(Command::OpenExample),
    },
    CommandRecord {
        id: "import_file",
        group: Group::File,
        title: "Import a file…",
        help: "Reads a table (CSV, TSV) or images in IDX format as this project's data.",
        keys: &[command_shift(Key::O)],
        enabled: has_project,
        run: |_| Act::Ask(Ask::ImportFile),
    },
    CommandRecord {
        id: "import_folder",
        group: Group::File,
        title: "Import a folder…",
        help: "Reads a folder with one sub-folder of images per class as this project's data.",
        keys: &[command_shift(Key::I)],
        enabled: has_project,
        run: |_| Act::Ask(Ask::ImportFolder),
    },
    CommandRecord {
        id: "save",
        group: Group::File,
        title: "Save",
        help: "Writes the project's file. Until then changes are kept for recovery.",
        keys: &[command(Key::S)],
        enabled: has_project,
        run: |_| Act::Session(Command::Save),
    },
    CommandRecord {
        id: "save_as",
        group: Group::File,
        title: "Save as…",
        help: "Copies the project with its runs to another folder and goes on there.",
        keys: &[command_shift(Key::S)],
        enabled: has_project,
        run: |_| Act::Ask(Ask::SaveAs),
    },
    CommandRecord {
        id: "close",
        group: Group::File,
        title: "Close project",
        help: "Saves the project and goes back to the start page.",
        keys: &[command(Key::W)],
        enabled: has_project,
        run: |_| Act::Window(WindowAct::CloseProject),
    },
    CommandRecord {
        id: "quit",
        group: Group::File,
        title: "Quit",
        help: "Saves and ends Layerbench.",
        keys: &[command(Key::Q)],
        enabled: always,
        run: |_| Act::Window(WindowAct::Quit),
    },
    CommandRecord {
        id: "undo",
        group: Group::Edit,
        title: "Undo",
        help: "Takes the last change of the project back.",
        keys: &[command(Key::Z)],
        enabled: |session| session.undo_labels().0.is_some(),
        run: |_| Act::Session(Command::Undo),
    },
    CommandRecord {
        id: "redo",
        group: Group::Edit,
        title: "Redo",
        help: "Brings back what undo took away.",
        keys: &[command_shift(Key::Z), command(Key::Y)],
        enabled: |session| session.undo_labels().1.is_some(),
        run: |_| Act::Session(Command::Redo),
    },
    CommandRecord {
        id: "duplicate",
        group: Group::Edit,
        title: "Duplicate",
        help: "Adds a copy of the selected layer behind it.",
        keys: &[command(Key::D)],
        enabled: has_project,
        run: |_| Act::Panel("duplicate"),
    },
    CommandRecord {
        id: "delete",
        group: Group::Edit,
        title: "Delete",
        help: "Removes what is selected: a layer, a run. Undo brings it back.",
        keys: &[plain(Key::Delete)],
        enabled: has_project,
        run: |_| Act::Panel("delete"),
    },
    CommandRecord {
        id: "find",
        group: Group::Edit,
        title: "Find",
        help: "Goes to the search field: of layers and networks, or of samples.",
        keys: &[command(Key::F)],
        enabled: can_find,
        run: |_| Act::Panel("find"),
    },
    CommandRecord {
        id: "step_data",
        group: Group::View,
        title: "Go to Data",
        help: "Import, look at and split the data.",
        keys: &[command(Key::Num1)],
        enabled: has_project,
        run: |_| show(Some(Step::Data)),
    },
    CommandRecord {
        id: "step_network",
        group: Group::View,
        title: "Go to Network",
        help: "Design the network.",
        keys: &[command(Key::Num2)],
        enabled: has_project,
        run: |_| show(Some(Step::Network)),
    },
    CommandRecord {
        id: "step_train",
        group: Group::View,
        title: "Go to Train",
        help: "Run the training and watch it.",
        keys: &[command(Key::Num3)],
        enabled: has_project,
        run: |_| show(Some(Step::Train)),
    },
    CommandRecord {
        id: "step_evaluate",
        group: Group::View,
        title: "Go to Evaluate",
        help: "Judge the trained network on data that it has not seen.",
        keys: &[command(Key::Num4)],
        enabled: has_project,
        run: |_| show(Some(Step::Evaluate)),
    },
    CommandRecord {
        id: "step_predict",
        group: Group::View,
        title: "Go to Predict",
        help: "Use the trained network on new inputs.",
        keys: &[command(Key::Num5)],
        enabled: has_project,
        run: |_| show(Some(Step::Predict)),
    },
    CommandRecord {
        id: "step_back",
        group: Group::View,
        title: "Previous step",
        help: "Goes one step back.",
        keys: &[command(Key::OpenBracket)],
        enabled: |session| neighbour(session, -1).is_some(),
        run: |session| show(neighbour(session, -1)),
    },
    CommandRecord {
        id: "step_next",
        group: Group::View,
        title: "Next step",
        help: "Goes one step on.",
        keys: &[command(Key::CloseBracket)],
        enabled: |session| neighbour(session, 1).is_some(),
        run: |session| show(neighbour(session, 1)),
    },
    CommandRecord {
        id: "fit",
        group: Group::View,
        title: "Fit the view",
        help: "Shows the whole network, the whole curve, the whole gallery.",
        keys: &[plain(Key::F)],
        enabled: has_project,
        run: |_| Act::Panel("fit"),
    },
    CommandRecord {
        id: "left_panel",
        group: Group::View,
        title: "Left panel",
        help: "Shows or hides the left panel.",
        keys: &[command_shift(Key::B)],
        enabled: has_project,
        run: |_| Act::Window(WindowAct::LeftPanel),
    },
    CommandRecord {
        id: "right_panel",
        group: Group::View,
        title: "Right panel",
        help: "Shows or hides the right panel.",
        keys: &[KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::ALT), Key::B)],
        enabled: has_project,
        run: |_| Act::Window(WindowAct::RightPanel),
    },
    CommandRecord {
        id: "reset_layout",
        group: Group::View,
        title: "Reset the layout",
        help: "Puts the tabs of this step back to where they were at first.",
        keys: &[],
        enabled: has_project,
        run: |_| Act::Window(WindowAct::ResetLayout),
    },
    CommandRecord {
        id: "theme",
        group: Group::View,
        title: "Light or dark",
        help: "Changes between the light and the dark theme.",
        keys: &[],
        enabled: always,
        run: |_| Act::Window(WindowAct::SwitchTheme),
    },
    CommandRecord {
        id: "larger",
        group: Group::View,
        title: "Larger",
        help: "Makes everything larger.",
        keys: &[command(Key::Plus), command(Key::Equals)],
        enabled: always,
        run: |_| Act::Window(WindowAct::Scale(1)),
    },
    CommandRecord {
        id: "smaller",
        group: Group::View,
        title: "Smaller",
        help: "Makes everything smaller.",
        keys: &[command(Key::Minus)],
        enabled: always,
        run: |_| Act::Window(WindowAct::Scale(-1)),
    },
    CommandRecord {
        id: "actual_size",
        group: Group::View,
        title: "Actual size",
        help: "Sets the scale back to 100 %.",
        keys: &[command(Key::Num0)],
        enabled: always,
        run: |_| Act::Window(WindowAct::Scale(0)),
    },
    CommandRecord {
        id: "fullscreen",
        group: Group::View,
        title: "Full screen",
        help: "Takes all of the screen, or goes back to a window.",
        keys: &[plain(Key::F11)],
        enabled: always,
        run: |_| Act::Window(WindowAct::Fullscreen),
    },
    CommandRecord {
        id: "settings",
        group: Group::View,
        title: "Settings…",
        help: "Theme, scale and the like.",
        keys: &[command(Key::Comma)],
        enabled: always,
        run: |_| Act::Window(WindowAct::Settings),
    },
    CommandRecord {
        id: "palette",
        group: Group::View,
        title: "Search commands…",
        help: "Finds every command by a few letters of its name.",
        keys: &[command(Key::K), command(Key::P), command_shift(Key::P)],
        enabled: always,
        run: |_| Act::Window(WindowAct::Palette),
    },
    CommandRecord {
        id: "train",
        group: Group::Run,
        title: "Start training",
        help: "Trains the present network with the present settings.",
        keys: &[command(Key::Enter)],
        enabled: |session| session.training().is_none() && step_is_open(session, Step::Train),
        run: |_| Act::Session(Command::Train),
    },
    CommandRecord {
        id: "pause",
        group: Group::Run,
        title: "Pause training",
        help: "Waits after the current step.",
        keys: &[command(Key::Enter)],
        enabled: |session| session.training().is_some_and(|run| run.phase == Phase::Running && !run.is_stopping),
        run: |_| Act::Session(Command::Pause),
    },
    CommandRecord {
        id: "continue",
        group: Group::Run,
        title: "Continue training",
        help: "Goes on with the paused run.",
        keys: &[command(Key::Enter)],
        enabled: |session| session.training().is_some_and(|run| run.phase == Phase::Paused && !run.is_stopping),
        run: |_| Act::Session(Command::Continue),
    },
    CommandRecord {
        id: "stop",
        group: Group::Run,
        title: "Stop training",
        help: "Ends after the current step, with a checkpoint from which the run can be resumed.",
        keys: &[command(Key::Period)],
        enabled: |session| session.training().is_some_and(|run| !run.is_stopping),
        run: |_| Act::Session(Command::Stop),
    },
    CommandRecord {
        id: "evaluate",
        group: Group::Run,
        title: "Evaluate on the test part",
        help: "Measures the selected run on samples that it has not seen.",
        keys: &[command(Key::E)],
        enabled: |session| has_run(session) && session.evaluating().is_none(),
        run: |_| Act::Session(Command::Evaluate(Part::Test)),
    },
    CommandRecord {
        id: "predict_file",
        group: Group::Run,
        title: "Predict a file…",
        help: "Opens an image or a table row and predicts it with the selected run.",
        keys: &[],
        enabled: has_run,
        run: |_| Act::Ask(Ask::PredictFile),
    },
    CommandRecord {
        id: "predict_folder",
        group: Group::Run,
        title: "Predict a folder to CSV…",
        help: "Predicts every image of a folder and writes the answers to a CSV file.",
        keys: &[],
        enabled: has_run,
        run: |_| Act::Ask(Ask::PredictFolder),
    },
    CommandRecord {
        id: "predict_table",
        group: Group::Run,
        title: "Predict a table to CSV…",
        help: "Predicts every row of a table and writes the answers to a CSV file.",
        keys: &[],
        enabled: has_run,
        run: |_| Act::Ask(Ask::PredictTable),
    },
    CommandRecord {
        id: "help",
        group: Group::Help,
        title: "Keyboard shortcuts",
        help: "Shows all shortcuts.",
        keys: &[plain(Key::F1), plain(Key::Questionmark)],
        enabled: always,
        run: |_| Act::Window(WindowAct::Help),
    },
];

/// Only these steps have a search field.
fn can_find(session: &Session) -> bool {
    session.project().is_some_and(|project| match project.view.step {
        Step::Data => session.prepared().is_some(),
        Step::Network => true,
        Step::Train | Step::Evaluate | Step::Predict => false,
    })
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
