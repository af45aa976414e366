//! Folders with one sub-folder per class, whatever lies in them; train, validation and test folders may stand around.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::{Place, Problem, Progress};
use crate::data::{DataError, Labels, Part};

use super::listing::{self, Entry};
use super::shortened;

/// Folders below a class folder that are still looked into.
const DEEPEST: usize = 16;
/// Files of one kind of trouble that get a problem each; the rest is counted in one more.
const MOST_PROBLEMS: usize = 1000;

/// What is looked for.
pub(super) struct Sought {
    /// `image`
    pub one: &'static str,
    /// `images`
    pub several: &'static str,
    /// `PNG or JPEG images`
    pub formats: &'static str,
    /// Whether a file is one.
    pub is_one: fn(&Entry) -> bool,
}

/// A file before it is opened.
pub(super) struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// Name of its class.
    pub class: String,
    /// Its part, where the folder gives parts.
    pub part: Part,
}

/// All files that are sought, in the order part, class, name; and whether the folder gives the parts.
pub(super) fn find(
    root: &Path,
    sought: &Sought,
    problems: &mut Vec<Problem>,
    progress: &Progress,
) -> Result<(Vec<Candidate>, bool), DataError> {
    let several = sought.several;
    let entries = listing::list(root)?;
    if entries.iter().all(|entry| entry.is_hidden) {
        return Err(DataError::content(root, "the folder is empty", "Choose a folder with one sub-folder per class"));
    }
    let folders: Vec<&Entry> = entries.iter().filter(|entry| entry.is_folder && !entry.is_hidden).collect();
    if folders.is_empty() {
        let images = entries.iter().filter(|entry| (sought.is_one)(entry)).count();
        let table = entries.iter().find(|entry| [".csv", ".tsv"].iter().any(|end| entry.name.ends_with(end)));
        let message = if images > 0 {
            format!("the folder holds {images} {several}, but no sub-folders, so their classes are not known")
        } else {
            format!("the folder holds neither {several} nor sub-folders with {several}")
        };
        let hint = match table {
            Some(table) if images == 0 => {
                format!("Choose a table in it, such as {}, instead of the folder", table.name)
            }
            _ => format!("Put one sub-folder per class in it, with the {several} inside"),
        };
        return Err(DataError::content(root, message, hint));
    }
    tell_what_is_left_out(root, sought, entries.iter().filter(|entry| !entry.is_folder), problems);

    let mut parts: Vec<(Part, &Entry)> =
        folders.iter().filter_map(|folder| part_of(&folder.name).map(|part| (part, *folder))).collect();
    let has_parts = parts.len() == folders.len()
        && parts.iter().any(|(part, _)| *part == Part::Train)
        && parts.iter().any(|(_, folder)| {
            listing::list(&folder.path).is_ok_and(|inside| inside.iter().any(|entry| entry.is_folder))
        });
    let mut candidates = Vec::new();
    if has_parts {
        parts.sort_by_key(|(part, _)| *part as u8);
        for (part, folder) in parts {
            let inside = listing::list(&folder.path)?;
            tell_what_is_left_out(root, sought, inside.iter().filter(|entry| !entry.is_folder), problems);
            for class in inside.iter().filter(|entry| entry.is_folder && !entry.is_hidden) {
                add_class(root, sought, class, part, &mut candidates, problems, progress)?;
            }
        }
    } else {
        for class in folders {
            add_class(root, sought, class, Part::Train, &mut candidates, problems, progress)?;
        }
    }
    Ok((candidates, has_parts))
}

fn add_class(
    root: &Path,
    sought: &Sought,
    class: &Entry,
    part: Part,
    candidates: &mut Vec<Candidate>,
    problems: &mut Vec<Problem>,
    progress: &Progress,
) -> Result<(), DataError> {
    let before = candidates.len();
    let mut folders = vec![(class.path.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        if progress.is_cancelled() {
            return Err(DataError::Cancelled);
        }
        let entries = match listing::list(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                let place = Place::File { path: folder, row: None };
                problems.push(Problem::error(place, error.to_string(), "Check who may read this folder"));
                continue;
            }
        };
        let (inside, files): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.is_folder);
        let (images, others): (Vec<Entry>, Vec<Entry>) = files.into_iter().partition(sought.is_one);
        tell_what_is_left_out(root, sought, others.iter(), problems);
        let candidate = |entry: Entry| Candidate { path: entry.path, class: class.name.clone(), part };
        candidates.extend(images.into_iter().map(candidate));
        let deeper = inside.into_iter().filter(|entry| !entry.is_hidden && !entry.is_link && depth < DEEPEST);
        folders.extend(deeper.rev().map(|entry| (entry.path, depth + 1)));
    }
    if candidates.len() == before {
        let place = Place::File { path: class.path.clone(), row: None };
        let message = format!("The class '{}' has no {}, so it is left out", class.name, sought.several);
        problems.push(Problem::warning(
            place,
            message,
            format!("Put {} in its folder, or remove the folder", sought.several),
        ));
    }
    Ok(())
}

/// The part that a folder or cell of that name stands for.
pub(super) fn part_of(name: &str) -> Option<Part> {
    match name.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Part::Train),
        "val" | "valid" | "validation" | "dev" => Some(Part::Validation),
        "test" | "testing" => Some(Part::Test),
        _ => None,
    }
}

/// Names files that are not sought, one problem for each folder.
fn tell_what_is_left_out<'a>(
    root: &Path,
    sought: &Sought,
    files: impl Iterator<Item = &'a Entry>,
    problems: &mut Vec<Problem>,
) {
    let files: Vec<&Entry> = files.collect();
    let Some(folder) = files.first().and_then(|entry| entry.path.parent()) else { return };
    let names: Vec<&str> = files.iter().map(|entry| entry.name.as_str()).collect();
    let images = files.iter().filter(|entry| (sought.is_one)(entry)).count();
    let place = Place::File { path: folder.to_owned(), row: None };
    if images > 0 {
        let message = format!(
            "{images} {} lie outside the class folders and are left out: {}",
            sought.several,
            shortened(&names)
        );
        problems.push(Problem::warning(place, message, "Move them into the folder of their class"));
        return;
    }
    let what = match names.len() {
        1 => format!("1 file is no {}", sought.one),
        count => format!("{count} files are no {}", sought.several),
    };
    let message = format!("{what}, left out: {}", shortened(&names));
    let hint = if folder == root { "" } else { "Nothing needs to be done if they are not meant as samples" };
    problems.push(Problem::advice(place, message, hint));
}

/// Whether a few of the class folders hold such files, also with folders of parts around them.
pub(super) fn holds(root: &Path, is_one: fn(&Entry) -> bool) -> bool {
    const LOOKED_AT: usize = 20;
    let inside = |folder: &Path| -> Vec<Entry> { listing::list(folder).unwrap_or_default() };
    let folders = |entries: Vec<Entry>| -> Vec<Entry> {
        entries.into_iter().filter(|entry| entry.is_folder && !entry.is_hidden).take(LOOKED_AT).collect()
    };
    folders(inside(root)).iter().any(|class| {
        let entries = inside(&class.path);
        entries.iter().take(LOOKED_AT).any(is_one)
            || (part_of(&class.name).is_some()
                && folders(entries).iter().any(|class| inside(&class.path).iter().take(LOOKED_AT).any(is_one)))
    })
}

/// What came of the files: those that can't be read become problems, and the classes of the others come back in
/// natural order.
///
/// # Errors
/// If none could be read.
pub(super) fn conclude<T>(
    root: &Path,
    sought: &Sought,
    read: &[(Candidate, T)],
    broken: Vec<(Candidate, String)>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<String>, DataError> {
    let Sought { several, formats, .. } = sought;
    let first_reason = broken.first().map(|(candidate, reason)| {
        let path = listing::below(root, &candidate.path);
        format!("none of its {} {several} could be read; {path}: {reason}", broken.len())
    });
    let classes = name_classes(root, sought, read, &broken, problems);
    list_broken(root, sought, broken, problems);
    if read.is_empty() {
        let message = first_reason.unwrap_or_else(|| format!("its class folders hold no {several}"));
        return Err(DataError::content(root, message, format!("Put {formats} in them")));
    }
    if let [only] = classes.as_slice() {
        let message = format!("There is one class alone ({only}), so there is nothing to tell apart");
        problems.push(Problem::warning(Place::Data, message, "Put one sub-folder per class in the folder"));
    }
    Ok(classes)
}

/// The labels of files that were read.
pub(super) fn labels<T>(classes: &[String], read: &[(Candidate, T)]) -> Labels {
    let index: BTreeMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let label = |(candidate, _): &(Candidate, T)| index.get(candidate.class.as_str()).copied().unwrap_or(0);
    Labels::Classes(read.iter().map(label).collect())
}

/// The classes that have files, in natural order.
fn name_classes<T>(
    root: &Path,
    sought: &Sought,
    images: &[(Candidate, T)],
    broken: &[(Candidate, String)],
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let distinct = |names: &mut Vec<String>| {
        names.sort_by(|left, right| listing::natural(left, right));
        names.dedup();
    };
    let mut classes: Vec<String> = images.iter().map(|(candidate, _)| candidate.class.clone()).collect();
    distinct(&mut classes);
    let mut lost: Vec<String> = broken.iter().map(|(candidate, _)| candidate.class.clone()).collect();
    distinct(&mut lost);
    for class in lost.iter().filter(|class| !classes.contains(class)) {
        let place = Place::File { path: root.join(class), row: None };
        let message = format!("No {} of the class '{class}' could be read, so it is left out", sought.one);
        problems.push(Problem::warning(place, message, "Replace its files"));
    }
    classes
}

fn list_broken(root: &Path, sought: &Sought, broken: Vec<(Candidate, String)>, problems: &mut Vec<Problem>) {
    let total = broken.len();
    for (candidate, reason) in broken.into_iter().take(MOST_PROBLEMS) {
        let place = Place::File { path: candidate.path, row: None };
        let message = format!("The {} can't be read and is left out: {reason}", sought.one);
        problems.push(Problem::error(place, message, "Replace the file, or remove it"));
    }
    if total > MOST_PROBLEMS {
        let message = format!("{} more {} can't be read and are left out", total - MOST_PROBLEMS, sought.several);
        problems.push(Problem::error(
            Place::File { path: root.to_owned(), row: None },
            message,
            "Replace or remove them",
        ));
    }
}
