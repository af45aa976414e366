//! Adds noise to the values of a series.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Medium, Sample};

/// Settings of jitter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jitter {
    /// Standard deviation of the noise, as a share of that of the column.
    pub strength: f64,
}

impl Default for Jitter {
    fn default() -> Self {
        Self { strength: 0.03 }
    }
}

impl Params for Jitter {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("strength", "Noise")
            .help("Standard deviation of what is added to each value, as a share of that of the whole column.");
        visitor.number(field, &mut self.strength, 0.0..=1.0);
    }
}

impl Augment for Jitter {
    fn medium(&self) -> Medium {
        Medium::Series
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        let strength = self.strength as f32;
        for step in sample.values.chunks_mut(sample.spread.len().max(1)) {
            for (value, (_, deviation)) in step.iter_mut().zip(sample.spread) {
                *value += strength * deviation * random.normal();
            }
        }
    }
}
