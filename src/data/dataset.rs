//! A data set in memory: samples of one shape, their labels, and where each came from.

use crate::base::{Dims, Problem};

use super::Task;
use super::importers::Filter;

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
    /// blake3 of shape, features, labels and classes, in hexadecimal: two imports of the same data have the same one.
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
    /// Tables; NaN is a missing value.
    Floats(Vec<f32>),
}

/// The labels of all samples.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// Indices into [`Dataset::classes`].
    Classes(Vec<u32>),
    /// Real targets.
    Values(Vec<f32>),
}

/// The three parts of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Class index of a sample, for classification.
    pub fn class_of(&self, sample: usize) -> Option<u32> {
        match &self.labels {
            Labels::Classes(labels) => labels.get(sample).copied(),
            Labels::Values(_) => None,
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
        match &self.labels {
            Labels::Classes(labels) => hash_words(hasher.update(b"classes"), labels, |label| label.to_le_bytes()),
            Labels::Values(values) => hash_words(hasher.update(b"values"), values, |value| value.to_le_bytes()),
        };
        for class in &self.classes {
            hasher.update(&(class.len() as u64).to_le_bytes()).update(class.as_bytes());
        }
        self.fingerprint = hasher.finalize().to_hex().to_string();
    }

    /// How many of `samples` are in each class.
    pub fn class_counts(&self, samples: &[u32]) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for &sample in samples {
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
