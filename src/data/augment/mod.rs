//! The catalogue of augmentations: small random changes of training samples, so that the network sees each sample in
//! many forms and learns what does not matter.
//!
//! Everything is drawn from streams named after epoch, sample and augmentation, so that a run can be repeated and
//! resumed bit for bit, and one more augmentation does not change what the others draw. Only training is changed:
//! validation, test and predictions see the samples as they are.

mod affine;
pub mod augmenter;
mod config;

pub mod blur;
pub mod colour;
pub mod crop;
pub mod cutmix;
pub mod cutout;
pub mod flip;
pub mod gain;
pub mod hiss;
pub mod jitter;
pub mod magnitude;
pub mod mixup;
pub mod noise;
pub mod resized_crop;
pub mod rotate;
pub mod scale;
pub mod shear;
pub mod shift;
pub mod token_dropout;
pub mod window_warp;

use std::ops::Range;

use crate::base::rng::Stream;

use super::{InputKind, Task};

pub use affine::{Affine, Border};
pub use augmenter::{Augmented, Augmenter};
pub use config::{Augmentation, Outside};

use self::blur::Blur;
use self::colour::Colour;
use self::crop::Crop;
use self::cutmix::Cutmix;
use self::cutout::Cutout;
use self::flip::Flip;
use self::gain::Gain;
use self::hiss::Hiss;
use self::jitter::Jitter;
use self::magnitude::Magnitude;
use self::mixup::Mixup;
use self::noise::Noise;
use self::resized_crop::ResizedCrop;
use self::rotate::Rotate;
use self::scale::Scale;
use self::shear::Shear;
use self::shift::Shift;
use self::token_dropout::TokenDropout;
use self::window_warp::WindowWarp;

crate::catalogue! {
    /// A random change of training samples. They are applied in this order.
    pub enum AugmentSpec {
        Flip(Flip) = "flip", "Flip", "Mirrors images.";
        Crop(Crop) = "crop", "Crop", "Moves images a little: a window of the same size is cut out of the image with a margin.";
        ResizedCrop(ResizedCrop) = "resized_crop", "Resized crop", "Cuts a part out and enlarges it to the whole.";
        Rotate(Rotate) = "rotate", "Rotate", "Turns images a little.";
        Scale(Scale) = "scale", "Scale", "Enlarges or shrinks what is seen.";
        Shear(Shear) = "shear", "Shear", "Slants images.";
        Colour(Colour) = "colour", "Colour jitter", "Changes brightness, contrast, saturation and hue.";
        Blur(Blur) = "blur", "Blur", "Blurs some images, so that the network does not rely on fine grain.";
        Noise(Noise) = "noise", "Noise", "Adds grain.";
        Cutout(Cutout) = "cutout", "Cutout", "Hides a square, so that the network does not rely on one spot.";
        Mixup(Mixup) = "mixup", "Mixup", "Blends two images and their answers: the network becomes less sure of itself and often better.";
        Cutmix(Cutmix) = "cutmix", "CutMix", "Puts a part of another image into each and mixes their answers by its area.";
        Gain(Gain) = "gain", "Gain", "Makes recordings louder or softer.";
        Shift(Shift) = "shift", "Shift", "Lets recordings begin earlier or later.";
        Hiss(Hiss) = "hiss", "Noise", "Adds noise to recordings.";
        TokenDropout(TokenDropout) = "token_dropout", "Token dropout", "Hides single words of texts.";
        Jitter(Jitter) = "jitter", "Jitter", "Adds noise to the values of a series.";
        Magnitude(Magnitude) = "magnitude", "Scaling", "Stretches the values of a series and what they predict.";
        WindowWarp(WindowWarp) = "window_warp", "Window warp", "Lets a stretch of a series run faster or slower.";
    }
}

/// What an augmentation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// Images, raw values 0 to 255.
    Image,
    /// Recordings.
    Sound,
    /// Texts as tokens.
    Text,
    /// Windows of a series.
    Series,
}

impl Medium {
    /// What it is in the plural, in words.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Image => "images",
            Self::Sound => "recordings",
            Self::Text => "texts",
            Self::Series => "series",
        }
    }

    /// That of a data set's samples; rows of tables have none.
    pub const fn of(input: &InputKind) -> Option<Self> {
        match input {
            InputKind::Image { .. } => Some(Self::Image),
            InputKind::Sound { .. } => Some(Self::Sound),
            InputKind::Text(_) => Some(Self::Text),
            InputKind::Series { .. } => Some(Self::Series),
            InputKind::Table { .. } => None,
        }
    }
}

/// What an augmentation does: it moves places, changes values, or mixes two samples of a batch.
pub(crate) trait Augment {
    /// What it is for.
    fn medium(&self) -> Medium;

    /// A geometric change of an image of `[height, width]`.
    fn map(&self, _: &mut Stream, _: [usize; 2]) -> Option<Affine> {
        None
    }

    /// A change of the values.
    fn retouch(&self, _: &mut Stream, _: &mut Sample<'_>) {}

    /// How the images of a batch, of `[height, width]`, are mixed with their neighbours.
    fn blend(&self, _: &mut Stream, _: [usize; 2]) -> Option<Blend> {
        None
    }
}

/// A raw sample while it is changed.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    /// As the data set has them: images 0 to 255, waves -1 to 1.
    pub(crate) values: &'a mut [f32],
    /// Shape.
    pub(crate) dims: &'a [usize],
    /// Mean and standard deviation of each column of a series, over the training part.
    pub(crate) spread: &'a [(f32, f32)],
    /// What the scaled target is multiplied by.
    pub(crate) target_factor: f32,
}

#[cfg(test)]
impl<'a> Sample<'a> {
    pub(crate) fn of(values: &'a mut [f32], dims: &'a [usize]) -> Self {
        Self { values, dims, spread: &[], target_factor: 1.0 }
    }
}

/// How two images become one. Drawn once for a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Blend {
    /// All pixels: so much of the first, the rest of the second.
    Whole(f64),
    /// These pixels are those of the second.
    Rectangle {
        /// From top to bottom.
        rows: Range<usize>,
        /// From left to right.
        columns: Range<usize>,
    },
}

impl Blend {
    /// Share of the first image, about a half at least.
    pub fn share(&self, [height, width]: [usize; 2]) -> f64 {
        match self {
            Self::Whole(share) => *share,
            Self::Rectangle { rows, columns } => {
                1.0 - (rows.len() * columns.len()) as f64 / (height * width).max(1) as f64
            }
        }
    }
}

/// The larger of two shares of the symmetric beta distribution: which of two samples comes first does not matter, and so
/// the label of the first is always that of what is mostly seen.
fn prevailing(random: &mut Stream, alpha: f64) -> f64 {
    let share = random.beta(alpha);
    share.max(1.0 - share)
}

impl AugmentSpec {
    /// What it does; `None` if this version does not know it.
    pub(crate) fn augment(&self) -> Option<&dyn Augment> {
        Some(match self {
            Self::Flip(settings) => settings,
            Self::Crop(settings) => settings,
            Self::ResizedCrop(settings) => settings,
            Self::Rotate(settings) => settings,
            Self::Scale(settings) => settings,
            Self::Shear(settings) => settings,
            Self::Colour(settings) => settings,
            Self::Blur(settings) => settings,
            Self::Noise(settings) => settings,
            Self::Cutout(settings) => settings,
            Self::Mixup(settings) => settings,
            Self::Cutmix(settings) => settings,
            Self::Gain(settings) => settings,
            Self::Shift(settings) => settings,
            Self::Hiss(settings) => settings,
            Self::TokenDropout(settings) => settings,
            Self::Jitter(settings) => settings,
            Self::Magnitude(settings) => settings,
            Self::WindowWarp(settings) => settings,
            Self::Unknown(_) => return None,
        })
    }

    /// What it is for; `None` if this version does not know it.
    pub fn medium(&self) -> Option<Medium> {
        self.augment().map(Augment::medium)
    }

    /// Whether it is for samples of that kind. Answers that have a place of their own in the image do not move along yet,
    /// so images with masks keep all things where they are.
    pub fn fits(&self, input: &InputKind, task: Task) -> bool {
        let has_places = !matches!(task, Task::Classification | Task::Regression);
        let stays = !has_places || matches!(self, Self::Colour(_) | Self::Blur(_) | Self::Noise(_));
        stays && self.medium().is_some_and(|medium| Medium::of(input) == Some(medium))
    }

    /// Its place in the order of application.
    fn rank(&self) -> usize {
        Self::OPTIONS.iter().position(|option| option.id == self.id()).unwrap_or(usize::MAX)
    }
}
