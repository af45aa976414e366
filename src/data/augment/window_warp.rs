//! Lets a stretch of a series run at half or double speed (Le Guennec et al. 2016).

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Medium, Sample};

/// Settings of window warping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WindowWarp {
    /// Share of the windows.
    pub probability: f64,
    /// Length of the stretch, as a share of the window.
    pub share: f64,
}

impl Default for WindowWarp {
    fn default() -> Self {
        Self { probability: 0.5, share: 0.2 }
    }
}

impl Params for WindowWarp {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("probability", "Share of windows").help("How many of the windows are warped.");
        visitor.number(field, &mut self.probability, 0.0..=1.0);
        let field = Field::new("share", "Stretch").help(
            "Share of the window that runs at half or double speed; the rest makes room for it, so that the length stays.",
        );
        visitor.number(field, &mut self.share, 0.05..=0.5);
    }
}

impl Augment for WindowWarp {
    fn medium(&self) -> Medium {
        Medium::Series
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        let is_chosen = f64::from(random.uniform()) < self.probability;
        let start = random.between(0.0, 1.0 - self.share);
        let speed = if random.uniform() < 0.5 { 0.5 } else { 2.0 };
        let columns = sample.spread.len().max(1);
        let steps = sample.values.len() / columns;
        if !is_chosen || steps < 3 {
            return;
        }
        let before = sample.values.to_vec();
        let last = (steps - 1) as f64;
        for (step, row) in sample.values.chunks_mut(columns).enumerate() {
            let place = warped(step as f64 / last, start, self.share, speed) * last;
            let first = (place.floor() as usize).min(steps - 1);
            let share = (place - first as f64) as f32;
            for (column, value) in row.iter_mut().enumerate() {
                let at = |step: usize| before.get(step.min(steps - 1) * columns + column).copied().unwrap_or(0.0);
                *value = at(first) * (1.0 - share) + at(first + 1) * share;
            }
        }
    }
}

/// Where of the original a place of the warped window lies, both from 0 to 1.
fn warped(place: f64, start: f64, share: f64, speed: f64) -> f64 {
    // The stretch takes `share / speed` before all is brought back to the old length.
    let whole = 1.0 - share + share / speed;
    let place = place * whole;
    let end = start + share / speed;
    let original = if place < start {
        place
    } else if place < end {
        start + (place - start) * speed
    } else {
        start + share + (place - end)
    };
    original.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_stay_and_time_never_runs_back() {
        for speed in [0.5, 2.0] {
            let places: Vec<f64> = (0..=100).map(|at| warped(f64::from(at) / 100.0, 0.3, 0.2, speed)).collect();
            assert_eq!(places[0], 0.0);
            assert!((places[100] - 1.0).abs() < 1e-12);
            assert!(places.is_sorted());
        }
    }
}
