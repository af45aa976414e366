//! Operations on tensors with gradients that are right.
//!
//! On the CPU each calls a plain kernel over slices ([`kernels`]); on other devices it is composed of stock candle
//! operations whose gradients are right, and where there are none it says so.

pub mod kernels;
