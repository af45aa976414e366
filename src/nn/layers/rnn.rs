//! The plain recurrent layer (Elman 1990).

use serde::{Deserialize, Serialize};

use super::recurrent::{Recurrence, Shared, recurrent_layer};
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::recurrent::{Cell, Stack};

crate::choices! {
    /// What is applied to each sum.
    pub enum RnnActivation {
        /// Hyperbolic tangent.
        Tanh = "tanh", "Tanh", "Keeps the state between -1 and 1.";
        /// ReLU.
        Relu = "relu", "ReLU", "Lets the state grow; learns longer memories, but may run off.";
    }
}

/// The plain recurrent layer over `[time, features]`: the sequence of states, and the last states
/// `[layers * directions, hidden]`. Parameters have PyTorch's names and order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rnn {
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
    /// What is applied to each sum.
    pub activation: RnnActivation,
}

impl Default for Rnn {
    fn default() -> Self {
        Self {
            hidden_features: 128,
            layers: 1,
            bidirectional: false,
            dropout: 0.0,
            bias: true,
            lengths: false,
            initial_state: false,
            activation: RnnActivation::Tanh,
        }
    }
}

impl Params for Rnn {
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
        let field = Field::new("activation", "Activation").help("What is applied to the sums of each step.");
        visitor.choice(field, &mut self.activation);
    }
}

impl Rnn {
    fn recurrence(&self) -> Recurrence {
        let stack = Stack {
            cell: match self.activation {
                RnnActivation::Tanh => Cell::Tanh,
                RnnActivation::Relu => Cell::Relu,
            },
            hidden: self.hidden_features,
            projection: 0,
            layers: self.layers,
            bias: self.bias,
            bidirectional: self.bidirectional,
        };
        let Self { dropout, lengths, initial_state, .. } = *self;
        Recurrence { name: "RNN", stack, dropout, lengths, initial_state }
    }
}

recurrent_layer!(Rnn);
