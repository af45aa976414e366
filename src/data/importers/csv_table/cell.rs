//! What a cell of a table says: nothing, a number, or text.

/// Words that stand for a missing value, in lower case.
const MISSING: [&str; 11] = ["", "na", "n/a", "nan", "null", "none", "nil", "?", "-", "#n/a", "<na>"];

/// Whether a cell (trimmed) stands for a missing value.
pub(in crate::data::importers) fn is_missing(cell: &str) -> bool {
    cell.len() <= 5 && MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// How numbers are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::data::importers) enum Decimal {
    /// `1234.5`, also `1,234.5`.
    #[default]
    Point,
    /// `1234,5`, also `1.234,5`.
    Comma,
}

impl Decimal {
    /// The number in a cell (trimmed), if it is one that a 32-bit float can hold.
    pub(in crate::data::importers) fn number(self, cell: &str) -> Option<f64> {
        // Words such as `inf` are numbers to the standard parser, but not to people.
        if !cell.bytes().next_back()?.is_ascii_digit() && !cell.ends_with(['.', ',']) {
            return None;
        }
        let (separator, group) = match self {
            Self::Point => ('.', ','),
            Self::Comma => (',', '.'),
        };
        let plain = |text: &str| text.parse::<f64>().ok().filter(|number| (*number as f32).is_finite());
        if self == Self::Point && !cell.contains(',') {
            return plain(cell);
        }
        let (whole, fraction) = cell.split_once(separator).unwrap_or((cell, ""));
        let whole = if is_grouped(whole, group) { whole.replace(group, "") } else { whole.to_owned() };
        if fraction.contains([',', '.']) || whole.contains(',') {
            return None;
        }
        if whole.contains('.') && !fraction.is_empty() {
            return None;
        }
        plain(&if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") })
    }
}

/// Whether the thousands are set apart: one to three digits, then groups of three.
fn is_grouped(whole: &str, group: char) -> bool {
    let mut groups = whole.trim_start_matches(['+', '-']).split(group);
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().is_some_and(|first| (1..=3).contains(&first.len()) && is_digits(first));
    let mut count = 0;
    first
        && groups.all(|rest| {
            count += 1;
            rest.len() == 3 && is_digits(rest)
        })
        && count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let check = |decimal: Decimal, cell: &str, expect: Option<f64>| {
            assert_eq!(decimal.number(cell), expect, "{cell} with {decimal:?}");
        };
        for (cell, expect) in [
            ("5.1", Some(5.1)),
            ("-3", Some(-3.0)),
            ("+2", Some(2.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e-3", Some(0.001)),
            ("1,234.5", Some(1234.5)),
            ("1,234,567", Some(1_234_567.0)),
            ("1,5", None),
            ("inf", None),
            ("nan", None),
            ("1e300", None),
            ("", None),
            ("abc", None),
            ("1.2.3", None),
            ("2024-01-05", None),
            ("12:30", None),
            ("3 m", None),
            ("0x10", None),
        ] {
            check(Decimal::Point, cell, expect);
        }
        for (cell, expect) in [
            ("5,1", Some(5.1)),
            ("-0,25", Some(-0.25)),
            ("7", Some(7.0)),
            ("1.234,5", Some(1234.5)),
            ("1.234", Some(1234.0)),
            ("1.5", Some(1.5)),
            ("1,2,3", None),
            ("1,234.5", None),
            ("x", None),
        ] {
            check(Decimal::Comma, cell, expect);
        }
    }

    #[test]
    fn missing_values_have_many_names() {
        for cell in ["", "NA", "NaN", "?", "null", "N/A", "None"] {
            assert!(is_missing(cell), "{cell}");
        }
        for cell in ["0", "no", "nano", "--", "Nil desperandum"] {
            assert!(!is_missing(cell), "{cell}");
        }
    }
}
