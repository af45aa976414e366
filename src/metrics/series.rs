//! One curve, however long the run: a pyramid of minima and maxima, so that a chart asks for as many points as it has
//! pixels and never touches the rest.
//!
//! Level 0 holds the points; every entry of level `k` knows which of `4^k` neighbouring points is the smallest, which the
//! largest and whether one is NaN. That costs 12 bytes for each four points, under a third more than the points alone.
//! Beyond [`KEPT`] points the oldest detail goes: two of every four neighbours stay, the smallest and the largest, so
//! memory has a bound and a peak is never lost.

use std::ops::RangeInclusive;

/// Points that are kept singly (8 MB); a longer run keeps minima and maxima of groups.
const KEPT: usize = 1 << 19;

/// Points below one entry of the next level.
const FAN: usize = 4;

/// No such point.
const NONE: u32 = u32::MAX;

/// Values of one metric over its steps. Appending is O(1), [`Self::points`] is O(pixels x log length).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricSeries {
    points: Vec<[f64; 2]>,
    levels: Vec<Vec<Entry>>,
    /// Pushed values that stand behind two kept points, once the run is long; 0 and 1 keep every value.
    group: u64,
    /// The group under way.
    pending: Vec<[f64; 2]>,
    pending_count: u64,
    count: usize,
    last: Option<[f64; 2]>,
    bounds: Option<([f64; 2], [f64; 2])>,
}

/// What is known of some neighbouring points, as their indices.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    smallest: u32,
    largest: u32,
    nan: u32,
}

impl Entry {
    const EMPTY: Self = Self { smallest: NONE, largest: NONE, nan: NONE };
}

impl MetricSeries {
    /// Adds a value; `x` must not decrease.
    pub fn push(&mut self, x: f64, y: f64) {
        self.count += 1;
        self.last = Some([x, y]);
        if x.is_finite() && y.is_finite() {
            let ([left, bottom], [right, top]) = self.bounds.unwrap_or(([x, y], [x, y]));
            self.bounds = Some(([left.min(x), bottom.min(y)], [right.max(x), top.max(y)]));
        }
        if self.group <= 1 {
            self.keep([x, y]);
        } else {
            self.pending.push([x, y]);
            self.pending_count += 1;
            if self.pending.len() >= FAN {
                self.pending = extremes(&self.pending);
            }
            if self.pending_count >= self.group {
                self.pending_count = 0;
                for point in std::mem::take(&mut self.pending) {
                    self.keep(point);
                }
            }
        }
        if self.points.len() >= KEPT {
            self.compact();
        }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The last value.
    pub fn last(&self) -> Option<[f64; 2]> {
        self.last
    }

    /// At most about `2 * pixels` points that draw like all points with `x` in `range`: the minimum and maximum of each
    /// pixel column, and one neighbour on each side. NaN values stay, so that the gap is seen.
    pub fn points(&self, range: RangeInclusive<f64>, pixels: usize) -> Vec<[f64; 2]> {
        let (left, right) = (*range.start(), *range.end());
        let first = self.points.partition_point(|point| point[0] < left);
        let end = self.points.partition_point(|point| point[0] <= right).max(first);
        let pixels = pixels.max(1);
        let mut chosen: Vec<[f64; 2]> = Vec::with_capacity(2 * pixels + 4);
        chosen.extend(first.checked_sub(1).and_then(|before| self.points.get(before)));
        if end - first <= 2 * pixels {
            chosen.extend(self.points.get(first..end).unwrap_or_default());
        } else {
            let mut from = first;
            for column in 1..=pixels {
                let edge = left + (right - left) * column as f64 / pixels as f64;
                let rest = self.points.get(from..end).unwrap_or_default();
                let to = if column == pixels { end } else { from + rest.partition_point(|point| point[0] < edge) };
                self.column(from, to, &mut chosen);
                from = to;
            }
        }
        chosen.extend(self.points.get(end));
        // What is still being grouped belongs to the end of the curve, and the newest value is always shown.
        let tail = if self.points.get(end).is_none() { self.pending.as_slice() } else { &[] };
        chosen.extend(tail.iter().filter(|point| range.contains(&point[0])));
        if let Some(last) = self.last.filter(|last| range.contains(&last[0]))
            && chosen.last().is_none_or(|point| point[0] < last[0])
        {
            chosen.push(last);
        }
        chosen
    }

    /// Smallest and largest x and y of the finite values.
    pub fn bounds(&self) -> Option<([f64; 2], [f64; 2])> {
        self.bounds
    }

    /// Adds the points that stand for `from..to` in one pixel column.
    fn column(&self, from: usize, to: usize, chosen: &mut Vec<[f64; 2]>) {
        let Entry { smallest, largest, nan } = self.summary(from, to);
        let mut indices = [smallest, largest, nan];
        indices.sort_unstable();
        let mut before = None;
        for index in indices {
            // NONE is the largest number, and no point has it.
            if before != Some(index)
                && let Some(&point) = self.points.get(index as usize)
            {
                chosen.push(point);
            }
            before = Some(index);
        }
    }

    /// The extremes of `from..to`, from the fewest entries that cover it.
    fn summary(&self, mut from: usize, to: usize) -> Entry {
        let mut all = Entry::EMPTY;
        while from < to {
            let (entry, width) = self.widest(from, to);
            all = self.merge(all, entry);
            from += width;
        }
        all
    }

    /// The entry that covers the most points from `from` without passing `to`, and how many.
    fn widest(&self, from: usize, to: usize) -> (Entry, usize) {
        let mut found = (self.single(from), 1);
        for level in &self.levels {
            let wider = found.1 * FAN;
            if from % wider != 0 || from + wider > to {
                break;
            }
            let Some(&entry) = level.get(from / wider) else { break };
            found = (entry, wider);
        }
        found
    }

    fn single(&self, index: usize) -> Entry {
        let number = index as u32;
        match self.points.get(index) {
            Some(point) if point[1].is_nan() => Entry { nan: number, ..Entry::EMPTY },
            Some(_) => Entry { smallest: number, largest: number, nan: NONE },
            None => Entry::EMPTY,
        }
    }

    fn merge(&self, left: Entry, right: Entry) -> Entry {
        let value = |index: u32| self.points.get(index as usize).map(|point| point[1]);
        let better = |a: u32, b: u32, wanted: std::cmp::Ordering| match (value(a), value(b)) {
            (Some(first), Some(second)) if second.partial_cmp(&first) == Some(wanted) => b,
            (None, Some(_)) => b,
            _ => a,
        };
        Entry {
            smallest: better(left.smallest, right.smallest, std::cmp::Ordering::Less),
            largest: better(left.largest, right.largest, std::cmp::Ordering::Greater),
            nan: left.nan.min(right.nan),
        }
    }

    /// Adds a point and every entry that it completes.
    fn keep(&mut self, point: [f64; 2]) {
        self.points.push(point);
        let mut filled = self.points.len();
        let mut level = 0_usize;
        while filled % FAN == 0 {
            let from = filled - FAN;
            let mut entry = Entry::EMPTY;
            for child in from..filled {
                let below = level.checked_sub(1).and_then(|below| self.levels.get(below));
                let child = match below {
                    Some(below) => below.get(child).copied().unwrap_or(Entry::EMPTY),
                    None => self.single(child),
                };
                entry = self.merge(entry, child);
            }
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            if let Some(entries) = self.levels.get_mut(level) {
                entries.push(entry);
            }
            filled /= FAN;
            level += 1;
        }
    }

    /// Halves the points: two of four neighbours stay.
    fn compact(&mut self) {
        let points = std::mem::take(&mut self.points);
        self.levels.clear();
        self.group = self.group.max(2) * 2;
        for four in points.chunks(FAN) {
            for point in extremes(four) {
                self.keep(point);
            }
        }
    }
}

/// The smallest and the largest of some neighbouring points in their order, and the first NaN.
fn extremes(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let by_value = |a: &&(usize, &[f64; 2]), b: &&(usize, &[f64; 2])| a.1[1].total_cmp(&b.1[1]);
    let all: Vec<(usize, &[f64; 2])> = points.iter().enumerate().collect();
    let numbers = || all.iter().filter(|(_, point)| !point[1].is_nan());
    let nan = all.iter().find(|(_, point)| point[1].is_nan());
    let mut kept: Vec<_> =
        [numbers().min_by(by_value), numbers().max_by(by_value), nan].into_iter().flatten().collect();
    kept.sort_by_key(|(index, _)| *index);
    kept.dedup_by_key(|(index, _)| *index);
    kept.into_iter().map(|(_, point)| **point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;

    fn noisy(length: usize) -> MetricSeries {
        let mut stream = Stream::new(1, "series");
        let mut series = MetricSeries::default();
        for step in 0..length {
            series.push(step as f64, f64::from(stream.normal()));
        }
        series
    }

    #[test]
    fn few_points_are_given_as_they_are() {
        let series = noisy(100);
        assert_eq!(series.points(0.0..=99.0, 400).len(), 100);
        assert_eq!(series.points(10.0..=20.0, 400).len(), 13, "one neighbour on each side");
        assert_eq!(series.len(), 100);
    }

    #[test]
    fn every_column_keeps_its_extremes() {
        let series = noisy(20_000);
        let (left, right, pixels) = (1_234.0, 17_891.0, 300);
        let chosen = series.points(left..=right, pixels);
        assert!(chosen.len() <= 2 * pixels + 2, "{} points", chosen.len());
        assert!(chosen.windows(2).all(|pair| pair[0][0] <= pair[1][0]), "in order");
        for column in 0..pixels {
            let edge = |index: usize| left + (right - left) * index as f64 / pixels as f64;
            let inside = |point: &&[f64; 2]| point[0] >= edge(column) && point[0] < edge(column + 1);
            let range = |points: &[[f64; 2]]| {
                points
                    .iter()
                    .filter(inside)
                    .fold((f64::MAX, f64::MIN), |(low, high), p| (low.min(p[1]), high.max(p[1])))
            };
            assert_eq!(range(&chosen), range(&series.points), "column {column}");
        }
    }

    #[test]
    fn a_nan_is_seen_in_any_zoom() {
        let mut series = MetricSeries::default();
        for step in 0..10_000 {
            series.push(f64::from(step), if step == 5_000 { f64::NAN } else { 1.0 });
        }
        assert!(series.points(0.0..=1e4, 100).iter().any(|point| point[1].is_nan()));
        assert_eq!(series.bounds(), Some(([0.0, 1.0], [9_999.0, 1.0])));
    }

    #[test]
    fn a_very_long_run_has_bounded_memory_and_loses_no_peak() {
        let mut series = MetricSeries::default();
        let length = 3_000_000;
        for step in 0..length {
            let y = if step == 123_456 { 50.0 } else { f64::from(step % 7) };
            series.push(f64::from(step), y);
        }
        assert!(series.points.len() <= KEPT);
        assert_eq!(series.len(), length as usize);
        assert_eq!(series.last(), Some([f64::from(length - 1), f64::from((length - 1) % 7)]));
        let chosen = series.points(0.0..=f64::from(length), 800);
        assert!(chosen.len() <= 1_610, "{}", chosen.len());
        assert!(chosen.contains(&[123_456.0, 50.0]));
        assert_eq!(chosen.last().map(|point| point[0]), Some(f64::from(length - 1)));
    }

    #[test]
    fn asking_looks_at_few_entries_however_long_the_run() {
        let looked_at = |length: u32| {
            let mut series = MetricSeries::default();
            for step in 0..length {
                series.push(f64::from(step), f64::from(step % 13));
            }
            let (count, pixels) = (series.points.len(), 800);
            assert!(series.points(0.0..=f64::from(length), pixels).len() <= 2 * pixels + 10);
            let mut entries = 0;
            for column in 0..pixels {
                let (mut from, to) = (count * column / pixels, count * (column + 1) / pixels);
                while from < to {
                    from += series.widest(from, to).1;
                    entries += 1;
                }
            }
            entries
        };
        let (short, long) = (looked_at(20_000), looked_at(1_000_000));
        // At most three entries at each end of a column, on each of the four more levels.
        assert!(long <= short + 800 * 2 * 3 * 4, "{short} and {long}");
        assert!(long <= 800 * 40, "{long} entries for 800 columns");
    }
}
