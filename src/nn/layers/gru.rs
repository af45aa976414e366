//! Gated recurrent unit (Cho et al. 2014).

use super::recurrent::{Recurrent, recurrent_layer};
use crate::ops::recurrent::Cell;

recurrent_layer! {
    /// Gated recurrent unit over `[time, features]`: the sequence of states, and the last states `[layers * directions, hidden]`.
    /// Parameters have PyTorch's names and order.
    Gru {}
}

impl Recurrent for Gru {
    const NAME: &'static str = "GRU";

    fn cell(&self) -> Cell {
        Cell::Gru
    }
}
