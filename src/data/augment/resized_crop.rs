//! Cuts a part out and enlarges it to the whole (Szegedy et al. 2015), with torchvision's way of drawing it.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Affine, Augment, Medium};

/// Settings of random resized crops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResizedCrop {
    /// Smallest share of the area.
    pub smallest: f64,
    /// How much longer than high the part may be, and the other way round.
    pub aspect: f64,
}

impl Default for ResizedCrop {
    fn default() -> Self {
        Self { smallest: 0.5, aspect: 4.0 / 3.0 }
    }
}

impl Params for ResizedCrop {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("smallest", "Smallest part").help(
            "Share of the image's area that is cut out at least. 0.08 is usual for photos of a thousand kinds; small \
             images and things that fill the image want more.",
        );
        visitor.number(field, &mut self.smallest, 0.01..=1.0);
        let field = Field::new("aspect", "Stretch")
            .help("How many times wider than high the part may be, and the other way round. 1 keeps the proportions.");
        visitor.number(field, &mut self.aspect, 1.0..=4.0);
    }
}

impl Augment for ResizedCrop {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn map(&self, random: &mut Stream, [height, width]: [usize; 2]) -> Option<Affine> {
        let aspect = self.aspect.max(1.0).ln();
        for _ in 0..10 {
            let area = random.between(self.smallest, 1.0);
            let ratio = random.between(-aspect, aspect).exp().sqrt();
            let (part_x, part_y) = (area.sqrt() * ratio, area.sqrt() / ratio);
            if part_x <= 1.0 && part_y <= 1.0 {
                let mut offset = |part: f64, side: usize| random.between(-0.5, 0.5) * (1.0 - part) * side as f64;
                let shift = [offset(part_x, width), offset(part_y, height)];
                return Some(Affine { matrix: [[part_x, 0.0], [0.0, part_y]], shift });
            }
        }
        None
    }
}
