//! Goes on with a text: token by token, each drawn from what a language model finds likely.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params, Place, Problem, Progress};
use crate::data::corpus;
use crate::data::tokens::{PADDING, UNKNOWN};
use crate::metrics::language;

use super::answerer::Answerer;

/// How tokens are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// How many tokens are written.
    pub tokens: usize,
    /// How adventurous the choice is; 0 always takes the likeliest token.
    pub temperature: f64,
    /// Only so many of the likeliest tokens are drawn from; 0 takes all.
    pub top_k: usize,
    /// Only the likeliest tokens that together have this probability are drawn from.
    pub top_p: f64,
    /// The same seed writes the same text.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { tokens: 500, temperature: 0.8, top_k: 0, top_p: 1.0, seed: 42 }
    }
}

impl Params for Sampling {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { tokens, temperature, top_k, top_p, seed } = self;
        let field = Field::new("tokens", "Length").unit("tokens").help("How many tokens are written.");
        visitor.count(field, tokens, 1..=1_000_000);
        let field = Field::new("temperature", "Temperature").help(
            "How adventurous the choice is. 1 draws as likely as the network says, less prefers what is likely, more what is \
             not; 0 always takes the likeliest token.",
        );
        visitor.number(field, temperature, 0.0..=10.0);
        let field = Field::new("top_k", "Top k")
            .unit("tokens")
            .zero("all")
            .help("Draws only from so many of the likeliest tokens, so that no freak is ever chosen. 0 takes all.");
        visitor.count(field, top_k, 0..=1_000_000);
        let field = Field::new("top_p", "Top p").help(
            "Draws only from the likeliest tokens that together have this probability: few where the network is sure, many \
             where it is not. 1 takes all.",
        );
        visitor.number(field, top_p, 0.01..=1.0);
        let mut number = usize::try_from(*seed).unwrap_or(usize::MAX);
        let field = Field::new("seed", "Seed").help("The same seed writes the same text.");
        visitor.count(field, &mut number, 0..=usize::MAX);
        *seed = number as u64;
    }
}

impl Sampling {
    /// Draws a token by its score. `uniform` is drawn from 0 to 1.
    pub fn draw(&self, scores: &[f32], uniform: f64) -> usize {
        let mut order: Vec<usize> = (0..scores.len()).filter(|&token| !scores[token].is_nan()).collect();
        // Equal scores stay in the order of their numbers, so that the same seed gives the same text everywhere.
        order.sort_by(|&left, &right| scores[right].total_cmp(&scores[left]));
        let Some(&likeliest) = order.first() else { return 0 };
        if self.temperature <= 0.0 {
            return likeliest;
        }
        if self.top_k > 0 {
            order.truncate(self.top_k);
        }
        let largest = f64::from(scores[likeliest]);
        let mut powers: Vec<f64> =
            order.iter().map(|&token| ((f64::from(scores[token]) - largest) / self.temperature).exp()).collect();
        let all: f64 = powers.iter().sum();
        let mut sum = 0.0;
        let nucleus = powers.iter().position(|power| {
            sum += power;
            sum >= self.top_p * all
        });
        powers.truncate(nucleus.map_or(powers.len(), |last| last + 1));
        let mut left = uniform * powers.iter().sum::<f64>();
        let drawn = powers.iter().position(|power| {
            left -= power;
            left < 0.0
        });
        order.get(drawn.unwrap_or(powers.len().saturating_sub(1))).copied().unwrap_or(likeliest)
    }
}

impl Answerer {
    /// Goes on with `prompt`. Each piece of text is given to `write` as soon as it is there; ends early when `progress`
    /// is cancelled. Gives the number of tokens written.
    ///
    /// # Errors
    /// If the network is no language model, or fails.
    pub fn generate(
        &self,
        prompt: &str,
        sampling: &Sampling,
        progress: &Progress,
        write: &mut dyn FnMut(&str),
    ) -> Result<usize, Problem> {
        let failed = |text: &dyn std::fmt::Display| Problem::error(Place::Project, text.to_string(), "");
        let dataset = &self.prepared().dataset;
        let Some(texts) = corpus::texts_of(dataset) else {
            let text = "only a language model goes on with a text, and this network was trained for something else";
            return Err(Problem::error(Place::Project, text, "Import running text and train a network on it"));
        };
        let context = dataset.dims.elements();
        let known = texts.vocabulary.len();
        let mut tokens = texts.tokens(prompt);
        if tokens.is_empty() {
            // What the data begins with stands for no prompt.
            tokens.extend(dataset.sample(0).first().map(|&token| token as u32));
        }
        let mut stream = Stream::new(sampling.seed, "generate");
        progress.set_total(sampling.tokens as u64);
        let mut pending = Vec::new();
        for written in 0..sampling.tokens {
            if progress.is_cancelled() {
                return Ok(written);
            }
            let seen = tokens.get(tokens.len().saturating_sub(context)..).unwrap_or_default();
            let mut scores = language::next(self.network(), self.prepared(), seen).map_err(|error| failed(&error))?;
            scores.truncate(known);
            for never in [PADDING, UNKNOWN] {
                if let Some(score) = scores.get_mut(never as usize) {
                    *score = f32::NAN;
                }
            }
            let drawn = sampling.draw(&scores, f64::from(stream.uniform())) as u32;
            tokens.push(drawn);
            pending.push(drawn);
            let text = texts.written(&pending);
            // A character of several bytes may still be under way.
            if !text.ends_with(char::REPLACEMENT_CHARACTER) || pending.len() > 8 {
                write(&text);
                pending.clear();
            }
            // Nothing that is out of sight is needed any more.
            if tokens.len() > 4 * context.max(1) {
                tokens.drain(..tokens.len() - context);
            }
            progress.advance();
        }
        Ok(sampling.tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ln of 0.3, 0.5 and 0.2.
    const SCORES: [f32; 4] = [-1.203_972_8, f32::NAN, -std::f32::consts::LN_2, -1.609_438];

    fn drawn(sampling: &Sampling) -> Vec<usize> {
        (0..10).map(|tenth| sampling.draw(&SCORES, f64::from(tenth) / 10.0 + 0.05)).collect()
    }

    #[test]
    fn tokens_are_drawn_as_likely_as_they_are() {
        let sampling = Sampling { temperature: 1.0, ..Sampling::default() };
        assert_eq!(drawn(&sampling), [2, 2, 2, 2, 2, 0, 0, 0, 3, 3]);
    }

    #[test]
    fn the_choice_is_narrowed_as_told() {
        let narrowed = |top_k, top_p| drawn(&Sampling { temperature: 1.0, top_k, top_p, ..Sampling::default() });
        // 0.5 and 0.3 of 0.8: five eighths of the draws.
        assert_eq!(narrowed(2, 1.0), [2, 2, 2, 2, 2, 2, 0, 0, 0, 0]);
        assert_eq!(narrowed(0, 0.6), narrowed(2, 1.0));
        assert_eq!(narrowed(0, 0.4), [2; 10]);
        assert_eq!(narrowed(1, 1.0), [2; 10]);
        assert_eq!(drawn(&Sampling { temperature: 0.0, ..Sampling::default() }), [2; 10]);
        // Cold: 25 : 9 : 4.
        let cold = drawn(&Sampling { temperature: 0.5, ..Sampling::default() });
        assert_eq!(cold.iter().filter(|token| **token == 2).count(), 7);
    }

    #[test]
    fn a_network_that_gives_nan_is_survived() {
        assert_eq!(Sampling::default().draw(&[f32::NAN, f32::NAN], 0.5), 0);
        assert_eq!(Sampling::default().draw(&[], 0.5), 0);
    }
}
