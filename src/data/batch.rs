//! The one file of `data` that makes tensors.

use candle_core::{Device, Tensor};

use super::{DataError, Dataset, Labels, Normalizer, boxes};

/// Inputs `[batch, …dims]` in f32, scaled, and targets as [`targets`] gives them.
///
/// # Errors
/// If the data set does not have one of the samples, or the device has no room for them.
pub fn batch(
    dataset: &Dataset,
    normalizer: &Normalizer,
    samples: &[u32],
    device: &Device,
) -> Result<(Tensor, Tensor), DataError> {
    let values = normalizer.gather(dataset, samples)?;
    let inputs = Tensor::from_vec(values, dataset.dims.with_batch(samples.len()), device)?;
    Ok((inputs, targets(dataset, normalizer, samples, device)?))
}

/// Targets: class indices `[batch]` or following tokens `[batch, steps]` in u32, scaled values `[batch, 1]` in f32,
/// masks of class indices `[batch, height, width]` in u8, or boxes as [`boxes::table`] lists them.
///
/// # Errors
/// If the data set does not have one of the samples, or the device has no room for them.
pub fn targets(
    dataset: &Dataset,
    normalizer: &Normalizer,
    samples: &[u32],
    device: &Device,
) -> Result<Tensor, DataError> {
    let missing = |sample| DataError::NoSuchSample { sample, len: dataset.len() };
    let tensor = match &dataset.labels {
        Labels::Classes(labels) => {
            let label = |&sample: &u32| labels.get(sample as usize).copied().ok_or_else(|| missing(sample));
            let labels = samples.iter().map(label).collect::<Result<Vec<_>, _>>()?;
            Tensor::from_vec(labels, samples.len(), device)?
        }
        Labels::Values(values) => {
            let value = |&sample: &u32| values.get(sample as usize).copied().ok_or_else(|| missing(sample));
            let scaled = |sample| value(sample).map(|value| normalizer.scale_target(value));
            let values = samples.iter().map(scaled).collect::<Result<Vec<_>, _>>()?;
            Tensor::from_vec(values, (samples.len(), 1), device)?
        }
        Labels::Masks(masks) => {
            let mut pixels = Vec::with_capacity(samples.len().saturating_mul(masks.area));
            for &sample in samples {
                pixels.extend_from_slice(masks.of(sample as usize).ok_or_else(|| missing(sample))?);
            }
            let sides = dataset.dims.0.get(1..).unwrap_or_default();
            Tensor::from_vec(pixels, [&[samples.len()], sides].concat(), device)?
        }
        Labels::Next(targets) => {
            let steps = dataset.dims.elements();
            let mut tokens = Vec::with_capacity(samples.len().saturating_mul(steps));
            for &sample in samples {
                let start = sample as usize * steps;
                tokens.extend_from_slice(targets.get(start..start + steps).ok_or_else(|| missing(sample))?);
            }
            Tensor::from_vec(tokens, (samples.len(), steps), device)?
        }
        Labels::Boxes(boxes) => {
            let of = |&sample: &u32| boxes.get(sample as usize).map(Vec::as_slice).ok_or_else(|| missing(sample));
            let boxes = samples.iter().map(of).collect::<Result<Vec<_>, _>>()?;
            let (numbers, most) = boxes::table(&boxes);
            Tensor::from_vec(numbers, (samples.len(), most, boxes::COLUMNS), device)?
        }
    };
    Ok(tensor)
}

/// Scaled inputs `[batch, …dims]` made from raw samples (as [`Dataset::sample`] gives them), for prediction.
///
/// # Errors
/// If a sample has the wrong size, or the device has no room.
pub fn inputs(
    dataset: &Dataset,
    normalizer: &Normalizer,
    raw: &[Vec<f32>],
    device: &Device,
) -> Result<Tensor, DataError> {
    let expected = dataset.dims.elements();
    let mut values = Vec::with_capacity(raw.len().saturating_mul(expected));
    for sample in raw {
        if sample.len() != expected {
            return Err(DataError::SampleSize { dims: dataset.dims.clone(), expected, found: sample.len() });
        }
        values.extend_from_slice(sample);
    }
    for sample in values.chunks_mut(expected.max(1)) {
        normalizer.apply(sample, dataset.scaled_alike().1);
    }
    Ok(Tensor::from_vec(values, dataset.dims.with_batch(raw.len()), device)?)
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::data::{Normalization, embedded};

    #[test]
    fn a_batch_and_raw_inputs_agree() {
        let digits = embedded::read("digits").unwrap();
        let all: Vec<u32> = (0..digits.len() as u32).collect();
        let normalizer = Normalizer::fit(&digits, &all, Normalization::Standard);
        let (tensor, targets) = batch(&digits, &normalizer, &[7, 3, 7], &Device::Cpu).unwrap();
        assert_eq!((tensor.dims(), tensor.dtype()), (&[3, 1, 8, 8][..], DType::F32));
        assert_eq!((targets.dims(), targets.to_vec1::<u32>().unwrap()), (&[3][..], vec![7, 3, 7]));

        let raw = [digits.sample(7), digits.sample(3), digits.sample(7)];
        let again = inputs(&digits, &normalizer, &raw, &Device::Cpu).unwrap();
        let flat = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(flat(&tensor), flat(&again));
    }

    #[test]
    fn regression_targets_are_scaled_columns() {
        let mut digits = embedded::read("digits").unwrap();
        digits.labels = Labels::Values(vec![1.0, 3.0, 9.0]);
        let normalizer = Normalizer::fit(&digits, &[0, 1], Normalization::None);
        let targets = targets(&digits, &normalizer, &[1, 0], &Device::Cpu).unwrap();
        assert_eq!(targets.to_vec2::<f32>().unwrap(), [[1.0], [-1.0]]);
    }

    #[test]
    fn wrong_sizes_and_samples_are_named() {
        let digits = embedded::read("digits").unwrap();
        let normalizer = Normalizer::default();
        let error = inputs(&digits, &normalizer, &[vec![0.0; 3]], &Device::Cpu).unwrap_err();
        assert_eq!(error.to_string(), "a sample has 64 values (1 x 8 x 8), but 3 were given");
        assert!(batch(&digits, &normalizer, &[1797], &Device::Cpu).is_err());
    }
}
