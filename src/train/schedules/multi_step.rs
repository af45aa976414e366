//! A learning rate that falls at given epochs.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};

use super::Position;

/// Settings of the multi-step schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiStep {
    /// Epochs behind which the rate falls, with commas between them.
    pub milestones: String,
    /// What the rate is multiplied by.
    pub factor: f64,
}

impl Default for MultiStep {
    fn default() -> Self {
        Self { milestones: "10, 15".to_owned(), factor: 0.1 }
    }
}

impl Params for MultiStep {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("milestones", "Milestones")
            .unit("epochs")
            .help("Epochs behind which the learning rate falls, with commas between them: 30, 60, 90.");
        visitor.text(field, &mut self.milestones);
        let field = Field::new("factor", "Factor").help("What the learning rate is multiplied by at each fall.");
        visitor.number(field, &mut self.factor, 0.0..=1.0);
    }
}

impl MultiStep {
    /// The milestones in epochs; the first part that is no number from 0 otherwise.
    ///
    /// # Errors
    /// With that part.
    pub fn epochs(&self) -> Result<Vec<f64>, String> {
        let parts = self.milestones.split(',').map(str::trim).filter(|part| !part.is_empty());
        let number = |part: &str| part.parse().ok().filter(|epoch: &f64| epoch.is_finite() && *epoch >= 0.0);
        parts.map(|part| number(part).ok_or_else(|| part.to_owned())).collect()
    }

    pub(super) fn share(&self, at: Position) -> f64 {
        let falls = self.epochs().unwrap_or_default().into_iter().filter(|epoch| at.epochs >= *epoch).count();
        self.factor.powi(falls as i32)
    }
}
