//! Images with boxes, whatever file tells the boxes: checks them, brings all images to one size and moves the boxes along.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::base::{Bounds, Dims, Field, ParamVisitor, Params, Place, Problem, Progress};
use crate::data::{BoxLabel, DataError, Dataset, Features, InputKind, Labels, Part, Task};

use super::listing;
use super::picture::{self, Filter, Fitted};
use super::sizing::refuse_what_cannot_fit;

/// Longest side of the size that is chosen when none is given, pixels.
const LONGEST_AUTOMATIC_SIDE: f64 = 320.0;

/// Automatic sizes are multiples of this, as detectors halve the image five times.
const STEP: f64 = 32.0;

/// How far a box may reach over the edge before that is told, pixels of the file: annotators and rounding differ by one.
const SLACK: f64 = 1.5;

/// Findings of one kind that get a problem each; the rest is counted in one more.
const MOST_PROBLEMS: usize = 200;

/// Options of every importer of boxes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AnnotatedOptions {
    /// Width of a sample, pixels; 0 chooses one.
    pub width: usize,
    /// Height of a sample, pixels; 0 chooses one.
    pub height: usize,
    /// How images are resized.
    pub filter: Filter,
}

impl Params for AnnotatedOptions {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { width, height, filter } = self;
        let help = "All images are resized to this size, and their boxes move along. 0 chooses a multiple of 32 near \
                    the proportions of most files, at most 320 on the longer side.";
        let most = picture::LONGEST_SIDE as usize;
        visitor.count(Field::new("width", "Width").unit("pixels").help(help), width, 0..=most);
        visitor.count(Field::new("height", "Height").unit("pixels").help(help), height, 0..=most);
        let field = Field::new("filter", "Resizing").help("How images of another size are resized.");
        visitor.choice(field, filter);
    }
}

/// An image before it is opened, with what its annotations say.
pub(super) struct Annotated {
    /// The image file.
    pub image: PathBuf,
    /// Its part, where the data gives parts.
    pub part: Part,
    /// Its objects.
    pub objects: Vec<Object>,
}

/// An object as its file tells it.
pub(super) struct Object {
    /// Index of its class.
    pub class: u32,
    /// Where it is.
    pub bounds: Measured,
    /// Hard to see.
    pub is_difficult: bool,
    /// A group that nobody separated.
    pub is_crowd: bool,
    /// The file that tells it, and its number there (row, or object) counted from 1.
    pub place: Place,
}

/// A box in the unit of its file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Measured {
    /// In pixels of the image file.
    Pixels(Bounds),
    /// In shares of width and height.
    Shares(Bounds),
}

/// What an importer found.
pub(super) struct Found {
    /// Images in the order of the data set.
    pub images: Vec<Annotated>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Whether the parts are given by the data.
    pub has_parts: bool,
    /// What was odd on the way.
    pub problems: Vec<Problem>,
}

/// Opens the images, checks the boxes and makes the data set.
///
/// # Errors
/// If it was cancelled, no image could be read, or memory would not do.
pub(super) fn read(
    root: &Path,
    found: Found,
    options: &AnnotatedOptions,
    progress: &Progress,
) -> Result<Dataset, DataError> {
    let Found { images, classes, has_parts, mut problems } = found;
    progress.set_total(images.len() as u64);
    let sizes = images.par_iter().map(|image| {
        if progress.is_cancelled() { Err(DataError::Cancelled) } else { Ok(picture::size_of(&image.image).ok()) }
    });
    let sizes = sizes.collect::<Result<Vec<_>, _>>()?;
    let (width, height) = choose_size(&sizes, options, &mut problems);
    refuse_what_cannot_fit(root, images.len(), (width, height), 3)?;

    let open = |(image, size): (Annotated, Option<(u32, u32)>)| {
        if progress.is_cancelled() {
            return Err(DataError::Cancelled);
        }
        let fitted = picture::read(&image.image).map(|file| {
            // The header may be silent where the content is not.
            let size = size.unwrap_or((file.width(), file.height()));
            (size, picture::fit(file, width, height, options.filter))
        });
        progress.advance();
        Ok((image, fitted))
    };
    let pairs: Vec<_> = images.into_iter().zip(sizes).collect();
    let opened = pairs.into_par_iter().map(open).collect::<Result<Vec<_>, _>>()?;

    let mut kept: Vec<(Annotated, Fitted, Vec<BoxLabel>)> = Vec::new();
    let mut findings = Findings::default();
    for (image, outcome) in opened {
        match outcome {
            Ok((size, fitted)) => {
                let labels = labels(&image, size, (width, height), &mut findings);
                kept.push((image, fitted, labels));
            }
            Err(reason) => {
                let place = Place::File { path: image.image, row: None };
                let message = format!("The image can't be read and is left out with its boxes: {reason}");
                findings.add(Problem::error(place, message, "Replace the file, or remove its annotations"));
            }
        }
    }
    findings.conclude(root, &mut problems);
    if kept.is_empty() {
        let first = problems.iter().find(|problem| matches!(problem.severity, crate::base::Severity::Error));
        let reason = first.map_or_else(|| "it names none".to_owned(), ToString::to_string);
        return Err(DataError::content(
            root,
            format!("no annotated image could be read; {reason}"),
            "Look at the files",
        ));
    }
    let empty = kept.iter().filter(|(_, _, labels)| labels.is_empty()).count();
    if empty > 0 {
        let message =
            format!("{empty} of {} images have no boxes; the network learns from them as background", kept.len());
        problems.push(Problem::advice(Place::Data, message, "Nothing needs to be done if they show no object"));
    }

    let channels = if kept.iter().all(|(_, fitted, _)| fitted.is_grey()) { 1 } else { 3 };
    let dims = Dims::from([channels, height as usize, width as usize]);
    let origins = kept.iter().map(|(image, ..)| listing::below(root, &image.image)).collect();
    let given_parts = if has_parts { kept.iter().map(|(image, ..)| image.part).collect() } else { Vec::new() };
    let mut bytes = Vec::with_capacity(kept.len() * dims.elements());
    let mut boxes = Vec::with_capacity(kept.len());
    for (_, fitted, labels) in kept {
        bytes.extend(fitted.into_channels(channels));
        boxes.push(labels);
    }
    let mut dataset = Dataset {
        name: listing::name_of(root),
        task: Task::Detection,
        input: InputKind::Image { filter: options.filter },
        dims,
        features: Features::Bytes(bytes),
        labels: Labels::Boxes(boxes),
        classes,
        target: "object".to_owned(),
        origins,
        given_parts,
        problems,
        fingerprint: String::new(),
    };
    name_unused_classes(&mut dataset);
    dataset.seal();
    Ok(dataset)
}

/// The given size, or a multiple of 32 near the most frequent one.
fn choose_size(sizes: &[Option<(u32, u32)>], options: &AnnotatedOptions, problems: &mut Vec<Problem>) -> (u32, u32) {
    let given = |side: usize| u32::try_from(side).unwrap_or(u32::MAX).min(picture::LONGEST_SIDE);
    let mut counts = BTreeMap::new();
    for size in sizes.iter().flatten() {
        *counts.entry(*size).or_insert(0_usize) += 1;
    }
    let common = counts.iter().max_by_key(|(size, count)| (**count, **size));
    let Some((&(common_width, common_height), &count)) = common else {
        // Nothing can be read, which is told when the files are opened.
        return (given(options.width).max(1), given(options.height).max(1));
    };
    let shrink = (LONGEST_AUTOMATIC_SIDE / f64::from(common_width.max(common_height))).min(1.0);
    let automatic = |side: u32| ((f64::from(side) * shrink / STEP).round() * STEP).max(STEP) as u32;
    let or = |given: u32, side: u32| if given == 0 { automatic(side) } else { given };
    let chosen = (or(given(options.width), common_width), or(given(options.height), common_height));
    if counts.len() > 1 || chosen != (common_width, common_height) {
        let total: usize = counts.values().sum();
        let message = format!(
            "The images have {} {} ({count} of {total} have {common_width} x {common_height} pixels), and all are resized \
             to {} x {}; boxes move along",
            counts.len(),
            if counts.len() == 1 { "size" } else { "sizes" },
            chosen.0,
            chosen.1
        );
        let hint =
            "Choose another width and height in the import options if small objects get lost, or training is slow";
        problems.push(Problem::advice(Place::Data, message, hint));
    }
    chosen
}

/// The boxes of an image that can be learned, in pixels of the resized image.
fn labels(
    image: &Annotated,
    (file_width, file_height): (u32, u32),
    (width, height): (u32, u32),
    findings: &mut Findings,
) -> Vec<BoxLabel> {
    let [file_width, file_height] = [file_width, file_height].map(f64::from);
    let mut labels = Vec::with_capacity(image.objects.len());
    for object in &image.objects {
        let bounds = match object.bounds {
            Measured::Pixels(bounds) => bounds,
            Measured::Shares(bounds) => bounds.scaled(file_width, file_height),
        };
        let Bounds { x1, y1, x2, y2 } = bounds;
        let text = format!("from {x1:.0}, {y1:.0} to {x2:.0}, {y2:.0}");
        if !bounds.has_area() {
            let message = format!("A box has no area ({text}) and is left out");
            findings.add(Problem::warning(object.place.clone(), message, "Draw it anew, or remove it"));
            continue;
        }
        let inside = bounds.clipped(file_width, file_height);
        if !inside.has_area() {
            let message =
                format!("A box lies outside the image of {file_width} x {file_height} pixels ({text}) and is left out");
            findings.add(Problem::warning(object.place.clone(), message, "Correct it, or remove it"));
            continue;
        }
        let reach = [-x1, -y1, x2 - file_width, y2 - file_height].into_iter().fold(0.0, f64::max);
        if reach > SLACK {
            let message = format!(
                "A box reaches {reach:.0} pixels over the edge of the image of {file_width} x {file_height} pixels \
                 ({text}); it is cut there"
            );
            findings.add(Problem::advice(object.place.clone(), message, "Correct it if that is not what was meant"));
        }
        labels.push(BoxLabel {
            class: object.class,
            bounds: inside.scaled(f64::from(width) / file_width, f64::from(height) / file_height),
            is_difficult: object.is_difficult,
            is_crowd: object.is_crowd,
        });
    }
    labels
}

/// Problems of single boxes and images: each up to a number, then one that counts the rest.
#[derive(Default)]
struct Findings {
    listed: Vec<Problem>,
    more: usize,
}

impl Findings {
    fn add(&mut self, problem: Problem) {
        if self.listed.len() < MOST_PROBLEMS {
            self.listed.push(problem);
        } else {
            self.more += 1;
        }
    }

    fn conclude(self, root: &Path, problems: &mut Vec<Problem>) {
        problems.extend(self.listed);
        if self.more > 0 {
            let place = Place::File { path: root.to_owned(), row: None };
            let message = format!("{} more boxes or images have such problems", self.more);
            problems.push(Problem::warning(place, message, "Correct the first ones and import again"));
        }
    }
}

/// Classes that no box has are kept (their indices stay as the file gives them) and told.
fn name_unused_classes(dataset: &mut Dataset) {
    let all: Vec<u32> = (0..dataset.len() as u32).collect();
    let counts = dataset.class_counts(&all);
    let unused: Vec<&str> =
        dataset.classes.iter().zip(counts).filter(|(_, count)| *count == 0).map(|(class, _)| class.as_str()).collect();
    if !unused.is_empty() && unused.len() < dataset.classes.len() {
        let message = format!("No box has the class {}", super::shortened(&unused));
        dataset.problems.push(Problem::advice(Place::Data, message, "Add such objects, or remove the class"));
    }
}

/// Indices of classes by name, made in the order in which they are met.
#[derive(Default)]
pub(super) struct ClassNames {
    names: Vec<String>,
    index: HashMap<String, u32>,
}

impl ClassNames {
    /// The index of that name.
    pub(super) fn index_of(&mut self, name: &str) -> u32 {
        if let Some(index) = self.index.get(name) {
            return *index;
        }
        let index = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.index.insert(name.to_owned(), index);
        index
    }

    /// The names in natural order, and where each index went.
    pub(super) fn sorted(self) -> (Vec<String>, Vec<u32>) {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        let name = |at: usize| self.names.get(at).map_or("", String::as_str);
        order.sort_by(|&left, &right| listing::natural(name(left), name(right)));
        let mut moved = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            if let Some(place) = moved.get_mut(old) {
                *place = new as u32;
            }
        }
        (order.into_iter().map(|at| name(at).to_owned()).collect(), moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(bounds: &[Bounds]) -> Annotated {
        let object = |bounds: &Bounds| Object {
            class: 0,
            bounds: Measured::Pixels(*bounds),
            is_difficult: false,
            is_crowd: false,
            place: Place::Data,
        };
        Annotated { image: "a.png".into(), part: Part::Train, objects: bounds.iter().map(object).collect() }
    }

    #[test]
    fn boxes_move_along_and_bad_ones_are_named() {
        let bounds = [
            Bounds::new(10.0, 20.0, 50.0, 40.0),
            Bounds::new(90.0, 0.0, 120.0, 10.0),
            Bounds::new(30.0, 30.0, 30.0, 60.0),
            Bounds::new(200.0, 200.0, 220.0, 220.0),
        ];
        let mut findings = Findings::default();
        let labels = labels(&image(&bounds), (100, 80), (50, 160), &mut findings);
        let found: Vec<Bounds> = labels.iter().map(|label| label.bounds).collect();
        assert_eq!(found, [Bounds::new(5.0, 40.0, 25.0, 80.0), Bounds::new(45.0, 0.0, 50.0, 20.0)]);
        let text = findings.listed.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        for part in ["reaches 20 pixels over the edge", "has no area", "lies outside the image of 100 x 80"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn automatic_sizes_are_multiples_of_32() {
        let mut problems = Vec::new();
        let sizes = [Some((640, 480)), Some((640, 480)), Some((300, 200)), None];
        assert_eq!(choose_size(&sizes, &AnnotatedOptions::default(), &mut problems), (320, 256));
        assert!(problems[0].message.contains("2 of 3 have 640 x 480"), "{}", problems[0]);
        let given = AnnotatedOptions { width: 100, ..AnnotatedOptions::default() };
        assert_eq!(choose_size(&sizes, &given, &mut problems), (100, 256));
    }

    #[test]
    fn classes_get_natural_order() {
        let mut names = ClassNames::default();
        assert_eq!([names.index_of("b10"), names.index_of("b2"), names.index_of("b10")], [0, 1, 0]);
        assert_eq!(names.sorted(), (vec!["b2".to_owned(), "b10".to_owned()], vec![1, 0]));
    }
}
