//! Images laid out with zeros around them, so that a filter's place is a fixed distance from the pixel.
//!
//! Rows share the zeros between them: the right margin of one is the left margin of the next, and so for images one below
//! the other. Pixels are then counted through all rows and images of a block, and what a filter sees at one of its places
//! is a plain slice. Where a filter steps over pixels, the image is split by what the steps leave over, so that
//! neighbours in the output are neighbours here too.

use super::float::Float;

/// One axis of the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// Values that the images have.
    pub size: usize,
    /// Distance of the values that lie side by side.
    pub step: usize,
    /// Zeros in front.
    pub margin: usize,
    /// Pixels that are computed.
    pub outputs: usize,
    /// How far the filter reaches from a pixel.
    pub reach: usize,
    /// Cells that the end of a row shares with the start of the next.
    pub shared: usize,
}

impl Axis {
    /// Cells from one row to the next.
    pub fn line(&self) -> usize {
        self.outputs + self.reach - self.shared
    }

    /// Cells that hold values of the images after `phase` left over, and the value of the first.
    fn filled(&self, phase: usize, len: usize) -> (usize, usize, usize) {
        let first = self.margin.saturating_sub(phase).div_ceil(self.step).min(len);
        let end = (self.size + self.margin).saturating_sub(phase).div_ceil(self.step).min(len);
        (first, end.max(first), (first * self.step + phase).saturating_sub(self.margin))
    }
}

/// Some rows of pixels of some images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// First image and the one after the last.
    pub images: [usize; 2],
    /// First row and the one after the last.
    pub rows: [usize; 2],
}

/// How images are laid out.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Channels of the images.
    pub channels: usize,
    /// Rows and columns.
    pub axes: [Axis; 2],
    /// What the steps leave over along both axes, for each copy that is needed.
    pub phases: Vec<[usize; 2]>,
    /// Images of a block.
    pub images: usize,
    /// Rows of a block.
    pub rows: usize,
    /// Cells of a channel in a block, as far as the last tile reads.
    pub plane: usize,
}

impl Grid {
    /// Blocks that fit the second cache, of at least some thousand multiplications, and if possible enough for all
    /// threads. `work` is the number of multiplications for a pixel.
    pub fn new(channels: usize, axes: [Axis; 2], phases: Vec<[usize; 2]>, batch: usize, work: usize) -> Self {
        const CELLS: usize = 64 * 1024;
        const WORK: usize = 2 << 20;
        const BLOCKS: usize = 16;
        /// Beyond the last pixel: the widest tile.
        const TILE: usize = 64;
        let [height, width] = axes;
        let wanted = (CELLS / (channels * phases.len()).max(1)).max(256);
        let image = height.line() * width.line();
        let batch = batch.max(1);
        let (images, rows) = if image <= wanted {
            let least = WORK.div_ceil((image * work).max(1));
            ((wanted / image.max(1)).min(batch.div_ceil(BLOCKS).max(least)).clamp(1, batch), height.outputs)
        } else {
            let most = (wanted / width.line().max(1)).clamp(1, height.outputs.max(1));
            (1, height.outputs.div_ceil(height.outputs.div_ceil(most).max(1)))
        };
        let mut grid = Self { channels, axes, phases, images, rows: rows.max(1), plane: 0 };
        let whole = Block { images: [0, images], rows: [0, rows] };
        let last = grid.pixels(whole).next_multiple_of(TILE) + TILE;
        grid.plane = last + height.reach * width.line() + width.reach;
        grid
    }

    /// All blocks of a batch, in order.
    pub fn blocks(&self, batch: usize) -> Vec<Block> {
        let (group, rows, height) = (self.images, self.rows, self.axes[0].outputs);
        let of = |image: usize| {
            (0..height).step_by(rows).map(move |row| Block {
                images: [image, (image + group).min(batch)],
                rows: [row, (row + rows).min(height)],
            })
        };
        (0..batch).step_by(group).flat_map(of).collect()
    }

    /// Cells from one image of a block to the next.
    pub fn image(&self, block: Block) -> usize {
        self.cell_rows(block) * self.axes[1].line()
    }

    fn cell_rows(&self, block: Block) -> usize {
        let rows = block.rows[1] - block.rows[0];
        if rows == self.axes[0].outputs { self.axes[0].line() } else { rows + self.axes[0].reach }
    }

    /// Pixels of a block, those between the images among them.
    pub fn pixels(&self, block: Block) -> usize {
        let rows = block.rows[1] - block.rows[0];
        let last = (block.images[1] - block.images[0]).saturating_sub(1) * self.image(block);
        last + rows.saturating_sub(1) * self.axes[1].line() + self.axes[1].outputs
    }

    /// Values that a block takes.
    pub fn values(&self) -> usize {
        self.plane * self.channels * self.phases.len()
    }

    /// Where a channel lies in the copy for a phase.
    pub fn channel(&self, phase: usize, channel: usize) -> usize {
        (phase * self.channels + channel) * self.plane
    }

    /// Lays out `channels` channels from `first_channel` on of images that have `of` channels, for a block, with
    /// what the filter sees beside the block's own rows. The margins must be zero.
    pub fn fill<T: Float>(&self, x: &[T], first_channel: usize, of: usize, block: Block, cells: &mut [T]) {
        let [height, width] = self.axes;
        let area = height.size * width.size;
        let line = width.line();
        let (cell_rows, image_cells) = (self.cell_rows(block), self.image(block));
        for (phase, left) in self.phases.iter().enumerate() {
            let (first, end, start) = width.filled(left[1], line);
            if first == end {
                continue;
            }
            for channel in 0..self.channels {
                let plane = self.channel(phase, channel);
                for image in block.images[0]..block.images[1] {
                    let x = &x[(image * of + first_channel + channel) * area..][..area];
                    let to = plane + (image - block.images[0]) * image_cells;
                    for row in 0..cell_rows {
                        let to = &mut cells[to + row * line + first..to + row * line + end];
                        let source = ((block.rows[0] + row) * height.step + left[0]).checked_sub(height.margin);
                        match source.filter(|&source| source < height.size) {
                            Some(source) => copy(&x[source * width.size + start..], width.step, to),
                            None => to.fill(T::ZERO),
                        }
                    }
                }
            }
        }
    }
}

/// Copies every `step`-th value.
#[inline(always)]
fn copy<T: Float>(from: &[T], step: usize, to: &mut [T]) {
    if step == 1 {
        copy_row(&from[..to.len()], to, |x| x);
    } else {
        to.iter_mut().zip(from.iter().step_by(step)).for_each(|(to, &x)| *to = x);
    }
}

/// `of(from)` for each value. Rows are short, so they go in blocks of 16 or 8, the last of which may overlap the one before:
/// a loop over single values or a call would take longer than the copy.
#[inline(always)]
pub fn copy_row<T: Float, U: Copy>(from: &[T], to: &mut [U], of: impl Fn(T) -> U) {
    let len = to.len().min(from.len());
    let (from, to) = (&from[..len], &mut to[..len]);
    if len >= 16 {
        copy_blocks::<T, U, 16>(from, to, &of);
    } else if len >= 8 {
        copy_blocks::<T, U, 8>(from, to, &of);
    } else {
        to.iter_mut().zip(from).for_each(|(to, &from)| *to = of(from));
    }
}

/// Rows of at least one block.
#[inline(always)]
fn copy_blocks<T: Float, U: Copy, const BLOCK: usize>(from: &[T], to: &mut [U], of: &impl Fn(T) -> U) {
    let mut at = 0;
    while at < from.len() {
        at = at.min(from.len() - BLOCK);
        if let (Some(from), Some(to)) = (from[at..].first_chunk::<BLOCK>(), to[at..].first_chunk_mut::<BLOCK>()) {
            *to = from.map(of);
        }
        at += BLOCK;
    }
}
