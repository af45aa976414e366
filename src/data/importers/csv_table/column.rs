//! What the columns of a table hold, found out by looking at every row once.

use std::collections::BTreeMap;

use super::super::listing::natural;
use super::cell::{self, Decimal};

/// Different values that are remembered for a column.
pub(super) const MOST_DISTINCT: usize = 1000;
/// Different texts up to which a column is a category.
const MOST_CATEGORIES: usize = 100;
/// Longest text that can name a category or class, bytes.
const LONGEST_NAME: usize = 200;
/// Share of the values that must be numbers for the rest to be taken for errors.
const MOSTLY: f64 = 0.95;
/// The same for a column of many different values.
const MOSTLY_IF_VARIED: f64 = 0.7;
/// Names of columns that only count the rows.
const COUNTERS: [&str; 10] = ["", "id", "index", "idx", "row", "row_id", "rownum", "no", "nr", "unnamed: 0"];

/// What was seen in a column.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    /// Values that are there.
    pub present: u64,
    /// Values that are missing.
    pub missing: u64,
    /// Values that are numbers.
    pub numbers: u64,
    /// First value that is none, and its row.
    pub first_text: Option<(u64, String)>,
    /// Each different value with its count; nothing once there are more than [`MOST_DISTINCT`].
    distinct: Option<BTreeMap<String, u64>>,
    all_whole: bool,
    increasing: bool,
    last: f64,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            present: 0,
            missing: 0,
            numbers: 0,
            first_text: None,
            distinct: Some(BTreeMap::new()),
            all_whole: true,
            increasing: true,
            last: f64::NEG_INFINITY,
        }
    }
}

/// What becomes of a column that is not the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// One position with the number.
    Number,
    /// One position for each of these texts.
    Category(Vec<String>),
    /// Left out, for that reason.
    LeftOut(String),
}

impl Profile {
    /// Looks at one cell (trimmed).
    pub(super) fn see(&mut self, cell: &str, row: u64, decimal: Decimal) {
        if cell::is_missing(cell) {
            self.missing += 1;
            return;
        }
        self.present += 1;
        if let Some(number) = decimal.number(cell) {
            self.numbers += 1;
            self.all_whole &= number.fract() == 0.0;
            self.increasing &= number > self.last;
            self.last = number;
        } else if self.first_text.is_none() {
            self.first_text = Some((row, short(cell)));
        }
        let Some(distinct) = &mut self.distinct else { return };
        if let Some(count) = distinct.get_mut(cell) {
            *count += 1;
        } else if distinct.len() < MOST_DISTINCT && cell.len() <= LONGEST_NAME {
            distinct.insert(cell.to_owned(), 1);
        } else {
            self.distinct = None;
        }
    }

    /// Whether its values are numbers, but for a few errors. Where hardly a value occurs twice, they can't be
    /// categories, so more errors are taken for that.
    pub(super) fn is_numeric(&self) -> bool {
        let share = self.numbers as f64 / self.present.max(1) as f64;
        let varied = self.distinct.as_ref().is_none_or(|distinct| distinct.len() as f64 > 0.5 * self.present as f64);
        self.numbers > 0 && share >= if varied { MOSTLY_IF_VARIED } else { MOSTLY }
    }

    /// Whether all values are whole numbers.
    pub(super) fn is_whole(&self) -> bool {
        self.numbers == self.present && self.all_whole
    }

    /// Whether all values are there and the same.
    pub(super) fn is_constant(&self) -> bool {
        self.missing == 0 && self.distinct.as_ref().is_some_and(|distinct| distinct.len() == 1)
    }

    /// The different values in natural order, numbers by their value; `None` if they are too many.
    pub(super) fn values(&self, decimal: Decimal) -> Option<Vec<String>> {
        let mut values: Vec<String> = self.distinct.as_ref()?.keys().cloned().collect();
        values.sort_by(|left, right| match (decimal.number(left), decimal.number(right)) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => natural(left, right),
        });
        Some(values)
    }

    /// What becomes of the column under that name.
    pub(super) fn role(&self, name: &str, decimal: Decimal) -> Role {
        if self.present == 0 {
            return Role::LeftOut("it has no values".to_owned());
        }
        if self.is_numeric() {
            let counts_rows = self.is_whole() && self.increasing && self.missing == 0 && self.present > 3;
            if counts_rows && COUNTERS.contains(&name.to_ascii_lowercase().as_str()) {
                return Role::LeftOut("it only numbers the rows".to_owned());
            }
            return Role::Number;
        }
        let example = self.first_text.as_ref().map_or("", |(_, text)| text.as_str());
        match self.values(decimal) {
            Some(values) if values.len() <= MOST_CATEGORIES && !self.is_almost_unique(values.len()) => {
                Role::Category(values)
            }
            _ if looks_like_a_date(example) => {
                Role::LeftOut(format!("it holds dates or times such as '{example}', which are not read"))
            }
            Some(values) => Role::LeftOut(format!(
                "it holds {} different texts in {} rows, such as '{example}', so they are no categories",
                values.len(),
                self.present
            )),
            None => Role::LeftOut(format!(
                "it holds more than {MOST_DISTINCT} different texts or long ones, such as '{example}', so they are no \
                 categories"
            )),
        }
    }

    fn is_almost_unique(&self, distinct: usize) -> bool {
        self.present > 3 && distinct as f64 > 0.9 * self.present as f64
    }
}

/// The start of a text, for a message.
pub(in crate::data::importers) fn short(text: &str) -> String {
    const SHOWN: usize = 40;
    let line = text.lines().next().unwrap_or("");
    if line.chars().count() > SHOWN || line.len() < text.len() {
        line.chars().take(SHOWN).chain(['…']).collect()
    } else {
        line.to_owned()
    }
}

fn looks_like_a_date(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let marks = text.bytes().filter(|byte| b"-/.:".contains(byte)).count();
    text.len() >= 5
        && digits >= 3
        && marks >= 1
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"-/.: TZ+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, cells: &[&str]) -> Role {
        let mut profile = Profile::default();
        for (row, cell) in (2..).zip(cells) {
            profile.see(cell, row, Decimal::Point);
        }
        profile.role(name, Decimal::Point)
    }

    fn left_out(name: &str, cells: &[&str]) -> String {
        match role(name, cells) {
            Role::LeftOut(reason) => reason,
            other => panic!("{name} should be left out, not {other:?}"),
        }
    }

    #[test]
    fn columns_get_the_role_that_their_values_ask_for() {
        assert_eq!(role("length", &["1.5", "", "2"]), Role::Number);
        let category = Role::Category(vec!["female".to_owned(), "male".to_owned()]);
        assert_eq!(role("sex", &["male", "NA", "female", "male", "male"]), category);
        // Whole numbers stay numbers, even if they are few.
        assert_eq!(role("cylinders", &["4", "8", "4", "4"]), Role::Number);
    }

    #[test]
    fn columns_that_teach_nothing_are_left_out_with_a_reason() {
        assert!(left_out("note", &["", "NA"]).contains("no values"));
        assert!(left_out("id", &["1", "2", "3", "7"]).contains("numbers the rows"));
        assert!(left_out("name", &["Ann", "Bob", "Cid", "Dan"]).contains("different texts"));
        assert!(left_out("day", &["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]).contains("dates"));
        assert_eq!(role("age", &["1", "2", "3", "7"]), Role::Number);
    }

    #[test]
    fn a_few_errors_do_not_make_a_number_column_text() {
        let mut cells = vec!["1"; 39];
        cells.push("oops");
        assert_eq!(role("length", &cells), Role::Number);
        cells.extend(["oops"; 4]);
        assert_eq!(role("length", &cells), Role::Category(vec!["1".to_owned(), "oops".to_owned()]));
    }

    #[test]
    fn long_texts_are_shortened() {
        assert_eq!(short("abc"), "abc");
        assert_eq!(short("two\nlines"), "two…");
        assert_eq!(short(&"ä".repeat(50)).chars().count(), 41);
    }
}
