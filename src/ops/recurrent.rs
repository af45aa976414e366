//! Stacks of recurrent layers on tensors `[batch, time, features]`.

use std::any::Any;

use candle_core::{DType, Error, Result, Tensor, WithDType};

use super::dropout::Mask;
use super::kernels::float::Float;
use super::kernels::recurrent::{self as kernels, Run, State, Weights};
use super::storage::{tensor, values};

pub use super::kernels::recurrent::Cell;

/// What a stack is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stack {
    /// What happens in a step.
    pub cell: Cell,
    /// Values of a state.
    pub hidden: usize,
    /// Values of an LSTM's state after its projection; 0 for none.
    pub projection: usize,
    /// Layers.
    pub layers: usize,
    /// Whether the gates add learned constants.
    pub bias: bool,
    /// Whether each layer also runs from the last step to the first.
    pub bidirectional: bool,
}

impl Stack {
    /// 1 or 2.
    pub const fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }

    /// Values of a state as the next step and the next layer see it.
    pub const fn state(&self) -> usize {
        if self.projection > 0 { self.projection } else { self.hidden }
    }

    /// Parameters of one direction of one layer.
    pub const fn parameters(&self) -> usize {
        2 + if self.bias { 2 } else { 0 } + if self.projection > 0 { 1 } else { 0 }
    }
}

/// What goes into a stack besides its parameters.
pub struct Inputs<'a> {
    /// `[batch, time, features]`.
    pub x: &'a Tensor,
    /// How many steps of each sample count.
    pub lengths: &'a [usize],
    /// States at the start, `[batch, layers * directions, hidden]`: the hidden ones, and the cell states of an LSTM.
    pub initial: &'a [Tensor],
    /// Which values between two layers are dropped.
    pub dropout: &'a dyn Fn(usize, &Tensor) -> Option<Mask>,
}

/// What backward needs.
pub struct Kept {
    /// Of each layer: its input, its output, and what was dropped from its input.
    layers: Vec<(Tensor, Tensor, Option<Mask>)>,
    /// [`kernels::Kept`] of each direction of each layer.
    runs: Vec<Box<dyn Any + Send>>,
    lengths: Vec<usize>,
}

/// The output sequence, the last hidden states and, for an LSTM, the last cell states; and what backward needs.
///
/// # Errors
/// If the shapes don't fit, or the tensors are not on the CPU in f32 or f64.
pub fn forward(stack: Stack, inputs: &Inputs<'_>, params: &[Tensor]) -> Result<(Vec<Tensor>, Kept)> {
    match inputs.x.dtype() {
        DType::F32 => forward_of::<f32>(stack, inputs, params),
        DType::F64 => forward_of::<f64>(stack, inputs, params),
        other => Err(Error::Msg(format!("the kernels work in f32 and f64, not in {other:?}")).bt()),
    }
}

/// Gradients of the input and the states at the start, and those of the parameters, given those of the outputs. `needs`
/// tells whether that of the input and those of the parameters are asked for.
///
/// # Errors
/// As [`forward`].
pub fn backward(
    stack: Stack,
    kept: Kept,
    params: &[Tensor],
    grads: &[Tensor],
    needs: [bool; 2],
) -> Result<(Vec<Option<Tensor>>, Vec<Tensor>)> {
    match grads.first().map(Tensor::dtype) {
        Some(DType::F32) => backward_of::<f32>(stack, kept, params, grads, needs),
        Some(DType::F64) => backward_of::<f64>(stack, kept, params, grads, needs),
        _ => Err(Error::Msg("the kernels work in f32 and f64".to_owned()).bt()),
    }
}

fn forward_of<T: Float + WithDType>(
    stack: Stack,
    inputs: &Inputs<'_>,
    params: &[Tensor],
) -> Result<(Vec<Tensor>, Kept)> {
    let Stack { cell, hidden, layers, .. } = stack;
    let directions = stack.directions();
    let (batch, time, _) = inputs.x.dims3()?;
    if inputs.lengths.len() != batch {
        return Err(Error::Msg(format!("{} lengths for {batch} samples", inputs.lengths.len())).bt());
    }
    let states = inputs.initial.iter().map(Tensor::contiguous).collect::<Result<Vec<_>>>()?;
    let initial = |which: usize, index: usize| -> Result<Vec<T>> {
        match states.get(which) {
            Some(states) => Ok(columns(&values::<T>(states)?, layers * directions, hidden, index)),
            None => Ok(vec![T::ZERO; batch * hidden]),
        }
    };
    let mut kept = Kept { layers: Vec::new(), runs: Vec::new(), lengths: inputs.lengths.to_vec() };
    let mut last = State { hidden: vec![T::ZERO; batch * layers * directions * hidden], cell: Vec::new() };
    last.cell = if cell == Cell::Lstm { last.hidden.clone() } else { Vec::new() };
    let mut x = inputs.x.contiguous()?;
    for layer in 0..layers {
        let mask = if layer == 0 { None } else { (inputs.dropout)(layer, &x) };
        if let Some(mask) = &mask {
            x = mask.apply(&x)?;
        }
        let features = x.dim(2)?;
        let mut output = vec![T::ZERO; batch * time * directions * hidden];
        for direction in 0..directions {
            let index = layer * directions + direction;
            let run = Run {
                cell,
                time,
                features,
                hidden,
                lengths: inputs.lengths,
                is_reverse: direction == 1,
                output: [directions * hidden, direction * hidden],
            };
            let start = State {
                hidden: initial(0, index)?,
                cell: if cell == Cell::Lstm { initial(1, index)? } else { Vec::new() },
            };
            let tensors = of_run(stack, params, index)?;
            let (run_kept, state) = with_weights(&tensors, |weights| {
                Ok(kernels::forward::<T>(run, &values(&x)?, weights, start, &mut output))
            })?;
            kept.runs.push(Box::new(run_kept));
            put_columns(&state.hidden, &mut last.hidden, layers * directions, hidden, index);
            put_columns(&state.cell, &mut last.cell, layers * directions, hidden, index);
        }
        let output = tensor(output, (batch, time, directions * hidden))?;
        kept.layers.push((x, output.clone(), mask));
        x = output;
    }
    let dims = (batch, layers * directions, hidden);
    let mut outputs = vec![x, tensor(last.hidden, dims)?];
    if cell == Cell::Lstm {
        outputs.push(tensor(last.cell, dims)?);
    }
    Ok((outputs, kept))
}

fn backward_of<T: Float + WithDType>(
    stack: Stack,
    kept: Kept,
    params: &[Tensor],
    grads: &[Tensor],
    needs: [bool; 2],
) -> Result<(Vec<Option<Tensor>>, Vec<Tensor>)> {
    let Stack { cell, hidden, layers, .. } = stack;
    let directions = stack.directions();
    let Kept { layers: mut traces, mut runs, lengths } = kept;
    let batch = lengths.len();
    let grads = grads.iter().map(Tensor::contiguous).collect::<Result<Vec<_>>>()?;
    let missing = || Error::Msg("what the forward pass kept is incomplete".to_owned()).bt();
    let mut grad = grads.first().cloned().ok_or_else(missing)?;
    let last = |which: usize, index: usize| -> Result<Vec<T>> {
        let states = grads.get(which).ok_or_else(missing)?;
        Ok(columns(&values::<T>(states)?, layers * directions, hidden, index))
    };
    let mut first = State { hidden: vec![T::ZERO; batch * layers * directions * hidden], cell: Vec::new() };
    first.cell = if cell == Cell::Lstm { first.hidden.clone() } else { Vec::new() };
    // From the last to the first; turned around at the end.
    let mut of_runs = Vec::new();
    let mut x_grad = None;
    for layer in (0..layers).rev() {
        let (x, output, mask) = traces.pop().ok_or_else(missing)?;
        let (_, time, features) = x.dims3()?;
        let needed = needs[0] || layer > 0;
        let mut sum: Option<Tensor> = None;
        for direction in (0..directions).rev() {
            let index = layer * directions + direction;
            let run = Run {
                cell,
                time,
                features,
                hidden,
                lengths: &lengths,
                is_reverse: direction == 1,
                output: [directions * hidden, direction * hidden],
            };
            let run_kept = runs.pop().and_then(|run| run.downcast::<kernels::Kept<T>>().ok()).ok_or_else(missing)?;
            let end =
                State { hidden: last(1, index)?, cell: if cell == Cell::Lstm { last(2, index)? } else { Vec::new() } };
            let tensors = of_run(stack, params, index)?;
            let found = with_weights(&tensors, |weights| {
                let (x, output, grad) = (values::<T>(&x)?, values::<T>(&output)?, values::<T>(&grad)?);
                Ok(kernels::backward(run, *run_kept, &x, weights, [&output, &grad], end, [needed, needs[1]]))
            })?;
            put_columns(&found.initial.hidden, &mut first.hidden, layers * directions, hidden, index);
            put_columns(&found.initial.cell, &mut first.cell, layers * directions, hidden, index);
            if needs[1] {
                let tensors = tensors.iter().zip(found.weights).map(|(param, values)| tensor(values, param.dims()));
                of_runs.push(tensors.collect::<Result<Vec<_>>>()?);
            }
            if let Some(values) = found.x {
                let other = tensor(values, x.dims())?;
                sum = Some(match sum {
                    Some(sum) => (sum + other)?,
                    None => other,
                });
            }
        }
        match (sum, &mask) {
            (Some(sum), Some(mask)) => grad = mask.apply(&sum)?,
            (Some(sum), None) => grad = sum,
            (None, _) => {}
        }
        x_grad = needed.then(|| grad.clone());
    }
    let dims = (batch, layers * directions, hidden);
    let mut inputs = vec![x_grad, Some(tensor(first.hidden, dims)?)];
    if cell == Cell::Lstm {
        inputs.push(Some(tensor(first.cell, dims)?));
    }
    of_runs.reverse();
    Ok((inputs, of_runs.into_iter().flatten().collect()))
}

/// The parameters of one direction of one layer.
fn of_run(stack: Stack, params: &[Tensor], index: usize) -> Result<Vec<Tensor>> {
    let count = stack.parameters();
    let missing = || Error::Msg("parameters of a recurrent layer are missing".to_owned()).bt();
    let of_run = params.get(index * count..(index + 1) * count).ok_or_else(missing)?;
    of_run.iter().map(Tensor::contiguous).collect()
}

fn with_weights<T: WithDType, R>(tensors: &[Tensor], run: impl FnOnce(Weights<'_, T>) -> Result<R>) -> Result<R> {
    let slices = tensors.iter().map(values::<T>).collect::<Result<Vec<_>>>()?;
    let at = |index: usize| slices.get(index).map_or(&[][..], |slice| &**slice);
    run(Weights { input: at(0), hidden: at(1), input_bias: at(2), hidden_bias: at(3) })
}

/// One of the rows of each sample of `[batch, rows, hidden]`.
fn columns<T: Copy>(states: &[T], rows: usize, hidden: usize, index: usize) -> Vec<T> {
    let samples = states.chunks_exact((rows * hidden).max(1));
    samples.flat_map(|sample| sample.iter().skip(index * hidden).take(hidden).copied()).collect()
}

/// The reverse of [`columns`].
fn put_columns<T: Copy>(state: &[T], states: &mut [T], rows: usize, hidden: usize, index: usize) {
    let samples = states.chunks_exact_mut((rows * hidden).max(1)).zip(state.chunks_exact(hidden.max(1)));
    for (sample, state) in samples {
        sample.iter_mut().skip(index * hidden).zip(state).for_each(|(to, &from)| *to = from);
    }
}
