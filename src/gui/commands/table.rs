//! The records of all commands.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::{Act, CommandRecord, Group, WindowAct};
use crate::data::Part;
use crate::gui::dialogs::Ask;
use crate::project::Step;
use crate::session::{Command, Session, StepState};
use crate::train::Phase;

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
