//! Dropout on tensors.

use candle_core::{Result, Tensor};

use super::kernels::dropout as kernels;
use super::storage::{tensor, values, with_type};
use crate::base::rng::Stream;

/// Which values are kept: one byte for a run of values.
#[derive(Debug, Clone)]
pub struct Mask {
    keeps: Vec<u8>,
    rate: f64,
    run: usize,
}

impl Mask {
    /// Draws a mask for a tensor; each value is dropped with probability `rate`.
    pub fn draw(like: &Tensor, rate: f64, stream: &Stream) -> Self {
        Self::of_len(like.elem_count(), rate, stream)
    }

    /// Draws a mask for so many values.
    pub fn of_len(len: usize, rate: f64, stream: &Stream) -> Self {
        Self { keeps: kernels::mask(len, rate, stream), rate, run: 1 }
    }

    /// Draws a mask for a tensor; each run of so many values is dropped or kept as a whole.
    pub fn of_runs(like: &Tensor, rate: f64, run: usize, stream: &Stream) -> Self {
        Self { run, ..Self::of_len(like.elem_count() / run.max(1), rate, stream) }
    }

    /// One byte a run of values, 0 where they are dropped.
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
        let factors = kernels::apply(&vec![1.0_f64; like.elem_count()], &self.keeps, self.rate, self.run);
        tensor(factors, like.dims())?.to_dtype(like.dtype())?.to_device(like.device())
    }

    /// The tensor times the factors: forward and backward alike.
    ///
    /// # Errors
    /// If the tensor is not on the CPU in f32 or f64.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.contiguous()?;
        with_type!(x, T => tensor(kernels::apply::<T>(&values(&x)?, &self.keeps, self.rate, self.run), x.dims()))
    }
}
