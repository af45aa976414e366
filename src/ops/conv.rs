//! Convolutions on tensors `[batch, channels, height, width]`.

use candle_core::{DType, Error, Result, Tensor};

use super::kernels::conv::{self as kernels, Geometry};
use super::kernels::float::Float;
use super::kernels::window::Window;
use super::storage::{tensor, values, with_type};

/// Convolution with `weight` `[out, in / groups, height, width]`.
///
/// # Errors
/// If the shapes don't fit, or the tensors are not on the CPU in f32 or f64.
pub fn forward(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, window: Window, groups: usize) -> Result<Tensor> {
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let geometry = geometry(x.dims4()?, &weight, window, groups)?;
    let bias = bias.map(Tensor::contiguous).transpose()?;
    let dims = (geometry.batch, geometry.out_channels, geometry.output[0], geometry.output[1]);
    with_type!(x, T => {
        let bias = bias.as_ref().map(values::<T>).transpose()?;
        tensor(kernels::forward::<T>(&values(&x)?, &values(&weight)?, bias.as_deref(), &geometry), dims)
    })
}

/// A convolution made ready for many predictions: the batch norm behind it, if there is one, is part of its filters, and so
/// is a ReLU behind that.
#[derive(Debug)]
pub struct Ready {
    filters: ReadyFilters,
    window: Window,
    groups: usize,
    weight_dims: [usize; 4],
}

#[derive(Debug)]
enum ReadyFilters {
    F32(kernels::Ready<f32>),
    F64(kernels::Ready<f64>),
}

/// A batch norm that uses its running statistics: weight, bias, mean and variance, and its epsilon.
#[derive(Debug, Clone, Copy)]
pub struct RunningNorm<'a> {
    /// Weight, bias, mean and variance of each channel.
    pub parameters: [&'a Tensor; 4],
    /// Added to the variance.
    pub eps: f64,
}

impl Ready {
    /// For images whose height and width is `size`.
    ///
    /// # Errors
    /// As [`forward`].
    pub fn new(
        weight: &Tensor,
        bias: Option<&Tensor>,
        (window, groups): (Window, usize),
        norm: Option<RunningNorm<'_>>,
        rectifies: bool,
        size: [usize; 2],
    ) -> Result<Self> {
        let (out_channels, inner, height, width) = weight.dims4()?;
        let geometry = geometry((1, inner * groups, size[0], size[1]), weight, window, groups)?;
        let wide = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.to_vec1::<f64>();
        let mut shift = bias.map_or_else(|| Ok(vec![0.0; out_channels]), wide)?;
        let mut scale = vec![1.0; out_channels];
        if let Some(RunningNorm { parameters: [weight, bias, mean, variance], eps }) = norm {
            let [weight, bias, mean, variance] = [wide(weight)?, wide(bias)?, wide(mean)?, wide(variance)?];
            for (channel, (scale, shift)) in scale.iter_mut().zip(&mut shift).enumerate() {
                *scale = weight[channel] / (variance[channel] + eps).sqrt();
                *shift = (*shift - mean[channel]) * *scale + bias[channel];
            }
        }
        let weight = weight.contiguous()?;
        let filters = match weight.dtype() {
            DType::F32 => ReadyFilters::F32(ready(&values(&weight)?, &scale, &shift, rectifies, &geometry)),
            _ => ReadyFilters::F64(ready(&values(&weight)?, &scale, &shift, rectifies, &geometry)),
        };
        Ok(Self { filters, window, groups, weight_dims: [out_channels, inner, height, width] })
    }

    /// Output.
    ///
    /// # Errors
    /// As [`forward`].
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.contiguous()?;
        let geometry = geometry_of(x.dims4()?, self.weight_dims, self.window, self.groups)?;
        let dims = (geometry.batch, geometry.out_channels, geometry.output[0], geometry.output[1]);
        match &self.filters {
            ReadyFilters::F32(filters) => tensor(filters.forward(&values(&x)?, &geometry), dims),
            ReadyFilters::F64(filters) => tensor(filters.forward(&values(&x)?, &geometry), dims),
        }
    }
}

/// The filters of each output channel times its scale, laid out.
fn ready<T: Float>(
    weight: &[T],
    scale: &[f64],
    shift: &[f64],
    rectifies: bool,
    geometry: &Geometry,
) -> kernels::Ready<T> {
    let filter = (weight.len() / scale.len().max(1)).max(1);
    let scaled = |(weights, &scale): (&[T], &f64)| {
        weights.iter().map(move |weight| T::of(weight.to_f64() * scale)).collect::<Vec<T>>()
    };
    let weight = weight.chunks(filter).zip(scale).flat_map(scaled).collect();
    kernels::Ready::new(weight, shift.iter().map(|&shift| T::of(shift)).collect(), rectifies, geometry)
}

/// Gradient of the input, whose height and width is `size`.
///
/// # Errors
/// As [`forward`].
pub fn backward_input(
    grad: &Tensor,
    weight: &Tensor,
    window: Window,
    groups: usize,
    size: [usize; 2],
) -> Result<Tensor> {
    let (grad, weight) = (grad.contiguous()?, weight.contiguous()?);
    let dims = (grad.dim(0)?, weight.dim(1)? * groups, size[0], size[1]);
    let geometry = geometry(dims, &weight, window, groups)?;
    with_type!(grad, T => tensor(kernels::backward_input::<T>(&values(&grad)?, &values(&weight)?, &geometry), dims))
}

/// Gradients of the weight and the bias.
///
/// # Errors
/// As [`forward`].
pub fn backward_parameters(
    grad: &Tensor,
    x: &Tensor,
    weight: &Tensor,
    window: Window,
    groups: usize,
) -> Result<(Tensor, Tensor)> {
    let (grad, x) = (grad.contiguous()?, x.contiguous()?);
    let geometry = geometry(x.dims4()?, weight, window, groups)?;
    with_type!(x, T => {
        let (grad, x) = (values::<T>(&grad)?, values::<T>(&x)?);
        let weight = tensor(kernels::backward_weight::<T>(&grad, &x, &geometry), weight.dims())?;
        Ok((weight, tensor(kernels::backward_bias::<T>(&grad, &geometry), geometry.out_channels)?))
    })
}

/// Transposed convolution to images of `size`, with `weight` `[in, out / groups, height, width]`: the gradient that
/// a convolution of such images would have for its input.
///
/// # Errors
/// As [`forward`].
pub fn transposed_forward(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    window: Window,
    groups: usize,
    size: [usize; 2],
) -> Result<Tensor> {
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let (geometry, dims) = transposed_geometry(&x, &weight, window, groups, size)?;
    let bias = bias.map(Tensor::contiguous).transpose()?;
    with_type!(x, T => {
        let mut out = kernels::backward_input::<T>(&values(&x)?, &values(&weight)?, &geometry);
        if let Some(bias) = &bias {
            kernels::add_to_channels::<T>(&mut out, &values(bias)?, size[0] * size[1]);
        }
        tensor(out, dims)
    })
}

/// Gradient of the input of [`transposed_forward`], whose height and width is `size`.
///
/// # Errors
/// As [`forward`].
pub fn transposed_backward_input(
    grad: &Tensor,
    weight: &Tensor,
    window: Window,
    groups: usize,
    size: [usize; 2],
) -> Result<Tensor> {
    let (grad, weight) = (grad.contiguous()?, weight.contiguous()?);
    let geometry = Geometry { output: size, ..geometry(grad.dims4()?, &weight, window, groups)? };
    let dims = (geometry.batch, geometry.out_channels, size[0], size[1]);
    with_type!(grad, T => tensor(kernels::forward::<T>(&values(&grad)?, &values(&weight)?, None, &geometry), dims))
}

/// Gradients of the weight and the bias of [`transposed_forward`].
///
/// # Errors
/// As [`forward`].
pub fn transposed_backward_parameters(
    grad: &Tensor,
    x: &Tensor,
    weight: &Tensor,
    window: Window,
    groups: usize,
) -> Result<(Tensor, Tensor)> {
    let (grad, x) = (grad.contiguous()?, x.contiguous()?);
    let (_, _, height, width) = grad.dims4()?;
    let (geometry, _) = transposed_geometry(&x, weight, window, groups, [height, width])?;
    // The bias is added to what the convolution would read.
    let turned = Geometry { out_channels: geometry.channels, output: geometry.size, ..geometry };
    with_type!(x, T => {
        let (grad, x) = (values::<T>(&grad)?, values::<T>(&x)?);
        let weight = tensor(kernels::backward_weight::<T>(&x, &grad, &geometry), weight.dims())?;
        Ok((weight, tensor(kernels::backward_bias::<T>(&grad, &turned), turned.out_channels)?))
    })
}

/// The convolution of images of `size` whose gradient this is, and the shape of those images.
fn transposed_geometry(
    x: &Tensor,
    weight: &Tensor,
    window: Window,
    groups: usize,
    size: [usize; 2],
) -> Result<(Geometry, (usize, usize, usize, usize))> {
    let (batch, _, height, width) = x.dims4()?;
    let dims = (batch, weight.dim(1)? * groups, size[0], size[1]);
    // An output padding as large as the stride has room for one more filter, which nothing paints.
    let geometry = Geometry { output: [height, width], ..geometry(dims, weight, window, groups)? };
    if x.dim(1)? != geometry.out_channels {
        let message = format!("a transposed convolution with weights of {:?} got {:?}", weight.dims(), x.dims());
        return Err(Error::Msg(message).bt());
    }
    Ok((geometry, dims))
}

fn geometry(dims: (usize, usize, usize, usize), weight: &Tensor, window: Window, groups: usize) -> Result<Geometry> {
    let (out_channels, inner, kernel_height, kernel_width) = weight.dims4()?;
    geometry_of(dims, [out_channels, inner, kernel_height, kernel_width], window, groups)
}

fn geometry_of(
    (batch, channels, height, width): (usize, usize, usize, usize),
    [out_channels, inner, kernel_height, kernel_width]: [usize; 4],
    window: Window,
    groups: usize,
) -> Result<Geometry> {
    let size = [height, width];
    let fits = inner * groups == channels
        && groups > 0
        && out_channels % groups == 0
        && [kernel_height, kernel_width] == window.kernel
        && !window.stride.contains(&0);
    if !fits {
        let message = format!(
            "a convolution with weights of {:?} in {groups} groups got an image of {channels} x {height} x {width}",
            [out_channels, inner, kernel_height, kernel_width]
        );
        return Err(Error::Msg(message).bt());
    }
    Ok(Geometry { batch, channels, size, out_channels, output: window.output(size), groups, window })
}
