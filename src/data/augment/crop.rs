//! Moves images by whole pixels: what others call a random crop after padding.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Affine, Augment, Medium};

/// Settings of crops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crop {
    /// Farthest move, as a share of the side.
    pub margin: f64,
}

impl Default for Crop {
    fn default() -> Self {
        // 4 pixels of 32, as usual for CIFAR-10 (He et al. 2016).
        Self { margin: 0.125 }
    }
}

impl Params for Crop {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("margin", "Margin").help(
            "The image gets a margin of this share of its side, and a window of the old size is cut out at a random place. \
             0.125 moves an image of 32 pixels by up to 4.",
        );
        visitor.number(field, &mut self.margin, 0.0..=0.5);
    }
}

impl Augment for Crop {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn map(&self, random: &mut Stream, [height, width]: [usize; 2]) -> Option<Affine> {
        let mut along = |side: usize| {
            let most = (side as f64 * self.margin).round() as u32;
            f64::from(random.below(2 * most + 1)) - f64::from(most)
        };
        Some(Affine { shift: [along(width), along(height)], ..Affine::IDENTITY })
    }
}
