//! The two passes over the rows: what the columns hold, then their values.

use std::collections::BTreeMap;

use crate::base::{Dims, Place, Problem, format, memory};
use crate::data::importers::{listing, shortened};
use crate::data::{ColumnKind, DataError, Dataset, Features, InputColumn, InputKind, Labels, Task};

use super::column::{MOST_DISTINCT, Profile, Role};
use super::dialect::{self, Dialect};
use super::text::Text;
use super::{CsvTableOptions, Goal, cell, column_names, numbered};

/// Names that tell a target column, the surest first.
const TARGETS: [&str; 13] = [
    "target",
    "class",
    "label",
    "labels",
    "species",
    "category",
    "outcome",
    "diagnosis",
    "survived",
    "quality",
    "digit",
    "variety",
    "y",
];
/// Different whole numbers up to which a target is taken for classes.
const MOST_NUMBERED_CLASSES: usize = 20;
/// Rows of one kind of trouble that get a problem each; the rest is counted in one more.
const MOST_PROBLEMS: usize = 200;

/// Reads the rows of a file whose encoding and dialect are known.
pub(super) fn read(
    text: &Text,
    dialect: &Dialect,
    options: &CsvTableOptions,
    mut problems: Vec<Problem>,
) -> Result<Dataset, DataError> {
    let names = column_names(dialect);
    if names.len() < 2 {
        let message = format!("each row has one column alone (delimiter: {})", dialect.delimiter_name());
        let hint = "Choose another delimiter in the import options; a table needs a target and something to tell it by";
        return Err(DataError::content(text.path(), message, hint));
    }
    let (profiles, rows) = profile(text, dialect, names.len(), &mut problems)?;
    if rows == 0 {
        let message =
            if dialect.header.is_some() { "the file has a header, but no rows" } else { "no row can be used" };
        let message = if problems.is_empty() { message } else { "none of its rows has the columns of the header" };
        return Err(DataError::content(text.path(), message, "Choose a file with at least two complete rows"));
    }
    let plan = Plan::make(text, dialect, options, &names, &profiles, &mut problems)?;
    plan.refuse_what_cannot_fit(text, rows)?;
    plan.read_values(text, dialect, rows, problems)
}

/// Calls `visit` for each row of `width` columns with its number; other rows are problems.
fn for_each_row(
    text: &Text,
    dialect: &Dialect,
    width: usize,
    problems: &mut Vec<Problem>,
    mut visit: impl FnMut(u64, &csv::StringRecord, &mut Vec<Problem>),
) -> Result<(), DataError> {
    let mut reader = dialect::reader(text.open()?, dialect.delimiter);
    let mut record = csv::ByteRecord::new();
    let mut is_header = dialect.header.is_some();
    let mut ragged = 0_usize;
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(csv_error(text, error)),
        }
        if std::mem::take(&mut is_header) {
            continue;
        }
        let row = record.position().map_or(0, csv::Position::line);
        if record.len() == width {
            // The text is UTF-8 by now, so this copies nothing.
            let taken = std::mem::take(&mut record);
            let row_text = csv::StringRecord::from_byte_record_lossy(taken);
            visit(row, &row_text, problems);
            record = row_text.into_byte_record();
            continue;
        }
        ragged += 1;
        if ragged <= MOST_PROBLEMS {
            let message = format!("The row has {} columns instead of {width}, so it is left out", record.len());
            let hint = "Mend the row: look for a missing or additional delimiter, or quotes that do not end";
            problems.push(Problem::error(place(text, row), message, hint));
        }
    }
    summarize(text, ragged, "have another number of columns", problems);
    Ok(())
}

fn profile(
    text: &Text,
    dialect: &Dialect,
    width: usize,
    problems: &mut Vec<Problem>,
) -> Result<(Vec<Profile>, usize), DataError> {
    let mut profiles = vec![Profile::default(); width];
    let mut rows = 0;
    for_each_row(text, dialect, width, problems, |row, record, _| {
        rows += 1;
        for (profile, cell) in profiles.iter_mut().zip(record) {
            profile.see(cell.trim(), row, dialect.decimal);
        }
    })?;
    Ok((profiles, rows))
}

/// What is done with each column.
struct Plan {
    names: Vec<String>,
    target: usize,
    /// Classes in order; empty for regression.
    classes: Vec<String>,
    task: Task,
    /// Column, and the first position that it takes in a sample.
    inputs: Vec<(usize, Role)>,
    columns: Vec<InputColumn>,
    /// Classes are numbers, and `1` and `1.0` the same.
    has_numbered_classes: bool,
}

impl Plan {
    fn make(
        text: &Text,
        dialect: &Dialect,
        options: &CsvTableOptions,
        names: &[String],
        profiles: &[Profile],
        problems: &mut Vec<Problem>,
    ) -> Result<Self, DataError> {
        let unfit = |message: String, hint: String| DataError::content(text.path(), message, hint);
        let target = choose_target(text, dialect, options, names, problems)?;
        let name = names.get(target).cloned().unwrap_or_default();
        let Some(profile) = profiles.get(target).filter(|profile| profile.present > 0) else {
            let hint = "Choose another target column in the import options".to_owned();
            return Err(unfit(format!("the target column '{name}' has no values"), hint));
        };
        let values = profile.values(dialect.decimal);
        let task = match options.task {
            Goal::Classification => Task::Classification,
            Goal::Regression => Task::Regression,
            Goal::Auto if profile.is_numeric() => {
                let is_short = |values: &Vec<String>| {
                    values.len() <= MOST_NUMBERED_CLASSES && 2 * values.len() as u64 <= profile.present
                };
                let is_few = profile.is_whole() && values.as_ref().is_some_and(is_short);
                if is_few { Task::Classification } else { Task::Regression }
            }
            Goal::Auto => Task::Classification,
        };
        let has_numbered_classes = profile.numbers == profile.present;
        let classes = match (task, values) {
            (Task::Regression, _) if profile.numbers == 0 => {
                let example = profile.first_text.as_ref().map_or("", |(_, text)| text.as_str());
                let message = format!("the target column '{name}' holds no numbers, but texts such as '{example}'");
                return Err(unfit(
                    message,
                    "Choose classes in the import options, or another target column".to_owned(),
                ));
            }
            (Task::Regression | Task::LanguageModel | Task::Detection, _) => Vec::new(),
            (_, None) => {
                let message = format!("the target column '{name}' has more than {MOST_DISTINCT} different values");
                return Err(unfit(message, "Choose another target column, or a number as target".to_owned()));
            }
            // A column holds no masks: what is no number is a class.
            (_, Some(values)) => {
                let mut classes: Vec<String> =
                    values.iter().map(|value| class_name(value, has_numbered_classes, dialect)).collect();
                classes.dedup();
                classes
            }
        };
        if let [only] = classes.as_slice() {
            let message = format!("The target '{name}' is '{only}' in all rows, so there is nothing to tell apart");
            problems.push(Problem::warning(Place::Data, message, "Choose another target column in the import options"));
        } else if classes.len() as u64 * 2 > profile.present {
            let message = format!("The target '{name}' has {} classes for {} rows", classes.len(), profile.present);
            problems.push(Problem::warning(Place::Data, message, "Check whether this is the right target column"));
        }

        let mut plan = Self {
            names: names.to_vec(),
            target,
            classes,
            task,
            inputs: Vec::new(),
            columns: Vec::new(),
            has_numbered_classes,
        };
        plan.choose_inputs(dialect, options, profiles, problems);
        if plan.columns.is_empty() {
            let message = format!("no column but the target '{name}' can be used");
            let reasons =
                problems.iter().rev().take(3).map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ");
            return Err(unfit(message, format!("Add columns with numbers or categories ({reasons})")));
        }
        Ok(plan)
    }

    fn choose_inputs(
        &mut self,
        dialect: &Dialect,
        options: &CsvTableOptions,
        profiles: &[Profile],
        problems: &mut Vec<Problem>,
    ) {
        let unwanted: Vec<&str> = options.leave_out.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        for name in &unwanted {
            if !self.names.iter().any(|known| known == name) {
                let message = format!("There is no column '{name}' to leave out");
                let hint = format!("The columns are {}", shortened(&as_strs(&self.names)));
                problems.push(Problem::warning(Place::Setting("data.leave_out".to_owned()), message, hint));
            }
        }
        let (mut constant, mut missing): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
        for (at, (name, profile)) in self.names.iter().zip(profiles).enumerate() {
            if at == self.target || unwanted.contains(&name.as_str()) {
                continue;
            }
            let original =
                dialect.header.as_ref().and_then(|header| header.get(at)).map_or(name.as_str(), String::as_str);
            let role = profile.role(original, dialect.decimal);
            let column = |kind| InputColumn { column: name.clone(), kind };
            match &role {
                Role::Number => self.columns.push(column(ColumnKind::Number)),
                Role::Category(values) => {
                    self.columns.extend(values.iter().map(|value| column(ColumnKind::Category(value.clone()))));
                }
                Role::LeftOut(reason) => {
                    let message = format!("The column '{name}' is left out: {reason}");
                    problems.push(Problem::warning(
                        Place::Data,
                        message,
                        "Nothing needs to be done if it does not matter",
                    ));
                    continue;
                }
            }
            if profile.is_constant() {
                constant.push(name);
            }
            if profile.missing > 0 {
                missing.push(format!("{name} ({})", profile.missing));
            }
            if let (Role::Number, Some((row, example))) = (&role, &profile.first_text) {
                let bad = profile.present - profile.numbers;
                let message = format!(
                    "The column '{name}' has {bad} {} no number, first '{example}' in row {row}; taken as missing",
                    if bad == 1 { "value that is" } else { "values that are" }
                );
                problems.push(Problem::warning(Place::Data, message, "Mend these cells, or empty them"));
            }
            self.inputs.push((at, role));
        }
        if !constant.is_empty() {
            let message =
                format!("{} the same value in all rows: {}", count_columns(constant.len()), shortened(&constant));
            problems.push(Problem::warning(Place::Data, message, "They teach the network nothing and can be left out"));
        }
        if !missing.is_empty() {
            let message = format!("{} missing values: {}", count_columns(missing.len()), shortened(&as_strs(&missing)));
            let hint = "Missing numbers become the mean of the training part, missing categories none of the values";
            problems.push(Problem::advice(Place::Data, message, hint));
        }
    }

    fn refuse_what_cannot_fit(&self, text: &Text, rows: usize) -> Result<(), DataError> {
        // Values, labels, and the name of each row.
        let needed = rows as u128 * (self.columns.len() as u128 * 4 + 64);
        let available = memory::sample().available;
        if available == 0 || needed < u128::from(available) {
            return Ok(());
        }
        let message = format!(
            "{} rows with {} values each need {} of memory, and {} are free",
            format::count(rows as u64),
            self.columns.len(),
            format::bytes(u64::try_from(needed).unwrap_or(u64::MAX)),
            format::bytes(available)
        );
        Err(DataError::content(text.path(), message, "Leave out columns in the import options, or take fewer rows"))
    }

    fn read_values(
        self,
        text: &Text,
        dialect: &Dialect,
        rows: usize,
        mut problems: Vec<Problem>,
    ) -> Result<Dataset, DataError> {
        let class_index: BTreeMap<&str, u32> = self.classes.iter().map(String::as_str).zip(0..).collect();
        let categories: Vec<Option<BTreeMap<&str, usize>>> = self
            .inputs
            .iter()
            .map(|(_, role)| match role {
                Role::Category(values) => Some(values.iter().map(String::as_str).zip(0..).collect()),
                Role::Number | Role::LeftOut(_) => None,
            })
            .collect();
        let name = self.names.get(self.target).cloned().unwrap_or_default();
        let mut values: Vec<f32> = Vec::with_capacity(rows * self.columns.len());
        let (mut classes, mut targets) = (Vec::new(), Vec::new());
        let mut origins = Vec::with_capacity(rows);
        let mut without_target = 0;

        // Rows of another width were named in the first pass.
        let mut named_before = Vec::new();
        for_each_row(text, dialect, self.names.len(), &mut named_before, |row, record, _| {
            let target = record.get(self.target).unwrap_or("").trim();
            let known = if cell::is_missing(target) {
                false
            } else if self.task == Task::Regression {
                dialect.decimal.number(target).map(|number| targets.push(number as f32)).is_some()
            } else {
                let class = class_name(target, self.has_numbered_classes, dialect);
                class_index.get(class.as_str()).map(|&class| classes.push(class)).is_some()
            };
            if !known {
                without_target += 1;
                if without_target <= MOST_PROBLEMS {
                    let message = if cell::is_missing(target) {
                        format!("The target '{name}' is missing, so the row is left out")
                    } else {
                        format!(
                            "The target '{name}' is no number ('{}'), so the row is left out",
                            super::column::short(target)
                        )
                    };
                    problems.push(Problem::warning(place(text, row), message, "Fill in the target, or remove the row"));
                }
                return;
            }
            for ((at, _), categories) in self.inputs.iter().zip(&categories) {
                let cell = record.get(*at).unwrap_or("").trim();
                match categories {
                    None => {
                        let number = if cell::is_missing(cell) { None } else { dialect.decimal.number(cell) };
                        values.push(number.map_or(f32::NAN, |number| number as f32));
                    }
                    Some(categories) => {
                        let start = values.len();
                        values.resize(start + categories.len(), 0.0);
                        if let Some(value) = categories.get(cell).and_then(|&offset| values.get_mut(start + offset)) {
                            *value = 1.0;
                        }
                    }
                }
            }
            origins.push(format!("row {row}"));
        })?;
        summarize(text, without_target, "have no usable target", &mut problems);
        if dialect.header.is_none() {
            let message = "The first row was taken for a sample, so the columns are named by their numbers";
            problems.push(Problem::advice(
                Place::Data,
                message,
                "Choose the header in the import options if there is one",
            ));
        }
        if text.encoding() != "UTF-8" {
            let message = format!("The file's encoding is {}", text.encoding());
            problems.push(Problem::advice(Place::Data, message, "Save it as UTF-8 if names look wrong"));
        }

        let Self { task, columns, .. } = self;
        let mut dataset = Dataset {
            name: listing::name_of(text.path()),
            task,
            dims: Dims::from([columns.len()]),
            input: InputKind::Table { columns },
            features: Features::Floats(values),
            labels: if task == Task::Regression { Labels::Values(targets) } else { Labels::Classes(classes) },
            classes: self.classes,
            target: name,
            origins,
            given_parts: Vec::new(),
            problems,
            fingerprint: String::new(),
        };
        if dataset.is_empty() {
            return Err(DataError::content(text.path(), "no row has a usable target", "Choose another target column"));
        }
        dataset.seal();
        Ok(dataset)
    }
}

/// The target: the given column, or one whose name tells it, or the last one.
fn choose_target(
    text: &Text,
    dialect: &Dialect,
    options: &CsvTableOptions,
    names: &[String],
    problems: &mut Vec<Problem>,
) -> Result<usize, DataError> {
    let wanted = options.target.trim();
    let find = |wanted: &str| {
        let exact = names.iter().position(|name| name == wanted);
        exact.or_else(|| names.iter().position(|name| name.eq_ignore_ascii_case(wanted)))
    };
    if !wanted.is_empty() {
        let by_number = || wanted.parse::<usize>().ok().and_then(|number| find(&numbered(number)));
        return find(wanted).or_else(by_number).ok_or_else(|| {
            let hint = format!("Choose one of these: {}", shortened(&as_strs(names)));
            DataError::content(text.path(), format!("there is no column '{wanted}' to predict"), hint)
        });
    }
    if let Some(found) = TARGETS.iter().find_map(|name| find(name)) {
        return Ok(found);
    }
    let last = names.len() - 1;
    if dialect.header.is_some()
        && let Some(name) = names.get(last)
    {
        let message = format!("The last column, '{name}', was taken for the target");
        problems.push(Problem::advice(Place::Data, message, "Choose another target column in the import options"));
    }
    Ok(last)
}

/// The name of a class: as in the file, but numbers in one form (`1.0` as `1`).
fn class_name(cell: &str, is_numbered: bool, dialect: &Dialect) -> String {
    match dialect.decimal.number(cell).filter(|_| is_numbered) {
        Some(number) => number.to_string(),
        None => cell.to_owned(),
    }
}

fn csv_error(text: &Text, error: csv::Error) -> DataError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => text.error(error),
        other => DataError::content(text.path(), format!("a row can't be read: {other:?}"), "Check the file's quotes"),
    }
}

fn summarize(text: &Text, count: usize, what: &str, problems: &mut Vec<Problem>) {
    if count > MOST_PROBLEMS {
        let place = Place::File { path: text.path().to_owned(), row: None };
        let message = format!("{} more rows {what} and are left out", format::count((count - MOST_PROBLEMS) as u64));
        problems.push(Problem::error(place, message, "Mend these rows, or remove them"));
    }
}

fn place(text: &Text, row: u64) -> Place {
    Place::File { path: text.path().to_owned(), row: usize::try_from(row).ok() }
}

fn count_columns(count: usize) -> String {
    if count == 1 { "1 column has".to_owned() } else { format!("{count} columns have") }
}

fn as_strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
