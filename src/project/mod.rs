//! The document: plain values, edits with undo, and the file.

pub mod document;
pub mod edit;
pub mod file;
pub mod history;
pub mod lock;
mod place;
pub mod reading;
pub mod recovery;

pub use document::{Project, Step, View};
pub use edit::Edit;
pub use file::{Access, Opened, ProjectError, ProjectFile};
pub use history::History;
pub use recovery::Recovery;
