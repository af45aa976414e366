//! Plain functions over slices, without candle: slices in, slices out, in f32 and f64.
//!
//! Work is split in pieces whose size depends on the shapes alone, and sums are taken in a fixed order, so that the
//! number of threads never changes a bit of the result.

pub mod activation;
pub mod adaptive;
pub mod alloc;
pub mod attention;
pub mod block;
pub mod conv;
pub mod crew;
pub mod denormals;
pub mod depthwise;
pub mod dropout;
pub mod embedding;
pub mod float;
pub mod gate;
pub mod grid;
mod lanes;
pub mod linear;
pub mod loss;
pub mod matmul;
pub mod norm;
pub mod optim;
pub mod packed;
pub mod par;
pub mod pointwise;
pub mod pool;
pub mod position;
pub mod recurrent;
mod recurrent_cells;
pub mod resample;
pub mod response;
pub mod row_norm;
pub mod simd;
pub mod softmax;
pub mod time;
pub mod vector;
pub mod window;
pub mod winograd;
