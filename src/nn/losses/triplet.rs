//! Triplet margin loss: what belongs together nearer than what does not.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::{self, Loss, TripletSettings};

/// Settings of the triplet margin loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Triplet {
    /// How much farther the negative should be.
    pub margin: f64,
    /// Power of the distance.
    pub norm: f64,
    /// Takes the smaller of both distances to the negative.
    pub swap: bool,
}

impl Default for Triplet {
    fn default() -> Self {
        Self { margin: 1.0, norm: 2.0, swap: false }
    }
}

impl Params for Triplet {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("margin", "Margin")
            .rare()
            .help("How much farther what is different should be than what is alike.");
        visitor.number(field, &mut self.margin, 0.0..=1e6);
        let field = Field::new("norm", "Norm")
            .rare()
            .help("Power of the distance: 2 is the usual one, 1 the sum of all differences.");
        visitor.number(field, &mut self.norm, 1.0..=100.0);
        let field = Field::new("swap", "Swap")
            .rare()
            .help("Measures the negative from the positive where it is nearer to that than to the anchor.");
        visitor.flag(field, &mut self.swap);
    }
}

impl Triplet {
    /// Of anchors, positives and negatives `[batch, width]`.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn compute(&self, anchor: &Tensor, positive: &Tensor, negative: &Tensor) -> Result<Loss<[Tensor; 3]>> {
        let settings = TripletSettings { margin: self.margin, power: self.norm, swap: self.swap };
        loss::triplet_margin(anchor, positive, negative, &settings)
    }
}
