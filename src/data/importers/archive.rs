//! Data inside a zip, tar or tar.gz: unpacked within limits into a folder of its own, which is removed after the import.
//!
//! Names inside archives are not trusted: what would lie outside the folder, is a link, or could not exist on every
//! system is left out and told.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::base::files::FileError;
use crate::base::{Place, Problem, Progress, format};
use crate::data::{DataError, Dataset};

use super::{input, listing};

/// Most entries of an archive.
const MOST_ENTRIES: usize = 1_000_000;
/// More bytes than this are unpacked only from an archive that is not [`LARGEST_RATIO`] times smaller.
const UNSUSPICIOUS: u64 = 1024 * 1024 * 1024;
/// How many times larger than packed a large content may be; pictures and tables stay far below.
const LARGEST_RATIO: u64 = 200;
/// Entries with the same trouble that get a problem each.
const MOST_PROBLEMS: usize = 100;
/// Bytes of each file that are unpacked to see what the archive holds.
const START: u64 = 64 * 1024;
/// Entries that are unpacked for that.
const FIRST: usize = 2000;

/// How much is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The first entries, and of each the start: to see what it is.
    Start,
    /// Everything.
    Whole,
}

/// An unpacked archive; its folder lives as long as this.
pub(super) struct Unpacked {
    folder: tempfile::TempDir,
    /// The file or folder with the data.
    pub root: PathBuf,
    problems: Vec<Problem>,
}

/// Whether a file is an archive.
pub(super) fn is_archive(path: &Path) -> bool {
    let mut start = [0; 4];
    let is_file = fs::metadata(path).is_ok_and(|file| file.is_file());
    if !is_file || File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_err() {
        return false;
    }
    is_zip(start) && !has_end(path, &[".npz"]) || is_tar(path)
}

fn is_zip(start: [u8; 4]) -> bool {
    matches!(start, [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6])
}

fn is_tar(path: &Path) -> bool {
    has_end(path, &[".tar", ".tar.gz", ".tgz"])
}

fn has_end(path: &Path, ends: &[&str]) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    ends.iter().any(|end| name.ends_with(end))
}

/// Unpacks an archive.
///
/// # Errors
/// If it can't be read, is too large, or grows beyond reason.
pub(super) fn unpack(path: &Path, extent: Extent, progress: &Progress) -> Result<Unpacked, DataError> {
    let folder = tempfile::tempdir().map_err(FileError::of("can't make a folder to unpack", path))?;
    let packed = fs::metadata(path).map_err(FileError::of("can't read", path))?.len();
    let mut unpacking = Unpacking {
        archive: path,
        folder: folder.path(),
        extent,
        progress,
        packed,
        written: 0,
        taken: BTreeSet::new(),
        left_out: 0,
        problems: Vec::new(),
    };
    if is_tar(path) {
        unpacking.tar()?;
    } else {
        unpacking.zip()?;
    }
    let Unpacking { problems, taken, .. } = unpacking;
    if taken.is_empty() {
        return Err(DataError::content(path, "the archive holds no files", "Choose another archive"));
    }
    let root = root_of(folder.path());
    Ok(Unpacked { folder, root, problems })
}

impl Unpacked {
    /// The data set as that of the archive: its name, and places inside it instead of the folder.
    pub(super) fn conclude(self, archive: &Path, mut dataset: Dataset) -> Dataset {
        dataset.name = listing::name_of(archive);
        for problem in &mut dataset.problems {
            if let Place::File { path, .. } = &mut problem.place
                && let Ok(inside) = path.strip_prefix(self.folder.path())
            {
                *path = archive.join(inside);
            }
        }
        dataset.problems.extend(self.problems);
        dataset
    }

    /// An error with the place inside the archive.
    pub(super) fn explain(&self, archive: &Path, error: DataError) -> DataError {
        match error {
            DataError::Content { path, message, hint } => {
                let path =
                    path.strip_prefix(self.folder.path()).map_or_else(|_| path.clone(), |inside| archive.join(inside));
                DataError::Content { path, message, hint }
            }
            other => other,
        }
    }
}

/// Where the data is: archives often hold one folder with everything in it, or a single file.
fn root_of(folder: &Path) -> PathBuf {
    let mut root = folder.to_owned();
    for _ in 0..16 {
        let entries = listing::list(&root).unwrap_or_default();
        let mut shown = entries.into_iter().filter(|entry| !entry.is_hidden);
        match (shown.next(), shown.next()) {
            (Some(only), None) => root = only.path,
            _ => break,
        }
        if root.is_file() {
            break;
        }
    }
    root
}

struct Unpacking<'a> {
    archive: &'a Path,
    folder: &'a Path,
    extent: Extent,
    progress: &'a Progress,
    packed: u64,
    written: u64,
    /// Names in small letters: some systems take `A.txt` and `a.txt` for the same file.
    taken: BTreeSet<String>,
    left_out: usize,
    problems: Vec<Problem>,
}

impl Unpacking<'_> {
    fn zip(&mut self) -> Result<(), DataError> {
        let damaged = |reason: &dyn std::fmt::Display| {
            let hint = "Download or copy the archive again";
            DataError::content(self.archive, format!("the archive is damaged ({reason})"), hint)
        };
        let file = File::open(self.archive).map_err(FileError::of("can't read", self.archive))?;
        let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(&error))?;
        self.refuse_many(zip.len())?;
        for at in 0..zip.len().min(self.most()) {
            let entry = match zip.by_index_raw(at) {
                Ok(entry) => entry,
                Err(error) => {
                    self.leave_out(&format!("entry {}", at + 1), &error.to_string());
                    continue;
                }
            };
            let name = entry.name().map_or_else(|_| format!("entry {}", at + 1), |name| name.into_owned());
            if entry.is_dir() {
                continue;
            }
            if entry.is_symlink() {
                self.leave_out(&name, "it is a link");
            } else if entry.encrypted() {
                self.leave_out(&name, "it is encrypted");
            } else if entry.compression() == zip::CompressionMethod::Stored {
                let crc = entry.crc32();
                self.write(&name, entry, Some(crc))?;
            } else if entry.compression() == zip::CompressionMethod::DEFLATE {
                let crc = entry.crc32();
                self.write(&name, flate2::read::DeflateDecoder::new(entry), Some(crc))?;
            } else {
                self.leave_out(&name, "it is packed in a way that is not read; pack it with deflate");
            }
        }
        Ok(())
    }

    fn tar(&mut self) -> Result<(), DataError> {
        let content = input::open(self.archive, &Progress::default())?;
        let mut tar = tar::Archive::new(content);
        let failed = |error| input::read_error(self.archive, error, &Progress::default());
        let entries = tar.entries().map_err(failed)?;
        for (at, entry) in entries.enumerate() {
            self.refuse_many(at + 1)?;
            if at >= self.most() {
                break;
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if self.taken.is_empty() => {
                    let message = format!("the archive is damaged ({error})");
                    return Err(DataError::content(self.archive, message, "Download or copy the archive again"));
                }
                Err(error) => {
                    self.leave_out("the rest", &error.to_string());
                    break;
                }
            };
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let kind = entry.header().entry_type();
            if kind.is_file() {
                self.write(&name, entry, None)?;
            } else if kind.is_symlink() || kind.is_hard_link() {
                self.leave_out(&name, "it is a link");
            }
        }
        Ok(())
    }

    fn most(&self) -> usize {
        if self.extent == Extent::Start { FIRST } else { usize::MAX }
    }

    fn refuse_many(&self, entries: usize) -> Result<(), DataError> {
        if entries <= MOST_ENTRIES {
            return Ok(());
        }
        let message = format!("the archive has more than {} entries", format::count(MOST_ENTRIES as u64));
        Err(DataError::content(self.archive, message, "Unpack it yourself and choose the folder"))
    }

    fn leave_out(&mut self, name: &str, reason: &str) {
        self.left_out += 1;
        if self.left_out <= MOST_PROBLEMS {
            let short: String = name.chars().filter(|letter| !letter.is_control()).take(120).collect();
            let place = Place::File { path: self.archive.to_owned(), row: None };
            let message = format!("'{short}' in the archive is left out: {reason}");
            self.problems.push(Problem::warning(place, message, "Pack it again if it is needed"));
        }
    }

    /// Writes one entry; one with a bad name or damaged content is left out.
    fn write(&mut self, name: &str, content: impl Read, crc: Option<u32>) -> Result<(), DataError> {
        if self.progress.is_cancelled() {
            return Err(DataError::Cancelled);
        }
        let inside = match safe(name) {
            Ok(inside) => inside,
            Err(reason) => {
                self.leave_out(name, reason);
                return Ok(());
            }
        };
        if !self.taken.insert(inside.to_string_lossy().to_lowercase()) {
            self.leave_out(name, "another entry has the same name");
            return Ok(());
        }
        let target = self.folder.join(&inside);
        let parent = target.parent().unwrap_or(self.folder);
        // A file may stand where another entry needs a folder.
        if fs::create_dir_all(parent).is_err() {
            self.leave_out(name, "its folder has the name of another entry");
            return Ok(());
        }
        let mut file = File::create(&target).map_err(FileError::of("can't write", &target))?;
        let most = match self.extent {
            Extent::Start => START,
            Extent::Whole => {
                UNSUSPICIOUS.max(self.packed.saturating_mul(LARGEST_RATIO)).saturating_sub(self.written) + 1
            }
        };
        let mut counted = Checked { inner: content.take(most), crc: flate2::Crc::new() };
        let copied = io::copy(&mut counted, &mut file);
        let sum = counted.crc.sum();
        match copied {
            Ok(bytes) => {
                self.written += bytes;
                let is_damaged = self.extent == Extent::Whole && bytes < most && crc.is_some_and(|crc| crc != sum);
                if is_damaged {
                    self.leave_out(name, "its content is damaged");
                    fs::remove_file(&target).map_err(FileError::of("can't write", &target))?;
                }
            }
            Err(error) => {
                drop(file);
                fs::remove_file(&target).map_err(FileError::of("can't write", &target))?;
                self.leave_out(name, &format!("its content is damaged ({error})"));
            }
        }
        if self.extent == Extent::Whole && self.written > UNSUSPICIOUS && self.written / LARGEST_RATIO > self.packed {
            let message = format!(
                "{} grow to more than {}, which looks like an archive made to fill the disk",
                format::bytes(self.packed),
                format::bytes(self.written)
            );
            return Err(DataError::content(
                self.archive,
                message,
                "Unpack it yourself and choose the folder if you trust it",
            ));
        }
        Ok(())
    }
}

/// Reads on and sums up what is read.
struct Checked<R> {
    inner: R,
    crc: flate2::Crc,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.crc.update(buffer.get(..count).unwrap_or(&[]));
        Ok(count)
    }
}

/// A name inside an archive as a path that stays inside its folder on every system.
fn safe(name: &str) -> Result<PathBuf, &'static str> {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    if name.starts_with(['/', '\\']) {
        return Err("its name starts at the root of the disk");
    }
    let mut path = PathBuf::new();
    for part in name.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".") {
        let stem = part.split('.').next().unwrap_or("").trim_end().to_ascii_lowercase();
        let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
        if part == ".." {
            return Err("its name points outside the archive");
        }
        if part.contains(':') || part.chars().any(char::is_control) {
            return Err("its name has letters that mean something else on some systems");
        }
        if DEVICES.contains(&stem.as_str())
            || numbered.is_some_and(|rest| rest.len() == 1 && ("1"..="9").contains(&rest))
        {
            return Err("its name is that of a device on some systems");
        }
        if part.len() > 255 || part.ends_with(['.', ' ']) {
            return Err("its name can't exist on some systems");
        }
        path.push(part);
    }
    if path.as_os_str().is_empty() || path.components().count() > 64 { Err("it has no usable name") } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_on_every_system() {
        for (name, expect) in [
            ("a/b.png", Some("a/b.png")),
            ("./a//b.png", Some("a/b.png")),
            ("größe/猫.txt", Some("größe/猫.txt")),
            ("../a", None),
            ("a/../../b", None),
            ("/etc/passwd", None),
            ("\\\\server\\share", None),
            ("..\\a", None),
            ("C:/a", None),
            ("a.txt:stream", None),
            ("CON", None),
            ("a/aux.txt", None),
            ("com1.csv", None),
            ("comet.csv", Some("comet.csv")),
            ("a.", None),
            ("a\0b", None),
            ("", None),
            ("./", None),
        ] {
            assert_eq!(safe(name).ok(), expect.map(PathBuf::from), "{name}");
        }
    }
}
