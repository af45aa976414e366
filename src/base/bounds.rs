//! A box around something in an image, and how two of them overlap.

use serde::{Deserialize, Serialize};

/// A box in pixels: its left, upper, right and lower edge. x grows to the right, y downwards.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bounds {
    /// Left edge.
    pub x1: f64,
    /// Upper edge.
    pub y1: f64,
    /// Right edge.
    pub x2: f64,
    /// Lower edge.
    pub y2: f64,
}

impl Bounds {
    /// From the edges.
    pub const fn new(x1: f64, y1: f64, x2: f64, y2: f64) -> Self {
        Self { x1, y1, x2, y2 }
    }

    /// From center, width and height.
    pub fn around(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self::new(x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0)
    }

    /// Width; negative if the edges are swapped.
    pub fn width(self) -> f64 {
        self.x2 - self.x1
    }

    /// Height; negative if the edges are swapped.
    pub fn height(self) -> f64 {
        self.y2 - self.y1
    }

    /// Center.
    pub fn center(self) -> (f64, f64) {
        (self.x1 + self.width() / 2.0, self.y1 + self.height() / 2.0)
    }

    /// Width times height.
    pub fn area(self) -> f64 {
        self.width() * self.height()
    }

    /// Whether it has an area: all edges are numbers and in order.
    pub fn has_area(self) -> bool {
        // NaN compares with nothing, so it has none.
        self.x2 > self.x1 && self.y2 > self.y1 && self.area().is_finite()
    }

    /// The part inside an image of that size.
    #[must_use]
    pub fn clipped(self, width: f64, height: f64) -> Self {
        let (x, y) = (|x: f64| x.clamp(0.0, width), |y: f64| y.clamp(0.0, height));
        Self::new(x(self.x1), y(self.y1), x(self.x2), y(self.y2))
    }

    /// The same box in an image that was resized by these factors.
    #[must_use]
    pub fn scaled(self, x: f64, y: f64) -> Self {
        Self::new(self.x1 * x, self.y1 * y, self.x2 * x, self.y2 * y)
    }

    /// Area that both cover.
    pub fn intersection(self, other: Self) -> f64 {
        let width = self.x2.min(other.x2) - self.x1.max(other.x1);
        let height = self.y2.min(other.y2) - self.y1.max(other.y1);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union: 1 for equal boxes, 0 for boxes apart.
    pub fn iou(self, other: Self) -> f64 {
        let both = self.intersection(other);
        both / (self.area() + other.area() - both)
    }

    /// Generalized IoU (Rezatofighi et al. 2019): also tells how far boxes are apart, down to -1.
    pub fn generalized_iou(self, other: Self) -> f64 {
        let both = self.intersection(other);
        let union = self.area() + other.area() - both;
        let hull = self.hull(other).area();
        both / union - (hull - union) / hull
    }

    /// Distance IoU (Zheng et al. 2020): the IoU less how far the centers are apart, measured by the hull's diagonal.
    pub fn distance_iou(self, other: Self) -> f64 {
        let ((x, y), (other_x, other_y)) = (self.center(), other.center());
        let hull = self.hull(other);
        let diagonal = hull.width().powi(2) + hull.height().powi(2);
        self.iou(other) - ((x - other_x).powi(2) + (y - other_y).powi(2)) / diagonal
    }

    /// Complete IoU (Zheng et al. 2020): distance IoU less how much the proportions differ.
    pub fn complete_iou(self, other: Self) -> f64 {
        let angle = |bounds: Self| (bounds.width() / bounds.height()).atan();
        let v = 4.0 / std::f64::consts::PI.powi(2) * (angle(other) - angle(self)).powi(2);
        let alpha = if v > 0.0 { v / (1.0 - self.iou(other) + v) } else { 0.0 };
        self.distance_iou(other) - alpha * v
    }

    /// The smallest box around both.
    fn hull(self, other: Self) -> Self {
        Self::new(self.x1.min(other.x1), self.y1.min(other.y1), self.x2.max(other.x2), self.y2.max(other.y2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_those_of_plain_arithmetic() {
        let one = Bounds::new(0.0, 0.0, 10.0, 10.0);
        assert_eq!(one.iou(Bounds::new(0.0, 5.0, 10.0, 15.0)), 50.0 / 150.0);
        assert_eq!(one.iou(Bounds::new(10.0, 0.0, 20.0, 10.0)), 0.0);
        // A gap as wide as the boxes: the hull has 300, the union 200.
        assert!((one.generalized_iou(Bounds::new(20.0, 0.0, 30.0, 10.0)) + 100.0 / 300.0).abs() < 1e-12);
        assert_eq!(one.scaled(2.0, 0.5), Bounds::new(0.0, 0.0, 20.0, 5.0));
    }

    #[test]
    fn what_has_no_area_is_told() {
        assert!(!Bounds::new(3.0, 0.0, 3.0, 9.0).has_area());
        assert!(!Bounds::new(f64::NAN, 0.0, 3.0, 9.0).has_area());
        assert!(!Bounds::new(5.0, 5.0, 9.0, 9.0).clipped(4.0, 4.0).has_area());
        assert!(Bounds::new(-5.0, 1.0, 9.0, 9.0).clipped(4.0, 4.0).has_area());
    }
}
