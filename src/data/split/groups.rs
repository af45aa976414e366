//! What belongs together or comes first: groups of samples by a column or by their file names, and their order in time.

use std::collections::BTreeMap;

use crate::data::{ColumnKind, Dataset, InputKind};

/// Where the group stands in a pattern.
const GROUP: &str = "{group}";

/// The group of each sample; `None` if `by` is neither a column nor a pattern. A sample that the pattern does not fit
/// is a group of its own.
pub fn groups(dataset: &Dataset, by: &str) -> Option<Vec<String>> {
    let by = by.trim();
    if let Some(column) = Column::find(dataset, by) {
        return Some((0..dataset.len()).map(|sample| column.text(dataset, sample)).collect());
    }
    let (before, behind) = by.split_once(GROUP)?;
    let name = |origin: &String| capture(before, behind, origin).map_or_else(|| origin.clone(), str::to_owned);
    Some(dataset.origins.iter().map(name).collect())
}

/// The samples in the order of a column's numbers, those without one first; in their own order if `by` is empty, and
/// `None` if there is no such column.
pub fn in_time(dataset: &Dataset, by: &str) -> Option<Vec<u32>> {
    let mut samples: Vec<u32> = (0..dataset.len() as u32).collect();
    if by.trim().is_empty() {
        return Some(samples);
    }
    let column = Column::find(dataset, by.trim())?;
    let time = |sample: &u32| column.number(dataset, *sample as usize);
    let times: Vec<f32> = samples.iter().map(time).collect();
    let at = |sample: &u32| times.get(*sample as usize).copied().unwrap_or(f32::NEG_INFINITY);
    samples.sort_by(|left, right| at(left).total_cmp(&at(right)));
    Some(samples)
}

/// Names of the columns that can group or order a table's rows.
pub fn columns(dataset: &Dataset) -> Vec<String> {
    let InputKind::Table { columns } = &dataset.input else { return Vec::new() };
    let mut names: Vec<String> = columns.iter().map(|column| column.column.clone()).collect();
    names.dedup();
    names
}

/// A column of a table: its first position, and the values of a category.
struct Column {
    start: usize,
    values: Vec<String>,
}

impl Column {
    fn find(dataset: &Dataset, name: &str) -> Option<Self> {
        let InputKind::Table { columns } = &dataset.input else { return None };
        let start = columns.iter().position(|column| column.column == name)?;
        let own = columns.iter().skip(start).take_while(|column| column.column == name);
        let values = own.filter_map(|column| match &column.kind {
            ColumnKind::Category(value) => Some(value.clone()),
            ColumnKind::Number => None,
        });
        Some(Self { start, values: values.collect() })
    }

    fn number(&self, dataset: &Dataset, sample: usize) -> f32 {
        let values = dataset.sample(sample);
        let own = || values.iter().skip(self.start);
        if self.values.is_empty() {
            return own().next().copied().filter(|value| value.is_finite()).unwrap_or(f32::NEG_INFINITY);
        }
        own().take(self.values.len()).position(|value| *value > 0.5).map_or(f32::NEG_INFINITY, |place| place as f32)
    }

    fn text(&self, dataset: &Dataset, sample: usize) -> String {
        let number = self.number(dataset, sample);
        let value = (number >= 0.0).then(|| self.values.get(number as usize)).flatten();
        value.map_or_else(|| number.to_string(), Clone::clone)
    }
}

/// What stands for the group in a name, if the pattern fits: the shortest text between what is before and behind it.
fn capture<'n>(before: &str, behind: &str, name: &'n str) -> Option<&'n str> {
    // The extension is not worth writing in a pattern.
    let stem = match name.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains(['/', '\\']) && !behind.contains('.') => stem,
        _ => name,
    };
    let starts = (0..=stem.len()).filter(|&at| stem.is_char_boundary(at));
    let mut starts = starts.filter(|&at| stem.get(..at).is_some_and(|head| matches(before, head)));
    starts.find_map(|start| {
        let ends = (start + 1..=stem.len()).filter(|&at| stem.is_char_boundary(at));
        let mut ends = ends.filter(|&at| stem.get(at..).is_some_and(|tail| matches(behind, tail)));
        ends.next().and_then(|end| stem.get(start..end))
    })
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// Gives whole groups to the parts: in the order of `rank`, the test part takes groups until it has its share, then the
/// validation part. One group at least stays for training.
pub(super) fn share_out(
    names: &[String],
    free: &[u32],
    rank: impl Fn(&str) -> u64,
    (validation, test): (f64, f64),
) -> [Vec<u32>; 3] {
    let mut groups: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for &sample in free {
        if let Some(name) = names.get(sample as usize) {
            groups.entry(name).or_default().push(sample);
        }
    }
    let mut order: Vec<(&str, Vec<u32>)> = groups.into_iter().collect();
    order.sort_by_key(|(name, _)| rank(name));
    let [mut train, mut held_out_validation, mut held_out_test] = [Vec::new(), Vec::new(), Vec::new()];
    let total = free.len() as f64;
    let mut left = order.len();
    for (_, mut samples) in order {
        // A group goes where it brings the part nearer to its share than its absence would.
        let wants = |part: &Vec<u32>, share: f64| {
            let half = samples.len() as f64 / 2.0;
            left > 1 && share > 0.0 && (part.is_empty() || part.len() as f64 + half <= share * total)
        };
        if wants(&held_out_test, test) {
            held_out_test.append(&mut samples);
        } else if wants(&held_out_validation, validation) {
            held_out_validation.append(&mut samples);
        } else {
            train.append(&mut samples);
        }
        left -= 1;
    }
    [train, held_out_validation, held_out_test]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_the_group_in_a_name() {
        let find = |pattern: &str, name: &'static str| {
            let (before, behind) = pattern.split_once(GROUP).unwrap();
            capture(before, behind, name)
        };
        assert_eq!(find("*_{group}_*", "7/7_anna_3.wav"), Some("anna"));
        assert_eq!(find("*/{group}_*", "cats/rome-12_0004.png"), Some("rome-12"));
        assert_eq!(find("{group}/*", "patient1/left.png"), Some("patient1"));
        assert_eq!(find("*-{group}", "a/b-käse.png"), Some("käse"));
        assert_eq!(find("*_{group}_*", "7/anna.wav"), None);
        assert_eq!(find("{group}", "row 7"), Some("row 7"));
    }

    #[test]
    fn groups_stay_whole_and_one_is_always_learned_from() {
        let names: Vec<String> = (0..100).map(|at| format!("g{}", at % 10)).collect();
        let free: Vec<u32> = (0..100).collect();
        let rank = |name: &str| u64::from(name.as_bytes()[1]);
        let [train, validation, test] = share_out(&names, &free, rank, (0.2, 0.2));
        assert_eq!((train.len(), validation.len(), test.len()), (60, 20, 20));
        assert!(test.iter().all(|sample| sample % 10 < 2), "the first two groups: {test:?}");
        let [train, ..] = share_out(&names[..1], &[0], rank, (0.5, 0.4));
        assert_eq!(train, [0]);
        let two: Vec<String> = ["a1".to_owned(), "b2".to_owned()].into();
        let [train, validation, test] = share_out(&two, &[0, 1], rank, (0.2, 0.2));
        assert_eq!((train.len(), validation.len(), test.len()), (1, 0, 1));
    }
}
