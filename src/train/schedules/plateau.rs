//! A learning rate that falls when the validation loss does not get better any more, by PyTorch's rules.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::metrics::exact;

crate::choices! {
    /// What a loss must be below to count as better.
    pub enum Threshold {
        /// A share of the best one.
        Relative = "relative", "Share of the best", "0.0001 must be a ten-thousandth of the best loss better.";
        /// An amount.
        Absolute = "absolute", "Amount", "0.0001 must be better by that amount.";
    }
}

/// Settings of the plateau schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plateau {
    /// What the rate is multiplied by.
    pub factor: f64,
    /// Epochs without a better loss that are let pass.
    pub patience: usize,
    /// How much better a loss must be to count.
    pub threshold: f64,
    /// Of what the threshold is told.
    pub threshold_kind: Threshold,
    /// Epochs after a fall in which nothing is counted.
    pub cooldown: usize,
    /// Share of the peak rate below which it never falls.
    pub least_share: f64,
}

impl Default for Plateau {
    fn default() -> Self {
        Self {
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_kind: Threshold::default(),
            cooldown: 0,
            least_share: 0.0,
        }
    }
}

impl Params for Plateau {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("factor", "Factor").help("What the learning rate is multiplied by at each fall.");
        visitor.number(field, &mut self.factor, 0.0..=1.0);
        let field = Field::new("patience", "Patience")
            .unit("epochs")
            .help("Epochs without a better validation loss that are let pass; one more, and the rate falls.");
        visitor.count(field, &mut self.patience, 0..=100_000);
        let field = Field::new("threshold", "Threshold")
            .rare()
            .help("How much better than the best a loss must be to count as better, so that noise does not.");
        visitor.number(field, &mut self.threshold, 0.0..=1e6);
        let field = Field::new("threshold_kind", "Threshold is a")
            .rare()
            .help("Whether the threshold is a share of the best loss or an amount.");
        visitor.choice(field, &mut self.threshold_kind);
        let field = Field::new("cooldown", "Cooldown")
            .rare()
            .unit("epochs")
            .help("Epochs after a fall in which nothing is counted, so that the new rate gets its time.");
        visitor.count(field, &mut self.cooldown, 0..=100_000);
        let field = Field::new("least_share", "Least share")
            .rare()
            .help("Share of the peak learning rate below which it never falls.");
        visitor.number(field, &mut self.least_share, 0.0..=1.0);
    }
}

/// What the schedule remembers from epoch to epoch; part of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlateauState {
    /// The best loss so far.
    #[serde(with = "exact")]
    pub best: f64,
    /// Epochs since then.
    pub bad_epochs: usize,
    /// Epochs in which nothing is counted yet.
    pub cooldown: usize,
    /// Share of the peak rate that is taken now.
    #[serde(with = "exact")]
    pub share: f64,
}

impl Default for PlateauState {
    fn default() -> Self {
        Self { best: f64::INFINITY, bad_epochs: 0, cooldown: 0, share: 1.0 }
    }
}

impl Plateau {
    /// Takes the loss of a finished epoch.
    pub fn observe(&self, state: &mut PlateauState, loss: f64) {
        let goal = match self.threshold_kind {
            Threshold::Relative => state.best * (1.0 - self.threshold),
            Threshold::Absolute => state.best - self.threshold,
        };
        if loss < goal {
            state.best = loss;
            state.bad_epochs = 0;
        } else {
            state.bad_epochs += 1;
        }
        if state.cooldown > 0 {
            state.cooldown -= 1;
            state.bad_epochs = 0;
        }
        if state.bad_epochs > self.patience {
            state.share = (state.share * self.factor).max(self.least_share);
            state.cooldown = self.cooldown;
            state.bad_epochs = 0;
        }
    }
}
