//! Long short-term memory (Hochreiter and Schmidhuber 1997).

use serde::{Deserialize, Serialize};

use super::recurrent::{Recurrence, Shared, recurrent_layer};
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::recurrent::{Cell, Stack};

/// Long short-term memory over `[time, features]`: the sequence of states, the last hidden states and the last cell states
/// `[layers * directions, hidden]`. Parameters have PyTorch's names and order: `weight_ih_l0`, `weight_hh_l0`, ….
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lstm {
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
    /// Values of the hidden state after a learned projection; 0 for none.
    pub projection: usize,
}

impl Default for Lstm {
    fn default() -> Self {
        Self {
            hidden_features: 128,
            layers: 1,
            bidirectional: false,
            dropout: 0.0,
            bias: true,
            lengths: false,
            initial_state: false,
            projection: 0,
        }
    }
}

impl Params for Lstm {
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
        let field = Field::new("projection", "Projection")
            .help("Brings the hidden state down to so many values by learned weights, which saves work in wide layers; 0 leaves it.");
        visitor.count(field, &mut self.projection, 0..=65_536);
    }
}

impl Lstm {
    fn recurrence(&self) -> Recurrence {
        let stack = Stack {
            cell: Cell::Lstm,
            hidden: self.hidden_features,
            projection: self.projection,
            layers: self.layers,
            bias: self.bias,
            bidirectional: self.bidirectional,
        };
        let Self { dropout, lengths, initial_state, .. } = *self;
        Recurrence { name: "LSTM", stack, dropout, lengths, initial_state }
    }
}

recurrent_layer!(Lstm);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::{Arity, Layer as _};

    #[test]
    fn has_pytorchs_parameters_and_outputs() {
        let layer = Lstm { hidden_features: 5, layers: 2, bidirectional: true, ..Lstm::default() };
        let inputs = [Dims::from([7, 3])];
        let expect = [Dims::from([7, 10]), Dims::from([4, 5]), Dims::from([4, 5])];
        assert_eq!(layer.outputs(&inputs).unwrap(), expect);
        let specs = layer.parameters(&inputs);
        assert_eq!(specs[0].name, "weight_ih_l0");
        assert_eq!((&*specs[13].name, &specs[13].dims), ("weight_hh_l1_reverse", &vec![20, 5]));
        assert_eq!((&*specs[8].name, &specs[8].dims), ("weight_ih_l1", &vec![20, 10]));
        assert_eq!(specs.len(), 16);
    }

    #[test]
    fn names_the_inputs_that_its_settings_ask_for() {
        let layer = Lstm { hidden_features: 4, lengths: true, initial_state: true, ..Lstm::default() };
        assert_eq!(layer.arity(), Arity::Exactly(4));
        let error = layer.outputs(&[Dims::from([7, 3])]).unwrap_err().to_string();
        assert!(error.contains("sequence, lengths, initial hidden state, initial cell state"), "{error}");
        let inputs = [Dims::from([7, 3]), Dims::from([1]), Dims::from([1, 3]), Dims::from([1, 4])];
        let error = layer.outputs(&inputs).unwrap_err().to_string();
        assert_eq!(error, "LSTM needs as its initial hidden state a tensor of 1 x 4, but got 1 x 3");
        let huge = Lstm { hidden_features: usize::MAX / 3, ..Lstm::default() };
        assert!(huge.outputs(&inputs[..1]).is_err());
    }
}
