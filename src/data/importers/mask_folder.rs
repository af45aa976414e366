//! Folders of images and folders of masks with the same file names.
//!
//! ```text
//! cells/images/1.png            cells/train/images/1.png          cells/images/train/1.png
//! cells/masks/1.png      or     cells/train/masks/1.png     or    cells/masks/train/1.png
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::base::{Place, Problem, Progress};
use crate::data::{DataError, Dataset, Part};

use super::class_folders::part_of;
use super::listing::{self, Entry};
use super::mask_pairs::{self, Found, MaskOptions, Pair};
use super::options::{self, OptionsForm};
use super::{Importer, picture};

/// Usual names of folders of images.
const IMAGES: &[&str] = &["images", "image", "imgs", "img", "jpegimages", "inputs", "input", "photos"];
/// Usual names of folders of masks, those that tell classes apart first.
const MASKS: &[&str] = &[
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "segmentations",
    "segmentation",
    "segmentationclass",
    "groundtruth",
    "ground_truth",
    "gt",
    "targets",
    "instances",
    "instance_masks",
];
/// What the name of a mask's file may have behind that of its image.
const ENDINGS: &[&str] =
    &["_mask", "_masks", "-mask", "_label", "_labels", "_gt", "_seg", "_segmentation", "_instances", "_L"];

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct MaskFolder;

impl Importer for MaskFolder {
    fn id(&self) -> &'static str {
        "mask_folder"
    }

    fn label(&self) -> &'static str {
        "Images with masks"
    }

    fn help(&self) -> &'static str {
        "Takes a folder with images and a folder with masks of the same file names, such as images and masks. A mask has \
         a number or colour for each pixel that says what the pixel belongs to. Sub-folders train, validation and test \
         give the parts."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn sniff(&self, path: &Path) -> f32 {
        let holds_images = |folder: &Path| {
            let inside = listing::list(folder).unwrap_or_default();
            let deeper = inside.iter().filter(|entry| part_of(&entry.name).is_some());
            let deeper = deeper.flat_map(|entry| listing::list(&entry.path).unwrap_or_default());
            inside.iter().chain(&deeper.collect::<Vec<_>>()).any(is_image)
        };
        let is_pair = |(images, masks, _): &(PathBuf, PathBuf, Part)| holds_images(images) && holds_images(masks);
        if folders(path, "").iter().any(is_pair) { 0.94 } else { 0.0 }
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

/// Folders of images with the folder of their masks, and the part that stands around them.
fn folders(root: &Path, masks: &str) -> Vec<(PathBuf, PathBuf, Part)> {
    let pair_in = |folder: &Path| {
        let inside = listing::list(folder).unwrap_or_default();
        let named = |name: &str| {
            let found = inside.iter().find(|entry| entry.is_folder && entry.name.eq_ignore_ascii_case(name));
            found.map(|entry| entry.path.clone())
        };
        let masks = if masks.is_empty() { MASKS.iter().find_map(|name| named(name)) } else { named(masks) };
        IMAGES.iter().find_map(|name| named(name)).zip(masks)
    };
    if let Some((images, masks)) = pair_in(root) {
        return vec![(images, masks, Part::Train)];
    }
    let parts = listing::list(root).unwrap_or_default();
    let parts = parts.iter().filter(|entry| entry.is_folder).filter_map(|entry| Some((entry, part_of(&entry.name)?)));
    parts.filter_map(|(entry, part)| pair_in(&entry.path).map(|(images, masks)| (images, masks, part))).collect()
}

fn find(root: &Path, options: &MaskOptions, problems: &mut Vec<Problem>) -> Result<Found, DataError> {
    let wanted = options.masks.trim();
    let mut folders = folders(root, wanted);
    let Some((_, first, _)) = folders.first() else {
        let what = if wanted.is_empty() { "masks" } else { wanted };
        let message = format!("it holds no folder of images beside a folder {what}");
        let hint = "Name the folders images and masks, or name the folder of masks in the import options";
        return Err(DataError::content(root, message, hint));
    };
    let named_instances = listing::name_of(first).to_lowercase().starts_with("instance");
    let mut has_parts = folders.len() > 1 && folders.iter().any(|(_, _, part)| *part == Part::Train);
    if let [(images, masks, _)] = folders.as_slice() {
        let inner = by_part(images, masks);
        if !inner.is_empty() {
            has_parts = inner.iter().any(|(_, _, part)| *part == Part::Train) && inner.len() > 1;
            folders = inner;
        }
    }
    folders.sort_by_key(|(_, _, part)| *part as u8);
    let mut pairs = Vec::new();
    for (images, masks, part) in folders {
        join(&images, &masks, part, &mut pairs, problems)?;
    }
    if pairs.is_empty() {
        let message = "no image has a mask of the same file name";
        return Err(DataError::content(root, message, "Give each mask the name of its image"));
    }
    Ok(Found { pairs, has_parts, named_instances, usual_names: |_| Vec::new() })
}

/// `images/train` with `masks/train`, and so on.
fn by_part(images: &Path, masks: &Path) -> Vec<(PathBuf, PathBuf, Part)> {
    let inside = listing::list(images).unwrap_or_default();
    let parts = inside.iter().filter(|entry| entry.is_folder).filter_map(|entry| {
        let masks = masks.join(&entry.name);
        masks.is_dir().then_some((entry.path.clone(), masks, part_of(&entry.name)?))
    });
    parts.collect()
}

/// Joins images and masks by their names; what stays alone is told.
fn join(
    images: &Path,
    masks: &Path,
    part: Part,
    pairs: &mut Vec<Pair>,
    problems: &mut Vec<Problem>,
) -> Result<(), DataError> {
    let images = files(images, problems)?;
    let masks = files(masks, problems)?;
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut by_name: BTreeMap<String, PathBuf> = BTreeMap::new();
    let names: std::collections::BTreeSet<String> = images.iter().map(|image| stem(image)).collect();
    let mut alone = Vec::new();
    for mask in masks {
        let name = stem(&mask);
        let cut = || ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).filter(|cut| names.contains(*cut));
        let of = if names.contains(&name) { Some(name.as_str()) } else { cut() };
        match of.map(str::to_owned) {
            Some(name) if !by_name.contains_key(&name) => {
                by_name.insert(name, mask);
            }
            _ => alone.push(mask),
        }
    }
    mask_pairs::tell_alone(&alone, "mask", "image", problems);
    let mut alone = Vec::new();
    for image in images {
        match by_name.remove(&stem(&image)) {
            Some(mask) => pairs.push(Pair { image, mask, part }),
            None => alone.push(image),
        }
    }
    mask_pairs::tell_alone(&alone, "image", "mask", problems);
    Ok(())
}

/// The image files of a folder; others are told.
fn files(folder: &Path, problems: &mut Vec<Problem>) -> Result<Vec<PathBuf>, DataError> {
    let entries: Vec<Entry> = listing::list(folder)?.into_iter().filter(|entry| !entry.is_hidden).collect();
    let (images, others): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_image);
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|entry| entry.name.as_str()).collect();
        let message = format!("{} files are no images, left out: {}", names.len(), super::shortened(&names));
        let place = Place::File { path: folder.to_owned(), row: None };
        let hint = "Nothing needs to be done if they are not meant as samples";
        problems.push(Problem::advice(place, message, hint));
    }
    Ok(images.into_iter().map(|entry| entry.path).collect())
}

fn is_image(entry: &Entry) -> bool {
    !entry.is_folder && !entry.is_hidden && picture::has_image_extension(&entry.path)
}
