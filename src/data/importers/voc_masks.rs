//! Pascal VOC's segmentation: photos, palette masks, and lists that give the parts.
//!
//! ```text
//! VOC2012/JPEGImages/2007_000032.jpg
//! VOC2012/SegmentationClass/2007_000032.png
//! VOC2012/ImageSets/Segmentation/train.txt  val.txt
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::base::{Place, Problem, Progress};
use crate::data::{DataError, Dataset, Part};

use super::mask_pairs::{self, Found, MaskOptions, Pair};
use super::options::{self, OptionsForm};
use super::{Importer, class_folders, listing, picture};

/// Largest list of names that is read, bytes: VOC's own have a few thousand names of 12 letters.
const LARGEST_LIST: u64 = 16 * 1024 * 1024;

/// The classes of Pascal VOC in the order of its palette.
const CLASSES: [&str; 21] = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct VocMasks;

impl Importer for VocMasks {
    fn id(&self) -> &'static str {
        "voc_masks"
    }

    fn label(&self) -> &'static str {
        "Pascal VOC segmentation"
    }

    fn help(&self) -> &'static str {
        "Takes a folder in the layout of Pascal VOC with JPEGImages, SegmentationClass (masks with a palette, 255 for \
         void) and lists of names in ImageSets/Segmentation, which give the parts."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn sniff(&self, path: &Path) -> f32 {
        let has = |name: &str| path.join(name).is_dir();
        if has("JPEGImages") && has("SegmentationClass") { 0.96 } else { 0.0 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<MaskOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (options, mut problems) = options::parse::<MaskOptions>(options);
        let found = find(path, &options, &mut problems)?;
        mask_pairs::read(path, found, &options, problems, progress)
    }
}

fn find(root: &Path, options: &MaskOptions, problems: &mut Vec<Problem>) -> Result<Found, DataError> {
    let masks_folder = if options.masks.trim().is_empty() { "SegmentationClass" } else { options.masks.trim() };
    let images = by_stem(&root.join("JPEGImages"))?;
    let mut masks = by_stem(&root.join(masks_folder))?;
    let all: Vec<String> = masks.keys().cloned().collect();
    let lists = lists(root)?;
    let has_parts = lists.iter().any(|(part, _)| *part == Part::Train) && lists.len() > 1;
    let mut pairs = Vec::new();
    let mut pair = |name: &str, part: Part, place: Place, problems: &mut Vec<Problem>| match (
        images.get(name),
        masks.remove(name),
    ) {
        (Some(image), Some(mask)) => pairs.push(Pair { image: image.clone(), mask, part }),
        (image, mask) => {
            let lacks = match (image, mask) {
                (None, None) => "image and mask are",
                (None, Some(_)) => "image is",
                _ => "mask is",
            };
            let message = format!("'{name}' is left out: its {lacks} not there, or it is listed twice");
            problems.push(Problem::warning(place, message, "Add the file, or take the name out of the list"));
        }
    };
    if lists.is_empty() {
        for name in all {
            let place = Place::File { path: root.join(masks_folder), row: None };
            pair(&name, Part::Train, place, problems);
        }
    }
    for (part, path) in lists {
        for (row, name) in names(&path)? {
            let place = Place::File { path: path.clone(), row: Some(row) };
            pair(&name, part, place, problems);
        }
    }
    if pairs.is_empty() {
        let message = format!("no image in JPEGImages has a mask of its name in {masks_folder}");
        return Err(DataError::content(root, message, "Give each mask the name of its image"));
    }
    if !masks.is_empty() {
        let left: Vec<&str> = masks.keys().map(String::as_str).collect();
        let message =
            format!("{} masks are in none of the lists and are left out: {}", left.len(), super::shortened(&left));
        let place = Place::File { path: root.join(masks_folder), row: None };
        problems.push(Problem::advice(place, message, "Add their names to a list in ImageSets/Segmentation"));
    }
    let named_instances = masks_folder == "SegmentationObject";
    // A list of other classes would be beside the images; all 21 are almost surely VOC's own.
    let usual_names = |largest: u32| {
        let is_voc = largest as usize + 1 == CLASSES.len();
        CLASSES.iter().filter(|_| is_voc).map(|name| (*name).to_owned()).collect()
    };
    Ok(Found { pairs, has_parts, named_instances, usual_names })
}

/// The image files of a folder by their names.
fn by_stem(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DataError> {
    let entries = listing::list(folder)?;
    let images = entries.into_iter().filter(|entry| !entry.is_folder && picture::has_image_extension(&entry.path));
    Ok(images
        .map(|entry| (entry.path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), entry.path))
        .collect())
}

/// The lists that give parts, training first; one of all names only where there is no other.
fn lists(root: &Path) -> Result<Vec<(Part, PathBuf)>, DataError> {
    let folder = root.join("ImageSets").join("Segmentation");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let files: Vec<PathBuf> = listing::list(&folder)?.into_iter().map(|entry| entry.path).collect();
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "txt") && path.is_file());
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (parts, others): (Vec<PathBuf>, Vec<PathBuf>) =
        files.partition(|path| class_folders::part_of(&stem(path)).is_some());
    let mut lists: Vec<(Part, PathBuf)> =
        parts.into_iter().filter_map(|path| class_folders::part_of(&stem(&path)).map(|part| (part, path))).collect();
    lists.sort_by_key(|(part, _)| *part as u8);
    if !lists.iter().any(|(part, _)| *part == Part::Train) {
        lists = others.into_iter().map(|path| (Part::Train, path)).take(1).collect();
    }
    Ok(lists)
}

/// The names of a list with their rows, one a line; what stands behind a name is left out.
fn names(path: &Path) -> Result<Vec<(usize, String)>, DataError> {
    let failed = || crate::base::files::FileError::of("can't read", path);
    let size = std::fs::metadata(path).map_err(failed())?.len();
    if size > LARGEST_LIST {
        let message = format!("a list of names has at most {LARGEST_LIST} bytes, but this has {size}");
        return Err(DataError::content(path, message, "Choose the folder of a VOC data set"));
    }
    let text = String::from_utf8_lossy(&std::fs::read(path).map_err(failed())?).into_owned();
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    Ok((1..).zip(text.lines()).filter_map(|(row, line)| first(line).map(|name| (row, name))).collect())
}
