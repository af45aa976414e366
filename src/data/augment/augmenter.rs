//! Applies the augmentations of a project to samples, and mixes batches.

use std::sync::Arc;

use crate::base::rng::Stream;
use crate::data::{DataError, InputKind, Prepared, stats};

use super::{Affine, AugmentSpec, Augmentation, Blend, Sample};

/// Changes training samples. The same seed, epoch and sample give the same change, whoever asks and in whatever order.
#[derive(Debug, Clone)]
pub struct Augmenter {
    data: Arc<Prepared>,
    config: Augmentation,
    seed: u64,
    /// Mean and deviation of each column of a series.
    spread: Vec<(f32, f32)>,
}

/// A batch of changed and scaled samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmented {
    /// One sample after the other, as [`Normalizer::gather`](crate::data::Normalizer::gather) gives them.
    pub inputs: Vec<f32>,
    /// What each scaled target is multiplied by; empty if none changes.
    pub target_factors: Vec<f32>,
    /// If the batch is mixed: the sample that each is mixed with, and the share of the first of the two.
    pub mixed: Option<(Vec<u32>, f64)>,
}

impl Augmenter {
    /// Of a project's data; steps that are not for its samples are left out.
    pub fn new(data: Arc<Prepared>, config: &Augmentation, seed: u64) -> Self {
        let mut config = config.clone();
        config.steps.retain(|step| step.fits(&data.dataset.input, data.dataset.task));
        let spread = match &data.dataset.input {
            InputKind::Series { .. } => stats::moments(&data.dataset, &data.split.train)
                .into_iter()
                .map(|moments| (moments.mean as f32, moments.deviation as f32))
                .collect(),
            _ => Vec::new(),
        };
        Self { data, config, seed, spread }
    }

    /// Whether samples stay as they are.
    pub fn is_idle(&self) -> bool {
        self.config.is_empty()
    }

    /// A sample as an epoch shows it, in raw values, and what its scaled target is multiplied by.
    pub fn sample(&self, sample: u32, epoch: usize) -> (Vec<f32>, f32) {
        let dataset = &self.data.dataset;
        let mut values = dataset.sample(sample as usize);
        let dims = dataset.dims.0.as_slice();
        let stream = |step: &AugmentSpec| Stream::new(self.seed, &format!("augment.{}.{epoch}.{sample}", step.id()));
        let steps = || self.config.steps.iter().filter_map(|step| step.augment().map(|augment| (step, augment)));
        if let &[channels, height, width] = dims {
            let maps = steps().filter_map(|(step, augment)| augment.map(&mut stream(step), [height, width]));
            let map = maps.fold(Affine::IDENTITY, |all, map| all.then(&map));
            if map != Affine::IDENTITY {
                values = map.sample(&values, [channels, height, width], self.config.border);
            }
        }
        let mut changed = Sample { values: &mut values, dims, spread: &self.spread, target_factor: 1.0 };
        for (step, augment) in steps() {
            augment.retouch(&mut stream(step), &mut changed);
        }
        let factor = changed.target_factor;
        (values, factor)
    }

    /// The samples of the batch of that number in that epoch, changed, mixed and scaled.
    ///
    /// # Errors
    /// If the data set does not have one of them.
    pub fn batch(&self, samples: &[u32], epoch: usize, number: u64) -> Result<Augmented, DataError> {
        let dataset = &self.data.dataset;
        let size = dataset.dims.elements();
        let channel_size = dataset.scaled_alike().1;
        let mut inputs = Vec::with_capacity(samples.len().saturating_mul(size));
        let mut target_factors = Vec::new();
        for &sample in samples {
            if sample as usize >= dataset.len() {
                return Err(DataError::NoSuchSample { sample, len: dataset.len() });
            }
            let (mut values, factor) = self.sample(sample, epoch);
            self.data.normalizer.apply(&mut values, channel_size);
            inputs.append(&mut values);
            target_factors.push(factor);
        }
        if target_factors.iter().all(|factor| *factor == 1.0) {
            target_factors.clear();
        }
        let mixed = self.mix(&mut inputs, samples, number);
        Ok(Augmented { inputs, target_factors, mixed })
    }

    /// Mixes each image with the one before it in the batch, if that is wanted.
    fn mix(&self, inputs: &mut [f32], samples: &[u32], number: u64) -> Option<(Vec<u32>, f64)> {
        let &[_, height, width] = self.data.dataset.dims.0.as_slice() else { return None };
        if samples.len() < 2 {
            return None;
        }
        let blends: Vec<Blend> = self
            .config
            .steps
            .iter()
            .filter_map(|step| {
                let mut random = Stream::new(self.seed, &format!("augment.{}.{number}", step.id()));
                step.augment()?.blend(&mut random, [height, width])
            })
            .collect();
        let mut random = Stream::new(self.seed, &format!("augment.blend.{number}"));
        let blend = blends.get(random.below(blends.len() as u32) as usize)?;
        let size = inputs.len() / samples.len();
        let before = inputs.to_vec();
        let mut partners = samples.to_vec();
        partners.rotate_right(1);
        let others = before.chunks(size).cycle().skip(samples.len() - 1);
        for (image, other) in inputs.chunks_mut(size).zip(others) {
            match blend {
                Blend::Whole(share) => {
                    let share = *share as f32;
                    for (value, other) in image.iter_mut().zip(other) {
                        *value = share * *value + (1.0 - share) * other;
                    }
                }
                Blend::Rectangle { rows, columns } => {
                    for (row, (line, other)) in image.chunks_mut(width).zip(other.chunks(width)).enumerate() {
                        if rows.contains(&(row % height))
                            && let (Some(line), Some(other)) =
                                (line.get_mut(columns.clone()), other.get(columns.clone()))
                        {
                            line.copy_from_slice(other);
                        }
                    }
                }
            }
        }
        Some((partners, blend.share([height, width])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataConfig, embedded, prepare};

    fn digits() -> Arc<Prepared> {
        Arc::new(prepare(Arc::new(embedded::read("digits").unwrap()), &DataConfig::default()))
    }

    fn with(settings: &[(&str, &str)]) -> Augmenter {
        let mut config = Augmentation::default();
        for (path, value) in settings {
            config.set(path, value).unwrap();
        }
        Augmenter::new(digits(), &config, 7)
    }

    #[test]
    fn a_sample_is_the_same_however_often_and_in_whatever_order_it_is_asked_for() {
        let augmenter = with(&[("rotate", "on"), ("noise", "on"), ("cutout", "on")]);
        let first = augmenter.sample(5, 3);
        augmenter.sample(9, 3);
        assert_eq!(augmenter.sample(5, 3), first);
        assert_ne!(augmenter.sample(5, 4), first, "another epoch, another change");
        // One more augmentation does not change what the others draw.
        let noise = with(&[("noise", "on")]).sample(5, 3).0;
        let more = with(&[("noise", "on"), ("cutout.probability", "0")]).sample(5, 3).0;
        assert_eq!(noise, more);
    }

    #[test]
    fn a_certain_flip_is_the_mirror_image() {
        let augmenter = with(&[("flip.horizontal", "1")]);
        let (flipped, _) = augmenter.sample(5, 0);
        let original = augmenter.data.dataset.sample(5);
        for (flipped, row) in flipped.chunks(8).zip(original.chunks(8)) {
            assert!(flipped.iter().eq(row.iter().rev()));
        }
    }

    #[test]
    fn nothing_to_do_gives_the_plain_batch() {
        let augmenter = with(&[("flip.horizontal", "0")]);
        let plain = augmenter.data.normalizer.gather(&augmenter.data.dataset, &[4, 5]).unwrap();
        let batch = augmenter.batch(&[4, 5], 0, 0).unwrap();
        assert_eq!(batch, Augmented { inputs: plain, target_factors: Vec::new(), mixed: None });
        assert!(augmenter.batch(&[1797], 0, 0).is_err());
        assert!(with(&[("gain", "on")]).is_idle(), "gain is for recordings");
    }

    #[test]
    fn mixup_blends_images_with_the_share_that_it_tells() {
        let augmenter = with(&[("mixup.alpha", "1")]);
        let plain = augmenter.data.normalizer.gather(&augmenter.data.dataset, &[4, 5, 6]).unwrap();
        let batch = augmenter.batch(&[4, 5, 6], 0, 12).unwrap();
        let (partners, share) = batch.mixed.unwrap();
        assert_eq!(partners, [6, 4, 5]);
        assert!((0.5..=1.0).contains(&share));
        let expect = share as f32 * plain[20] + (1.0 - share as f32) * plain[128 + 20];
        assert!((batch.inputs[20] - expect).abs() < 1e-6);
    }

    #[test]
    fn the_share_of_cutmix_is_the_area_that_stayed() {
        let augmenter = with(&[("cutmix", "on")]);
        let data = &augmenter.data;
        // Samples that differ everywhere, so that what came from the other can be counted.
        let mut dataset = (*data.dataset).clone();
        if let crate::data::Features::Bytes(bytes) = &mut dataset.features {
            bytes[..64].fill(10);
            bytes[64..128].fill(200);
        }
        let changed = Prepared { dataset: Arc::new(dataset), ..(**data).clone() };
        let augmenter = Augmenter { data: Arc::new(changed), ..augmenter };
        for number in 0..20 {
            let batch = augmenter.batch(&[0, 1], 0, number).unwrap();
            let (_, share) = batch.mixed.unwrap();
            let stayed = batch.inputs[..64].iter().filter(|value| **value < 0.0).count();
            assert_eq!(stayed, (share * 64.0).round() as usize);
            // Sides are whole pixels, so a half may become a little more.
            assert!(share > 0.4, "{share}");
        }
    }

    #[test]
    fn a_scaled_series_scales_its_target() {
        let mut prepared = (*digits()).clone();
        let mut dataset = (*prepared.dataset).clone();
        dataset.input = InputKind::Series { columns: vec!["a".to_owned()], target: 0, horizon: 1 };
        dataset.dims = crate::base::Dims::from([64, 1]);
        dataset.features = crate::data::Features::Floats((0..64 * 1797).map(|at| (at % 10) as f32).collect());
        prepared.dataset = Arc::new(dataset);
        let mut config = Augmentation::default();
        config.set("magnitude.strength", "0.5").unwrap();
        let augmenter = Augmenter::new(Arc::new(prepared), &config, 1);
        let (values, factor) = augmenter.sample(3, 0);
        let (mean, _) = augmenter.spread[0];
        let before = augmenter.data.dataset.sample(3);
        assert!((values[7] - (mean + (before[7] - mean) * factor)).abs() < 1e-4);
        assert_ne!(factor, 1.0);
    }
}
