//! Operations on tensors with gradients that are right.
//!
//! On the CPU each calls a plain kernel over slices ([`kernels`]); on other devices it is composed of stock candle
//! operations whose gradients are right ([`composed`]).

use candle_core::{DType, Tensor};

pub mod activation;
pub mod attention;
pub mod composed;
pub mod conv;
pub mod dropout;
pub mod embedding;
pub mod gate;
pub mod kernels;
pub mod linear;
pub mod loss;
pub mod mel;
pub mod norm;
pub mod optim;
pub mod pool;
pub mod position;
pub mod product;
pub mod recurrent;
pub mod recurrent_composed;
pub mod resample;
pub mod row_norm;
pub mod softmax;
pub(crate) mod storage;
pub mod sum;
pub mod time;
pub mod whole;

pub use kernels::activation::Activation;
pub use kernels::crew::{Computing, computing};
pub use kernels::norm::BatchNormSettings;
pub use kernels::softmax::SoftmaxForm;
pub use kernels::window::{Divisor, PoolWindow, Window};
pub use whole::whole_numbers;

/// Whether the kernels can read this tensor: on the CPU, in f32, f64 or whole numbers such as tokens and lengths.
pub fn fits_kernels(tensor: &Tensor) -> bool {
    has_kernels(tensor) || (tensor.device().is_cpu() && !tensor.dtype().is_float())
}

/// Whether the kernels can work on this tensor: on the CPU, in f32 or f64.
pub fn has_kernels(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && matches!(tensor.dtype(), DType::F32 | DType::F64)
}
