//! Hides single tokens of texts.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};
use crate::data::tokens::{PADDING, UNKNOWN};

use super::{Augment, Medium, Sample};

/// Settings of token dropout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenDropout {
    /// Share of the tokens.
    pub rate: f64,
}

impl Default for TokenDropout {
    fn default() -> Self {
        Self { rate: 0.1 }
    }
}

impl Params for TokenDropout {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("rate", "Share of tokens").help(
            "So many of the tokens are replaced by the one for unknown words, so that the answer can't hang on a single word.",
        );
        visitor.number(field, &mut self.rate, 0.0..=0.9);
    }
}

impl Augment for TokenDropout {
    fn medium(&self) -> Medium {
        Medium::Text
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        for token in sample.values.iter_mut().filter(|token| **token != PADDING as f32) {
            if f64::from(random.uniform()) < self.rate {
                *token = UNKNOWN as f32;
            }
        }
    }
}
