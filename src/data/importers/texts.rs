//! What the importers of texts share: labelled texts become a data set, and files become texts to predict.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use crate::base::{Dims, Place, Problem, Progress, format, memory};
use crate::data::tokens::{Texts, TokenSettings};
use crate::data::{DataError, Dataset, Features, InputKind, Labels, Part, Task};

use super::csv_table::text::Text;
use super::{input, listing};

/// Largest text of one sample, bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Texts with their labels, as they are read.
#[derive(Default)]
pub(super) struct Labelled {
    pub texts: Vec<String>,
    pub labels: Vec<String>,
    pub origins: Vec<String>,
    /// One for each text, or none at all.
    pub parts: Vec<Part>,
}

impl Labelled {
    /// The data set of these texts, its classes in natural order.
    ///
    /// # Errors
    /// If there are none, or their tokens would not fit into memory.
    pub(super) fn into_dataset(
        self,
        path: &Path,
        target: &str,
        settings: TokenSettings,
        mut problems: Vec<Problem>,
    ) -> Result<Dataset, DataError> {
        let Self { texts, labels, origins, parts } = self;
        if texts.is_empty() {
            let hint = "Choose a file or folder with texts and their labels";
            return Err(DataError::content(path, "none of its texts can be used", hint));
        }
        refuse_what_cannot_fit(path, &texts, &settings)?;
        let distinct: BTreeSet<&str> = labels.iter().map(String::as_str).collect();
        let mut classes: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
        classes.sort_by(|left, right| listing::natural(left, right));
        if let [only] = classes.as_slice() {
            let message = format!("There is one class alone ({only}), so there is nothing to tell apart");
            problems.push(Problem::warning(Place::Data, message, "Add texts of another class"));
        }
        let index: std::collections::BTreeMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
        let labels = labels.iter().map(|label| index.get(label.as_str()).copied().unwrap_or(0)).collect();
        let mut dataset = Dataset {
            name: listing::name_of(path),
            task: Task::Classification,
            input: InputKind::Text(Texts::new(texts, settings)),
            // The vocabulary and the length are learned from the training part, once it is known.
            dims: Dims::from([0]),
            features: Features::Floats(Vec::new()),
            labels: Labels::Classes(labels),
            classes,
            target: target.to_owned(),
            origins,
            given_parts: parts,
            problems,
            fingerprint: String::new(),
        };
        dataset.seal();
        Ok(dataset)
    }
}

fn refuse_what_cannot_fit(path: &Path, texts: &[String], settings: &TokenSettings) -> Result<(), DataError> {
    let length = if settings.length == 0 { settings.longest_automatic() } else { settings.length };
    let needed = texts.len() as u128 * length as u128 * 4;
    let available = memory::sample().available;
    if available == 0 || needed < u128::from(available) {
        return Ok(());
    }
    let message = format!(
        "{} texts of {length} tokens need {} of memory, and {} are free",
        format::count(texts.len() as u64),
        format::bytes(u64::try_from(needed).unwrap_or(u64::MAX)),
        format::bytes(available)
    );
    Err(DataError::content(path, message, "Choose a smaller length in the import options"))
}

/// A whole text file of any encoding, and the name of that encoding.
///
/// # Errors
/// If it can't be read, is too large, or holds no text.
pub(super) fn read_whole(path: &Path, progress: &Progress) -> Result<(String, &'static str), DataError> {
    read_up_to(path, LARGEST, progress)
}

/// The same for texts of at most `largest` bytes.
///
/// # Errors
/// As [`read_whole`].
pub(super) fn read_up_to(path: &Path, largest: u64, progress: &Progress) -> Result<(String, &'static str), DataError> {
    let text = Text::examine(path, progress)?;
    let mut content = String::new();
    let length = text.open()?.take(largest.saturating_add(1)).read_to_string(&mut content);
    length.map_err(|error| input::read_error(path, error, progress))?;
    if content.len() as u64 > largest {
        let message = format!("the text is longer than {}", format::bytes(largest));
        return Err(DataError::content(path, message, "Cut it into shorter texts"));
    }
    if content.trim().is_empty() {
        return Err(DataError::content(path, "the file holds no text", "Write something into it, or remove it"));
    }
    Ok((content, text.encoding()))
}

/// The reason of an error as a part of a sentence: the path stands elsewhere.
pub(super) fn reason(error: DataError) -> String {
    match error {
        DataError::Content { message, .. } => message,
        other => other.to_string(),
    }
}

/// Reads a file as texts to predict: each row of a table, or the whole file.
///
/// # Errors
/// If it can't be read.
pub(super) fn read_inputs(dataset: &Dataset, texts: &Texts, path: &Path) -> Result<Vec<Vec<f32>>, DataError> {
    let rows = match super::text_table::texts_of(path)? {
        Some(rows) => rows,
        None => vec![read_whole(path, &Progress::default())?.0],
    };
    Ok(rows.iter().map(|text| texts.encode(text, dataset.dims.elements())).collect())
}
