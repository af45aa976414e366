//! One rise and one fall of the learning rate (Smith and Topin 2018), step for step as PyTorch has it.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};

use super::Position;

crate::choices! {
    /// How the rate goes from one end of a phase to the other.
    pub enum Curve {
        /// Along half a cosine.
        Cosine = "cosine", "Cosine", "Leaves and arrives slowly.";
        /// Along a straight line.
        Linear = "linear", "Linear", "Changes by the same amount at every step.";
    }
}

/// Settings of the one-cycle schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneCycle {
    /// Share of the run in which the rate rises.
    pub rise_share: f64,
    /// The rate starts at the peak divided by this.
    pub start_divisor: f64,
    /// The rate ends at its start divided by this.
    pub end_divisor: f64,
    /// How it goes between.
    pub curve: Curve,
    /// Falls back to the start first, then to the end.
    pub three_phases: bool,
}

impl Default for OneCycle {
    fn default() -> Self {
        Self { rise_share: 0.3, start_divisor: 25.0, end_divisor: 1e4, curve: Curve::default(), three_phases: false }
    }
}

impl Params for OneCycle {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("rise_share", "Rise")
            .help("Share of the run in which the learning rate rises to its peak: 0.3 rises over the first third.");
        visitor.number(field, &mut self.rise_share, 0.0..=1.0);
        let field = Field::new("start_divisor", "Start divisor")
            .rare()
            .help("The learning rate starts at its peak divided by this.");
        visitor.number(field, &mut self.start_divisor, 1.0..=1e9);
        let field = Field::new("end_divisor", "End divisor")
            .rare()
            .help("The learning rate ends at its start divided by this.");
        visitor.number(field, &mut self.end_divisor, 1.0..=1e12);
        let field = Field::new("curve", "Curve").rare().help("How the rate goes from one end of a phase to the other.");
        visitor.choice(field, &mut self.curve);
        let field = Field::new("three_phases", "Three phases")
            .rare()
            .help("Falls back to the start as fast as it rose, and goes to the end in what is left of the run.");
        visitor.flag(field, &mut self.three_phases);
    }
}

impl OneCycle {
    pub(super) fn share(&self, at: Position) -> f64 {
        let start = 1.0 / self.start_divisor.max(1.0);
        let end = start / self.end_divisor.max(1.0);
        // The step at which the rate is at its peak, and the last one.
        let rise = self.rise_share * at.steps - 1.0;
        let last = at.steps - 1.0;
        if at.step <= rise {
            self.between(start, 1.0, at.step / rise)
        } else if !self.three_phases {
            self.between(1.0, end, (at.step - rise) / (last - rise))
        } else if at.step <= 2.0 * rise {
            self.between(1.0, start, (at.step - rise) / rise)
        } else {
            self.between(start, end, (at.step - 2.0 * rise) / (last - 2.0 * rise))
        }
    }

    fn between(&self, from: f64, to: f64, share: f64) -> f64 {
        // Runs of one step have phases without length.
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
        match self.curve {
            Curve::Cosine => to + f64::midpoint(from, -to) * (1.0 + (std::f64::consts::PI * share).cos()),
            Curve::Linear => from + (to - from) * share,
        }
    }
}
