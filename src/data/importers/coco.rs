//! COCO: all boxes of a part in one JSON file.
//!
//! ```text
//! street/instances_train.json      street/instances_val.json      street/images/1.jpg
//! ```

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::base::{Bounds, Place, Problem, Progress, format};
use crate::data::{DataError, Dataset, Part};

use super::Importer;
use super::annotated::{self, Annotated, AnnotatedOptions, Found, Measured, Object};
use super::class_folders::part_of;
use super::listing;
use super::options::{self, OptionsForm};

/// Largest JSON file that is read, bytes: that of the whole COCO has 470 MB.
const LARGEST_FILE: u64 = 1 << 30;

/// Bytes at the start of a file that tell what it is.
const START: u64 = 4096;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct Coco;

/// What is read of a file; the rest (outlines, licences) is passed over.
#[derive(Deserialize)]
struct Content {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: u64,
    file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u64,
    category_id: i64,
    /// Left, top, width, height.
    bbox: Option<Vec<f64>>,
    #[serde(default)]
    iscrowd: u8,
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    name: String,
}

impl Importer for Coco {
    fn id(&self) -> &'static str {
        "coco"
    }

    fn label(&self) -> &'static str {
        "Boxes, COCO (JSON)"
    }

    fn help(&self) -> &'static str {
        "Takes a COCO file (JSON with images, annotations and categories), or a folder with such files; names with train, \
         val and test give the parts. The images are looked for beside it and in the folder images."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json"]
    }

    fn sniff(&self, path: &Path) -> f32 {
        if files(path).is_empty() { 0.0 } else { 0.92 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<AnnotatedOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (options, problems) = options::parse::<AnnotatedOptions>(options);
        annotated::read(path, find(path, problems)?, &options, progress)
    }
}

/// The COCO files at a path.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return if is_coco(path) { vec![path.to_owned()] } else { Vec::new() };
    }
    let folders = [path.to_owned(), path.join("annotations")];
    let entries = folders.iter().filter(|folder| folder.is_dir()).filter_map(|folder| listing::list(folder).ok());
    entries.flatten().filter(|entry| !entry.is_hidden && is_coco(&entry.path)).map(|entry| entry.path).collect()
}

/// Whether the start of a file looks like COCO's: an object whose first keys are COCO's.
fn is_coco(path: &Path) -> bool {
    if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("json")) || !path.is_file() {
        return false;
    }
    let mut start = Vec::new();
    if File::open(path).and_then(|file| file.take(START).read_to_end(&mut start)).is_err() {
        return false;
    }
    let text = String::from_utf8_lossy(&start);
    let keys = ["\"images\"", "\"annotations\"", "\"categories\"", "\"licenses\"", "\"info\""];
    text.trim_start().starts_with('{')
        && keys.iter().any(|key| text.get(..text.len().min(200)).is_some_and(|text| text.contains(key)))
        && (text.contains("\"file_name\"")
            || text.contains("\"bbox\"")
            || text.contains("\"supercategory\"")
            || text.contains("\"licenses\""))
}

fn find(path: &Path, mut problems: Vec<Problem>) -> Result<Found, DataError> {
    let files = files(path);
    if files.is_empty() {
        let hint = "Choose a JSON file with images, annotations and categories";
        return Err(DataError::content(path, "it holds no COCO file", hint));
    }
    let root = if path.is_file() { path.parent().unwrap_or(path) } else { path };
    let parts: Vec<Option<Part>> = files.iter().map(|file| part_of_file(file)).collect();
    let has_parts = files.len() > 1 && parts.iter().all(Option::is_some) && parts.contains(&Some(Part::Train));
    let mut classes: Vec<String> = Vec::new();
    let mut index: HashMap<String, u32> = HashMap::new();
    let mut images = Vec::new();
    let mut taken = HashSet::new();
    for (file, part) in files.iter().zip(parts) {
        let content = read(file)?;
        let place = |row: Option<usize>| Place::File { path: file.clone(), row };
        let mut class_of = HashMap::new();
        for category in content.categories {
            let class = *index.entry(category.name.clone()).or_insert_with(|| {
                classes.push(category.name.clone());
                classes.len() as u32 - 1
            });
            class_of.insert(category.id, class);
        }
        let mut objects: HashMap<u64, Vec<Object>> = HashMap::new();
        for (row, annotation) in (1..).zip(content.annotations) {
            match object_of(&annotation, &class_of, place(Some(row))) {
                Ok(object) => objects.entry(annotation.image_id).or_default().push(object),
                Err(problem) => problems.push(problem),
            }
        }
        for image in content.images {
            let objects = objects.remove(&image.id).unwrap_or_default();
            match find_image(root, file, &image.file_name) {
                Some(path) if !taken.insert(path.clone()) => {
                    let message = format!(
                        "The image {} stands there twice; its boxes of the second time are left out",
                        image.file_name
                    );
                    problems.push(Problem::warning(place(None), message, "Remove one of the two entries"));
                }
                Some(path) => images.push(Annotated { image: path, part: part.unwrap_or(Part::Train), objects }),
                None => {
                    let message = format!(
                        "The image {} is missing, so its {} boxes are left out",
                        image.file_name,
                        objects.len()
                    );
                    problems.push(Problem::error(
                        place(None),
                        message,
                        "Put it beside the file or in the folder images",
                    ));
                }
            }
        }
        let orphans: usize = objects.values().map(Vec::len).sum();
        if orphans > 0 {
            let message = format!("{orphans} boxes belong to images that the file does not list, and are left out");
            problems.push(Problem::warning(place(None), message, "List the images, or remove the boxes"));
        }
    }
    Ok(Found { images, classes, has_parts, problems })
}

fn read(path: &Path) -> Result<Content, DataError> {
    let file = File::open(path).map_err(crate::base::files::FileError::of("can't read", path))?;
    let size = file.metadata().map_or(0, |data| data.len());
    if size > LARGEST_FILE {
        let message =
            format!("the file has {}, and at most {} are read", format::bytes(size), format::bytes(LARGEST_FILE));
        return Err(DataError::content(path, message, "Divide it into several files"));
    }
    serde_json::from_reader(BufReader::new(file)).map_err(|error| {
        let hint = "Check that it is a whole COCO file with images, annotations and categories";
        DataError::content(path, format!("the file can't be read as COCO: {error}"), hint)
    })
}

fn object_of(annotation: &Annotation, class_of: &HashMap<i64, u32>, place: Place) -> Result<Object, Problem> {
    let Some(&class) = class_of.get(&annotation.category_id) else {
        let message =
            format!("A box has the category {}, which the file does not list, and is left out", annotation.category_id);
        return Err(Problem::warning(place, message, "Add the category, or correct the box"));
    };
    let Some(&[x, y, width, height]) = annotation.bbox.as_deref() else {
        let message = "An annotation has no box of four numbers and is left out";
        return Err(Problem::warning(place, message, "Give bbox as left, top, width and height"));
    };
    let bounds = Measured::Pixels(Bounds::new(x, y, x + width, y + height));
    Ok(Object { class, bounds, is_difficult: false, is_crowd: annotation.iscrowd != 0, place })
}

/// The part that stands in a file's name.
fn part_of_file(path: &Path) -> Option<Part> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let mut words = stem.split(|letter: char| !letter.is_ascii_alphabetic());
    words.find_map(part_of)
}

/// Where an image lies. Names that would lead out of the folder are not followed.
fn find_image(root: &Path, file: &Path, name: &str) -> Option<PathBuf> {
    let name = Path::new(name);
    if !name.components().all(|part| matches!(part, Component::Normal(_))) || name.as_os_str().is_empty() {
        return None;
    }
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    // instances_train2017.json goes with the folder train2017.
    let part = stem.rsplit('_').next().unwrap_or_default().to_owned();
    let beside = file.parent().unwrap_or(root);
    let folders = [
        root.join("images"),
        root.to_owned(),
        beside.to_owned(),
        beside.join("images"),
        root.join(&part),
        root.join("images").join(&part),
    ];
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}
