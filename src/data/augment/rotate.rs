//! Turns images about their centre.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Affine, Augment, Medium};

/// Settings of rotations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotate {
    /// Largest angle to either side.
    pub degrees: f64,
}

impl Default for Rotate {
    fn default() -> Self {
        Self { degrees: 10.0 }
    }
}

impl Params for Rotate {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("degrees", "Angle up to").unit("°").help(
            "Images are turned by a random angle up to this to either side. 10 for digits and photos, 180 where there is no up.",
        );
        visitor.number(field, &mut self.degrees, 0.0..=180.0);
    }
}

impl Augment for Rotate {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn map(&self, random: &mut Stream, _: [usize; 2]) -> Option<Affine> {
        let (sine, cosine) = random.between(-self.degrees, self.degrees).to_radians().sin_cos();
        Some(Affine { matrix: [[cosine, sine], [-sine, cosine]], shift: [0.0, 0.0] })
    }
}
