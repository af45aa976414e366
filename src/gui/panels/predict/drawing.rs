//! From a drawing to a sample like those of the data set: its box, its stroke and its polarity follow the data.
//!
//! Data sets of written signs are made the same way each: the sign is cut out, scaled to a box of fixed size and put into the middle.
//! A network knows nothing else, so a drawing is brought into the same form before it is shown to it. The strokes stay lines
//! until then: however large someone draws, the pen ends up as thick as in the data.

use crate::data::{Dataset, InputKind};

/// A point of a stroke; the pad goes from 0 to 1.
pub(super) type Point = [f32; 2];

/// What was drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Drawing {
    pub(super) strokes: Vec<Vec<Point>>,
}

/// How the samples of a data set are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    /// Width and height of a sample, pixels.
    pub(super) size: [usize; 2],
    /// Width and height of the box that the sign fills, pixels.
    pub(super) sign: [f32; 2],
    /// Thickness of the pen, pixels of the sample.
    pub(super) pen: f32,
    /// Whether ink is brighter than paper.
    pub(super) bright_ink: bool,
}

/// A value counts as ink from this share of full ink on.
const INK: f32 = 0.3;
/// Samples that are looked at to find the style.
const LOOKED_AT: usize = 400;

impl Style {
    /// Finds the style of a data set of grey pictures; `None` if its samples are something else.
    pub(super) fn of(dataset: &Dataset, samples: &[u32]) -> Option<Self> {
        let &[1, height, width] = dataset.dims.0.as_slice() else { return None };
        if !matches!(dataset.input, InputKind::Image { .. }) || width < 4 || height < 4 {
            return None;
        }
        let step = samples.len().div_ceil(LOOKED_AT).max(1);
        let looked_at: Vec<Vec<f32>> =
            samples.iter().step_by(step).map(|sample| dataset.sample(*sample as usize)).collect();
        let bright_ink = border_mean(&looked_at, width, height) < 128.0;
        let signs: Vec<Sign> = looked_at.iter().filter_map(|values| Sign::of(values, width, bright_ink)).collect();
        if signs.is_empty() {
            return None;
        }
        // The larger side decides the scale, so its upper part is what the box was cut to.
        let quantile = |of: fn(&Sign) -> f32, share: f32| {
            let mut values: Vec<f32> = signs.iter().map(of).collect();
            values.sort_by(f32::total_cmp);
            values.get(((values.len() - 1) as f32 * share) as usize).copied().unwrap_or(0.0)
        };
        Some(Self {
            size: [width, height],
            sign: [quantile(|sign| sign.width, 0.9), quantile(|sign| sign.height, 0.6)],
            pen: quantile(|sign| sign.pen, 0.5).clamp(1.0, 0.25 * height as f32),
            bright_ink,
        })
    }

    /// The drawing as a sample, values 0 to 255; `None` if nothing is drawn.
    pub(super) fn sample(&self, drawing: &Drawing) -> Option<Vec<f32>> {
        let fitted = self.fit(drawing)?;
        let [width, height] = self.size;
        // Enough parts of a pixel that a slanted stroke has smooth edges.
        let parts = (64 / width.max(height)).clamp(4, 8);
        let mut values = Vec::with_capacity(width * height);
        for row in 0..height {
            for column in 0..width {
                let mut ink = 0.0;
                for part in 0..parts * parts {
                    let x = column as f32 + ((part % parts) as f32 + 0.5) / parts as f32;
                    let y = row as f32 + ((part / parts) as f32 + 0.5) / parts as f32;
                    ink += coverage(distance(&fitted, [x, y]), self.pen, 1.0 / parts as f32);
                }
                let ink = ink / (parts * parts) as f32 * 255.0;
                values.push(if self.bright_ink { ink } else { 255.0 - ink });
            }
        }
        Some(values)
    }

    /// The strokes in pixels of the sample: scaled into the sign's box and put into the middle.
    fn fit(&self, drawing: &Drawing) -> Option<Vec<Vec<Point>>> {
        let points = || drawing.strokes.iter().flatten();
        points().next()?;
        let extreme = |axis: usize, pick: fn(f32, f32) -> f32, start: f32| {
            points().filter_map(|point| point.get(axis).copied()).fold(start, pick)
        };
        let low = [extreme(0, f32::min, f32::INFINITY), extreme(1, f32::min, f32::INFINITY)];
        let high = [extreme(0, f32::max, f32::NEG_INFINITY), extreme(1, f32::max, f32::NEG_INFINITY)];
        let extent = [high[0] - low[0], high[1] - low[1]];
        // Half a pen stands out on each side of the line itself.
        let room = [(self.sign[0] - self.pen).max(1.0), (self.sign[1] - self.pen).max(1.0)];
        let by_axis = [room[0] / extent[0].max(1e-3), room[1] / extent[1].max(1e-3)];
        // A dot has no extent; it must not be blown up.
        let scale = by_axis[0].min(by_axis[1]).min(8.0 * room[1]);
        let middle = [f32::midpoint(low[0], high[0]), f32::midpoint(low[1], high[1])];
        let [width, height] = self.size;
        let place = |point: &Point| {
            [(point[0] - middle[0]) * scale + width as f32 / 2.0, (point[1] - middle[1]) * scale + height as f32 / 2.0]
        };
        Some(drawing.strokes.iter().map(|stroke| stroke.iter().map(place).collect()).collect())
    }
}

/// What a sample shows: the extent of its ink and the thickness of its strokes.
struct Sign {
    width: f32,
    height: f32,
    pen: f32,
}

impl Sign {
    fn of(values: &[f32], width: usize, bright_ink: bool) -> Option<Self> {
        let ink = |value: f32| if bright_ink { value / 255.0 } else { 1.0 - value / 255.0 };
        let strongest = values.iter().map(|value| ink(*value)).fold(0.0, f32::max);
        if strongest < 0.1 {
            return None;
        }
        let (mut left, mut right, mut top, mut bottom) = (f32::INFINITY, 0.0_f32, f32::INFINITY, 0.0_f32);
        let mut area = 0.0;
        let mut outline = 0.0;
        for (place, value) in values.iter().enumerate() {
            let (x, y) = ((place % width) as f32, (place / width) as f32);
            let here = ink(*value) / strongest;
            if here >= INK {
                left = left.min(x);
                right = right.max(x + 1.0);
                top = top.min(y);
                bottom = bottom.max(y + 1.0);
            }
            area += here;
            let beside = if place % width + 1 < width { values.get(place + 1) } else { None };
            let below = values.get(place + width);
            for next in [beside, below].into_iter().flatten() {
                outline += (here - ink(*next) / strongest).abs();
            }
        }
        if left > right {
            return None;
        }
        // A long stroke of thickness t has an outline of twice its length, and an area of t times its length. The outline is
        // counted along rows and columns, on average 4 / pi longer than it is.
        let pen = 2.0 * area / (outline * std::f32::consts::PI / 4.0).max(1.0);
        Some(Self { width: right - left, height: bottom - top, pen })
    }
}

fn border_mean(samples: &[Vec<f32>], width: usize, height: usize) -> f32 {
    let mut sum = 0.0;
    let mut count = 0.0_f32;
    for values in samples {
        for (place, value) in values.iter().enumerate() {
            let (column, row) = (place % width, place / width);
            if column == 0 || row == 0 || column + 1 == width || row + 1 == height {
                sum += value;
                count += 1.0;
            }
        }
    }
    sum / count.max(1.0)
}

/// Distance of a point from the nearest stroke.
fn distance(strokes: &[Vec<Point>], point: Point) -> f32 {
    let mut nearest = f32::INFINITY;
    for stroke in strokes {
        if let [only] = stroke.as_slice() {
            nearest = nearest.min(to_segment(point, *only, *only));
        }
        for pair in stroke.windows(2) {
            if let [from, to] = pair {
                nearest = nearest.min(to_segment(point, *from, *to));
            }
        }
    }
    nearest
}

fn to_segment(point: Point, from: Point, to: Point) -> f32 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let offset = [point[0] - from[0], point[1] - from[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let share =
        if length > 0.0 { ((offset[0] * along[0] + offset[1] * along[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
    let (x, y) = (offset[0] - share * along[0], offset[1] - share * along[1]);
    (x * x + y * y).sqrt()
}

/// Share of ink at a distance from the middle of a stroke; the edge is `soft` wide.
fn coverage(distance: f32, pen: f32, soft: f32) -> f32 {
    ((pen / 2.0 - distance) / soft + 0.5).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use crate::data::embedded;

    use super::*;

    fn arc(middle: Point, radius: Point, from: f32, to: f32) -> Vec<Point> {
        (0..=24)
            .map(|step| {
                let angle = (from + (to - from) * step as f32 / 24.0).to_radians();
                [middle[0] + radius[0] * angle.cos(), middle[1] + radius[1] * angle.sin()]
            })
            .collect()
    }

    /// Digits as a person would draw them on the pad.
    fn digit(digit: usize) -> Drawing {
        let strokes = match digit {
            0 => vec![arc([0.5, 0.5], [0.2, 0.32], 0.0, 360.0)],
            1 => vec![vec![[0.40, 0.32], [0.53, 0.18], [0.53, 0.82]]],
            2 => {
                let mut stroke = arc([0.5, 0.35], [0.19, 0.17], 190.0, 395.0);
                stroke.extend([[0.32, 0.8], [0.72, 0.8]]);
                vec![stroke]
            }
            3 => {
                let mut stroke = arc([0.47, 0.34], [0.18, 0.16], 210.0, 440.0);
                stroke.extend(arc([0.47, 0.66], [0.2, 0.17], 280.0, 510.0));
                vec![stroke]
            }
            4 => vec![vec![[0.48, 0.18], [0.28, 0.58], [0.72, 0.58]], vec![[0.58, 0.38], [0.56, 0.84]]],
            5 => {
                let mut stroke = vec![[0.68, 0.18], [0.36, 0.18], [0.34, 0.45]];
                stroke.extend(arc([0.48, 0.62], [0.2, 0.19], 235.0, 500.0));
                vec![stroke]
            }
            6 => {
                let mut stroke = vec![[0.58, 0.16], [0.42, 0.38], [0.35, 0.6]];
                stroke.extend(arc([0.5, 0.66], [0.16, 0.16], 180.0, 540.0));
                vec![stroke]
            }
            7 => vec![vec![[0.3, 0.2], [0.7, 0.2], [0.45, 0.82]], vec![[0.38, 0.5], [0.66, 0.5]]],
            8 => vec![arc([0.5, 0.34], [0.14, 0.15], 90.0, 450.0), arc([0.5, 0.66], [0.17, 0.17], 270.0, 630.0)],
            _ => {
                let mut stroke = arc([0.48, 0.36], [0.16, 0.16], 0.0, 360.0);
                stroke.extend([[0.64, 0.36], [0.6, 0.84]]);
                vec![stroke]
            }
        };
        Drawing { strokes }
    }

    /// The class of the nearest samples, most votes of 5: a judge that knows the data set and no network.
    fn nearest(dataset: &Dataset, values: &[f32]) -> u32 {
        let mut distances: Vec<(f32, u32)> = (0..dataset.len())
            .map(|sample| {
                let other = dataset.sample(sample);
                let distance = other.iter().zip(values).map(|(a, b)| (a - b) * (a - b)).sum();
                (distance, dataset.class_of(sample).unwrap())
            })
            .collect();
        distances.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut votes = [0; 10];
        for (_, class) in &distances[..5] {
            votes[*class as usize] += 1;
        }
        (0..10).max_by_key(|class| votes[*class]).unwrap() as u32
    }

    fn shown(values: &[f32], width: usize) -> String {
        let mark = |value: &f32| [' ', '.', ':', 'o', '#'][(*value / 52.0) as usize];
        values.chunks(width).map(|row| row.iter().map(mark).collect::<String>() + "|\n").collect()
    }

    #[test]
    fn drawn_digits_are_like_the_digits_of_the_data_set() {
        let dataset = embedded::read("digits").unwrap();
        let all: Vec<u32> = (0..dataset.len() as u32).collect();
        let style = Style::of(&dataset, &all).unwrap();
        assert!(style.bright_ink);
        let mut wrong = Vec::new();
        for class in 0..10 {
            // Small and off the middle, or large: both must be read.
            for (scale, offset) in [(1.0, 0.0), (0.35, 0.05)] {
                let mut drawing = digit(class);
                for point in drawing.strokes.iter_mut().flatten() {
                    *point = [point[0] * scale + offset, point[1] * scale + offset];
                }
                let values = style.sample(&drawing).unwrap();
                let read = nearest(&dataset, &values);
                if read != class as u32 {
                    wrong.push(format!("{class} read as {read}\n{}", shown(&values, 8)));
                }
            }
        }
        assert!(wrong.is_empty(), "{style:?}\n{}", wrong.concat());
    }

    #[test]
    fn dark_ink_on_bright_paper_is_found_and_made() {
        let mut dataset = embedded::read("digits").unwrap();
        if let crate::data::Features::Bytes(bytes) = &mut dataset.features {
            for byte in bytes {
                *byte = 255 - *byte;
            }
        }
        let style = Style::of(&dataset, &[0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
        assert!(!style.bright_ink);
        let values = style.sample(&digit(1)).unwrap();
        assert!(values[0] > 250.0, "the corner is paper");
        assert!(values.iter().any(|value| *value < 60.0), "and there is ink");
    }

    #[test]
    fn a_dot_stays_a_dot_in_the_middle() {
        let style = Style { size: [28, 28], sign: [20.0, 20.0], pen: 3.0, bright_ink: true };
        let drawing = Drawing { strokes: vec![vec![[0.1, 0.9]]] };
        let values = style.sample(&drawing).unwrap();
        assert!(values[14 * 28 + 14] > 200.0);
        assert!(values.iter().filter(|value| **value > 20.0).count() < 30);
    }

    #[test]
    fn nothing_drawn_gives_no_sample() {
        let style = Style { size: [8, 8], sign: [6.0, 8.0], pen: 1.5, bright_ink: true };
        assert_eq!(style.sample(&Drawing::default()), None);
    }

    #[test]
    fn colour_pictures_and_tables_have_no_pad() {
        let mut dataset = embedded::read("digits").unwrap();
        dataset.dims = crate::base::Dims::from([3, 8, 8]);
        assert_eq!(Style::of(&dataset, &[0]), None);
    }
}
