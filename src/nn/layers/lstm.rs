//! Long short-term memory (Hochreiter and Schmidhuber 1997).

use super::recurrent::{Recurrent, recurrent_layer};
use crate::base::{Field, ParamVisitor};
use crate::ops::recurrent::Cell;

recurrent_layer! {
    /// Long short-term memory over `[time, features]`: the sequence of states, the last hidden states and the last cell states
    /// `[layers * directions, hidden]`. Parameters have PyTorch's names and order: `weight_ih_l0`, `weight_hh_l0`, ….
    Lstm {
        /// Values of the hidden state after a learned projection; 0 for none.
        projection: usize = 0,
    }
}

impl Recurrent for Lstm {
    const NAME: &'static str = "LSTM";

    fn cell(&self) -> Cell {
        Cell::Lstm
    }

    fn projection(&self) -> usize {
        self.projection
    }

    fn visit_own(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("projection", "Projection")
            .help("Brings the hidden state down to so many values by learned weights, which saves work in wide layers; 0 leaves it.");
        visitor.count(field, &mut self.projection, 0..=65_536);
    }
}

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
