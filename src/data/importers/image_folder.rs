//! A folder with one sub-folder per class, each full of images.
//!
//! ```text
//! flowers/rose/1.jpg          or          flowers/train/rose/1.jpg
//! flowers/tulip/7.png                     flowers/test/tulip/7.png
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Dims, Field, ParamVisitor, Params, Place, Problem, Progress, format, memory};
use crate::data::{DataError, Dataset, Features, InputKind, Labels, Task};

use super::Importer;
use super::class_folders::{self, Candidate, Sought};
use super::listing::{self, Entry};
use super::options::{self, OptionsForm};
use super::picture::{self, Filter, Fitted};

/// Longest side of the size that is chosen when none is given, pixels: larger images would only make training slow.
const LONGEST_AUTOMATIC_SIDE: u32 = 224;

/// What is looked for in class folders.
const SOUGHT: Sought =
    Sought { one: "image", several: "images", formats: "PNG, JPEG, BMP, WebP, GIF or TIFF images", is_one: is_image };

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct ImageFolder;

crate::choices! {
    /// How many channels a sample has.
    pub enum Channels {
        /// 3 if any image has colours, else 1.
        Auto = "auto", "As in the files", "Three channels if any image has colours, else one.";
        /// Grey.
        One = "grey", "1, grey", "Turns colours into grey.";
        /// Red, green, blue.
        Three = "rgb", "3, red, green, blue", "Repeats grey images in all three channels.";
    }
}

/// Its options.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageFolderOptions {
    /// Width of a sample, pixels; 0 takes the most frequent size.
    pub width: usize,
    /// Height of a sample, pixels; 0 takes the most frequent size.
    pub height: usize,
    /// Channels of a sample.
    pub channels: Channels,
    /// For images of another size.
    pub filter: Filter,
}

impl Params for ImageFolderOptions {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { width, height, channels, filter } = self;
        let help = "Images of another size are resized to this one. 0 takes the most frequent size of the files.";
        let most = picture::LONGEST_SIDE as usize;
        visitor.count(Field::new("width", "Width").unit("pixels").help(help), width, 0..=most);
        visitor.count(Field::new("height", "Height").unit("pixels").help(help), height, 0..=most);
        let field = Field::new("channels", "Channels").help("One for grey images, three for colours.");
        visitor.choice(field, channels);
        let field = Field::new("filter", "Resizing").help("How images of another size are resized.");
        visitor.choice(field, filter);
    }
}

impl Importer for ImageFolder {
    fn id(&self) -> &'static str {
        "image_folder"
    }

    fn label(&self) -> &'static str {
        "Image folder, one sub-folder per class"
    }

    fn help(&self) -> &'static str {
        "Takes a folder whose sub-folders are named after the classes and hold PNG, JPEG, BMP, WebP, GIF or TIFF \
         images. Sub-folders train, validation and test around them give the parts."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn sniff(&self, path: &Path) -> f32 {
        // Any folder may be meant for it: then its message says what is missing.
        let Ok(entries) = listing::list(path) else { return 0.0 };
        let folders = entries.iter().filter(|entry| entry.is_folder && !entry.is_hidden);
        let inside = folders.clone().take(20).filter_map(|entry| listing::list(&entry.path).ok()).flatten();
        if inside.clone().any(|entry| picture::has_image_extension(&entry.path)) {
            0.9
        } else if inside.into_iter().any(|entry| entry.is_folder) {
            0.5
        } else if folders.count() > 0 {
            0.3
        } else {
            0.1
        }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<ImageFolderOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (options, problems) = options::parse::<ImageFolderOptions>(options);
        read(path, &options, problems, progress)
    }
}

fn read(
    root: &Path,
    options: &ImageFolderOptions,
    mut problems: Vec<Problem>,
    progress: &Progress,
) -> Result<Dataset, DataError> {
    let (candidates, has_parts) = class_folders::find(root, &SOUGHT, &mut problems, progress)?;
    progress.set_total(candidates.len() as u64);
    let (width, height) = choose_size(&candidates, options, &mut problems, progress)?;
    refuse_what_cannot_fit(root, candidates.len(), width, height, options.channels)?;

    let open = |candidate: &Candidate| -> Result<Result<Fitted, String>, DataError> {
        if progress.is_cancelled() {
            return Err(DataError::Cancelled);
        }
        let fitted = picture::read(&candidate.path).map(|image| picture::fit(image, width, height, options.filter));
        progress.advance();
        Ok(fitted)
    };
    let opened = candidates.par_iter().map(open).collect::<Result<Vec<_>, _>>()?;

    let mut images = Vec::with_capacity(opened.len());
    let mut broken = Vec::new();
    for (candidate, outcome) in candidates.into_iter().zip(opened) {
        match outcome {
            Ok(fitted) => images.push((candidate, fitted)),
            Err(reason) => broken.push((candidate, reason)),
        }
    }
    let classes = class_folders::conclude(root, &SOUGHT, &images, broken, &mut problems)?;

    let channels = match options.channels {
        Channels::One => 1,
        Channels::Three => 3,
        Channels::Auto => {
            if images.iter().all(|(_, fitted)| fitted.is_grey()) {
                1
            } else {
                3
            }
        }
    };
    let dims = Dims::from([channels, height as usize, width as usize]);
    let mut dataset = Dataset {
        name: listing::name_of(root),
        task: Task::Classification,
        input: InputKind::Image { filter: options.filter },
        features: Features::Bytes(Vec::new()),
        labels: Labels::Classes(Vec::new()),
        target: "class".to_owned(),
        origins: images.iter().map(|(candidate, _)| listing::below(root, &candidate.path)).collect(),
        given_parts: if has_parts { images.iter().map(|(candidate, _)| candidate.part).collect() } else { Vec::new() },
        problems,
        fingerprint: String::new(),
        dims,
        classes,
    };
    dataset.labels = class_folders::labels(&dataset.classes, &images);
    let mut bytes = Vec::with_capacity(images.len() * dataset.dims.elements());
    for (_, fitted) in images {
        bytes.extend(fitted.into_channels(channels));
    }
    dataset.features = Features::Bytes(bytes);
    dataset.seal();
    Ok(dataset)
}

/// An image by its name or, where the name says something else, by its first bytes.
fn is_image(entry: &Entry) -> bool {
    if entry.is_folder || entry.is_hidden {
        return false;
    }
    let by_content = || {
        let mut start = [0; 32];
        let length = File::open(&entry.path).and_then(|mut file| file.read(&mut start)).unwrap_or(0);
        picture::format_of(start.get(..length).unwrap_or(&[])).is_some()
    };
    picture::has_image_extension(&entry.path) || (entry.path.is_file() && by_content())
}

/// The given size, or the most frequent one of the files, shrunk to [`LONGEST_AUTOMATIC_SIDE`].
fn choose_size(
    candidates: &[Candidate],
    options: &ImageFolderOptions,
    problems: &mut Vec<Problem>,
    progress: &Progress,
) -> Result<(u32, u32), DataError> {
    let given = |side: usize| u32::try_from(side).unwrap_or(u32::MAX).min(picture::LONGEST_SIDE);
    let (width, height) = (given(options.width), given(options.height));
    if width > 0 && height > 0 {
        return Ok((width, height));
    }
    let size = |candidate: &Candidate| -> Result<Option<(u32, u32)>, DataError> {
        if progress.is_cancelled() {
            return Err(DataError::Cancelled);
        }
        // What can't be read here is named when it is opened.
        Ok(picture::size_of(&candidate.path).ok())
    };
    let sizes = candidates.par_iter().map(size).collect::<Result<Vec<_>, _>>()?;
    let mut counts = BTreeMap::new();
    for size in sizes.into_iter().flatten() {
        *counts.entry(size).or_insert(0_usize) += 1;
    }
    let Some((&(common_width, common_height), &count)) = counts.iter().max_by_key(|(size, count)| (**count, **size))
    else {
        // Nothing can be read, which is told when the files are opened.
        return Ok((width.max(1), height.max(1)));
    };
    let shrink = f64::from(LONGEST_AUTOMATIC_SIDE) / f64::from(common_width.max(common_height));
    let shrunk = |side: u32| (f64::from(side) * shrink.min(1.0)).round().max(1.0) as u32;
    let (fitting_width, fitting_height) = (shrunk(common_width), shrunk(common_height));
    let chosen = match (width, height) {
        (0, 0) => (fitting_width, fitting_height),
        (0, height) => (fitting_width, height),
        (width, _) => (width, fitting_height),
    };
    if counts.len() > 1 || chosen != (common_width, common_height) {
        let total: usize = counts.values().sum();
        let message = format!(
            "The images have {} sizes ({count} of {total} have {common_width} x {common_height} pixels), and all are \
             resized to {} x {}",
            counts.len(),
            chosen.0,
            chosen.1
        );
        let hint = "Choose another width and height in the import options if that is too small or too large";
        problems.push(Problem::advice(Place::Data, message, hint));
    }
    Ok(chosen)
}

/// Counts the memory of all samples before any is decoded.
fn refuse_what_cannot_fit(
    root: &Path,
    samples: usize,
    width: u32,
    height: u32,
    channels: Channels,
) -> Result<(), DataError> {
    let channels = if channels == Channels::One { 1 } else { 3 };
    // Twice: each image alone, then all in one block.
    let needed = samples as u128 * u128::from(width) * u128::from(height) * channels * 2;
    let available = memory::sample().available;
    if available == 0 || needed < u128::from(available) {
        return Ok(());
    }
    let needed = format::bytes(u64::try_from(needed).unwrap_or(u64::MAX));
    let message = format!(
        "{samples} images of {width} x {height} pixels need {needed} of memory, and {} are free",
        format::bytes(available)
    );
    Err(DataError::content(root, message, "Choose a smaller width and height in the import options"))
}
