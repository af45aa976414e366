//! A learning rate that falls along half a cosine (Loshchilov and Hutter 2017, without restarts).

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};

use super::Position;

/// Settings of the cosine schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cosine {
    /// Share of the peak rate that is left at the end.
    pub final_share: f64,
}

impl Default for Cosine {
    fn default() -> Self {
        Self { final_share: 0.01 }
    }
}

impl Params for Cosine {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("final_share", "Final share")
            .rare()
            .help("Share of the peak learning rate that is left at the end: 0.01 ends at one hundredth.");
        visitor.number(field, &mut self.final_share, 0.0..=1.0);
    }
}

impl Cosine {
    pub(super) fn share(&self, at: Position) -> f64 {
        let fall = f64::midpoint(1.0, (std::f64::consts::PI * at.progress().clamp(0.0, 1.0)).cos());
        self.final_share + (1.0 - self.final_share) * fall
    }
}
