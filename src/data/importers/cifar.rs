//! CIFAR-10 and CIFAR-100 in their binary form: a byte or two of labels, then 3 x 32 x 32 bytes of an image.
//!
//! ```text
//! cifar-10-batches-bin/data_batch_1.bin … data_batch_5.bin  test_batch.bin  batches.meta.txt
//! cifar-100-binary/train.bin  test.bin  fine_label_names.txt  coarse_label_names.txt
//! ```

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Dims, ParamVisitor, Params, Place, Problem, Progress, format, memory};
use crate::data::{DataError, Dataset, Features, InputKind, Labels, Part, Task};

use super::options::{self, OptionsForm};
use super::picture::Filter;
use super::{Importer, input, listing};

/// Bytes of one image.
const IMAGE: usize = 3 * 32 * 32;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct Cifar;

/// It has no options.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CifarOptions {}

impl Params for CifarOptions {
    fn visit(&mut self, _visitor: &mut dyn ParamVisitor) {}
}

impl Importer for Cifar {
    fn id(&self) -> &'static str {
        "cifar"
    }

    fn label(&self) -> &'static str {
        "CIFAR, binary version"
    }

    fn help(&self) -> &'static str {
        "Takes the folder of CIFAR-10 or CIFAR-100 in its binary version, with files such as data_batch_1.bin and \
         test_batch.bin, or train.bin and test.bin."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["bin"]
    }

    fn sniff(&self, path: &Path) -> f32 {
        let batches = batches(path);
        let has = |part| batches.iter().any(|batch| batch.part == part);
        // Other data may have a file called test.bin.
        if batches.iter().any(|batch| batch.labels == 1) || (has(Part::Train) && has(Part::Test)) { 0.95 } else { 0.0 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<CifarOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (CifarOptions {}, problems) = options::parse(options);
        read(path, problems, progress)
    }
}

/// A file of images.
struct Batch {
    path: PathBuf,
    part: Part,
    /// Bytes of labels in front of each image, of which the last one is the class: 1, or 2 in CIFAR-100.
    labels: usize,
}

/// The files that have the usual names, and sizes of whole images.
fn batches(path: &Path) -> Vec<Batch> {
    let folder = folder_of(path);
    let entries = listing::list(folder).unwrap_or_default();
    let batch = |entry: listing::Entry| {
        let (part, labels) = match entry.name.as_str() {
            "test_batch.bin" => (Part::Test, 1),
            "train.bin" => (Part::Train, 2),
            "test.bin" => (Part::Test, 2),
            name if name.starts_with("data_batch_") && entry.path.extension().is_some_and(|end| end == "bin") => {
                (Part::Train, 1)
            }
            _ => return None,
        };
        let is_one = entry.path.is_file();
        is_one.then_some(Batch { path: entry.path, part, labels })
    };
    entries.into_iter().filter_map(batch).collect()
}

fn folder_of(path: &Path) -> &Path {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn read(path: &Path, mut problems: Vec<Problem>, progress: &Progress) -> Result<Dataset, DataError> {
    let folder = folder_of(path);
    let mut batches = batches(path);
    if batches.is_empty() {
        let hint = "Choose the folder with data_batch_1.bin and test_batch.bin, or train.bin and test.bin";
        return Err(DataError::content(path, "it holds no files of CIFAR's binary version", hint));
    }
    batches.sort_by_key(|batch| batch.part as u8);
    let size = |batch: &Batch| std::fs::metadata(&batch.path).map_or(0, |file| file.len());
    let needed: u64 = batches.iter().map(size).sum();
    let available = memory::sample().available;
    if available > 0 && needed > available / 2 {
        let message =
            format!("its files have {}, and {} of memory are free", format::bytes(needed), format::bytes(available));
        return Err(DataError::content(path, message, "Close other programs, or choose one of the files"));
    }
    progress.set_total(batches.iter().map(|batch| input::steps(&batch.path)).sum());

    let (mut bytes, mut labels, mut parts, mut origins) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for batch in &batches {
        let mut content = Vec::new();
        let failed = |error| input::read_error(&batch.path, error, progress);
        input::open(&batch.path, progress)?.take(needed).read_to_end(&mut content).map_err(failed)?;
        let record = batch.labels + IMAGE;
        let rest = content.len() % record;
        if rest != 0 {
            let place = Place::File { path: batch.path.clone(), row: None };
            let message =
                format!("The file ends in the middle of an image: {rest} bytes behind the last whole one are left out");
            problems.push(Problem::error(place, message, "Download or copy the file again"));
        }
        let name = listing::name_of(&batch.path);
        for (image, record) in content.chunks_exact(record).enumerate() {
            let (front, pixels) = record.split_at(batch.labels);
            labels.extend(front.last().map(|label| u32::from(*label)));
            bytes.extend_from_slice(pixels);
            parts.push(batch.part);
            origins.push(format!("{name}, image {}", image + 1));
        }
    }
    let Some(&largest) = labels.iter().max() else {
        return Err(DataError::content(path, "its files hold no whole image", "Download or copy them again"));
    };
    let mut dataset = Dataset {
        name: listing::name_of(folder),
        task: Task::Classification,
        input: InputKind::Image { filter: Filter::default() },
        dims: Dims::from([3, 32, 32]),
        features: Features::Bytes(bytes),
        labels: Labels::Classes(labels),
        classes: class_names(folder, largest as usize + 1, &mut problems),
        target: "class".to_owned(),
        origins,
        given_parts: if parts.contains(&Part::Train) && parts.contains(&Part::Test) { parts } else { Vec::new() },
        problems,
        fingerprint: String::new(),
    };
    dataset.seal();
    Ok(dataset)
}

/// The names beside the images, or numbers.
fn class_names(folder: &Path, count: usize, problems: &mut Vec<Problem>) -> Vec<String> {
    for file in ["batches.meta.txt", "fine_label_names.txt"] {
        // A list of names is small, and anything else is none.
        let path = folder.join(file);
        if std::fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() < 64 * 1024)
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            let names: Vec<String> =
                text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            if names.len() >= count {
                return names;
            }
            let message = format!("It names {} classes, but the labels go up to {}", names.len(), count - 1);
            problems.push(Problem::warning(
                Place::File { path, row: None },
                message,
                "The classes are called by their numbers",
            ));
        }
    }
    (0..count).map(|class| class.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(label: u8, value: u8) -> Vec<u8> {
        [vec![label], vec![value; IMAGE]].concat()
    }

    #[test]
    fn batches_give_parts_and_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("data_batch_1.bin"), [record(1, 7), record(0, 8)].concat()).unwrap();
        std::fs::write(folder.path().join("test_batch.bin"), [record(1, 9), vec![0; 5]].concat()).unwrap();
        std::fs::write(folder.path().join("batches.meta.txt"), "airplane\nautomobile\n\n").unwrap();
        assert!(Cifar.sniff(folder.path()) > 0.9);
        let dataset = Cifar.read(folder.path(), &Map::new(), &Progress::default()).unwrap();
        assert_eq!(
            (dataset.len(), dataset.classes.as_slice()),
            (3, &["airplane", "automobile"].map(str::to_owned)[..])
        );
        assert_eq!(dataset.given_parts, [Part::Train, Part::Train, Part::Test]);
        assert_eq!(dataset.labels, Labels::Classes(vec![1, 0, 1]));
        assert!(dataset.sample(2).iter().all(|value| *value == 9.0));
        assert!(dataset.problems[0].to_string().contains("5 bytes behind the last whole one"));
    }

    #[test]
    fn what_is_no_cifar_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Cifar.sniff(folder.path()), 0.0);
        std::fs::write(folder.path().join("test.bin"), [0; 100]).unwrap();
        let text = Cifar.read(folder.path(), &Map::new(), &Progress::default()).unwrap_err().to_string();
        assert!(text.contains("no whole image"), "{text}");
    }
}
