//! Tables with a text and a label in each row: CSV, TSV and their kin, or one JSON object a line.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Field, ParamVisitor, Params, Place, Problem, Progress, format};
use crate::data::tokens::TokenSettings;
use crate::data::{DataError, Dataset, Part};

use super::csv_table::cell::is_missing;
use super::csv_table::column::short;
use super::csv_table::dialect::{Dialect, Given};
use super::csv_table::text::Text;
use super::options::{self, OptionsForm};
use super::texts::Labelled;
use super::{Importer, class_folders, input, shortened};

/// Bytes that are looked at to find the columns.
const SAMPLE: usize = 256 * 1024;
/// Rows of one kind of trouble that get a problem each; the rest is counted in one more.
const MOST_PROBLEMS: usize = 200;
/// Names of a column of texts, the surest first.
const TEXTS: [&str; 14] = [
    "text",
    "sentence",
    "review",
    "content",
    "comment",
    "message",
    "body",
    "tweet",
    "document",
    "phrase",
    "question",
    "abstract",
    "description",
    "title",
];
/// Names of a column of labels, the surest first.
const TARGETS: [&str; 12] = [
    "label",
    "target",
    "class",
    "labels",
    "category",
    "sentiment",
    "polarity",
    "topic",
    "intent",
    "emotion",
    "score",
    "rating",
];
/// Names of a column that says which part a row is in.
const PARTS: [&str; 3] = ["split", "part", "subset"];
/// Words that a text has on average, so that a column of names is not taken for texts.
const FEWEST_WORDS: f64 = 5.0;
/// Most classes that are expected where no name tells the target.
const MOST_CLASSES: usize = 100;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct TextTable;

/// Its options.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TextTableOptions {
    /// Name of the column with the texts; empty finds it.
    pub text: String,
    /// Name of the column with the labels; empty finds it.
    pub target: String,
    /// How texts become numbers.
    #[serde(flatten)]
    pub tokens: TokenSettings,
}

impl Params for TextTableOptions {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { text, target, tokens } = self;
        let field = Field::new("text", "Text column")
            .help("Name of the column with the texts. Empty takes one that is called text, review or alike, else the one with the longest texts.");
        visitor.text(field, text);
        let field = Field::new("target", "Target column")
            .help("Name of the column with the labels. Empty takes one that is called label, class or alike, else the one with the fewest values.");
        visitor.text(field, target);
        tokens.visit(visitor);
    }
}

impl Importer for TextTable {
    fn id(&self) -> &'static str {
        "text_table"
    }

    fn label(&self) -> &'static str {
        "Texts with labels (CSV, TSV, JSON lines)"
    }

    fn help(&self) -> &'static str {
        "Takes a table with a text and its label in each row, or a file with one JSON object a line. A column called \
         split with train, validation and test gives the parts. It may be packed (.gz)."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv", "tsv", "jsonl", "ndjson", "txt", "gz"]
    }

    fn sniff(&self, path: &Path) -> f32 {
        if path.is_dir() {
            return 0.0;
        }
        let Ok(text) = Text::examine_start(path, SAMPLE) else { return 0.0 };
        let Ok(rows) = Rows::find(&text) else { return 0.0 };
        match (rows.find_text(""), rows.find_target("", usize::MAX)) {
            (Some(column), Some(_)) if rows.is_about(column) => 0.95,
            _ if matches!(rows.form, Form::Json) => 0.3,
            _ => 0.0,
        }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<TextTableOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (options, problems) = options::parse::<TextTableOptions>(options);
        // The encoding and the rows take a pass each.
        progress.set_total(2 * input::steps(path));
        let text = Text::examine(path, progress)?;
        read(&text, options, problems)
    }
}

/// How the rows are written.
enum Form {
    /// With delimiters; quotes mean nothing in some files with tabs.
    Delimited { delimiter: u8, has_header: bool, has_quotes: bool },
    /// One JSON object a line.
    Json,
}

/// How the rows of a file are written, and the first of them.
struct Rows {
    form: Form,
    names: Vec<String>,
    first: Vec<Vec<String>>,
}

impl Rows {
    /// Finds it out from the start of the text.
    fn find(text: &Text) -> Result<Self, DataError> {
        let (start, is_all) = text.start(SAMPLE)?;
        if start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
            return Self::find_json(text, &start, is_all);
        }
        let extension = text.path().extension().map(|extension| extension.to_ascii_lowercase());
        let is_tabs = extension.is_some_and(|extension| extension == "tsv" || extension == "tab");
        let given = Given { delimiter: is_tabs.then_some(b'\t'), ..Given::default() };
        let dialect = Dialect::of(&start, is_all, given);
        let delimiter = dialect.delimiter;
        let has_quotes = delimiter != b'\t' || quotes_close(&start);
        let end = if is_all { start.len() } else { start.iter().rposition(|byte| *byte == b'\n').unwrap_or(0) };
        let mut first = Vec::new();
        for record in reader(start.get(..end).unwrap_or(&[]), delimiter, has_quotes).byte_records() {
            let Ok(record) = record else { break };
            first.push(record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect::<Vec<_>>());
        }
        let Some(width) = first.iter().map(Vec::len).max() else {
            return Err(DataError::content(
                text.path(),
                "the file holds no rows",
                "Choose a file with texts and labels",
            ));
        };
        // Two columns of words have no numbers to tell a header by, but its names are known.
        let is_name = |cell: &String| TEXTS.iter().chain(&TARGETS).any(|name| cell.eq_ignore_ascii_case(name));
        let has_header = dialect.header.is_some() || first.first().is_some_and(|row| row.iter().any(is_name));
        let mut names: Vec<String> = if has_header { first.remove(0) } else { Vec::new() };
        for (at, name) in names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
            *name = format!("column {}", at + 1);
        }
        names.extend((names.len()..width).map(|at| format!("column {}", at + 1)));
        Ok(Self { form: Form::Delimited { delimiter, has_header, has_quotes }, names, first })
    }

    fn find_json(text: &Text, start: &[u8], is_all: bool) -> Result<Self, DataError> {
        let lines: Vec<&[u8]> = start.split(|byte| *byte == b'\n').collect();
        let whole = if is_all { lines.len() } else { lines.len().saturating_sub(1) };
        let objects: Vec<Map<String, Value>> =
            lines.iter().take(whole).filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let mut names: Vec<String> = Vec::new();
        for name in objects.iter().flat_map(Map::keys) {
            if !names.contains(name) && names.len() < 1000 {
                names.push(name.clone());
            }
        }
        if names.is_empty() {
            let message = "its lines are no JSON objects";
            return Err(DataError::content(
                text.path(),
                message,
                "Write one object a line: {\"text\": …, \"label\": …}",
            ));
        }
        let first = objects.iter().map(|object| cells(object, &names)).collect();
        Ok(Self { form: Form::Json, names, first })
    }

    fn column(&self, wanted: &str) -> Option<usize> {
        let exact = self.names.iter().position(|name| name == wanted);
        exact.or_else(|| self.names.iter().position(|name| name.eq_ignore_ascii_case(wanted)))
    }

    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.first.iter().filter_map(move |row| row.get(column)).map(String::as_str)
    }

    fn letters(&self, column: usize) -> usize {
        self.cells(column).map(str::len).sum()
    }

    fn find_text(&self, wanted: &str) -> Option<usize> {
        if !wanted.is_empty() {
            return self.column(wanted);
        }
        let longest = || (0..self.names.len()).max_by_key(|column| self.letters(*column));
        TEXTS.iter().find_map(|name| self.column(name)).or_else(longest)
    }

    /// The column of the labels, which is not that of the texts.
    fn find_target(&self, wanted: &str, texts: usize) -> Option<usize> {
        if !wanted.is_empty() {
            return self.column(wanted);
        }
        let texts = if texts == usize::MAX { self.find_text("")? } else { texts };
        let named = TARGETS.iter().filter_map(|name| self.column(name)).find(|column| *column != texts);
        let values = |column: usize| {
            let values: BTreeSet<&str> = self.cells(column).filter(|cell| !is_missing(cell)).collect();
            let repeat = self.first.len() < 8 || values.len() * 2 <= self.first.len();
            (values.len() >= 2 && values.len() <= MOST_CLASSES && repeat).then_some((values.len(), column))
        };
        let others = (0..self.names.len()).filter(|column| *column != texts);
        named.or_else(|| others.filter_map(values).min().map(|(_, column)| column))
    }

    /// Whether the file is there for this column of texts: sentences, and most of what is written.
    fn is_about(&self, column: usize) -> bool {
        let words: usize = self.cells(column).map(|text| text.split_whitespace().count()).sum();
        let all: usize = (0..self.names.len()).map(|column| self.letters(column)).sum();
        words as f64 >= FEWEST_WORDS * self.first.len() as f64 && self.letters(column) * 10 >= all * 6
    }

    /// Calls `visit` for each row with its number; rows that can't be read are problems.
    fn for_each(
        &self,
        text: &Text,
        problems: &mut Vec<Problem>,
        mut visit: impl FnMut(u64, &[String], &mut Vec<Problem>),
    ) -> Result<(), DataError> {
        let mut bad = Bad::new("can't be read");
        match self.form {
            Form::Delimited { delimiter, has_header, has_quotes } => {
                let mut reader = reader(text.open()?, delimiter, has_quotes);
                for record in reader.byte_records().skip(usize::from(has_header)) {
                    let record = record.map_err(|error| match error.into_kind() {
                        csv::ErrorKind::Io(error) => text.error(error),
                        other => DataError::content(
                            text.path(),
                            format!("a row can't be read: {other:?}"),
                            "Check its quotes",
                        ),
                    })?;
                    let row = record.position().map_or(0, csv::Position::line);
                    let cells: Vec<String> =
                        record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
                    if cells.len() == self.names.len() {
                        visit(row, &cells, problems);
                    } else {
                        let message = format!(
                            "The row has {} columns instead of {}, so it is left out",
                            cells.len(),
                            self.names.len()
                        );
                        bad.tell(
                            text,
                            row,
                            message,
                            "Mend the row: look for a missing or additional delimiter",
                            problems,
                        );
                    }
                }
            }
            Form::Json => {
                let mut lines = BufReader::new(text.open()?);
                let (mut line, mut row) = (Vec::new(), 0);
                while lines.read_until(b'\n', &mut line).map_err(|error| text.error(error))? > 0 {
                    row += 1;
                    match serde_json::from_slice::<Map<String, Value>>(&line) {
                        Ok(object) => visit(row, &cells(&object, &self.names), problems),
                        Err(_) if line.iter().all(u8::is_ascii_whitespace) => {}
                        Err(reason) => {
                            let message = format!("The line is no JSON object, so it is left out: {reason}");
                            bad.tell(text, row, message, "Mend the line", problems);
                        }
                    }
                    line.clear();
                }
            }
        }
        bad.finish(text, problems);
        Ok(())
    }
}

/// Rows with the same trouble: the first ones by themselves, the rest counted.
struct Bad {
    what: &'static str,
    count: usize,
}

impl Bad {
    fn new(what: &'static str) -> Self {
        Self { what, count: 0 }
    }

    fn tell(&mut self, text: &Text, row: u64, message: String, hint: &str, problems: &mut Vec<Problem>) {
        self.count += 1;
        if self.count <= MOST_PROBLEMS {
            let place = Place::File { path: text.path().to_owned(), row: usize::try_from(row).ok() };
            problems.push(Problem::warning(place, message, hint));
        }
    }

    fn finish(self, text: &Text, problems: &mut Vec<Problem>) {
        if self.count > MOST_PROBLEMS {
            let more = format::count((self.count - MOST_PROBLEMS) as u64);
            let place = Place::File { path: text.path().to_owned(), row: None };
            let message = format!("{more} more rows {} and are left out", self.what);
            problems.push(Problem::warning(place, message, "Mend these rows, or remove them"));
        }
    }
}

fn read(text: &Text, options: TextTableOptions, mut problems: Vec<Problem>) -> Result<Dataset, DataError> {
    let rows = Rows::find(text)?;
    let no_column = |what: &str, wanted: &str| {
        let names: Vec<&str> = rows.names.iter().map(String::as_str).collect();
        let message = if wanted.is_empty() {
            format!("no column looks like {what}")
        } else {
            format!("there is no column '{wanted}'")
        };
        DataError::content(text.path(), message, format!("Choose it in the import options: {}", shortened(&names)))
    };
    let texts = rows.find_text(options.text.trim()).ok_or_else(|| no_column("texts", &options.text))?;
    let target = rows.find_target(options.target.trim(), texts).ok_or_else(|| no_column("labels", &options.target))?;
    if texts == target {
        return Err(no_column("both texts and labels", ""));
    }
    let part = PARTS.iter().filter_map(|name| rows.column(name)).find(|column| *column != texts && *column != target);
    let name = rows.names.get(target).cloned().unwrap_or_default();

    let mut labelled = Labelled::default();
    let (mut lacking, mut without_part) = (Bad::new("have no text or label"), 0);
    rows.for_each(text, &mut problems, |row, cells, problems| {
        let cell = |column: usize| cells.get(column).map_or("", String::as_str);
        let (content, label) = (cell(texts), cell(target));
        if content.trim().is_empty() || is_missing(label) {
            let what = if is_missing(label) { format!("label '{name}'") } else { "text".to_owned() };
            let message = format!("The {what} is missing, so the row is left out");
            lacking.tell(text, row, message, "Fill it in, or remove the row", problems);
            return;
        }
        if let Some(column) = part {
            without_part += usize::from(class_folders::part_of(cell(column)).is_none());
            labelled.parts.push(class_folders::part_of(cell(column)).unwrap_or(Part::Train));
        }
        labelled.texts.push(content.to_owned());
        labelled.labels.push(short(label));
        labelled.origins.push(format!("row {row}"));
    })?;
    lacking.finish(text, &mut problems);
    if without_part == labelled.texts.len() {
        labelled.parts.clear();
    } else if without_part > 0 {
        let message = format!("{without_part} rows name no part, so they are in the training part");
        problems.push(Problem::advice(Place::Data, message, "Write train, validation or test"));
    }
    if text.encoding() != "UTF-8" {
        let message = format!("The file's encoding is {}", text.encoding());
        problems.push(Problem::advice(Place::Data, message, "Save it as UTF-8 if letters look wrong"));
    }
    labelled.into_dataset(text.path(), &name, options.tokens, problems)
}

/// The texts of a table without their labels; nothing if the file is no table.
pub(super) fn texts_of(path: &Path) -> Result<Option<Vec<String>>, DataError> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    if ![".csv", ".tsv", ".tab", ".jsonl", ".ndjson"].iter().any(|end| name.ends_with(end)) {
        return Ok(None);
    }
    let text = Text::examine(path, &Progress::default())?;
    let rows = Rows::find(&text)?;
    let column = rows.find_text("").unwrap_or(0);
    let (mut texts, mut problems) = (Vec::new(), Vec::new());
    rows.for_each(&text, &mut problems, |_, cells, _| texts.extend(cells.get(column).cloned()))?;
    match problems.into_iter().next() {
        // An answer for each row is expected, so none may be left out.
        Some(problem) => Err(DataError::content(path, problem.to_string(), problem.hint)),
        None => Ok(Some(texts)),
    }
}

fn reader<R: Read>(text: R, delimiter: u8, has_quotes: bool) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .quoting(has_quotes)
        .from_reader(text)
}

/// Whether quotes are used around cells, rather than as marks inside a text.
fn quotes_close(start: &[u8]) -> bool {
    let cells = start.split(|byte| matches!(byte, b'\n' | b'\t')).map(<[u8]>::trim_ascii);
    cells.filter(|cell| cell.first() == Some(&b'"')).all(|cell| cell.len() > 1 && cell.last() == Some(&b'"'))
}

/// The values of an object in the order of the columns; what it lacks is empty.
fn cells(object: &Map<String, Value>, names: &[String]) -> Vec<String> {
    let cell = |name: &String| match object.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    names.iter().map(cell).collect()
}
