//! What is remembered between projects, in the user's own configuration folder: recent projects and the window's
//! preferences. Written whole or not at all; a file that can't be read is put aside, never overwritten.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::files::{self, FileError};

const RECENT: usize = 12;

/// The content of `settings.json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Content {
    recent: Vec<PathBuf>,
    preferences: Map<String, Value>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// The settings with their place; without a place they live as long as the session.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    path: Option<PathBuf>,
    content: Content,
}

/// The folder of this user's settings: `LAYERBENCH_CONFIG_DIR`, or the system's usual place.
pub(super) fn config_dir() -> Option<PathBuf> {
    match std::env::var_os("LAYERBENCH_CONFIG_DIR") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => directories::ProjectDirs::from("", "", "Layerbench").map(|dirs| dirs.config_dir().to_owned()),
    }
}

/// Where projects of this user that have no place of their own go.
pub(super) fn data_dir() -> Option<PathBuf> {
    match std::env::var_os("LAYERBENCH_CONFIG_DIR") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => directories::ProjectDirs::from("", "", "Layerbench").map(|dirs| dirs.data_dir().to_owned()),
    }
}

impl Settings {
    /// Reads `settings.json` in `folder`.
    pub(super) fn read(folder: Option<&Path>) -> Self {
        let Some(path) = folder.map(|folder| folder.join("settings.json")) else { return Self::default() };
        let content = match fs::read(&path) {
            Err(_) => Content::default(),
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|_| {
                let time = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
                // If even the rename fails, the next write fails too and the old file stays.
                let _ = fs::rename(&path, path.with_extension(format!("json.corrupt-{time}")));
                Content::default()
            }),
        };
        Self { path: Some(path), content }
    }

    pub(super) fn recent(&self) -> &[PathBuf] {
        &self.content.recent
    }

    /// Puts a project in front of the recent ones.
    pub(super) fn opened(&mut self, path: &Path) -> Result<(), FileError> {
        self.content.recent.retain(|recent| recent != path);
        self.content.recent.insert(0, path.to_owned());
        self.content.recent.truncate(RECENT);
        self.write()
    }

    pub(super) fn preference(&self, key: &str) -> Option<&Value> {
        self.content.preferences.get(key)
    }

    pub(super) fn set_preference(&mut self, key: &str, value: Value) -> Result<(), FileError> {
        if self.content.preferences.get(key) == Some(&value) {
            return Ok(());
        }
        self.content.preferences.insert(key.to_owned(), value);
        self.write()
    }

    fn write(&self) -> Result<(), FileError> {
        let Some(path) = &self.path else { return Ok(()) };
        if let Some(folder) = path.parent() {
            files::make_folder(folder)?;
        }
        let bytes = serde_json::to_vec_pretty(&self.content)
            .map_err(|error| FileError::of("can't write", path)(error.into()))?;
        files::write_atomic(path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_newest_first_and_keeps_what_it_does_not_know() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("settings.json"), r#"{"recent": ["/a"], "future": 1}"#).unwrap();
        let mut settings = Settings::read(Some(folder.path()));
        settings.opened(Path::new("/b")).unwrap();
        settings.opened(Path::new("/a")).unwrap();
        let again = Settings::read(Some(folder.path()));
        assert_eq!(again.recent(), [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(again.content.unknown["future"], 1);
    }

    #[test]
    fn an_unreadable_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("settings.json"), "{ half").unwrap();
        let mut settings = Settings::read(Some(folder.path()));
        settings.opened(Path::new("/b")).unwrap();
        let kept = fs::read_dir(folder.path())
            .unwrap()
            .flatten()
            .find(|entry| entry.file_name().to_string_lossy().contains("corrupt-"));
        assert_eq!(fs::read(kept.unwrap().path()).unwrap(), b"{ half");
    }
}
