//! IDX, the format of MNIST and its kin: one file of images and one of labels for each part.
//!
//! A file is a magic number (two zero bytes, the type of the values, the number of dimensions), the sizes as
//! big-endian 32-bit numbers, then the values, row by row.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Dims, ParamVisitor, Params, Place, Problem, Progress, format, memory};
use crate::data::{DataError, Dataset, Features, InputKind, Labels, Part, Task};

use super::options::{self, OptionsForm};
use super::picture::Filter;
use super::{Importer, input, listing, shortened};

/// Longest side of an image, pixels.
const LONGEST_SIDE: usize = 16_384;
/// Type byte of unsigned bytes, the only one that image sets use.
const UNSIGNED_BYTE: u8 = 0x08;
/// Files of a folder that are looked at.
const MOST_FILES: usize = 1000;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct Idx;

/// It has no options.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdxOptions {}

impl Params for IdxOptions {
    fn visit(&mut self, _visitor: &mut dyn ParamVisitor) {}
}

impl Importer for Idx {
    fn id(&self) -> &'static str {
        "idx"
    }

    fn label(&self) -> &'static str {
        "IDX files, as MNIST's"
    }

    fn help(&self) -> &'static str {
        "Takes a folder with files such as train-images-idx3-ubyte and train-labels-idx1-ubyte, or one of them, also \
         packed (.gz). Files that start with t10k or test are the test part."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["idx", "idx1", "idx3", "idx1-ubyte", "idx3-ubyte", "gz"]
    }

    fn sniff(&self, path: &Path) -> f32 {
        if path.is_dir() {
            let Ok(files) = idx_files(path) else { return 0.0 };
            return if files.iter().any(|file| file.rank() >= 3) { 0.95 } else { 0.0 };
        }
        if Header::read(path).is_some() { 0.95 } else { 0.0 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<IdxOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (IdxOptions {}, problems) = options::parse(options);
        read(path, problems, progress)
    }
}

/// The start of an IDX file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    kind: u8,
    sizes: Vec<usize>,
}

impl Header {
    /// The header of the file, if it has one.
    fn read(path: &Path) -> Option<Self> {
        Self::take(&mut *input::open(path, &Progress::default()).ok()?)
    }

    fn take(content: &mut dyn Read) -> Option<Self> {
        let mut magic = [0; 4];
        content.read_exact(&mut magic).ok()?;
        let [0, 0, kind @ 0x08..=0x0e, rank @ 1..=4] = magic else { return None };
        let mut sizes = Vec::new();
        for _ in 0..rank {
            let mut size = [0; 4];
            content.read_exact(&mut size).ok()?;
            sizes.push(u32::from_be_bytes(size) as usize);
        }
        Some(Self { kind, sizes })
    }
}

/// A file whose header was read.
#[derive(Debug, Clone)]
struct IdxFile {
    path: PathBuf,
    name: String,
    header: Header,
}

impl IdxFile {
    fn rank(&self) -> usize {
        self.header.sizes.len()
    }

    /// The name without what tells images from labels: equal for the two files of a pair.
    fn stem(&self) -> String {
        let mut stem = self.name.to_ascii_lowercase();
        for word in [".gz", "images", "image", "labels", "label", "idx3", "idx1", "-ubyte", ".ubyte"] {
            stem = stem.replace(word, "");
        }
        stem.trim_matches(['-', '_', '.', ' ']).to_owned()
    }
}

fn part_of(stem: &str) -> Option<Part> {
    let has = |words: &[&str]| words.iter().any(|word| stem.contains(word));
    if has(&["t10k", "test"]) {
        Some(Part::Test)
    } else if has(&["valid", "val", "dev"]) {
        Some(Part::Validation)
    } else if has(&["train"]) {
        Some(Part::Train)
    } else {
        None
    }
}

/// What is left of a stem without its part: equal for the files of one data set.
fn set_of(stem: &str) -> String {
    let mut set = stem.to_owned();
    for word in ["t10k", "testing", "test", "validation", "valid", "val", "dev", "training", "train"] {
        set = set.replace(word, "");
    }
    set
}

fn idx_files(folder: &Path) -> Result<Vec<IdxFile>, DataError> {
    let entries = listing::list(folder)?;
    let files = entries.into_iter().filter(|entry| !entry.is_folder && !entry.is_hidden).take(MOST_FILES);
    let with_header = files.filter_map(|entry| {
        Header::read(&entry.path).map(|header| IdxFile { path: entry.path, name: entry.name, header })
    });
    Ok(with_header.collect())
}

fn read(path: &Path, mut problems: Vec<Problem>, progress: &Progress) -> Result<Dataset, DataError> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let pairs = find_pairs(path, folder, &mut problems)?;
    progress
        .set_total(pairs.iter().map(|(images, labels)| input::steps(&images.path) + input::steps(&labels.path)).sum());

    let mut dims: Option<(Dims, String)> = None;
    let (mut bytes, mut numbers, mut origins, mut parts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let parts_are_given =
        pairs.len() > 1 && pairs.iter().any(|(images, _)| part_of(&images.stem()) == Some(Part::Train));
    for (images, labels) in &pairs {
        let own = dims_of(images)?;
        match &dims {
            Some((dims, first)) if *dims != own => {
                let message = format!("its images are {own}, but those of {first} are {dims}");
                return Err(DataError::content(&images.path, message, "Choose one of the two files, not the folder"));
            }
            _ => dims = Some((own, images.name.clone())),
        }
        let count = count_of(images);
        if count != count_of(labels) {
            let message = format!(
                "it has {} labels, but {} has {} images",
                format::count(count_of(labels) as u64),
                images.name,
                format::count(count as u64)
            );
            return Err(DataError::content(
                &labels.path,
                message,
                "Choose a labels file and an images file that belong together",
            ));
        }
        read_values(images, &mut bytes, &mut problems, progress)?;
        read_values(labels, &mut numbers, &mut problems, progress)?;
        origins.extend((1..=count).map(|image| format!("{}, image {image}", images.name)));
        parts.extend(std::iter::repeat_n(part_of(&images.stem()).unwrap_or(Part::Train), count));
    }
    if numbers.is_empty() {
        return Err(DataError::content(path, "its files hold no images", "Choose files with at least one image"));
    }

    // Labels need not start at 0 (EMNIST's letters start at 1): classes are those that occur.
    let occurring: BTreeSet<u8> = numbers.iter().copied().collect();
    let index: BTreeMap<u8, u32> = occurring.iter().copied().zip(0..).collect();
    let mut dataset = Dataset {
        name: listing::name_of(folder),
        task: Task::Classification,
        input: InputKind::Image { filter: Filter::default() },
        dims: dims.map(|(dims, _)| dims).unwrap_or_default(),
        features: Features::Bytes(bytes),
        labels: Labels::Classes(numbers.iter().filter_map(|number| index.get(number).copied()).collect()),
        classes: occurring.iter().map(u8::to_string).collect(),
        target: "class".to_owned(),
        origins,
        given_parts: if parts_are_given { parts } else { Vec::new() },
        problems,
        fingerprint: String::new(),
    };
    dataset.seal();
    Ok(dataset)
}

/// Images and labels that belong together, training part first.
fn find_pairs(path: &Path, folder: &Path, problems: &mut Vec<Problem>) -> Result<Vec<(IdxFile, IdxFile)>, DataError> {
    let files = idx_files(folder)?;
    let (labels, images): (Vec<IdxFile>, Vec<IdxFile>) = files.into_iter().partition(|file| file.rank() == 1);
    let set = if path.is_dir() {
        let sets: BTreeSet<String> = images.iter().map(|file| set_of(&file.stem())).collect();
        if sets.len() > 1 {
            let names: Vec<&str> = images.iter().map(|file| file.name.as_str()).collect();
            let message = format!("the folder holds several data sets: {}", shortened(&names));
            return Err(DataError::content(path, message, "Choose one of the files instead of the folder"));
        }
        sets.into_iter().next()
    } else {
        let chosen =
            images.iter().chain(&labels).find(|file| file.path == path || file.path.file_name() == path.file_name());
        chosen.map(|file| set_of(&file.stem()))
    };
    let Some(set) = set else {
        let message = if path.is_dir() { "the folder holds no IDX images" } else { "this is no IDX file" };
        let hint = "Choose a folder with files such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz";
        return Err(DataError::content(path, message, hint));
    };

    let mut pairs: Vec<(IdxFile, IdxFile)> = Vec::new();
    let mut lonely: Option<&IdxFile> = None;
    for file in images.iter().filter(|file| set_of(&file.stem()) == set) {
        let stem = file.stem();
        // A file may lie there packed and unpacked.
        if pairs.iter().any(|(images, _)| images.stem() == stem) {
            continue;
        }
        match labels.iter().find(|labels| labels.stem() == stem) {
            Some(labels) => pairs.push((file.clone(), labels.clone())),
            None => lonely = Some(file),
        }
    }
    if let Some(file) = lonely {
        let wanted = file.name.replace("images", "labels").replace("idx3", "idx1");
        if pairs.is_empty() {
            let message = "its images have no labels";
            return Err(DataError::content(&file.path, message, format!("Put the labels file ({wanted}) beside it")));
        }
        let place = Place::File { path: file.path.clone(), row: None };
        let hint = format!("Put the labels file ({wanted}) beside it");
        problems.push(Problem::warning(place, "Its images have no labels and are left out", hint));
    }
    if pairs.is_empty() {
        let hint = "Put the images file (idx3) beside it";
        return Err(DataError::content(path, "the labels have no images", hint));
    }
    pairs.sort_by_key(|(images, _)| part_of(&images.stem()).map_or(0, |part| part as u8));
    Ok(pairs)
}

fn count_of(file: &IdxFile) -> usize {
    file.header.sizes.first().copied().unwrap_or(0)
}

/// Shape of one image: `[channels, height, width]`; with four sizes the last one is the channels'.
fn dims_of(file: &IdxFile) -> Result<Dims, DataError> {
    let unfit = |message: String| DataError::content(&file.path, message, "Choose a file of images (idx3)");
    let dims = match file.header.sizes[..] {
        [_, height, width] => Dims::from([1, height, width]),
        [_, height, width, channels @ (1 | 3)] => Dims::from([channels, height, width]),
        _ => return Err(unfit(format!("it has {} dimensions, but images have 3", file.rank()))),
    };
    if dims.0.iter().any(|&size| size == 0 || size > LONGEST_SIDE) {
        return Err(unfit(format!("its images are {dims}, but a side has 1 to {LONGEST_SIDE} pixels")));
    }
    Ok(dims)
}

/// Appends the values of a file. Memory is taken as the bytes arrive, never because a header claims them.
fn read_values(
    file: &IdxFile,
    values: &mut Vec<u8>,
    problems: &mut Vec<Problem>,
    progress: &Progress,
) -> Result<(), DataError> {
    let IdxFile { path, header, .. } = file;
    if header.kind != UNSIGNED_BYTE {
        let message = format!("its values are of type 0x{:02x}, but only unsigned bytes (0x08) are read", header.kind);
        return Err(DataError::content(path, message, "Save the file with unsigned bytes"));
    }
    let expected = Dims(header.sizes.clone()).checked_elements().map_or(u64::MAX, |elements| elements as u64);
    let available = memory::sample().available;
    if available > 0 && expected > available {
        let message = format!(
            "it claims {} of values, and {} of memory are free",
            format::bytes(expected),
            format::bytes(available)
        );
        return Err(DataError::content(path, message, "Close other programs, or choose a smaller data set"));
    }

    let mut content = input::open(path, progress)?;
    let failed = |error| input::read_error(path, error, progress);
    // The header again: this reader starts at the front.
    std::io::copy(&mut content.by_ref().take(4 + 4 * header.sizes.len() as u64), &mut std::io::sink())
        .map_err(failed)?;
    let before = values.len();
    content.by_ref().take(expected).read_to_end(values).map_err(failed)?;
    let found = (values.len() - before) as u64;
    if found < expected {
        let message = format!(
            "it ends too early: its header tells of {} bytes of values, and there are {}",
            format::count(expected),
            format::count(found)
        );
        return Err(DataError::content(path, message, "Download or copy the file again"));
    }
    let mut next = [0];
    if content.read(&mut next).map_err(failed)? > 0 {
        let place = Place::File { path: path.clone(), row: None };
        let message = "There are more bytes behind the last value; they are left out";
        problems.push(Problem::warning(place, message, "Check whether this is the right file"));
    }
    interleaved_to_planes(header, values, before);
    Ok(())
}

/// Turns `[height, width, channels]` into `[channels, height, width]`, image by image.
fn interleaved_to_planes(header: &Header, values: &mut [u8], from: usize) {
    let &[_, height, width, channels] = header.sizes.as_slice() else { return };
    let Some(values) = values.get_mut(from..) else { return };
    for image in values.chunks_exact_mut(height * width * channels) {
        let planes: Vec<u8> =
            (0..channels).flat_map(|channel| image.iter().skip(channel).step_by(channels).copied()).collect();
        image.copy_from_slice(&planes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(sizes: &[u32], values: &[u8]) -> Vec<u8> {
        let mut content = vec![0, 0, UNSIGNED_BYTE, sizes.len() as u8];
        content.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
        content.extend(values);
        content
    }

    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    fn import(path: &Path) -> Result<Dataset, DataError> {
        Idx.read(path, &Map::new(), &Progress::default())
    }

    #[test]
    fn a_pair_gives_images_and_the_classes_that_occur() {
        let folder = folder(&[
            ("letters-images-idx3-ubyte", file(&[3, 1, 2], &[1, 2, 3, 4, 5, 6])),
            ("letters-labels-idx1-ubyte", file(&[3], &[9, 1, 9])),
            ("readme.txt", b"hello".to_vec()),
        ]);
        assert!(Idx.sniff(folder.path()) > 0.9);
        let dataset = import(folder.path()).unwrap();
        assert_eq!(
            (dataset.dims.clone(), dataset.classes.clone()),
            (Dims::from([1, 1, 2]), vec!["1".to_owned(), "9".to_owned()])
        );
        assert_eq!((dataset.labels.clone(), dataset.sample(1)), (Labels::Classes(vec![1, 0, 1]), vec![3.0, 4.0]));
        assert_eq!(dataset.origins[2], "letters-images-idx3-ubyte, image 3");
        assert!(dataset.given_parts.is_empty());
    }

    #[test]
    fn train_and_t10k_are_given_parts_from_any_of_the_files() {
        let folder = folder(&[
            ("t10k-images-idx3-ubyte", file(&[1, 1, 1], &[7])),
            ("t10k-labels-idx1-ubyte", file(&[1], &[0])),
            ("train-images-idx3-ubyte", file(&[2, 1, 1], &[8, 9])),
            ("train-labels-idx1-ubyte", file(&[2], &[0, 1])),
        ]);
        for path in [folder.path().to_owned(), folder.path().join("t10k-labels-idx1-ubyte")] {
            let dataset = import(&path).unwrap();
            assert_eq!(dataset.given_parts, [Part::Train, Part::Train, Part::Test]);
            assert_eq!(dataset.features, Features::Bytes(vec![8, 9, 7]));
        }
    }

    #[test]
    fn colours_become_planes() {
        let folder = folder(&[("images", file(&[1, 1, 2, 3], &[1, 2, 3, 4, 5, 6])), ("labels", file(&[1], &[0]))]);
        assert_eq!(import(folder.path()).unwrap().sample(0), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let labels = || ("a-labels-idx1-ubyte", file(&[2], &[0, 1]));
        let cases = [
            (vec![("a-images-idx3-ubyte", file(&[3, 1, 1], &[1, 2, 3])), labels()], "2 labels, but a-images"),
            (vec![("a-images-idx3-ubyte", file(&[2, 2, 2], &[1, 2, 3])), labels()], "ends too early"),
            (vec![("a-images-idx3-ubyte", file(&[2, 60_000, 60_000], &[1])), labels()], "a side has 1 to 16384"),
            (vec![("a-images-idx3-ubyte", file(&[2, 1, 1], &[1, 2]))], "Put the labels file (a-labels-idx1-ubyte)"),
            (vec![labels()], "holds no IDX images"),
            (vec![("a.txt", b"hello".to_vec())], "holds no IDX images"),
            (vec![], "holds no IDX images"),
        ];
        for (files, expect) in cases {
            let text = import(folder(&files).path()).unwrap_err().to_string();
            assert!(text.contains(expect), "{text}");
        }
        // A header that claims 1.2 EB must not take that memory.
        let claims = file(&[u32::MAX, 16_384, 16_384], &[0; 100]);
        let folder = folder(&[("a-images-idx3-ubyte", claims), ("a-labels-idx1-ubyte", file(&[u32::MAX], &[]))]);
        assert!(import(folder.path()).is_err());
    }
}
