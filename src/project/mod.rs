//! The document: plain values, edits with undo, and the file.

pub mod document;
pub mod edit;
pub mod file;
pub mod history;

pub use document::{Project, Step};
pub use edit::Edit;
pub use file::{ProjectError, ProjectFile};
pub use history::History;
