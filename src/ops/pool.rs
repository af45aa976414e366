//! Pools on tensors `[batch, channels, height, width]`.

use candle_core::{Result, Tensor};

use super::kernels::adaptive::{self, Bins};
use super::kernels::pool::{self as kernels, Planes};
use super::kernels::window::{Divisor, PoolWindow};
use super::storage::{tensor, values, with_type};

/// Which place of its window won, for each output of a max pool.
#[derive(Debug, Clone)]
pub struct Winners {
    places: Vec<u16>,
    planes: Planes,
}

/// The largest value of each window, and where it stood. The first one wins a tie, a NaN wins over all.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn max_forward(x: &Tensor, window: PoolWindow) -> Result<(Tensor, Winners)> {
    let x = x.contiguous()?;
    let (batch, channels, height, width) = x.dims4()?;
    let planes = Planes::new([height, width], window);
    let dims = (batch, channels, planes.output[0], planes.output[1]);
    with_type!(x, T => {
        let (out, places) = kernels::max_forward::<T>(&values(&x)?, planes);
        Ok((tensor(out, dims)?, Winners { places, planes }))
    })
}

/// Gives each window's gradient to the place that won.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn max_backward(grad: &Tensor, winners: &Winners) -> Result<Tensor> {
    let grad = grad.contiguous()?;
    let Winners { places, planes } = winners;
    let (batch, channels, ..) = grad.dims4()?;
    let dims = (batch, channels, planes.size[0], planes.size[1]);
    with_type!(grad, T => tensor(kernels::max_backward::<T>(&values(&grad)?, places, *planes), dims))
}

/// The mean of each window.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn avg_forward(x: &Tensor, window: PoolWindow, divisor: Divisor) -> Result<Tensor> {
    let x = x.contiguous()?;
    let (batch, channels, height, width) = x.dims4()?;
    let planes = Planes::new([height, width], window);
    let dims = (batch, channels, planes.output[0], planes.output[1]);
    with_type!(x, T => tensor(kernels::avg_forward::<T>(&values(&x)?, planes, divisor), dims))
}

/// Gives each window's gradient to its places in equal parts; `size` is the height and width of the input.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn avg_backward(grad: &Tensor, window: PoolWindow, divisor: Divisor, size: [usize; 2]) -> Result<Tensor> {
    let grad = grad.contiguous()?;
    let (batch, channels, ..) = grad.dims4()?;
    let planes = Planes::new(size, window);
    let dims = (batch, channels, size[0], size[1]);
    with_type!(grad, T => tensor(kernels::avg_backward::<T>(&values(&grad)?, planes, divisor), dims))
}

/// The mean of each channel: `[batch, channels]`.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn global_forward(x: &Tensor) -> Result<Tensor> {
    let x = x.contiguous()?;
    let (batch, channels, height, width) = x.dims4()?;
    with_type!(x, T => tensor(kernels::global_forward::<T>(&values(&x)?, height * width), (batch, channels)))
}

/// Spreads each mean's gradient over its plane of that size.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn global_backward(grad: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    let grad = grad.contiguous()?;
    let (batch, channels) = grad.dims2()?;
    let dims = (batch, channels, size[0], size[1]);
    with_type!(grad, T => tensor(kernels::global_backward::<T>(&values(&grad)?, size[0] * size[1]), dims))
}

/// The mean of each of `output` bins along both axes.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn adaptive_avg_forward(x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    let x = x.contiguous()?;
    let (batch, channels, height, width) = x.dims4()?;
    let (bins, dims) = (Bins::new([height, width], output), (batch, channels, output[0], output[1]));
    with_type!(x, T => tensor(adaptive::mean_forward::<T>(&values(&x)?, &bins), dims))
}

/// Gives each bin's gradient to its places in equal parts; `size` is the height and width of the input.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn adaptive_avg_backward(grad: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    let grad = grad.contiguous()?;
    let (batch, channels, height, width) = grad.dims4()?;
    let (bins, dims) = (Bins::new(size, [height, width]), (batch, channels, size[0], size[1]));
    with_type!(grad, T => tensor(adaptive::mean_backward::<T>(&values(&grad)?, &bins), dims))
}

/// Where in its plane the largest value of each bin stood.
#[derive(Debug, Clone)]
pub struct BinWinners {
    places: Vec<u32>,
    size: [usize; 2],
}

/// The largest value of each of `output` bins along both axes, and where it stood. The first one wins a tie, a NaN wins over all.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn adaptive_max_forward(x: &Tensor, output: [usize; 2]) -> Result<(Tensor, BinWinners)> {
    let x = x.contiguous()?;
    let (batch, channels, height, width) = x.dims4()?;
    let size = [height, width];
    let (bins, dims) = (Bins::new(size, output), (batch, channels, output[0], output[1]));
    with_type!(x, T => {
        let (out, places) = adaptive::max_forward::<T>(&values(&x)?, &bins);
        Ok((tensor(out, dims)?, BinWinners { places, size }))
    })
}

/// Gives each bin's gradient to the place that won.
///
/// # Errors
/// If the tensor is not on the CPU in f32 or f64.
pub fn adaptive_max_backward(grad: &Tensor, winners: &BinWinners) -> Result<Tensor> {
    let grad = grad.contiguous()?;
    let (batch, channels, height, width) = grad.dims4()?;
    let BinWinners { places, size } = winners;
    let (bins, dims) = (Bins::new(*size, [height, width]), (batch, channels, size[0], size[1]));
    with_type!(grad, T => tensor(adaptive::max_backward::<T>(&values(&grad)?, places, &bins), dims))
}
