//! Geometric changes of an image as one affine map, so that boxes, masks and points can move along with the pixels.
//!
//! Several maps that follow each other are multiplied first and the image is sampled once: quicker, and less blurred.

/// How far a point is from the image's centre, in pixels: x to the right, y down.
type Point = [f64; 2];

/// Maps each place of the changed image to the place of the original that it shows: `original = matrix * place + shift`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// By rows.
    pub matrix: [[f64; 2]; 2],
    /// In pixels.
    pub shift: Point,
}

crate::choices! {
    /// What is shown where the original ends.
    pub enum Border {
        /// The outermost pixels go on.
        Edge = "edge", "Edge goes on", "Repeats the outermost pixels. Right for drawings on an even ground.";
        /// The image is mirrored.
        Mirror = "mirror", "Mirrored", "Goes on with the image mirrored at its edge. Right for photos.";
        /// Nothing: zeros.
        Black = "black", "Black", "Fills with black.";
    }
}

impl Affine {
    /// Changes nothing.
    pub const IDENTITY: Self = Self { matrix: [[1.0, 0.0], [0.0, 1.0]], shift: [0.0, 0.0] };

    /// This change first, then `next`.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let [[a, b], [c, d]] = self.matrix;
        let [[e, f], [g, h]] = next.matrix;
        let [x, y] = self.at(next.shift);
        Self { matrix: [[a * e + b * g, a * f + b * h], [c * e + d * g, c * f + d * h]], shift: [x, y] }
    }

    /// The place of the original that is shown at a place of the changed image.
    pub fn at(&self, [x, y]: Point) -> Point {
        let [[a, b], [c, d]] = self.matrix;
        let [shift_x, shift_y] = self.shift;
        [a * x + b * y + shift_x, c * x + d * y + shift_y]
    }

    /// The map the other way round, which says where a point of the original is moved to; `None` if the image is
    /// pressed flat.
    pub fn inverse(&self) -> Option<Self> {
        let [[a, b], [c, d]] = self.matrix;
        let determinant = a * d - b * c;
        if !determinant.is_normal() {
            return None;
        }
        let matrix = [[d / determinant, -b / determinant], [-c / determinant, a / determinant]];
        let turned = Self { matrix, shift: [0.0, 0.0] };
        let [x, y] = turned.at(self.shift);
        Some(Self { matrix, shift: [-x, -y] })
    }

    /// The changed image `[channels, height, width]`, each pixel from the four around its place (bilinear).
    pub fn sample(&self, values: &[f32], [channels, height, width]: [usize; 3], border: Border) -> Vec<f32> {
        let plane = height * width;
        let mut out = vec![0.0; values.len()];
        if plane == 0 || values.len() != channels * plane {
            return values.to_vec();
        }
        let centre = [width as f64 / 2.0 - 0.5, height as f64 / 2.0 - 0.5];
        for row in 0..height {
            for column in 0..width {
                let [x, y] = self.at([column as f64 - centre[0], row as f64 - centre[1]]);
                let columns = neighbours(x + centre[0], width, border);
                let rows = neighbours(y + centre[1], height, border);
                for channel in 0..channels {
                    let at = |row: usize, column: usize| {
                        values.get(channel * plane + row * width + column).copied().unwrap_or(0.0)
                    };
                    let mut sum = 0.0;
                    for (row, row_weight) in rows {
                        for (column, weight) in columns {
                            let weight = row_weight * weight;
                            // Weights of 0 are passed over, so that whole moves are exact.
                            if weight > 0.0 {
                                sum += weight * at(row, column);
                            }
                        }
                    }
                    if let Some(out) = out.get_mut(channel * plane + row * width + column) {
                        *out = sum;
                    }
                }
            }
        }
        out
    }
}

/// The two pixels around a place along one side, with their weights.
fn neighbours(place: f64, size: usize, border: Border) -> [(usize, f32); 2] {
    // Far outside all is alike; the limit keeps the arithmetic of whole numbers small.
    let place = place.clamp(-1e6, 1e6);
    let first = place.floor();
    let share = (place - first) as f32;
    let pixel = |index: i64, weight: f32| match inside(index, size as i64, border) {
        Some(index) => (index, weight),
        None => (0, 0.0),
    };
    [pixel(first as i64, 1.0 - share), pixel(first as i64 + 1, share)]
}

/// The pixel that is shown at an index that may lie outside.
fn inside(index: i64, size: i64, border: Border) -> Option<usize> {
    let found = match border {
        _ if (0..size).contains(&index) => index,
        Border::Edge => index.clamp(0, size - 1),
        Border::Mirror => {
            let period = 2 * size;
            let turned = index.rem_euclid(period);
            turned.min(period - 1 - turned)
        }
        Border::Black => return None,
    };
    usize::try_from(found).ok()
}

/// Gaussian blur of an image in place, with a kernel of three standard deviations to each side.
pub(super) fn blur(values: &mut [f32], [channels, height, width]: [usize; 3], sigma: f32) {
    let plane = height * width;
    if plane == 0 || values.len() != channels * plane || sigma <= 0.0 {
        return;
    }
    let reach = (3.0 * sigma).ceil().clamp(1.0, 64.0) as i64;
    let weight = |offset: i64| (-0.5 * (offset as f32 / sigma).powi(2)).exp();
    let total: f32 = (-reach..=reach).map(weight).sum();
    let kernel: Vec<(i64, f32)> = (-reach..=reach).map(|offset| (offset, weight(offset) / total)).collect();
    for image in values.chunks_mut(plane) {
        let mut rows = image.to_vec();
        for (source, out) in image.chunks(width).zip(rows.chunks_mut(width)) {
            line(source, out, &kernel);
        }
        for column in 0..width {
            let source: Vec<f32> = rows.iter().skip(column).step_by(width).copied().collect();
            let mut out = vec![0.0; height];
            line(&source, &mut out, &kernel);
            for (target, value) in image.iter_mut().skip(column).step_by(width).zip(out) {
                *target = value;
            }
        }
    }
}

fn line(source: &[f32], out: &mut [f32], kernel: &[(i64, f32)]) {
    let size = source.len() as i64;
    for (place, out) in (0..).zip(out) {
        let value = |&(offset, weight): &(i64, f32)| {
            inside(place + offset, size, Border::Edge).and_then(|index| source.get(index)).unwrap_or(&0.0) * weight
        };
        *out = kernel.iter().map(value).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

    #[test]
    fn whole_moves_and_mirrors_are_exact() {
        let mirror = Affine { matrix: [[-1.0, 0.0], [0.0, 1.0]], shift: [0.0, 0.0] };
        assert_eq!(mirror.sample(&GRID, [1, 2, 3], Border::Edge), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        let right = Affine { shift: [-1.0, 0.0], ..Affine::IDENTITY };
        assert_eq!(right.sample(&GRID, [1, 2, 3], Border::Black), [0.0, 1.0, 2.0, 0.0, 4.0, 5.0]);
        assert_eq!(right.sample(&GRID, [1, 2, 3], Border::Edge), [1.0, 1.0, 2.0, 4.0, 4.0, 5.0]);
        let far = Affine { shift: [-2.0, 0.0], ..Affine::IDENTITY };
        assert_eq!(far.sample(&GRID, [1, 2, 3], Border::Mirror), [2.0, 1.0, 1.0, 5.0, 4.0, 4.0]);
        assert_eq!(Affine::IDENTITY.sample(&GRID, [1, 2, 3], Border::Black), GRID);
    }

    #[test]
    fn a_quarter_turn_moves_the_corners() {
        // numpy.rot90([[1, 2], [3, 4]], -1) = [[3, 1], [4, 2]]
        let turn = Affine { matrix: [[0.0, 1.0], [-1.0, 0.0]], shift: [0.0, 0.0] };
        assert_eq!(turn.sample(&[1.0, 2.0, 3.0, 4.0], [1, 2, 2], Border::Edge), [3.0, 1.0, 4.0, 2.0]);
    }

    #[test]
    fn two_maps_in_one_are_the_two_one_after_the_other() {
        let turn = Affine { matrix: [[0.8, -0.6], [0.6, 0.8]], shift: [1.0, -2.0] };
        let scale = Affine { matrix: [[2.0, 0.0], [0.5, 1.0]], shift: [0.0, 3.0] };
        let place = [0.5, -1.5];
        let both = turn.then(&scale);
        let [x, y] = both.at(place);
        let [one_x, one_y] = turn.at(scale.at(place));
        assert!((x - one_x).abs() < 1e-12 && (y - one_y).abs() < 1e-12);
        let [back_x, back_y] = both.inverse().unwrap().at([x, y]);
        assert!((back_x - 0.5).abs() < 1e-12 && (back_y + 1.5).abs() < 1e-12);
        assert_eq!(Affine { matrix: [[0.0; 2]; 2], shift: [0.0; 2] }.inverse(), None);
    }

    #[test]
    fn blur_keeps_an_even_image_and_the_sum_of_a_dot() {
        let mut even = vec![7.0; 25];
        blur(&mut even, [1, 5, 5], 1.0);
        assert!(even.iter().all(|value| (value - 7.0).abs() < 1e-4));
        // scipy.ndimage.gaussian_filter of a dot in 9 x 9, sigma 1, mode nearest, truncate 3: 0.1592 in the middle.
        let mut dot = vec![0.0; 81];
        dot[40] = 1.0;
        blur(&mut dot, [1, 9, 9], 1.0);
        assert!((dot[40] - 0.1592).abs() < 1e-3 && (dot.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{}", dot[40]);
    }
}
