//! How a data set is divided: the settings.

use serde::{Deserialize, Serialize};

use crate::base::{Field, ParamVisitor, Params};

crate::choices! {
    /// What decides which part a sample is in.
    pub enum Method {
        /// Drawn.
        Random = "random", "Random", "Draws the samples. The shares are met exactly; more data is drawn anew.";
        /// Drawn by name.
        Steady = "steady", "Random by name", "Draws each sample by its file name or row number alone: it stays in its part when others are added. The shares are met nearly.";
        /// Those that belong together stay together.
        Groups = "groups", "By group", "Keeps samples of one person, patient or place in one part, so that the test is of new ones.";
        /// In turn.
        Folds = "folds", "One of several folds", "Cuts the data into equal folds and tests on one of them. A run for each fold tests on all data (cross-validation).";
        /// Oldest first.
        Time = "time", "By time", "Learns from the earliest samples and tests on the latest, as predictions of the future are used.";
    }
}

/// How samples are divided. What is neither validation nor test is training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitConfig {
    /// What decides.
    #[serde(skip_serializing_if = "is_random")]
    pub method: Method,
    /// Share of the samples that is held out to choose settings and the best epoch.
    pub validation: f64,
    /// Share of the samples that is looked at last. Ignored where the data gives a test part itself.
    pub test: f64,
    /// Keeps the share of each class equal in all parts.
    pub stratified: bool,
    /// The column or the pattern of file names that groups or orders the samples.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// How many folds there are.
    #[serde(skip_serializing_if = "is_usual")]
    pub folds: usize,
    /// Which of them is tested on, from 1.
    #[serde(skip_serializing_if = "is_first")]
    pub fold: usize,
    /// Another seed gives another division.
    pub seed: u64,
}

/// Folds unless others are asked for.
const FOLDS: usize = 5;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_random(method: &Method) -> bool {
    *method == Method::Random
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_usual(folds: &usize) -> bool {
    *folds == FOLDS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_first(fold: &usize) -> bool {
    *fold == 1
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self {
            method: Method::Random,
            validation: 0.15,
            test: 0.15,
            stratified: true,
            by: String::new(),
            folds: FOLDS,
            fold: 1,
            seed: 42,
        }
    }
}

impl Params for SplitConfig {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { method, validation, test, stratified, by, folds, fold, seed } = self;
        let field = Field::new("method", "Divided").help("What decides which part a sample is in.");
        visitor.choice(field, method);
        match method {
            Method::Groups => {
                let field = Field::new("by", "Group").help(
                    "What tells the groups apart: the name of a column, or a pattern of file names with {group} where the \
                     group stands and * for anything: *_{group}_* finds anna in 7_anna_3.wav.",
                );
                visitor.text(field, by);
            }
            Method::Time => {
                let field = Field::new("by", "Ordered by")
                    .help("The column that holds the time. Empty takes the order of the file or of the file names.");
                visitor.text(field, by);
            }
            Method::Folds => {
                let field = Field::new("folds", "Folds").help("Equal parts that the data is cut into.");
                visitor.count(field, folds, 2..=100);
                let most = *folds;
                let field = Field::new("fold", "Tested fold").help(
                    "The fold that is the test part, from 1. Of data with a test part of its own it is the validation part.",
                );
                visitor.count(field, fold, 1..=most);
                *fold = (*fold).min(*folds);
            }
            Method::Random | Method::Steady => {}
        }
        let field = Field::new("validation", "Validation share")
            .help("Samples that the network does not learn from; they choose settings and the best epoch.");
        visitor.number(field, validation, 0.0..=0.9);
        if *method != Method::Folds {
            let field = Field::new("test", "Test share").help(
                "Samples that are looked at last, so that the result is honest. Ignored where the data has a test part.",
            );
            visitor.number(field, test, 0.0..=0.9);
        }
        if matches!(method, Method::Random | Method::Folds) {
            let field =
                Field::new("stratified", "Stratified").help("Keeps the share of each class equal in all parts.");
            visitor.flag(field, stratified);
        }
        if *method != Method::Time {
            let mut number = usize::try_from(*seed).unwrap_or(usize::MAX);
            let field = Field::new("seed", "Seed").help("The same seed gives the same division; another one, another.");
            visitor.count(field, &mut number, 0..=usize::MAX);
            *seed = number as u64;
        }
    }
}
