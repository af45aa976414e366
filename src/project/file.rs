//! The project's file and folder: reading with checks, writing whole or not at all, the lock, the version before.
//!
//! ```text
//! digits/
//!   digits.layerbench        the project: pretty JSON in a stable order, made for version control
//!   runs/                    one folder a run
//!   .layerbench/             lock, window state, previous version, unsaved changes; not for version control
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::base::files::{self, FileError};
use crate::base::{Problem, format};

use super::lock::{self, Lock, LockError};
use super::place::{check_space, folder_of, previous_version, project_files, side_folder, stem};
use super::reading::{self, ParseError, Parsed};
use super::recovery::{self, Recovery};
use super::{Project, View};

pub use super::place::{EXTENSION, locate};

const LARGEST_FILE: u64 = 256 << 20;

/// An open project folder, locked against a second opener until the last clone is dropped.
#[derive(Debug, Clone)]
pub struct ProjectFile {
    path: PathBuf,
    lock: Option<Arc<Lock>>,
    /// Entries of the file that this version does not know.
    unknown: Map<String, Value>,
    /// Fingerprint of the file's content as last read or written.
    base: Arc<Mutex<String>>,
}

/// How a project is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Locked; falls back to reading where the folder can't be written.
    Write,
    /// Only looked at; works while it is open elsewhere.
    Read,
}

/// What opening gives.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The file.
    pub file: ProjectFile,
    /// Its content.
    pub project: Project,
    /// What was left out or does not fit this version.
    pub warnings: Vec<Problem>,
    /// Unsaved changes of a session that did not end with a save.
    pub recovery: Option<Recovery>,
}

/// Why a project can't be opened or saved. The text names the file and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Written by a newer version.
    #[error("{} was written by a newer Layerbench (file schema {found}, this version reads up to {known}). Update Layerbench to open it; the file is unchanged", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u64,
        /// Ours.
        known: u32,
    },
    /// Not a project, or damaged.
    #[error("{} can't be read as a project: {message}. {hint}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What and where.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Open elsewhere.
    #[error("{} is open in another Layerbench ({holder}). Close it there first", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// Process and machine.
        holder: String,
    },
    /// There is no project file at that place, or more than one.
    #[error("{}: {message}", path.display())]
    NotAProject {
        /// The place.
        path: PathBuf,
        /// What was found, and what to do.
        message: String,
    },
}

impl ProjectFile {
    /// Opens a project: the file, or the folder with exactly one project file in it.
    ///
    /// # Errors
    /// If there is none, it can't be read, was written by a newer version, or is open elsewhere.
    pub fn open(path: &Path, access: Access) -> Result<Opened, ProjectError> {
        let path = locate(path)?;
        let side = side_folder(&path);
        let lock = match access {
            Access::Read => None,
            Access::Write => take_lock(&path, &side)?,
        };
        if lock.is_some() {
            files::sweep(folder_of(&path));
            files::sweep(&side);
        }
        let bytes = read_limited(&path)?;
        let Parsed { mut project, unknown, warnings } =
            reading::parse(&bytes).map_err(|error| explain(error, &path, &side))?;
        if project.name.is_empty() {
            project.name = stem(&path);
        }
        if let Some(view) = read_view(&side) {
            project.view = view;
        }
        let recovery = recovery::find(&side, &bytes).filter(|recovery| {
            let is_news = !recovery.project.same_content(&project);
            if !is_news && lock.is_some() {
                let _ = fs::remove_file(&recovery.path);
            }
            is_news
        });
        let base = Arc::new(Mutex::new(recovery::fingerprint(&bytes)));
        Ok(Opened { file: Self { path, lock, unknown, base }, project, warnings, recovery })
    }

    /// Makes a project in `folder` (made if need be) and locks it. The file is called after the folder.
    ///
    /// # Errors
    /// If the folder has a project already, or can't be written.
    pub fn create(folder: &Path, project: &Project) -> Result<Self, ProjectError> {
        if let Some(existing) = project_files(folder).into_iter().next() {
            return Err(ProjectError::NotAProject {
                path: existing,
                message: "there is a project already. Open it, or choose another folder".to_owned(),
            });
        }
        let folder = &std::path::absolute(folder).map_err(FileError::of("can't make the folder", folder))?;
        files::make_folder(folder)?;
        let name = folder.file_name().map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned());
        let path = folder.join(format!("{name}.{EXTENSION}"));
        let side = side_folder(&path);
        let lock = take_lock(&path, &side)?
            .ok_or_else(|| FileError::of("can't write", &path)(io::Error::from(io::ErrorKind::PermissionDenied)))?;
        let file = Self { path, lock: Some(lock), unknown: Map::new(), base: Arc::new(Mutex::new(String::new())) };
        file.save(project)?;
        Ok(file)
    }

    /// Opens a project whose file is damaged with the newest content that can still be read: unsaved changes, else the
    /// previous version. The damaged file stays as it is until the next save, which puts it aside.
    ///
    /// # Errors
    /// If it is open elsewhere, or there is nothing to fall back to.
    pub fn salvage(path: &Path) -> Result<Opened, ProjectError> {
        let path = locate(path)?;
        let side = side_folder(&path);
        let lock = take_lock(&path, &side)?;
        let bytes = read_limited(&path)?;
        let recovery = recovery::find(&side, &bytes);
        let previous = || reading::parse(&fs::read(previous_version(&path)).ok()?).ok();
        let (mut project, unknown) = if let Some(recovery) = &recovery {
            (recovery.project.clone(), Map::new())
        } else {
            let parsed = previous().ok_or_else(|| ProjectError::Damaged {
                path: path.clone(),
                message: "there are no unsaved changes and no previous version".to_owned(),
                hint: "Bring the file back from a backup of your own".to_owned(),
            })?;
            (parsed.project, parsed.unknown)
        };
        if let Some(view) = read_view(&side) {
            project.view = view;
        }
        let base = Arc::new(Mutex::new(recovery::fingerprint(&bytes)));
        Ok(Opened { file: Self { path, lock, unknown, base }, project, warnings: Vec::new(), recovery })
    }

    /// The project file itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder it lies in.
    pub fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// The folder of its runs.
    pub fn runs(&self) -> PathBuf {
        self.folder().join("runs")
    }

    /// Where lock, previous version, window state and unsaved changes lie.
    pub fn side_folder(&self) -> PathBuf {
        side_folder(&self.path)
    }

    /// Whether it was only opened for reading, or lies where nothing can be written.
    pub fn is_read_only(&self) -> bool {
        self.lock.is_none()
    }

    /// Writes the project. The version before stays as `.layerbench/previous.layerbench`; unsaved changes that were
    /// kept for recovery are removed, since they are in the file now.
    ///
    /// # Errors
    /// If it can't be written; the old file is then unchanged.
    pub fn save(&self, project: &Project) -> Result<(), ProjectError> {
        if self.is_read_only() {
            let error = io::Error::from(io::ErrorKind::ReadOnlyFilesystem);
            return Err(FileError::of("can't write", &self.path)(error).into());
        }
        let bytes = self.serialize(project)?;
        let side = self.side_folder();
        // A file that is missing or can't be read has no previous version worth keeping.
        let old = fs::read(&self.path).unwrap_or_default();
        if old != bytes {
            check_space(&self.path, bytes.len() as u64)?;
            files::make_folder(&side)?;
            if !old.is_empty() {
                let keep = match serde_json::from_slice::<serde::de::IgnoredAny>(&old) {
                    Ok(_) => previous_version(&self.path),
                    Err(_) => side.join(format!("corrupt-{}.{EXTENSION}", seconds_now())),
                };
                files::write_atomic(&keep, &old)?;
            }
            files::write_atomic(&self.path, &bytes)?;
        }
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = recovery::fingerprint(&bytes);
        recovery::clear(&side);
        self.save_view(&project.view)
    }

    /// Writes what the window shows.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save_view(&self, view: &View) -> Result<(), ProjectError> {
        if self.is_read_only() {
            return Ok(());
        }
        let path = self.side_folder().join("view.json");
        let bytes =
            serde_json::to_vec_pretty(view).map_err(|error| FileError::of("can't write", &path)(error.into()))?;
        if fs::read(&path).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        Ok(files::write_atomic(&path, &bytes)?)
    }

    /// Keeps unsaved changes, so that a crash does not lose them.
    ///
    /// # Errors
    /// If they can't be written.
    pub fn keep_unsaved(&self, project: &Project) -> Result<(), ProjectError> {
        if self.is_read_only() {
            return Ok(());
        }
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(recovery::write(&self.side_folder(), &base, project)?)
    }

    /// Removes the journal; call it only when the project equals the file again.
    pub fn forget_unsaved(&self) {
        if !self.is_read_only() {
            recovery::clear(&self.side_folder());
        }
    }

    fn serialize(&self, project: &Project) -> Result<Vec<u8>, ProjectError> {
        let failed = |error: serde_json::Error| FileError::of("can't write", &self.path)(error.into());
        let project = Project { schema: Project::SCHEMA, ..project.clone() };
        let mut value = serde_json::to_value(&project).map_err(failed)?;
        if let Some(map) = value.as_object_mut() {
            map.extend(self.unknown.clone());
        }
        let mut bytes = serde_json::to_vec_pretty(&value).map_err(failed)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Whether a project has unsaved changes of a session that ended without saving (a session that still runs does not count).
pub fn recoverable(path: &Path) -> Option<SystemTime> {
    let side = side_folder(path);
    if !recovery::exists(&side) || lock::is_held(&side) {
        return None;
    }
    recovery::find(&side, &fs::read(path).ok()?).map(|recovery| recovery.when)
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// `None` where the folder can't be written: the project then opens for reading.
fn take_lock(path: &Path, side: &Path) -> Result<Option<Arc<Lock>>, ProjectError> {
    match lock::take(side) {
        Ok(lock) => Ok(Some(Arc::new(lock))),
        Err(LockError::Held(holder)) => Err(ProjectError::Locked { path: path.to_owned(), holder }),
        Err(LockError::Unwritable(error)) => match error.kind() {
            io::ErrorKind::StorageFull => Err(FileError::of("can't lock", path)(error).into()),
            _ => Ok(None),
        },
    }
}

fn read_limited(path: &Path) -> Result<Vec<u8>, ProjectError> {
    let size = fs::metadata(path).map_err(FileError::of("can't read", path))?.len();
    if size > LARGEST_FILE {
        return Err(ProjectError::Damaged {
            path: path.to_owned(),
            message: format!(
                "it has {}; project files have at most {}",
                format::bytes(size),
                format::bytes(LARGEST_FILE)
            ),
            hint: "Check whether this is the right file".to_owned(),
        });
    }
    Ok(files::read(path)?)
}

fn read_view(side: &Path) -> Option<View> {
    serde_json::from_slice(&fs::read(side.join("view.json")).ok()?).ok()
}

fn explain(error: ParseError, path: &Path, side: &Path) -> ProjectError {
    let path = path.to_owned();
    match error {
        ParseError::Newer(found) => ProjectError::Newer { path, found, known: Project::SCHEMA },
        ParseError::Damaged(message) => {
            let previous = previous_version(&path);
            let is_readable = |file: &Path| fs::read(file).is_ok_and(|bytes| reading::parse(&bytes).is_ok());
            let hint = if recovery::exists(side) || is_readable(&previous) {
                let kept =
                    if is_readable(&previous) { format!(" (kept as {})", previous.display()) } else { String::new() };
                format!(
                    "Recover opens unsaved changes or the version before this one{kept}; the damaged file is put aside when you save"
                )
            } else {
                "Bring it back from version control or a backup; the file is unchanged".to_owned()
            };
            ProjectError::Damaged { path, message, hint }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::place::SIDE_FOLDER;

    fn project(epochs: usize) -> Project {
        let mut project = Project::named("a");
        project.train.epochs = epochs;
        project
    }

    #[test]
    fn saves_and_reopens_with_the_version_before_at_hand() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a");
        let file = ProjectFile::create(&folder, &project(3)).unwrap();
        let mut second = project(4);
        second.view.step = crate::project::Step::Train;
        file.save(&second).unwrap();
        drop(file);
        let opened = ProjectFile::open(&folder, Access::Write).unwrap();
        assert_eq!(opened.project, second);
        assert_eq!((opened.warnings, opened.recovery), (Vec::new(), None));
        let previous = reading::parse(&fs::read(previous_version(opened.file.path())).unwrap()).unwrap();
        assert!(previous.project.same_content(&project(3)));
        assert!(!fs::read_to_string(opened.file.path()).unwrap().contains("view"), "looking must not change the file");
    }

    #[test]
    fn unknown_entries_survive_a_save() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.layerbench");
        fs::write(&path, r#"{"schema": 1, "name": "a", "future": {"x": [1, 2]}}"#).unwrap();
        let opened = ProjectFile::open(folder.path(), Access::Write).unwrap();
        assert_eq!(opened.warnings.len(), 1);
        opened.file.save(&project(7)).unwrap();
        let back: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(back["future"]["x"][1], 2);
        assert_eq!(back["train"]["epochs"], 7);
    }

    #[test]
    fn a_second_opener_is_refused_and_a_reader_is_not() {
        let home = tempfile::tempdir().unwrap();
        let file = ProjectFile::create(&home.path().join("a"), &project(3)).unwrap();
        let error = ProjectFile::open(file.path(), Access::Write).unwrap_err();
        assert!(matches!(error, ProjectError::Locked { .. }));
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        let reader = ProjectFile::open(file.path(), Access::Read).unwrap();
        assert!(reader.file.is_read_only());
        assert!(reader.file.save(&project(9)).unwrap_err().to_string().contains("Save as"));
    }

    #[test]
    fn a_damaged_file_is_untouched_and_can_be_salvaged() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a");
        let file = ProjectFile::create(&folder, &project(3)).unwrap();
        file.save(&project(4)).unwrap();
        let path = file.path().to_owned();
        drop(file);
        let whole = fs::read(&path).unwrap();
        let half = &whole[..whole.len() / 2];
        fs::write(&path, half).unwrap();
        let text = ProjectFile::open(&folder, Access::Write).unwrap_err().to_string();
        assert!(text.contains("line") && text.contains("Recover") && text.contains("previous.layerbench"), "{text}");
        assert_eq!(fs::read(&path).unwrap(), half);

        let salvaged = ProjectFile::salvage(&folder).unwrap();
        assert_eq!(salvaged.project.train.epochs, 3, "the version before");
        salvaged.file.save(&salvaged.project).unwrap();
        let names: Vec<String> = fs::read_dir(folder.join(SIDE_FOLDER))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert!(names.iter().any(|name| name.starts_with("corrupt-")), "{names:?}");
    }

    #[test]
    fn unsaved_changes_come_back_until_they_are_saved() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a");
        let file = ProjectFile::create(&folder, &project(3)).unwrap();
        file.keep_unsaved(&project(8)).unwrap();
        assert_eq!(recoverable(file.path()), None, "the session still runs");
        let path = file.path().to_owned();
        drop(file);
        assert!(recoverable(&path).is_some());
        let opened = ProjectFile::open(&folder, Access::Write).unwrap();
        let recovery = opened.recovery.unwrap();
        assert_eq!((recovery.project.train.epochs, recovery.is_based_on_file), (8, true));
        opened.file.save(&recovery.project).unwrap();
        drop(opened.file);
        assert_eq!(recoverable(&path), None);
    }

    #[test]
    fn a_newer_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.layerbench");
        let content = br#"{"schema": 2, "graph": {"quantum": true}}"#;
        fs::write(&path, content).unwrap();
        let error = ProjectFile::open(&path, Access::Write).unwrap_err();
        assert!(matches!(error, ProjectError::Newer { found: 2, .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}
