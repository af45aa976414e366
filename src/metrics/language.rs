//! How well a language model tells the next token.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::base::Progress;
use crate::data::tokens::{Texts, UNKNOWN};
use crate::data::{Labels, Prepared, batch};
use crate::graph::Network;

use super::evaluate::{EvaluateError, forward, host};
use super::{Evaluation, SampleResult, scores};

/// Figures of a language model; its loss is in nats a token.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LanguageScores {
    /// Tokens that were told.
    pub tokens: u64,
    /// Characters of these tokens.
    pub characters: u64,
    /// Between how many equally likely tokens the model would be as unsure: e to the loss.
    #[serde(deserialize_with = "super::exact::null_is_nan")]
    pub perplexity: f64,
    /// Bits that a character takes when the model's probabilities are used to pack the text. It can be compared between models
    /// with different tokens.
    #[serde(deserialize_with = "super::exact::null_is_nan")]
    pub bits_per_character: f64,
}

impl LanguageScores {
    /// From the mean loss in nats a token.
    pub fn new(loss: f64, tokens: u64, characters: u64) -> Self {
        let bits = loss / std::f64::consts::LN_2;
        Self {
            tokens,
            characters,
            perplexity: loss.exp(),
            bits_per_character: bits * tokens as f64 / (characters as f64).max(1.0),
        }
    }
}

/// Values that a network gives in one pass of an evaluation, at most (unless one window has more).
const MOST_VALUES: usize = 8 << 20;

/// The values of k of which the top-k share is given.
const TOP: [usize; 3] = [1, 3, 5];

/// Loss and rank of the right token at each step.
struct Told {
    losses: f64,
    hits: [u64; 3],
}

/// Evaluates windows of running text; the caller names the part.
///
/// # Errors
/// If it was cancelled, or the network or the data fails.
pub(super) fn evaluate(
    network: &Network,
    prepared: &Prepared,
    texts: &Texts,
    windows: &[u32],
    progress: &Progress,
) -> Result<Evaluation, EvaluateError> {
    let Labels::Next(targets) = &prepared.dataset.labels else {
        return Err(EvaluateError::Output { expected: texts.vocabulary.len(), received: 0 });
    };
    let steps = prepared.dataset.dims.elements().max(1);
    let batch = (MOST_VALUES / (steps * texts.vocabulary.len()).max(1)).clamp(1, 64);
    let mut evaluation = Evaluation::default();
    let (mut sum, mut hits, mut characters) = (0.0, [0; 3], 0);
    for chunk in windows.chunks(batch) {
        if progress.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        let values = host(&forward(network, prepared, chunk)?.0)?;
        let each = (values.len() / chunk.len().max(1)).max(1);
        let told: Vec<Told> = values
            .par_chunks(each)
            .zip(chunk)
            .map(|(scores, &window)| {
                let start = window as usize * steps;
                told(scores, targets.get(start..start + steps).unwrap_or(&[]))
            })
            .collect();
        for (told, &window) in told.iter().zip(chunk) {
            sum += told.losses;
            hits.iter_mut().zip(told.hits).for_each(|(sum, hits)| *sum += hits);
            let start = window as usize * steps;
            characters += texts.characters(targets.get(start..start + steps).unwrap_or(&[]));
            evaluation.samples.push(SampleResult {
                sample: window,
                truth: 0.0,
                predicted: 0.0,
                confidence: told.hits[0] as f32 / steps as f32,
                loss: (told.losses / steps as f64) as f32,
            });
            progress.advance();
        }
    }
    let tokens = (windows.len() * steps) as f64;
    let share = |hits: u64| hits as f64 / tokens.max(1.0);
    evaluation.loss = sum / tokens.max(1.0);
    evaluation.accuracy = share(hits[0]);
    evaluation.top_k = TOP.into_iter().zip(hits.map(share)).filter(|(k, _)| *k < texts.vocabulary.len()).collect();
    evaluation.language = Some(LanguageScores::new(evaluation.loss, tokens as u64, characters as u64));
    Ok(evaluation)
}

/// Scores of the tokens that may follow behind `seen`, which must not be longer than a window.
///
/// # Errors
/// If the network or the data fails.
pub fn next(network: &Network, prepared: &Prepared, seen: &[u32]) -> Result<Vec<f32>, EvaluateError> {
    let Prepared { dataset, normalizer, split: _ } = prepared;
    // What stands behind the last token is not looked at: each step sees only what came before it.
    let mut window: Vec<f32> = seen.iter().map(|&token| token as f32).collect();
    window.resize(dataset.dims.elements(), UNKNOWN as f32);
    let input = batch::inputs(dataset, normalizer, &[window], network.device())?;
    let Some(output) = network.infer(&[input.to_dtype(network.dtype())?])?.into_iter().next() else {
        return Err(EvaluateError::Output { expected: dataset.outputs_needed(), received: 0 });
    };
    Ok(host(&output.get(0)?.get(seen.len().saturating_sub(1))?)?)
}

fn told(scores: &[f32], targets: &[u32]) -> Told {
    let mut told = Told { losses: 0.0, hits: [0; 3] };
    let tokens = (scores.len() / targets.len().max(1)).max(1);
    for (row, &target) in scores.chunks(tokens).zip(targets) {
        told.losses += scores::cross_entropy(row, target as usize);
        let rank = scores::rank(row, target as usize);
        for (hits, k) in told.hits.iter_mut().zip(TOP) {
            *hits += u64::from(rank < k);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_by_character() {
        // Two tokens of three characters each, told among four equally likely ones: 2 bits a token.
        let scores = LanguageScores::new(4.0_f64.ln(), 2, 6);
        assert!((scores.perplexity - 4.0).abs() < 1e-12);
        assert!((scores.bits_per_character - 2.0 * 2.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn each_step_counts() {
        let told = told(&[0.0, 0.0, 9.0, 0.0], &[1, 0]);
        assert!((told.losses - (2.0_f64.ln() + (1.0 + (-9.0_f64).exp()).ln())).abs() < 1e-6);
        // Of equal ones the first counts as told.
        assert_eq!(told.hits, [1, 2, 2]);
    }
}
