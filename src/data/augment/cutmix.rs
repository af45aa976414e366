//! Puts a rectangle of another image of the batch into each, and mixes their answers by its area (Yun et al. 2019).

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Blend, Medium, prevailing};

/// Settings of cutmix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cutmix {
    /// Both parameters of the beta distribution that the area is drawn from.
    pub alpha: f64,
}

impl Default for Cutmix {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl Params for Cutmix {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("alpha", "Alpha").help(
            "How large the rectangles are: 1 draws every area alike, smaller values draw very small ones more often. With \
             mixup too, each batch takes one of the two.",
        );
        visitor.number(field, &mut self.alpha, 0.01..=10.0);
    }
}

impl Augment for Cutmix {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn blend(&self, random: &mut Stream, [height, width]: [usize; 2]) -> Option<Blend> {
        let side = (1.0 - prevailing(random, self.alpha)).max(0.0).sqrt();
        let mut span = |size: usize| {
            let middle = random.between(0.0, size as f64);
            let half = side * size as f64 / 2.0;
            let at = |place: f64| place.round().clamp(0.0, size as f64) as usize;
            at(middle - half)..at(middle + half)
        };
        let (rows, columns) = (span(height), span(width));
        Some(Blend::Rectangle { rows, columns })
    }
}
