//! Images with their masks to a data set: whoever finds the pairs, they are read, resized and joined here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::base::{Dims, Field, ParamVisitor, Params, Place, Problem, Progress};
use crate::data::{DataError, Dataset, Features, InputKind, Labels, Masks, Part, Task, VOID};

use super::listing;
use super::mask_file::{self, MaskFile, MaskKind};
use super::mask_values::{self, Classes, Known, Reading};
use super::picture::{self, Decoded, Filter, Fitted};
use super::sizing::{self, Channels, Sizing};

/// The size where none is given. Networks for masks halve the image several times and must get whole numbers.
const SIZING: Sizing = Sizing { longest: 256, multiple: 32 };
/// Files of one kind of trouble that get a problem each; the rest is counted in one more.
const MOST_PROBLEMS: usize = 1000;

/// Options of importers of images with masks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskOptions {
    /// Name of the folder with the masks; empty finds it.
    pub masks: String,
    /// What the numbers of the masks stand for.
    pub reading: Reading,
    /// Number of pixels that count for nothing.
    pub void: usize,
    /// Names of the classes with commas between them; empty takes those of a file beside the images.
    pub classes: String,
    /// Width of a sample, pixels; 0 takes the most frequent size.
    pub width: usize,
    /// Height of a sample, pixels; 0 takes the most frequent size.
    pub height: usize,
    /// Channels of a sample.
    pub channels: Channels,
    /// For images of another size; masks always take the nearest pixel.
    pub filter: Filter,
}

impl Default for MaskOptions {
    fn default() -> Self {
        Self {
            masks: String::new(),
            reading: Reading::default(),
            void: usize::from(VOID),
            classes: String::new(),
            width: 0,
            height: 0,
            channels: Channels::default(),
            filter: Filter::default(),
        }
    }
}

impl Params for MaskOptions {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { masks, reading, void, classes, width, height, channels, filter } = self;
        let help = "Name of the folder with the masks, where there are several. Empty takes the usual names.";
        visitor.text(Field::new("masks", "Folder of masks").help(help), masks);
        let help = "What the number or colour of a mask's pixel means.";
        visitor.choice(Field::new("reading", "Meaning of masks").help(help), reading);
        let help = "Pixels with this number belong to no class: nothing is learned from them, and they don't count in \
                    scores. 255 is usual.";
        visitor.count(Field::new("void", "Number of void").help(help), void, 0..=65_535);
        let help = "Names of the classes with commas between them, background first. Empty takes them from classes.txt \
                    or a list of colours beside the images.";
        visitor.text(Field::new("classes", "Class names").help(help), classes);
        sizing::visit(visitor, (width, height), channels, filter);
    }
}

/// An image and its mask before they are opened.
pub(super) struct Pair {
    pub image: PathBuf,
    pub mask: PathBuf,
    pub part: Part,
}

/// What an importer found.
pub(super) struct Found {
    pub pairs: Vec<Pair>,
    /// Whether the folders or lists give the parts.
    pub has_parts: bool,
    /// Whether the masks' folder is named as one that tells objects apart.
    pub named_instances: bool,
    /// Names of the classes that the layout itself has, if nothing beside the images says otherwise.
    pub usual_names: fn(largest: u32) -> Vec<String>,
}

/// One sample; its mask still has the numbers of the file.
struct Sample {
    image: Fitted,
    kind: MaskKind,
    /// All numbers of the whole mask.
    values: BTreeSet<u32>,
    mask: Vec<u32>,
    /// Pixels that are nearly black, nearly white, and all.
    extremes: [usize; 3],
}

/// Reads all pairs.
///
/// # Errors
/// If it was cancelled, none could be read, or the masks' numbers can be no classes.
pub(super) fn read(
    root: &Path,
    found: Found,
    options: &MaskOptions,
    mut problems: Vec<Problem>,
    progress: &Progress,
) -> Result<Dataset, DataError> {
    let Found { pairs, has_parts, named_instances, usual_names } = found;
    progress.set_total(pairs.len() as u64);
    let paths: Vec<&Path> = pairs.iter().map(|pair| pair.image.as_path()).collect();
    let (width, height) = sizing::choose(&paths, (options.width, options.height), SIZING, &mut problems, progress)?;
    // Beside the image four bytes of the mask's own numbers.
    sizing::refuse_what_cannot_fit(root, pairs.len(), (width, height), options.channels.count(false) + 4)?;

    let open = |pair: &Pair| -> Result<Result<Sample, Trouble>, DataError> {
        if progress.is_cancelled() {
            return Err(DataError::Cancelled);
        }
        let sample = open(pair, width, height, options.filter);
        progress.advance();
        Ok(sample)
    };
    let opened = pairs.par_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let (mut kept, mut samples, mut troubles) = (Vec::new(), Vec::new(), Vec::new());
    for (pair, outcome) in pairs.into_iter().zip(opened) {
        match outcome {
            Ok(sample) => {
                kept.push(pair);
                samples.push(sample);
            }
            Err(trouble) => troubles.push(trouble),
        }
    }
    if samples.is_empty() {
        let first = troubles.first().map_or_else(String::new, |trouble| {
            format!("; {}: {}", listing::below(root, &trouble.path), trouble.reason)
        });
        let message = format!("none of its {} images with masks could be read{first}", troubles.len());
        return Err(DataError::content(root, message, "Put images and masks of the same size in it"));
    }
    tell(root, troubles, &mut problems);

    let known = known(root, &samples, options, named_instances, usual_names);
    let classes = mask_values::classes(&known, options.reading, &mut problems)
        .map_err(|(message, hint)| DataError::content(root, message, hint))?;
    let pixels = classified(&samples, &classes, known.has_colours);
    let area = width as usize * height as usize;
    tell_classes(&classes.names, &pixels, &mut problems);

    let channels = options.channels.count(samples.iter().all(|sample| sample.image.is_grey()));
    let dims = Dims::from([channels, height as usize, width as usize]);
    let mut bytes = Vec::with_capacity(samples.len() * dims.elements());
    for sample in samples {
        bytes.extend(sample.image.into_channels(channels));
    }
    let mut dataset = Dataset {
        name: listing::name_of(root),
        task: Task::Segmentation,
        input: InputKind::Image { filter: options.filter },
        dims,
        features: Features::Bytes(bytes),
        labels: Labels::Masks(Masks { pixels, area }),
        classes: classes.names,
        target: "mask".to_owned(),
        origins: kept.iter().map(|pair| listing::below(root, &pair.image)).collect(),
        given_parts: if has_parts { kept.iter().map(|pair| pair.part).collect() } else { Vec::new() },
        problems,
        fingerprint: String::new(),
    };
    dataset.seal();
    Ok(dataset)
}

/// A pair that can't be a sample.
struct Trouble {
    path: PathBuf,
    /// What is wrong, as a sentence part.
    reason: String,
    hint: &'static str,
}

fn open(pair: &Pair, width: u32, height: u32, filter: Filter) -> Result<Sample, Trouble> {
    fn or_trouble<T>(outcome: Decoded<T>, path: &Path, what: &str) -> Result<T, Trouble> {
        let reason = |reason| format!("The {what} can't be read and is left out: {reason}");
        outcome.map_err(|text| Trouble { path: path.to_owned(), reason: reason(text), hint: "Replace the file" })
    }
    let mask = or_trouble(mask_file::read(&pair.mask), &pair.mask, "mask")?;
    let image = or_trouble(picture::read(&pair.image), &pair.image, "image")?;
    if (image.width(), image.height()) != (mask.width, mask.height) {
        let reason = format!(
            "The mask has {} x {} pixels, but its image {} x {}, so both are left out",
            mask.width,
            mask.height,
            image.width(),
            image.height()
        );
        let hint = "Give the mask the size of its image";
        return Err(Trouble { path: pair.mask.clone(), reason, hint });
    }
    let MaskFile { kind, values, .. } = &mask;
    let extremes = [
        values.iter().filter(|value| **value <= 16).count(),
        values.iter().filter(|value| (239..=255).contains(*value)).count(),
        values.len(),
    ];
    Ok(Sample {
        image: picture::fit(image, width, height, filter),
        kind: *kind,
        values: distinct(values),
        mask: mask.fit(width, height),
        extremes,
    })
}

/// Runs of equal numbers are looked at once.
fn distinct(values: &[u32]) -> BTreeSet<u32> {
    values.chunk_by(|a, b| a == b).filter_map(|run| run.first().copied()).collect()
}

fn known(
    root: &Path,
    samples: &[Sample],
    options: &MaskOptions,
    named_instances: bool,
    usual_names: fn(u32) -> Vec<String>,
) -> Known {
    let has_colours =
        samples.iter().any(|sample| sample.kind == MaskKind::Colour) || options.reading == Reading::Colours;
    let values =
        samples.iter().flat_map(|sample| sample.values.iter().map(|&value| sample.as_colour(value, has_colours)));
    let values: BTreeSet<u32> = values.collect();
    let void = u32::try_from(options.void).unwrap_or(u32::MAX);
    let mut names = mask_values::listed(&options.classes);
    if names.is_empty() {
        names = mask_values::names_beside(root);
    }
    if names.is_empty() {
        let largest = values.iter().copied().filter(|value| *value != void).max().unwrap_or(0);
        names = usual_names(largest).into_iter().map(|name| (name, None)).collect();
    }
    let sum = |at: usize| samples.iter().filter_map(|sample| sample.extremes.get(at)).sum::<usize>();
    // Both must be there: small numbers of classes are all nearly black.
    let black_and_white = (sum(0) + sum(1)) as f64 > 0.9 * sum(2) as f64 && sum(1) as f64 > 0.002 * sum(2) as f64;
    let has_palettes = samples.iter().all(|sample| sample.kind == MaskKind::Palette);
    Known { values, has_colours, has_palettes, black_and_white, named_instances, names, void }
}

impl Sample {
    /// A number of this mask as those of all masks are: a grey level among colours is a colour too.
    fn as_colour(&self, value: u32, has_colours: bool) -> u32 {
        if has_colours && self.kind != MaskKind::Colour { (value & 0xff) * 0x0001_0101 } else { value }
    }
}

/// The class of every pixel of all masks.
fn classified(samples: &[Sample], classes: &Classes, has_colours: bool) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(samples.iter().map(|sample| sample.mask.len()).sum());
    for sample in samples {
        for run in sample.mask.chunk_by(|a, b| a == b) {
            let value = run.first().map_or(0, |value| sample.as_colour(*value, has_colours));
            let class = classes.of.get(&value).copied().unwrap_or(VOID);
            pixels.extend(std::iter::repeat_n(class, run.len()));
        }
    }
    pixels
}

fn tell(root: &Path, troubles: Vec<Trouble>, problems: &mut Vec<Problem>) {
    let total = troubles.len();
    for Trouble { path, reason, hint } in troubles.into_iter().take(MOST_PROBLEMS) {
        problems.push(Problem::error(Place::File { path, row: None }, reason, hint));
    }
    if total > MOST_PROBLEMS {
        let message = format!("{} more pairs can't be read and are left out", total - MOST_PROBLEMS);
        problems.push(Problem::error(Place::File { path: root.to_owned(), row: None }, message, "Replace them"));
    }
}

/// Images without a mask and masks without an image.
pub(super) fn tell_alone(files: &[PathBuf], what: &str, lacks: &str, problems: &mut Vec<Problem>) {
    for path in files.iter().take(MOST_PROBLEMS) {
        let place = Place::File { path: path.clone(), row: None };
        let message = format!("The {what} has no {lacks} of the same name and is left out");
        problems.push(Problem::warning(place, message, format!("Add the {lacks}, or remove the {what}")));
    }
    if files.len() > MOST_PROBLEMS {
        let message = format!("{} more files have no {lacks} and are left out", files.len() - MOST_PROBLEMS);
        problems.push(Problem::warning(Place::Data, message, ""));
    }
}

/// Classes without a pixel, and masks that leave nothing to tell apart.
fn tell_classes(names: &[String], pixels: &[u8], problems: &mut Vec<Problem>) {
    let mut counts = [0_u64; 256];
    for &class in pixels {
        if let Some(count) = counts.get_mut(usize::from(class)) {
            *count += 1;
        }
    }
    let empty: Vec<&str> =
        names.iter().zip(counts).filter(|(_, count)| *count == 0).map(|(name, _)| name.as_str()).collect();
    if names.len() - empty.len() < 2 {
        let message = "All masks show one class alone, so there is nothing to tell apart";
        problems.push(Problem::warning(Place::Data, message, "Look at the meaning of masks in the import options"));
    } else if !empty.is_empty() {
        let message = format!("No mask has pixels of {}", super::shortened(&empty));
        problems.push(Problem::warning(Place::Data, message, "Add images that show these classes, or drop them"));
    }
}
