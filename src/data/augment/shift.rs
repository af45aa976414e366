//! Lets recordings begin earlier or later.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Medium, Sample};

/// Settings of shifts in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shift {
    /// Farthest shift, as a share of the length.
    pub share: f64,
}

impl Default for Shift {
    fn default() -> Self {
        Self { share: 0.1 }
    }
}

impl Params for Shift {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("share", "Shift up to")
            .help("Recordings begin up to this share of their length earlier or later; silence fills the gap.");
        visitor.number(field, &mut self.share, 0.0..=1.0);
    }
}

impl Augment for Shift {
    fn medium(&self) -> Medium {
        Medium::Sound
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        let length = sample.values.len();
        let by = (random.between(-self.share, self.share) * length as f64).round();
        let steps = (by.abs() as usize).min(length);
        if by >= 0.0 {
            sample.values.rotate_right(steps);
            sample.values.get_mut(..steps).unwrap_or_default().fill(0.0);
        } else {
            sample.values.rotate_left(steps);
            sample.values.get_mut(length - steps..).unwrap_or_default().fill(0.0);
        }
    }
}
