//! Tensors in the files of known answers, and how results are compared with them.

use candle_core::{DType, Device, Tensor};
use serde_json::Value;

/// The tensor that a file gives as shape and data.
pub(crate) fn tensor(value: &Value, dtype: DType) -> Tensor {
    let shape: Vec<usize> = serde_json::from_value(value["shape"].clone()).unwrap();
    let data: Vec<f64> = serde_json::from_value(value["data"].clone()).unwrap();
    Tensor::from_vec(data, shape, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

/// Compares on the scale of the largest value.
pub(crate) fn check(what: &str, got: &Tensor, expect: &Value, dtype: DType) {
    let numbers =
        |tensor: &Tensor| tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
    let (got, expect) = (numbers(got), numbers(&tensor(expect, DType::F64)));
    assert_eq!(got.len(), expect.len(), "{what}");
    let largest = expect.iter().fold(1e-30_f64, |largest, value| largest.max(value.abs()));
    let error = got.iter().zip(&expect).map(|(got, expect)| (got - expect).abs() / largest).fold(0.0, f64::max);
    // PyTorch's gradient of hard sigmoid has 1/6 rounded to f32 in every type.
    let exact = if what.contains("\"hardsigmoid\"") { 1e-7 } else { 1e-9 };
    let allowed = if dtype == DType::F64 { exact } else { 1e-5 };
    assert!(error <= allowed, "{what} is off by {error:.1e} in {dtype:?}");
}
