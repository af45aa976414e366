//! A table as a series: its rows in the order of time, its gaps filled.

use crate::base::{Place, Problem, format};
use crate::data::DataError;

use super::super::csv_table::cell::is_missing;
use super::super::csv_table::dialect::{self, Dialect};
use super::super::csv_table::text::Text;
use super::Gaps;
use super::moment::Style;

/// Rows of one kind of trouble that get a problem each; the rest is counted in one more.
const MOST_PROBLEMS: usize = 200;
/// A step so many times the usual one leaves rows out.
const LONG_STEP: f64 = 1.5;

/// Columns of numbers, all of the same length, in the order of time.
pub(super) struct Table {
    /// Their names.
    pub names: Vec<String>,
    /// Their values; NaN where one is missing.
    pub columns: Vec<Vec<f32>>,
    /// When each row was, as in the file, or its number.
    pub moments: Vec<String>,
}

/// Which columns tell the time: one, or a year and a quarter or month.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clock {
    columns: Vec<usize>,
    style: Style,
    /// Quarters or months of a year, where a second column tells them.
    parts_of_year: u32,
}

/// Names of a column that tells the time.
const TIMES: [&str; 12] =
    ["date", "time", "datetime", "timestamp", "month", "year", "week", "day", "hour", "period", "ds", "date_time"];
/// Names of a column that divides a year.
const PARTS_OF_YEAR: [(&str, u32); 2] = [("quarter", 4), ("month", 12)];

impl Clock {
    /// The column of that name, or the first one if it tells the time.
    pub(super) fn find(wanted: &str, names: &[String], rows: &[Vec<String>]) -> Option<Self> {
        let position = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        let column = if wanted.is_empty() { 0 } else { position(wanted)? };
        let cells = || rows.iter().filter_map(|row| row.get(column)).filter(|cell| !is_missing(cell));
        let style = Style::of(cells().next()?)?;
        let name = names.get(column)?.to_ascii_lowercase();
        let is_named =
            TIMES.contains(&name.as_str()) || TIMES.iter().any(|time| name.starts_with(time) && name.len() > 3);
        if wanted.is_empty() && style == Style::Number && !is_named {
            return None;
        }
        if cells().filter(|cell| style.moment(cell).is_none()).count() * 2 > cells().count() {
            return None;
        }
        let second = PARTS_OF_YEAR
            .iter()
            .find_map(|(part, count)| Some((position(part)?, *count)))
            .filter(|(second, _)| *second == column + 1);
        let repeats = {
            let mut moments = cells().filter_map(|cell| style.moment(cell));
            let first = moments.next();
            moments.next() == first
        };
        let (columns, parts_of_year) = match second {
            Some((second, count)) if repeats && name == "year" => (vec![column, second], count),
            _ => (vec![column], 1),
        };
        Some(Self { columns, style, parts_of_year })
    }

    /// The moment of a row, and how it is shown.
    fn moment(&self, row: &csv::StringRecord) -> Option<(f64, String)> {
        let mut cells = self.columns.iter().map(|column| row.get(*column).unwrap_or("").trim());
        let first = cells.next()?;
        let moment = self.style.moment(first)?;
        let Some(part) = cells.next() else { return Some((moment, first.to_owned())) };
        let number = part.trim_start_matches(['Q', 'q', 'M', 'm']).parse::<u32>().ok()?;
        let is_inside = (1..=self.parts_of_year).contains(&number);
        let moment = moment * f64::from(self.parts_of_year) + f64::from(number);
        is_inside.then(|| (moment, format!("{first} {part}")))
    }

    /// Whether the moments of these rows only grow.
    pub(super) fn grows(&self, rows: &[Vec<String>]) -> bool {
        let moments =
            rows.iter().map(|row| self.moment(&csv::StringRecord::from(row.clone())).map(|(moment, _)| moment));
        moments.collect::<Option<Vec<f64>>>().is_some_and(|moments| moments.is_sorted_by(|left, right| left < right))
    }

    /// Whether it uses a column.
    pub(super) fn uses(&self, column: usize) -> bool {
        self.columns.contains(&column)
    }
}

impl Table {
    /// Reads the columns `wanted` of a file whose dialect is known.
    ///
    /// # Errors
    /// If the file can't be read, or no row is left.
    pub(super) fn read(
        text: &Text,
        dialect: &Dialect,
        names: &[String],
        wanted: &[usize],
        clock: Option<&Clock>,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, DataError> {
        let mut reader = dialect::reader(text.open()?, dialect.delimiter);
        let mut rows: Vec<(f64, String, Vec<f32>)> = Vec::new();
        let mut bad = 0;
        for record in reader.byte_records().skip(usize::from(dialect.header.is_some())) {
            let record = record.map_err(|error| match error.into_kind() {
                csv::ErrorKind::Io(error) => text.error(error),
                other => DataError::content(text.path(), format!("a row can't be read: {other:?}"), "Check its quotes"),
            })?;
            let row = record.position().map_or(0, csv::Position::line);
            let record = csv::StringRecord::from_byte_record_lossy(record);
            let mut refuse = |message: String, hint: &str| {
                bad += 1;
                if bad <= MOST_PROBLEMS {
                    let place = Place::File { path: text.path().to_owned(), row: usize::try_from(row).ok() };
                    problems.push(Problem::error(place, message, hint));
                }
            };
            if record.len() != names.len() {
                let message =
                    format!("The row has {} columns instead of {}, so it is left out", record.len(), names.len());
                refuse(message, "Mend the row: look for a missing or additional delimiter");
                continue;
            }
            let moment = match clock {
                None => Some((rows.len() as f64, format!("row {row}"))),
                Some(clock) => clock.moment(&record),
            };
            let Some((moment, shown)) = moment else {
                refuse(
                    "The row's time can't be read, so it is left out".to_owned(),
                    "Mend the time, or remove the row",
                );
                continue;
            };
            let mut values = Vec::with_capacity(wanted.len());
            for &column in wanted {
                let cell = record.get(column).unwrap_or("").trim();
                let number = if is_missing(cell) { None } else { dialect.decimal.number(cell) };
                values.push(number.map_or(f32::NAN, |number| number as f32));
            }
            rows.push((moment, shown, values));
        }
        if bad > MOST_PROBLEMS {
            let place = Place::File { path: text.path().to_owned(), row: None };
            let message =
                format!("{} more rows can't be used and are left out", format::count((bad - MOST_PROBLEMS) as u64));
            problems.push(Problem::error(place, message, "Mend these rows, or remove them"));
        }
        if rows.is_empty() {
            return Err(DataError::content(
                text.path(),
                "no row can be used",
                "Choose a table with a row for each moment",
            ));
        }
        if clock.is_some() {
            order(&mut rows, problems);
        }
        let mut columns = vec![Vec::with_capacity(rows.len()); wanted.len()];
        let mut moments = Vec::with_capacity(rows.len());
        for (_, shown, values) in rows {
            moments.push(shown);
            columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        }
        let names = wanted.iter().filter_map(|column| names.get(*column).cloned()).collect();
        Ok(Self { names, columns, moments })
    }

    /// Fills what is missing, and tells how much that is.
    pub(super) fn fill(&mut self, gaps: Gaps, problems: &mut Vec<Problem>) {
        for (name, column) in self.names.iter().zip(&mut self.columns) {
            let missing = column.iter().filter(|value| value.is_nan()).count();
            if missing == 0 {
                continue;
            }
            fill(column, gaps);
            let how = match gaps {
                Gaps::Interpolate => "taken from a straight line between their neighbours",
                Gaps::Last => "taken from the last known one",
            };
            let all = format::count(column.len() as u64);
            let message = format!("{missing} of {all} values of '{name}' are missing and {how}");
            let hint = "Choose another way in the import options if that hides something";
            problems.push(Problem::warning(Place::Data, message, hint));
        }
    }
}

/// Brings the rows into the order of time, and tells of steps that are longer than usual or do not move.
fn order(rows: &mut [(f64, String, Vec<f32>)], problems: &mut Vec<Problem>) {
    if !rows.is_sorted_by(|left, right| left.0 <= right.0) {
        rows.sort_by(|left, right| left.0.total_cmp(&right.0));
        let message = "The rows are not in the order of time, so they were sorted";
        problems.push(Problem::advice(Place::Data, message, "Nothing needs to be done"));
    }
    let steps: Vec<f64> = rows
        .windows(2)
        .map(|pair| pair.last().map_or(0.0, |row| row.0) - pair.first().map_or(0.0, |row| row.0))
        .collect();
    let still = steps.iter().filter(|step| **step <= 0.0).count();
    if still > 0 {
        let message = format!("Rows with the same time as the row before them: {still}");
        problems.push(Problem::warning(Place::Data, message, "Check whether the file holds several series"));
    }
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let long: Vec<usize> = (0..steps.len())
        .filter(|step| steps.get(*step).is_some_and(|length| usual > 0.0 && *length > usual * LONG_STEP))
        .collect();
    if let Some(first) = long.first() {
        let after = rows.get(*first).map_or("", |row| row.1.as_str());
        let message = format!(
            "Steps that are longer than usual: {}, the first one after {after}; rows count as equally far apart",
            long.len()
        );
        problems.push(Problem::advice(Place::Data, message, "Add the missing rows with empty values if that matters"));
    }
}

/// Fills NaN; a column of nothing else stays as it is.
fn fill(column: &mut [f32], gaps: Gaps) {
    let known: Vec<(usize, f32)> = column.iter().copied().enumerate().filter(|(_, value)| !value.is_nan()).collect();
    let (Some(&(first, start)), Some(&(last, end))) = (known.first(), known.last()) else { return };
    column.iter_mut().take(first).for_each(|value| *value = start);
    column.iter_mut().skip(last + 1).for_each(|value| *value = end);
    for pair in known.windows(2) {
        let &[(left, from), (right, to)] = pair else { continue };
        for at in left + 1..right {
            if let Some(value) = column.get_mut(at) {
                let share = (at - left) as f32 / (right - left) as f32;
                *value = if gaps == Gaps::Last { from } else { from + (to - from) * share };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_from_their_neighbours() {
        let with_gaps = [f32::NAN, 1.0, f32::NAN, f32::NAN, 4.0, f32::NAN];
        let mut column = with_gaps;
        fill(&mut column, Gaps::Interpolate);
        assert_eq!(column, [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        let mut column = with_gaps;
        fill(&mut column, Gaps::Last);
        assert_eq!(column, [1.0, 1.0, 1.0, 1.0, 4.0, 4.0]);
        let mut nothing = [f32::NAN; 2];
        fill(&mut nothing, Gaps::Interpolate);
        assert!(nothing[0].is_nan());
    }

    #[test]
    fn rows_are_sorted_and_odd_steps_told() {
        let row = |moment: f64| (moment, moment.to_string(), Vec::new());
        let mut rows = [row(2.0), row(1.0), row(3.0), row(4.0), row(4.0), row(7.0)];
        let mut problems = Vec::new();
        order(&mut rows, &mut problems);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(told[0].contains("sorted") && told[1].contains("the same time as the row before them: 1"), "{told:?}");
        assert!(told[2].contains("longer than usual: 1, the first one after 4"), "{told:?}");
    }
}
