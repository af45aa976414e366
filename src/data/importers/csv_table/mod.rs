//! Tables as text: CSV, TSV and their kin, one sample a row.
//!
//! The file is read in passes, and never lies in memory whole: its encoding ([`text`]), how it is written
//! ([`dialect`]), what its columns hold ([`mod@column`]), and at last the values ([`read`]).

pub(super) mod cell;
pub(super) mod column;
pub(super) mod dialect;
mod inputs;
mod read;
pub(super) mod text;

use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Field, ParamVisitor, Params, Progress};
use crate::data::{DataError, Dataset};

use super::Importer;
use super::options::{self, OptionsForm};
use dialect::{Dialect, Given};
use text::Text;

pub(super) use inputs::read_inputs;

/// Bytes that are looked at to find out how a file is written.
const SAMPLE: usize = 256 * 1024;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct CsvTable;

crate::choices! {
    /// What parts the columns.
    pub enum Delimiter {
        /// Found out.
        Auto = "auto", "As in the file", "Takes the one that gives all rows the same number of columns.";
        /// `,`
        Comma = "comma", "Comma", "1.5,2.5";
        /// `;`
        Semicolon = "semicolon", "Semicolon", "1.5;2.5 or 1,5;2,5";
        /// Tab.
        Tab = "tab", "Tab", "As in TSV files.";
        /// `|`
        Bar = "bar", "Bar", "1.5|2.5";
    }
}

crate::choices! {
    /// Whether the first row names the columns.
    pub enum Header {
        /// Found out.
        Auto = "auto", "As in the file", "Takes the first row for names if it has no numbers, but the rows below have.";
        /// Yes.
        Yes = "yes", "First row", "The first row names the columns.";
        /// No.
        No = "no", "None", "The first row is a sample; columns are named by their numbers.";
    }
}

crate::choices! {
    /// What is learned.
    pub enum Goal {
        /// Found out.
        Auto = "auto", "As the target says", "Classes if the target is text or at most 20 whole numbers, else a number.";
        /// Classes.
        Classification = "classification", "Classes", "Each different value of the target is a class.";
        /// A number.
        Regression = "regression", "A number", "The target is a number; rows where it is none are left out.";
    }
}

/// Its options.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsvTableOptions {
    /// Name of the target column; empty finds one.
    pub target: String,
    /// What is learned.
    pub task: Goal,
    /// Names of columns that are not used, with commas between them.
    pub leave_out: String,
    /// What parts the columns.
    pub delimiter: Delimiter,
    /// Whether the first row names the columns.
    pub header: Header,
}

impl Params for CsvTableOptions {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { target, task, leave_out, delimiter, header } = self;
        let field = Field::new("target", "Target column").help(
            "Name of the column to predict. Empty takes one that is called class, label, target, species or alike, \
             else the last one.",
        );
        visitor.text(field, target);
        let field =
            Field::new("task", "Target is").help("Whether the network tells classes apart or predicts a number.");
        visitor.choice(field, task);
        let field = Field::new("leave_out", "Columns left out")
            .help("Names of columns that the network must not see, with commas between them.");
        visitor.text(field, leave_out);
        let field = Field::new("delimiter", "Delimiter").help("What stands between the columns.");
        visitor.choice(field, delimiter);
        let field = Field::new("header", "Column names").help("Whether the first row names the columns.");
        visitor.choice(field, header);
    }
}

impl Importer for CsvTable {
    fn id(&self) -> &'static str {
        "csv_table"
    }

    fn label(&self) -> &'static str {
        "Table (CSV, TSV)"
    }

    fn help(&self) -> &'static str {
        "Takes a text file with one sample in each row: numbers and categories, and a target column with classes or \
         numbers. Delimiter, header, encoding and types are found out; it may be packed (.gz)."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv", "tsv", "tab", "txt", "data", "dat", "gz"]
    }

    fn sniff(&self, path: &Path) -> f32 {
        if path.is_dir() {
            return 0.0;
        }
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let by_name = match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("csv" | "tsv") => return 0.9,
            Some("tab" | "txt" | "data" | "dat") | None => 0.5,
            Some(_) => 0.2,
        };
        let mut start = Vec::new();
        if let Ok(content) = super::input::open(path, &Progress::default()) {
            // What can't be read to the end is told when it is imported.
            let _ = content.take(4096).read_to_end(&mut start);
        }
        if super::picture::is_image(&start) {
            return 0.0;
        }
        if start.is_empty() || start.contains(&0) { 0.0 } else { by_name }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<CsvTableOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (options, problems) = options::parse::<CsvTableOptions>(options);
        // The encoding, the columns and the values take a pass each.
        progress.set_total(3 * super::input::steps(path));
        let text = Text::examine(path, progress)?;
        let dialect = examine(&text, options.given())?;
        read::read(&text, &dialect, &options, problems)
    }
}

impl CsvTableOptions {
    fn given(&self) -> Given {
        Given {
            delimiter: match self.delimiter {
                Delimiter::Auto => None,
                Delimiter::Comma => Some(b','),
                Delimiter::Semicolon => Some(b';'),
                Delimiter::Tab => Some(b'\t'),
                Delimiter::Bar => Some(b'|'),
            },
            has_header: match self.header {
                Header::Auto => None,
                Header::Yes => Some(true),
                Header::No => Some(false),
            },
        }
    }
}

fn examine(text: &Text, given: Given) -> Result<Dialect, DataError> {
    let (start, is_all) = text.start(SAMPLE)?;
    let dialect = Dialect::of(&start, is_all, given);
    if dialect.width == 0 {
        return Err(DataError::content(text.path(), "the file holds no rows", "Choose a file with a header and rows"));
    }
    Ok(dialect)
}

/// Names of the columns, each different: those of the header, or `column 1`, `column 2` …
pub(super) fn column_names(dialect: &Dialect) -> Vec<String> {
    let Some(header) = &dialect.header else {
        return (1..=dialect.width).map(numbered).collect();
    };
    let mut taken = std::collections::BTreeSet::new();
    let mut names = Vec::with_capacity(header.len());
    for (position, name) in (1..).zip(header) {
        let base = if name.is_empty() { numbered(position) } else { name.clone() };
        let mut unique = base.clone();
        let mut copy = 2;
        while !taken.insert(unique.clone()) {
            unique = format!("{base} ({copy})");
            copy += 1;
        }
        names.push(unique);
    }
    names
}

/// Name of a column that has none.
fn numbered(position: usize) -> String {
    format!("column {position}")
}
