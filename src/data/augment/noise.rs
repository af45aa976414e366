//! Adds random grain to images.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Medium, Sample};

/// Settings of noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Noise {
    /// Largest standard deviation, as a share of white.
    pub strength: f64,
}

impl Default for Noise {
    fn default() -> Self {
        Self { strength: 0.05 }
    }
}

impl Params for Noise {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("strength", "Grain up to").help(
            "Standard deviation of the grain, as a share of the step from black to white; drawn anew for each image.",
        );
        visitor.number(field, &mut self.strength, 0.0..=1.0);
    }
}

impl Augment for Noise {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        let strength = 255.0 * random.between(0.0, self.strength) as f32;
        for value in sample.values.iter_mut() {
            *value = (*value + strength * random.normal()).clamp(0.0, 255.0);
        }
    }
}
