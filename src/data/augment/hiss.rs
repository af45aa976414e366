//! Adds noise to recordings.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Medium, Sample};

/// Settings of noise in recordings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hiss {
    /// Share of the recordings.
    pub probability: f64,
    /// How far the noise stays below the signal at least.
    pub least_ratio: f64,
}

impl Default for Hiss {
    fn default() -> Self {
        Self { probability: 0.5, least_ratio: 15.0 }
    }
}

impl Params for Hiss {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("probability", "Share of recordings").help("How many of the recordings get noise.");
        visitor.number(field, &mut self.probability, 0.0..=1.0);
        let field = Field::new("least_ratio", "Signal to noise from").unit("dB").help(
            "How much louder than the noise the recording stays: from this up to 25 dB more. 0 makes both equally loud.",
        );
        visitor.number(field, &mut self.least_ratio, -20.0..=80.0);
    }
}

impl Augment for Hiss {
    fn medium(&self) -> Medium {
        Medium::Sound
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        let is_chosen = f64::from(random.uniform()) < self.probability;
        let ratio = random.between(self.least_ratio, self.least_ratio + 25.0);
        if !is_chosen {
            return;
        }
        let power = sample.values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
        let loudness = (power / sample.values.len().max(1) as f64).sqrt();
        let strength = (loudness * 10_f64.powf(-ratio / 20.0)) as f32;
        for value in sample.values.iter_mut() {
            *value += strength * random.normal();
        }
    }
}
