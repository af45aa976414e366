//! Products of tensors, value by value, in which a tensor of size 1 along a dimension counts for all of it.

use candle_core::{Result, Tensor};

use super::kernels::activation::products;
use super::kernels::norm::{Extent, channel_sums, each_channel};
use super::storage::{tensor, values, with_type};

/// `x * y`. Shapes are the same but where one of them is 1.
///
/// # Errors
/// If the shapes don't fit, or the tensors are not on the CPU in f32 or f64.
pub fn multiply(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if x.dims() == y.dims() {
        let (x, y) = (x.contiguous()?, y.contiguous()?);
        return with_type!(x, T => tensor(products::<T>(&values(&x)?, &values(&y)?), x.dims()));
    }
    let Some((large, small, extent)) = gated(x, y)? else { return Ok(x.broadcast_mul(y)?.detach()) };
    with_type!(large, T => {
        let gates = values::<T>(&small)?;
        let of = |channel: usize| {
            let gate = gates[channel];
            move |x: T, _: T| x * gate
        };
        let all = values::<T>(&large)?;
        tensor(each_channel(extent, &all, &all, of), large.dims())
    })
}

/// The gradient of `x` in [`multiply`], given the other factor and the gradient of the product.
///
/// # Errors
/// As [`multiply`].
pub fn gradient(x: &Tensor, other: &Tensor, grad: &Tensor) -> Result<Tensor> {
    if let Some((grad, gates, extent)) = gated(grad, x)?
        && other.dims() == grad.dims()
    {
        let other = other.contiguous()?;
        return with_type!(grad, T => {
            let sums = channel_sums::<T, _, 1>(extent, &values(&grad)?, &values(&other)?, |_| |grad, other| [grad * other]);
            tensor(sums.into_iter().map(|[sum]| sum as T).collect(), gates.dims())
        });
    }
    let mut grad = multiply(grad, other)?;
    for (dim, &size) in x.dims().iter().enumerate() {
        if grad.dim(dim)? != size {
            grad = grad.sum_keepdim(dim)?.detach();
        }
    }
    Ok(grad)
}

/// The larger one, and the smaller one if that has one value for a whole run of it, such as a gate of `[batch, channels, 1, 1]`.
fn gated(x: &Tensor, y: &Tensor) -> Result<Option<(Tensor, Tensor, Extent)>> {
    let (large, small) = if x.elem_count() >= y.elem_count() { (x, y) } else { (y, x) };
    let shared = large.dims().iter().zip(small.dims()).take_while(|(large, small)| large == small).count();
    if large.rank() != small.rank() || shared == large.rank() || small.dims().iter().skip(shared).any(|&size| size != 1)
    {
        return Ok(None);
    }
    let places = large.dims().iter().skip(shared).product();
    let extent = Extent { batch: 1, channels: small.elem_count(), places };
    Ok(Some((large.contiguous()?, small.contiguous()?, extent)))
}
