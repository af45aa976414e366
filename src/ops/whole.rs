//! Whole numbers in tensors: tokens, lengths and masks.

use candle_core::{DType, Device, Error, Result, Tensor};

/// The values of a tensor of whole numbers, or of floating numbers that are whole.
///
/// # Errors
/// If a value is negative or not whole, or the tensor can't be brought to the CPU.
pub fn whole_numbers(x: &Tensor) -> Result<Vec<usize>> {
    let flat = x.flatten_all()?.to_device(&Device::Cpu)?;
    if !x.dtype().is_float() {
        let values = flat.to_dtype(DType::I64)?.to_vec1::<i64>()?;
        return values.into_iter().map(|value| usize::try_from(value).or_else(|_| refuse(&value))).collect();
    }
    let values = flat.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    let whole = |value: f64| {
        if value >= 0.0 && value.fract() == 0.0 { Ok(value as usize) } else { refuse(&value) }
    };
    values.into_iter().map(whole).collect()
}

fn refuse(value: &dyn std::fmt::Display) -> Result<usize> {
    Err(Error::Msg(format!("a whole number of 0 or more is needed here, but the input holds {value}")).bt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_numbers_of_any_type_and_refuses_others() {
        let device = &Device::Cpu;
        assert_eq!(whole_numbers(&Tensor::new(&[[1_u32], [7]], device).unwrap()).unwrap(), [1, 7]);
        assert_eq!(whole_numbers(&Tensor::new(&[3_i64], device).unwrap()).unwrap(), [3]);
        assert_eq!(whole_numbers(&Tensor::new(&[2.0_f32, 0.0], device).unwrap()).unwrap(), [2, 0]);
        assert!(whole_numbers(&Tensor::new(&[-1_i64], device).unwrap()).is_err());
        assert!(whole_numbers(&Tensor::new(&[0.5_f32], device).unwrap()).is_err());
        assert!(whole_numbers(&Tensor::new(&[f64::NAN], device).unwrap()).is_err());
    }
}
