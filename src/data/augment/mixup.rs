//! Blends each image with another one of the batch, and their answers too (Zhang et al. 2018).

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Blend, Medium, prevailing};

/// Settings of mixup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mixup {
    /// Both parameters of the beta distribution that the share is drawn from.
    pub alpha: f64,
}

impl Default for Mixup {
    fn default() -> Self {
        Self { alpha: 0.2 }
    }
}

impl Params for Mixup {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("alpha", "Alpha").help(
            "How evenly two images are blended: 0.2 leaves most nearly as they are, 1 draws every share alike. The accuracy \
             while training is counted by the image that prevails.",
        );
        visitor.number(field, &mut self.alpha, 0.01..=10.0);
    }
}

impl Augment for Mixup {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn blend(&self, random: &mut Stream, _: [usize; 2]) -> Option<Blend> {
        Some(Blend::Whole(prevailing(random, self.alpha)))
    }
}
