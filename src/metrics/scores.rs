//! Scores from a network's outputs: plain numbers in, [`Evaluation`] out. Definitions as in scikit-learn 1.9.

use super::{ClassScores, Evaluation, SampleResult};

/// The values of k of which the top-k share is given, as far as there are more classes than k.
const TOP: [usize; 3] = [1, 3, 5];

/// Cross-entropy of one sample in f64: `ln(sum(exp(logits))) - logits[label]`. NaN if the label is no class.
pub fn cross_entropy(logits: &[f32], label: usize) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - f64::from(largest)).exp()).sum();
    logits.get(label).map_or(f64::NAN, |&logit| sum.ln() + f64::from(largest) - f64::from(logit))
}

/// Index of the largest value; the first of equal ones, 0 if all are NaN.
pub fn arg_max(values: &[f32]) -> usize {
    let mut best = 0;
    let mut largest = f32::NEG_INFINITY;
    for (index, &value) in values.iter().enumerate() {
        if value > largest {
            (best, largest) = (index, value);
        }
    }
    best
}

/// Probabilities of the classes.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&logit| (f64::from(logit) - f64::from(largest)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

/// Scores of a classifier. `logits` holds `classes` values for each of the `samples`; `truth` their class indices.
pub fn classification(samples: &[u32], truth: &[u32], logits: &[f32], classes: usize) -> Evaluation {
    let mut confusion = vec![vec![0_u64; classes]; classes];
    let mut results = Vec::with_capacity(samples.len());
    let mut hits = TOP.map(|_| 0_u64);
    for ((&sample, &label), row) in samples.iter().zip(truth).zip(logits.chunks(classes.max(1))) {
        let label = label as usize;
        let predicted = arg_max(row);
        if let Some(cell) = confusion.get_mut(label).and_then(|cells| cells.get_mut(predicted)) {
            *cell += 1;
        }
        let rank = rank(row, label);
        for (hits, k) in hits.iter_mut().zip(TOP) {
            *hits += u64::from(rank < k);
        }
        results.push(SampleResult {
            sample,
            truth: label as f32,
            predicted: predicted as f32,
            confidence: softmax(row).get(predicted).copied().unwrap_or(0.0),
            loss: cross_entropy(row, label) as f32,
        });
    }
    let count = results.len().max(1) as f64;
    let per_class = per_class(&confusion);
    let right: u64 = confusion.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum();
    let top_k =
        TOP.iter().zip(hits).filter(|(k, _)| **k < classes).map(|(&k, hits)| (k, hits as f64 / count)).collect();
    let losses = samples.iter().zip(truth).zip(logits.chunks(classes.max(1)));
    Evaluation {
        loss: losses.map(|((_, &label), row)| cross_entropy(row, label as usize)).sum::<f64>() / count,
        accuracy: right as f64 / count,
        top_k,
        macro_average: macro_average(&per_class, &confusion),
        weighted_average: weighted_average(&per_class),
        per_class,
        confusion,
        samples: results,
        ..Evaluation::default()
    }
}

/// Scores of a regression. `truth` and `predicted` are in the target's unit; `loss` is the mean in the scaled unit that
/// training uses.
pub fn regression(samples: &[u32], truth: &[f32], predicted: &[f32], scale: f64) -> Evaluation {
    let count = truth.len().max(1) as f64;
    let pairs = || truth.iter().zip(predicted).map(|(&t, &p)| (f64::from(t), f64::from(p)));
    let squares: f64 = pairs().map(|(t, p)| (t - p).powi(2)).sum();
    let mean = pairs().map(|(t, _)| t).sum::<f64>() / count;
    let spread: f64 = pairs().map(|(t, _)| (t - mean).powi(2)).sum();
    let loss = |t: f64, p: f64| ((t - p) * scale).powi(2);
    let results = samples.iter().zip(pairs()).map(|(&sample, (t, p))| SampleResult {
        sample,
        truth: t as f32,
        predicted: p as f32,
        confidence: 0.0,
        loss: loss(t, p) as f32,
    });
    Evaluation {
        loss: squares * scale * scale / count,
        samples: results.collect(),
        mean_absolute_error: Some(pairs().map(|(t, p)| (t - p).abs()).sum::<f64>() / count),
        root_mean_squared_error: Some((squares / count).sqrt()),
        // Without any spread nothing is explained; scikit-learn gives 1 for a perfect and 0 for any other prediction.
        r_squared: Some(if spread > 0.0 { 1.0 - squares / spread } else { f64::from(squares == 0.0) }),
        ..Evaluation::default()
    }
}

/// How many classes stand before `label`; equal ones in the order of their indices.
pub(super) fn rank(logits: &[f32], label: usize) -> usize {
    let Some(&own) = logits.get(label) else { return usize::MAX };
    logits.iter().enumerate().filter(|&(class, &logit)| logit > own || (logit == own && class < label)).count()
}

pub(super) fn per_class(confusion: &[Vec<u64>]) -> Vec<ClassScores> {
    let cell =
        |truth: usize, predicted: usize| confusion.get(truth).and_then(|row| row.get(predicted)).copied().unwrap_or(0);
    let classes = 0..confusion.len();
    classes
        .clone()
        .map(|class| {
            let right = cell(class, class) as f64;
            let support: u64 = classes.clone().map(|predicted| cell(class, predicted)).sum();
            let predictions: u64 = classes.clone().map(|truth| cell(truth, class)).sum();
            let share = |of: f64| if of > 0.0 { right / of } else { 0.0 };
            let (precision, recall) = (share(predictions as f64), share(support as f64));
            let f1 = if right > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
            ClassScores { precision, recall, f1, support }
        })
        .collect()
}

/// Plain mean over the classes that occur in the truth or in the predictions.
pub(super) fn macro_average(per_class: &[ClassScores], confusion: &[Vec<u64>]) -> ClassScores {
    let occurs = |class: usize| confusion.iter().any(|row| row.get(class).is_some_and(|&count| count > 0));
    let present: Vec<&ClassScores> = per_class
        .iter()
        .enumerate()
        .filter(|(class, scores)| scores.support > 0 || occurs(*class))
        .map(|(_, scores)| scores)
        .collect();
    average(&present, |_| 1.0)
}

/// Mean weighted by each class's samples.
pub(super) fn weighted_average(per_class: &[ClassScores]) -> ClassScores {
    let all: Vec<&ClassScores> = per_class.iter().collect();
    average(&all, |scores| scores.support as f64)
}

fn average(classes: &[&ClassScores], weight: impl Fn(&ClassScores) -> f64) -> ClassScores {
    let total: f64 = classes.iter().map(|scores| weight(scores)).sum();
    let mean = |value: fn(&ClassScores) -> f64| {
        let sum: f64 = classes.iter().map(|scores| weight(scores) * value(scores)).sum();
        if total > 0.0 { sum / total } else { 0.0 }
    };
    ClassScores {
        precision: mean(|scores| scores.precision),
        recall: mean(|scores| scores.recall),
        f1: mean(|scores| scores.f1),
        support: classes.iter().map(|scores| scores.support).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn reference(name: &str) -> Value {
        // Random truths and outputs; the expected values were made by scikit-learn 1.9.1.
        let text = include_str!("../../tests/fixtures/sklearn_metrics.json");
        serde_json::from_str::<Value>(text).unwrap()[name].clone()
    }

    fn floats(value: &Value) -> Vec<f32> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
    }

    fn near(got: f64, expect: &Value, what: &str) {
        let expect = expect.as_f64().unwrap();
        assert!((got - expect).abs() <= 1e-6 * expect.abs().max(1.0), "{what}: {got} instead of {expect}");
    }

    #[test]
    fn classification_equals_scikit_learn() {
        for name in ["binary", "multi5", "multi10"] {
            let reference = reference(name);
            let expect = &reference["expected"];
            let truth: Vec<u32> = floats(&reference["y_true"]).iter().map(|&class| class as u32).collect();
            let rows: Vec<Vec<f32>> = reference["logits"].as_array().unwrap().iter().map(floats).collect();
            let samples: Vec<u32> = (0..truth.len() as u32).collect();
            let classes = rows[0].len();
            let got = classification(&samples, &truth, &rows.concat(), classes);

            near(got.accuracy, &expect["accuracy"], name);
            near(got.loss, &expect["log_loss"], name);
            assert_eq!(serde_json::to_value(&got.confusion).unwrap(), expect["confusion"]);
            for (average, row) in
                [(got.macro_average, &expect["prf_macro"]), (got.weighted_average, &expect["prf_weighted"])]
            {
                near(average.precision, &row[0], "precision");
                near(average.recall, &row[1], "recall");
                near(average.f1, &row[2], "f1");
            }
            let per_class = &expect["per_class"];
            for (class, scores) in got.per_class.iter().enumerate() {
                near(scores.precision, &per_class["precision"][class], "precision of a class");
                near(scores.recall, &per_class["recall"][class], "recall of a class");
                near(scores.f1, &per_class["f1"][class], "f1 of a class");
                assert_eq!(Value::from(scores.support), per_class["support"][class]);
            }
            if classes > 2 {
                let hits = rows.iter().zip(&truth).filter(|(row, label)| rank(row, **label as usize) < 2).count();
                near(hits as f64 / truth.len() as f64, &expect["top2"], "top 2");
            }
            assert_eq!(got.samples.len(), truth.len());
        }
    }

    #[test]
    fn top_k_is_given_as_far_as_there_are_classes() {
        let ks = |classes: usize| {
            let evaluation = classification(&[0], &[0], &vec![0.0; classes], classes);
            evaluation.top_k.iter().map(|(k, _)| *k).collect::<Vec<_>>()
        };
        assert_eq!((ks(2), ks(4), ks(10)), (vec![1], vec![1, 3], vec![1, 3, 5]));
    }

    #[test]
    fn regression_equals_scikit_learn() {
        let reference = reference("regression");
        let (truth, predicted) = (floats(&reference["y_true"]), floats(&reference["y_pred"]));
        let samples: Vec<u32> = (0..truth.len() as u32).collect();
        let got = regression(&samples, &truth, &predicted, 1.0);
        let expect = &reference["expected"];
        near(got.loss, &expect["mse"], "mse");
        near(got.mean_absolute_error.unwrap(), &expect["mae"], "mae");
        near(got.root_mean_squared_error.unwrap(), &expect["rmse"], "rmse");
        near(got.r_squared.unwrap(), &expect["r2"], "r2");
    }

    #[test]
    fn classes_without_samples_count_neither_way() {
        // Three classes, the last never true and never predicted.
        let got = classification(&[0, 1], &[0, 1], &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0], 3);
        assert_eq!(got.macro_average.recall, 0.5);
        assert_eq!(got.macro_average.precision, 0.25);
        assert_eq!(got.per_class[2], ClassScores::default());
    }

    #[test]
    fn huge_logits_stay_finite() {
        assert!((cross_entropy(&[1e4, -1e4], 1) - 2e4).abs() < 1e-6);
        assert_eq!(softmax(&[1e4, -1e4]), [1.0, 0.0]);
    }
}
