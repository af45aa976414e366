//! The plain recurrent layer (Elman 1990).

use super::recurrent::{Recurrent, recurrent_layer};
use crate::base::{Field, ParamVisitor};
use crate::ops::recurrent::Cell;

crate::choices! {
    /// What is applied to each sum.
    pub enum RnnActivation {
        /// Hyperbolic tangent.
        Tanh = "tanh", "Tanh", "Keeps the state between -1 and 1.";
        /// ReLU.
        Relu = "relu", "ReLU", "Lets the state grow; learns longer memories, but may run off.";
    }
}

recurrent_layer! {
    /// The plain recurrent layer over `[time, features]`: the sequence of states, and the last states
    /// `[layers * directions, hidden]`. Parameters have PyTorch's names and order.
    Rnn {
        /// What is applied to each sum.
        activation: RnnActivation = RnnActivation::Tanh,
    }
}

impl Recurrent for Rnn {
    const NAME: &'static str = "RNN";

    fn cell(&self) -> Cell {
        match self.activation {
            RnnActivation::Tanh => Cell::Tanh,
            RnnActivation::Relu => Cell::Relu,
        }
    }

    fn visit_own(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("activation", "Activation").help("What is applied to the sums of each step.");
        visitor.choice(field, &mut self.activation);
    }
}
