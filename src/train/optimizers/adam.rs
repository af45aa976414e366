//! Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), which differ in how weight decay works.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::optim::{self, Decay, Rule};

/// Settings of Adam and of AdamW.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    /// Memory of the mean gradient.
    pub beta1: f64,
    /// Memory of the mean squared gradient.
    pub beta2: f64,
    /// Keeps the division finite.
    pub eps: f64,
    /// Divides by the largest mean square so far.
    pub amsgrad: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, amsgrad: false }
    }
}

impl Params for Adam {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        visit(&mut self.beta1, &mut self.beta2, &mut self.eps, visitor);
        let field = Field::new("amsgrad", "AMSGrad").rare().help(
            "Divides by the largest mean squared gradient so far instead of the present one, so that steps never grow again. \
             Takes half as much memory again.",
        );
        visitor.flag(field, &mut self.amsgrad);
    }
}

/// The fields that Adam and its relatives share.
pub(super) fn visit(beta1: &mut f64, beta2: &mut f64, eps: &mut f64, visitor: &mut dyn ParamVisitor) {
    let field = Field::new("beta1", "Beta 1")
        .rare()
        .help("How long the mean gradient remembers: 0.9 looks back about 10 steps, 0.99 about 100.");
    visitor.number(field, beta1, 0.0..=0.9999);
    let field = Field::new("beta2", "Beta 2")
        .rare()
        .help("How long the mean squared gradient remembers: 0.999 looks back about 1,000 steps.");
    visitor.number(field, beta2, 0.0..=0.999_999);
    let field = Field::new("eps", "Epsilon")
        .rare()
        .help("Added to the divisor, so that weights with hardly any gradient take no giant steps.");
    visitor.number(field, eps, 1e-12..=1.0);
}

impl Adam {
    pub(super) fn rule(&self, decay: Decay) -> Rule {
        let Self { beta1, beta2, eps, amsgrad } = *self;
        Rule::Adam(optim::Adam { beta1, beta2, eps, amsgrad, decay })
    }
}
