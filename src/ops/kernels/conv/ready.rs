//! Convolutions for predictions: filters laid out once.

use rayon::prelude::*;

use super::{After, Geometry, forward_packed, pack_groups};
use crate::ops::kernels::activation::Floor;
use crate::ops::kernels::float::Float;
use crate::ops::kernels::{depthwise, par, pointwise, simd, winograd};

/// A convolution whose filters are laid out once for many inputs, with a ReLU behind it if asked for.
#[derive(Debug)]
pub struct Ready<T> {
    filters: Layout<T>,
    bias: Vec<T>,
    floor: Floor<T>,
}

/// Filters as their kernels read them.
#[derive(Debug)]
enum Layout<T> {
    /// As they are.
    Plain(Vec<T>),
    /// Of each group, in the order of the tiles.
    Packed(Vec<Vec<T>>),
    /// For fewer products.
    Transformed(winograd::Filters<T>),
}

impl<T: Float> Ready<T> {
    /// For inputs of the geometry's size, in batches of any.
    pub fn new(weight: Vec<T>, bias: Vec<T>, rectifies: bool, geometry: &Geometry) -> Self {
        let kernels = T::kernels();
        let filters = if geometry.is_depthwise() || pointwise::fits(geometry) {
            Layout::Plain(weight)
        } else if winograd::fits_ready(geometry) {
            Layout::Transformed(winograd::ready(kernels, &weight, geometry))
        } else {
            Layout::Packed(pack_groups(kernels, &weight, geometry))
        };
        Self { filters, bias, floor: Floor::new(rectifies) }
    }

    /// Output.
    pub fn forward(&self, x: &[T], geometry: &Geometry) -> Vec<T> {
        let after = After { bias: Some(&self.bias), floor: self.floor };
        match &self.filters {
            Layout::Plain(weight) if geometry.is_depthwise() => {
                let mut out = depthwise::forward(x, weight, after.bias, geometry);
                out.par_chunks_mut(par::CHUNK)
                    .for_each(|out| simd::run!(out.iter_mut().for_each(|out| *out = self.floor.under(*out))));
                out
            }
            Layout::Plain(weight) => pointwise::forward(x, weight, after, geometry),
            Layout::Packed(groups) => forward_packed(T::kernels(), x, groups, after, geometry),
            Layout::Transformed(filters) => winograd::forward_ready(T::kernels(), x, filters, after, geometry),
        }
    }
}
