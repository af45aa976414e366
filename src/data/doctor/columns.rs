//! Columns of tables: without differences, counting the rows, telling the answer, with values that are far off.

use std::collections::BTreeMap;

use crate::base::format;
use crate::data::{ColumnKind, InputKind, Labels, Source};

use super::{Check, Finding, Look, Repair};

/// With fewer rows a column tells the answer by chance.
const LEAST_ROWS: usize = 20;
/// How many widths of the middle half a value may lie outside of it.
const FAR: f32 = 10.0;
/// Correlation with the target from which on a column is taken for the target itself.
const THE_SAME: f64 = 0.999_99;

/// A column of the file and where it lies in a sample.
struct Column {
    name: String,
    start: usize,
    width: usize,
    is_number: bool,
}

pub(super) fn look(look: &Look<'_>) -> Vec<Finding> {
    let InputKind::Table { columns } = &look.dataset.input else { return Vec::new() };
    let mut all: Vec<Column> = Vec::new();
    for (start, column) in columns.iter().enumerate() {
        let is_number = column.kind == ColumnKind::Number;
        match all.last_mut() {
            Some(last) if last.name == column.column && !is_number => last.width += 1,
            _ => all.push(Column { name: column.column.clone(), start, width: 1, is_number }),
        }
    }
    let (mut constant, mut counting, mut telling, mut far) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let rows: Vec<Vec<f32>> = look.samples.iter().map(|sample| look.dataset.sample(*sample as usize)).collect();
    for column in &all {
        let values: Vec<f32> = rows.iter().map(|row| column.value(row)).collect();
        if is_constant(&values) {
            constant.push(column.name.clone());
            continue;
        }
        if column.is_number && counts_rows(&values) {
            counting.push(column.name.clone());
        } else if tells_target(look, &values) {
            telling.push(column.name.clone());
        }
        if column.is_number {
            far.extend(outliers(look, column, &values));
        }
    }
    let mut found = Vec::new();
    let mut add = |check, names: Vec<String>, message: &str| {
        if !names.is_empty() {
            let message = format!("{} {message}", names.join(", "));
            // Only what is read from a table with that option can be left out.
            let can_drop = look.config.format == "csv_table" && matches!(look.config.source, Source::Path(_));
            let repair = can_drop.then_some(Repair::DropColumns(names));
            found.push(Finding { check, message, samples: Vec::new(), repair });
        }
    };
    add(Check::Telltale, telling, "alone tells the target of every row");
    add(Check::Identifier, counting, "counts the rows");
    add(Check::Constant, constant, "has the same value in all rows");
    found.extend(far);
    found
}

impl Column {
    /// The number, or which of the values of a category it is.
    fn value(&self, row: &[f32]) -> f32 {
        let own = row.get(self.start..self.start + self.width).unwrap_or_default();
        if self.is_number {
            return own.first().copied().unwrap_or(f32::NAN);
        }
        own.iter().position(|value| *value > 0.5).map_or(-1.0, |place| place as f32)
    }
}

fn is_constant(values: &[f32]) -> bool {
    let mut present = values.iter().filter(|value| value.is_finite());
    let first = present.next();
    values.len() > 1 && present.all(|value| Some(value) == first)
}

/// Whether the values are whole numbers that rise by one from row to row, gaps of left-out rows aside.
fn counts_rows(values: &[f32]) -> bool {
    let is_whole = values.iter().all(|value| value.is_finite() && value.fract() == 0.0);
    let rises = values.iter().zip(values.iter().skip(1)).all(|(one, next)| one < next);
    let range = values.first().zip(values.last()).map_or(0.0, |(first, last)| f64::from(last - first));
    values.len() >= LEAST_ROWS && is_whole && rises && range < 1.5 * values.len() as f64
}

/// Whether the value of the column decides the target: every class has a range of its own, or the numbers are in line.
fn tells_target(look: &Look<'_>, values: &[f32]) -> bool {
    if values.len() < LEAST_ROWS || values.iter().any(|value| !value.is_finite()) {
        return false;
    }
    if let Labels::Classes(labels) = &look.dataset.labels {
        return parts_classes(look, values, labels);
    }
    let Labels::Values(targets) = &look.dataset.labels else { return false };
    let target = |sample: &u32| targets.get(*sample as usize).map_or(0.0, |value| f64::from(*value));
    let targets: Vec<f64> = look.samples.iter().map(target).collect();
    correlation(values, &targets).abs() > THE_SAME
}

/// Whether each class has a range of the column for itself.
fn parts_classes(look: &Look<'_>, values: &[f32], labels: &[u32]) -> bool {
    let label = |sample: &u32| labels.get(*sample as usize).copied().unwrap_or(0);
    let mut rows: Vec<(f32, u32)> = values.iter().copied().zip(look.samples.iter().map(label)).collect();
    rows.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    let (mut changes, mut is_mixed) = (0, false);
    for (one, next) in rows.iter().zip(rows.iter().skip(1)) {
        changes += usize::from(one.1 != next.1);
        is_mixed |= one.0 == next.0 && one.1 != next.1;
    }
    for (_, class) in &rows {
        *counts.entry(*class).or_default() += 1;
    }
    // Of a class with few rows every column knows the place.
    let rarest = counts.values().copied().min().unwrap_or(0);
    counts.len() > 1 && rarest >= TELLING_ROWS && !is_mixed && changes + 1 == counts.len()
}

/// Rows that each class must have for a column to be called a telltale.
const TELLING_ROWS: usize = 5;

fn correlation(values: &[f32], targets: &[f64]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let target_mean = targets.iter().sum::<f64>() / count;
    let (mut both, mut one, mut other) = (0.0, 0.0, 0.0);
    for (value, target) in values.iter().zip(targets) {
        let (value, target) = (f64::from(*value) - mean, target - target_mean);
        both += value * target;
        one += value * value;
        other += target * target;
    }
    if one > 0.0 && other > 0.0 { both / (one * other).sqrt() } else { 0.0 }
}

fn outliers(look: &Look<'_>, column: &Column, values: &[f32]) -> Option<Finding> {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if sorted.len() < LEAST_ROWS {
        return None;
    }
    sorted.sort_by(f32::total_cmp);
    let at = |share: f64| sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    let (low, high) = (at(0.25), at(0.75));
    let width = high - low;
    let limits = (low - FAR * width)..=(high + FAR * width);
    let is_far = |(_, value): &(&u32, &f32)| value.is_finite() && !limits.contains(*value);
    let far: Vec<(u32, f32)> =
        look.samples.iter().zip(values).filter(is_far).map(|(sample, value)| (*sample, *value)).collect();
    // Many of them are no slips but the column's own way.
    if width <= 0.0 || far.is_empty() || far.len() * 100 > values.len().max(100) {
        return None;
    }
    let farthest =
        far.iter().map(|(_, value)| *value).max_by(|one, other| (one - low).abs().total_cmp(&(other - low).abs()));
    let message = format!(
        "{} has {} far off, such as {}, while half of them lie between {} and {}",
        column.name,
        if far.len() == 1 { "a value".to_owned() } else { format!("{} values", far.len()) },
        format::number(f64::from(farthest.unwrap_or(0.0))),
        format::number(f64::from(low)),
        format::number(f64::from(high))
    );
    let samples: Vec<u32> = far.into_iter().map(|(sample, _)| sample).collect();
    let repair = look.leave_out(&samples);
    Some(Finding { check: Check::Outlier, message, samples, repair })
}
