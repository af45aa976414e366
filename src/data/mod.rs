//! Data sets: where they come from, how they are split and scaled, and the batches made from them.
//!
//! An importer ([`importers`]) turns files into a [`Dataset`] on a job thread. [`prepare`] splits it and fits the
//! normalization on the training part alone; the result is shared, read-only, by training, evaluation and the window.

pub mod augment;
pub mod batch;
pub mod boxes;
pub mod byte_pairs;
pub mod card;
pub mod corpus;
pub mod dataset;
pub mod doctor;
pub mod embedded;
pub mod importers;
pub mod loader;
pub mod mask_png;
pub mod masks;
pub mod normalize;
pub mod preview;
pub mod repairs;
pub mod split;
pub mod stats;
pub mod tokens;

pub use augment::Augmentation;
pub use boxes::BoxLabel;
pub use card::Card;
pub use dataset::{ColumnKind, Dataset, Features, InputColumn, InputKind, Labels, Part};
pub use masks::{Masks, VOID};
pub use normalize::{Normalization, Normalizer};
pub use repairs::Repairs;
pub use split::{Split, SplitConfig};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::{Dims, Problem, Progress};

/// What kind of answer the network gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One class of a list.
    #[default]
    Classification,
    /// One real number.
    Regression,
    /// One class of a list for each pixel.
    Segmentation,
    /// The token that follows, behind each token of a text.
    LanguageModel,
    /// Boxes around the objects in an image, each with a class.
    Detection,
}

/// Where the data of a project comes from and how it is prepared: plain values, stored in the project file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DataConfig {
    /// Where it is.
    pub source: Source,
    /// Id of the importer, e.g. `image_folder`.
    pub format: String,
    /// The importer's options that differ from its defaults.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// How it is split.
    pub split: SplitConfig,
    /// How it is scaled.
    pub normalization: Normalization,
    /// The random changes that training samples get.
    #[serde(skip_serializing_if = "Augmentation::is_empty")]
    pub augmentation: Augmentation,
    /// Samples that are left out or moved.
    #[serde(skip_serializing_if = "Repairs::is_empty")]
    pub repairs: Repairs,
    /// What people know of it.
    #[serde(skip_serializing_if = "Card::is_empty")]
    pub card: Card,
}

impl DataConfig {
    /// Whether both read the same samples; split, scaling and augmentation may differ.
    pub fn same_source(&self, other: &Self) -> bool {
        let Self { source, format, options, split: _, normalization: _, augmentation: _, repairs: _, card: _ } = self;
        *source == other.source && *format == other.format && *options == other.options
    }

    /// Whether both give the same parts with the same scaling; augmentation comes later and may differ.
    pub fn same_preparation(&self, other: &Self) -> bool {
        let Self { source: _, format: _, options: _, split, normalization, augmentation: _, repairs, card: _ } = self;
        self.same_source(other)
            && *repairs == other.repairs
            && *split == other.split
            && *normalization == other.normalization
    }
}

/// Where data is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A data set inside the program, by name (`digits`).
    Embedded(String),
    /// A file or folder; relative paths start at the project's folder.
    Path(PathBuf),
}

impl Default for Source {
    fn default() -> Self {
        Self::Embedded("digits".to_owned())
    }
}

/// A data set that is ready for training.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The samples.
    pub dataset: Arc<Dataset>,
    /// Which sample is in which part.
    pub split: Split,
    /// Fitted on the training part.
    pub normalizer: Normalizer,
}

/// Why data could not be read or prepared. The text names the file, the place and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Someone cancelled the job.
    #[error("the import was cancelled")]
    Cancelled,
    /// A file or folder could not be read.
    #[error(transparent)]
    File(#[from] crate::base::files::FileError),
    /// The content is not what the importer takes.
    #[error("{}: {message}. {hint}", path.display())]
    Content {
        /// The file or folder.
        path: PathBuf,
        /// Which rule, what was found, and at which row.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A sample that the data set does not have was asked for.
    #[error("sample {sample} was asked for, but the data set has {len} samples")]
    NoSuchSample {
        /// Its index.
        sample: u32,
        /// Samples in the data set.
        len: usize,
    },
    /// Values that are not one sample.
    #[error("a sample has {expected} values ({dims}), but {found} were given")]
    SampleSize {
        /// Shape of the data set's samples.
        dims: Dims,
        /// Values in it.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// The threads that make batches ended before the run.
    #[error("the threads that prepare the batches ended too early")]
    Loader,
    /// The system gave no thread.
    #[error("the system gives no thread to prepare batches: {0}")]
    Thread(std::io::Error),
    /// A tensor could not be made.
    #[error("could not make a batch: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl DataError {
    /// What is wrong with the content of a file or folder, and what to do.
    pub fn content(path: impl Into<PathBuf>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Content { path: path.into(), message: message.into(), hint: hint.into() }
    }
}

/// Reads the data of a project. `project_folder` is where relative paths start.
///
/// # Errors
/// If nothing usable could be read. Single bad files are listed in [`Dataset::problems`] instead.
pub fn load(config: &DataConfig, project_folder: &Path, progress: &Progress) -> Result<Dataset, DataError> {
    importers::read(config, project_folder, progress)
}

/// Splits a data set and fits what depends on the training part alone: the normalization, and the vocabulary of texts.
pub fn prepare(dataset: Arc<Dataset>, config: &DataConfig) -> Prepared {
    if let Some(texts) = corpus::texts_of(&dataset) {
        let (dataset, mut split) = corpus::fitted(&dataset, texts, &config.split);
        config.repairs.apply(&dataset, &mut split);
        return Prepared { dataset: Arc::new(dataset), split, normalizer: Normalizer::default() };
    }
    let mut split = split::split(&dataset, &config.split);
    config.repairs.apply(&dataset, &mut split);
    let dataset = tokens::fitted(dataset, &split.train);
    let normalizer = Normalizer::fit(&dataset, &split.train, config.normalization);
    Prepared { dataset, split, normalizer }
}

/// Everything that is odd about the data and its division, for the list of problems.
pub fn problems(prepared: &Prepared, config: &DataConfig) -> Vec<Problem> {
    let Prepared { dataset, split, normalizer: _ } = prepared;
    let mut problems = dataset.problems.clone();
    match corpus::texts_of(dataset) {
        Some(texts) => problems.extend(corpus::problems(dataset, texts, split)),
        None => problems.extend(tokens::problems(dataset)),
    }
    problems.extend(split::problems(dataset, &config.split, split));
    problems.extend(config.augmentation.problems(&dataset.input, dataset.task));
    problems
}
