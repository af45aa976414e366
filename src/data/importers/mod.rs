//! Importers: files in, [`Dataset`] out. One file each, listed in [`all`].

use std::path::Path;

use crate::base::{Params, Progress};

use super::{DataConfig, DataError, Dataset, Source, embedded};

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
    fn options(&self, values: &serde_json::Map<String, serde_json::Value>) -> Box<dyn OptionsForm>;
    /// Reads it all; looks at `progress` for cancelling.
    ///
    /// # Errors
    /// If nothing usable could be read.
    fn read(
        &self,
        path: &Path,
        options: &serde_json::Map<String, serde_json::Value>,
        progress: &Progress,
    ) -> Result<Dataset, DataError>;
}

/// An importer's options as a form, and back as values for the project file.
pub trait OptionsForm: Params {
    /// The values for [`DataConfig::options`].
    fn values(&self) -> serde_json::Map<String, serde_json::Value>;
}

/// Every importer, in the order in which they are offered.
pub fn all() -> &'static [&'static dyn Importer] {
    &[]
}

/// The importer of that id.
pub fn by_id(id: &str) -> Option<&'static dyn Importer> {
    all().iter().copied().find(|importer| importer.id() == id)
}

/// The importer that fits a path best, if any does.
pub fn sniff(path: &Path) -> Option<&'static dyn Importer> {
    let _ = path;
    None
}

/// Reads the data of a project, embedded or from a path.
pub(super) fn read(config: &DataConfig, project_folder: &Path, progress: &Progress) -> Result<Dataset, DataError> {
    let path = match &config.source {
        Source::Embedded(name) => return embedded::read(name),
        Source::Path(path) => project_folder.join(path),
    };
    let importer = if config.format.is_empty() { sniff(&path) } else { by_id(&config.format) };
    let Some(importer) = importer else {
        let known = all().iter().map(|importer| importer.id()).collect::<Vec<_>>().join(", ");
        let message = if config.format.is_empty() {
            "no importer knows this kind of file or folder".to_owned()
        } else {
            format!("there is no importer '{}'", config.format)
        };
        return Err(DataError::content(path, message, format!("Choose one of these formats: {known}")));
    };
    importer.read(&path, &config.options, progress)
}

/// Reads single files as raw samples for prediction, fitted to the data set's shape (image resized and its channels
/// matched, or the rows of a table with the same columns).
///
/// # Errors
/// If the file can't be read as such samples.
pub fn read_inputs(dataset: &Dataset, path: &Path) -> Result<Vec<Vec<f32>>, DataError> {
    let _ = (dataset, path);
    Err(DataError::Cancelled)
}
