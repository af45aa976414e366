//! Mirrors images.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Affine, Augment, Medium};

/// Settings of flips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flip {
    /// Probability of exchanging left and right.
    pub horizontal: f64,
    /// Probability of exchanging top and bottom.
    pub vertical: f64,
}

impl Default for Flip {
    fn default() -> Self {
        Self { horizontal: 0.5, vertical: 0.0 }
    }
}

impl Params for Flip {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("horizontal", "Left and right")
            .help("Share of the images whose left and right are exchanged. Not for letters, digits and traffic signs.");
        visitor.number(field, &mut self.horizontal, 0.0..=1.0);
        let field = Field::new("vertical", "Top and bottom").help(
            "Share of the images that are put on their heads. For images without up and down: cells, satellites.",
        );
        visitor.number(field, &mut self.vertical, 0.0..=1.0);
    }
}

impl Augment for Flip {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn map(&self, random: &mut Stream, _: [usize; 2]) -> Option<Affine> {
        let mut side = |probability: f64| if f64::from(random.uniform()) < probability { -1.0 } else { 1.0 };
        let (x, y) = (side(self.horizontal), side(self.vertical));
        Some(Affine { matrix: [[x, 0.0], [0.0, y]], shift: [0.0, 0.0] })
    }
}
