//! Running text for language models: divided by place, cut into windows of tokens, each with the tokens that follow.
//!
//! The text is divided before it is cut: what comes first is learned from, what comes last is the test. No window lies
//! across a border, and the vocabulary knows the training part alone, so validation and test stay honest.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use crate::base::{Dims, Place, Problem, format};

use super::tokens::{Texts, Vocabulary};
use super::{Dataset, Features, InputKind, Labels, Part, Split, SplitConfig, Task, split};

/// Tokens of a window that is chosen without being asked for.
pub const USUAL_CONTEXT: usize = 128;

/// The data set with a vocabulary from the start of its text, and its windows; and which window is in which part.
pub(super) fn fitted(dataset: &Dataset, texts: &Texts, config: &SplitConfig) -> (Dataset, Split) {
    let text = texts.texts.first().map_or("", String::as_str);
    let pieces = divided(text, split::shares(dataset, config)).map(|range| text.get(range).unwrap_or(""));
    let mut texts = texts.clone();
    texts.vocabulary = Arc::new(Vocabulary::learn([pieces[0]].into_iter(), &texts.settings));
    let context = match texts.settings.length {
        0 => USUAL_CONTEXT,
        given => given,
    };
    let tokens: Vec<Vec<u32>> = pieces.par_iter().map(|piece| texts.tokens(piece)).collect();
    let mut fitted = Dataset { dims: Dims::from([context]), origins: Vec::new(), ..dataset.clone() };
    let (mut values, mut targets, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    let mut first = 0;
    for tokens in &tokens {
        // The last token of a window's targets is the first one of the next window.
        let count = tokens.len().saturating_sub(1) / context;
        for window in 0..count {
            let start = window * context;
            values.extend(tokens.iter().skip(start).take(context).map(|&token| token as f32));
            targets.extend(tokens.iter().skip(start + 1).take(context));
            fitted.origins.push(format!("token {}", format::count((first + start + 1) as u64)));
        }
        parts.push(count as u32);
        first += tokens.len();
    }
    fitted.features = Features::Floats(values);
    fitted.labels = Labels::Next(targets);
    fitted.input = InputKind::Text(texts);
    (fitted, consecutive(&parts))
}

/// What is odd about running text as the network sees it.
pub(super) fn problems(dataset: &Dataset, texts: &Texts, split: &Split) -> Vec<Problem> {
    let mut problems = Vec::new();
    let [unknown, all] =
        split.part(Part::Validation).iter().chain(split.part(Part::Test)).fold([0, 0], |sum, &window| {
            let tokens = dataset.sample(window as usize);
            let unknown = tokens.iter().filter(|token| **token as u32 == super::tokens::UNKNOWN).count();
            [sum[0] + unknown, sum[1] + tokens.len()]
        });
    if unknown > 0 {
        let message = format!(
            "{} of {} tokens of validation and test do not occur in the training part (vocabulary of {}), so the network sees \
             <unknown> there",
            format::count(unknown as u64),
            format::count(all as u64),
            format::count(texts.vocabulary.len() as u64)
        );
        let hint = "Choose a larger vocabulary or smaller tokens in the import options if there are many";
        problems.push(Problem::advice(Place::Data, message, hint));
    }
    problems
}

/// Training, validation and test as ranges of bytes, one behind the other.
fn divided(text: &str, (validation, test): (f64, f64)) -> [Range<usize>; 3] {
    let border = |share: f64| {
        let wanted = (text.len() as f64 * share).round() as usize;
        (wanted.min(text.len())..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
    };
    let (first, last) = (border(1.0 - validation - test), border(1.0 - test));
    [0..first, first..last.max(first), last.max(first)..text.len()]
}

/// The first samples for training, then those for validation, then those for the test.
fn consecutive(counts: &[u32]) -> Split {
    let mut next = 0;
    let mut take = |part: usize| {
        let start = next;
        next += counts.get(part).copied().unwrap_or(0);
        (start..next).collect()
    };
    Split { train: take(0), validation: take(1), test: take(2) }
}

/// Whether the samples of a data set are windows of running text.
pub fn texts_of(dataset: &Dataset) -> Option<&Texts> {
    match &dataset.input {
        InputKind::Text(texts) if dataset.task == Task::LanguageModel => Some(texts),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tokens::{TokenSettings, Tokenizer};
    use crate::data::{DataConfig, prepare};

    fn corpus(text: &str, context: usize) -> Arc<Dataset> {
        let settings = TokenSettings { length: context, ..TokenSettings::of_running_text(Tokenizer::Character) };
        Arc::new(Dataset {
            name: "text".to_owned(),
            task: Task::LanguageModel,
            input: InputKind::Text(Texts::new(vec![text.to_owned()], settings)),
            dims: Dims::from([0]),
            features: Features::Floats(Vec::new()),
            labels: Labels::Next(Vec::new()),
            classes: Vec::new(),
            target: "next token".to_owned(),
            origins: Vec::new(),
            given_parts: Vec::new(),
            problems: Vec::new(),
            fingerprint: String::new(),
        })
    }

    fn config() -> DataConfig {
        let split = SplitConfig { validation: 0.25, test: 0.25, ..SplitConfig::default() };
        DataConfig { split, ..DataConfig::default() }
    }

    #[test]
    fn targets_are_the_tokens_one_further() {
        let prepared = prepare(corpus("abcabcabcabXdefghijkl", 4), &config());
        let dataset = &prepared.dataset;
        let texts = texts_of(dataset).unwrap();
        // The first 11 of 21 characters: two windows of four with the character behind each.
        assert_eq!(prepared.split, Split { train: vec![0, 1], validation: vec![2], test: vec![3] });
        assert_eq!((dataset.len(), dataset.dims.clone()), (4, Dims::from([4])));
        assert_eq!(texts.decode(&dataset.sample(0)), "abca");
        let Labels::Next(targets) = &dataset.labels else { panic!("no targets") };
        let follows: Vec<f32> = targets[..4].iter().map(|&token| token as f32).collect();
        assert_eq!(texts.decode(&follows), "bcab");
        assert_eq!(texts.decode(&dataset.sample(1)), "bcab");
    }

    #[test]
    fn the_borders_are_kept_and_the_vocabulary_is_that_of_the_start() {
        let prepared = prepare(corpus("aaaaaaaabbbbbbbbaaaaaaaaaaaaaaaa", 2), &config());
        let texts = texts_of(&prepared.dataset).unwrap();
        assert_eq!(texts.vocabulary.len(), 4, "padding, unknown, a and b");
        // Validation is 8 characters: three windows of two, and the border's pair is in no part.
        assert_eq!([prepared.split.train.len(), prepared.split.validation.len(), prepared.split.test.len()], [7, 3, 3]);
        let other = prepare(corpus("aaaaaaaaxyäöü", 2), &config());
        let problems = crate::data::problems(&other, &config());
        assert!(problems.iter().any(|problem| problem.message.contains("do not occur in the training part")));
        assert_eq!(prepare(Arc::clone(&prepared.dataset), &config()).dataset, prepared.dataset, "fitting again");
    }

    #[test]
    fn umlauts_are_never_cut_and_short_texts_have_no_windows() {
        assert_eq!(divided("äöü", (0.34, 0.33)), [0..2, 2..4, 4..6]);
        assert_eq!(divided("", (0.1, 0.1)), [0..0, 0..0, 0..0]);
        assert!(prepare(corpus("ab", 128), &config()).dataset.is_empty());
    }
}
