//! A folder with one sub-folder per class, each full of images.
//!
//! ```text
//! flowers/rose/1.jpg          or          flowers/train/rose/1.jpg
//! flowers/tulip/7.png                     flowers/test/tulip/7.png
//! ```

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Dims, ParamVisitor, Params, Problem, Progress};
use crate::data::{DataError, Dataset, Features, InputKind, Labels, Task};

use super::Importer;
use super::class_folders::{self, Candidate, Sought};
use super::listing::{self, Entry};
use super::options::{self, OptionsForm};
use super::picture::{self, Filter, Fitted};
use super::sizing::{self, Channels, Sizing};

/// The size where none is given.
const SIZING: Sizing = Sizing { longest: 224, multiple: 1 };

/// What is looked for in class folders.
const SOUGHT: Sought =
    Sought { one: "image", several: "images", formats: "PNG, JPEG, BMP, WebP, GIF or TIFF images", is_one: is_image };

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct ImageFolder;

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
        sizing::visit(visitor, (width, height), channels, filter);
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
    let paths: Vec<&Path> = candidates.iter().map(|candidate| candidate.path.as_path()).collect();
    let (width, height) = sizing::choose(&paths, (options.width, options.height), SIZING, &mut problems, progress)?;
    sizing::refuse_what_cannot_fit(root, candidates.len(), (width, height), options.channels.count(false))?;

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

    let channels = options.channels.count(images.iter().all(|(_, fitted)| fitted.is_grey()));
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
