//! Stacks of recurrent layers in stock operations, step by step.

use candle_core::{D, Error, Result, Tensor};

use super::composed::{linear, sigmoid};
use super::recurrent::{Cell, Inputs, Stack};

/// The output sequence, the last hidden states and, for an LSTM, the last cell states.
///
/// # Errors
/// If a tensor operation fails.
pub fn forward(stack: Stack, inputs: &Inputs<'_>, params: &[Tensor]) -> Result<Vec<Tensor>> {
    let (batch, time, _) = inputs.x.dims3()?;
    let mut x = inputs.x.clone();
    let (mut hidden_states, mut cell_states) = (Vec::new(), Vec::new());
    for layer in 0..stack.layers {
        if layer > 0
            && let Some(mask) = (inputs.dropout)(layer, &x)
        {
            x = (&x * mask.factors(&x)?)?;
        }
        let mut outputs = Vec::new();
        for direction in 0..stack.directions() {
            let index = layer * stack.directions() + direction;
            let initial = |which: usize, size: usize| match inputs.initial.get(which) {
                Some(states) => states.narrow(1, index, 1)?.squeeze(1),
                None => Tensor::zeros((batch, size), x.dtype(), x.device()),
            };
            let mut states = vec![initial(0, stack.state())?];
            if stack.cell == Cell::Lstm {
                states.push(initial(1, stack.hidden)?);
            }
            let count = stack.parameters();
            let params = params.get(index * count..(index + 1) * count);
            let params = params.ok_or_else(|| Error::Msg("parameters are missing".to_owned()).bt())?;
            let x = if direction == 1 { turned(&x, inputs.lengths)? } else { x.clone() };
            let mut steps = Vec::with_capacity(time);
            for step in 0..time {
                let next = cell(stack, &x.narrow(1, step, 1)?.squeeze(1)?, &states, params)?;
                let flags: Vec<u8> = inputs.lengths.iter().map(|&length| u8::from(step < length)).collect();
                if flags.contains(&0) {
                    let inside = Tensor::from_vec(flags, (batch, 1), x.device())?;
                    let choose = |yes: &Tensor, no: &Tensor| inside.broadcast_as(yes.shape())?.where_cond(yes, no);
                    let pairs = next.iter().zip(&states);
                    steps.push(choose(&next[0], &next[0].zeros_like()?)?);
                    states = pairs.map(|(next, state)| choose(next, state)).collect::<Result<_>>()?;
                } else {
                    steps.push(next[0].clone());
                    states = next;
                }
            }
            let output = Tensor::stack(&steps, 1)?;
            outputs.push(if direction == 1 { turned(&output, inputs.lengths)? } else { output });
            let mut states = states.into_iter();
            hidden_states.extend(states.next());
            cell_states.extend(states.next());
        }
        x = Tensor::cat(&outputs, D::Minus1)?;
    }
    let mut outputs = vec![x, Tensor::stack(&hidden_states, 1)?];
    if stack.cell == Cell::Lstm {
        outputs.push(Tensor::stack(&cell_states, 1)?);
    }
    Ok(outputs)
}

/// The states after one step.
fn cell(stack: Stack, x: &Tensor, states: &[Tensor], params: &[Tensor]) -> Result<Vec<Tensor>> {
    let state = &states[0];
    let (input_bias, hidden_bias) = if stack.bias { (params.get(2), params.get(3)) } else { (None, None) };
    let inner = linear(x, &params[0], input_bias)?;
    let outer = linear(state, &params[1], hidden_bias)?;
    let gate = |of: &Tensor, index: usize| of.narrow(1, index * stack.hidden, stack.hidden);
    match stack.cell {
        Cell::Lstm => {
            let sum = (inner + outer)?;
            let kept = (sigmoid(&gate(&sum, 1)?)? * &states[1])?;
            let cells = (kept + (sigmoid(&gate(&sum, 0)?)? * gate(&sum, 2)?.tanh()?)?)?;
            let output = (sigmoid(&gate(&sum, 3)?)? * cells.tanh()?)?;
            let output = match params.get(if stack.bias { 4 } else { 2 }) {
                Some(projection) => linear(&output, projection, None)?,
                None => output,
            };
            Ok(vec![output, cells])
        }
        Cell::Gru => {
            let sums = |index| gate(&inner, index)? + gate(&outer, index)?;
            let (reset, update) = (sigmoid(&sums(0)?)?, sigmoid(&sums(1)?)?);
            let new = (gate(&inner, 2)? + (reset * gate(&outer, 2)?)?)?.tanh()?;
            Ok(vec![(&new + (update * (state - &new)?)?)?])
        }
        Cell::Tanh => Ok(vec![(inner + outer)?.tanh()?]),
        Cell::Relu => {
            let sum = (inner + outer)?;
            Ok(vec![sum.le(0.0)?.where_cond(&sum.zeros_like()?, &sum)?])
        }
    }
}

/// Each sample's steps from its last to its first; the padding stays where it is.
fn turned(x: &Tensor, lengths: &[usize]) -> Result<Tensor> {
    let time = x.dim(1)?;
    let place = |length: usize, step: usize| if step < length { length - 1 - step } else { step };
    let rows = lengths.iter().enumerate();
    let rows =
        rows.flat_map(|(sample, &length)| (0..time).map(move |step| (sample * time + place(length, step)) as u32));
    let rows = Tensor::new(rows.collect::<Vec<_>>(), x.device())?;
    x.flatten(0, 1)?.index_select(&rows, 0)?.reshape(x.dims())
}
