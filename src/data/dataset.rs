//! A data set in memory: samples of one shape, their labels, and where each came from.

use std::borrow::Cow;

use crate::base::{Dims, Problem};

use super::boxes::BoxLabel;
use super::importers::Filter;
use super::tokens::Texts;
use super::{Masks, Task, VOID};

/// Samples of one shape with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// For people: the folder's or file's name.
    pub name: String,
    /// What the labels are.
    pub task: Task,
    /// What the samples are.
    pub input: InputKind,
    /// Shape of one sample: `[channels, height, width]` or `[columns]`.
    pub dims: Dims,
    /// All samples, one after the other.
    pub features: Features,
    /// One label for each sample.
    pub labels: Labels,
    /// Names of the classes in the order of their indices; empty for regression.
    pub classes: Vec<String>,
    /// Name of the target, e.g. `species`; `class` for folders.
    pub target: String,
    /// Where each sample came from: the path below the source, or `row 17`.
    pub origins: Vec<String>,
    /// The part that the data itself gives to each sample (a test file, say); empty if it gives none.
    pub given_parts: Vec<Part>,
    /// What was found on the way: unreadable files, ragged rows, empty classes …
    pub problems: Vec<Problem>,
    /// blake3 of shape, features (of texts, the texts and how they are cut), labels and classes, in hexadecimal: two
    /// imports of the same data have the same one.
    pub fingerprint: String,
}

/// What samples are, and how to show them.
#[derive(Debug, Clone, PartialEq)]
pub enum InputKind {
    /// Images with 1 or 3 channels, values 0 to 255.
    Image {
        /// How those of another size were resized, so that prediction does the same.
        filter: Filter,
    },
    /// Table rows.
    Table {
        /// What stands at each position of a sample; a category takes several positions.
        columns: Vec<InputColumn>,
    },
    /// Texts as numbers of tokens, `[length]`; `[0]` until [`prepare`](super::prepare) has learned a vocabulary.
    Text(Texts),
    /// Recordings as waveforms from -1 to 1, `[samples]`.
    Sound {
        /// Samples a second.
        sample_rate: u32,
    },
    /// Windows of a series in the order of time, `[steps, columns]`; each starts one row after the one before it.
    Series {
        /// What is measured.
        columns: Vec<String>,
        /// Which of the columns is predicted.
        target: usize,
        /// How many rows after the window's last one the predicted value stands.
        horizon: usize,
    },
}

impl InputKind {
    /// Whether a sample has a picture of its own: a file of pixels, sound waves or a curve.
    pub fn is_drawn(&self) -> bool {
        matches!(self, Self::Image { .. } | Self::Sound { .. } | Self::Series { .. })
    }

    /// One sample and several, in words: `image`, `images`.
    pub fn nouns(&self) -> (&'static str, &'static str) {
        match self {
            Self::Image { .. } => ("image", "images"),
            Self::Table { .. } => ("row", "rows"),
            Self::Text(_) => ("text", "texts"),
            Self::Sound { .. } => ("recording", "recordings"),
            Self::Series { .. } => ("window", "windows"),
        }
    }

    /// What the sizes of a sample are, in words.
    pub fn axes(&self) -> &'static str {
        match self {
            Self::Image { .. } => "Channels x height x width",
            Self::Table { .. } => "Values of a row",
            Self::Text(_) => "Tokens of a text",
            Self::Sound { .. } => "Samples of a recording",
            Self::Series { .. } => "Steps of a window x columns",
        }
    }
}

/// One position of a table sample.
#[derive(Debug, Clone, PartialEq)]
pub struct InputColumn {
    /// Name of the column in the file.
    pub column: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a position of a table sample holds.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnKind {
    /// A number; NaN where it is missing.
    Number,
    /// 1 where the column has this value, else 0.
    Category(String),
}

/// The values of all samples.
#[derive(Debug, Clone, PartialEq)]
pub enum Features {
    /// Images as they are stored: one byte a value.
    Bytes(Vec<u8>),
    /// Everything else; NaN is a missing value.
    Floats(Vec<f32>),
}

/// The labels of all samples.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// Indices into [`Dataset::classes`].
    Classes(Vec<u32>),
    /// Real targets.
    Values(Vec<f32>),
    /// A class for each pixel: indices into [`Dataset::classes`].
    Masks(Masks),
    /// The token that follows each token of each sample, one sample after the other.
    Next(Vec<u32>),
    /// The objects in each sample.
    Boxes(Vec<Vec<BoxLabel>>),
}

/// The three parts of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The network learns from these.
    Train,
    /// These choose settings and the best epoch.
    Validation,
    /// These are looked at last.
    Test,
}

impl Dataset {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        match &self.labels {
            Labels::Classes(labels) => labels.len(),
            Labels::Values(values) => values.len(),
            Labels::Masks(masks) => masks.len(),
            Labels::Next(targets) => targets.len().checked_div(self.dims.elements()).unwrap_or(0),
            Labels::Boxes(boxes) => boxes.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Class index of a sample, for classification; masks have many.
    pub fn class_of(&self, sample: usize) -> Option<u32> {
        match &self.labels {
            Labels::Classes(labels) => labels.get(sample).copied(),
            Labels::Values(_) | Labels::Next(_) | Labels::Masks(_) | Labels::Boxes(_) => None,
        }
    }

    /// Whether a sample is of that class, or has pixels of it.
    pub fn has_class(&self, sample: usize, class: u32) -> bool {
        match &self.labels {
            Labels::Masks(masks) => {
                class < u32::from(VOID)
                    && masks.of(sample).is_some_and(|mask| mask.iter().any(|&pixel| u32::from(pixel) == class))
            }
            Labels::Boxes(_) => self.boxes_of(sample).iter().any(|label| label.class == class),
            Labels::Classes(_) | Labels::Values(_) | Labels::Next(_) => self.class_of(sample) == Some(class),
        }
    }

    /// The mask of a sample, where the labels are masks.
    pub fn mask(&self, sample: usize) -> Option<&[u8]> {
        match &self.labels {
            Labels::Masks(masks) => masks.of(sample),
            Labels::Classes(_) | Labels::Values(_) | Labels::Next(_) | Labels::Boxes(_) => None,
        }
    }

    /// The objects in a sample, for detection; none elsewhere.
    pub fn boxes_of(&self, sample: usize) -> &[BoxLabel] {
        match &self.labels {
            Labels::Boxes(boxes) => boxes.get(sample).map_or(&[], Vec::as_slice),
            Labels::Classes(_) | Labels::Values(_) | Labels::Masks(_) | Labels::Next(_) => &[],
        }
    }

    /// The raw values of one sample as floats (images 0 to 255, missing table values NaN).
    pub fn sample(&self, sample: usize) -> Vec<f32> {
        let size = self.dims.elements();
        let range = sample * size..(sample + 1) * size;
        match &self.features {
            Features::Bytes(bytes) => bytes.get(range).unwrap_or(&[]).iter().map(|&byte| f32::from(byte)).collect(),
            Features::Floats(floats) => floats.get(range).unwrap_or(&[]).to_vec(),
        }
    }

    /// How the values of a sample are scaled: so many different entries, and how many neighbours share one. The entries
    /// begin anew where a sample has more values: each step of a series has those of its columns. Tokens have none.
    pub fn scaled_alike(&self) -> (usize, usize) {
        let first = self.dims.0.first().copied().unwrap_or(0);
        match &self.input {
            InputKind::Image { .. } => (first, self.dims.0.iter().skip(1).product()),
            InputKind::Table { .. } => (first, 1),
            InputKind::Text(_) => (0, 1),
            InputKind::Sound { .. } => (1, first),
            InputKind::Series { columns, .. } => (columns.len(), 1),
        }
    }

    /// How many values a network must give for one sample, for each of its pixels where the labels are masks, or for each
    /// of its tokens where they are the next ones; 0 if the network says that itself, as detectors do.
    pub fn outputs_needed(&self) -> usize {
        match (self.task, &self.input) {
            (Task::Classification | Task::Segmentation, _) => self.classes.len(),
            (Task::LanguageModel, InputKind::Text(texts)) => texts.vocabulary.len(),
            (Task::Regression | Task::LanguageModel, _) => 1,
            (Task::Detection, _) => 0,
        }
    }

    /// Shape of what a network must give for one sample: `[classes]`, `[1]`, `[classes, height, width]` for masks, or
    /// `[steps, tokens]` for a language model.
    pub fn output_dims(&self) -> Dims {
        let needed = self.outputs_needed();
        match self.task {
            Task::Segmentation => Dims([needed].into_iter().chain(self.dims.0.iter().skip(1).copied()).collect()),
            Task::LanguageModel => Dims(self.dims.0.iter().copied().chain([needed]).collect()),
            Task::Classification | Task::Regression | Task::Detection => Dims::from([needed]),
        }
    }

    /// Whether a network whose output for one sample has this shape answers what the data asks. A language model may
    /// know more tokens than the data has.
    pub fn takes_output(&self, output: &[usize]) -> bool {
        match (self.task, output) {
            (Task::LanguageModel, &[steps, tokens]) => self.dims.0 == [steps] && tokens >= self.outputs_needed(),
            _ => output == self.output_dims().0,
        }
    }

    /// The text of a sample, where samples are texts or windows of one.
    pub fn text(&self, sample: usize) -> Option<Cow<'_, str>> {
        match &self.input {
            InputKind::Text(texts) if self.task == Task::LanguageModel => {
                Some(texts.decode(&self.sample(sample)).into())
            }
            InputKind::Text(texts) => texts.texts.get(sample).map(Into::into),
            _ => None,
        }
    }

    /// Computes the fingerprint; importers call it last.
    pub fn seal(&mut self) {
        let mut hasher = blake3::Hasher::new();
        // The lengths go in as well, so that no two data sets run together to the same bytes.
        hasher.update(&(self.dims.0.len() as u64).to_le_bytes());
        for &size in &self.dims.0 {
            hasher.update(&(size as u64).to_le_bytes());
        }
        match &self.features {
            Features::Bytes(bytes) => hasher.update(b"bytes").update(bytes),
            Features::Floats(floats) => hash_words(hasher.update(b"floats"), floats, |value| value.to_le_bytes()),
        };
        if let InputKind::Text(texts) = &self.input {
            texts.hash(&mut hasher);
        }
        match &self.labels {
            Labels::Classes(labels) => hash_words(hasher.update(b"classes"), labels, |label| label.to_le_bytes()),
            Labels::Values(values) => hash_words(hasher.update(b"values"), values, |value| value.to_le_bytes()),
            Labels::Masks(masks) => hasher.update(b"masks").update(&masks.pixels),
            Labels::Next(targets) => hash_words(hasher.update(b"next"), targets, |token| token.to_le_bytes()),
            Labels::Boxes(boxes) => {
                hasher.update(b"boxes");
                for objects in boxes {
                    hasher.update(&(objects.len() as u64).to_le_bytes());
                    for BoxLabel { class, bounds, is_difficult, is_crowd } in objects {
                        hasher.update(&class.to_le_bytes());
                        hasher.update(&[u8::from(*is_difficult), u8::from(*is_crowd)]);
                        for edge in [bounds.x1, bounds.y1, bounds.x2, bounds.y2] {
                            hasher.update(&edge.to_le_bytes());
                        }
                    }
                }
                &mut hasher
            }
        };
        for class in &self.classes {
            hasher.update(&(class.len() as u64).to_le_bytes()).update(class.as_bytes());
        }
        self.fingerprint = hasher.finalize().to_hex().to_string();
    }

    /// How many of `samples` are in each class, or have pixels of it; of the objects in them, for detection.
    pub fn class_counts(&self, samples: &[u32]) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for &sample in samples {
            if let Labels::Masks(masks) = &self.labels {
                for (count, pixels) in counts.iter_mut().zip(masks.counts(sample as usize, self.classes.len())) {
                    *count += usize::from(pixels > 0);
                }
            }
            for label in self.boxes_of(sample as usize) {
                if let Some(count) = counts.get_mut(label.class as usize) {
                    *count += 1;
                }
            }
            if let Some(count) = self.class_of(sample as usize).and_then(|class| counts.get_mut(class as usize)) {
                *count += 1;
            }
        }
        counts
    }
}

/// Hashes 4-byte values in blocks: one call for each would be slow.
fn hash_words<'h, T: Copy>(
    hasher: &'h mut blake3::Hasher,
    values: &[T],
    bytes: impl Fn(T) -> [u8; 4],
) -> &'h mut blake3::Hasher {
    let mut block = Vec::with_capacity(16 * 1024);
    for chunk in values.chunks(4 * 1024) {
        block.clear();
        block.extend(chunk.iter().flat_map(|&value| bytes(value)));
        hasher.update(&block);
    }
    hasher
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_rows(floats: [f32; 4], classes: [&str; 2]) -> Dataset {
        let mut dataset = Dataset {
            name: "test".to_owned(),
            task: Task::Classification,
            input: InputKind::Table { columns: Vec::new() },
            dims: Dims::from([2]),
            features: Features::Floats(floats.to_vec()),
            labels: Labels::Classes(vec![0, 1]),
            classes: classes.map(str::to_owned).to_vec(),
            target: "class".to_owned(),
            origins: Vec::new(),
            given_parts: Vec::new(),
            problems: Vec::new(),
            fingerprint: String::new(),
        };
        dataset.seal();
        dataset
    }

    #[test]
    fn the_fingerprint_follows_the_content_alone() {
        let plain = two_rows([1.0, 2.0, 3.0, 4.0], ["a", "b"]);
        let mut renamed = two_rows([1.0, 2.0, 3.0, 4.0], ["a", "b"]);
        renamed.name = "other".to_owned();
        renamed.seal();
        assert_eq!(plain.fingerprint, renamed.fingerprint);
        assert_ne!(plain.fingerprint, two_rows([1.0, 2.0, 3.0, 5.0], ["a", "b"]).fingerprint);
        assert_ne!(plain.fingerprint, two_rows([1.0, 2.0, 3.0, 4.0], ["ab", ""]).fingerprint);
    }

    #[test]
    fn a_sample_outside_is_empty_and_has_no_class() {
        let dataset = two_rows([1.0, 2.0, 3.0, 4.0], ["a", "b"]);
        assert_eq!(dataset.sample(1), [3.0, 4.0]);
        assert!(dataset.sample(2).is_empty());
        assert_eq!(dataset.class_of(2), None);
        assert_eq!(dataset.class_counts(&[0, 1, 1, 7]), [1, 2]);
    }
}
