//! The gradient of the weights.

use rayon::prelude::*;

use super::{Geometry, Placement, Run, Scratch, parts_for_threads};
use crate::ops::kernels::float::Float;
use crate::ops::kernels::vector::{self, Kernels};
use crate::ops::kernels::winograd::{self, Part};
use crate::ops::kernels::{depthwise, par, pointwise, simd};

/// Gradient of the weights.
pub fn backward_weight<T: Float>(grad: &[T], x: &[T], geometry: &Geometry) -> Vec<T> {
    if geometry.is_depthwise() {
        return depthwise::backward_weight(grad, x, geometry);
    }
    if pointwise::fits(geometry) {
        return pointwise::backward_weight(grad, x, geometry);
    }
    if winograd::fits(geometry, Part::Weight) {
        return winograd::backward_weight(grad, x, geometry);
    }
    backward_weight_with(T::kernels(), grad, x, geometry)
}

pub(super) fn backward_weight_with<T: Float>(kernels: Kernels<T>, grad: &[T], x: &[T], geometry: &Geometry) -> Vec<T> {
    let (depth, outer) = (geometry.depth(), geometry.outer());
    let weights = geometry.out_channels * depth;
    if geometry.is_empty() {
        return vec![T::ZERO; weights];
    }
    let (grid, reach) = geometry.input_grid();
    let placement = Placement { channels: geometry.out_channels, size: geometry.output, step: [1, 1], shift: [0, 0] };
    let blocks = grid.blocks(geometry.batch);
    // Sums have room for whole vectors of filters and whole groups of places: `[filters / across, places, across]`.
    let (across, together) = (kernels.gradient_filters(), kernels.places);
    let (tiles, rows) = (outer.div_ceil(across), depth.next_multiple_of(together));
    let room = tiles * rows * across;
    let mut places = reach.places().to_vec();
    places.resize(rows, places.last().copied().unwrap_or(0));
    // Each part has a sum of its own, so large weights get few parts.
    let parts = (8 * 1024 * 1024 / weights.max(1)).clamp(2, 16).min(blocks.len()).max(1);
    let mut sums = par::zeros(parts * geometry.groups * room);
    // Where there are few blocks, threads share out the filters.
    let shares = parts_for_threads(parts * geometry.groups, tiles, geometry.products());
    let together_tiles = tiles.div_ceil(shares);
    let shares = tiles.div_ceil(together_tiles);
    let work = |(scratch, turned): &mut (Scratch<T>, Vec<T>), (index, sums): (usize, &mut [T])| {
        let (part, group) = (index / shares / geometry.groups, index / shares % geometry.groups);
        let first_tile = index % shares * together_tiles;
        let [first, end] = [part, part + 1].map(|part| part * blocks.len() / parts);
        for &block in &blocks[first..end] {
            let places_of = placement.runs(&grid, block);
            let runs: Vec<vector::Run> = places_of.iter().map(|run| [run.first, run.len]).collect();
            let pixels: usize = places_of.iter().map(|run| run.len).sum();
            let cells = scratch.prepare(grid.values(), block);
            turned.resize(pixels * across, T::ZERO);
            simd::run!(grid.fill(x, group * geometry.inner(), geometry.channels, block, cells));
            for (tile, sums) in (first_tile..).zip(sums.chunks_exact_mut(rows * across)) {
                let filters = group * outer + tile * across..group * outer + outer.min((tile + 1) * across);
                simd::run!(turn(grad, &places_of, filters, geometry.out_area(), across, turned));
                let steps = places.chunks_exact(together).zip(sums.chunks_exact_mut(together * across));
                steps.for_each(|(places, sums)| kernels.gradients(turned, cells, places, &runs, sums));
            }
        }
    };
    // The last share of a group may have fewer tiles.
    let shared: Vec<&mut [T]> =
        sums.chunks_mut(room).flat_map(|group| group.chunks_mut(together_tiles * rows * across)).collect();
    shared.into_par_iter().enumerate().for_each_init(|| (Scratch::new(), Vec::new()), work);
    let chunk = (par::CHUNK / depth).max(1) * depth;
    par::build(weights, chunk, |start, out: &mut [T]| {
        for sums in sums.chunks_exact(geometry.groups * room) {
            for (filter, out) in (start / depth..).zip(out.chunks_exact_mut(depth)) {
                let (group, filter) = (filter / outer, filter % outer);
                let first = group * room + filter / across * rows * across + filter % across;
                out.iter_mut().zip(sums[first..].iter().step_by(across)).for_each(|(out, &sum)| *out += sum);
            }
        }
    })
}

/// The gradients of some filters, pixel by pixel: `[pixels, across]`, zeros where there are fewer filters.
#[inline(always)]
fn turn<T: Float>(
    grad: &[T],
    runs: &[Run],
    filters: std::ops::Range<usize>,
    area: usize,
    across: usize,
    turned: &mut [T],
) {
    let mut rest = turned;
    for run in runs {
        let (pixels, after) = rest.split_at_mut(run.len * across);
        rest = after;
        for lane in 0..across {
            let filter = filters.start + lane;
            if filter < filters.end {
                let grad = &grad[filter * area + run.place..][..run.len];
                pixels[lane..].iter_mut().step_by(across).zip(grad).for_each(|(to, &grad)| *to = grad);
            } else {
                pixels[lane..].iter_mut().step_by(across).for_each(|to| *to = T::ZERO);
            }
        }
    }
}
