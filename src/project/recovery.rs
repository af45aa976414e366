//! Unsaved changes, kept beside the project until they are in it.
//!
//! While a project has unsaved changes, a journal with its whole content lies in the side folder. It is removed only
//! after a save of that same content or a later one. A journal that does not start from the present file (the file was
//! changed elsewhere since) is put aside under a name with its time, and is never removed by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::files::{self, FileError};

use super::{Project, reading};

const JOURNAL: &str = "recovery.json";

/// Unsaved changes of a session that did not end with a save.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery {
    /// The project with the changes.
    pub project: Project,
    /// When they were kept.
    pub when: SystemTime,
    /// Whether they start from the present content of the project file.
    pub is_based_on_file: bool,
    /// The journal.
    pub path: PathBuf,
}

#[derive(Serialize)]
struct JournalRef<'a> {
    saved: u64,
    base: &'a str,
    project: &'a Project,
}

#[derive(Deserialize)]
struct Journal {
    saved: u64,
    base: String,
    project: Value,
}

/// Fingerprint of a project file's content, which a journal starts from.
pub fn fingerprint(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Keeps unsaved changes in `side_folder`; `base` is the fingerprint of the project file they start from.
///
/// # Errors
/// If the journal can't be written.
pub fn write(side_folder: &Path, base: &str, project: &Project) -> Result<(), FileError> {
    let saved = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let journal = JournalRef { saved, base, project };
    let path = side_folder.join(JOURNAL);
    let bytes = serde_json::to_vec(&journal).map_err(|error| FileError::of("can't write", &path)(error.into()))?;
    files::write_atomic(&path, &bytes)
}

/// Removes the journal. Call it only after its content was saved.
pub fn clear(side_folder: &Path) {
    // If it stays, the next opening finds that it equals the file and removes it.
    let _ = fs::remove_file(side_folder.join(JOURNAL));
}

/// The newest unsaved changes in `side_folder`, if there are any; `file` is the present content of the project file.
pub fn find(side_folder: &Path, file: &[u8]) -> Option<Recovery> {
    let present = fingerprint(file);
    journals(side_folder)
        .into_iter()
        .filter_map(|path| {
            let journal: Journal = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            let bytes = serde_json::to_vec(&journal.project).ok()?;
            let project = reading::parse(&bytes).ok()?.project;
            let when = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(journal.saved))?;
            Some(Recovery { project, when, is_based_on_file: journal.base == present, path })
        })
        .max_by_key(|recovery| recovery.when)
}

/// Whether there are any, by names alone.
pub fn exists(side_folder: &Path) -> bool {
    !journals(side_folder).is_empty()
}

/// Puts the journal aside, so that a new one does not replace it. Gives its new place.
pub fn put_aside(side_folder: &Path) -> Option<PathBuf> {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    let aside = side_folder.join(format!("recovery-{time}.json"));
    fs::rename(side_folder.join(JOURNAL), &aside).ok().map(|()| aside)
}

fn journals(side_folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(side_folder) else { return Vec::new() };
    let is_journal = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("recovery") && path.extension().is_some_and(|extension| extension == "json")
    };
    entries.flatten().map(|entry| entry.path()).filter(is_journal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_comes_back_and_knows_its_base() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(find(folder.path(), b"file"), None);
        let project = Project::named("unsaved");
        write(folder.path(), &fingerprint(b"file"), &project).unwrap();
        let found = find(folder.path(), b"file").unwrap();
        assert_eq!((found.project.name.as_str(), found.is_based_on_file), ("unsaved", true));
        assert!(!find(folder.path(), b"changed elsewhere").unwrap().is_based_on_file);

        put_aside(folder.path()).unwrap();
        clear(folder.path());
        assert!(exists(folder.path()), "what was put aside is never removed by a save");
    }

    #[test]
    fn a_torn_journal_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(JOURNAL), "{\"saved\": 1, \"ba").unwrap();
        assert_eq!(find(folder.path(), b""), None);
    }
}
