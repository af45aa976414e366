//! NumPy arrays: one of samples and one of labels, as files (.npy) in a folder or together in one archive (.npz).

mod array;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Dims, ParamVisitor, Params, Place, Problem, Progress, format};
use crate::data::{ColumnKind, DataError, Dataset, Features, InputColumn, InputKind, Labels, Part, Task};

use super::options::{self, OptionsForm};
use super::picture::Filter;
use super::{Importer, listing, shortened};
use array::{Header, Values};

/// Whole numbers with more different values than this are a quantity, not classes.
const MOST_CLASSES: usize = 1000;
/// Arrays of a folder that are looked at.
const MOST_FILES: usize = 100;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct Npy;

/// It has no options.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NpyOptions {}

impl Params for NpyOptions {
    fn visit(&mut self, _visitor: &mut dyn ParamVisitor) {}
}

impl Importer for Npy {
    fn id(&self) -> &'static str {
        "npy"
    }

    fn label(&self) -> &'static str {
        "NumPy arrays (NPY, NPZ)"
    }

    fn help(&self) -> &'static str {
        "Takes an archive (.npz) or a folder with two arrays, such as x and y: samples (images, or rows of a table) and \
         one label for each. Names with train, val and test give the parts."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["npy", "npz"]
    }

    fn sniff(&self, path: &Path) -> f32 {
        if path.is_dir() {
            return if files(path).is_ok_and(|files| files.len() >= 2) { 0.92 } else { 0.0 };
        }
        if Header::of(path).is_some() { 0.95 } else { 0.0 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<NpyOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (NpyOptions {}, problems) = options::parse(options);
        read(path, problems, progress)
    }
}

/// An array file whose header was read.
#[derive(Debug, Clone)]
struct ArrayFile {
    path: PathBuf,
    name: String,
    header: Header,
}

fn files(folder: &Path) -> Result<Vec<ArrayFile>, DataError> {
    let is_array = |name: &str| Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("npy"));
    let entries = listing::list(folder)?.into_iter().filter(|entry| !entry.is_folder && is_array(&entry.name));
    let with_header = entries.take(MOST_FILES).filter_map(|entry| {
        Header::of(&entry.path).map(|header| ArrayFile { path: entry.path, name: entry.name, header })
    });
    Ok(with_header.collect())
}

impl ArrayFile {
    fn stem(&self) -> String {
        self.name.trim_end_matches(".npy").to_ascii_lowercase()
    }

    fn part(&self) -> Option<Part> {
        let stem = self.stem();
        let has = |words: &[&str]| words.iter().any(|word| stem.contains(word));
        if has(&["test"]) {
            Some(Part::Test)
        } else if has(&["val", "dev"]) {
            Some(Part::Validation)
        } else {
            has(&["train"]).then_some(Part::Train)
        }
    }

    fn samples(&self) -> usize {
        self.header.shape.first().copied().unwrap_or(0)
    }

    /// One value for each sample.
    fn is_labels(&self) -> bool {
        self.header.shape.len() == 1 || matches!(self.header.shape.as_slice(), [_, 1])
    }
}

fn read(path: &Path, mut problems: Vec<Problem>, progress: &Progress) -> Result<Dataset, DataError> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let pairs = pairs(path, files(folder)?, &mut problems)?;
    let has_parts = pairs.len() > 1 && pairs.iter().any(|(samples, _)| samples.part() == Some(Part::Train));
    let mut sets = Vec::new();
    for (samples, labels) in &pairs {
        let (header, values) = array::read(&samples.path, progress)?;
        sets.push((samples, header, values, array::read(&labels.path, progress)?.1));
    }
    let Some((first, header, ..)) = sets.first() else {
        return Err(DataError::content(path, "there are no samples", "Choose arrays with at least one sample"));
    };
    let form = Form::of(&first.path, header, sets.iter().map(|(_, _, values, _)| values))?;
    for (file, other, ..) in &sets {
        if other.shape.get(1..) != header.shape.get(1..) {
            let message = format!("its samples have another shape than those of {}", first.name);
            return Err(DataError::content(&file.path, message, "Choose arrays that belong together"));
        }
    }
    let (mut origins, mut parts, mut features, mut labels) = (Vec::new(), Vec::new(), form.empty(), Vec::new());
    for (file, _, values, own) in &sets {
        let count = file.samples();
        origins.extend((1..=count).map(|sample| format!("{}, sample {sample}", file.name)));
        parts.extend(std::iter::repeat_n(file.part().unwrap_or(Part::Train), count));
        form.append(values, &mut features);
        labels.push(own.clone());
    }
    let (labels, classes) = target(labels, &mut problems);
    let task = if classes.is_empty() { Task::Regression } else { Task::Classification };
    let target = pairs.first().map_or_else(|| "y".to_owned(), |(_, labels)| labels.stem());
    let mut dataset = Dataset {
        name: listing::name_of(path),
        task,
        input: form.input,
        dims: form.dims,
        features,
        labels,
        classes,
        target: target.trim_end_matches("_train").to_owned(),
        origins,
        given_parts: if has_parts { parts } else { Vec::new() },
        problems,
        fingerprint: String::new(),
    };
    if dataset.is_empty() {
        return Err(DataError::content(path, "there are no samples", "Choose arrays with at least one sample"));
    }
    dataset.seal();
    Ok(dataset)
}

/// Samples and labels that belong together, training part first.
fn pairs(
    path: &Path,
    files: Vec<ArrayFile>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<(ArrayFile, ArrayFile)>, DataError> {
    let (labels, samples): (Vec<ArrayFile>, Vec<ArrayFile>) = files.into_iter().partition(ArrayFile::is_labels);
    let mut pairs: Vec<(ArrayFile, ArrayFile)> = Vec::new();
    for array in &samples {
        let fitting = labels.iter().filter(|own| own.samples() == array.samples());
        // Of several the one of the same part, called y or labels.
        let best = fitting.max_by_key(|own| {
            let stem = own.stem();
            let is_named = stem.starts_with('y') || ["label", "target", "class"].iter().any(|word| stem.contains(word));
            (own.part() == array.part(), is_named)
        });
        let is_taken = |part| pairs.iter().any(|(taken, _)| taken.part() == part);
        match best {
            Some(own) if !is_taken(array.part()) && own.part() == array.part() => {
                pairs.push((array.clone(), own.clone()));
            }
            _ => {
                let message =
                    "no array holds one label for each of its samples, or another array was taken for its part";
                let place = Place::File { path: array.path.clone(), row: None };
                problems.push(Problem::warning(place, message, "Nothing needs to be done if it is not meant"));
            }
        }
    }
    if pairs.is_empty() {
        let names: Vec<&str> = samples.iter().chain(&labels).map(|file| file.name.as_str()).collect();
        let message = format!("no two arrays are samples and their labels: {}", shortened(&names));
        let hint = "Put an array of samples (x.npy) and one with a label for each (y.npy) together";
        return Err(DataError::content(path, message, hint));
    }
    pairs.sort_by_key(|(samples, _)| samples.part().map_or(0, |part| part as u8));
    Ok(pairs)
}

/// What the samples are, and how their values become those of a data set.
struct Form {
    input: InputKind,
    dims: Dims,
    /// Channels stand last in the file.
    is_interleaved: bool,
    /// What values are multiplied by.
    scale: f64,
}

impl Form {
    fn of<'v>(path: &Path, header: &Header, values: impl Iterator<Item = &'v Values>) -> Result<Self, DataError> {
        let unfit = |message: String, hint: &str| Err(DataError::content(path, message, hint));
        let sides = header.shape.get(1..).unwrap_or_default();
        if let &[columns] = sides {
            let column = |number: usize| InputColumn { column: format!("x{number}"), kind: ColumnKind::Number };
            let columns: Vec<InputColumn> = (1..=columns).map(column).collect();
            let dims = Dims::from([columns.len()]);
            return Ok(Self { input: InputKind::Table { columns }, dims, is_interleaved: false, scale: 1.0 });
        }
        let shape = match *sides {
            [height, width] => Some(([1, height, width], false)),
            [height, width, channels @ (1 | 3)] => Some(([channels, height, width], channels > 1)),
            [channels @ (1 | 3), height, width] => Some(([channels, height, width], false)),
            _ => None,
        };
        let Some((dims, is_interleaved)) = shape else {
            let shape = format::count(sides.len() as u64);
            return unfit(
                format!("each sample has {shape} sides, and that is neither a row nor an image"),
                "Images are [samples, height, width], with 1 or 3 channels in front or behind",
            );
        };
        let (mut least, mut most) = (0.0_f64, 0.0_f64);
        for values in values {
            if let Values::Numbers(numbers) = values {
                (least, most) =
                    numbers.iter().fold((least, most), |(low, high), value| (low.min(*value), high.max(*value)));
            } else if matches!(values, Values::Bytes(_)) {
                most = 255.0;
            }
        }
        if least < 0.0 || most > 255.0 {
            return unfit(
                format!("its values go from {} to {}", format::number(least), format::number(most)),
                "Images have values from 0 to 255, or from 0 to 1",
            );
        }
        let scale = if most <= 1.0 { 255.0 } else { 1.0 };
        Ok(Self {
            input: InputKind::Image { filter: Filter::default() },
            dims: Dims::from(dims),
            is_interleaved,
            scale,
        })
    }

    fn empty(&self) -> Features {
        if matches!(self.input, InputKind::Image { .. }) {
            Features::Bytes(Vec::new())
        } else {
            Features::Floats(Vec::new())
        }
    }

    fn append(&self, values: &Values, features: &mut Features) {
        let level = |value: f64| (value * self.scale).round().clamp(0.0, 255.0) as u8;
        match features {
            Features::Floats(floats) => match values {
                Values::Numbers(numbers) => floats.extend(numbers.iter().map(|value| *value as f32)),
                Values::Bytes(bytes) => floats.extend(bytes.iter().map(|value| f32::from(*value))),
                Values::Texts(_) => {}
            },
            Features::Bytes(all) => {
                let bytes: Vec<u8> = match values {
                    Values::Bytes(bytes) => bytes.clone(),
                    Values::Numbers(numbers) => numbers.iter().map(|value| level(*value)).collect(),
                    Values::Texts(_) => Vec::new(),
                };
                let channels = self.dims.0.first().copied().unwrap_or(1).max(1);
                if !self.is_interleaved {
                    all.extend(bytes);
                    return;
                }
                for image in bytes.chunks(self.dims.elements().max(1)) {
                    for channel in 0..channels {
                        all.extend(image.iter().skip(channel).step_by(channels));
                    }
                }
            }
        }
    }
}

/// Classes, or numbers where there are too many different ones or broken ones.
fn target(labels: Vec<Values>, problems: &mut Vec<Problem>) -> (Labels, Vec<String>) {
    let mut texts: Vec<String> = Vec::new();
    let mut numbers: Vec<f64> = Vec::new();
    for values in labels {
        match values {
            Values::Texts(own) => texts.extend(own),
            Values::Numbers(own) => numbers.extend(own),
            Values::Bytes(own) => numbers.extend(own.into_iter().map(f64::from)),
        }
    }
    if texts.is_empty() {
        let whole: BTreeSet<i64> = numbers.iter().map(|value| *value as i64).collect();
        let is_whole = numbers.iter().all(|value| value.fract() == 0.0);
        if !is_whole || whole.len() > MOST_CLASSES {
            return (Labels::Values(numbers.into_iter().map(|value| value as f32).collect()), Vec::new());
        }
        let index: BTreeMap<i64, u32> = whole.iter().copied().zip(0..).collect();
        let labels = numbers.iter().filter_map(|value| index.get(&(*value as i64)).copied()).collect();
        return (Labels::Classes(labels), whole.iter().map(i64::to_string).collect());
    }
    if !numbers.is_empty() {
        let message = "some label arrays hold texts and some numbers; the numbers are taken for names";
        problems.push(Problem::warning(Place::Data, message, "Save all labels in one way"));
        texts.extend(numbers.iter().map(ToString::to_string));
    }
    let classes: BTreeSet<&String> = texts.iter().collect();
    let index: BTreeMap<&String, u32> = classes.iter().copied().zip(0..).collect();
    let labels = texts.iter().filter_map(|text| index.get(text).copied()).collect();
    (Labels::Classes(labels), classes.into_iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::importers;
    use crate::data::{DataConfig, Source};

    fn save(path: &Path, descr: &str, shape: &str, values: &[u8]) {
        let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        while (10 + text.len() + 1) % 64 != 0 {
            text.push(' ');
        }
        text.push('\n');
        let mut content = b"\x93NUMPY\x01\x00".to_vec();
        content.extend((text.len() as u16).to_le_bytes());
        content.extend(text.as_bytes());
        content.extend(values);
        std::fs::write(path, content).unwrap();
    }

    fn import(path: &Path) -> Result<Dataset, DataError> {
        let config = DataConfig { source: Source::Path(path.to_owned()), ..DataConfig::default() };
        importers::read(&config, Path::new("."), &Progress::default())
    }

    #[test]
    fn images_with_parts_and_channels_behind_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        save(&at("x_train.npy"), "|u1", "(2, 1, 2, 3)", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        save(&at("y_train.npy"), "<i8", "(2,)", &[5_i64.to_le_bytes(), 3_i64.to_le_bytes()].concat());
        save(&at("x_test.npy"), "|u1", "(1, 1, 2, 3)", &[20; 6]);
        save(&at("y_test.npy"), "<i8", "(1,)", &5_i64.to_le_bytes());
        let dataset = import(folder.path()).unwrap();
        assert_eq!((dataset.len(), dataset.dims.clone()), (3, Dims::from([3, 1, 2])));
        assert_eq!(dataset.sample(0), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0], "channels in front");
        assert_eq!(dataset.classes, ["3", "5"]);
        assert_eq!(dataset.labels, Labels::Classes(vec![1, 0, 1]));
        assert_eq!(dataset.given_parts, [Part::Train, Part::Train, Part::Test]);
        assert!(dataset.problems.is_empty());
    }

    #[test]
    fn rows_with_names_or_numbers_as_labels_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let floats: Vec<u8> = [1.0_f32, 2.0, f32::NAN, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        save(&at("data.npy"), "<f4", "(2, 2)", &floats);
        save(&at("labels.npy"), "|S3", "(2,)", b"dogcat");
        let dataset = import(&at("data.npy")).unwrap();
        assert_eq!(
            (dataset.classes.clone(), dataset.task),
            (vec!["cat".to_owned(), "dog".to_owned()], Task::Classification)
        );
        save(&at("labels.npy"), "<f8", "(2, 1)", &[0.5_f64.to_le_bytes(), 2.0_f64.to_le_bytes()].concat());
        assert_eq!(import(folder.path()).unwrap().labels, Labels::Values(vec![0.5, 2.0]));
    }

    #[test]
    fn what_does_not_belong_together_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        save(&at("x.npy"), "|u1", "(3, 2, 2)", &[0; 12]);
        save(&at("y.npy"), "|u1", "(2,)", &[0, 1]);
        assert!(import(folder.path()).unwrap_err().to_string().contains("no two arrays are samples and their labels"));
        save(&at("y.npy"), "|u1", "(3,)", &[0, 1]);
        assert!(import(folder.path()).unwrap_err().to_string().contains("y.npy"));
        save(&at("y.npy"), "|u1", "(3,)", &[0, 1, 1]);
        save(
            &at("x.npy"),
            "<f4",
            "(3, 1, 2)",
            &[-1.0_f32; 6].iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>(),
        );
        assert!(import(folder.path()).unwrap_err().to_string().contains("values go from -1 to 0"));
    }
}
