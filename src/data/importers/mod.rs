//! Importers: files in, [`Dataset`] out. One file each, listed in [`all`].

mod annotated;
mod archive;
pub mod cifar;
mod class_folders;
pub mod coco;
mod compressed;
pub mod corpus;
pub mod csv_table;
pub mod idx;
pub mod image_folder;
mod input;
mod listing;
mod mask_file;
pub mod mask_folder;
pub mod mask_pairs;
pub mod mask_values;
pub mod npy;
mod options;
mod picture;
mod recording;
pub mod series_table;
pub mod sizing;
pub mod sound_folder;
pub mod text_folder;
pub mod text_table;
mod texts;
pub mod voc;
pub mod voc_masks;
mod xml;
pub mod yolo;

use std::path::Path;

use serde_json::{Map, Value};

use crate::base::Progress;

use super::{DataConfig, DataError, Dataset, InputKind, Source, embedded};

pub use options::OptionsForm;
pub use picture::Filter;

/// Reads one kind of data.
pub trait Importer: Send + Sync {
    /// As in project files and after `--as`, e.g. `image_folder`.
    fn id(&self) -> &'static str;
    /// As shown, e.g. `Image folder, one sub-folder per class`.
    fn label(&self) -> &'static str;
    /// One plain sentence: what it takes.
    fn help(&self) -> &'static str;
    /// File extensions without the dot; empty if it takes folders.
    fn extensions(&self) -> &'static [&'static str];
    /// From 0 (can't be) to 1 (surely): how well a path fits. Looks at names and the first bytes only.
    fn sniff(&self, path: &Path) -> f32;
    /// Its options with their values from a project file (unknown or bad ones fall back to the default).
    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm>;
    /// Reads it all; looks at `progress` for cancelling.
    ///
    /// # Errors
    /// If nothing usable could be read.
    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError>;
}

/// Every importer, in the order in which they are offered.
pub fn all() -> &'static [&'static dyn Importer] {
    &[
        &image_folder::ImageFolder,
        &mask_folder::MaskFolder,
        &voc_masks::VocMasks,
        &csv_table::CsvTable,
        &idx::Idx,
        &cifar::Cifar,
        &voc::Voc,
        &coco::Coco,
        &yolo::Yolo,
        &npy::Npy,
        &text_table::TextTable,
        &text_folder::TextFolder,
        &corpus::Corpus,
        &sound_folder::SoundFolder,
        &series_table::SeriesTable,
    ]
}

/// The importer of that id.
pub fn by_id(id: &str) -> Option<&'static dyn Importer> {
    all().iter().copied().find(|importer| importer.id() == id)
}

/// The importer that fits a path best, if any does; an archive is looked into.
pub fn sniff(path: &Path) -> Option<&'static dyn Importer> {
    if archive::is_archive(path) {
        let unpacked = archive::unpack(path, archive::Extent::Start, &Progress::default()).ok()?;
        return sniff_plain(&unpacked.root);
    }
    sniff_plain(path)
}

fn sniff_plain(path: &Path) -> Option<&'static dyn Importer> {
    let scored = all().iter().map(|importer| (importer.sniff(path), *importer));
    scored.filter(|(score, _)| *score > 0.0).max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, best)| best)
}

/// Reads the data of a project, embedded or from a path.
pub(super) fn read(config: &DataConfig, project_folder: &Path, progress: &Progress) -> Result<Dataset, DataError> {
    let path = match &config.source {
        Source::Embedded(name) => return embedded::read(name),
        Source::Path(path) => project_folder.join(path),
    };
    // A missing file is told as such, whatever its format.
    std::fs::metadata(&path).map_err(crate::base::files::FileError::of("can't read", &path))?;
    let find = |path: &Path| {
        let importer = if config.format.is_empty() { sniff_plain(path) } else { by_id(&config.format) };
        importer.ok_or_else(|| unknown_format(path, &config.format))
    };
    if !archive::is_archive(&path) {
        return find(&path)?.read(&path, &config.options, progress);
    }
    let unpacked = archive::unpack(&path, archive::Extent::Whole, progress)?;
    match find(&unpacked.root).and_then(|importer| importer.read(&unpacked.root, &config.options, progress)) {
        Ok(dataset) => Ok(unpacked.conclude(&path, dataset)),
        Err(error) => Err(unpacked.explain(&path, error)),
    }
}

fn unknown_format(path: &Path, format: &str) -> DataError {
    let known = all().iter().map(|importer| importer.id()).collect::<Vec<_>>().join(", ");
    if !format.is_empty() {
        let message = format!("there is no importer '{format}'");
        return DataError::content(path, message, format!("Choose one of these formats: {known}"));
    }
    if picture::has_image_extension(path) {
        let hint = "Choose the folder that holds one sub-folder per class, with the images inside";
        return DataError::content(path, "one image is no data set", hint);
    }
    let message = "no importer knows this kind of file or folder";
    DataError::content(path, message, format!("Choose the format yourself if you know it: {known}"))
}

/// Reads single files as raw samples for prediction, fitted to the data set's shape (image resized and its channels
/// matched, or the rows of a table with the same columns).
///
/// # Errors
/// If the file can't be read as such samples.
pub fn read_inputs(dataset: &Dataset, path: &Path) -> Result<Vec<Vec<f32>>, DataError> {
    match &dataset.input {
        InputKind::Image { filter } => read_image(dataset, *filter, path).map(|sample| vec![sample]),
        InputKind::Table { columns } => csv_table::read_inputs(dataset, columns, path),
        InputKind::Text(known) => texts::read_inputs(dataset, known, path),
        InputKind::Sound { sample_rate } => {
            sound_folder::read_input(dataset, *sample_rate, path).map(|sample| vec![sample])
        }
        InputKind::Series { columns, .. } => {
            series_table::read_input(dataset, columns, path).map(|sample| vec![sample])
        }
    }
}

/// Width and height of an image file as shown; `None` if it can't be read as one.
pub fn image_size(path: &Path) -> Option<(u32, u32)> {
    picture::size_of(path).ok()
}

fn read_image(dataset: &Dataset, filter: Filter, path: &Path) -> Result<Vec<f32>, DataError> {
    let unfit = |message: String| DataError::content(path, message, "Choose a PNG, JPEG, BMP, WebP, GIF or TIFF image");
    let &[channels, height, width] = dataset.dims.0.as_slice() else {
        return Err(unfit(format!("the data set's samples ({}) are no images", dataset.dims)));
    };
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let image = picture::read(path).map_err(|reason| unfit(format!("the image can't be read: {reason}")))?;
    let fitted = picture::fit(image, side(width), side(height), filter);
    Ok(fitted.into_channels(channels).into_iter().map(f32::from).collect())
}

/// `a, b, c and 12 more`.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
