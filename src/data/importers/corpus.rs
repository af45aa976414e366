//! Running text without labels: a language model learns to tell what comes next.
//!
//! ```text
//! shakespeare.txt             or          books/faust.txt
//!                                         books/iphigenie.txt
//! ```

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Dims, Field, ParamVisitor, Params, Place, Problem, Progress, format, memory};
use crate::data::tokens::{Texts, TokenSettings, Tokenizer};
use crate::data::{DataError, Dataset, Features, InputKind, Labels, Task};

use super::csv_table::text::Text;
use super::listing::{self, Entry};
use super::options::{self, OptionsForm};
use super::text_folder::is_text;
use super::{Importer, input, texts};

/// Bytes that sniffing looks at.
const SAMPLE: usize = 64 * 1024;
/// Files of a folder that sniffing looks into.
const MOST_FILES: usize = 20;
/// Words from which on a file may be running text.
const FEWEST_WORDS: usize = 50;
/// Bytes of memory for each byte of text: the text itself, its tokens as inputs and targets, and room to make them.
const BYTES_PER_BYTE: u64 = 16;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct Corpus;

/// Its options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorpusOptions {
    /// What a token is.
    pub tokenizer: Tokenizer,
    /// Tokens that the network sees at once; 0 chooses.
    pub context: usize,
    /// Most tokens that the vocabulary holds.
    pub vocabulary: usize,
    /// How often a token occurs in the training part to be in the vocabulary.
    pub least: usize,
    /// Whether capital letters count as small ones.
    pub lower_case: bool,
}

impl Default for CorpusOptions {
    fn default() -> Self {
        let TokenSettings { tokenizer, vocabulary, least, length, lower_case, spaces: _ } =
            TokenSettings::of_running_text(Tokenizer::Character);
        Self { tokenizer, context: length, vocabulary, least, lower_case }
    }
}

impl CorpusOptions {
    fn settings(&self) -> TokenSettings {
        let Self { tokenizer, context, vocabulary, least, lower_case } = *self;
        TokenSettings { vocabulary, least, length: context, lower_case, ..TokenSettings::of_running_text(tokenizer) }
    }
}

impl Params for CorpusOptions {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { tokenizer, context, vocabulary, least, lower_case } = self;
        visitor.choice(Field::new("tokenizer", "Tokens").help("The pieces that the text is cut into."), tokenizer);
        let field = Field::new("context", "Context").unit("tokens").zero("auto").help(
            "Tokens that the network sees at once. A longer context lets it look further back, and each step takes longer. \
             Auto (0) takes 128.",
        );
        visitor.count(field, context, 0..=65_536);
        let field = Field::new("vocabulary", "Vocabulary")
            .unit("tokens")
            .help("Most different tokens that the network knows. The rarest ones are left out and count as unknown.");
        visitor.count(field, vocabulary, 3..=1_000_000);
        let field = Field::new("least", "Rarest token")
            .help("How often a token must occur in the training part to be in the vocabulary.");
        visitor.count(field, least, 1..=1_000_000);
        let field = Field::new("lower_case", "Lower case").help("Whether Capital and capital are the same token.");
        visitor.flag(field, lower_case);
    }
}

impl Importer for Corpus {
    fn id(&self) -> &'static str {
        "corpus"
    }

    fn label(&self) -> &'static str {
        "Running text, for a language model"
    }

    fn help(&self) -> &'static str {
        "Takes a text file (.txt), or a folder of them, without labels: a language model learns to tell which token comes \
         next. The text is divided by place: its end is the test. It may be packed (.gz)."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["txt", "gz"]
    }

    fn sniff(&self, path: &Path) -> f32 {
        if path.is_dir() {
            let Ok(entries) = listing::list(path) else { return 0.0 };
            // Other files may be the data, and a few words are not enough to learn from.
            let are_texts = entries.iter().filter(|entry| !entry.is_hidden).all(is_text);
            let starts: Vec<String> = files(&entries).take(MOST_FILES).filter_map(|entry| start(&entry.path)).collect();
            return if are_texts && is_prose(&starts.join("\n")) { 0.6 } else { 0.0 };
        }
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        if Path::new(name.strip_suffix(".gz").unwrap_or(&name)).extension().is_none_or(|end| end != "txt") {
            return 0.0;
        }
        if start(path).is_some_and(|start| is_prose(&start)) { 0.8 } else { 0.0 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<CorpusOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (options, problems) = options::parse::<CorpusOptions>(options);
        read(path, &options, problems, progress)
    }
}

fn files(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| is_text(entry))
}

/// The first part of a text file; `None` if it can't be read.
fn start(path: &Path) -> Option<String> {
    let (start, _) = Text::examine_start(path, SAMPLE).ok()?.start(SAMPLE).ok()?;
    Some(String::from_utf8_lossy(&start).into_owned())
}

/// Whether this is sentences, not a table: mostly letters and spaces, and no sign that stands equally often in each line.
fn is_prose(start: &str) -> bool {
    if start.split_whitespace().take(FEWEST_WORDS).count() < FEWEST_WORDS {
        return false;
    }
    let (mut letters, mut all) = (0, 0);
    for character in start.chars() {
        all += 1;
        letters += usize::from(character.is_alphabetic() || character.is_whitespace());
    }
    let lines: Vec<&str> = start.lines().filter(|line| !line.trim().is_empty()).take(50).collect();
    let is_table = lines.len() > 1
        && ['\t', ',', ';', '|'].into_iter().any(|sign| {
            let counts: Vec<usize> = lines.iter().map(|line| line.matches(sign).count()).collect();
            let first = counts.first().copied().unwrap_or(0);
            first > 0 && counts.iter().all(|count| *count == first)
        });
    letters * 4 > all * 3 && !is_table
}

fn read(
    path: &Path,
    options: &CorpusOptions,
    mut problems: Vec<Problem>,
    progress: &Progress,
) -> Result<Dataset, DataError> {
    let mut text = String::new();
    let mut add = |path: &Path, others: &mut usize| -> Result<(), DataError> {
        let room = memory::sample().available;
        let limit = if room > 0 { (room / BYTES_PER_BYTE).saturating_sub(text.len() as u64) } else { u64::MAX / 2 };
        let (content, encoding) = texts::read_up_to(path, limit, progress)?;
        *others += usize::from(encoding != "UTF-8");
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        // Lines end alike, whoever wrote them.
        text.push_str(&if content.contains('\r') { content.replace("\r\n", "\n") } else { content });
        Ok(())
    };
    let mut others = 0;
    if path.is_dir() {
        let entries = listing::list(path)?;
        if files(&entries).next().is_none() {
            let hint = "Choose a text file (.txt), or a folder with text files";
            return Err(DataError::content(path, "the folder holds no text files", hint));
        }
        progress.set_total(files(&entries).map(|entry| 2 * input::steps(&entry.path)).sum());
        for entry in files(&entries) {
            match add(&entry.path, &mut others) {
                Ok(()) => {}
                Err(DataError::Cancelled) => return Err(DataError::Cancelled),
                Err(error) => {
                    let place = Place::File { path: entry.path.clone(), row: None };
                    problems.push(Problem::warning(place, texts::reason(error), "It is left out"));
                }
            }
        }
    } else {
        progress.set_total(2 * input::steps(path));
        add(path, &mut others)?;
    }
    if text.is_empty() {
        let hint = "Choose a text file (.txt), or a folder with text files";
        return Err(DataError::content(path, "none of its texts can be used", hint));
    }
    if others > 0 {
        let message =
            format!("{} of the texts are not in UTF-8, and their encoding was guessed", format::count(others as u64));
        problems.push(Problem::advice(Place::Data, message, "Save them as UTF-8 if their letters look wrong"));
    }
    let mut dataset = Dataset {
        name: listing::name_of(path),
        task: Task::LanguageModel,
        input: InputKind::Text(Texts::new(vec![text], options.settings())),
        // The windows are cut once the parts are known.
        dims: Dims::from([0]),
        features: Features::Floats(Vec::new()),
        labels: Labels::Next(Vec::new()),
        classes: Vec::new(),
        target: "next token".to_owned(),
        origins: Vec::new(),
        given_parts: Vec::new(),
        problems,
        fingerprint: String::new(),
    };
    dataset.seal();
    Ok(dataset)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "It is a truth universally acknowledged, that a single man in want of a wife must be in\n";

    #[test]
    fn sentences_are_running_text_and_tables_are_not() {
        assert!(is_prose(&LINE.repeat(9).replacen(',', "", 1)));
        assert!(!is_prose("too short"));
        assert!(!is_prose(&"a long word list\twith two columns in each line\n".repeat(40)));
        assert!(!is_prose(&"3.5 2.1 7.7 8.3\n".repeat(80)));
    }

    #[test]
    fn a_folder_of_texts_is_one_text_in_natural_order() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("10.txt"), "third\r\nend").unwrap();
        std::fs::write(folder.path().join("2.txt"), "second").unwrap();
        std::fs::write(folder.path().join("1.txt"), "first\n").unwrap();
        let dataset = Corpus.read(folder.path(), &Map::new(), &Progress::default()).unwrap();
        let InputKind::Text(texts) = &dataset.input else { panic!("no texts") };
        assert_eq!(*texts.texts, ["first\nsecond\nthird\nend"]);
        assert_eq!(Corpus.sniff(folder.path()), 0.0, "a few words are no text to learn from");
        std::fs::write(folder.path().join("3.txt"), LINE.repeat(9)).unwrap();
        assert_eq!(Corpus.sniff(folder.path()), 0.6);
        std::fs::write(folder.path().join("notes.csv"), "a,b\n").unwrap();
        assert_eq!(Corpus.sniff(folder.path()), 0.0, "other files may be the data");
    }
}
