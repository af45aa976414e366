//! Dropout on tensors.

use candle_core::{Result, Tensor};

use super::kernels::dropout as kernels;
use super::storage::{tensor, values, with_type};
use crate::base::rng::Stream;

/// Which values are kept: one byte a value.
#[derive(Debug, Clone)]
pub struct Mask {
    keeps: Vec<u8>,
    rate: f64,
}

impl Mask {
    /// Draws a mask for a tensor; each value is dropped with probability `rate`.
    pub fn draw(like: &Tensor, rate: f64, stream: &Stream) -> Self {
        Self::of_len(like.elem_count(), rate, stream)
    }

    /// Draws a mask for so many values.
    pub fn of_len(len: usize, rate: f64, stream: &Stream) -> Self {
        Self { keeps: kernels::mask(len, rate, stream), rate }
    }

    /// One byte a value, 0 where it is dropped.
    pub(super) fn keeps(&self) -> &[u8] {
        &self.keeps
    }

    /// The share of dropped values.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// The mask as factors 0 and 1 / (1 - rate), in the shape and on the device of a tensor.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn factors(&self, like: &Tensor) -> Result<Tensor> {
        let factors = kernels::apply(&vec![1.0_f64; self.keeps.len()], &self.keeps, self.rate);
        tensor(factors, like.dims())?.to_dtype(like.dtype())?.to_device(like.device())
    }

    /// The tensor times the factors: forward and backward alike.
    ///
    /// # Errors
    /// If the tensor is not on the CPU in f32 or f64.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.contiguous()?;
        with_type!(x, T => tensor(kernels::apply::<T>(&values(&x)?, &self.keeps, self.rate), x.dims()))
    }
}
