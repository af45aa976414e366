//! Sums of squares: the norm of all gradients, and whether every value of some tensors is finite.

use candle_core::{DType, Result, Storage, Tensor};
use rayon::prelude::*;

use crate::graph::Parameter;

/// Euclidean norm of all gradients together; NaN or infinite if one value is.
///
/// # Errors
/// If a tensor can't be read from its device.
pub fn gradient_norm(gradients: &[Option<Tensor>]) -> Result<f64> {
    let tensors: Vec<&Tensor> = gradients.iter().flatten().collect();
    Ok(total(&tensors)?.sqrt())
}

/// What gradients of that norm are multiplied by so that it stays within `limit`; 0 sets no limit. PyTorch's rule: the
/// small number keeps the division finite.
pub fn clip_factor(norm: f64, limit: f64) -> f64 {
    if limit > 0.0 { (limit / (norm + 1e-6)).min(1.0) } else { 1.0 }
}

/// Whether all parameters and buffers are finite. A sum of squares of f32 values can't overflow in f64, so it is finite just then.
///
/// # Errors
/// If a tensor can't be read from its device.
pub fn are_finite(parameters: &[Parameter]) -> Result<bool> {
    let tensors: Vec<&Tensor> = parameters.iter().map(|parameter| &parameter.value).collect();
    Ok(total(&tensors)?.is_finite())
}

/// One tensor a task, summed in their order: the same result for any number of threads.
fn total(tensors: &[&Tensor]) -> Result<f64> {
    let sums: Vec<f64> = tensors.par_iter().map(|tensor| sum_of_squares(tensor)).collect::<Result<_>>()?;
    Ok(sums.iter().sum())
}

fn sum_of_squares(tensor: &Tensor) -> Result<f64> {
    let (storage, layout) = tensor.storage_and_layout();
    if let (Storage::Cpu(cpu), DType::F32, Some((start, end))) =
        (&*storage, tensor.dtype(), layout.contiguous_offsets())
    {
        return Ok(sum(cpu.as_slice::<f32>()?.get(start..end).unwrap_or_default()));
    }
    drop(storage);
    let squares = tensor.to_dtype(DType::F32)?.sqr()?.sum_all()?;
    squares.to_dtype(DType::F64)?.to_scalar::<f64>()
}

/// Eight sums side by side, which the compiler turns into vector instructions.
fn sum(values: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let chunks = values.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().map(|&value| f64::from(value).powi(2)).sum();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(value) * f64::from(value);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn the_norm_is_that_of_all_values() {
        let a = Tensor::full(2.0_f32, 21, &Device::Cpu).unwrap();
        let b = Tensor::full(-1.0_f32, (4, 4), &Device::Cpu).unwrap().t().unwrap();
        assert_eq!(gradient_norm(&[Some(a), None, Some(b)]).unwrap(), 10.0);
    }

    #[test]
    fn one_nan_or_infinity_is_seen_and_large_values_are_fine() {
        let check = |value: f32| {
            let mut values = vec![f32::MAX; 37];
            values[20] = value;
            let value = Tensor::from_vec(values, 37, &Device::Cpu).unwrap();
            are_finite(&[Parameter { name: "w".to_owned(), value, trainable: true }]).unwrap()
        };
        assert!(check(1.0) && !check(f32::NAN) && !check(f32::NEG_INFINITY));
    }
}
