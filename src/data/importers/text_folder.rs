//! A folder with one sub-folder per class, each full of text files.
//!
//! ```text
//! reviews/pos/1.txt           or          reviews/train/pos/1.txt
//! reviews/neg/7.txt                       reviews/test/neg/7.txt
//! ```

use std::path::Path;

use rayon::prelude::*;
use serde_json::{Map, Value};

use crate::base::{Place, Problem, Progress};
use crate::data::tokens::TokenSettings;
use crate::data::{DataError, Dataset};

use super::Importer;
use super::class_folders::{self, Candidate, Sought};
use super::listing::{self, Entry};
use super::options::{self, OptionsForm};
use super::texts::{self, Labelled};

/// The importer. Its options are those of the tokens.
#[derive(Debug, Clone, Copy)]
pub struct TextFolder;

/// What is looked for in class folders.
const SOUGHT: Sought = Sought { one: "text", several: "texts", formats: "text files (.txt)", is_one: is_text };

impl Importer for TextFolder {
    fn id(&self) -> &'static str {
        "text_folder"
    }

    fn label(&self) -> &'static str {
        "Text folder, one sub-folder per class"
    }

    fn help(&self) -> &'static str {
        "Takes a folder whose sub-folders are named after the classes and hold one text file (.txt) for each sample. \
         Sub-folders train, validation and test around them give the parts."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn sniff(&self, path: &Path) -> f32 {
        if class_folders::holds(path, is_text) { 0.85 } else { 0.0 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<TokenSettings>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (settings, problems) = options::parse::<TokenSettings>(options);
        read(path, settings, problems, progress)
    }
}

/// Whether a file is a text by its name.
pub(super) fn is_text(entry: &Entry) -> bool {
    let extension = entry.path.extension().map(|extension| extension.to_ascii_lowercase());
    !entry.is_folder && !entry.is_hidden && extension.is_some_and(|extension| extension == "txt")
}

fn read(
    root: &Path,
    settings: TokenSettings,
    mut problems: Vec<Problem>,
    progress: &Progress,
) -> Result<Dataset, DataError> {
    let (candidates, has_parts) = class_folders::find(root, &SOUGHT, &mut problems, progress)?;
    progress.set_total(candidates.len() as u64);
    let open = |candidate: &Candidate| -> Result<Result<(String, &'static str), String>, DataError> {
        // The files are counted, not their blocks.
        let read = texts::read_whole(&candidate.path, &Progress::default());
        progress.advance();
        if progress.is_cancelled() { Err(DataError::Cancelled) } else { Ok(read.map_err(texts::reason)) }
    };
    let opened = candidates.par_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let (mut read, mut broken) = (Vec::new(), Vec::new());
    for (candidate, outcome) in candidates.into_iter().zip(opened) {
        match outcome {
            Ok(text) => read.push((candidate, text)),
            Err(reason) => broken.push((candidate, reason)),
        }
    }
    class_folders::conclude(root, &SOUGHT, &read, broken, &mut problems)?;
    let others = read.iter().filter(|(_, (_, encoding))| *encoding != "UTF-8").count();
    if others > 0 {
        let message = format!("{others} texts are not in UTF-8, and their encoding was guessed");
        problems.push(Problem::advice(Place::Data, message, "Save them as UTF-8 if their letters look wrong"));
    }
    let mut labelled = Labelled::default();
    for (candidate, (text, _)) in read {
        labelled.texts.push(text);
        labelled.origins.push(listing::below(root, &candidate.path));
        labelled.labels.push(candidate.class);
        if has_parts {
            labelled.parts.push(candidate.part);
        }
    }
    labelled.into_dataset(root, "class", settings, problems)
}
