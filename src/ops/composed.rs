//! Layers written in stock candle operations whose gradients are right: what runs on CUDA and Metal, and the
//! reference for the kernels.
//!
//! candle 0.11's own `max_pool2d`, `avg_pool2d`, `relu` at 0, `softmax_last_dim`, `LayerNorm` and, on Metal, `conv2d`
//! have wrong or no gradients, so none of them is used here: windows are picked with `index_select`, and choices are
//! made with `where_cond`.

use candle_core::{DType, Device, Result, Tensor};

use super::kernels::activation::Activation;
use super::kernels::adaptive::bins;
use super::kernels::norm::BatchNormSettings;
use super::kernels::softmax::SoftmaxForm;
use super::kernels::window::{Divisor, PoolWindow, Window};

/// `x w' + b` over the last dimension.
///
/// # Errors
/// If a tensor operation fails.
pub fn linear(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let mut dims = input.dims().to_vec();
    let features = dims.pop().unwrap_or(1);
    let rows: usize = dims.iter().product();
    dims.push(weight.dim(0)?);
    let output = input.reshape((rows, features))?.matmul(&weight.t()?)?;
    match bias {
        Some(bias) => output.broadcast_add(bias)?.reshape(dims),
        None => output.reshape(dims),
    }
}

/// Convolution of `[batch, channels, height, width]` with `[out, in / groups, height, width]`.
///
/// # Errors
/// If a tensor operation fails.
pub fn conv2d(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>, window: Window, groups: usize) -> Result<Tensor> {
    let Window { kernel, stride, padding, dilation } = window;
    let is_square = [stride, padding, dilation].iter().all(|[height, width]| height == width);
    let (_, _, height, width) = input.dims4()?;
    // Pixels at the end that no filter reaches. candle's gradient takes those of the height for the width too.
    let [below, beside] = [(0, height), (1, width)].map(|(axis, size)| {
        let extent = (kernel[axis].max(1) - 1) * dilation[axis] + 1;
        (size + 2 * padding[axis]).saturating_sub(extent) % stride[axis].max(1)
    });
    // On Metal candle's gradients of conv2d read the wrong buffer (candle#3836).
    let output = if is_square && below == beside && !input.device().is_metal() {
        input.contiguous()?.conv2d(&weight.contiguous()?, padding[0], stride[0], dilation[0], groups)?
    } else {
        conv2d_by_windows(input, weight, window, groups)?
    };
    match bias {
        Some(bias) => output.broadcast_add(&bias.reshape((1, (), 1, 1))?),
        None => Ok(output),
    }
}

/// The same as a matrix product over all windows: for rectangular steps, and for Metal.
///
/// # Errors
/// If a tensor operation fails.
pub fn conv2d_by_windows(input: &Tensor, weight: &Tensor, window: Window, groups: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = input.dims4()?;
    let [rows, columns] = window.output([height, width]);
    let Window { kernel, stride, padding, dilation } = window;
    let padded =
        input.pad_with_zeros(2, padding[0], padding[0])?.pad_with_zeros(3, padding[1], padding[1])?.contiguous()?;
    let mut taps = Vec::with_capacity(kernel[0] * kernel[1]);
    for row in 0..kernel[0] {
        for column in 0..kernel[1] {
            let rows = (0..rows).map(|at| at * stride[0] + row * dilation[0]);
            let columns = (0..columns).map(|at| at * stride[1] + column * dilation[1]);
            taps.push(pick(&padded, rows, columns)?);
        }
    }
    let (out, depth) = (weight.dim(0)?, channels / groups * kernel[0] * kernel[1]);
    let windows = Tensor::stack(&taps, 2)?.reshape((batch, groups, depth, rows * columns))?;
    let windows = windows.permute((1, 2, 0, 3))?.reshape((groups, depth, batch * rows * columns))?;
    let product = weight.reshape((groups, out / groups, depth))?.contiguous()?.matmul(&windows.contiguous()?)?;
    let product = product.reshape((groups, out / groups, batch, rows * columns))?;
    product.permute((2, 0, 1, 3))?.reshape((batch, out, rows, columns))
}

/// Transposed convolution of `[batch, channels, height, width]` with `[in, out / groups, height, width]`: a convolution
/// of the input with zeros between its values, with the filters turned around.
///
/// # Errors
/// If a tensor operation fails.
pub fn conv_transpose2d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    window: Window,
    output_padding: [usize; 2],
    groups: usize,
) -> Result<Tensor> {
    let (channels, outer, height, width) = weight.dims4()?;
    let Window { kernel, stride, padding, dilation } = window;
    let mut spread = input.clone();
    for axis in 0..2 {
        let dim = 2 + axis;
        let size = spread.dim(dim)?;
        if stride[axis] > 1 {
            let zeros = spread.unsqueeze(dim + 1)?.pad_with_zeros(dim + 1, 0, stride[axis] - 1)?;
            spread = zeros.flatten(dim, dim + 1)?.narrow(dim, 0, (size - 1) * stride[axis] + 1)?;
        }
        // What the filters reach beyond the input, less what is cut off.
        let reach = ((kernel[axis].max(1) - 1) * dilation[axis]) as isize - padding[axis] as isize;
        let (before, after) = (reach, reach + output_padding[axis] as isize);
        spread = spread.pad_with_zeros(dim, before.max(0) as usize, after.max(0) as usize)?;
        let cut = [-before, -after].map(|cut| cut.max(0) as usize);
        spread = spread.narrow(dim, cut[0], spread.dim(dim)?.saturating_sub(cut[0] + cut[1]))?;
    }
    let inner = channels / groups.max(1);
    let turned = weight.reshape((groups, inner, outer, height * width))?.transpose(1, 2)?.contiguous()?;
    let last: Vec<u32> = (0..(height * width) as u32).rev().collect();
    let turned = turned.index_select(&Tensor::new(last, weight.device())?, 3)?;
    let turned = turned.reshape((groups * outer, inner, height, width))?;
    let window = Window { kernel, stride: [1, 1], padding: [0, 0], dilation };
    conv2d(&spread.contiguous()?, &turned, bias, window, groups)
}

/// The largest value of each window. The first one wins a tie and gets the whole gradient, and a NaN wins over all, as in PyTorch.
///
/// # Errors
/// If a tensor operation fails.
pub fn max_pool2d(input: &Tensor, window: PoolWindow) -> Result<Tensor> {
    largest(input, pool_taps(input, window)?)
}

/// The largest value of each bin.
///
/// # Errors
/// If a tensor operation fails.
pub fn adaptive_max_pool2d(input: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    largest(input, bin_taps(input, output)?)
}

/// The mean of each bin.
///
/// # Errors
/// If a tensor operation fails.
pub fn adaptive_avg_pool2d(input: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    let (_, _, height, width) = input.dims4()?;
    let counts = |size: usize, count: usize| -> Vec<f64> {
        bins(size, count).into_iter().map(|[first, end]| 1.0 / (end - first) as f64).collect()
    };
    let scales = [counts(height, output[0]), counts(width, output[1])];
    scaled_sum(input, bin_taps(input, output)?, scales)
}

/// The taps of bins, each as long as the longest.
fn bin_taps(input: &Tensor, output: [usize; 2]) -> Result<Vec<Tap>> {
    let (_, _, height, width) = input.dims4()?;
    let along = |size: usize, count: usize| -> Vec<Vec<(usize, bool)>> {
        let bins = bins(size, count);
        let longest = bins.iter().map(|[first, end]| end - first).max().unwrap_or(0);
        let tap =
            |tap: usize| bins.iter().map(|&[first, end]| ((first + tap).min(end - 1), first + tap < end)).collect();
        (0..longest).map(tap).collect()
    };
    let (rows, columns) = (along(height, output[0]), along(width, output[1]));
    Ok(rows.iter().flat_map(|rows| columns.iter().map(|columns| (rows.clone(), columns.clone()))).collect())
}

fn largest(input: &Tensor, taps: Vec<Tap>) -> Result<Tensor> {
    let mut largest: Option<Tensor> = None;
    for (rows, columns) in taps {
        let is_inside = |places: &[(usize, bool)]| {
            indicator(places.iter().map(|&(_, inside)| inside), input.device(), input.dtype())
        };
        let inside = is_inside(&rows)?.reshape(((), 1))?.broadcast_mul(&is_inside(&columns)?)?;
        let tap = pick(input, rows.into_iter().map(|(row, _)| row), columns.into_iter().map(|(column, _)| column))?;
        // Places outside never win.
        let outside = inside.eq(0.0)?.broadcast_as(tap.shape())?.contiguous()?;
        let tap = outside.where_cond(&(tap.zeros_like()? + f64::NEG_INFINITY)?, &tap)?;
        largest = Some(match largest {
            None => tap,
            Some(largest) => {
                let is_kept = tap.le(&largest)?.add(&largest.ne(&largest)?)?;
                is_kept.where_cond(&largest, &tap)?
            }
        });
    }
    largest.ok_or_else(|| candle_core::Error::Msg("a pool needs a kernel of 1 x 1 or more".to_owned()).bt())
}

/// The mean of each window.
///
/// # Errors
/// If a tensor operation fails.
pub fn avg_pool2d(input: &Tensor, window: PoolWindow, divisor: Divisor) -> Result<Tensor> {
    let (_, _, height, width) = input.dims4()?;
    let scales = [(0, height), (1, width)].map(|(axis, size)| {
        (0..window.output([height, width])[axis])
            .map(|at| 1.0 / divisor.along(window, axis, at, size).max(1) as f64)
            .collect::<Vec<f64>>()
    });
    scaled_sum(input, pool_taps(input, window)?, scales)
}

/// The sum of the taps that lie inside, times a factor for each row and each column of the output.
fn scaled_sum(input: &Tensor, taps: Vec<Tap>, [rows, columns]: [Vec<f64>; 2]) -> Result<Tensor> {
    let (device, dtype) = (input.device(), input.dtype());
    let mut total: Option<Tensor> = None;
    for (rows, columns) in taps {
        let inside_rows = indicator(rows.iter().map(|&(_, is_inside)| is_inside), device, dtype)?.reshape(((), 1))?;
        let inside_columns = indicator(columns.iter().map(|&(_, is_inside)| is_inside), device, dtype)?;
        let tap = pick(input, rows.into_iter().map(|(row, _)| row), columns.into_iter().map(|(column, _)| column))?;
        let tap = tap.broadcast_mul(&inside_rows.broadcast_mul(&inside_columns)?)?;
        total = Some(match total {
            None => tap,
            Some(total) => (total + tap)?,
        });
    }
    let total =
        total.ok_or_else(|| candle_core::Error::Msg("a pool needs a kernel of 1 x 1 or more".to_owned()).bt())?;
    let scale_rows = Tensor::new(rows, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?.reshape(((), 1))?;
    let scale_columns = Tensor::new(columns, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?;
    total.broadcast_mul(&scale_rows.broadcast_mul(&scale_columns)?)
}

/// The rows and the columns that one place of a window meets, each with whether it lies inside the image; those outside
/// are moved to the nearest one inside.
type Tap = (Vec<(usize, bool)>, Vec<(usize, bool)>);

/// One place in the window after the other.
fn pool_taps(input: &Tensor, window: PoolWindow) -> Result<Vec<Tap>> {
    let (_, _, height, width) = input.dims4()?;
    let output = window.output([height, width]);
    let along = |axis: usize, tap: usize, size: usize| -> Vec<(usize, bool)> {
        (0..output[axis])
            .map(|at| {
                let place = (at * window.stride[axis] + tap * window.dilation[axis]) as isize;
                let place = place - window.padding[axis] as isize;
                let inside = place.clamp(0, size as isize - 1);
                (inside as usize, inside == place)
            })
            .collect()
    };
    let mut taps = Vec::with_capacity(window.kernel[0] * window.kernel[1]);
    for row in 0..window.kernel[0] {
        for column in 0..window.kernel[1] {
            taps.push((along(0, row, height), along(1, column, width)));
        }
    }
    Ok(taps)
}

/// `[batch, channels, rows, columns]` of the listed rows and columns.
fn pick(image: &Tensor, rows: impl Iterator<Item = usize>, columns: impl Iterator<Item = usize>) -> Result<Tensor> {
    let index = |places: Vec<u32>| Tensor::new(places, image.device());
    let rows = index(rows.map(|place| place as u32).collect())?;
    let columns = index(columns.map(|place| place as u32).collect())?;
    image.contiguous()?.index_select(&rows, 2)?.index_select(&columns, 3)
}

fn indicator(flags: impl Iterator<Item = bool>, device: &Device, dtype: DType) -> Result<Tensor> {
    let values: Vec<f32> = flags.map(|flag| if flag { 1.0 } else { 0.0 }).collect();
    Tensor::new(values, device)?.to_dtype(dtype)
}

/// Batch norm with the statistics of the batch. Gives the output and the new running mean and variance.
///
/// # Errors
/// If a tensor operation fails.
pub fn batch_norm_train(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    running_mean: &Tensor,
    running_var: &Tensor,
    settings: BatchNormSettings,
) -> Result<(Tensor, Tensor, Tensor)> {
    let BatchNormSettings { momentum, eps } = settings;
    let flat = channels_middle(input)?;
    let (batch, _, places) = flat.dims3()?;
    let mean = flat.mean_keepdim((0, 2))?;
    let centered = flat.broadcast_sub(&mean)?;
    let variance = centered.sqr()?.mean_keepdim((0, 2))?;
    let normal = centered.broadcast_div(&(&variance + eps)?.sqrt()?)?;
    let output = affine(&normal, weight, bias)?.reshape(input.dims())?;
    let count = (batch * places) as f64;
    let unbiased = (variance.flatten_all()?.detach() * (count / (count - 1.0).max(1.0)))?;
    let mix = |old: &Tensor, new: &Tensor| (old * (1.0 - momentum))? + (new * momentum)?;
    Ok((output, mix(running_mean, &mean.flatten_all()?.detach())?, mix(running_var, &unbiased)?))
}

/// Batch norm with the running statistics.
///
/// # Errors
/// If a tensor operation fails.
pub fn batch_norm_eval(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    running_mean: &Tensor,
    running_var: &Tensor,
    settings: BatchNormSettings,
) -> Result<Tensor> {
    let flat = channels_middle(input)?;
    let mean = running_mean.reshape((1, (), 1))?;
    let deviation = (running_var + settings.eps)?.sqrt()?.reshape((1, (), 1))?;
    affine(&flat.broadcast_sub(&mean)?.broadcast_div(&deviation)?, weight, bias)?.reshape(input.dims())
}

/// `[batch, channels, places]`.
fn channels_middle(input: &Tensor) -> Result<Tensor> {
    let (batch, channels) = (input.dim(0)?, input.dim(1)?);
    input.reshape((batch, channels, ()))
}

fn affine(normal: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    normal.broadcast_mul(&weight.reshape((1, (), 1))?)?.broadcast_add(&bias.reshape((1, (), 1))?)
}

/// `exp(x) / sum(exp(x))` over one dimension, or the logarithm.
///
/// # Errors
/// If a tensor operation fails.
pub fn softmax(input: &Tensor, dim: usize, form: SoftmaxForm) -> Result<Tensor> {
    // The largest value only keeps exp from overflowing; it has no part in the gradient.
    let distance = input.broadcast_sub(&input.max_keepdim(dim)?.detach())?;
    let exp = distance.exp()?;
    let total = exp.sum_keepdim(dim)?;
    match form {
        SoftmaxForm::Shares => exp.broadcast_div(&total),
        SoftmaxForm::Logarithms => distance.broadcast_sub(&total.log()?),
    }
}

/// `x` where it is positive, else `weight * x`, with one weight for all or one for each channel (dimension 1).
///
/// # Errors
/// If a tensor operation fails.
pub fn prelu(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let mut dims = vec![1; x.rank()];
    if let Some(channels) = dims.get_mut(1) {
        *channels = weight.elem_count();
    }
    x.le(0.0)?.where_cond(&x.broadcast_mul(&weight.reshape(dims)?)?, x)
}

/// The first half of a dimension times the sigmoid of the second.
///
/// # Errors
/// If a tensor operation fails.
pub fn glu(x: &Tensor, dim: usize) -> Result<Tensor> {
    let half = x.dim(dim)? / 2;
    x.narrow(dim, 0, half)? * sigmoid(&x.narrow(dim, half, half)?)?
}

/// An element-wise activation.
///
/// # Errors
/// If a tensor operation fails.
pub fn activation(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        // A NaN is not at most 0, so it passes; candle's own relu turns it into 0 and has the gradient 1 at 0.
        Activation::Relu => x.le(0.0)?.where_cond(&x.zeros_like()?, x),
        Activation::LeakyRelu { slope } => x.le(0.0)?.where_cond(&(x * slope)?, x),
        // The gradients of candle's own gelu and gelu_erf are off by 1.8e-7.
        Activation::GeluExact => ((x * std::f64::consts::FRAC_1_SQRT_2)?.erf()? + 1.0)? * (x * 0.5)?,
        Activation::GeluTanh => {
            let inner = (x.sqr()?.affine(0.044_715, 1.0)? * x)?.affine(0.797_884_560_802_865_4, 0.0)?;
            (inner.tanh()? + 1.0)? * (x * 0.5)?
        }
        Activation::Silu => x * sigmoid(x)?,
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid(x),
        Activation::Clamp { min, max } => clamp(x, min, max),
        Activation::Elu { alpha, scale, steepness } => {
            // The side that is not taken must not overflow, since its gradient is multiplied by 0.
            let negative = (x.le(0.0)?.where_cond(x, &x.zeros_like()?)? * steepness)?;
            x.le(0.0)?.where_cond(&((negative.exp()? - 1.0)? * (alpha * scale))?, &(x * scale)?)
        }
        Activation::Mish => x * softplus(x)?.tanh()?,
        Activation::HardSwish => x * hard_share(x)?,
        Activation::HardSigmoid => hard_share(x),
        Activation::Softplus { beta, threshold } => {
            let scaled = (x * beta)?;
            scaled.gt(threshold)?.where_cond(x, &(softplus(&scaled)? / beta)?)
        }
    }
}

/// `x` cut off at both ends, where the gradient is 0; a NaN passes.
fn clamp(x: &Tensor, min: f64, max: f64) -> Result<Tensor> {
    let x = x.le(min)?.where_cond(&(x.zeros_like()? + min)?, x)?;
    x.ge(max)?.where_cond(&(x.zeros_like()? + max)?, &x)
}

/// `clamp(x + 3, 0, 6) / 6`.
fn hard_share(x: &Tensor) -> Result<Tensor> {
    clamp(&(x + 3.0)?, 0.0, 6.0)? / 6.0
}

/// `ln(1 + exp(x))`, which is `max(x, 0) + ln(1 + exp(-|x|))`.
fn softplus(x: &Tensor) -> Result<Tensor> {
    let zero = x.zeros_like()?;
    let positive = x.le(0.0)?.where_cond(&zero, x)?;
    let negative = x.le(0.0)?.where_cond(x, &x.neg()?)?;
    positive + (negative.exp()? + 1.0)?.log()?
}

/// Through tanh, which neither overflows nor gives 0 times infinity in its gradient.
pub(super) fn sigmoid(x: &Tensor) -> Result<Tensor> {
    ((x * 0.5)?.tanh()? * 0.5)? + 0.5
}
