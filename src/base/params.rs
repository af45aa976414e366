//! Settings that describe themselves.
//!
//! A settings struct lists its fields once, in [`Params::visit`]. The property form of the window, `--set` on
//! the command line and the tables of the docs are all made by walking that list with a [`ParamVisitor`].
//!
//! ```
//! use layerbench::base::params::{self, Field, ParamVisitor, Params};
//!
//! #[derive(Default)]
//! struct Dropout { rate: f64 }
//!
//! impl Params for Dropout {
//!     fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
//!         let rate = Field::new("rate", "Rate").help("Share of the values that are set to zero in training.");
//!         visitor.number(rate, &mut self.rate, 0.0..=0.99);
//!     }
//! }
//!
//! let mut dropout = Dropout::default();
//! params::set(&mut dropout, "rate", "0.5").unwrap();
//! assert_eq!(dropout.rate, 0.5);
//! assert!(params::set(&mut dropout, "rate", "2").is_err());
//! ```

use std::ops::RangeInclusive;

/// Name, label, unit and help of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// As in files and after `--set`, e.g. `batch_size`.
    pub name: &'static str,
    /// As shown in a form, e.g. `Batch size`.
    pub label: &'static str,
    /// Shown after the value, e.g. `samples`; empty if it has none.
    pub unit: &'static str,
    /// One or two plain sentences that teach the term.
    pub help: &'static str,
    /// What the value 0 stands for, in a word that is shown in its place; empty if it is just a number.
    pub zero: &'static str,
    /// Seldom touched: forms may fold it away.
    pub is_rare: bool,
}

impl Field {
    /// A field without unit and help.
    pub const fn new(name: &'static str, label: &'static str) -> Self {
        Self { name, label, unit: "", help: "", zero: "", is_rare: false }
    }

    /// The same field, marked as seldom touched.
    #[must_use]
    pub const fn rare(self) -> Self {
        Self { is_rare: true, ..self }
    }

    /// The same field, whose value 0 stands for something that a word says better.
    #[must_use]
    pub const fn zero(self, zero: &'static str) -> Self {
        Self { zero, ..self }
    }

    /// The same field with its unit.
    #[must_use]
    pub const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// The same field with its explanation.
    #[must_use]
    pub const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

/// One option of a [`Choice`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChoiceOption {
    /// As in files, e.g. `adamw`.
    pub id: &'static str,
    /// As shown, e.g. `AdamW`.
    pub label: &'static str,
    /// One plain sentence.
    pub help: &'static str,
}

/// A value that is one of a fixed list.
pub trait Choice {
    /// All options, in the order in which they are offered.
    fn options(&self) -> &'static [ChoiceOption];
    /// Index of the current option, or `None` if the value is not one that this version knows.
    fn selected(&self) -> Option<usize>;
    /// Makes the option at `index` the current one; an index outside the list changes nothing.
    fn select(&mut self, index: usize);
}

/// Walks the fields of a settings struct.
pub trait ParamVisitor {
    /// A whole number.
    fn count(&mut self, field: Field, value: &mut usize, range: RangeInclusive<usize>);
    /// Height and width.
    fn pair(&mut self, field: Field, value: &mut [usize; 2], range: RangeInclusive<usize>);
    /// A real number.
    fn number(&mut self, field: Field, value: &mut f64, range: RangeInclusive<f64>);
    /// Yes or no.
    fn flag(&mut self, field: Field, value: &mut bool);
    /// One of a list.
    fn choice(&mut self, field: Field, value: &mut dyn Choice);
    /// Free text.
    fn text(&mut self, field: Field, value: &mut String);
}

/// A settings struct that lists its fields.
pub trait Params {
    /// Calls the visitor once for each field, in the order in which a form shows them.
    fn visit(&mut self, visitor: &mut dyn ParamVisitor);
}

/// Why a setting was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParamError {
    /// There is no such setting.
    #[error("there is no setting '{name}'; the settings here are {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The text is not a value of the setting's kind, or lies outside its range.
    #[error("'{name}' must be {rule}, but '{received}' was given")]
    Invalid {
        /// The setting.
        name: &'static str,
        /// What it takes, e.g. `a whole number from 1 to 100`.
        rule: String,
        /// What was given.
        received: String,
    },
}

/// Sets the field `name` from text, as `--set name=value` does.
///
/// # Errors
/// If there is no such field or the text does not fit it; the struct is then unchanged.
pub fn set(params: &mut dyn Params, name: &str, text: &str) -> Result<(), ParamError> {
    let mut setter = Setter { name, text: text.trim(), known: Vec::new(), outcome: None };
    params.visit(&mut setter);
    let Setter { known, outcome, .. } = setter;
    outcome.unwrap_or_else(|| Err(ParamError::Unknown { name: name.to_owned(), known }))
}

/// One field with its current value as text, for tables and docs.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The field.
    pub field: Field,
    /// Its value as [`set`] would take it.
    pub value: String,
    /// What it takes, e.g. `a whole number from 1 to 100`.
    pub rule: String,
}

/// All fields with their values. Takes the struct by mutable reference because the walk does; nothing changes.
pub fn describe(params: &mut dyn Params) -> Vec<Described> {
    let mut list = Describer(Vec::new());
    params.visit(&mut list);
    list.0
}

struct Setter<'a> {
    name: &'a str,
    text: &'a str,
    known: Vec<&'static str>,
    outcome: Option<Result<(), ParamError>>,
}

impl Setter<'_> {
    /// Runs `assign` if this is the field in question; `assign` gives false if the text does not fit.
    fn offer(&mut self, field: Field, rule: String, assign: impl FnOnce(&str) -> bool) {
        self.known.push(field.name);
        // A choice of kind may show fields of the same name twice; the first one wins.
        if field.name == self.name && self.outcome.is_none() {
            let received = self.text.to_owned();
            self.outcome = Some(if assign(self.text) {
                Ok(())
            } else {
                Err(ParamError::Invalid { name: field.name, rule, received })
            });
        }
    }
}

fn assign<T: PartialOrd + std::str::FromStr>(text: &str, value: &mut T, range: &RangeInclusive<T>) -> bool {
    match text.parse::<T>() {
        Ok(parsed) if range.contains(&parsed) => {
            *value = parsed;
            true
        }
        _ => false,
    }
}

impl ParamVisitor for Setter<'_> {
    fn count(&mut self, field: Field, value: &mut usize, range: RangeInclusive<usize>) {
        self.offer(field, count_rule(&range), |text| assign(text, value, &range));
    }

    fn pair(&mut self, field: Field, value: &mut [usize; 2], range: RangeInclusive<usize>) {
        self.offer(field, pair_rule(&range), |text| {
            let mut parsed = Vec::new();
            for part in text.split(['x', ',', ' ']).filter(|part| !part.is_empty()) {
                let mut number = 0;
                if !assign(part, &mut number, &range) {
                    return false;
                }
                parsed.push(number);
            }
            match parsed[..] {
                [both] => *value = [both, both],
                [height, width] => *value = [height, width],
                _ => return false,
            }
            true
        });
    }

    fn number(&mut self, field: Field, value: &mut f64, range: RangeInclusive<f64>) {
        self.offer(field, number_rule(&range), |text| assign(text, value, &range));
    }

    fn flag(&mut self, field: Field, value: &mut bool) {
        self.offer(field, FLAG_RULE.to_owned(), |text| match text {
            "true" | "yes" | "on" | "1" => {
                *value = true;
                true
            }
            "false" | "no" | "off" | "0" => {
                *value = false;
                true
            }
            _ => false,
        });
    }

    fn choice(&mut self, field: Field, value: &mut dyn Choice) {
        self.offer(field, choice_rule(value), |text| {
            match value.options().iter().position(|option| option.id == text) {
                Some(index) => {
                    // Choosing the present kind again keeps its settings.
                    if value.selected() != Some(index) {
                        value.select(index);
                    }
                    true
                }
                None => false,
            }
        });
    }

    fn text(&mut self, field: Field, value: &mut String) {
        self.offer(field, TEXT_RULE.to_owned(), |text| {
            text.clone_into(value);
            true
        });
    }
}

struct Describer(Vec<Described>);

impl ParamVisitor for Describer {
    fn count(&mut self, field: Field, value: &mut usize, range: RangeInclusive<usize>) {
        self.0.push(Described { field, value: value.to_string(), rule: count_rule(&range) });
    }

    fn pair(&mut self, field: Field, value: &mut [usize; 2], range: RangeInclusive<usize>) {
        let value = format!("{}x{}", value[0], value[1]);
        self.0.push(Described { field, value, rule: pair_rule(&range) });
    }

    fn number(&mut self, field: Field, value: &mut f64, range: RangeInclusive<f64>) {
        self.0.push(Described { field, value: value.to_string(), rule: number_rule(&range) });
    }

    fn flag(&mut self, field: Field, value: &mut bool) {
        self.0.push(Described { field, value: value.to_string(), rule: FLAG_RULE.to_owned() });
    }

    fn choice(&mut self, field: Field, value: &mut dyn Choice) {
        let current = value.selected().and_then(|index| value.options().get(index));
        let text = current.map_or("", |option| option.id).to_owned();
        self.0.push(Described { field, value: text, rule: choice_rule(value) });
    }

    fn text(&mut self, field: Field, value: &mut String) {
        self.0.push(Described { field, value: value.clone(), rule: TEXT_RULE.to_owned() });
    }
}

const FLAG_RULE: &str = "true or false";
const TEXT_RULE: &str = "text";

fn count_rule(range: &RangeInclusive<usize>) -> String {
    if *range.end() == usize::MAX {
        format!("a whole number from {}", range.start())
    } else {
        format!("a whole number from {} to {}", range.start(), range.end())
    }
}

fn pair_rule(range: &RangeInclusive<usize>) -> String {
    format!("two whole numbers from {} to {}, as 3x3", range.start(), range.end())
}

fn number_rule(range: &RangeInclusive<f64>) -> String {
    format!("a number from {} to {}", range.start(), range.end())
}

fn choice_rule(value: &dyn Choice) -> String {
    let ids: Vec<&str> = value.options().iter().map(|option| option.id).collect();
    format!("one of {}", ids.join(", "))
}
