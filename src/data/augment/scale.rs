//! Enlarges or shrinks images about their centre.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Affine, Augment, Medium};

/// Settings of scaling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scale {
    /// Smallest size.
    pub smallest: f64,
    /// Largest size.
    pub largest: f64,
}

impl Default for Scale {
    fn default() -> Self {
        Self { smallest: 0.9, largest: 1.1 }
    }
}

impl Params for Scale {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("smallest", "Smallest size").help("0.9 shrinks by up to a tenth; 1 never shrinks.");
        visitor.number(field, &mut self.smallest, 0.1..=1.0);
        let field = Field::new("largest", "Largest size").help("1.1 enlarges by up to a tenth; 1 never enlarges.");
        visitor.number(field, &mut self.largest, 1.0..=10.0);
    }
}

impl Augment for Scale {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn map(&self, random: &mut Stream, _: [usize; 2]) -> Option<Affine> {
        // Twice as large and half as large are equally far from 1.
        let size = random.between(self.smallest.max(0.01).ln(), self.largest.max(0.01).ln()).exp();
        Some(Affine { matrix: [[1.0 / size, 0.0], [0.0, 1.0 / size]], shift: [0.0, 0.0] })
    }
}
