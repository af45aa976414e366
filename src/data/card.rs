//! The data card: what a data set is for, how large it is, where it comes from and under which licence, for each part.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params, format};

use super::{DataConfig, Part, Prepared, Source, Task};

/// What only a person knows of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Card {
    /// What it is used for; empty takes what the task says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub application: String,
    /// Where it comes from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// Under which licence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub licence: String,
}

impl Params for Card {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { application, origin, licence } = self;
        let field = Field::new("application", "Application")
            .help("What the data is used for, e.g. reading postal codes. Empty takes what the task says.");
        visitor.text(field, application);
        let field = Field::new("origin", "Origin").help("Who collected the data, and where it can be found.");
        visitor.text(field, origin);
        let field = Field::new("licence", "Licence")
            .help("What may be done with the data, e.g. CC BY 4.0. Without one it may not be passed on.");
        visitor.text(field, licence);
    }
}

impl Card {
    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the data is used for, by its kind and task.
pub fn application(prepared: &Prepared, card: &Card) -> String {
    if !card.application.trim().is_empty() {
        return card.application.trim().to_owned();
    }
    let (one, _) = prepared.dataset.input.nouns();
    let what = match prepared.dataset.task {
        Task::Classification => "classification",
        Task::Regression => "regression",
        Task::Segmentation => "segmentation",
        Task::LanguageModel => "continuation",
        Task::Detection => "object detection",
    };
    let mut text = format!("{one} {what}");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Where the data is or comes from.
pub fn origin(config: &DataConfig) -> String {
    match &config.source {
        _ if !config.card.origin.trim().is_empty() => config.card.origin.trim().to_owned(),
        Source::Embedded(name) => format!("{name}, in Layerbench"),
        Source::Path(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
    }
}

/// The card as Markdown: one table for the whole, one for each part and class.
pub fn markdown(prepared: &Prepared, config: &DataConfig) -> String {
    let Prepared { dataset, split, normalizer: _ } = prepared;
    let cell = |text: &str| text.replace('|', "\\|");
    let licence = config.card.licence.trim();
    let mut text = format!("# {}\n\n", dataset.name);
    text.push_str(
        "| Application | Dataset size | Number of classes | Data source | Licence |\n|---|---|---|---|---|\n",
    );
    let classes = if dataset.classes.is_empty() { "-".to_owned() } else { dataset.classes.len().to_string() };
    let (_, several) = dataset.input.nouns();
    let _ = writeln!(
        text,
        "| {} | {} {several} | {classes} | {} | {} |\n",
        cell(&application(prepared, &config.card)),
        format::count(dataset.len() as u64),
        cell(&origin(config)),
        if licence.is_empty() { "not told".to_owned() } else { cell(licence) }
    );
    let parts = [Part::Train, Part::Validation, Part::Test].map(|part| split.part(part));
    let [train, validation, test] = parts.map(|samples| format::count(samples.len() as u64));
    text.push_str("| | Training | Validation | Test |\n|---|---|---|---|\n");
    let _ = writeln!(text, "| all | {train} | {validation} | {test} |");
    let counts = parts.map(|samples| dataset.class_counts(samples));
    for (class, name) in dataset.classes.iter().enumerate() {
        let [train, validation, test] =
            [0, 1, 2].map(|part: usize| counts.get(part).and_then(|counts| counts.get(class)).copied().unwrap_or(0));
        let _ = writeln!(text, "| {} | {train} | {validation} | {test} |", cell(name));
    }
    let _ = writeln!(text, "\nShape of a sample: {}. Fingerprint: {}.", dataset.dims, dataset.fingerprint);
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::{embedded, prepare};

    #[test]
    fn the_card_tells_size_source_and_parts() {
        let mut config = DataConfig::default();
        config.card.licence = "CC BY 4.0".to_owned();
        let prepared = prepare(Arc::new(embedded::read("digits").unwrap()), &config);
        let text = markdown(&prepared, &config);
        assert!(
            text.contains("| Image classification | 1,797 images | 10 | digits, in Layerbench | CC BY 4.0 |"),
            "{text}"
        );
        assert!(text.contains("| all | 1,257 | 270 | 270 |"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("| 3 |")).count(), 1);
        config.card.application = "Reading | numbers".to_owned();
        assert!(markdown(&prepared, &config).contains("| Reading \\| numbers |"));
    }
}
