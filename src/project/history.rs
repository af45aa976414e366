//! Undo and redo.

use std::sync::Arc;

use super::Project;

/// The project's past and future. Each state is shared with its neighbours as far as [`Arc`] allows.
#[derive(Debug, Clone, Default)]
pub struct History {
    past: Vec<(&'static str, Arc<Project>)>,
    future: Vec<(&'static str, Arc<Project>)>,
}

impl History {
    /// What undo would take back.
    pub fn undo_label(&self) -> Option<&'static str> {
        self.past.last().map(|(label, _)| *label)
    }

    /// What redo would bring back.
    pub fn redo_label(&self) -> Option<&'static str> {
        self.future.last().map(|(label, _)| *label)
    }
}
