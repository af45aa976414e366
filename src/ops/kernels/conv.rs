//! Convolutions as matrix products over blocks of the image that fit the cache.
//!
//! The work is cut into blocks of output pixels: some rows of one image, or several small images. For each block the
//! pixels that the filters see are laid out as a matrix (Chellapilla et al. 2006) and multiplied with the weights.
//! Blocks depend on the shapes alone, and what several of them add to is added in their order.

use rayon::prelude::*;

use super::float::Float;
use super::matmul::{self, Output, Sizes, View};
use super::par::{self, Shared};
use super::simd;
use super::window::Window;

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

/// Some output rows of some images.
#[derive(Debug, Clone, Copy)]
struct Block {
    images: [usize; 2],
    rows: [usize; 2],
}

impl Geometry {
    fn area(&self) -> usize {
        self.size[0] * self.size[1]
    }

    fn out_area(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Input channels of a group.
    fn inner(&self) -> usize {
        self.channels / self.groups.max(1)
    }

    /// Output channels of a group.
    fn outer(&self) -> usize {
        self.out_channels / self.groups.max(1)
    }

    /// Weights of a filter: rows of a block's matrix.
    fn depth(&self) -> usize {
        self.inner() * self.window.kernel[0] * self.window.kernel[1]
    }

    fn is_depthwise(&self) -> bool {
        self.inner() == 1 && self.outer() == 1
    }

    fn is_empty(&self) -> bool {
        self.batch * self.channels * self.area() * self.out_channels * self.out_area() == 0
    }

    /// Output pixels of a block: its matrix should fit the second cache.
    fn wanted(&self) -> usize {
        (96 * 1024 / self.depth().max(1)).clamp(96, 1024)
    }

    /// Images of a block.
    fn images(&self) -> usize {
        (self.wanted() / self.out_area().max(1)).clamp(1, self.batch.max(1))
    }

    /// Output rows of a block, in parts of nearly the same size.
    fn rows(&self) -> usize {
        let most = (self.wanted() / self.output[1].max(1)).clamp(1, self.output[0].max(1));
        self.output[0].div_ceil(self.output[0].div_ceil(most).max(1))
    }

    /// The blocks of some images, in order.
    fn blocks(&self, images: std::ops::Range<usize>) -> impl Iterator<Item = Block> + use<> {
        let (group, rows, height) = (self.images(), self.rows(), self.output[0]);
        let end = images.end;
        images.step_by(group).flat_map(move |image| {
            (0..height).step_by(rows.max(1)).map(move |row| Block {
                images: [image, (image + group).min(end)],
                rows: [row, (row + rows).min(height)],
            })
        })
    }

    /// Output pixels of a block.
    fn pixels(&self, block: Block) -> usize {
        (block.images[1] - block.images[0]) * (block.rows[1] - block.rows[0]) * self.output[1]
    }

    /// Output columns that see the input at a column of the filter, and the input column of the first.
    fn reach(&self, tap: usize) -> (usize, usize, usize) {
        let Window { stride, padding, dilation, .. } = self.window;
        let shift = tap * dilation[1];
        let first = padding[1].saturating_sub(shift).div_ceil(stride[1]).min(self.output[1]);
        let end = (self.size[1] + padding[1]).saturating_sub(shift).div_ceil(stride[1]).min(self.output[1]);
        (first, end.max(first), (first * stride[1] + shift).saturating_sub(padding[1]))
    }

    /// The input row that an output row sees at a row of the filter, if it lies inside.
    fn source_row(&self, row: usize, tap: usize) -> Option<usize> {
        let Window { stride, padding, dilation, .. } = self.window;
        (row * stride[0] + tap * dilation[0]).checked_sub(padding[0]).filter(|&row| row < self.size[0])
    }
}

/// Calls `each(filter row in the matrix, tap row, reach)` for every row of a group's matrix, with its input channel.
#[inline(always)]
fn each_tap(geometry: &Geometry, mut each: impl FnMut(usize, usize, usize, (usize, usize, usize))) {
    let [height, width] = geometry.window.kernel;
    let mut line = 0;
    for channel in 0..geometry.inner() {
        for row in 0..height {
            for column in 0..width {
                each(line, channel, row, geometry.reach(column));
                line += 1;
            }
        }
    }
}

/// Lays out what the filters of a group see in a block: `[depth, pixels]`.
fn gather<T: Float>(x: &[T], geometry: &Geometry, group: usize, block: Block, matrix: &mut [T]) {
    let pixels = geometry.pixels(block);
    let (area, width, out_width) = (geometry.area(), geometry.size[1], geometry.output[1]);
    let stride = geometry.window.stride[1];
    each_tap(geometry, |line, channel, tap, (first, end, source)| {
        let line = &mut matrix[line * pixels..(line + 1) * pixels];
        let mut lines = line.chunks_exact_mut(out_width);
        for image in block.images[0]..block.images[1] {
            let plane = image * geometry.channels + group * geometry.inner() + channel;
            let x = &x[plane * area..(plane + 1) * area];
            for (row, line) in (block.rows[0]..block.rows[1]).zip(&mut lines) {
                let Some(row) = geometry.source_row(row, tap) else {
                    line.fill(T::ZERO);
                    continue;
                };
                line[..first].fill(T::ZERO);
                line[end..].fill(T::ZERO);
                if end > first {
                    let start = row * width + source;
                    let x = &x[start..=start + (end - first - 1) * stride];
                    let line = &mut line[first..end];
                    match stride {
                        1 => line.copy_from_slice(x),
                        _ => line.iter_mut().zip(x.iter().step_by(stride)).for_each(|(line, &x)| *line = x),
                    }
                }
            }
        }
    });
}

/// Adds a block's matrix back to where [`gather`] took it from. `x` starts with the first image of the block.
fn scatter<T: Float>(matrix: &[T], geometry: &Geometry, group: usize, block: Block, first_image: usize, x: &mut [T]) {
    let pixels = geometry.pixels(block);
    let (area, width, out_width) = (geometry.area(), geometry.size[1], geometry.output[1]);
    let stride = geometry.window.stride[1];
    each_tap(geometry, |line, channel, tap, (first, end, source)| {
        let mut lines = matrix[line * pixels..(line + 1) * pixels].chunks_exact(out_width);
        for image in block.images[0]..block.images[1] {
            let plane = (image - first_image) * geometry.channels + group * geometry.inner() + channel;
            let x = &mut x[plane * area..(plane + 1) * area];
            for (row, line) in (block.rows[0]..block.rows[1]).zip(&mut lines) {
                let Some(row) = geometry.source_row(row, tap).filter(|_| end > first) else { continue };
                let start = row * width + source;
                let x = &mut x[start..=start + (end - first - 1) * stride];
                let line = &line[first..end];
                match stride {
                    1 => x.iter_mut().zip(line).for_each(|(x, &value)| *x += value),
                    _ => x.iter_mut().step_by(stride).zip(line).for_each(|(x, &value)| *x += value),
                }
            }
        }
    });
}

/// Lays out a group's output gradient in a block: `[out channels of the group, pixels]`.
fn gather_grad<T: Float>(grad: &[T], geometry: &Geometry, group: usize, block: Block, matrix: &mut [T]) {
    let (out_area, out_width) = (geometry.out_area(), geometry.output[1]);
    let run = (block.rows[1] - block.rows[0]) * out_width;
    let mut lines = matrix.chunks_exact_mut(run);
    for channel in 0..geometry.outer() {
        for image in block.images[0]..block.images[1] {
            let plane = image * geometry.out_channels + group * geometry.outer() + channel;
            let start = plane * out_area + block.rows[0] * out_width;
            if let Some(line) = lines.next() {
                line.copy_from_slice(&grad[start..start + run]);
            }
        }
    }
}

fn resized<T: Float>(scratch: &mut Vec<T>, len: usize) -> &mut [T] {
    if scratch.len() < len {
        scratch.resize(len, T::ZERO);
    }
    &mut scratch[..len]
}

/// Output `[batch, out channels, height, width]`.
pub fn forward<T: Float>(x: &[T], weight: &[T], bias: Option<&[T]>, geometry: &Geometry) -> Vec<T> {
    if geometry.is_depthwise() {
        return depthwise_forward(x, weight, bias, geometry);
    }
    let (out_area, out_width) = (geometry.out_area(), geometry.output[1]);
    let mut out = vec![T::ZERO; geometry.batch * geometry.out_channels * out_area];
    if geometry.is_empty() {
        return out;
    }
    let blocks: Vec<Block> = geometry.blocks(0..geometry.batch).collect();
    let shared = Shared::new(&mut out);
    let (depth, outer) = (geometry.depth(), geometry.outer());
    let work = |(matrix, product): &mut (Vec<T>, Vec<T>), block: Block| {
        let pixels = geometry.pixels(block);
        let run = (block.rows[1] - block.rows[0]) * out_width;
        for group in 0..geometry.groups {
            let matrix = resized(matrix, depth * pixels);
            let product = resized(product, outer * pixels);
            gather(x, geometry, group, block, matrix);
            let weight = &weight[group * outer * depth..(group + 1) * outer * depth];
            let sizes = Sizes { rows: outer, columns: pixels, depth };
            let (left, right) = (View::rows(weight, depth), View::rows(matrix, pixels));
            matmul::product_into(product, pixels, Output::Replace, sizes, left, right);
            let mut lines = product.chunks_exact(run);
            for channel in group * outer..(group + 1) * outer {
                let bias = bias.map_or(T::ZERO, |bias| bias[channel]);
                for image in block.images[0]..block.images[1] {
                    let start = (image * geometry.out_channels + channel) * out_area + block.rows[0] * out_width;
                    // SAFETY: no other block has these rows of this image.
                    #[expect(unsafe_code, reason = "a block's rows of all channels are not one slice")]
                    let out = unsafe { shared.slice(start, run) };
                    if let Some(line) = lines.next() {
                        out.iter_mut().zip(line).for_each(|(out, &value)| *out = value + bias);
                    }
                }
            }
        }
    };
    for_each_block(&blocks, work);
    out
}

/// Runs small work on this thread, and else each block on any, with scratch vectors that are used again.
fn for_each_block<T: Float>(blocks: &[Block], work: impl Fn(&mut (Vec<T>, Vec<T>), Block) + Sync + Send) {
    if let [block] = blocks {
        work(&mut Default::default(), *block);
    } else {
        blocks.par_iter().for_each_init(Default::default, |scratch, &block| work(scratch, block));
    }
}

/// Gradient of the input.
pub fn backward_input<T: Float>(grad: &[T], weight: &[T], geometry: &Geometry) -> Vec<T> {
    if geometry.is_depthwise() {
        return depthwise_backward_input(grad, weight, geometry);
    }
    let sample = geometry.channels * geometry.area();
    let mut out = vec![T::ZERO; geometry.batch * sample];
    if geometry.is_empty() {
        return out;
    }
    let (depth, outer, images) = (geometry.depth(), geometry.outer(), geometry.images());
    let work = |(matrix, grads): &mut (Vec<T>, Vec<T>), (index, out): (usize, &mut [T])| {
        let first = index * images;
        for block in geometry.blocks(first..(first + images).min(geometry.batch)) {
            let pixels = geometry.pixels(block);
            for group in 0..geometry.groups {
                let matrix = resized(matrix, depth * pixels);
                let grads = resized(grads, outer * pixels);
                gather_grad(grad, geometry, group, block, grads);
                let weight = &weight[group * outer * depth..(group + 1) * outer * depth];
                let sizes = Sizes { rows: depth, columns: pixels, depth: outer };
                let (left, right) = (View::transposed(weight, depth), View::rows(grads, pixels));
                matmul::product_into(matrix, pixels, Output::Replace, sizes, left, right);
                simd::run(|| scatter(matrix, geometry, group, block, first, out));
            }
        }
    };
    out.par_chunks_mut(images * sample).enumerate().for_each_init(Default::default, work);
    out
}

/// Gradient of the weights.
pub fn backward_weight<T: Float>(grad: &[T], x: &[T], geometry: &Geometry) -> Vec<T> {
    if geometry.is_depthwise() {
        return depthwise_backward_weight(grad, x, geometry);
    }
    let (depth, outer) = (geometry.depth(), geometry.outer());
    let weights = geometry.out_channels * depth;
    if geometry.is_empty() {
        return vec![T::ZERO; weights];
    }
    // Each part has a sum of its own, so large weights get few parts.
    let groups_of_images = geometry.batch.div_ceil(geometry.images());
    let blocks = groups_of_images * geometry.output[0].div_ceil(geometry.rows());
    let parts = (8 * 1024 * 1024 / weights.max(1)).clamp(2, 16).min(blocks).max(1);
    let blocks: Vec<Block> = geometry.blocks(0..geometry.batch).collect();
    let mut sums = vec![T::ZERO; parts * weights];
    let work = |(matrix, grads): &mut (Vec<T>, Vec<T>), (part, sum): (usize, &mut [T])| {
        let [first, end] = [part, part + 1].map(|part| part * blocks.len() / parts);
        for &block in &blocks[first..end] {
            let pixels = geometry.pixels(block);
            for group in 0..geometry.groups {
                let matrix = resized(matrix, depth * pixels);
                let grads = resized(grads, outer * pixels);
                gather(x, geometry, group, block, matrix);
                gather_grad(grad, geometry, group, block, grads);
                let sizes = Sizes { rows: outer, columns: depth, depth: pixels };
                let sum = &mut sum[group * outer * depth..(group + 1) * outer * depth];
                let (left, right) = (View::rows(grads, pixels), View::transposed(matrix, pixels));
                matmul::product_into(sum, depth, Output::Accumulate, sizes, left, right);
            }
        }
    };
    sums.par_chunks_mut(weights).enumerate().for_each_init(Default::default, work);
    par::build(weights, par::CHUNK, |start, out: &mut [T]| {
        for sum in sums.chunks_exact(weights) {
            let sum = par::piece(sum, start, out.len());
            out.iter_mut().zip(sum).for_each(|(out, &sum)| *out += sum);
        }
    })
}

/// Gradient of the bias: the sum of each channel.
pub fn backward_bias<T: Float>(grad: &[T], geometry: &Geometry) -> Vec<T> {
    let Geometry { batch, out_channels, .. } = *geometry;
    let area = geometry.out_area();
    let chunk = (par::CHUNK / (batch * area).max(1)).max(1);
    par::build(out_channels, chunk, |start, out: &mut [T]| {
        simd::run(|| {
            for (channel, out) in (start..).zip(out) {
                let planes = (0..batch).map(|image| par::piece(grad, (image * out_channels + channel) * area, area));
                *out = T::of(planes.map(|plane| par::sum(plane, plane, |grad, _| grad).to_f64()).sum());
            }
        });
    })
}

/// Calls `each(weight index, output slice start, count, input start)` for every row that a plane's filter sees.
#[inline(always)]
fn each_row(geometry: &Geometry, mut each: impl FnMut(usize, usize, usize, usize)) {
    let [height, width] = geometry.window.kernel;
    for out_row in 0..geometry.output[0] {
        for tap in 0..height {
            let Some(row) = geometry.source_row(out_row, tap) else { continue };
            for column in 0..width {
                let (first, end, source) = geometry.reach(column);
                if end > first {
                    let start = out_row * geometry.output[1] + first;
                    each(tap * width + column, start, end - first, row * geometry.size[1] + source);
                }
            }
        }
    }
}

fn depthwise_forward<T: Float>(x: &[T], weight: &[T], bias: Option<&[T]>, geometry: &Geometry) -> Vec<T> {
    let (area, out_area) = (geometry.area(), geometry.out_area());
    let (taps, stride) = (geometry.depth(), geometry.window.stride[1]);
    if out_area == 0 {
        return Vec::new();
    }
    let chunk = (par::CHUNK / out_area).max(1) * out_area;
    par::build(geometry.batch * geometry.channels * out_area, chunk, |start, out: &mut [T]| {
        simd::run(|| {
            for (plane, out) in (start / out_area..).zip(out.chunks_exact_mut(out_area)) {
                let channel = plane % geometry.channels;
                let x = &x[plane * area..(plane + 1) * area];
                let weight = &weight[channel * taps..(channel + 1) * taps];
                out.fill(bias.map_or(T::ZERO, |bias| bias[channel]));
                each_row(geometry, |tap, start, count, source| {
                    let (out, weight) = (&mut out[start..start + count], weight[tap]);
                    let x = &x[source..=source + (count - 1) * stride];
                    if stride == 1 {
                        out.iter_mut().zip(x).for_each(|(out, &x)| *out += weight * x);
                    } else {
                        out.iter_mut().zip(x.iter().step_by(stride)).for_each(|(out, &x)| *out += weight * x);
                    }
                });
            }
        });
    })
}

fn depthwise_backward_input<T: Float>(grad: &[T], weight: &[T], geometry: &Geometry) -> Vec<T> {
    let (area, out_area) = (geometry.area(), geometry.out_area());
    let (taps, stride) = (geometry.depth(), geometry.window.stride[1]);
    if area == 0 {
        return Vec::new();
    }
    let chunk = (par::CHUNK / area).max(1) * area;
    par::build(geometry.batch * geometry.channels * area, chunk, |start, out: &mut [T]| {
        simd::run(|| {
            for (plane, out) in (start / area..).zip(out.chunks_exact_mut(area)) {
                let channel = plane % geometry.channels;
                let grad = &grad[plane * out_area..(plane + 1) * out_area];
                let weight = &weight[channel * taps..(channel + 1) * taps];
                each_row(geometry, |tap, start, count, source| {
                    let (grad, weight) = (&grad[start..start + count], weight[tap]);
                    let out = &mut out[source..=source + (count - 1) * stride];
                    if stride == 1 {
                        out.iter_mut().zip(grad).for_each(|(out, &grad)| *out += weight * grad);
                    } else {
                        out.iter_mut().step_by(stride).zip(grad).for_each(|(out, &grad)| *out += weight * grad);
                    }
                });
            }
        });
    })
}

fn depthwise_backward_weight<T: Float>(grad: &[T], x: &[T], geometry: &Geometry) -> Vec<T> {
    let (area, out_area) = (geometry.area(), geometry.out_area());
    let (taps, stride) = (geometry.depth(), geometry.window.stride[1]);
    par::build(geometry.channels * taps, taps.max(1), |start, out: &mut [T]| {
        simd::run(|| {
            let channel = start / taps.max(1);
            for image in 0..geometry.batch {
                let plane = image * geometry.channels + channel;
                let x = &x[plane * area..(plane + 1) * area];
                let grad = &grad[plane * out_area..(plane + 1) * out_area];
                each_row(geometry, |tap, start, count, source| {
                    let grad = &grad[start..start + count];
                    let x = &x[source..=source + (count - 1) * stride];
                    out[tap] += if stride == 1 {
                        par::sum(x, grad, |x, grad| x * grad)
                    } else {
                        let pairs = x.iter().step_by(stride).zip(grad);
                        pairs.fold(T::ZERO, |sum, (&x, &grad)| sum + x * grad)
                    };
                });
            }
        });
    })
}
