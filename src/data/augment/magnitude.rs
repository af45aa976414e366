//! Stretches the values of a series about their mean, the value to be predicted along with them.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Medium, Sample};

/// Settings of the scaling of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Magnitude {
    /// Standard deviation of the factor.
    pub strength: f64,
}

impl Default for Magnitude {
    fn default() -> Self {
        Self { strength: 0.1 }
    }
}

impl Params for Magnitude {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("strength", "Change").help(
            "Each window, and the value that it predicts, is stretched about the mean by a factor near 1 with this standard deviation.",
        );
        visitor.number(field, &mut self.strength, 0.0..=1.0);
    }
}

impl Augment for Magnitude {
    fn medium(&self) -> Medium {
        Medium::Series
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        let factor = 1.0 + self.strength as f32 * random.normal();
        for step in sample.values.chunks_mut(sample.spread.len().max(1)) {
            for (value, (mean, _)) in step.iter_mut().zip(sample.spread) {
                *value = mean + (*value - mean) * factor;
            }
        }
        sample.target_factor *= factor;
    }
}
