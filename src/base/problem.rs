//! What is wrong, where, and what to do: the one form in which trouble reaches a person.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ids::{NodeId, RunId};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Advice,
    /// Works, but probably not as meant.
    Warning,
    /// Does not work until it is mended.
    Error,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The project as a whole.
    Project,
    /// The data set as a whole.
    Data,
    /// A file, and the row in it (counted from 1) where that makes sense.
    File {
        /// As the user gave it.
        path: PathBuf,
        /// Line or row, counted from 1.
        row: Option<usize>,
    },
    /// A node of the network.
    Node(NodeId),
    /// A setting, by the name that `--set` takes.
    Setting(String),
    /// A run.
    Run(RunId),
}

/// One finding. `message` says which rule was broken and what was found; `hint` says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// Which rule, and what was found.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

impl Problem {
    /// Something that does not work.
    pub fn error(place: Place, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place, message: message.into(), hint: hint.into() }
    }

    /// Something that is probably not as meant.
    pub fn warning(place: Place, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, message, hint) }
    }

    /// Something good to know.
    pub fn advice(place: Place, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { severity: Severity::Advice, ..Self::error(place, message, hint) }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Project => f.write_str("project"),
            Self::Data => f.write_str("data"),
            Self::File { path, row: None } => write!(f, "{}", path.display()),
            Self::File { path, row: Some(row) } => write!(f, "{}, row {row}", path.display()),
            Self::Node(node) => write!(f, "layer {node}"),
            Self::Setting(name) => write!(f, "setting {name}"),
            Self::Run(run) => write!(f, "run {run}"),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        if !self.hint.is_empty() {
            write!(f, ". {}", self.hint)?;
        }
        Ok(())
    }
}
