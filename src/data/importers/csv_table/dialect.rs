//! How a table file is written: what parts its columns, whether it has a header, what its decimals look like.

use std::collections::BTreeMap;

use super::cell::{self, Decimal};

/// Delimiters that are tried.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Rows that are looked at.
const MOST_ROWS: usize = 500;

/// How a table file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::data::importers) struct Dialect {
    /// Parts the columns.
    pub delimiter: u8,
    /// Names of the columns if the first row has them.
    pub header: Option<Vec<String>>,
    /// How numbers are written.
    pub decimal: Decimal,
    /// Columns of most rows.
    pub width: usize,
}

/// What is known before looking.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::data::importers) struct Given {
    /// The delimiter.
    pub delimiter: Option<u8>,
    /// Whether there is a header.
    pub has_header: Option<bool>,
}

impl Dialect {
    /// Finds it out from the start of the text; `is_all` if that is the whole text.
    pub(in crate::data::importers) fn of(start: &[u8], is_all: bool, given: Given) -> Self {
        let sample = if is_all { start } else { whole_lines(start) };
        let rows_with = |delimiter| rows(sample, delimiter);
        let (delimiter, rows) = match given.delimiter {
            Some(delimiter) => (delimiter, rows_with(delimiter)),
            None => DELIMITERS
                .map(|delimiter| (delimiter, rows_with(delimiter)))
                .into_iter()
                // The first one wins where several fit alike.
                .rev()
                .max_by(|left, right| fitness(left.0, &left.1).total_cmp(&fitness(right.0, &right.1)))
                .unwrap_or((b',', Vec::new())),
        };
        let decimal = if delimiter == b',' { Decimal::Point } else { decimal(&rows) };
        let has_header = given.has_header.unwrap_or_else(|| has_header(&rows, decimal));
        let mut rows = rows.into_iter();
        let header = if has_header { rows.next() } else { None };
        let rows: Vec<Vec<String>> = rows.collect();
        let width = common_width(&rows).map_or_else(|| header.as_ref().map_or(0, Vec::len), |(width, _)| width);
        let header = header.map(|names| match_width(names, width, &rows));
        Self { delimiter, header, decimal, width }
    }

    /// Name of the delimiter, for people.
    pub(in crate::data::importers) fn delimiter_name(&self) -> &'static str {
        match self.delimiter {
            b';' => "semicolon",
            b'\t' => "tab",
            b'|' => "bar",
            _ => "comma",
        }
    }
}

/// A reader of the rows of a text. Rows may differ in their number of columns.
pub(in crate::data::importers) fn reader<R: std::io::Read>(text: R, delimiter: u8) -> csv::Reader<R> {
    csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text)
}

fn rows(sample: &[u8], delimiter: u8) -> Vec<Vec<String>> {
    let records = reader(sample, delimiter).into_byte_records().flatten().take(MOST_ROWS);
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).trim().to_owned();
    records.map(|record| record.iter().map(text).collect()).collect()
}

/// The last line of a cut sample may be cut as well.
fn whole_lines(start: &[u8]) -> &[u8] {
    let end = start.iter().rposition(|byte| *byte == b'\n' || *byte == b'\r');
    end.and_then(|end| start.get(..=end)).unwrap_or(start)
}

/// The most frequent number of columns, and the share of the rows that have it.
fn common_width(rows: &[Vec<String>]) -> Option<(usize, f64)> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.len()).or_insert(0_usize) += 1;
    }
    let (width, count) = counts.into_iter().max_by_key(|(width, count)| (*count, *width))?;
    Some((width, count as f64 / rows.len() as f64))
}

/// From 0 to 1: the same number of columns in all rows, and no other delimiter left inside the cells.
fn fitness(delimiter: u8, rows: &[Vec<String>]) -> f64 {
    let Some((width, share)) = common_width(rows).filter(|(width, _)| *width > 1) else { return 0.0 };
    // Commas may be decimals or part of a sentence; the others hardly occur in a cell.
    let others = DELIMITERS.map(char::from);
    let is_clean = |cell: &str| {
        !cell.contains(|letter| letter != ',' && letter != char::from(delimiter) && others.contains(&letter))
    };
    let cells = rows.iter().filter(|row| row.len() == width).flatten();
    let (clean, all) =
        cells.fold((0_usize, 0_usize), |(clean, all), cell| (clean + usize::from(is_clean(cell)), all + 1));
    share * (0.2 + 0.8 * clean as f64 / all.max(1) as f64)
}

/// Decides for the comma where more cells are numbers with one than with a point.
fn decimal(rows: &[Vec<String>]) -> Decimal {
    let count = |with: char, decimal: Decimal| {
        let cells = rows.iter().flatten().filter(|cell| cell.contains(with));
        cells.filter(|cell| decimal.number(cell).is_some()).count()
    };
    if count(',', Decimal::Comma) > count('.', Decimal::Point) { Decimal::Comma } else { Decimal::Point }
}

/// A first row without numbers is a header if a column below it has numbers; where all is text, if none of its words
/// occurs again below.
fn has_header(rows: &[Vec<String>], decimal: Decimal) -> bool {
    let Some((first, rest)) = rows.split_first() else { return false };
    let is_number = |cell: &str| decimal.number(cell).is_some();
    if first.iter().any(|cell| is_number(cell)) || first.iter().all(|cell| cell.is_empty()) {
        return false;
    }
    let column = |at: usize| rest.iter().filter_map(move |row| row.get(at)).filter(|cell| !cell::is_missing(cell));
    let has_numbers = |at: usize| {
        let (numbers, all) =
            column(at).fold((0, 0), |(numbers, all), cell| (numbers + usize::from(is_number(cell)), all + 1));
        numbers * 2 > all
    };
    if (0..first.len()).any(has_numbers) {
        return true;
    }
    let names: std::collections::BTreeSet<&String> = first.iter().collect();
    names.len() == first.len() && first.iter().enumerate().all(|(at, name)| column(at).all(|cell| cell != name))
}

/// Mends a header with one name less than the rows have columns: either each row ends with a delimiter, or the rows
/// begin with their names (as R writes them).
fn match_width(mut names: Vec<String>, width: usize, rows: &[Vec<String>]) -> Vec<String> {
    if names.len() + 1 == width {
        let ends_empty =
            rows.iter().filter(|row| row.len() == width).all(|row| row.last().is_some_and(String::is_empty));
        names.insert(if ends_empty { names.len() } else { 0 }, String::new());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, delimiter: char, header: Option<&[&str]>, decimal: Decimal, width: usize) {
        let header = header.map(|names| names.iter().map(ToString::to_string).collect());
        let expect = Dialect { delimiter: delimiter as u8, header, decimal, width };
        assert_eq!(Dialect::of(text.as_bytes(), true, Given::default()), expect, "{text}");
    }

    #[test]
    fn finds_delimiter_header_and_decimals() {
        let (point, comma) = (Decimal::Point, Decimal::Comma);
        check("a,b,class\n1,2.5,x\n3,4,y\n", ',', Some(&["a", "b", "class"]), point, 3);
        check("5.1,3.5,setosa\n4.9,3.0,setosa\n", ',', None, point, 3);
        check("a;b\n1,5;2,5\n3,5;4\n", ';', Some(&["a", "b"]), comma, 2);
        check("1,5;2,5;3,5\n4,5;5,5;6,5\n", ';', None, comma, 3);
        check("a\tb\n1,000\t2.5\n3,000\t4.5\n", '\t', Some(&["a", "b"]), point, 2);
        check("a|b\nx, y|2\nz|3\n", '|', Some(&["a", "b"]), point, 2);
        check(
            "text,label\n\"one, two; three\",pos\nfour,neg\nfive; six,neg\n",
            ',',
            Some(&["text", "label"]),
            point,
            2,
        );
        check("red,small\nred,large\nblue,small\n", ',', None, point, 2);
        check("a,b\r\n1,2\r\n\r\n3,4", ',', Some(&["a", "b"]), point, 2);
    }

    #[test]
    fn a_header_with_one_name_less_is_mended() {
        check("a,b\n1,2,\n3,4,\n", ',', Some(&["a", "b", ""]), Decimal::Point, 3);
        check("a,b\nr1,1,2\nr2,3,4\n", ',', Some(&["", "a", "b"]), Decimal::Point, 3);
    }

    #[test]
    fn a_cut_last_line_is_not_counted() {
        let given = Given::default();
        let dialect = Dialect::of(b"a,b,c\n1,2,3\n4,5,6\n7,", false, given);
        assert_eq!(dialect.width, 3);
        assert_eq!(Dialect::of(b"", true, given).width, 0);
    }
}
