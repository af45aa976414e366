//! Blurs some images.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Medium, Sample, affine};

/// Settings of blur.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blur {
    /// Share of the images that are blurred.
    pub probability: f64,
    /// Widest blur.
    pub sigma: f64,
}

impl Default for Blur {
    fn default() -> Self {
        Self { probability: 0.3, sigma: 1.0 }
    }
}

impl Params for Blur {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("probability", "Share of images").help("How many of the images are blurred.");
        visitor.number(field, &mut self.probability, 0.0..=1.0);
        let field = Field::new("sigma", "Blur up to")
            .unit("px")
            .help("Standard deviation of the Gaussian bell that each pixel is spread by, from 0.1 to this.");
        visitor.number(field, &mut self.sigma, 0.1..=20.0);
    }
}

impl Augment for Blur {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        let is_chosen = f64::from(random.uniform()) < self.probability;
        let sigma = random.between(0.1, self.sigma) as f32;
        if let (true, &[channels, height, width]) = (is_chosen, sample.dims) {
            affine::blur(sample.values, [channels, height, width], sigma);
        }
    }
}
