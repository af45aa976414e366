//! Rows and columns picked or blended, on tensors seen as planes of `[height, width]`.

use candle_core::{Result, Tensor};

use super::kernels::resample as kernels;
use super::storage::{tensor, values, with_type};

pub use kernels::{Blend, Blends, Picks};

/// Where the planes of a tensor lie: height and width of one, and the shape of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planes {
    /// Height and width of an input plane.
    pub size: [usize; 2],
    /// Shape of the input with the batch.
    pub input: Vec<usize>,
    /// Shape of the output with the batch.
    pub output: Vec<usize>,
}

/// Rows and columns of the input, `fill` where none is picked.
///
/// # Errors
/// If the shapes don't fit, or the tensor is not on the CPU in f32 or f64.
pub fn pick(x: &Tensor, planes: &Planes, picks: &Picks, fill: f64) -> Result<Tensor> {
    let x = x.contiguous()?;
    with_type!(x, T => tensor(kernels::pick::<T>(&values(&x)?, planes.size, picks, fill as T), planes.output.as_slice()))
}

/// Gradient of the input of [`pick`].
///
/// # Errors
/// As [`pick`].
pub fn pick_backward(grad: &Tensor, planes: &Planes, picks: &Picks) -> Result<Tensor> {
    let grad = grad.contiguous()?;
    with_type!(grad, T => tensor(kernels::pick_backward::<T>(&values(&grad)?, planes.size, picks), planes.input.as_slice()))
}

/// Rows and columns that are each blended of a few of the input.
///
/// # Errors
/// As [`pick`].
pub fn blend<const N: usize>(x: &Tensor, planes: &Planes, blends: &Blends<N>) -> Result<Tensor> {
    let x = x.contiguous()?;
    with_type!(x, T => tensor(kernels::blend::<T, N>(&values(&x)?, planes.size, blends), planes.output.as_slice()))
}

/// Gradient of the input of [`blend`].
///
/// # Errors
/// As [`pick`].
pub fn blend_backward<const N: usize>(grad: &Tensor, planes: &Planes, blends: &Blends<N>) -> Result<Tensor> {
    let grad = grad.contiguous()?;
    with_type!(grad, T => tensor(kernels::blend_backward::<T, N>(&values(&grad)?, planes.size, blends), planes.input.as_slice()))
}

/// [`pick`] in stock operations.
///
/// # Errors
/// If a tensor operation fails.
pub fn pick_composed(x: &Tensor, planes: &Planes, picks: &Picks, fill: f64) -> Result<Tensor> {
    let mut y = as_planes(x, planes)?;
    for (axis, places) in [(1, &picks.rows), (2, &picks.columns)] {
        let index: Vec<u32> = places.iter().map(|place| place.unwrap_or(0) as u32).collect();
        y = y.contiguous()?.index_select(&Tensor::new(index, x.device())?, axis)?;
        if places.iter().any(Option::is_none) {
            let is_picked: Vec<u8> = places.iter().map(|place| u8::from(place.is_some())).collect();
            let shape = if axis == 1 { (1, places.len(), 1) } else { (1, 1, places.len()) };
            let is_picked = Tensor::from_vec(is_picked, shape, x.device())?.broadcast_as(y.shape())?.contiguous()?;
            y = is_picked.where_cond(&y, &(y.zeros_like()? + fill)?)?;
        }
    }
    y.reshape(planes.output.as_slice())
}

/// [`blend`] in stock operations.
///
/// # Errors
/// If a tensor operation fails.
pub fn blend_composed<const N: usize>(x: &Tensor, planes: &Planes, blends: &Blends<N>) -> Result<Tensor> {
    let mut y = as_planes(x, planes)?;
    for (axis, blends) in [(1, &blends.rows), (2, &blends.columns)] {
        let shape = if axis == 1 { (1, blends.len(), 1) } else { (1, 1, blends.len()) };
        let part = |tap: usize| -> Result<Tensor> {
            let index: Vec<u32> = blends.iter().map(|blend| blend.at[tap] as u32).collect();
            let shares: Vec<f64> = blends.iter().map(|blend| blend.share[tap]).collect();
            let shares = Tensor::new(shares, &candle_core::Device::Cpu)?.to_dtype(x.dtype())?.to_device(x.device())?;
            let picked = y.contiguous()?.index_select(&Tensor::new(index, x.device())?, axis)?;
            picked.broadcast_mul(&shares.reshape(shape)?)
        };
        y = (1..N).try_fold(part(0)?, |sum, tap| sum + part(tap)?)?;
    }
    y.reshape(planes.output.as_slice())
}

fn as_planes(x: &Tensor, planes: &Planes) -> Result<Tensor> {
    x.reshape(((), planes.size[0], planes.size[1]))
}
