//! YOLO: a text file with boxes for each image, and `data.yaml` with the classes and the parts.
//!
//! ```text
//! cars/data.yaml      cars/images/train/1.jpg      cars/labels/train/1.txt
//! ```
//! Each line is class, center x, center y, width and height, the last four as shares of the image.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use crate::base::{Bounds, Place, Problem, Progress};
use crate::data::{DataError, Dataset, Part};

use super::Importer;
use super::annotated::{self, Annotated, AnnotatedOptions, Found, Measured, Object};
use super::listing;
use super::options::{self, OptionsForm};
use super::picture;
use super::voc::read_text;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct Yolo;

/// What is read of `data.yaml`.
#[derive(Debug, Default, PartialEq)]
struct Settings {
    /// Folders or lists of images, by part.
    parts: Vec<(Part, String)>,
    /// Names of the classes.
    names: Vec<String>,
    /// Number of classes, where it is told.
    count: Option<usize>,
    /// Where the parts start, below the folder.
    path: String,
}

impl Importer for Yolo {
    fn id(&self) -> &'static str {
        "yolo"
    }

    fn label(&self) -> &'static str {
        "Boxes, YOLO (text files)"
    }

    fn help(&self) -> &'static str {
        "Takes a folder with data.yaml, images and labels: for each image a text file whose lines are class, center, width \
         and height as shares of the image."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["yaml", "yml"]
    }

    fn sniff(&self, path: &Path) -> f32 {
        let Some(file) = settings_file(path) else { return 0.0 };
        let known = read_text(&file).map(|text| settings(&text));
        if known.is_ok_and(|known| !known.parts.is_empty() && !known.names.is_empty()) { 0.93 } else { 0.0 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<AnnotatedOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (options, problems) = options::parse::<AnnotatedOptions>(options);
        annotated::read(path, find(path, problems, progress)?, &options, progress)
    }
}

/// The settings of a data set: the file itself, or the one in the folder.
fn settings_file(path: &Path) -> Option<PathBuf> {
    let is_yaml = |path: &Path| {
        path.extension().is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"))
    };
    if path.is_file() {
        return is_yaml(path).then(|| path.to_owned());
    }
    let entries = listing::list(path).ok()?;
    let mut files = entries.into_iter().filter(|entry| !entry.is_folder && !entry.is_hidden && is_yaml(&entry.path));
    let first = files.next()?;
    let named = files.find(|entry| entry.name.eq_ignore_ascii_case("data.yaml"));
    Some(if first.name.eq_ignore_ascii_case("data.yaml") { first } else { named.unwrap_or(first) }.path)
}

fn find(path: &Path, mut problems: Vec<Problem>, progress: &Progress) -> Result<Found, DataError> {
    let missing =
        || DataError::content(path, "it holds no data.yaml", "Choose the folder with data.yaml, images and labels");
    let file = settings_file(path).ok_or_else(missing)?;
    let unfit = |message: String, hint: &str| DataError::content(&file, message, hint);
    let text = read_text(&file).map_err(|reason| unfit(reason, "Replace the file"))?;
    let Settings { parts, names, count, path: below } = settings(&text);
    if names.is_empty() || parts.is_empty() {
        return Err(unfit("it does not name classes (names) and parts (train, val)".to_owned(), "Add them"));
    }
    if let Some(count) = count.filter(|count| *count != names.len()) {
        let message = format!("It says that there are {count} classes, but names {}", names.len());
        let place = Place::File { path: file.clone(), row: None };
        problems.push(Problem::warning(place, message, "Correct nc or names"));
    }
    let folder = file.parent().unwrap_or(path);
    let has_parts = parts.iter().any(|(part, _)| *part == Part::Train) && parts.len() > 1;
    let mut images = Vec::new();
    for (part, below_part) in parts {
        let Some(images_folder) = inside(folder, &below)
            .into_iter()
            .chain([folder.to_owned()])
            .find_map(|root| inside(&root, &below_part).filter(|folder| folder.is_dir()))
        else {
            let message = format!("The folder '{below_part}' is missing, so that part is left out");
            let place = Place::File { path: file.clone(), row: None };
            problems.push(Problem::error(place, message, "Correct the path in data.yaml; paths start at its folder"));
            continue;
        };
        let labels_folder = labels_of(&images_folder);
        let entries = listing::list(&images_folder)?;
        for entry in entries.into_iter().filter(|entry| picture::has_image_extension(&entry.path) && !entry.is_hidden) {
            if progress.is_cancelled() {
                return Err(DataError::Cancelled);
            }
            let labels = labels_folder.join(entry.path.with_extension("txt").file_name().unwrap_or_default());
            let objects = objects(&labels, &names, &mut problems);
            images.push(Annotated { image: entry.path, part, objects });
        }
        tell_orphans(&labels_folder, &images_folder, &images, &mut problems);
    }
    Ok(Found { images, classes: names, has_parts, problems })
}

/// A path below a folder; `None` if it leads out of it.
fn inside(folder: &Path, below: &str) -> Option<PathBuf> {
    // Some writers start the path of a part at a folder beside.
    let below = Path::new(below.trim_start_matches("../").trim_start_matches("./"));
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    below.components().all(is_plain).then(|| folder.join(below))
}

/// The folder of labels that goes with a folder of images: `labels` in the place of the last `images`.
fn labels_of(images: &Path) -> PathBuf {
    let mut parts: Vec<_> = images.components().map(|part| part.as_os_str().to_owned()).collect();
    if let Some(place) = parts.iter_mut().rev().find(|part| *part == "images") {
        *place = "labels".into();
    }
    parts.iter().collect()
}

/// The boxes of an image; an image without a file of labels has none.
fn objects(path: &Path, names: &[String], problems: &mut Vec<Problem>) -> Vec<Object> {
    if !path.exists() {
        return Vec::new();
    }
    let place = |row: Option<usize>| Place::File { path: path.to_owned(), row };
    let text = match read_text(path) {
        Ok(text) => text,
        Err(reason) => {
            let message = format!("The labels can't be read: {reason}");
            problems.push(Problem::error(place(None), message, "Replace the file"));
            return Vec::new();
        }
    };
    let mut objects = Vec::new();
    for (row, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let numbers: Option<Vec<f64>> = line.split_whitespace().map(|word| word.parse().ok()).collect();
        let numbers = numbers.unwrap_or_default();
        let &[class, x, y, width, height] = numbers.get(..5).unwrap_or_default() else {
            let message =
                format!("A line must be class, x, y, width and height, but it is '{}'; it is left out", line.trim());
            problems.push(Problem::warning(place(Some(row)), message, "Correct the line"));
            continue;
        };
        if class < 0.0 || class.fract() != 0.0 || class as usize >= names.len() {
            let message =
                format!("A box has the class {class}, but there are classes 0 to {}; it is left out", names.len() - 1);
            problems.push(Problem::warning(
                place(Some(row)),
                message,
                "Correct the class, or add it to names in data.yaml",
            ));
            continue;
        }
        let bounds = Measured::Shares(Bounds::around(x, y, width, height));
        objects.push(Object {
            class: class as u32,
            bounds,
            is_difficult: false,
            is_crowd: false,
            place: place(Some(row)),
        });
    }
    objects
}

/// Names labels whose image is missing.
fn tell_orphans(labels: &Path, images: &Path, known: &[Annotated], problems: &mut Vec<Problem>) {
    let Ok(entries) = listing::list(labels) else { return };
    let has_image = |label: &Path| {
        known.iter().any(|image| image.image.parent() == Some(images) && image.image.file_stem() == label.file_stem())
    };
    let is_label = |path: &Path| path.extension().is_some_and(|end| end == "txt");
    for entry in entries.iter().filter(|entry| is_label(&entry.path) && !has_image(&entry.path)) {
        let place = Place::File { path: entry.path.clone(), row: None };
        let message = "The image of these labels is missing, so they are left out";
        problems.push(Problem::warning(place, message, format!("Put the image in {}", images.display())));
    }
}

/// Reads the few keys that matter from the simple YAML that such files are: `key: value`, lists in brackets or with dashes,
/// and names by number.
fn settings(text: &str) -> Settings {
    let mut found = Settings::default();
    let mut in_names = false;
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim_end();
        let inner = line.trim_start();
        if inner.is_empty() || inner.starts_with('#') {
            continue;
        }
        if in_names && (line.starts_with([' ', '\t']) || inner.starts_with("- ")) {
            let name = inner.strip_prefix("- ").or_else(|| inner.split_once(':').map(|(_, name)| name));
            found.names.extend(name.map(plain));
            continue;
        }
        in_names = false;
        let Some((key, value)) = inner.split_once(':') else { continue };
        let value = value.trim();
        let part = match key.trim() {
            "train" => Some(Part::Train),
            "val" | "valid" => Some(Part::Validation),
            "test" => Some(Part::Test),
            "path" => {
                found.path = plain(value);
                None
            }
            "nc" => {
                found.count = value.parse().ok();
                None
            }
            "names" => {
                in_names = value.is_empty();
                let list = value.trim_start_matches(['[', '{']).trim_end_matches([']', '}']);
                let items = list.split(',').filter(|item| !item.trim().is_empty());
                let is_map = value.starts_with('{');
                found.names.extend(items.map(|item| match item.split_once(':') {
                    Some((_, name)) if is_map => plain(name),
                    _ => plain(item),
                }));
                None
            }
            _ => None,
        };
        if let Some(part) = part.filter(|_| !value.is_empty()) {
            found.parts.push((part, plain(value)));
        }
    }
    found
}

/// A value without the quotes around it.
fn plain(value: &str) -> String {
    value.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_in_which_names_are_written() {
        let names = |text: &str| settings(text).names;
        assert_eq!(names("nc: 2\nnames: [cat, 'big dog']"), ["cat", "big dog"]);
        assert_eq!(names("names:\n  0: cat\n  1: dog\nnc: 2"), ["cat", "dog"]);
        assert_eq!(names("names:\n- cat\n- \"dog\"\n"), ["cat", "dog"]);
        assert_eq!(names("names: {0: cat, 1: dog}"), ["cat", "dog"]);
        let found = settings("path: ../data # here\ntrain: images/train\nval: images/val\n# test: x\nnc: 3");
        let parts = [(Part::Train, "images/train".to_owned()), (Part::Validation, "images/val".to_owned())];
        assert_eq!((found.parts, found.count, found.path.as_str()), (parts.to_vec(), Some(3), "../data"));
    }

    #[test]
    fn labels_lie_where_images_do() {
        assert_eq!(labels_of(Path::new("/images/a/images/train")), Path::new("/images/a/labels/train"));
        assert_eq!(inside(Path::new("/a"), "b/../../c"), None);
        assert_eq!(inside(Path::new("/a"), "../b"), Some(PathBuf::from("/a/b")));
    }
}
