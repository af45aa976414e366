//! The doctor: looks for what makes results worse or dishonest without any error, and proposes a repair for each.
//!
//! Every repair changes the project alone, never a file, and can be undone.

mod classes;
mod columns;
mod content;
mod copies;

use crate::base::{Choice as _, Place, Problem, Progress, Severity};

use super::{DataConfig, Dataset, Part, Prepared, Task};

crate::choices! {
    /// What is looked for.
    pub enum Check {
        /// One item in two parts.
        Leak = "leak", "The same in two parts", "What the network has learned from is asked again in validation or test, so the result looks better than it is.";
        /// One item with two labels.
        Conflict = "conflict", "The same with two labels", "At least one of the labels is wrong, and the network can't be right about both.";
        /// Copies in one part.
        Copies = "copies", "Copies", "A sample that is there several times counts several times; whoever copied it may not have meant that.";
        /// Hardly any samples.
        TinyClass = "tiny_class", "Tiny class", "Of so few samples nothing general can be learned, and nothing be said about how well it is recognized.";
        /// Uneven classes.
        Imbalance = "imbalance", "Uneven classes", "The network may do well by answering with the largest class. Class weights let all classes count the same.";
        /// A column tells the target.
        Telltale = "telltale", "A column that tells the answer", "One column alone decides the target. Often it is a consequence of it, or its code, and not known when a prediction is needed.";
        /// A running number.
        Identifier = "identifier", "A running number", "A column that counts the rows says nothing about new ones, but can give away the order in which they were collected.";
        /// The same everywhere.
        Constant = "constant", "A column without differences", "It is the same in all rows, so nothing can be learned from it.";
        /// Far off.
        Outlier = "outlier", "Far-off values", "They lie more than ten times as far out as the middle half of the values is wide: often slips of the decimal point or codes for a missing value.";
        /// Nothing in it.
        Blank = "blank", "Empty samples", "An image of one colour, silence or a text without words teaches nothing but the label's frequency.";
        /// Read with another encoding.
        Encoding = "encoding", "Wrong text encoding", "Letters such as é were saved in one encoding and read in another, so that words are not recognized.";
    }
}

impl Check {
    /// Why it matters, in plain words.
    pub fn explanation(self) -> &'static str {
        self.options().get(self as usize).map_or("", |option| option.help)
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::Leak | Self::Conflict | Self::Telltale | Self::Encoding => Severity::Warning,
            _ => Severity::Advice,
        }
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was looked for.
    pub check: Check,
    /// What was found, in a sentence.
    pub message: String,
    /// The samples in question, ascending.
    pub samples: Vec<u32>,
    /// What can be done in the project.
    pub repair: Option<Repair>,
}

/// A change of the project that mends a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Repair {
    /// Samples, by where they came from, are in no part any more.
    LeaveOut(Vec<String>),
    /// Samples are moved to that part.
    Move(Vec<String>, Part),
    /// Columns are not read any more.
    DropColumns(Vec<String>),
    /// Classes count the same in the loss.
    BalanceClasses,
}

impl Repair {
    /// As shown on a button.
    pub fn label(&self) -> String {
        let samples = |names: &[String]| match names.len() {
            1 => "1 sample".to_owned(),
            several => format!("{several} samples"),
        };
        match self {
            Self::LeaveOut(names) => format!("Leave {} out", samples(names)),
            Self::Move(names, Part::Train) => format!("Move {} to training", samples(names)),
            Self::Move(names, _) => format!("Move {}", samples(names)),
            Self::DropColumns(names) => format!("Leave out {}", names.join(", ")),
            Self::BalanceClasses => "Turn class weights on".to_owned(),
        }
    }

    /// The data settings with the repair; `None` if it is none of the data.
    pub fn apply(&self, config: &DataConfig) -> Option<DataConfig> {
        let mut config = config.clone();
        match self {
            Self::LeaveOut(names) => config.repairs.left_out.extend(names.iter().cloned()),
            Self::Move(names, part) => {
                config.repairs.moved.extend(names.iter().map(|name| (name.clone(), *part)));
            }
            Self::DropColumns(names) => {
                let before = config.options.get("leave_out").and_then(|value| value.as_str()).unwrap_or_default();
                let known = before.split(',').map(str::trim).filter(|name| !name.is_empty());
                let all: Vec<&str> = known.chain(names.iter().map(String::as_str)).collect();
                config.options.insert("leave_out".to_owned(), all.join(", ").into());
            }
            Self::BalanceClasses => return None,
        }
        Some(config)
    }
}

impl Finding {
    /// As a line of the list of problems.
    pub fn problem(&self) -> Problem {
        let hint = match &self.repair {
            Some(repair) => format!("{} with the repair in the Data step", repair.label()),
            None => "Look at these samples in the Data step".to_owned(),
        };
        Problem { severity: self.check.severity(), place: Place::Data, message: self.message.clone(), hint }
    }
}

/// Looks at everything; the worst comes first.
pub fn examine(prepared: &Prepared, config: &DataConfig, progress: &Progress) -> Vec<Finding> {
    let dataset = &prepared.dataset;
    // Only what is in a part: what was left out is mended.
    let parts = [Part::Train, Part::Validation, Part::Test];
    let mut samples: Vec<u32> = parts.into_iter().flat_map(|part| prepared.split.part(part)).copied().collect();
    samples.sort_unstable();
    let mut findings = Vec::new();
    let looks: [fn(&Look<'_>) -> Vec<Finding>; 4] = [copies::look, classes::look, columns::look, content::look];
    let look = Look { prepared, dataset, config, samples: &samples };
    if !matches!(dataset.task, Task::Classification | Task::Regression) {
        // Answers inside an image have checks of their own.
        return Vec::new();
    }
    for check in looks {
        if progress.is_cancelled() {
            return Vec::new();
        }
        findings.extend(check(&look));
    }
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.check.severity()), finding.check as usize));
    findings
}

/// What is looked at.
struct Look<'a> {
    prepared: &'a Prepared,
    dataset: &'a Dataset,
    config: &'a DataConfig,
    /// All samples that are in a part, ascending.
    samples: &'a [u32],
}

impl Look<'_> {
    /// Where samples came from.
    fn origins(&self, samples: &[u32]) -> Vec<String> {
        samples.iter().filter_map(|sample| self.dataset.origins.get(*sample as usize)).cloned().collect()
    }

    /// The part that each sample is in.
    fn parts(&self) -> Vec<Option<Part>> {
        let mut parts = vec![None; self.dataset.len()];
        for part in [Part::Train, Part::Validation, Part::Test] {
            for sample in self.prepared.split.part(part) {
                if let Some(place) = parts.get_mut(*sample as usize) {
                    *place = Some(part);
                }
            }
        }
        parts
    }

    /// Leaves samples out, if they can be named.
    fn leave_out(&self, samples: &[u32]) -> Option<Repair> {
        let names = self.origins(samples);
        (!names.is_empty() && names.len() == samples.len()).then_some(Repair::LeaveOut(names))
    }
}

/// `1 row`, `3 images`.
fn counted(dataset: &Dataset, count: usize) -> String {
    let (one, several) = dataset.input.nouns();
    format!("{} {}", crate::base::format::count(count as u64), if count == 1 { one } else { several })
}

#[cfg(test)]
mod tests;
