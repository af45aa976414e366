//! CTC (Graves et al. 2006): a text read from a sequence without knowing where each symbol is.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};
use crate::ops::loss::{self, CtcSettings, Loss};

/// Settings of CTC.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ctc {
    /// The class that means nothing.
    pub blank: usize,
    /// Leaves out texts that do not fit.
    pub zero_infinity: bool,
}

impl Params for Ctc {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("blank", "Blank").rare().help("The class that stands for no symbol.");
        visitor.count(field, &mut self.blank, 0..=1_000_000);
        let field = Field::new("zero_infinity", "Skip what can not fit")
            .rare()
            .help("Leaves out texts that are longer than their sequence, whose loss would be infinite.");
        visitor.flag(field, &mut self.zero_infinity);
    }
}

impl Ctc {
    /// Of logits `[batch, time, classes]`, symbols `[batch, length]` and how much of each row counts.
    ///
    /// # Errors
    /// As [`loss::ctc`].
    pub fn compute(
        &self,
        logits: &Tensor,
        symbols: &Tensor,
        input_lengths: &Tensor,
        target_lengths: &Tensor,
    ) -> Result<Loss> {
        let settings = CtcSettings { blank: self.blank, zero_infinity: self.zero_infinity };
        loss::ctc(logits, symbols, input_lengths, target_lengths, &settings)
    }
}
