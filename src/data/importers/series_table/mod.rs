//! Tables as time series: a row for each moment, and windows of rows from which the next value is told.
//!
//! ```text
//! month,passengers            window 3, horizon 1:    112 118 132 -> 129
//! 1949-01,112                                         118 132 129 -> 121
//! 1949-02,118
//! ```

mod moment;
mod table;

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Dims, Field, ParamVisitor, Params, Place, Problem, Progress, format, memory};
use crate::data::{DataError, Dataset, Features, InputKind, Labels, Task};

use super::csv_table::cell::is_missing;
use super::csv_table::column_names;
use super::csv_table::dialect::{self, Dialect, Given};
use super::csv_table::text::Text;
use super::options::{self, OptionsForm};
use super::{Importer, input, listing, shortened};
use table::{Clock, Table};

/// Bytes that are looked at to find out how a file is written.
const SAMPLE: usize = 256 * 1024;
/// Rows that a series has at least, to be taken for one.
const FEWEST_ROWS: usize = 20;
/// Rows of a window that is chosen when none is given.
const AUTOMATIC_WINDOW: std::ops::RangeInclusive<usize> = 4..=48;

crate::choices! {
    /// What stands for a missing value.
    pub enum Gaps {
        /// Interpolated.
        Interpolate = "interpolate", "Straight line", "Lays a straight line between the values around the gap.";
        /// The last value.
        Last = "last", "Last value", "Repeats the last known value, so that nothing of the future is used.";
    }
}

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct SeriesTable;

/// Its options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesTableOptions {
    /// Name of the column to forecast; empty takes the first one.
    pub target: String,
    /// Name of the column with the time; empty takes the first one if it tells the time.
    pub time: String,
    /// Names of columns that are not used, with commas between them.
    pub leave_out: String,
    /// Rows that the network sees; 0 chooses by the length of the series.
    pub window: usize,
    /// How many rows ahead the forecast is.
    pub horizon: usize,
    /// What stands for a missing value.
    pub gaps: Gaps,
}

impl Default for SeriesTableOptions {
    fn default() -> Self {
        Self {
            target: String::new(),
            time: String::new(),
            leave_out: String::new(),
            window: 0,
            horizon: 1,
            gaps: Gaps::Interpolate,
        }
    }
}

impl Params for SeriesTableOptions {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { target, time, leave_out, window, horizon, gaps } = self;
        let field = Field::new("target", "Forecast column")
            .help("Name of the column whose next value is told. Empty takes the first one.");
        visitor.text(field, target);
        let field = Field::new("time", "Time column")
            .help("Name of the column with the time. Empty takes the first one if it holds dates or years.");
        visitor.text(field, time);
        let field = Field::new("leave_out", "Columns left out")
            .help("Names of columns that the network must not see, with commas between them.");
        visitor.text(field, leave_out);
        let field = Field::new("window", "Window").unit("rows").zero("auto").help(
            "How many rows the network looks back. At least one period of what repeats, such as 12 months. Auto (0) chooses \
             by the length of the series.",
        );
        visitor.count(field, window, 0..=100_000);
        let field = Field::new("horizon", "Horizon")
            .unit("rows")
            .help("How many rows after the window the told value stands. 1 is the next one.");
        visitor.count(field, horizon, 1..=100_000);
        visitor.choice(Field::new("gaps", "Missing values").help("What stands for a value that is missing."), gaps);
    }
}

impl Importer for SeriesTable {
    fn id(&self) -> &'static str {
        "series_table"
    }

    fn label(&self) -> &'static str {
        "Time series (CSV, TSV)"
    }

    fn help(&self) -> &'static str {
        "Takes a table with a row for each moment, whose first column may tell the time, and makes windows of rows \
         from which the next value is forecast. It is divided by time. It may be packed (.gz)."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv", "tsv", "gz"]
    }

    fn sniff(&self, path: &Path) -> f32 {
        if path.is_dir() {
            return 0.0;
        }
        let Ok(text) = Text::examine_start(path, SAMPLE) else { return 0.0 };
        let Ok(layout) = Layout::find(&text) else { return 0.0 };
        let Some(clock) = Clock::find("", &layout.names, &layout.rows) else { return 0.0 };
        let others = || (0..layout.names.len()).filter(|column| !clock.uses(*column));
        let is_series = layout.rows.len() >= FEWEST_ROWS
            && layout.dialect.header.is_some()
            && clock.grows(&layout.rows)
            && others().count() > 0
            && others().all(|column| layout.is_numeric(column));
        if is_series { 0.93 } else { 0.0 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<SeriesTableOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (options, problems) = options::parse::<SeriesTableOptions>(options);
        // The encoding and the rows take a pass each.
        progress.set_total(2 * input::steps(path));
        read(&Text::examine(path, progress)?, &options, problems)
    }
}

/// How a file is written, and its first rows.
struct Layout {
    dialect: Dialect,
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Layout {
    fn find(text: &Text) -> Result<Self, DataError> {
        let (start, is_all) = text.start(SAMPLE)?;
        let dialect = Dialect::of(&start, is_all, Given::default());
        if dialect.width == 0 {
            return Err(DataError::content(
                text.path(),
                "the file holds no rows",
                "Choose a file with a header and rows",
            ));
        }
        let names = column_names(&dialect);
        let end = if is_all { start.len() } else { start.iter().rposition(|byte| *byte == b'\n').unwrap_or(0) };
        let mut reader = dialect::reader(start.get(..end).unwrap_or(&[]), dialect.delimiter);
        let rows = reader.byte_records().flatten().skip(usize::from(dialect.header.is_some()));
        let cells =
            |row: csv::ByteRecord| row.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
        let rows = rows.map(cells).filter(|row: &Vec<String>| row.len() == names.len()).collect();
        Ok(Self { dialect, names, rows })
    }

    fn is_numeric(&self, column: usize) -> bool {
        let cells = || self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !is_missing(cell));
        let numbers = cells().filter(|cell| self.dialect.decimal.number(cell).is_some()).count();
        numbers > 0 && numbers * 20 >= cells().count() * 19
    }
}

fn read(text: &Text, options: &SeriesTableOptions, mut problems: Vec<Problem>) -> Result<Dataset, DataError> {
    let layout = Layout::find(text)?;
    let unfit = |message: String| {
        let names: Vec<&str> = layout.names.iter().map(String::as_str).collect();
        DataError::content(text.path(), message, format!("Choose one of these columns: {}", shortened(&names)))
    };
    let clock = Clock::find(options.time.trim(), &layout.names, &layout.rows);
    if clock.is_none() && !options.time.trim().is_empty() {
        return Err(unfit(format!("the column '{}' does not tell the time", options.time)));
    }
    let left_out: Vec<&str> = options.leave_out.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let mut wanted = Vec::new();
    for (column, name) in layout.names.iter().enumerate() {
        let is_time = clock.as_ref().is_some_and(|clock| clock.uses(column));
        if is_time || left_out.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            continue;
        }
        if layout.is_numeric(column) {
            wanted.push(column);
        } else {
            let message = format!("The column '{name}' holds no numbers, so it is left out");
            problems.push(Problem::advice(Place::Data, message, "Nothing needs to be done"));
        }
    }
    if wanted.is_empty() {
        return Err(unfit("no column holds numbers to forecast".to_owned()));
    }
    let target = match options.target.trim() {
        "" => 0,
        name => {
            let is_it =
                |column: &usize| layout.names.get(*column).is_some_and(|other| other.eq_ignore_ascii_case(name));
            wanted.iter().position(is_it).ok_or_else(|| unfit(format!("there is no column '{name}' of numbers")))?
        }
    };
    let mut table = Table::read(text, &layout.dialect, &layout.names, &wanted, clock.as_ref(), &mut problems)?;
    table.fill(options.gaps, &mut problems);
    if clock.is_none() {
        let message = "No column tells the time, so the rows are taken as they stand";
        problems.push(Problem::advice(
            Place::Data,
            message,
            "Choose the time column in the import options if there is one",
        ));
    }
    if let (Some(name), true) = (table.names.get(target), table.names.len() > 1 && options.target.trim().is_empty()) {
        let message = format!("'{name}' is forecast, from all {} columns", table.names.len());
        problems.push(Problem::advice(Place::Data, message, "Choose another column in the import options"));
    }
    windows(text, table, target, options, problems)
}

/// Cuts a series into windows, each one row after the one before it.
fn windows(
    text: &Text,
    table: Table,
    target: usize,
    options: &SeriesTableOptions,
    problems: Vec<Problem>,
) -> Result<Dataset, DataError> {
    let rows = table.moments.len();
    let window = match options.window {
        0 => (rows / 12).clamp(*AUTOMATIC_WINDOW.start(), *AUTOMATIC_WINDOW.end()),
        given => given,
    };
    let horizon = options.horizon.max(1);
    let count = (rows + 1).saturating_sub(window.saturating_add(horizon));
    if count == 0 {
        let message = format!(
            "it has {rows} rows, but a window of {window} and its forecast take {}",
            window.saturating_add(horizon)
        );
        return Err(DataError::content(text.path(), message, "Choose a shorter window in the import options"));
    }
    let width = table.columns.len();
    let needed = count as u128 * window as u128 * width as u128 * 4;
    let available = memory::sample().available;
    if available > 0 && needed > u128::from(available) {
        let message = format!(
            "{} windows of {window} rows need {} of memory, and {} are free",
            format::count(count as u64),
            format::bytes(u64::try_from(needed).unwrap_or(u64::MAX)),
            format::bytes(available)
        );
        return Err(DataError::content(text.path(), message, "Choose a shorter window in the import options"));
    }
    let mut interleaved = Vec::with_capacity(rows * width);
    for row in 0..rows {
        interleaved.extend(table.columns.iter().filter_map(|column| column.get(row).copied()));
    }
    let mut values = Vec::with_capacity(count * window * width);
    for start in 0..count {
        values.extend_from_slice(interleaved.get(start * width..(start + window) * width).unwrap_or(&[]));
    }
    let predicted = |start: usize| start + window + horizon - 1;
    let course = table.columns.get(target).map_or(&[][..], Vec::as_slice);
    let mut dataset = Dataset {
        name: listing::name_of(text.path()),
        task: Task::Regression,
        dims: Dims::from([window, width]),
        features: Features::Floats(values),
        labels: Labels::Values((0..count).filter_map(|start| course.get(predicted(start)).copied()).collect()),
        classes: Vec::new(),
        target: table.names.get(target).cloned().unwrap_or_default(),
        origins: (0..count).filter_map(|start| table.moments.get(predicted(start)).cloned()).collect(),
        input: InputKind::Series { columns: table.names, target, horizon },
        given_parts: Vec::new(),
        problems,
        fingerprint: String::new(),
    };
    dataset.seal();
    Ok(dataset)
}

/// The last window of a table with the columns of the data set: what comes after it is to be told.
pub(super) fn read_input(dataset: &Dataset, columns: &[String], path: &Path) -> Result<Vec<f32>, DataError> {
    let text = Text::examine(path, &Progress::default())?;
    let layout = Layout::find(&text)?;
    let clock = Clock::find("", &layout.names, &layout.rows);
    let mut wanted = Vec::new();
    for name in columns {
        let Some(column) = layout.names.iter().position(|other| other == name) else {
            let names: Vec<&str> = layout.names.iter().map(String::as_str).collect();
            let message = format!("the column '{name}' is missing; the file has {}", shortened(&names));
            return Err(DataError::content(path, message, "Choose a file with the columns of the data set"));
        };
        wanted.push(column);
    }
    let mut problems = Vec::new();
    let mut table = Table::read(&text, &layout.dialect, &layout.names, &wanted, clock.as_ref(), &mut problems)?;
    table.fill(Gaps::Last, &mut problems);
    let window = dataset.dims.0.first().copied().unwrap_or(0);
    let rows = table.moments.len();
    if rows < window {
        let message = format!("it has {rows} rows, but a window has {window}");
        return Err(DataError::content(path, message, "Choose a table with more rows"));
    }
    let row = |row: usize| table.columns.iter().filter_map(move |column| column.get(row).copied());
    Ok((rows - window..rows).flat_map(row).collect())
}
