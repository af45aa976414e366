//! Gated recurrent unit (Cho et al. 2014).

use serde::{Deserialize, Serialize};

use super::recurrent::{Recurrence, Shared, recurrent_layer};
use crate::base::{ParamVisitor, Params};
use crate::ops::recurrent::{Cell, Stack};

/// Gated recurrent unit over `[time, features]`: the sequence of states, and the last states `[layers * directions, hidden]`.
/// Parameters have PyTorch's names and order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gru {
    /// Values of the state.
    pub hidden_features: usize,
    /// Layers one above the other.
    pub layers: usize,
    /// Whether each layer also runs from the last step to the first.
    pub bidirectional: bool,
    /// Share of the values between two layers that are set to zero in training.
    pub dropout: f64,
    /// Whether each step adds learned constants.
    pub bias: bool,
    /// Whether an input gives the length of each sequence.
    pub lengths: bool,
    /// Whether inputs give the state at the start.
    pub initial_state: bool,
}

impl Default for Gru {
    fn default() -> Self {
        Self {
            hidden_features: 128,
            layers: 1,
            bidirectional: false,
            dropout: 0.0,
            bias: true,
            lengths: false,
            initial_state: false,
        }
    }
}

impl Params for Gru {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        Shared {
            hidden_features: &mut self.hidden_features,
            layers: &mut self.layers,
            bias: &mut self.bias,
            bidirectional: &mut self.bidirectional,
            dropout: &mut self.dropout,
            lengths: &mut self.lengths,
            initial_state: &mut self.initial_state,
        }
        .visit(visitor);
    }
}

impl Gru {
    fn recurrence(&self) -> Recurrence {
        let stack = Stack {
            cell: Cell::Gru,
            hidden: self.hidden_features,
            projection: 0,
            layers: self.layers,
            bias: self.bias,
            bidirectional: self.bidirectional,
        };
        let Self { dropout, lengths, initial_state, .. } = *self;
        Recurrence { name: "GRU", stack, dropout, lengths, initial_state }
    }
}

recurrent_layer!(Gru);
