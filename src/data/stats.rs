//! Figures of the values: what the normalization is fitted with and what the data panel shows for each column.

use rayon::prelude::*;

use super::{ColumnKind, Dataset, Features, InputKind};

/// Samples that one task sums up. Fixed, so that sums do not depend on the number of threads.
const BLOCK: usize = 1024;

/// Figures of one image channel or table position over some samples. Missing values (NaN, infinity) are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Values that are there.
    pub count: u64,
    /// Values that are missing.
    pub missing: u64,
    /// Smallest value; 0 if all are missing.
    pub min: f64,
    /// Largest value; 0 if all are missing.
    pub max: f64,
    /// Mean; 0 if all are missing.
    pub mean: f64,
    /// Standard deviation of the values themselves (divided by their count).
    pub deviation: f64,
}

/// What stands in one column of a table file.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnStats {
    /// Name of the column.
    pub column: String,
    /// For a category, the value whose share is given.
    pub value: Option<String>,
    /// Its figures; the mean of a category is its share.
    pub moments: Moments,
}

/// Figures of each image channel or table position over `samples`; what lies outside the data set is passed over.
pub fn moments(dataset: &Dataset, samples: &[u32]) -> Vec<Moments> {
    let (entries, channel_size) = dataset.scaled_alike();
    match &dataset.features {
        Features::Bytes(bytes) => of_bytes(bytes, samples, entries, dataset.dims.elements()),
        Features::Floats(floats) => of_floats(floats, samples, (entries, channel_size), dataset.dims.elements()),
    }
}

/// Figures of each position of a table, or of each column of a series, over `samples`; nothing for other data.
pub fn columns(dataset: &Dataset, samples: &[u32]) -> Vec<ColumnStats> {
    let names: Vec<(String, Option<String>)> = match &dataset.input {
        InputKind::Table { columns } => {
            let named = columns.iter().map(|column| match &column.kind {
                ColumnKind::Number => (column.column.clone(), None),
                ColumnKind::Category(value) => (column.column.clone(), Some(value.clone())),
            });
            named.collect()
        }
        InputKind::Series { columns, .. } => columns.iter().map(|column| (column.clone(), None)).collect(),
        InputKind::Image { .. } | InputKind::Text(_) | InputKind::Sound { .. } => return Vec::new(),
    };
    let with_moments = names.into_iter().zip(moments(dataset, samples));
    with_moments.map(|((column, value), moments)| ColumnStats { column, value, moments }).collect()
}

/// Counts how often each byte occurs: whole numbers, so the figures are exact.
fn of_bytes(bytes: &[u8], samples: &[u32], entries: usize, size: usize) -> Vec<Moments> {
    let channel_size = size.checked_div(entries).unwrap_or(0).max(1);
    let count = |block: &[u32]| {
        let mut counts = vec![[0_u64; 256]; entries];
        for &sample in block {
            let start = sample as usize * size;
            let values = bytes.get(start..start + size).unwrap_or(&[]);
            for (channel, counts) in values.chunks(channel_size).zip(&mut counts) {
                for &value in channel {
                    if let Some(count) = counts.get_mut(usize::from(value)) {
                        *count += 1;
                    }
                }
            }
        }
        counts
    };
    let add = |mut left: Vec<[u64; 256]>, right: Vec<[u64; 256]>| {
        for (left, right) in left.iter_mut().flatten().zip(right.iter().flatten()) {
            *left += right;
        }
        left
    };
    let counts = samples.par_chunks(BLOCK).map(count).reduce(|| vec![[0; 256]; entries], add);
    counts.iter().map(of_counts).collect()
}

fn of_counts(counts: &[u64; 256]) -> Moments {
    let total: u64 = counts.iter().sum();
    let present = || counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let weighted = |power: i32, shift: f64| -> f64 {
        present().map(|(value, &count)| (value as f64 - shift).powi(power) * count as f64).sum::<f64>()
            / total.max(1) as f64
    };
    let mean = weighted(1, 0.0);
    Moments {
        count: total,
        missing: 0,
        min: present().next().map_or(0.0, |(value, _)| value as f64),
        max: present().next_back().map_or(0.0, |(value, _)| value as f64),
        mean,
        deviation: weighted(2, mean).sqrt(),
    }
}

/// Two passes (mean, then squared distances from it): one pass would lose digits of columns far from 0.
fn of_floats(floats: &[f32], samples: &[u32], (entries, channel_size): (usize, usize), size: usize) -> Vec<Moments> {
    if entries == 0 {
        return Vec::new();
    }
    let rows = |block: &[u32], visit: &mut dyn FnMut(usize, f64)| {
        for &sample in block {
            let start = sample as usize * size;
            let values = floats.get(start..start + size).unwrap_or(&[]);
            for (channel, values) in values.chunks(channel_size.max(1)).enumerate() {
                for &value in values {
                    visit(channel % entries, f64::from(value));
                }
            }
        }
    };
    let empty = Moments { count: 0, missing: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, mean: 0.0, deviation: 0.0 };

    let first_pass = |block: &[u32]| {
        let mut sums = vec![empty; entries];
        rows(block, &mut |entry, value| {
            let Some(sum) = sums.get_mut(entry) else { return };
            if value.is_finite() {
                sum.count += 1;
                sum.mean += value;
                sum.min = sum.min.min(value);
                sum.max = sum.max.max(value);
            } else {
                sum.missing += 1;
            }
        });
        sums
    };
    let mut moments = vec![empty; entries];
    // Collected, then added in order: the sums are the same with any number of threads.
    for sums in samples.par_chunks(BLOCK).map(first_pass).collect::<Vec<_>>() {
        for (total, sum) in moments.iter_mut().zip(sums) {
            total.count += sum.count;
            total.missing += sum.missing;
            total.mean += sum.mean;
            total.min = total.min.min(sum.min);
            total.max = total.max.max(sum.max);
        }
    }
    for total in &mut moments {
        total.mean /= total.count.max(1) as f64;
        if total.count == 0 {
            (total.min, total.max) = (0.0, 0.0);
        }
    }

    let second_pass = |block: &[u32]| {
        let mut squares = vec![0.0; entries];
        rows(block, &mut |entry, value| {
            if let (Some(square), Some(total)) = (squares.get_mut(entry), moments.get(entry))
                && value.is_finite()
            {
                *square += (value - total.mean).powi(2);
            }
        });
        squares
    };
    for squares in samples.par_chunks(BLOCK).map(second_pass).collect::<Vec<_>>() {
        for (total, square) in moments.iter_mut().zip(squares) {
            total.deviation += square;
        }
    }
    for total in &mut moments {
        total.deviation = (total.deviation / total.count.max(1) as f64).sqrt();
    }
    moments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::embedded;

    #[test]
    fn digits_have_the_mean_and_deviation_that_numpy_gives() {
        // The plain loop of numpy.minimum(16 * load_digits().images[:1500], 255).mean() and .std().
        let digits = embedded::read("digits").unwrap();
        let train: Vec<u32> = (0..1500).collect();
        let values: Vec<f64> = train.iter().flat_map(|&at| digits.sample(at as usize)).map(f64::from).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let moments = moments(&digits, &train);
        assert_eq!(moments.len(), 1);
        assert!((moments[0].mean - mean).abs() < 1e-9);
        assert!((moments[0].deviation - variance.sqrt()).abs() < 1e-9);
        assert_eq!((moments[0].min, moments[0].max, moments[0].count), (0.0, 255.0, 1500 * 64));
    }

    #[test]
    fn every_step_of_a_series_counts_for_its_columns() {
        // Two windows of two steps with two columns each.
        let floats = [1.0, 10.0, 2.0, 20.0, 2.0, 20.0, 3.0, 30.0];
        let moments = of_floats(&floats, &[0, 1], (2, 1), 4);
        assert_eq!((moments.len(), moments[0].mean, moments[1].mean, moments[1].max), (2, 2.0, 20.0, 30.0));
        assert_eq!(of_floats(&floats, &[0], (1, 4), 4)[0].count, 4);
        assert!(of_floats(&floats, &[0], (0, 1), 4).is_empty());
    }

    #[test]
    fn missing_values_are_counted_and_left_out() {
        let floats = [1.0, f32::NAN, 3.0, f32::NAN, f32::INFINITY, f32::NAN];
        let moments = of_floats(&floats, &[0, 1, 2], (2, 1), 2);
        assert_eq!(moments[0], Moments { count: 2, missing: 1, min: 1.0, max: 3.0, mean: 2.0, deviation: 1.0 });
        assert_eq!(moments[1], Moments { count: 0, missing: 3, min: 0.0, max: 0.0, mean: 0.0, deviation: 0.0 });
    }
}
