//! Fully connected layers on tensors.

use candle_core::{D, Error, Result, Tensor};

use super::kernels::linear as kernels;
use super::storage::{tensor, values, with_type};

/// `x w' + b` over the last dimension; `weight` is `[out, in]`.
///
/// # Errors
/// If the shapes don't fit, or the tensors are not on the CPU in f32 or f64.
pub fn forward(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (outputs, features) = weight.dims2()?;
    check(x, features)?;
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let bias = bias.map(Tensor::contiguous).transpose()?;
    let mut dims = x.dims().to_vec();
    if let Some(last) = dims.last_mut() {
        *last = outputs;
    }
    with_type!(x, T => {
        let bias = bias.as_ref().map(values::<T>).transpose()?;
        tensor(kernels::forward::<T>(&values(&x)?, &values(&weight)?, bias.as_deref(), features, outputs), dims)
    })
}

/// Gradient of the input.
///
/// # Errors
/// As [`forward`].
pub fn backward_input(grad: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (outputs, features) = weight.dims2()?;
    check(grad, outputs)?;
    let (grad, weight) = (grad.contiguous()?, weight.contiguous()?);
    let mut dims = grad.dims().to_vec();
    if let Some(last) = dims.last_mut() {
        *last = features;
    }
    with_type!(grad, T => tensor(kernels::backward_input::<T>(&values(&grad)?, &values(&weight)?, features, outputs), dims))
}

/// Gradients of the weight and the bias.
///
/// # Errors
/// As [`forward`].
pub fn backward_parameters(grad: &Tensor, x: &Tensor) -> Result<(Tensor, Tensor)> {
    let (grad, x) = (grad.contiguous()?, x.contiguous()?);
    let (outputs, features) = (grad.dim(D::Minus1)?, x.dim(D::Minus1)?);
    with_type!(x, T => {
        let (grad, x) = (values::<T>(&grad)?, values::<T>(&x)?);
        let weight = tensor(kernels::backward_weight::<T>(&grad, &x, features, outputs), (outputs, features))?;
        Ok((weight, tensor(kernels::column_sums::<T>(&grad, outputs), outputs)?))
    })
}

fn check(x: &Tensor, features: usize) -> Result<()> {
    if x.dim(D::Minus1)? == features {
        return Ok(());
    }
    Err(Error::Msg(format!("a linear layer for {features} values got a tensor of {:?}", x.dims())).bt())
}
