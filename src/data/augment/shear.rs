//! Slants images.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Affine, Augment, Medium};

/// Settings of shears.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shear {
    /// Largest slant to either side.
    pub degrees: f64,
}

impl Default for Shear {
    fn default() -> Self {
        Self { degrees: 10.0 }
    }
}

impl Params for Shear {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("degrees", "Slant up to")
            .unit("°")
            .help("Upright lines lean by a random angle up to this to either side, as in handwriting.");
        visitor.number(field, &mut self.degrees, 0.0..=60.0);
    }
}

impl Augment for Shear {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn map(&self, random: &mut Stream, _: [usize; 2]) -> Option<Affine> {
        let slant = random.between(-self.degrees, self.degrees).to_radians().tan();
        Some(Affine { matrix: [[1.0, slant], [0.0, 1.0]], shift: [0.0, 0.0] })
    }
}
