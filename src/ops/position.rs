//! Positions of a sequence's steps: sines to add, and rotations.

use candle_core::{D, Result, Tensor};

use super::kernels::position as kernels;
use super::storage::{tensor, values, with_type};

pub use super::kernels::position::{Pairing, Rotation, sinusoidal};

/// Rotates the values of `[batch, time, features]` by `direction` times the angles of their places.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn rotate(x: &Tensor, rotation: Rotation, direction: f64) -> Result<Tensor> {
    let x = x.contiguous()?;
    let (_, time, features) = x.dims3()?;
    with_type!(x, T => {
        tensor(kernels::rotate::<T>(&values(&x)?, time, features, rotation, direction), x.dims())
    })
}

/// The same in stock operations.
///
/// # Errors
/// If a tensor operation fails.
pub fn rotate_composed(x: &Tensor, rotation: Rotation) -> Result<Tensor> {
    let (batch, time, features) = x.dims3()?;
    let Rotation { heads, pairing, .. } = rotation;
    let pairs = features / heads.max(1) / 2;
    let (cos, sin) = kernels::angles(time, pairs, rotation);
    let table = |values: Vec<f64>| Tensor::from_vec(values, (1, time, 1, pairs), x.device())?.to_dtype(x.dtype());
    let (cos, sin) = (table(cos)?, table(sin)?);
    // The two values of each pair.
    let (split, axis) = match pairing {
        Pairing::Halves => (x.reshape((batch, time, heads, 2, pairs))?, 3),
        Pairing::Neighbours => (x.reshape((batch, time, heads, pairs, 2))?, 4),
    };
    let [first, second] = [0, 1].map(|at| split.narrow(axis, at, 1)?.squeeze(axis)?.contiguous());
    let (first, second) = (first?, second?);
    let turned_first = (first.broadcast_mul(&cos)? - second.broadcast_mul(&sin)?)?;
    let turned_second = (first.broadcast_mul(&sin)? + second.broadcast_mul(&cos)?)?;
    let joined = match pairing {
        Pairing::Halves => Tensor::stack(&[turned_first, turned_second], 3)?,
        Pairing::Neighbours => Tensor::stack(&[turned_first, turned_second], D::Minus1)?,
    };
    joined.reshape((batch, time, features))
}
