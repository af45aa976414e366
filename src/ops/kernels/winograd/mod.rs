//! Convolutions of 3 x 3 with step 1 from fewer products: F(2 x 2, 3 x 3) of Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks" (arXiv:1509.09308).
//!
//! Four outputs, two by two, see 4 x 4 inputs. With the inputs of such a tile and the filter each turned into 16 values, the
//! outputs follow from 16 products a channel instead of 36, and the products of all tiles, channels and filters are 16
//! matrix products. The rounding errors are about those of the definition, so it serves training as well.

pub(super) mod inner;

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::conv::{After, Geometry};
use super::float::Float;
use super::grid::copy_row;
use super::matmul::{self, Output, Sizes, View};
use super::par::{self, Shared};
use super::simd;
use super::vector::{ACROSS, Kernels, LARGEST_FILTERS, LARGEST_TILE, Reach};
use inner::{Places, Strip, Way};

/// Values of a tile or a filter after their transformation.
const PLACES: usize = 16;

/// What the loops over the columns of a line may read beyond its tiles: as many values as the widest vectors have.
const SLACK: usize = 16;

/// Weights of a filter in one channel.
const TAPS: usize = 9;

/// Which of the three products of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The output.
    Forward,
    /// The gradient of the input.
    Input,
    /// The gradient of the weights.
    Weight,
}

/// Whether the convolution is one of 3 x 3, and large enough for the transforms to be worth their time.
pub fn fits(geometry: &Geometry, part: Part) -> bool {
    fits_from(96, geometry, part)
}

/// The same for an output whose filters are transformed already.
pub fn fits_ready(geometry: &Geometry) -> bool {
    fits_from(16, geometry, Part::Forward)
}

fn fits_from(fewest_tiles: usize, geometry: &Geometry, part: Part) -> bool {
    let Geometry { batch, channels, out_channels, groups, window, output, .. } = *geometry;
    let is_plain = window.kernel == [3, 3] && window.stride == [1, 1] && window.dilation == [1, 1];
    // The transform of a tile is used for each channel that is computed, and that of its products for each that is read.
    let is_large = match part {
        Part::Forward => channels >= 24 && out_channels >= 48,
        Part::Input => out_channels >= 24 && channels >= 48,
        Part::Weight => channels >= 64 && out_channels >= 64,
    };
    let tiles = batch * output[0].div_ceil(2) * output[1].div_ceil(2);
    let is_inside = window.padding.iter().all(|&padding| padding <= 2);
    is_plain && groups == 1 && is_large && is_inside && tiles >= fewest_tiles
}

/// Images as tiles of 2 x 2 outputs: image by image, row by row.
#[derive(Debug, Clone, Copy)]
struct Tiling {
    batch: usize,
    /// Channels of the images that are turned into tiles.
    channels: usize,
    size: [usize; 2],
    /// Rows and columns in front of the images that the first tile sees.
    padding: [usize; 2],
    down: usize,
    across: usize,
}

/// Some tiles that are transformed and multiplied together.
struct Panel {
    strips: Vec<Strip>,
    /// The image, and the row of tiles in it, of each strip.
    rows: Vec<[usize; 2]>,
    /// Values of the first channel up to the last that is seen.
    reach: usize,
}

impl Tiling {
    /// What the outputs of `output` see of images of `size`.
    fn new(batch: usize, channels: usize, size: [usize; 2], padding: [usize; 2], output: [usize; 2]) -> Self {
        Self { batch, channels, size, padding, down: output[0].div_ceil(2), across: output[1].div_ceil(2) }
    }

    fn tiles(&self) -> usize {
        self.batch * self.down * self.across
    }

    fn area(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Length of a line: the columns that a row of tiles sees, and what vectors may read beyond.
    fn line(&self) -> usize {
        (2 * self.across + 2).max(self.padding[1] + self.size[1]) + 2 * SLACK
    }

    /// The tiles from `first` to `end`, row by row.
    fn panel(&self, first: usize, end: usize) -> Panel {
        let [height, width] = self.size;
        let mut panel = Panel { strips: Vec::new(), rows: Vec::new(), reach: 0 };
        let (mut tile, end) = (first, end.min(self.tiles()));
        while tile < end {
            let (row, column) = (tile / self.across, tile % self.across);
            let (image, row) = (row / self.down, row % self.down);
            let tiles = (self.across - column).min(end - tile);
            // The columns that these tiles see, of those that there are.
            let seen = |column: usize| (2 * column).saturating_sub(self.padding[1]).min(width);
            let (from, columns) = (seen(column), seen(column + tiles + 1) - seen(column));
            let rows = [0, 1, 2, 3].map(|at| {
                let row = (2 * row + at).checked_sub(self.padding[0]).filter(|&row| row < height)?;
                Some(image * self.channels * self.area() + row * width + from)
            });
            panel.reach = rows.iter().flatten().map(|row| row + columns).fold(panel.reach, usize::max);
            let (start, at) = (from + self.padding[1], tile - first);
            panel.strips.push(Strip { rows, columns, start, first: 2 * column, tiles, at });
            panel.rows.push([image, row]);
            tile += tiles;
        }
        panel
    }
}

/// Scratch for the rows of tiles: the margins beside an image's columns stay zero.
struct Lines<T> {
    values: Vec<T>,
    zeros: Vec<T>,
}

impl<T: Float> Lines<T> {
    /// For panels of up to `tiles` tiles.
    fn new(tiling: &Tiling, tiles: usize) -> Self {
        let strips = tiles.div_ceil(tiling.across) + 1;
        Self { values: vec![T::ZERO; 4 * strips * tiling.line()], zeros: vec![T::ZERO; tiling.size[1]] }
    }
}

/// Transforms a channel of the tiles of a panel: `to` gets the value of a place at `place * stride + tile`.
fn transform<T: Float>(
    (kernels, way): (Kernels<T>, Way),
    x: &[T],
    tiling: &Tiling,
    channel: usize,
    panel: &Panel,
    lines: &mut Lines<T>,
    (to, stride, room): (&mut [T], usize, usize),
) {
    let (line, from) = (tiling.line(), &x[channel * tiling.area()..]);
    let tiles = panel.strips.last().map_or(0, |strip| strip.at + strip.tiles);
    assert!(from.len() >= panel.reach, "the images must be there");
    assert!(lines.values.len() >= 4 * panel.strips.len() * line, "each strip needs its lines");
    assert!(tiles <= room && to.len() >= (PLACES - 1) * stride + room, "the values must fit");
    let lines_start = lines.values.as_mut_ptr();
    let places = Places {
        from: from.as_ptr(),
        zeros: lines.zeros.as_ptr(),
        lines: lines_start,
        line,
        to: to.as_mut_ptr(),
        stride,
        room,
    };
    // SAFETY: what the strips read and write lies inside the slices, as just asserted, and inside their lines, as
    // `Tiling::line` and `Tiling::panel` count them; whoever has this variant found its instructions.
    #[expect(unsafe_code, reason = "the inner loop reads without checks")]
    unsafe {
        (kernels.transform)(&panel.strips, &places, way);
    }
}

/// Filters after their transformation, in the order in which the products read them: `[groups, places, depth, filters]`.
#[derive(Debug)]
pub struct Filters<T> {
    values: Vec<T>,
    count: usize,
    depth: usize,
}

/// Where the weight of a filter and a channel lies, and whether the filter is turned around.
#[derive(Clone, Copy)]
struct Order {
    filter: usize,
    channel: usize,
    is_turned: bool,
}

impl<T: Float> Filters<T> {
    fn new(kernels: Kernels<T>, weight: &[T], count: usize, depth: usize, order: Order) -> Self {
        let across = kernels.filters;
        let group = PLACES * depth * across;
        // SAFETY: each place of each channel is written, for all filters of a group.
        #[expect(unsafe_code, reason = "zeros written before would be a pass over memory")]
        let values = unsafe {
            par::write(count.div_ceil(across) * group, group, |start, out: &mut [MaybeUninit<T>]| {
                let first = start / group * across;
                let filters = across.min(count - first);
                simd::run!(transform_filters(&weight[first * order.filter..], filters, depth, order, across, out));
            })
        };
        Self { values, count, depth }
    }
}

/// `G g G'` of some filters.
#[inline(always)]
fn transform_filters<T: Float>(
    weight: &[T],
    filters: usize,
    depth: usize,
    order: Order,
    across: usize,
    out: &mut [MaybeUninit<T>],
) {
    let half = T::of(0.5);
    for channel in 0..depth {
        let mut taps = [[T::ZERO; LARGEST_FILTERS]; TAPS];
        for filter in 0..filters.min(LARGEST_FILTERS) {
            let weight = &weight[filter * order.filter + channel * order.channel..][..TAPS];
            for (tap, taps) in taps.iter_mut().enumerate() {
                taps[filter] = weight[if order.is_turned { TAPS - 1 - tap } else { tap }];
            }
        }
        let mut rows = [[T::ZERO; LARGEST_FILTERS]; 12];
        for column in 0..3 {
            for lane in 0..LARGEST_FILTERS {
                let [a, b, c] = [taps[column][lane], taps[3 + column][lane], taps[6 + column][lane]];
                let even = (a + c) * half;
                let odd = b * half;
                rows[column][lane] = a;
                rows[3 + column][lane] = even + odd;
                rows[6 + column][lane] = even - odd;
                rows[9 + column][lane] = c;
            }
        }
        for row in 0..4 {
            let mut places = [[T::ZERO; LARGEST_FILTERS]; 4];
            for lane in 0..LARGEST_FILTERS {
                let [a, b, c] = [rows[3 * row][lane], rows[3 * row + 1][lane], rows[3 * row + 2][lane]];
                let even = (a + c) * half;
                let odd = b * half;
                places[0][lane] = a;
                places[1][lane] = even + odd;
                places[2][lane] = even - odd;
                places[3][lane] = c;
            }
            for (column, places) in places.iter().enumerate() {
                let to = ((4 * row + column) * depth + channel) * across;
                out[to..to + across].write_copy_of_slice(&places[..across]);
            }
        }
    }
}

/// Output.
pub fn forward<T: Float>(x: &[T], weight: &[T], bias: Option<&[T]>, geometry: &Geometry) -> Vec<T> {
    forward_with(T::kernels(), x, weight, bias, geometry)
}

/// See above, with these inner loops.
pub(super) fn forward_with<T: Float>(
    kernels: Kernels<T>,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    geometry: &Geometry,
) -> Vec<T> {
    forward_ready(kernels, x, &ready(kernels, weight, geometry), After::bias(bias), geometry)
}

/// The filters after their transformation.
pub fn ready<T: Float>(kernels: Kernels<T>, weight: &[T], geometry: &Geometry) -> Filters<T> {
    let Geometry { channels, out_channels, .. } = *geometry;
    let order = Order { filter: channels * TAPS, channel: TAPS, is_turned: false };
    Filters::new(kernels, weight, out_channels, channels, order)
}

/// Output, from filters that are ready.
pub fn forward_ready<T: Float>(
    kernels: Kernels<T>,
    x: &[T],
    filters: &Filters<T>,
    after: After<'_, T>,
    geometry: &Geometry,
) -> Vec<T> {
    let Geometry { batch, channels, size, output, window, .. } = *geometry;
    apply(kernels, x, &Tiling::new(batch, channels, size, window.padding, output), filters, after, output)
}

/// Gradient of the input.
pub fn backward_input<T: Float>(grad: &[T], weight: &[T], geometry: &Geometry) -> Vec<T> {
    backward_input_with(T::kernels(), grad, weight, geometry)
}

/// See above, with these inner loops.
pub(super) fn backward_input_with<T: Float>(
    kernels: Kernels<T>,
    grad: &[T],
    weight: &[T],
    geometry: &Geometry,
) -> Vec<T> {
    let Geometry { batch, channels, size, out_channels, output, window, .. } = *geometry;
    let order = Order { filter: TAPS, channel: channels * TAPS, is_turned: true };
    let filters = Filters::new(kernels, weight, channels, out_channels, order);
    let padding = window.padding.map(|padding| 2 - padding);
    apply(kernels, grad, &Tiling::new(batch, out_channels, output, padding, size), &filters, After::bias(None), size)
}

/// All tiles under all filters.
fn apply<T: Float>(
    kernels: Kernels<T>,
    x: &[T],
    tiling: &Tiling,
    filters: &Filters<T>,
    after: After<'_, T>,
    output: [usize; 2],
) -> Vec<T> {
    /// With fewer panels than this each is shared out among the threads.
    const MANY: usize = 16;
    /// Channels and groups of filters that are one piece of work then.
    const PIECE: usize = 4;
    let (width, depth) = (kernels.pixels, tiling.channels);
    let panels = tiling.tiles().div_ceil(width);
    let values = PLACES * depth * width;
    let write = |out: &Shared<'_, MaybeUninit<T>>| {
        let product = Product {
            kernels,
            filters,
            after,
            reach: Reach::new((0..depth).map(|channel| channel * width).collect()),
            output,
            out,
        };
        let groups = filters.count.div_ceil(kernels.filters);
        let panel = |index: usize| tiling.panel(index * width, (index + 1) * width);
        if panels >= MANY {
            let parts = panels.min(4 * rayon::current_num_threads());
            (0..parts).into_par_iter().for_each(|part| {
                let (mut values, mut lines) = (vec![T::ZERO; values], Lines::new(tiling, width));
                let mut sums = Sums::new();
                for index in part * panels / parts..(part + 1) * panels / parts {
                    let panel = panel(index);
                    for channel in 0..depth {
                        let to = (&mut values[channel * width..], depth * width, width);
                        transform((kernels, Way::Input), x, tiling, channel, &panel, &mut lines, to);
                    }
                    product.groups(&values, &panel, 0..groups, &mut sums);
                }
            });
        } else {
            let mut all = vec![T::ZERO; panels * values];
            let shared = Shared::new(&mut all);
            let parts = depth.div_ceil(PIECE);
            (0..panels * parts).into_par_iter().for_each(|index| {
                let (index, part) = (index / parts, index % parts);
                let (panel, mut lines) = (panel(index), Lines::new(tiling, width));
                let mut places = vec![T::ZERO; PLACES * width];
                for channel in part * PIECE..depth.min((part + 1) * PIECE) {
                    transform(
                        (kernels, Way::Input),
                        x,
                        tiling,
                        channel,
                        &panel,
                        &mut lines,
                        (&mut places, width, width),
                    );
                    for (place, from) in places.chunks_exact(width).enumerate() {
                        let at = index * values + (place * depth + channel) * width;
                        // SAFETY: each panel and channel has its own rows.
                        #[expect(unsafe_code, reason = "a channel's rows are not one slice")]
                        copy_row(from, unsafe { shared.slice(at, width) }, |value| value);
                    }
                }
            });
            let parts = groups.div_ceil(PIECE);
            (0..panels * parts).into_par_iter().for_each(|index| {
                let (index, part) = (index / parts, index % parts);
                let values = &all[index * values..(index + 1) * values];
                let groups = part * groups / parts..(part + 1) * groups / parts;
                product.groups(values, &panel(index), groups, &mut Sums::new());
            });
        }
    };
    let len = tiling.batch * filters.count * output[0] * output[1];
    // SAFETY: the tiles of the panels, under all filters, cover all outputs.
    #[expect(unsafe_code, reason = "zeroing the outputs first would cost a pass over memory")]
    unsafe {
        par::written(len, write)
    }
}

/// Scratch for the products of a group of filters with a panel, and for the rows of outputs.
struct Sums<T> {
    places: Vec<T>,
    rows: [Vec<T>; 2],
}

impl<T: Float> Sums<T> {
    fn new() -> Self {
        let row = || vec![T::ZERO; 2 * LARGEST_TILE / LARGEST_FILTERS];
        Self { places: vec![T::ZERO; PLACES * LARGEST_TILE], rows: [row(), row()] }
    }
}

/// What the products of a panel need.
struct Product<'a, T> {
    kernels: Kernels<T>,
    filters: &'a Filters<T>,
    after: After<'a, T>,
    reach: Reach,
    output: [usize; 2],
    out: &'a Shared<'a, MaybeUninit<T>>,
}

impl<T: Float> Product<'_, T> {
    /// The outputs of a panel's tiles for some groups of filters.
    fn groups(&self, values: &[T], panel: &Panel, groups: std::ops::Range<usize>, sums: &mut Sums<T>) {
        let (width, across, depth) = (self.kernels.pixels, self.kernels.filters, self.filters.depth);
        let tile = across * width;
        for group in groups {
            let weights = &self.filters.values[group * PLACES * depth * across..][..PLACES * depth * across];
            let places = weights.chunks_exact(depth * across).zip(values.chunks_exact(values.len() / PLACES));
            for ((weights, values), sums) in places.zip(sums.places.chunks_exact_mut(tile)) {
                self.kernels.tile(weights, &self.reach, values, sums);
            }
            for (lane, filter) in (group * across..self.filters.count.min((group + 1) * across)).enumerate() {
                let bias = self.after.bias.map_or(T::ZERO, |bias| bias[filter]);
                let (places, [upper, lower]) = (&sums.places[lane * width..], &mut sums.rows);
                assert!(places.len() >= (PLACES - 1) * tile + width, "the sums must be there");
                assert!(upper.len().min(lower.len()) >= 2 * width, "the outputs must fit");
                // SAFETY: as just asserted; whoever has this variant found its instructions.
                #[expect(unsafe_code, reason = "the inner loop reads without checks")]
                unsafe {
                    let rows = [upper.as_mut_ptr(), lower.as_mut_ptr()];
                    (self.kernels.outputs)(places.as_ptr(), tile, ACROSS, bias, rows);
                }
                simd::run!(self.write(filter, panel, &sums.rows));
            }
        }
    }

    /// Puts the outputs of a filter in their places.
    #[inline(always)]
    fn write(&self, filter: usize, panel: &Panel, rows: &[Vec<T>; 2]) {
        let [height, columns] = self.output;
        for (strip, [image, row]) in panel.strips.iter().zip(&panel.rows) {
            let plane = (image * self.filters.count + filter) * height;
            for (at, values) in (2 * row..height).zip(rows) {
                let from = &values[2 * strip.at..2 * (strip.at + strip.tiles)];
                let len = from.len().min(columns - strip.first);
                // SAFETY: each tile of a filter has its own outputs.
                #[expect(unsafe_code, reason = "the rows of tiles are not one slice")]
                let out = unsafe { self.out.slice((plane + at) * columns + strip.first, len) };
                copy_row(from, out, |value| MaybeUninit::new(self.after.floor.under(value)));
            }
        }
    }
}

/// Gradient of the weights: `G' ((A g A') (B' d B)) G`, summed over the tiles.
pub fn backward_weight<T: Float>(grad: &[T], x: &[T], geometry: &Geometry) -> Vec<T> {
    backward_weight_with(T::kernels(), grad, x, geometry)
}

/// See above, with these inner loops.
pub(super) fn backward_weight_with<T: Float>(kernels: Kernels<T>, grad: &[T], x: &[T], geometry: &Geometry) -> Vec<T> {
    let Geometry { batch, channels, size, out_channels, output, window, .. } = *geometry;
    let input = Tiling::new(batch, channels, size, window.padding, output);
    let outer = Tiling::new(batch, out_channels, output, [0, 0], output);
    let weights = out_channels * channels;
    /// Values of the transforms of one part of the tiles, which should fit the second cache.
    const VALUES: usize = 384 * 1024;
    /// Sums that each part may have of its own.
    const SUMS: usize = 16 * 1024;
    let tiles = input.tiles();
    let mut sums = if weights <= SUMS {
        // Each part of the tiles has sums of its own.
        let width = (VALUES / (PLACES * (channels + out_channels))).next_multiple_of(SLACK);
        let parts = tiles.div_ceil(width).min(8);
        let mut sums = vec![T::ZERO; parts * PLACES * weights];
        sums.par_chunks_exact_mut(PLACES * weights).enumerate().for_each(|(part, sums)| {
            let [first, end] = [part, part + 1].map(|part| part * tiles / parts);
            let mut values = vec![T::ZERO; PLACES * (channels + out_channels) * width];
            let (inputs, grads) = values.split_at_mut(PLACES * channels * width);
            let mut lines = [Lines::new(&input, width), Lines::new(&outer, width)];
            for first in (first..end).step_by(width) {
                let end = end.min(first + width);
                let (seen, given) = (input.panel(first, end), outer.panel(first, end));
                for channel in 0..channels {
                    let to = (&mut inputs[channel * width..], channels * width, width);
                    transform((kernels, Way::Input), x, &input, channel, &seen, &mut lines[0], to);
                }
                for channel in 0..out_channels {
                    let to = (&mut grads[channel * width..], out_channels * width, width);
                    transform((kernels, Way::Grad), grad, &outer, channel, &given, &mut lines[1], to);
                }
                let sizes = Sizes { rows: out_channels, columns: channels, depth: end - first };
                let operands = grads.chunks_exact(out_channels * width).zip(inputs.chunks_exact(channels * width));
                for (sums, (grads, inputs)) in sums.chunks_exact_mut(weights).zip(operands) {
                    let (left, right) = (View::rows(grads, width), View::transposed(inputs, width));
                    matmul::product_into(sums, channels, Output::Accumulate, sizes, left, right);
                }
            }
        });
        let (first, others) = sums.split_at_mut(PLACES * weights);
        first.par_chunks_mut(par::CHUNK).enumerate().for_each(|(index, first)| {
            for other in others.chunks_exact(PLACES * weights) {
                let other = &other[index * par::CHUNK..][..first.len()];
                first.iter_mut().zip(other).for_each(|(sum, &other)| *sum += other);
            }
        });
        sums
    } else {
        let width = (8 * VALUES / (PLACES * (channels + out_channels)))
            .next_multiple_of(SLACK)
            .min(tiles.next_multiple_of(SLACK));
        let mut sums = vec![T::ZERO; PLACES * weights];
        let mut values = vec![T::ZERO; PLACES * (channels + out_channels) * width];
        for first in (0..tiles).step_by(width) {
            let end = tiles.min(first + width);
            let (inputs, grads) = values.split_at_mut(PLACES * channels * width);
            transform_all((kernels, Way::Input), x, &input, &input.panel(first, end), inputs, width);
            transform_all((kernels, Way::Grad), grad, &outer, &outer.panel(first, end), grads, width);
            let sizes = Sizes { rows: out_channels, columns: channels, depth: end - first };
            let operands = grads.par_chunks_exact(out_channels * width).zip(inputs.par_chunks_exact(channels * width));
            sums.par_chunks_exact_mut(weights).zip(operands).for_each(|(sums, (grads, inputs))| {
                let (left, right) = (View::rows(grads, width), View::transposed(inputs, width));
                matmul::product_into(sums, channels, Output::Accumulate, sizes, left, right);
            });
        }
        sums
    };
    sums.truncate(PLACES * weights);
    let row = (par::CHUNK / TAPS).next_multiple_of(SLACK);
    par::build(weights * TAPS, row * TAPS, |start, out: &mut [T]| {
        simd::run!(weights_of(&sums, weights, start / TAPS, out));
    })
}

/// Transforms all channels of a panel on all threads: `[places, channels, stride]`.
fn transform_all<T: Float>(
    way: (Kernels<T>, Way),
    x: &[T],
    tiling: &Tiling,
    panel: &Panel,
    values: &mut [T],
    width: usize,
) {
    const PIECE: usize = 8;
    let depth = tiling.channels;
    let shared = Shared::new(values);
    (0..depth.div_ceil(PIECE)).into_par_iter().for_each(|part| {
        let (mut lines, mut places) = (Lines::new(tiling, width), vec![T::ZERO; PLACES * width]);
        for channel in part * PIECE..depth.min((part + 1) * PIECE) {
            transform(way, x, tiling, channel, panel, &mut lines, (&mut places, width, width));
            for (place, from) in places.chunks_exact(width).enumerate() {
                // SAFETY: each channel has its own rows.
                #[expect(unsafe_code, reason = "a channel's rows are not one slice")]
                unsafe { shared.slice((place * depth + channel) * width, width) }.copy_from_slice(from);
            }
        }
    });
}

/// `G' m G` of the weights from `first` on.
#[inline(always)]
fn weights_of<T: Float>(sums: &[T], weights: usize, first: usize, out: &mut [T]) {
    const LANES: usize = 16;
    let half = T::of(0.5);
    for (at, out) in (first..).step_by(LANES).zip(out.chunks_mut(LANES * TAPS)) {
        let mut values = [[T::ZERO; LANES]; PLACES];
        for (place, values) in values.iter_mut().enumerate() {
            let sums = &sums[place * weights + at..];
            match sums.first_chunk::<LANES>() {
                Some(sums) => *values = *sums,
                None => values.iter_mut().zip(sums).for_each(|(value, &sum)| *value = sum),
            }
        }
        let mut rows = [[T::ZERO; LANES]; 12];
        for column in 0..4 {
            for lane in 0..LANES {
                let [a, b, c, d] = [0, 4, 8, 12].map(|row| values[row + column][lane]);
                rows[column][lane] = a + (b + c) * half;
                rows[4 + column][lane] = (b - c) * half;
                rows[8 + column][lane] = (b + c) * half + d;
            }
        }
        let mut taps = [[T::ZERO; LANES]; TAPS];
        for row in 0..3 {
            for lane in 0..LANES {
                let [a, b, c, d] = [0, 1, 2, 3].map(|column| rows[4 * row + column][lane]);
                taps[3 * row][lane] = a + (b + c) * half;
                taps[3 * row + 1][lane] = (b - c) * half;
                taps[3 * row + 2][lane] = (b + c) * half + d;
            }
        }
        for (lane, out) in out.chunks_exact_mut(TAPS).enumerate() {
            for (out, tap) in out.iter_mut().zip(&taps) {
                *out = tap[lane];
            }
        }
    }
}
