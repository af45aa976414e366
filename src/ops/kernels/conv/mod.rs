//! Convolutions as matrix products whose right side is never written down.
//!
//! A block of the images is laid out with zeros around it ([`super::grid`]), so that what the filters see at one of their
//! places is a slice of it; the inner loops ([`super::vector`]) read it from there. The gradient of the input is such a
//! product too, of the output's gradient with the filters turned around, once for each remainder of the steps. Blocks
//! depend on the shapes alone, and what several of them add to is added in their order.

mod ready;
#[cfg(test)]
mod tests;
mod weight;

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::activation::Floor;
use super::depthwise;
use super::float::Float;
use super::grid::{Axis, Block, Grid, copy_row};
use super::par::{self, Shared};
use super::pointwise;
use super::simd;
use super::vector::{Kernels, LARGEST_FILTERS, LARGEST_TILE, Reach};
use super::window::Window;
use super::winograd::{self, Part};

pub use ready::Ready;
pub use weight::backward_weight;

/// Sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Input channels.
    pub channels: usize,
    /// Height and width of the input.
    pub size: [usize; 2],
    /// Output channels.
    pub out_channels: usize,
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// The filter's window.
    pub window: Window,
}

impl Geometry {
    #[inline(always)]
    pub(super) fn area(&self) -> usize {
        self.size[0] * self.size[1]
    }

    #[inline(always)]
    pub(super) fn out_area(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Input channels of a group.
    #[inline(always)]
    fn inner(&self) -> usize {
        self.channels / self.groups.max(1)
    }

    /// Output channels of a group.
    #[inline(always)]
    fn outer(&self) -> usize {
        self.out_channels / self.groups.max(1)
    }

    /// Places of a filter in one channel.
    #[inline(always)]
    fn taps(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1]
    }

    /// Weights of a filter.
    #[inline(always)]
    pub(super) fn depth(&self) -> usize {
        self.inner() * self.taps()
    }

    fn is_depthwise(&self) -> bool {
        self.inner() == 1 && self.outer() == 1
    }

    fn is_empty(&self) -> bool {
        self.batch * self.channels * self.area() * self.out_channels * self.out_area() == 0
    }

    /// Output columns that see the input at a column of the filter, and the input column of the first.
    #[inline(always)]
    pub(super) fn reach(&self, tap: usize) -> (usize, usize, usize) {
        let Window { stride, padding, dilation, .. } = self.window;
        let shift = tap * dilation[1];
        let first = padding[1].saturating_sub(shift).div_ceil(stride[1]).min(self.output[1]);
        let end = (self.size[1] + padding[1]).saturating_sub(shift).div_ceil(stride[1]).min(self.output[1]);
        (first, end.max(first), (first * stride[1] + shift).saturating_sub(padding[1]))
    }

    /// The input row that an output row sees at a row of the filter, if it lies inside.
    #[inline(always)]
    pub(super) fn source_row(&self, row: usize, tap: usize) -> Option<usize> {
        let Window { stride, padding, dilation, .. } = self.window;
        (row * stride[0] + tap * dilation[0]).checked_sub(padding[0]).filter(|&row| row < self.size[0])
    }

    /// Each place of the filter: what the steps leave over of its distance from the corner, and the whole steps.
    fn places(&self) -> Vec<[[usize; 2]; 2]> {
        let Window { kernel, stride, dilation, .. } = self.window;
        let split =
            |axis: usize, tap: usize| [tap * dilation[axis] % stride[axis], tap * dilation[axis] / stride[axis]];
        let of_row = |row: usize| {
            (0..kernel[1]).map(move |column| {
                let (row, column) = (split(0, row), split(1, column));
                [[row[0], column[0]], [row[1], column[1]]]
            })
        };
        (0..kernel[0]).flat_map(of_row).collect()
    }

    /// Whole steps from one end of the filter to the other.
    fn extent(&self, axis: usize) -> usize {
        let Window { kernel, stride, dilation, .. } = self.window;
        kernel[axis].saturating_sub(1) * dilation[axis] / stride[axis]
    }

    /// Multiplications of the convolution, which are those of each gradient too.
    fn products(&self) -> usize {
        [self.batch, self.out_channels, self.out_area(), self.depth()].into_iter().fold(1, usize::saturating_mul)
    }

    /// The input of a group as the filters see it, and where they find their values.
    fn input_grid(&self) -> (Grid, Reach) {
        let Window { stride, padding, .. } = self.window;
        let axes = [0, 1].map(|axis| {
            let (reach, outputs, margin) = (self.extent(axis), self.output[axis], padding[axis]);
            // Cells behind the last value, and cells in front of the first, whatever the steps leave over.
            let behind = (outputs + reach).saturating_sub((self.size[axis] + margin).div_ceil(stride[axis]));
            let shared = behind.min(margin / stride[axis]).min(reach);
            Axis { size: self.size[axis], step: stride[axis], margin, outputs, reach, shared }
        });
        let places = self.places();
        let mut phases: Vec<[usize; 2]> = places.iter().map(|place| place[0]).collect();
        phases.sort_unstable();
        phases.dedup();
        let grid = Grid::new(self.inner(), axes, phases, self.batch, self.outer() * self.depth());
        let line = grid.axes[1].line();
        let of_channel = |channel: usize| {
            let grid = &grid;
            places.iter().map(move |[left, steps]| {
                let phase = grid.phases.iter().position(|phase| phase == left).unwrap_or(0);
                grid.channel(phase, channel) + steps[0] * line + steps[1]
            })
        };
        let reach = Reach::new((0..self.inner()).flat_map(of_channel).collect());
        (grid, reach)
    }

    /// The output's gradient of a group as the turned filters see it.
    fn grad_grid(&self) -> Grid {
        let Window { stride, padding, .. } = self.window;
        let axes = [0, 1].map(|axis| {
            let before = self.steps_before(axis);
            let margin = self.extent(axis).saturating_sub(before);
            let outputs = (self.size[axis] - 1 + padding[axis]) / stride[axis] - before + 1;
            let shared = margin.min((outputs + before).saturating_sub(self.output[axis]));
            Axis { size: self.output[axis], step: 1, margin, outputs, reach: before + margin, shared }
        });
        let work = self.inner() * self.outer() * self.taps().div_ceil(stride[0] * stride[1]);
        Grid::new(self.outer(), axes, vec![[0, 0]], self.batch, work)
    }

    /// Whole steps that lie in the padding.
    fn steps_before(&self, axis: usize) -> usize {
        self.window.padding[axis] / self.window.stride[axis]
    }
}

/// Where the pixels of a grid lie in an image: `pixel * step + shift`, if that is inside.
#[derive(Debug, Clone, Copy)]
struct Placement {
    channels: usize,
    size: [usize; 2],
    step: [usize; 2],
    shift: [isize; 2],
}

/// Pixels side by side that have a place in the image.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: usize,
    len: usize,
    /// Where the first one lies in the first channel.
    place: usize,
}

impl Placement {
    fn runs(&self, grid: &Grid, block: Block) -> Vec<Run> {
        let inside = |axis: usize, at: usize| {
            let place = (at * self.step[axis]) as isize + self.shift[axis];
            usize::try_from(place).ok().filter(|&place| place < self.size[axis])
        };
        let columns: Vec<usize> = (0..grid.axes[1].outputs).filter(|&at| inside(1, at).is_some()).collect();
        let (Some(&first), len) = (columns.first(), columns.len()) else { return Vec::new() };
        let column = inside(1, first).unwrap_or(0);
        let area = self.size[0] * self.size[1];
        let mut runs = Vec::new();
        for image in block.images[0]..block.images[1] {
            for row in block.rows[0]..block.rows[1] {
                let Some(place) = inside(0, row) else { continue };
                let cell = (image - block.images[0]) * grid.image(block) + (row - block.rows[0]) * grid.axes[1].line();
                let place = image * self.channels * area + place * self.size[1] + column;
                runs.push(Run { first: cell + first, len, place });
            }
        }
        runs
    }
}

/// Filters in the order in which the tiles read them.
struct Filters<'a, T: Clone> {
    packed: Cow<'a, [T]>,
    count: usize,
    reach: Reach,
}

/// `count` filters, `stride` apart in `weight`, in the order in which the tiles read them: first what lies at `order`.
fn pack<T: Float>(kernels: Kernels<T>, weight: &[T], (count, stride): (usize, usize), order: &[usize]) -> Vec<T> {
    let across = kernels.filters;
    let mut packed = vec![T::ZERO; count.div_ceil(across) * across * order.len()];
    let tiles = packed.par_chunks_mut((across * order.len()).max(1)).enumerate();
    tiles.for_each(|(tile, packed)| {
        for (lane, filter) in (tile * across..((tile + 1) * across).min(count)).enumerate() {
            let weight = &weight[filter * stride..];
            for (packed, &at) in packed.chunks_exact_mut(across).zip(order) {
                packed[lane] = weight[at];
            }
        }
    });
    packed
}

/// What becomes of a sum before it is stored.
#[derive(Debug, Clone, Copy)]
pub struct After<'a, T> {
    /// Added to each output channel.
    pub bias: Option<&'a [T]>,
    /// Of the sum.
    pub floor: Floor<T>,
}

impl<'a, T: Float> After<'a, T> {
    /// A bias, if there is one, and nothing else.
    pub fn bias(bias: Option<&'a [T]>) -> Self {
        Self { bias, floor: Floor::new(false) }
    }
}

impl<T: Float> Filters<'_, T> {
    /// All pixels of a block under some filters, which are whole tiles, put in their places: those of the very first filter
    /// in the channel `channel`.
    fn apply(
        &self,
        kernels: Kernels<T>,
        these: Range<usize>,
        cells: &[T],
        pixels: usize,
        runs: &[Run],
        After { bias, floor }: After<'_, T>,
        (placement, channel): (&Placement, usize),
        out: &Shared<'_, MaybeUninit<T>>,
    ) {
        /// Filters beyond this many values are read once for all pixels, not once for each tile of pixels.
        const LARGE: usize = 128 * 1024;
        let area = placement.size[0] * placement.size[1];
        let step = placement.step[1];
        let mut sums = [T::ZERO; LARGEST_TILE];
        let depth = self.reach.len();
        let mut tile = |first: usize, start: usize| {
            let weights = &self.packed[first * depth..(first + kernels.filters) * depth];
            kernels.tile(weights, &self.reach, &cells[start..], &mut sums);
            let end = start + kernels.pixels;
            let from = runs.partition_point(|run| run.first + run.len <= start);
            let filters = kernels.filters.min(self.count - first);
            let mut biases = [T::ZERO; LARGEST_FILTERS];
            if let Some(bias) = bias {
                biases[..filters].copy_from_slice(&bias[first..first + filters]);
            }
            for run in runs[from..].iter().take_while(|run| run.first < end) {
                let (from, to) = (run.first.max(start), (run.first + run.len).min(end));
                let place = (channel + first) * area + run.place + (from - run.first) * step;
                let of_filters = sums.chunks_exact(kernels.pixels).zip(biases).take(filters);
                for (filter, (sums, bias)) in of_filters.enumerate() {
                    let sums = &sums[from - start..to - start];
                    // SAFETY: the rows of a block belong to the thread that works on the block.
                    #[expect(unsafe_code, reason = "a block's rows of all channels are not one slice")]
                    let out = unsafe { out.slice(place + filter * area, (sums.len() - 1) * step + 1) };
                    if step == 1 {
                        copy_row(sums, out, |sum| MaybeUninit::new(floor.under(sum + bias)));
                    } else {
                        let places = out.iter_mut().step_by(step).zip(sums);
                        places.for_each(|(out, &sum)| _ = out.write(floor.under(sum + bias)));
                    }
                }
            }
        };
        let is_large = these.len() * depth > LARGE;
        let (filters, starts) = (these.step_by(kernels.filters), (0..pixels).step_by(kernels.pixels));
        simd::run!({
            if is_large {
                filters.for_each(|first| starts.clone().for_each(|start| tile(first, start)));
            } else {
                starts.for_each(|start| filters.clone().for_each(|first| tile(first, start)));
            }
        });
    }
}

/// A block's cells, which are used again for the next block if that has the same shape.
struct Scratch<T> {
    cells: Vec<T>,
    shape: [usize; 2],
}

impl<T: Float> Scratch<T> {
    fn new() -> Self {
        Self { cells: Vec::new(), shape: [0, 0] }
    }

    /// Room for a block, with zeros between what [`Grid::fill`] writes.
    fn prepare(&mut self, len: usize, block: Block) -> &mut [T] {
        let shape = [block.images[1] - block.images[0], block.rows[1] - block.rows[0]];
        if self.shape != shape || self.cells.len() != len {
            self.shape = shape;
            self.cells.clear();
            self.cells.resize(len, T::ZERO);
        }
        &mut self.cells
    }
}

/// Multiplications that are worth a thread.
const WORTH: usize = 1 << 20;

/// Runs small work on this thread, and else each block on any, with scratch that is used again. Where there are fewer blocks
/// than threads, each is done several times, for some of its `filters` at a time; `work` is the number of multiplications of
/// all blocks. Which filters are done together changes no result.
fn for_each_block<T: Float>(
    blocks: &[Block],
    (filters, across, work): (usize, usize, usize),
    each: impl Fn(&mut Scratch<T>, Block, Range<usize>) + Sync + Send,
) {
    let tiles = filters.div_ceil(across.max(1));
    let parts = parts_for_threads(blocks.len(), tiles, work);
    if blocks.len() * parts <= 1 {
        for &block in blocks {
            each(&mut Scratch::new(), block, 0..filters);
        }
        return;
    }
    (0..blocks.len() * parts).into_par_iter().for_each_init(Scratch::new, |scratch, index| {
        let [first, end] = [index % parts, index % parts + 1].map(|part| (part * tiles / parts * across).min(filters));
        each(scratch, blocks[index / parts], first..end);
    });
}

/// Into how many parts each of a few pieces of work is divided, of which none is smaller than what is worth a thread.
fn parts_for_threads(pieces: usize, most: usize, work: usize) -> usize {
    let threads = rayon::current_num_threads();
    if threads == 1 || pieces == 0 {
        return 1;
    }
    (2 * threads).div_ceil(pieces).min(work / pieces / WORTH).clamp(1, most.max(1))
}

/// Output `[batch, out channels, height, width]`.
pub fn forward<T: Float>(x: &[T], weight: &[T], bias: Option<&[T]>, geometry: &Geometry) -> Vec<T> {
    if geometry.is_depthwise() {
        return depthwise::forward(x, weight, bias, geometry);
    }
    if pointwise::fits(geometry) {
        return pointwise::forward(x, weight, After::bias(bias), geometry);
    }
    if winograd::fits(geometry, Part::Forward) {
        return winograd::forward(x, weight, bias, geometry);
    }
    forward_with(T::kernels(), x, weight, bias, geometry)
}

/// The filters of each group in the order of the tiles.
fn pack_groups<T: Float>(kernels: Kernels<T>, weight: &[T], geometry: &Geometry) -> Vec<Vec<T>> {
    let (outer, depth) = (geometry.outer(), geometry.depth());
    let order: Vec<usize> = (0..depth).collect();
    let groups = weight.chunks_exact((outer * depth).max(1));
    groups.map(|weight| pack(kernels, weight, (outer, depth), &order)).collect()
}

fn forward_with<T: Float>(
    kernels: Kernels<T>,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    geometry: &Geometry,
) -> Vec<T> {
    let groups = pack_groups(kernels, weight, geometry);
    forward_packed(kernels, x, &groups, After::bias(bias), geometry)
}

fn forward_packed<T: Float>(
    kernels: Kernels<T>,
    x: &[T],
    groups: &[Vec<T>],
    after: After<'_, T>,
    geometry: &Geometry,
) -> Vec<T> {
    let len = geometry.batch * geometry.out_channels * geometry.out_area();
    if geometry.is_empty() {
        return par::zeros(len);
    }
    let outer = geometry.outer();
    let (grid, reach) = geometry.input_grid();
    let filters = |packed| Filters { packed: Cow::Borrowed(packed), count: outer, reach: reach.clone() };
    let groups: Vec<Filters<'_, T>> = groups.iter().map(|packed| filters(&packed[..])).collect();
    let placement = Placement { channels: geometry.out_channels, size: geometry.output, step: [1, 1], shift: [0, 0] };
    let write = |shared: &Shared<'_, MaybeUninit<T>>| {
        let split = (outer, kernels.filters, geometry.products());
        for_each_block(&grid.blocks(geometry.batch), split, |scratch, block, these| {
            let runs = placement.runs(&grid, block);
            let cells = scratch.prepare(grid.values(), block);
            for (group, filters) in groups.iter().enumerate() {
                simd::run!(grid.fill(x, group * geometry.inner(), geometry.channels, block, cells));
                let bias = after.bias.map(|bias| par::piece(bias, group * outer, outer));
                let to = (&placement, group * outer);
                let after = After { bias, ..after };
                filters.apply(kernels, these.clone(), cells, grid.pixels(block), &runs, after, to, shared);
            }
        });
    };
    // SAFETY: the blocks are all rows of all images, and each is done for all filters of all groups.
    #[expect(unsafe_code, reason = "zeros written before would be a pass over memory")]
    unsafe {
        par::written(len, write)
    }
}

/// Gradient of the input.
pub fn backward_input<T: Float>(grad: &[T], weight: &[T], geometry: &Geometry) -> Vec<T> {
    if geometry.is_depthwise() {
        return depthwise::backward_input(grad, weight, geometry);
    }
    if pointwise::fits(geometry) {
        return pointwise::backward_input(grad, weight, geometry);
    }
    if winograd::fits(geometry, Part::Input) {
        return winograd::backward_input(grad, weight, geometry);
    }
    backward_input_with(T::kernels(), grad, weight, geometry)
}

fn backward_input_with<T: Float>(kernels: Kernels<T>, grad: &[T], weight: &[T], geometry: &Geometry) -> Vec<T> {
    let len = geometry.batch * geometry.channels * geometry.area();
    if geometry.is_empty() {
        return par::zeros(len);
    }
    let (inner, outer, depth, taps) = (geometry.inner(), geometry.outer(), geometry.depth(), geometry.taps());
    let Window { stride, padding, .. } = geometry.window;
    let grid = geometry.grad_grid();
    let line = grid.axes[1].line();
    let places = geometry.places();
    let before = [0, 1].map(|axis| geometry.steps_before(axis));
    // For each remainder of the steps: where its pixels lie, and each group's filters.
    let mut phases: Vec<(Placement, Vec<Filters<'_, T>>)> = Vec::new();
    for left in (0..stride[0]).flat_map(|row| (0..stride[1]).map(move |column| [row, column])) {
        let (mut order, mut seen) = (Vec::new(), Vec::new());
        for filter in 0..outer {
            for (tap, [_, steps]) in places.iter().enumerate().filter(|(_, place)| place[0] == left) {
                let at = [0, 1].map(|axis| before[axis] + grid.axes[axis].margin - steps[axis]);
                order.push(filter * depth + tap);
                seen.push(grid.channel(0, filter) + at[0] * line + at[1]);
            }
        }
        let shift = [0, 1].map(|axis| (before[axis] * stride[axis] + left[axis]) as isize - padding[axis] as isize);
        let placement = Placement { channels: geometry.channels, size: geometry.size, step: stride, shift };
        let reach = Reach::new(seen);
        let of_group = |weight| {
            let packed = Cow::Owned(pack(kernels, weight, (inner, taps), &order));
            Filters { packed, count: inner, reach: reach.clone() }
        };
        phases.push((placement, weight.chunks_exact(outer * depth).map(of_group).collect()));
    }
    let write = |shared: &Shared<'_, MaybeUninit<T>>| {
        if stride != [1, 1] {
            // What no filter reaches has the gradient zero.
            (0..len.div_ceil(par::CHUNK)).into_par_iter().for_each(|index| {
                let start = index * par::CHUNK;
                // SAFETY: the chunks do not overlap, and nothing else is in use yet.
                #[expect(unsafe_code, reason = "a piece of what several threads write")]
                unsafe { shared.slice(start, par::CHUNK.min(len - start)) }.fill(MaybeUninit::new(T::ZERO));
            });
        }
        let split = (inner, kernels.filters, geometry.products());
        for_each_block(&grid.blocks(geometry.batch), split, |scratch, block, these| {
            let runs: Vec<Vec<Run>> = phases.iter().map(|(placement, _)| placement.runs(&grid, block)).collect();
            let cells = scratch.prepare(grid.values(), block);
            for group in 0..geometry.groups {
                simd::run!(grid.fill(grad, group * outer, geometry.out_channels, block, cells));
                for ((placement, groups), runs) in phases.iter().zip(&runs) {
                    let Some(filters) = groups.get(group).filter(|filters| !filters.reach.is_empty()) else { continue };
                    let to = (placement, group * inner);
                    let after = After::bias(None);
                    filters.apply(kernels, these.clone(), cells, grid.pixels(block), runs, after, to, shared);
                }
            }
        });
    };
    // SAFETY: with steps of 1 the blocks are all rows of all images, and each is done for all channels; else all was
    // zeroed.
    #[expect(unsafe_code, reason = "zeros written before would be a pass over memory")]
    unsafe {
        par::written(len, write)
    }
}

/// Adds to each plane of `area` values what its channel has.
pub fn add_to_channels<T: Float>(planes: &mut [T], channels: &[T], area: usize) {
    let area = area.max(1);
    let group = (par::CHUNK / area).max(1);
    planes.par_chunks_mut(group * area).enumerate().for_each(|(index, planes)| {
        for (plane, values) in (index * group..).zip(planes.chunks_exact_mut(area)) {
            let sum = channels[plane % channels.len()];
            for value in values {
                *value += sum;
            }
        }
    });
}

/// Gradient of the bias: the sum of each channel.
pub fn backward_bias<T: Float>(grad: &[T], geometry: &Geometry) -> Vec<T> {
    let Geometry { batch, out_channels, .. } = *geometry;
    let area = geometry.out_area();
    let chunk = (par::CHUNK / (batch * area).max(1)).max(1);
    par::build(out_channels, chunk, |start, out: &mut [T]| {
        simd::run!({
            for (channel, out) in (start..).zip(out) {
                let planes = (0..batch).map(|image| par::piece(grad, (image * out_channels + channel) * area, area));
                *out = T::of(planes.map(|plane| par::sum(plane, plane, |grad, _| grad).to_f64()).sum());
            }
        });
    })
}
