//! Rows of a table without their answers, for prediction.

use std::path::Path;

use crate::base::Progress;
use crate::data::importers::shortened;
use crate::data::{ColumnKind, DataError, Dataset, InputColumn};

use super::dialect::{self, Dialect, Given};
use super::text::Text;
use super::{cell, column, examine};

/// Reads all rows of a file as raw samples in the positions of the data set. Columns are found by their names, in any
/// order; the target and others may be there or not. Without names they stand as in the file that was learned from.
pub(in crate::data::importers) fn read_inputs(
    dataset: &Dataset,
    columns: &[InputColumn],
    path: &Path,
) -> Result<Vec<Vec<f32>>, DataError> {
    let text = Text::examine(path, &Progress::default())?;
    let dialect = examine(&text, Given::default())?;
    let (start, is_all) = text.start(super::SAMPLE)?;
    let forced = |has_header| Dialect::of(&start, is_all, Given { has_header: Some(has_header), ..Given::default() });

    // A file of one row has nothing to tell a header by, but the names are known.
    let named = forced(true);
    let header = named.header.clone().unwrap_or_default();
    let is_named = columns.first().is_some_and(|first| header.iter().any(|name| name == &first.column));
    let (dialect, places) = if is_named {
        let places = by_name(columns, &super::column_names(&named), path)?;
        (named, places)
    } else if let Some(places) = by_number(dataset, columns, dialect.width) {
        (dialect, places)
    } else if dialect.header.is_some() {
        by_name(columns, &super::column_names(&dialect), path)?;
        return Err(missing(path, "names", &[]));
    } else {
        let places = by_order(columns, dialect.width, path)?;
        (dialect, places)
    };

    let mut reader = dialect::reader(text.open()?, dialect.delimiter);
    let mut samples = Vec::new();
    let skipped = usize::from(dialect.header.is_some());
    for record in reader.byte_records().skip(skipped) {
        let record = record.map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => text.error(error),
            other => DataError::content(path, format!("a row can't be read: {other:?}"), "Check the file's quotes"),
        })?;
        let row = record.position().map_or(0, csv::Position::line);
        let record = csv::StringRecord::from_byte_record_lossy(record);
        let sample = columns.iter().zip(&places).map(|(input, &at)| {
            let Some(cell) = record.get(at) else {
                let message = format!("row {row} has {} columns, so '{}' is not in it", record.len(), input.column);
                return Err(DataError::content(path, message, "Mend the row"));
            };
            value(columns, input, cell.trim(), &dialect).map_err(|reason| {
                let message = format!("row {row}, column '{}': {reason}", input.column);
                DataError::content(path, message, "Mend the cell, or empty it if the value is not known")
            })
        });
        samples.push(sample.collect::<Result<Vec<f32>, _>>()?);
    }
    if samples.is_empty() {
        return Err(DataError::content(
            path,
            "the file has a header, but no rows",
            "Choose a file with rows to predict",
        ));
    }
    Ok(samples)
}

fn value(columns: &[InputColumn], input: &InputColumn, cell: &str, dialect: &Dialect) -> Result<f32, String> {
    match &input.kind {
        ColumnKind::Number if cell::is_missing(cell) => Ok(f32::NAN),
        ColumnKind::Number => {
            let number = dialect.decimal.number(cell).map(|number| number as f32);
            number.ok_or_else(|| format!("'{}' is no number", column::short(cell)))
        }
        ColumnKind::Category(_) if cell::is_missing(cell) => Ok(0.0),
        ColumnKind::Category(value) if value == cell => Ok(1.0),
        ColumnKind::Category(_) => {
            let known =
                columns.iter().filter(|other| other.column == input.column).filter_map(|other| match &other.kind {
                    ColumnKind::Category(value) => Some(value.as_str()),
                    ColumnKind::Number => None,
                });
            let known: Vec<&str> = known.collect();
            if known.contains(&cell) {
                return Ok(0.0);
            }
            Err(format!("'{}' is none of the known values ({})", column::short(cell), shortened(&known)))
        }
    }
}

/// Where each input stands, by the names in the header.
fn by_name(columns: &[InputColumn], names: &[String], path: &Path) -> Result<Vec<usize>, DataError> {
    let find = |input: &InputColumn| {
        let found = names.iter().position(|name| *name == input.column);
        found.ok_or_else(|| missing(path, &input.column, names))
    };
    columns.iter().map(find).collect()
}

/// Where each input stands if the file that was learned from had no names either: `column 3` is the third one. If
/// the target is not in this file, the columns behind it stand one place further to the front.
fn by_number(dataset: &Dataset, columns: &[InputColumn], width: usize) -> Option<Vec<usize>> {
    let number = |name: &str| name.strip_prefix("column ")?.parse::<usize>().ok().filter(|number| *number > 0);
    let numbers: Vec<usize> = columns.iter().map(|input| number(&input.column)).collect::<Option<_>>()?;
    let target = number(&dataset.target)?;
    let learned = numbers.iter().copied().max()?.max(target);
    let lacks_target = width + 1 == learned;
    let place = |number: &usize| number - 1 - usize::from(lacks_target && *number > target);
    let places: Vec<usize> = numbers.iter().map(place).collect();
    places.iter().all(|&at| at < width).then_some(places)
}

/// Where each input stands if there are no names but just as many columns, with or without the target at the end.
fn by_order(columns: &[InputColumn], width: usize, path: &Path) -> Result<Vec<usize>, DataError> {
    let mut names: Vec<&str> = columns.iter().map(|input| input.column.as_str()).collect();
    names.dedup();
    if width != names.len() && width != names.len() + 1 {
        let message = format!("the file has {width} columns without names, but {} are needed", names.len());
        return Err(DataError::content(path, message, format!("Add a header with {}", shortened(&names))));
    }
    let place = |input: &InputColumn| names.iter().position(|name| *name == input.column).unwrap_or(0);
    Ok(columns.iter().map(place).collect())
}

fn missing(path: &Path, column: &str, names: &[String]) -> DataError {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let message = format!("the column '{column}' is missing; the file has {}", shortened(&names));
    DataError::content(path, message, "Choose a file with the columns of the data set; the target may be missing")
}
