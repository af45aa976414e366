//! Scores of masks: how well what a network says of each pixel overlaps with the truth.
//!
//! Counted over all pixels of the part, void left out. Intersection over union and Dice of a class are scikit-learn's
//! `jaccard_score` and `f1_score` over the pixels.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::{Dataset, VOID};

use super::scores::{self, arg_max, cross_entropy};
use super::{Evaluation, SampleResult};

/// How well masks overlap.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MaskScores {
    /// Mean intersection over union of the classes that occur in the truth or in the answers.
    pub mean_iou: f64,
    /// Mean Dice of these classes, without the first where that is called background.
    pub dice: f64,
    /// Intersection over union of each class; `None` where it occurs in neither.
    pub iou: Vec<Option<f64>>,
}

/// What the masks of some samples come to.
#[derive(Debug, Clone, Default)]
pub struct MaskTally {
    /// `confusion[truth][predicted]` counts pixels.
    confusion: Vec<Vec<u64>>,
    loss: f64,
    samples: Vec<SampleResult>,
    has_background: bool,
}

impl MaskTally {
    /// Nothing counted yet.
    pub fn new(dataset: &Dataset) -> Self {
        let classes = dataset.classes.len();
        let has_background = classes > 1 && dataset.classes.first().is_some_and(|name| name == "background");
        Self { confusion: vec![vec![0; classes]; classes], has_background, ..Self::default() }
    }

    /// Counts the masks of some samples. `outputs` holds `[classes, height, width]` for each.
    pub fn add(&mut self, dataset: &Dataset, samples: &[u32], outputs: &[f32]) {
        let classes = self.confusion.len();
        let width = (outputs.len() / samples.len().max(1)).max(1);
        let count = |(&sample, output): (&u32, &[f32])| {
            dataset.mask(sample as usize).map(|mask| (sample, OneMask::count(mask, output, classes)))
        };
        let counted: Vec<_> = samples.par_iter().zip(outputs.par_chunks(width)).filter_map(count).collect();
        for (sample, one) in counted {
            for (row, counts) in self.confusion.iter_mut().zip(one.confusion.chunks(classes.max(1))) {
                row.iter_mut().zip(counts).for_each(|(cell, count)| *cell += count);
            }
            self.loss += one.loss;
            let mean_iou = mean(overlaps(&one.confusion, classes).into_iter().flatten().map(|(iou, _)| iou));
            self.samples.push(SampleResult {
                sample,
                truth: 0.0,
                predicted: 0.0,
                confidence: mean_iou as f32,
                loss: (one.loss / one.known.max(1) as f64) as f32,
            });
        }
    }

    /// The scores alone.
    pub fn scores(&self) -> MaskScores {
        let classes = self.confusion.len();
        let overlaps = overlaps(&self.confusion.concat(), classes);
        let after_background = overlaps.iter().skip(usize::from(self.has_background));
        MaskScores {
            mean_iou: mean(overlaps.iter().flatten().map(|(iou, _)| *iou)),
            dice: mean(after_background.flatten().map(|(_, dice)| *dice)),
            iou: overlaps.iter().map(|overlap| overlap.map(|(iou, _)| iou)).collect(),
        }
    }

    /// Share of right pixels.
    pub fn accuracy(&self) -> f64 {
        let known: u64 = self.confusion.iter().flatten().sum();
        let right: u64 = self.confusion.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum();
        right as f64 / known.max(1) as f64
    }

    /// Everything; loss and accuracy are means over the pixels.
    pub fn evaluation(self) -> Evaluation {
        let masks = Some(self.scores());
        let per_class = scores::per_class(&self.confusion);
        let known: u64 = self.confusion.iter().flatten().sum();
        Evaluation {
            loss: self.loss / known.max(1) as f64,
            accuracy: self.accuracy(),
            macro_average: scores::macro_average(&per_class, &self.confusion),
            weighted_average: scores::weighted_average(&per_class),
            per_class,
            confusion: self.confusion,
            samples: self.samples,
            masks,
            ..Evaluation::default()
        }
    }
}

/// The pixels of one mask.
struct OneMask {
    /// Flat, by truth and then by answer.
    confusion: Vec<u64>,
    loss: f64,
    known: u64,
}

impl OneMask {
    fn count(mask: &[u8], output: &[f32], classes: usize) -> Self {
        let mut one = Self { confusion: vec![0; classes * classes], loss: 0.0, known: 0 };
        let area = mask.len();
        let mut row = vec![0.0; classes];
        for (pixel, &truth) in mask.iter().enumerate().filter(|(_, truth)| **truth != VOID) {
            for (class, value) in row.iter_mut().enumerate() {
                *value = output.get(class * area + pixel).copied().unwrap_or(f32::NAN);
            }
            let truth = usize::from(truth);
            if let Some(cell) = one.confusion.get_mut(truth * classes + arg_max(&row)) {
                *cell += 1;
            }
            one.loss += cross_entropy(&row, truth);
            one.known += 1;
        }
        one
    }
}

/// The class of each pixel by outputs `[classes, height, width]`: the one with the largest value.
pub fn mask_of(output: &[f32], classes: usize) -> Vec<u8> {
    let area = output.len() / classes.max(1);
    let mut best = vec![0_u8; area];
    let mut largest = output.get(..area).unwrap_or(&[]).to_vec();
    for (class, plane) in output.chunks(area.max(1)).enumerate().skip(1).take(usize::from(VOID) - 1) {
        for ((best, largest), &value) in best.iter_mut().zip(&mut largest).zip(plane) {
            if value > *largest {
                (*best, *largest) = (class as u8, value);
            }
        }
    }
    best
}

/// The share of a mask's known pixels that the network has right; 1 where none is known.
pub fn right_share(mask: &[u8], output: &[f32], classes: usize) -> f64 {
    let pairs = mask_of(output, classes);
    let known = || mask.iter().zip(&pairs).filter(|(truth, _)| **truth != VOID);
    let right = known().filter(|(truth, answer)| truth == answer).count();
    match known().count() {
        0 => 1.0,
        known => right as f64 / known as f64,
    }
}

/// Intersection over union and Dice of each class of a flat confusion matrix.
fn overlaps(confusion: &[u64], classes: usize) -> Vec<Option<(f64, f64)>> {
    let cell = |truth: usize, answer: usize| confusion.get(truth * classes + answer).copied().unwrap_or(0);
    let overlap = |class: usize| {
        let both = cell(class, class) as f64;
        let truth: u64 = (0..classes).map(|answer| cell(class, answer)).sum();
        let answers: u64 = (0..classes).map(|truth| cell(truth, class)).sum();
        let sum = (truth + answers) as f64;
        (sum > 0.0).then(|| (both / (sum - both), 2.0 * both / sum))
    };
    (0..classes).map(overlap).collect()
}

/// 0 without values.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::data::importers::Filter;
    use crate::data::{Features, InputKind, Labels, Masks, Task};

    fn dataset(pixels: Vec<u8>, area: usize, classes: &[&str]) -> Dataset {
        let count = pixels.len() / area;
        Dataset {
            name: "test".to_owned(),
            task: Task::Segmentation,
            input: InputKind::Image { filter: Filter::default() },
            dims: Dims::from([1, 1, area]),
            features: Features::Bytes(vec![0; count * area]),
            labels: Labels::Masks(Masks { pixels, area }),
            classes: classes.iter().map(|name| (*name).to_owned()).collect(),
            target: "mask".to_owned(),
            origins: Vec::new(),
            given_parts: Vec::new(),
            problems: Vec::new(),
            fingerprint: String::new(),
        }
    }

    /// Outputs that say `answers`, with 1 at the class and 0 elsewhere.
    fn outputs(answers: &[u8], area: usize, classes: usize) -> Vec<f32> {
        let of_sample = |answers: &[u8]| -> Vec<f32> {
            (0..classes)
                .flat_map(|class| {
                    answers.iter().map(move |&a| f32::from(u8::from(usize::from(a) == class))).collect::<Vec<_>>()
                })
                .collect()
        };
        answers.chunks(area).flat_map(of_sample).collect()
    }

    #[test]
    fn scores_equal_scikit_learn() {
        // y = [0,0,1,1,2,2,1,0,0,2], p = [0,1,1,1,2,0,2,0,0,2], of which the last of y is void:
        // jaccard_score(y, p, average=None) = [0.6, 0.5, 1/3], f1_score = [0.75, 2/3, 0.5], accuracy 6/9.
        let truth = vec![0, 0, 1, 1, 2, 2, 1, 0, 0, VOID];
        let answers = [0, 1, 1, 1, 2, 0, 2, 0, 0, 2];
        let dataset = dataset(truth, 5, &["background", "cat", "dog"]);
        let mut tally = MaskTally::new(&dataset);
        tally.add(&dataset, &[0, 1], &outputs(&answers, 5, 3));
        let evaluation = tally.evaluation();
        let masks = evaluation.masks.clone().unwrap();
        assert_eq!(masks.iou, [Some(0.6), Some(0.5), Some(1.0 / 3.0)]);
        assert!((masks.mean_iou - (0.6 + 0.5 + 1.0 / 3.0) / 3.0).abs() < 1e-12);
        assert!((masks.dice - 7.0 / 12.0).abs() < 1e-12);
        let dice: Vec<f64> = evaluation.per_class.iter().map(|scores| scores.f1).collect();
        assert!(dice.iter().zip([0.75, 2.0 / 3.0, 0.5]).all(|(a, b)| (a - b).abs() < 1e-12), "{dice:?}");
        assert!((evaluation.accuracy - 6.0 / 9.0).abs() < 1e-12);
        // Right pixels cost ln(e + 2) - 1, wrong ones ln(e + 2).
        let total = (std::f64::consts::E + 2.0).ln();
        assert!((evaluation.loss - (9.0 * total - 6.0) / 9.0).abs() < 1e-9, "{}", evaluation.loss);
        assert_eq!(evaluation.confusion, [[3, 1, 0], [0, 2, 1], [1, 0, 1]]);
        assert_eq!(evaluation.samples.len(), 2);
        // The first mask alone: background 1 of 3, cat 2 of 3, dog 1 of 1.
        assert!((evaluation.samples[0].confidence - (1.0 / 2.0 + 2.0 / 3.0 + 1.0) / 3.0).abs() < 1e-6);
    }

    #[test]
    fn a_class_that_is_nowhere_counts_neither_way() {
        let dataset = dataset(vec![0, 0, VOID, VOID], 2, &["ground", "cat"]);
        let mut tally = MaskTally::new(&dataset);
        tally.add(&dataset, &[0, 1], &outputs(&[0, 0, 1, 1], 2, 2));
        assert_eq!(tally.scores(), MaskScores { mean_iou: 1.0, dice: 1.0, iou: vec![Some(1.0), None] });
        assert_eq!((right_share(&[0, VOID], &[1.0, 0.0, 0.0, 1.0], 2), right_share(&[VOID], &[1.0], 1)), (1.0, 1.0));
        assert_eq!(mask_of(&[0.0, 5.0, 1.0, 1.0, 0.5, 2.0], 3), [1, 0]);
    }
}
