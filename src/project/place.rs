//! Where a project and what belongs to it lie, and whether there is room.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::files::FileError;
use crate::base::format;

use super::ProjectError;

/// Extension of project files.
pub const EXTENSION: &str = "layerbench";

/// The folder beside the project file for what does not belong under version control.
pub(super) const SIDE_FOLDER: &str = ".layerbench";

/// The project file that `path` means: itself, or the only one in the folder.
///
/// # Errors
/// If there is none, or more than one.
pub fn locate(path: &Path) -> Result<PathBuf, ProjectError> {
    let absolute = std::path::absolute(path).map_err(FileError::of("can't open", path))?;
    if !absolute.is_dir() {
        fs::metadata(&absolute).map_err(FileError::of("can't open", path))?;
        return Ok(absolute);
    }
    let not_a_project = |message: String| ProjectError::NotAProject { path: path.to_owned(), message };
    match project_files(&absolute).as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(not_a_project(format!(
            "there is no project file (*.{EXTENSION}) in this folder. Choose another folder, or make a project with `layerbench new`"
        ))),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|file| file.file_name().unwrap_or_default().to_string_lossy().into_owned())
                .collect();
            Err(not_a_project(format!("there are several project files ({}). Choose one of them", names.join(", "))))
        }
    }
}

pub(super) fn project_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_project = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_project).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn side_folder(path: &Path) -> PathBuf {
    folder_of(path).join(SIDE_FOLDER)
}

pub(super) fn previous_version(path: &Path) -> PathBuf {
    side_folder(path).join(format!("previous.{EXTENSION}"))
}

pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Refuses to write where the disk has no room for the old and the new version side by side.
pub(super) fn check_space(path: &Path, size: u64) -> Result<(), ProjectError> {
    let needed = 2 * size + (64 << 10);
    match free_space(folder_of(path)) {
        Some(free) if free < needed => {
            let text = format!("the disk is full: {} free, {} needed", format::bytes(free), format::bytes(needed));
            Err(FileError::of("can't write", path)(io::Error::new(io::ErrorKind::StorageFull, text)).into())
        }
        _ => Ok(()),
    }
}

/// Free bytes on the disk that holds `folder`, where the system tells.
fn free_space(folder: &Path) -> Option<u64> {
    let folder = folder.canonicalize().ok()?;
    let kind = sysinfo::DiskRefreshKind::nothing().with_storage();
    let disks = sysinfo::Disks::new_with_refreshed_list_specifics(kind).ok()?;
    let holding = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
    let nearest = holding.max_by_key(|disk| disk.mount_point().components().count())?;
    // A disk of size 0 is one of the system's own mounts that tells nothing.
    (nearest.total_space() > 0).then(|| nearest.available_space())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_must_hold_exactly_one_project() {
        let folder = tempfile::tempdir().unwrap();
        let text = locate(folder.path()).unwrap_err().to_string();
        assert!(text.contains("layerbench new"), "{text}");
        fs::write(folder.path().join("a.layerbench"), "{}").unwrap();
        fs::write(folder.path().join("b.layerbench"), "{}").unwrap();
        let text = locate(folder.path()).unwrap_err().to_string();
        assert!(text.contains("a.layerbench, b.layerbench"), "{text}");
        let text = locate(&folder.path().join("none")).unwrap_err().to_string();
        assert!(text.contains("Check the name"), "{text}");
    }
}
