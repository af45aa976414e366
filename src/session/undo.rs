//! Undo and redo.
use std::sync::Arc;

use crate::project::Project;

#[derive(Default)]
pub(super) struct History {
    past: Vec<(&'static str, Option<String>, Arc<Project>)>,
    future: Vec<(&'static str, Option<String>, Arc<Project>)>,
}

impl History {
    pub(super) fn push(&mut self, label: &'static str, key: Option<String>, before: Arc<Project>) {
        self.future.clear();
        if key.is_some() && self.past.last().is_some_and(|(_, last, _)| *last == key) {
            return;
        }
        self.past.push((label, key, before));
    }

    pub(super) fn undo(&mut self, present: Arc<Project>) -> Option<Arc<Project>> {
        let (label, key, project) = self.past.pop()?;
        self.future.push((label, key, present));
        Some(project)
    }

    pub(super) fn redo(&mut self, present: Arc<Project>) -> Option<Arc<Project>> {
        let (label, key, project) = self.future.pop()?;
        self.past.push((label, key, present));
        Some(project)
    }

    pub(super) fn undo_label(&self) -> Option<&'static str> {
        self.past.last().map(|(label, ..)| *label)
    }

    pub(super) fn redo_label(&self) -> Option<&'static str> {
        self.future.last().map(|(label, ..)| *label)
    }
}
