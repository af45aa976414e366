//! The one size and the channels that all images of a data set get: asked for, or chosen from the files.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use crate::base::{Field, ParamVisitor, Place, Problem, Progress, format, memory};
use crate::data::DataError;

use super::picture::{self, Filter};

crate::choices! {
    /// How many channels a sample has.
    pub enum Channels {
        /// 3 if any image has colours, else 1.
        Auto = "auto", "As in the files", "Three channels if any image has colours, else one.";
        /// Grey.
        One = "grey", "1, grey", "Turns colours into grey.";
        /// Red, green, blue.
        Three = "rgb", "3, red, green, blue", "Repeats grey images in all three channels.";
    }
}

impl Channels {
    /// So many, for images of which all are grey or some are not.
    pub(super) fn count(self, all_grey: bool) -> usize {
        match self {
            Self::One => 1,
            Self::Auto if all_grey => 1,
            Self::Three | Self::Auto => 3,
        }
    }
}

/// How a size is chosen where none is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizing {
    /// Longest side, pixels: larger images would only make training slow.
    pub longest: u32,
    /// Both sides become multiples of it where the images must be resized anyway.
    pub multiple: u32,
}

/// The fields of an importer's options that say how images are read.
pub(super) fn visit(
    visitor: &mut dyn ParamVisitor,
    (width, height): (&mut usize, &mut usize),
    channels: &mut Channels,
    filter: &mut Filter,
) {
    let help = "Images of another size are resized to this one. 0 takes the most frequent size of the files.";
    let most = picture::LONGEST_SIDE as usize;
    visitor.count(Field::new("width", "Width").unit("pixels").help(help), width, 0..=most);
    visitor.count(Field::new("height", "Height").unit("pixels").help(help), height, 0..=most);
    let field = Field::new("channels", "Channels").help("One for grey images, three for colours.");
    visitor.choice(field, channels);
    let field = Field::new("filter", "Resizing").help("How images of another size are resized.");
    visitor.choice(field, filter);
}

/// The given size, or the most frequent one of the files, shrunk as `sizing` says.
pub(super) fn choose(
    paths: &[&Path],
    (width, height): (usize, usize),
    sizing: Sizing,
    problems: &mut Vec<Problem>,
    progress: &Progress,
) -> Result<(u32, u32), DataError> {
    let given = |side: usize| u32::try_from(side).unwrap_or(u32::MAX).min(picture::LONGEST_SIDE);
    let (width, height) = (given(width), given(height));
    if width > 0 && height > 0 {
        return Ok((width, height));
    }
    let size = |path: &&Path| -> Result<Option<(u32, u32)>, DataError> {
        if progress.is_cancelled() {
            return Err(DataError::Cancelled);
        }
        // What can't be read here is named when it is opened.
        Ok(picture::size_of(path).ok())
    };
    let sizes = paths.par_iter().map(size).collect::<Result<Vec<_>, _>>()?;
    let mut counts = BTreeMap::new();
    for size in sizes.into_iter().flatten() {
        *counts.entry(size).or_insert(0_usize) += 1;
    }
    let Some((&(common_width, common_height), &count)) = counts.iter().max_by_key(|(size, count)| (**count, **size))
    else {
        // Nothing can be read, which is told when the files are opened.
        return Ok((width.max(1), height.max(1)));
    };
    let (fitting_width, fitting_height) = sizing.fit(common_width, common_height);
    let chosen = match (width, height) {
        (0, 0) => (fitting_width, fitting_height),
        (0, height) => (fitting_width, height),
        (width, _) => (width, fitting_height),
    };
    if counts.len() > 1 || chosen != (common_width, common_height) {
        let total: usize = counts.values().sum();
        let message = format!(
            "The images have {} sizes ({count} of {total} have {common_width} x {common_height} pixels), and all are \
             resized to {} x {}",
            counts.len(),
            chosen.0,
            chosen.1
        );
        let hint = "Choose another width and height in the import options if that is too small or too large";
        problems.push(Problem::advice(Place::Data, message, hint));
    }
    Ok(chosen)
}

impl Sizing {
    fn fit(self, width: u32, height: u32) -> (u32, u32) {
        let shrink = (f64::from(self.longest) / f64::from(width.max(height))).min(1.0);
        let side = |side: u32| {
            let multiple = f64::from(self.multiple.max(1));
            ((f64::from(side) * shrink / multiple).round() * multiple).max(multiple) as u32
        };
        (side(width), side(height))
    }
}

/// Counts the memory of all samples before any is decoded; `bytes` is what one pixel of a sample takes.
pub(super) fn refuse_what_cannot_fit(
    root: &Path,
    samples: usize,
    (width, height): (u32, u32),
    bytes: usize,
) -> Result<(), DataError> {
    // Twice: each image alone, then all in one block.
    let needed = samples as u128 * u128::from(width) * u128::from(height) * bytes as u128 * 2;
    let available = memory::sample().available;
    if available == 0 || needed < u128::from(available) {
        return Ok(());
    }
    let needed = format::bytes(u64::try_from(needed).unwrap_or(u64::MAX));
    let message = format!(
        "{samples} images of {width} x {height} pixels need {needed} of memory, and {} are free",
        format::bytes(available)
    );
    Err(DataError::content(root, message, "Choose a smaller width and height in the import options"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_shrunk_and_its_sides_become_multiples() {
        let plain = Sizing { longest: 224, multiple: 1 };
        assert_eq!((plain.fit(640, 427), plain.fit(28, 28), plain.fit(5000, 1)), ((224, 149), (28, 28), (224, 1)));
        let masks = Sizing { longest: 256, multiple: 32 };
        assert_eq!((masks.fit(640, 427), masks.fit(256, 256), masks.fit(5, 40)), ((256, 160), (256, 256), (32, 32)));
    }
}
