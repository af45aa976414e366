//! Pascal VOC: one XML file with boxes for each image.
//!
//! ```text
//! cells/Annotations/1.xml      cells/JPEGImages/1.jpg      cells/ImageSets/Main/train.txt
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Map, Value};

use crate::base::{Bounds, Place, Problem, Progress};
use crate::data::{DataError, Dataset, Part};

use super::Importer;
use super::annotated::{self, Annotated, AnnotatedOptions, ClassNames, Found, Measured, Object};
use super::listing;
use super::options::{self, OptionsForm};
use super::picture;
use super::xml::{self, Element};

/// Largest annotation file that is read, bytes.
const LARGEST_FILE: u64 = 16 << 20;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct Voc;

impl Importer for Voc {
    fn id(&self) -> &'static str {
        "voc"
    }

    fn label(&self) -> &'static str {
        "Boxes, Pascal VOC (XML)"
    }

    fn help(&self) -> &'static str {
        "Takes a folder with Annotations (one XML file with boxes for each image) and JPEGImages; lists in \
         ImageSets/Main give the parts."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn sniff(&self, path: &Path) -> f32 {
        let has_boxes = annotations(path).is_ok_and(|files| !files.is_empty());
        if has_boxes && path.join("JPEGImages").is_dir() { 0.95 } else { 0.0 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<AnnotatedOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (options, problems) = options::parse::<AnnotatedOptions>(options);
        annotated::read(path, find(path, problems, progress)?, &options, progress)
    }
}

/// The XML files of a data set.
fn annotations(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    let is_xml = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
    let entries = listing::list(&root.join("Annotations"))?;
    Ok(entries.into_iter().filter(|entry| !entry.is_hidden && is_xml(&entry.path)).map(|entry| entry.path).collect())
}

fn find(root: &Path, mut problems: Vec<Problem>, progress: &Progress) -> Result<Found, DataError> {
    let files = annotations(root)?;
    if files.is_empty() {
        let hint = "Choose the folder that holds Annotations and JPEGImages";
        return Err(DataError::content(root, "its folder Annotations holds no XML file", hint));
    }
    let parts = parts(root, &mut problems)?;
    let read = |path: &PathBuf| -> Result<_, DataError> {
        if progress.is_cancelled() {
            return Err(DataError::Cancelled);
        }
        Ok(read_text(path).and_then(|text| xml::parse(&text)))
    };
    let roots = files.par_iter().map(read).collect::<Result<Vec<_>, _>>()?;

    let (mut images, mut names, mut unlisted) = (Vec::new(), ClassNames::default(), Vec::new());
    for (path, element) in files.iter().zip(roots) {
        let place = |row: Option<usize>| Place::File { path: path.clone(), row };
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let part = parts.get(&stem).copied();
        if !parts.is_empty() && part.is_none() {
            unlisted.push(stem);
            continue;
        }
        let element = match element {
            Ok(element) => element,
            Err(reason) => {
                let message = format!("The annotation can't be read, and its image is left out: {reason}");
                problems.push(Problem::error(place(None), message, "Correct the file, or remove it"));
                continue;
            }
        };
        let Some(image) = image_of(root, &stem, element.text_of("filename")) else {
            let message = format!("The image '{stem}' of this annotation is missing in JPEGImages");
            problems.push(Problem::error(place(None), message, "Put the image there, or remove the annotation"));
            continue;
        };
        let mut objects = Vec::new();
        for object in element.all("object") {
            match object_of(object, &mut names, place(Some(object.line))) {
                Ok(object) => objects.push(object),
                Err(problem) => problems.push(problem),
            }
        }
        images.push(Annotated { image, part: part.unwrap_or(Part::Train), objects });
    }
    if !unlisted.is_empty() {
        let place = Place::File { path: root.join("ImageSets/Main"), row: None };
        let shown: Vec<&str> = unlisted.iter().map(String::as_str).collect();
        let message = format!(
            "{} annotations stand in no list of parts and are left out: {}",
            shown.len(),
            super::shortened(&shown)
        );
        problems.push(Problem::warning(place, message, "Add them to train.txt, or remove the lists"));
    }
    let (classes, moved) = names.sorted();
    for object in images.iter_mut().flat_map(|image| &mut image.objects) {
        object.class = moved.get(object.class as usize).copied().unwrap_or(0);
    }
    Ok(Found { images, classes, has_parts: !parts.is_empty(), problems })
}

/// Reads a text file within limits.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !size.is_file() {
        return Err("it is no ordinary file".to_owned());
    }
    if size.len() > LARGEST_FILE {
        return Err(format!("it has {} bytes, and at most {LARGEST_FILE} are read", size.len()));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Parts by the stem of an image: from train.txt, val.txt and test.txt of ImageSets/Main. Lists of single classes
/// (`person_train.txt`) are not looked at.
fn parts(root: &Path, problems: &mut Vec<Problem>) -> Result<BTreeMap<String, Part>, DataError> {
    let mut parts = BTreeMap::new();
    let folder = root.join("ImageSets").join("Main");
    if !folder.is_dir() {
        return Ok(parts);
    }
    for (name, part) in [("test", Part::Test), ("val", Part::Validation), ("train", Part::Train)] {
        let path = folder.join(format!("{name}.txt"));
        if !path.is_file() {
            continue;
        }
        let text = read_text(&path).map_err(|reason| DataError::content(&path, reason, "Replace the file"))?;
        let mut twice = Vec::new();
        for stem in text.lines().filter_map(|line| line.split_whitespace().next()) {
            if let Some(old) = parts.insert(stem.to_owned(), part)
                && old != part
            {
                twice.push(stem);
            }
        }
        if !twice.is_empty() {
            let message = format!("{} images stand in two parts: {}", twice.len(), super::shortened(&twice));
            let hint = format!("They count for {name} now; remove them from one of the lists");
            problems.push(Problem::warning(Place::File { path, row: None }, message, hint));
        }
    }
    Ok(parts)
}

/// The image of an annotation: as it says, or of the same name with another extension.
fn image_of(root: &Path, stem: &str, named: Option<&str>) -> Option<PathBuf> {
    let folder = root.join("JPEGImages");
    // Only the name counts: paths in such files are those of the machine on which they were made.
    let name = named.and_then(|name| name.rsplit(['/', '\\']).next()).filter(|name| *name != ".." && !name.is_empty());
    let with = |extension: &&str| folder.join(format!("{stem}.{extension}"));
    let upper =
        || picture::EXTENSIONS.iter().map(|extension| folder.join(format!("{stem}.{}", extension.to_uppercase())));
    let others = picture::EXTENSIONS.iter().map(with).chain(upper());
    name.map(|name| folder.join(name)).into_iter().chain(others).find(|path| path.is_file())
}

/// One object of an annotation.
fn object_of(object: &Element, names: &mut ClassNames, place: Place) -> Result<Object, Problem> {
    let Some(name) = object.text_of("name") else {
        return Err(Problem::warning(place, "An object has no name and is left out", "Name its class in <name>"));
    };
    let edges = object.child("bndbox").and_then(|bounds| {
        let [x1, y1, x2, y2] = ["xmin", "ymin", "xmax", "ymax"].map(|edge| bounds.number_of(edge));
        Some(Bounds::new(x1?, y1?, x2?, y2?))
    });
    let Some(bounds) = edges else {
        let message = format!("An object of the class '{name}' has no box of four numbers and is left out");
        return Err(Problem::warning(place, message, "Give xmin, ymin, xmax and ymax in <bndbox>"));
    };
    let is_difficult = object.number_of("difficult").is_some_and(|flag| flag != 0.0);
    let bounds = Measured::Pixels(bounds);
    Ok(Object { class: names.index_of(name), bounds, is_difficult, is_crowd: false, place })
}
