//! Boxes as labels: what is where in an image.

use serde::{Deserialize, Serialize};

use crate::base::Bounds;

/// One object in an image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoxLabel {
    /// Index of its class.
    pub class: u32,
    /// Where it is, in pixels of the sample as the network sees it.
    pub bounds: Bounds,
    /// Hard to see (Pascal VOC): neither learned nor held against a network that misses it.
    pub is_difficult: bool,
    /// A group that nobody separated (COCO): neither learned nor held against a network.
    pub is_crowd: bool,
}

impl BoxLabel {
    /// Whether it counts: what is difficult or a crowd does not.
    pub fn counts(&self) -> bool {
        !self.is_difficult && !self.is_crowd
    }
}

/// Numbers of one object in [`table`].
pub const COLUMNS: usize = 6;

/// The boxes of several samples as one block of numbers `[samples, most, 6]`: class, left, upper, right and lower edge,
/// and 1 if it counts or 0. Rows without a box have the class -1. Gives the numbers and how many rows each sample has.
pub fn table(samples: &[&[BoxLabel]]) -> (Vec<f32>, usize) {
    let most = samples.iter().map(|boxes| boxes.len()).max().unwrap_or(0).max(1);
    let mut numbers = Vec::with_capacity(samples.len() * most * COLUMNS);
    for boxes in samples {
        for label in *boxes {
            let Bounds { x1, y1, x2, y2 } = label.bounds;
            let edges = [x1, y1, x2, y2].map(|edge| edge as f32);
            numbers.push(label.class as f32);
            numbers.extend(edges);
            numbers.push(if label.counts() { 1.0 } else { 0.0 });
        }
        for _ in boxes.len()..most {
            numbers.extend([-1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        }
    }
    (numbers, most)
}

/// The boxes that [`table`] made numbers of, for one sample; a box that does not count comes back as a crowd.
pub fn from_table(numbers: &[f32]) -> Vec<BoxLabel> {
    let label = |row: &[f32]| match *row {
        [class, x1, y1, x2, y2, counts] if class >= 0.0 => Some(BoxLabel {
            class: class as u32,
            bounds: Bounds::new(x1.into(), y1.into(), x2.into(), y2.into()),
            is_difficult: false,
            is_crowd: counts < 0.5,
        }),
        _ => None,
    };
    numbers.chunks(COLUMNS).filter_map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_survive_the_table() {
        let label = |class, is_crowd| BoxLabel {
            class,
            bounds: Bounds::new(1.0, 2.0, 3.5, 4.0),
            is_difficult: false,
            is_crowd,
        };
        let (first, second) = (vec![label(0, false), label(2, true)], vec![label(1, false)]);
        let (numbers, most) = table(&[&first, &[], &second]);
        assert_eq!((most, numbers.len()), (2, 3 * 2 * COLUMNS));
        let back: Vec<_> = numbers.chunks(most * COLUMNS).map(from_table).collect();
        assert_eq!(back, [first, Vec::new(), second]);
    }
}
