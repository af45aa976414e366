//! What can be asked of a session.

use std::path::PathBuf;

use crate::base::RunId;
use crate::data::doctor::Repair;
use crate::data::{DataConfig, Part};
use crate::project::{Edit, Step};

use super::Input;
use super::generator::Sampling;

/// What can be asked of a session. None of these waits; what takes time runs as a job.
#[derive(Debug, Clone)]
pub enum Command {
    /// Makes a project folder and opens it.
    New {
        /// The folder, made if need be.
        folder: PathBuf,
        /// Id of the preset network; `None` chooses one that fits once data is imported.
        preset: Option<String>,
    },
    /// Opens the ready digits project, kept in the user's own folder so that it can be changed.
    OpenExample,
    /// Opens a project file or folder.
    Open(PathBuf),
    /// Takes up the unsaved changes of a project that was not closed properly.
    Recover(PathBuf),
    /// Saves now.
    Save,
    /// Saves a copy under a new folder, runs included, and goes on there.
    SaveAs(PathBuf),
    /// Closes the project (it must be saved, or its changes are kept for recovery).
    Close,
    /// Changes the project.
    Edit(Edit),
    /// Takes the last change back.
    Undo,
    /// Brings it back.
    Redo,
    /// Reads data and, when that worked, makes it the project's (one undoable change; a network that does not fit is fitted to it).
    Import(Box<DataConfig>),
    /// Mends what the doctor found, in the project alone.
    Repair(Box<Repair>),
    /// Reads the project's data again.
    Reload,
    /// Ends the import.
    CancelImport,
    /// Starts a run with the present network and settings.
    Train,
    /// Goes on with a stopped or unfinished run.
    ResumeRun(RunId),
    /// Waits after the current step.
    Pause,
    /// Goes on.
    Continue,
    /// Ends after the current step, with a checkpoint.
    Stop,
    /// Shows that run.
    SelectRun(RunId),
    /// Moves that run's folder to `runs/.trash` (a later session empties it); can be undone with [`Self::RestoreRun`].
    DeleteRun(RunId),
    /// Brings it back.
    RestoreRun(RunId),
    /// Evaluates the selected run.
    Evaluate(Part),
    /// Predicts with the selected run.
    Predict(Input),
    /// Predicts every file of a folder (or every row of a table) and writes a CSV.
    PredictToCsv {
        /// Folder or table.
        input: PathBuf,
        /// The CSV.
        output: PathBuf,
    },
    /// Goes on with a text, with the selected run's language model.
    Generate {
        /// The beginning of the text.
        prompt: String,
        /// How tokens are drawn.
        sampling: Sampling,
    },
    /// Ends the prediction, evaluation or text under way.
    CancelJob,
    /// Shows that step.
    Show(Step),
    /// Stores the window's panel layout in the project.
    StoreLayout(serde_json::Map<String, serde_json::Value>),
    /// The notice was seen.
    Dismiss(u64),
}
