//! Makes recordings louder or softer.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Medium, Sample};

/// Settings of gain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gain {
    /// Largest change.
    pub decibels: f64,
}

impl Default for Gain {
    fn default() -> Self {
        Self { decibels: 6.0 }
    }
}

impl Params for Gain {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("decibels", "Change up to")
            .unit("dB")
            .help("Recordings become up to this much louder or softer. 6 dB double or halve the waves.");
        visitor.number(field, &mut self.decibels, 0.0..=40.0);
    }
}

impl Augment for Gain {
    fn medium(&self) -> Medium {
        Medium::Sound
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        let factor = 10_f64.powf(random.between(-self.decibels, self.decibels) / 20.0) as f32;
        for value in sample.values.iter_mut() {
            *value *= factor;
        }
    }
}
