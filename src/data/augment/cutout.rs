//! Hides a square of the image (DeVries and Taylor 2017), so that the network can't rely on one spot.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Medium, Sample};

/// Settings of cutout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cutout {
    /// Share of the images.
    pub probability: f64,
    /// Side of the square, as a share of the shorter side.
    pub side: f64,
}

impl Default for Cutout {
    fn default() -> Self {
        Self { probability: 0.5, side: 0.3 }
    }
}

impl Params for Cutout {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("probability", "Share of images").help("How many of the images get a hidden square.");
        visitor.number(field, &mut self.probability, 0.0..=1.0);
        let field = Field::new("side", "Side").help(
            "Side of the square as a share of the image's shorter side. Its middle lies anywhere, so it may reach over the edge; \
             it gets the mean colour of the image.",
        );
        visitor.number(field, &mut self.side, 0.0..=1.0);
    }
}

impl Augment for Cutout {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        let is_chosen = f64::from(random.uniform()) < self.probability;
        let (place_x, place_y) = (f64::from(random.uniform()), f64::from(random.uniform()));
        let &[_, height, width] = sample.dims else { return };
        if !is_chosen || height == 0 || width == 0 {
            return;
        }
        let side = self.side * height.min(width) as f64;
        let span = |place: f64, size: usize| {
            let start = place * size as f64 - side / 2.0;
            let at = |place: f64| place.round().clamp(0.0, size as f64) as usize;
            at(start)..at(start + side)
        };
        let (rows, columns) = (span(place_y, height), span(place_x, width));
        for plane in sample.values.chunks_mut(height * width) {
            let mean = plane.iter().sum::<f32>() / plane.len().max(1) as f32;
            for row in plane.chunks_mut(width).take(rows.end).skip(rows.start) {
                row.get_mut(columns.clone()).unwrap_or_default().fill(mean);
            }
        }
    }
}
