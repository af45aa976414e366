//! The running mean that is drawn over a noisy curve.

/// Debiased exponential mean: `last = last * w + y`, `weight = weight * w + 1`, shown is `last / weight`. `w` is
/// `smoothing` to the power of the distance in x, in thousandths of the range, so that the number of points that a
/// chart happens to draw does not change its shape. Values that are not numbers are passed on and do not spoil the rest.
pub fn smooth(points: &[[f64; 2]], smoothing: f64) -> Vec<[f64; 2]> {
    let (Some(first), Some(end)) = (points.first(), points.last()) else { return Vec::new() };
    let span = (end[0] - first[0]).max(f64::MIN_POSITIVE);
    let (mut last, mut weight) = (0.0, 0.0);
    let mut previous = first[0];
    points
        .iter()
        .map(|&[x, y]| {
            if !y.is_finite() {
                return [x, y];
            }
            let keep = smoothing.clamp(0.0, 0.9999).powf((x - previous) / span * 1000.0);
            last = last * keep + y;
            weight = weight * keep + 1.0;
            previous = x;
            [x, last / weight]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_what_it_is_from_the_first_point() {
        let points: Vec<[f64; 2]> = (0..50).map(|x| [f64::from(x), 3.0]).collect();
        for [_, y] in smooth(&points, 0.95) {
            assert!((y - 3.0).abs() < 1e-12);
        }
    }

    #[test]
    fn noise_shrinks_and_nan_does_not_spread() {
        let points: Vec<[f64; 2]> =
            (0..1000).map(|x| [f64::from(x), if x == 500 { f64::NAN } else { 1.0 + f64::from(x % 2) }]).collect();
        let smoothed = smooth(&points, 0.98);
        assert!(smoothed[500][1].is_nan());
        assert!((smoothed[999][1] - 1.5).abs() < 0.02, "{}", smoothed[999][1]);
    }

    #[test]
    fn half_the_points_give_nearly_the_same_curve() {
        let curve = |count: u32| -> Vec<[f64; 2]> {
            (0..=count).map(|i| f64::from(i) / f64::from(count)).map(|x| [x, (x * 6.0).sin()]).collect()
        };
        let (coarse, fine) = (smooth(&curve(500), 0.97), smooth(&curve(1000), 0.97));
        for i in 50..=500 {
            assert!((coarse[i][1] - fine[2 * i][1]).abs() < 0.01, "at {i}");
        }
    }
}
