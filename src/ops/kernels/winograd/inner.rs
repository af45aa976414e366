//! The inner loops of the transforms, for the vector instructions that the processor has.

use crate::ops::kernels::float::Float;
use crate::ops::kernels::lanes::Vector;

use super::PLACES;

/// What is transformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Four rows and columns of the input: `B' d B`.
    Input,
    /// Two rows and columns of the output's gradient: `A g A'`.
    Grad,
}

/// Tiles side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strip {
    /// Where the rows that they see start in the first channel, at the first column that there is.
    pub rows: [Option<usize>; 4],
    /// How many columns they see.
    pub columns: usize,
    /// Where these go in a line.
    pub start: usize,
    /// Where the first tile starts in a line.
    pub first: usize,
    /// How many tiles.
    pub tiles: usize,
    /// Place of the first tile among those of the panel.
    pub at: usize,
}

/// The values of one channel and where they go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<T> {
    /// The channel in the first image.
    pub from: *const T,
    /// What is seen where there is no row: as many zeros as an image has columns.
    pub zeros: *const T,
    /// Scratch: four lines for each strip, with zeros where tiles see beside the image.
    pub lines: *mut T,
    /// Length of a line.
    pub line: usize,
    /// The value of a place of a tile goes to `place * stride + tile`.
    pub to: *mut T,
    /// See above.
    pub stride: usize,
    /// Tiles that there is room for.
    pub room: usize,
}

/// Along one axis.
#[inline(always)]
#[expect(unsafe_code, reason = "vector instructions may be missing")]
unsafe fn join<T, V: Vector<T>>([a, b, c, d]: [V; 4], way: Way) -> [V; 4] {
    // SAFETY: as promised by the caller.
    unsafe {
        match way {
            Way::Input => [a.minus(c), b.plus(c), c.minus(b), b.minus(d)],
            Way::Grad => [a, a.plus(b), a.minus(b), V::zero().minus(b)],
        }
    }
}

/// Transforms the tiles of some strips. All rows are joined before the first columns, so that none is read while it is on
/// its way to memory.
///
/// # Safety
/// The pointers must reach as far as the strips' numbers say, and each line two whole vectors further.
#[inline(always)]
#[expect(unsafe_code, reason = "the inner loop reads without checks")]
pub(crate) unsafe fn transform<T: Float, V: Vector<T>>(strips: &[Strip], places: &Places<T>, way: Way) {
    // SAFETY: as promised by the caller.
    unsafe {
        match way {
            Way::Input => transform_one::<T, V>(strips, places, Way::Input),
            Way::Grad => transform_one::<T, V>(strips, places, Way::Grad),
        }
    }
}

/// See above, for a way that is known when this is compiled.
#[inline(always)]
#[expect(unsafe_code, reason = "the inner loop reads without checks")]
unsafe fn transform_one<T: Float, V: Vector<T>>(strips: &[Strip], places: &Places<T>, way: Way) {
    // SAFETY: as promised by the caller.
    unsafe {
        for (index, strip) in strips.iter().enumerate() {
            rows::<T, V>(strip, places, index, way);
        }
        for (index, strip) in strips.iter().enumerate() {
            let mut done = 0;
            while done < strip.tiles {
                if strip.tiles - done > V::Half::LANES {
                    columns::<T, V>(strip, places, index, way, done);
                    done += V::LANES;
                } else {
                    columns::<T, V::Half>(strip, places, index, way, done);
                    done += V::Half::LANES;
                }
            }
        }
    }
}

/// Joins the rows and puts them into the lines, in vectors of which the last may overlap the one before.
#[inline(always)]
#[expect(unsafe_code, reason = "the inner loop reads without checks")]
unsafe fn rows<T: Float, V: Vector<T>>(strip: &Strip, places: &Places<T>, index: usize, way: Way) {
    // SAFETY: as promised by the caller.
    unsafe {
        if strip.columns < V::LANES {
            if V::LANES > 1 {
                rows::<T, V::Half>(strip, places, index, way);
            }
            return;
        }
        let from = strip.rows.map(|row| row.map_or(places.zeros, |row| places.from.add(row)));
        let to = places.lines.add(4 * index * places.line + strip.start);
        let mut at = 0;
        while at < strip.columns {
            at = at.min(strip.columns - V::LANES);
            let values = join(from.map(|row| V::load(row.add(at))), way);
            for (line, value) in values.into_iter().enumerate() {
                value.store(to.add(line * places.line + at));
            }
            at += V::LANES;
        }
    }
}

/// Joins the columns of a vector of tiles from the tile `done` on. What is written behind the last tile is written again
/// by the next strip.
#[inline(always)]
#[expect(unsafe_code, reason = "the inner loop reads without checks")]
unsafe fn columns<T: Float, V: Vector<T>>(strip: &Strip, places: &Places<T>, index: usize, way: Way, done: usize) {
    // SAFETY: as promised by the caller.
    unsafe {
        let from = places.lines.add(4 * index * places.line + strip.first + 2 * done);
        for row in 0..4 {
            let from = from.add(row * places.line);
            let [a, b] = V::load(from).apart(V::load(from.add(V::LANES)));
            let [c, d] = match way {
                Way::Input => V::load(from.add(2)).apart(V::load(from.add(V::LANES + 2))),
                Way::Grad => [a, b],
            };
            for (column, value) in join([a, b, c, d], way).into_iter().enumerate() {
                let to = places.to.add((4 * row + column) * places.stride + strip.at + done);
                if strip.at + done + V::LANES <= places.room {
                    value.store(to);
                } else {
                    value.store_first(to, places.room - strip.at - done);
                }
            }
        }
    }
}

/// `A' m A` of `vectors` vectors of tiles of one filter, whose values of a place lie `stride` behind those of the place
/// before: the two rows of outputs.
///
/// # Safety
/// The pointers must reach as far as said.
#[inline(always)]
#[expect(unsafe_code, reason = "the inner loop reads without checks")]
pub(crate) unsafe fn outputs<T: Float, V: Vector<T>>(
    sums: *const T,
    stride: usize,
    vectors: usize,
    bias: T,
    rows: [*mut T; 2],
) {
    // SAFETY: as promised by the caller.
    unsafe {
        let bias = V::splat(bias);
        for vector in 0..vectors {
            let at = vector * V::LANES;
            let (mut upper, mut lower) = ([V::zero(); 4], [V::zero(); 4]);
            for column in 0..PLACES / 4 {
                let value = |row: usize| V::load(sums.add((4 * row + column) * stride + at));
                let [a, b, c, d] = [value(0), value(1), value(2), value(3)];
                upper[column] = a.plus(b).plus(c);
                lower[column] = b.minus(c).minus(d);
            }
            for (values, row) in [upper, lower].into_iter().zip(rows) {
                let [a, b, c, d] = values;
                let left = a.plus(b).plus(c).plus(bias);
                let right = b.minus(c).minus(d).plus(bias);
                let [first, second] = left.in_turn(right);
                first.store(row.add(2 * at));
                second.store(row.add(2 * at + V::LANES));
            }
        }
    }
}
