//! What the layers on sequences `[time, features]` have in common: their inputs and their lengths.

use candle_core::Tensor;

use crate::base::Dims;
use crate::nn::LayerError;
use crate::ops;

/// Time and features of a sequence.
pub(super) fn steps(layer: &str, input: &Dims) -> Result<[usize; 2], LayerError> {
    match input.0[..] {
        [time, features] => Ok([time, features]),
        _ => Err(LayerError::shape(
            format!("{layer} works on sequences of time x features, but its input is {input}"),
            "Give it an input of two dimensions: an Embedding makes one from tokens",
        )),
    }
}

/// Refuses another number of inputs than those named.
pub(super) fn named<'a>(layer: &str, inputs: &'a [Dims], names: &[&str]) -> Result<&'a [Dims], LayerError> {
    if inputs.len() == names.len() {
        return Ok(inputs);
    }
    Err(LayerError::shape(
        format!(
            "{layer} takes {} inputs with these settings ({}), but {} are connected",
            names.len(),
            names.join(", "),
            inputs.len()
        ),
        "Connect one wire for each, in this order",
    ))
}

/// Refuses an input of other sizes than expected.
pub(super) fn sized(layer: &str, name: &str, input: &Dims, expect: &[usize]) -> Result<(), LayerError> {
    if input.0 == expect {
        return Ok(());
    }
    let expect = Dims::from(expect);
    Err(LayerError::shape(
        format!("{layer} needs as its {name} a tensor of {expect}, but got {input}"),
        format!("Connect an input of {expect}"),
    ))
}

/// How many steps of each sample count. At least one does, as in PyTorch.
pub(super) fn lengths(layer: &str, input: &Tensor, time: usize) -> Result<Vec<usize>, LayerError> {
    let lengths = ops::whole_numbers(input)?;
    match lengths.iter().find(|&&length| length == 0 || length > time) {
        None => Ok(lengths),
        Some(length) => Err(LayerError::shape(
            format!("{layer} got the length {length}, but its sequences have {time} steps"),
            format!("Lengths must be 1 to {time}; check the data"),
        )),
    }
}

/// 1 where a step lies inside its sequence, else 0: `[batch, time]`.
pub(super) fn inside(lengths: &[usize], time: usize, like: &Tensor) -> Result<Tensor, LayerError> {
    let flags = lengths.iter().flat_map(|&length| (0..time).map(move |step| u8::from(step < length)));
    Ok(Tensor::from_vec(flags.collect::<Vec<_>>(), (lengths.len(), time), like.device())?)
}

/// The lengths where an input gives them, else that of the whole sequence for each sample.
pub(super) fn optional_lengths(
    layer: &str,
    input: Option<&Tensor>,
    batch: usize,
    time: usize,
) -> Result<Vec<usize>, LayerError> {
    match input {
        Some(input) => lengths(layer, input, time),
        None => Ok(vec![time; batch]),
    }
}

/// Number of steps of an input `[time, …]`, and the shape of one step.
pub(super) fn reduced(layer: &str, inputs: &[Dims], has_lengths: bool) -> Result<(usize, Dims), LayerError> {
    let names: &[&str] = if has_lengths { &["sequence", "lengths"] } else { &["sequence"] };
    let inputs = named(layer, inputs, names)?;
    if let Some(lengths) = inputs.get(1) {
        sized(layer, "lengths", lengths, &[1])?;
    }
    match inputs.first().and_then(|input| input.0.split_first()) {
        Some((time, rest)) if !rest.is_empty() => Ok((*time, Dims::from(rest))),
        _ => Err(LayerError::shape(
            format!("{layer} works on sequences of time x features, but its input is a single row"),
            "Give it an input of two dimensions or more",
        )),
    }
}
