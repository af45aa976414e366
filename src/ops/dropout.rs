//! Masks of dropout.

use candle_core::{Result, Tensor};

use crate::base::rng::Stream;

/// A tensor of the input's shape that holds 0 with probability `rate` and else 1 / (1 - rate).
///
/// # Errors
/// If a tensor operation fails.
pub fn mask(input: &Tensor, rate: f64, stream: &mut Stream) -> Result<Tensor> {
    let scale = (1.0 / (1.0 - rate)) as f32;
    let threshold = threshold(rate);
    let values: Vec<f32> =
        (0..input.elem_count()).map(|_| if u64::from(stream.next_u32()) < threshold { 0.0 } else { scale }).collect();
    Tensor::from_vec(values, input.dims(), input.device())?.to_dtype(input.dtype())
}

/// A value is dropped if its 32 random bits lie below this.
fn threshold(rate: f64) -> u64 {
    (rate * 2.0_f64.powi(32)) as u64
}
