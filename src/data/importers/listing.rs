//! What lies in a folder, in an order that people expect and every system gives.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use crate::base::files::FileError;

/// One thing in a folder.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// Its name, for people and for sorting.
    pub name: String,
    /// Whether it is a folder, or a link to one.
    pub is_folder: bool,
    /// Whether it is a link: followed without end, links can go round in circles.
    pub is_link: bool,
    /// Whether the system or the user hides it: `.git`, `Thumbs.db`.
    pub is_hidden: bool,
}

/// Everything in a folder, in natural order.
///
/// # Errors
/// If the folder can't be read.
pub(super) fn list(folder: &Path) -> Result<Vec<Entry>, FileError> {
    let error = || FileError::of("can't read the folder", folder);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(error())? {
        let entry = entry.map_err(error())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_hidden = name.starts_with('.') || ["Thumbs.db", "desktop.ini", "__MACOSX"].contains(&name.as_str());
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let is_folder = if is_link { entry.path().is_dir() } else { entry.file_type().is_ok_and(|kind| kind.is_dir()) };
        entries.push(Entry { path: entry.path(), name, is_folder, is_link, is_hidden });
    }
    entries.sort_by(|left, right| natural(&left.name, &right.name));
    Ok(entries)
}

/// The path below `root` with `/` between its parts, the same on every system.
pub(super) fn below(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts = relative.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

/// The last part of a path, for people. A path such as `.` is asked for what it stands for.
pub(super) fn name_of(path: &Path) -> String {
    let named = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let resolved = || path.canonicalize().ok()?.file_name().map(|name| name.to_string_lossy().into_owned());
    named.or_else(resolved).unwrap_or_else(|| path.display().to_string())
}

/// Orders names as people do: `2` before `10`, `b` after `A`.
pub(super) fn natural(left: &str, right: &str) -> Ordering {
    let (mut a, mut b) = (left.chars().peekable(), right.chars().peekable());
    loop {
        let ordering = match (a.peek(), b.peek()) {
            // Names that differ in case or leading zeros alone still need an order.
            (None, None) => return left.cmp(right),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, y) = (digits(&mut a), digits(&mut b));
                x.len().cmp(&y.len()).then_with(|| x.cmp(&y))
            }
            (Some(&x), Some(&y)) => {
                a.next();
                b.next();
                x.to_lowercase().cmp(y.to_lowercase())
            }
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}

/// Takes a run of digits, without its leading zeros.
fn digits(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut run = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        if digit != '0' || !run.is_empty() {
            run.push(digit);
        }
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_people_do() {
        let mut names = ["b", "img10", "img2", "A", "img02", "c1d10", "c1d9", "100000000000000000000000", "9", "img"];
        names.sort_by(|left, right| natural(left, right));
        let expect = ["9", "100000000000000000000000", "A", "b", "c1d9", "c1d10", "img", "img02", "img2", "img10"];
        assert_eq!(names, expect);
    }

    #[test]
    fn hidden_things_are_marked_and_names_use_slashes() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        fs::write(folder.path().join(".hidden"), "").unwrap();
        let entries = list(folder.path()).unwrap();
        let found: Vec<_> =
            entries.iter().map(|entry| (entry.name.as_str(), entry.is_folder, entry.is_hidden)).collect();
        assert_eq!(found, [(".hidden", false, true), ("b", true, false)]);
        assert_eq!(below(folder.path(), &folder.path().join("b").join("x y.png")), "b/x y.png");
    }
}
