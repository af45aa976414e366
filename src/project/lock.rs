//! The advisory lock of an open project: a second opener is refused and told who has it. The system frees it when the
//! process ends, however it ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// Held while a project is open for writing.
#[derive(Debug)]
pub struct Lock {
    /// `None` where the file system knows no locks (some network shares): opening must not depend on them.
    _file: Option<File>,
}

/// Why a lock was not given.
#[derive(Debug)]
pub enum LockError {
    /// Someone has it; the text says who, as far as that is known.
    Held(String),
    /// The folder can't be written.
    Unwritable(io::Error),
}

/// Takes the lock of the project whose side folder is `folder` (made if need be). Never waits.
///
/// # Errors
/// If someone else has it, or the folder can't be written.
pub fn take(folder: &Path) -> Result<Lock, LockError> {
    fs::create_dir_all(folder).map_err(LockError::Unwritable)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(folder.join("lock"))
        .map_err(LockError::Unwritable)?;
    match file.try_lock() {
        Ok(()) => {
            // Who holds it stands in a file of its own: on Windows a locked file can't be read by others.
            // It only serves the message, so a failure does no harm.
            let _ = fs::write(folder.join("holder"), holder());
            Ok(Lock { _file: Some(file) })
        }
        Err(TryLockError::WouldBlock) => {
            let text = fs::read_to_string(folder.join("holder")).unwrap_or_default();
            let text = text.lines().next().unwrap_or_default().trim();
            Err(LockError::Held(if text.is_empty() { "holder unknown".to_owned() } else { text.to_owned() }))
        }
        Err(TryLockError::Error(_)) => Ok(Lock { _file: None }),
    }
}

/// Whether someone has the lock now.
pub fn is_held(folder: &Path) -> bool {
    File::options()
        .read(true)
        .write(true)
        .open(folder.join("lock"))
        .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// `process 4242 on machine`.
fn holder() -> String {
    let machine = sysinfo::System::host_name().unwrap_or_else(|_| "this machine".to_owned());
    format!("process {} on {machine}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let lock = take(folder.path()).unwrap();
        assert!(is_held(folder.path()));
        let Err(LockError::Held(holder)) = take(folder.path()) else { panic!("taken twice") };
        assert!(holder.contains(&std::process::id().to_string()), "{holder}");
        drop(lock);
        assert!(!is_held(folder.path()));
        take(folder.path()).unwrap();
    }
}
