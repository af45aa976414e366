//! Files that are written whole or not at all.
//!
//! The new content goes into a temporary file in the same folder, is synced, and is renamed over the old one; then
//! the folder is synced. A kill or a power cut at any point leaves the old content or the new one, never a mixture.
//! Left-over temporary files are swept by [`sweep`] when a project opens.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Prefix of temporary files, so that [`sweep`] knows its own.
const TEMPORARY: &str = ".layerbench-tmp-";

/// What failed, with the file's name.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {source}{}", path.display(), hint(source))]
pub struct FileError {
    /// "Can't write", "can't read", …
    pub action: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// A closure for `map_err`.
    pub fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }

    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        self.source.kind() == io::ErrorKind::StorageFull
    }
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull => ". Free some space and try again; the file on disk is unchanged",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ". Choose a folder that you may write to, with Save as"
        }
        io::ErrorKind::NotFound => ". Check the name, or whether it was moved",
        _ => "",
    }
}

/// Writes `content` to `path`, whole or not at all.
///
/// # Errors
/// If any step fails; the old file is then unchanged and the temporary one removed.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let error = || FileError::of("can't write", path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder).map_err(error())?;
    #[cfg(unix)]
    {
        // A temporary file is private by default; keep the mode of the file that it replaces.
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).map_or(0o644, |old| old.permissions().mode() & 0o777);
        file.as_file().set_permissions(fs::Permissions::from_mode(mode)).map_err(error())?;
    }
    file.write_all(content).map_err(error())?;
    file.as_file().sync_all().map_err(error())?;
    file.persist(path).map_err(|failure| error()(failure.error))?;
    sync_folder(folder);
    Ok(())
}

/// Reads a whole file.
///
/// # Errors
/// If it can't be read.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(FileError::of("can't read", path))
}

/// Makes a folder and all above it.
///
/// # Errors
/// If one can't be made.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(FileError::of("can't make the folder", path))
}

/// Removes temporary files that a kill left in `folder`. Only call it while holding the project's lock.
pub fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            // What can't be removed now is tried again at the next opening.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes the rename itself durable. Not every system can sync a folder, and the content is safe without it.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_names_the_file_and_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomic(&folder.path().join("missing/a.json"), b"x").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("missing") && text.contains("Check the name"), "{text}");
    }

    #[test]
    fn sweep_removes_only_its_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(format!("{TEMPORARY}1")), "x").unwrap();
        fs::write(folder.path().join("mine.txt"), "x").unwrap();
        sweep(folder.path());
        assert!(folder.path().join("mine.txt").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
