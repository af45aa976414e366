//! Scaling of the inputs, fitted on the training part alone.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::stats::{self, Moments};
use super::{ColumnKind, DataError, Dataset, Features, InputKind, Labels};

/// Values from which on the threads are worth waking.
const PARALLEL_FROM: usize = 64 * 1024;

crate::choices! {
    /// How inputs are scaled.
    pub enum Normalization {
        /// Mean 0, standard deviation 1.
        Standard = "standard", "Standard", "Subtracts the mean and divides by the standard deviation of the training part.";
        /// From 0 to 1.
        MinMax = "min_max", "0 to 1", "Maps the smallest value of the training part to 0 and the largest to 1.";
        /// As in the files.
        None = "none", "None", "Passes the values on as they are.";
    }
}

/// A fitted scaling: `(value - shift) * scale`, a missing value replaced by `fill` first. One entry per image
/// channel, table position or column of a series, in the order of the sample; one for a whole recording, none for tokens. For regression the target is scaled too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Normalizer {
    /// Subtracted.
    pub shift: Vec<f32>,
    /// Multiplied.
    pub scale: Vec<f32>,
    /// Stands in for NaN: the mean of the training part.
    pub fill: Vec<f32>,
    /// Shift and scale of a regression target; `(0, 1)` for classes.
    pub target: (f32, f32),
}

impl Default for Normalizer {
    fn default() -> Self {
        Self { shift: Vec::new(), scale: Vec::new(), fill: Vec::new(), target: (0.0, 1.0) }
    }
}

impl Normalizer {
    /// Fits the scaling on the samples `train` of the data set. A channel or column without spread is only shifted,
    /// positions of a category stay 0 and 1, and a regression target always gets mean 0 and deviation 1.
    pub fn fit(dataset: &Dataset, train: &[u32], kind: Normalization) -> Self {
        let mut fitted = Self::default();
        for (entry, moments) in stats::moments(dataset, train).into_iter().enumerate() {
            let is_category = match &dataset.input {
                InputKind::Table { columns } => {
                    columns.get(entry).is_some_and(|column| matches!(column.kind, ColumnKind::Category(_)))
                }
                _ => false,
            };
            let (shift, scale) = if is_category { (0.0, 1.0) } else { scaling(&moments, kind) };
            fitted.shift.push(shift);
            fitted.scale.push(scale);
            fitted.fill.push(if is_category { 0.0 } else { moments.mean as f32 });
        }
        if let Labels::Values(values) = &dataset.labels {
            let train = train.iter().filter_map(|&sample| values.get(sample as usize).copied());
            fitted.target = scaling(&of_targets(train), Normalization::Standard);
        }
        fitted
    }

    /// Scales one raw sample (as [`Dataset::sample`] gives it) in place; `channel_size` is the number of values that
    /// share an entry, see [`Dataset::scaled_alike`]: height x width for images, 1 for tables.
    pub fn apply(&self, sample: &mut [f32], channel_size: usize) {
        let Self { shift, scale, fill, target: _ } = self;
        // A table or an image is one round of the entries, a series one for each step.
        let channel_size = channel_size.max(1);
        for round in sample.chunks_mut(channel_size.saturating_mul(shift.len()).max(1)) {
            let entries = shift.iter().zip(scale).zip(fill);
            for (values, ((&shift, &scale), &fill)) in round.chunks_mut(channel_size).zip(entries) {
                for value in values {
                    let known = if value.is_finite() { *value } else { fill };
                    *value = (known - shift) * scale;
                }
            }
        }
    }

    /// The scaled values of `samples`, one sample after the other; many are worked on by all cores.
    ///
    /// # Errors
    /// If the data set does not have one of them.
    pub fn gather(&self, dataset: &Dataset, samples: &[u32]) -> Result<Vec<f32>, DataError> {
        let (size, (_, channel_size)) = (dataset.dims.elements(), dataset.scaled_alike());
        let mut values = vec![0.0; samples.len().saturating_mul(size)];
        if size == 0 {
            return Ok(values);
        }
        let fill = |(out, &sample): (&mut [f32], &u32)| -> Result<(), DataError> {
            let range = sample as usize * size..(sample as usize + 1) * size;
            let missing = || DataError::NoSuchSample { sample, len: dataset.len() };
            match &dataset.features {
                Features::Bytes(bytes) => {
                    for (out, &byte) in out.iter_mut().zip(bytes.get(range).ok_or_else(missing)?) {
                        *out = f32::from(byte);
                    }
                }
                Features::Floats(floats) => out.copy_from_slice(floats.get(range).ok_or_else(missing)?),
            }
            self.apply(out, channel_size);
            Ok(())
        };
        if values.len() < PARALLEL_FROM {
            values.chunks_mut(size).zip(samples).try_for_each(fill)?;
        } else {
            values.par_chunks_mut(size).zip(samples).try_for_each(fill)?;
        }
        Ok(values)
    }

    /// A regression target as the network learns it.
    pub fn scale_target(&self, value: f32) -> f32 {
        (value - self.target.0) * self.target.1
    }

    /// What the network predicts, in the target's unit.
    pub fn unscale_target(&self, value: f32) -> f32 {
        value / self.target.1 + self.target.0
    }
}

/// Shift and scale for these figures.
fn scaling(moments: &Moments, kind: Normalization) -> (f32, f32) {
    let (shift, spread) = match kind {
        Normalization::Standard => (moments.mean, moments.deviation),
        Normalization::MinMax => (moments.min, moments.max - moments.min),
        Normalization::None => return (0.0, 1.0),
    };
    // Equal values may have a tiny deviation from rounding, so they are told by their range.
    let scale = if moments.min < moments.max { (1.0 / spread) as f32 } else { 1.0 };
    (shift as f32, if scale.is_normal() { scale } else { 1.0 })
}

fn of_targets(values: impl Iterator<Item = f32> + Clone) -> Moments {
    let values = values.map(f64::from).filter(|value| value.is_finite());
    let count = values.clone().count();
    let mean = values.clone().sum::<f64>() / count.max(1) as f64;
    let squares: f64 = values.clone().map(|value| (value - mean).powi(2)).sum();
    Moments {
        count: count as u64,
        missing: 0,
        min: values.clone().fold(f64::INFINITY, f64::min),
        max: values.fold(f64::NEG_INFINITY, f64::max),
        mean,
        deviation: (squares / count.max(1) as f64).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::data::{InputColumn, Task};

    fn table() -> Dataset {
        let column = |name: &str, kind| InputColumn { column: name.to_owned(), kind };
        let columns = vec![
            column("length", ColumnKind::Number),
            column("constant", ColumnKind::Number),
            column("colour", ColumnKind::Category("red".to_owned())),
        ];
        Dataset {
            name: "table".to_owned(),
            task: Task::Regression,
            input: InputKind::Table { columns },
            dims: Dims::from([3]),
            // The last row is not in the training part of the tests.
            features: Features::Floats(vec![
                1.0,
                0.1,
                0.0, //
                3.0,
                0.1,
                1.0, //
                f32::NAN,
                0.1,
                1.0, //
                900.0,
                7.0,
                1.0,
            ]),
            labels: Labels::Values(vec![10.0, 20.0, 30.0, 1e6]),
            classes: Vec::new(),
            target: "price".to_owned(),
            origins: Vec::new(),
            given_parts: Vec::new(),
            problems: Vec::new(),
            fingerprint: String::new(),
        }
    }

    #[test]
    fn fits_on_the_training_part_alone() {
        let fitted = Normalizer::fit(&table(), &[0, 1, 2], Normalization::Standard);
        // numpy.nanmean([1, 3, nan]) = 2, numpy.nanstd = 1; a column without spread keeps scale 1, a category both.
        assert_eq!(fitted.shift, [2.0, 0.1, 0.0]);
        assert_eq!(fitted.scale, [1.0, 1.0, 1.0]);
        assert_eq!(fitted.fill, [2.0, 0.1, 0.0]);
        // numpy.mean([10, 20, 30]) = 20, numpy.std = 8.16497.
        assert_eq!(fitted.target.0, 20.0);
        assert!((fitted.target.1 - 1.0 / 8.164_966).abs() < 1e-7);
        assert!((fitted.unscale_target(fitted.scale_target(13.0)) - 13.0).abs() < 1e-5);
    }

    #[test]
    fn a_missing_value_becomes_the_mean() {
        let fitted = Normalizer::fit(&table(), &[0, 1, 2], Normalization::Standard);
        assert_eq!(fitted.gather(&table(), &[2, 0]).unwrap(), [0.0, 0.0, 1.0, -1.0, 0.0, 0.0]);
        let plain = Normalizer::fit(&table(), &[0, 1, 2], Normalization::None);
        assert_eq!(plain.gather(&table(), &[2]).unwrap(), [2.0, 0.1, 1.0]);
    }

    #[test]
    fn min_max_maps_to_0_and_1() {
        let fitted = Normalizer::fit(&table(), &[0, 1, 2], Normalization::MinMax);
        assert_eq!(fitted.gather(&table(), &[0, 1]).unwrap(), [0.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn scaled_images_have_mean_0_and_deviation_1() {
        let digits = crate::data::embedded::read("digits").unwrap();
        let all: Vec<u32> = (0..digits.len() as u32).collect();
        let fitted = Normalizer::fit(&digits, &all, Normalization::Standard);
        let values = fitted.gather(&digits, &all).unwrap();
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5, "mean {mean}, variance {variance}");
        // One sample alone takes the other way and must give the same bits.
        assert_eq!(fitted.gather(&digits, &[5]).unwrap(), values[5 * 64..6 * 64]);
    }

    #[test]
    fn a_sample_outside_the_data_set_is_an_error() {
        let error = Normalizer::default().gather(&table(), &[4]).unwrap_err();
        assert_eq!(error.to_string(), "sample 4 was asked for, but the data set has 4 samples");
    }
}
