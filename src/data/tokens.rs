//! Texts to numbers: a vocabulary learned from the training part alone, and the tokens of each text.
//!
//! Token 0 is padding, token 1 stands for everything that the vocabulary does not know. Short texts are padded in
//! front, so that the last step of a sequence is always text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::base::{Dims, Field, ParamVisitor, Params, Place, Problem, format};

use super::byte_pairs::BytePairs;
use super::{Dataset, Features, InputKind};

/// Number of the token that fills short texts up.
pub const PADDING: u32 = 0;
/// Number of the token for what is not in the vocabulary.
pub const UNKNOWN: u32 = 1;
/// How those two are written.
const SPECIAL: [&str; 2] = ["<padding>", "<unknown>"];
/// Share of the training texts that are no longer than the length that is found.
const COVERED: f64 = 0.95;
/// Longest token that is kept, bytes: longer ones are links or noise.
const LONGEST_TOKEN: usize = 64;

crate::choices! {
    /// What a token is.
    pub enum Tokenizer {
        /// Words and punctuation marks.
        Word = "word", "Words", "Each word and each punctuation mark is a token. Good for sentences in most languages.";
        /// Pieces of words.
        Pieces = "pieces", "Pieces of words", "Frequent words are tokens, rare ones are put together from pieces learned from the text (byte pairs), so that nothing is unknown.";
        /// Characters.
        Character = "character", "Characters", "Each character is a token: a small vocabulary, but long sequences.";
    }
}

/// How texts become numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenSettings {
    /// What a token is.
    pub tokenizer: Tokenizer,
    /// Most tokens that the vocabulary holds, the two special ones included.
    pub vocabulary: usize,
    /// How often a token occurs in the training part to be in the vocabulary.
    pub least: usize,
    /// Tokens of a sample; Auto (0) finds a length that 95 of 100 training texts fit into.
    pub length: usize,
    /// Whether capital letters count as small ones.
    pub lower_case: bool,
    /// Whether nothing is lost: a word takes the space before it along, and other white space is tokens of its own.
    pub spaces: bool,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self { tokenizer: Tokenizer::Word, vocabulary: 20_000, least: 2, length: 0, lower_case: true, spaces: false }
    }
}

impl Params for TokenSettings {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        // What is done about spaces follows from the task.
        let Self { tokenizer, vocabulary, least, length, lower_case, spaces: _ } = self;
        visitor.choice(Field::new("tokenizer", "Tokens").help("The pieces that a text is cut into."), tokenizer);
        let field = Field::new("vocabulary", "Vocabulary")
            .unit("tokens")
            .help("Most different tokens that the network knows. The rarest ones are left out and count as unknown.");
        visitor.count(field, vocabulary, 3..=1_000_000);
        let field = Field::new("least", "Rarest token").help(
            "How often a token must occur in the training part to be in the vocabulary. Nothing can be learned about \
             words that occur once.",
        );
        visitor.count(field, least, 1..=1_000_000);
        let field = Field::new("length", "Length").unit("tokens").zero("auto").help(
            "Tokens of a sample. Longer texts are cut, shorter ones filled up. Auto (0) finds a length that 95 of 100 texts \
             fit into.",
        );
        visitor.count(field, length, 0..=100_000);
        let field = Field::new("lower_case", "Lower case").help("Whether Capital and capital are the same token.");
        visitor.flag(field, lower_case);
    }
}

impl TokenSettings {
    /// How running text is cut, so that a language model can write it again.
    pub fn of_running_text(tokenizer: Tokenizer) -> Self {
        Self { tokenizer, least: 1, lower_case: false, spaces: true, ..Self::default() }
    }

    /// Longest sequence that is chosen without being asked for.
    pub fn longest_automatic(&self) -> usize {
        match self.tokenizer {
            Tokenizer::Word | Tokenizer::Pieces => 400,
            Tokenizer::Character => 1000,
        }
    }

    /// The text with its letters as they count.
    fn cased<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.lower_case { text.to_lowercase().into() } else { text.into() }
    }

    /// Calls `visit` for each token of a text, in order.
    fn for_each_token(&self, text: &str, mut visit: impl FnMut(&str)) {
        let text = &*self.cased(text);
        if self.tokenizer == Tokenizer::Character {
            let mut letter = [0; 4];
            text.chars().for_each(|character| visit(character.encode_utf8(&mut letter)));
            return;
        }
        let is_word = |character: char| character.is_alphanumeric() || character == '\'' || character == '_';
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            // A space that belongs to what follows.
            let space = usize::from(
                self.spaces
                    && first == ' '
                    && rest
                        .get(1..)
                        .is_some_and(|behind| behind.chars().next().is_some_and(|next| !next.is_whitespace())),
            );
            let first = rest.get(space..).and_then(|rest| rest.chars().next()).unwrap_or(first);
            let length = space
                + if is_word(first) {
                    let word = rest.get(space..).unwrap_or("");
                    word.find(|character| !is_word(character)).unwrap_or(word.len())
                } else {
                    first.len_utf8()
                };
            let (token, behind) = rest.split_at(length);
            if self.spaces || !first.is_whitespace() {
                visit(token);
            }
            rest = behind;
        }
    }
}

/// The texts of a data set and how they become numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Texts {
    /// One for each sample.
    pub texts: Arc<Vec<String>>,
    /// How they are cut.
    pub settings: TokenSettings,
    /// Learned from the training part; empty before that.
    pub vocabulary: Arc<Vocabulary>,
    /// Texts that are longer than a sample, so that their ends are cut off.
    pub cut: usize,
}

impl Texts {
    /// Texts whose vocabulary is still to be learned.
    pub fn new(texts: Vec<String>, settings: TokenSettings) -> Self {
        Self { texts: Arc::new(texts), settings, vocabulary: Arc::default(), cut: 0 }
    }

    /// A text as a sample of `length` tokens.
    pub fn encode(&self, text: &str, length: usize) -> Vec<f32> {
        let mut tokens: Vec<f32> = self.tokens(text).into_iter().take(length).map(|token| token as f32).collect();
        let mut sample = vec![PADDING as f32; length - tokens.len()];
        sample.append(&mut tokens);
        sample
    }

    /// The numbers of all tokens of a text.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        if let Some(pairs) = &self.vocabulary.pairs {
            return pairs.encode(&self.settings.cased(text));
        }
        let mut tokens = Vec::new();
        self.settings.for_each_token(text, |token| tokens.push(self.vocabulary.number(token)));
        tokens
    }

    /// How many characters these tokens stand for; one for each that the vocabulary does not know.
    pub fn characters(&self, tokens: &[u32]) -> usize {
        if let Some(pairs) = &self.vocabulary.pairs {
            return pairs.decode(tokens).chars().count();
        }
        let of = |&token: &u32| match token {
            PADDING => 0,
            UNKNOWN => 1,
            token => self.vocabulary.token(token as usize).map_or(1, |token| token.chars().count()),
        };
        tokens.iter().map(of).sum()
    }

    /// How many tokens a text has.
    fn count(&self, text: &str) -> usize {
        if self.vocabulary.pairs.is_some() {
            return self.tokens(text).len();
        }
        let mut count = 0;
        self.settings.for_each_token(text, |_| count += 1);
        count
    }

    /// What a language model writes with these tokens.
    pub fn written(&self, tokens: &[u32]) -> String {
        self.decode(&tokens.iter().map(|&token| token as f32).collect::<Vec<_>>())
    }

    /// A sample as text again, for people: its tokens with spaces between them, unless these are tokens too.
    pub fn decode(&self, sample: &[f32]) -> String {
        if let Some(pairs) = &self.vocabulary.pairs {
            let tokens: Vec<u32> =
                sample.iter().map(|&number| number as u32).filter(|token| *token != PADDING).collect();
            return pairs.decode(&tokens);
        }
        let between = if self.settings.tokenizer == Tokenizer::Word && !self.settings.spaces { " " } else { "" };
        let tokens = sample.iter().map(|&number| number as usize).filter(|number| *number != PADDING as usize);
        let tokens: Vec<&str> = tokens.map(|number| self.vocabulary.token(number).unwrap_or("?")).collect();
        tokens.join(between)
    }

    /// Adds the texts and how they are cut to a fingerprint.
    pub(super) fn hash(&self, hasher: &mut blake3::Hasher) {
        for text in self.texts.iter() {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        let TokenSettings { tokenizer, vocabulary, least, length, lower_case, spaces } = &self.settings;
        let numbers = [*tokenizer as usize, *vocabulary, *least, *length, usize::from(*lower_case)];
        // Nothing is added for those of earlier versions.
        for number in numbers.into_iter().chain(spaces.then_some(1)) {
            hasher.update(&(number as u64).to_le_bytes());
        }
    }
}

/// The tokens that a network knows, by their numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vocabulary {
    tokens: Vec<String>,
    numbers: HashMap<String, u32>,
    /// How pieces of words are found.
    pairs: Option<Arc<BytePairs>>,
}

impl Vocabulary {
    /// The most frequent tokens of some texts; of equally frequent ones the first of the alphabet.
    pub fn learn<'t>(texts: impl Iterator<Item = &'t str> + Send, settings: &TokenSettings) -> Self {
        if settings.tokenizer == Tokenizer::Pieces {
            let cased: Vec<Cow<'_, str>> = texts.map(|text| settings.cased(text)).collect();
            let texts = cased.iter().map(AsRef::as_ref);
            let Ok(pairs) = BytePairs::learn(texts, &SPECIAL, settings.vocabulary, settings.least) else {
                return Self::default();
            };
            return Self { tokens: pairs.tokens(), numbers: HashMap::new(), pairs: Some(Arc::new(pairs)) };
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for text in texts {
            settings.for_each_token(text, |token| {
                if let Some(count) = counts.get_mut(token) {
                    *count += 1;
                } else if token.len() <= LONGEST_TOKEN {
                    counts.insert(token.to_owned(), 1);
                }
            });
        }
        let mut frequent: Vec<(String, usize)> =
            counts.into_iter().filter(|(_, count)| *count >= settings.least).collect();
        frequent.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        frequent.truncate(settings.vocabulary.saturating_sub(SPECIAL.len()));
        let tokens: Vec<String> =
            SPECIAL.into_iter().map(str::to_owned).chain(frequent.into_iter().map(|(token, _)| token)).collect();
        let numbers = tokens.iter().cloned().zip(0..).skip(SPECIAL.len()).collect();
        Self { tokens, numbers, pairs: None }
    }

    /// How many tokens there are, the special ones included.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether nothing was learned yet.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The number of a token, [`UNKNOWN`] for those that are not in it.
    pub fn number(&self, token: &str) -> u32 {
        self.numbers.get(token).copied().unwrap_or(UNKNOWN)
    }

    /// The token of that number.
    pub fn token(&self, number: usize) -> Option<&str> {
        self.tokens.get(number).map(String::as_str)
    }

    /// A token for people: white space is written out.
    pub fn shown(&self, number: u32) -> String {
        match self.token(number as usize) {
            Some(token) => token.replace(' ', "␣").replace('\n', "↵").replace('\t', "⇥"),
            None => "?".to_owned(),
        }
    }

    /// The tokens in the order of their numbers.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }
}

/// The data set with a vocabulary from its training part, and its texts as numbers. Other data stays as it is.
pub fn fitted(dataset: Arc<Dataset>, train: &[u32]) -> Arc<Dataset> {
    let InputKind::Text(texts) = &dataset.input else { return dataset };
    let all = &texts.texts;
    let learned = || train.iter().filter_map(|&sample| all.get(sample as usize)).map(String::as_str);
    let mut texts = texts.clone();
    texts.vocabulary = Arc::new(Vocabulary::learn(learned(), &texts.settings));
    let length = match texts.settings.length {
        0 => usual_length(learned().map(|text| texts.count(text)).collect(), &texts.settings),
        length => length,
    };
    texts.cut = all.par_iter().filter(|text| texts.count(text) > length).count();
    let values: Vec<f32> = all.par_iter().flat_map_iter(|text| texts.encode(text, length)).collect();
    let mut fitted = Dataset::clone(&dataset);
    fitted.input = InputKind::Text(texts);
    fitted.dims = Dims::from([length]);
    fitted.features = Features::Floats(values);
    Arc::new(fitted)
}

/// What is odd about texts as the network sees them.
pub(super) fn problems(dataset: &Dataset) -> Vec<Problem> {
    let InputKind::Text(texts) = &dataset.input else { return Vec::new() };
    let mut problems = Vec::new();
    if texts.cut > 0 {
        let message = format!(
            "{} of {} texts are longer than {} tokens, and only their starts are used",
            format::count(texts.cut as u64),
            format::count(texts.texts.len() as u64),
            dataset.dims
        );
        let hint = "Choose a larger length in the import options if the ends of the texts matter";
        problems.push(Problem::advice(Place::Data, message, hint));
    }
    problems
}

/// The length that [`COVERED`] of the texts fit into, within reason.
fn usual_length(mut lengths: Vec<usize>, settings: &TokenSettings) -> usize {
    lengths.sort_unstable();
    let at = (lengths.len() as f64 * COVERED).ceil() as usize;
    let length = lengths.get(at.saturating_sub(1)).copied().unwrap_or(1);
    length.clamp(1, settings.longest_automatic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Labels, Task};

    fn tokens(text: &str, settings: &TokenSettings) -> Vec<String> {
        let mut tokens = Vec::new();
        settings.for_each_token(text, |token| tokens.push(token.to_owned()));
        tokens
    }

    fn dataset(texts: &[&str], settings: TokenSettings) -> Arc<Dataset> {
        let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
        Arc::new(Dataset {
            name: "texts".to_owned(),
            task: Task::Classification,
            dims: Dims::from([0]),
            features: Features::Floats(Vec::new()),
            labels: Labels::Classes(vec![0; texts.len()]),
            input: InputKind::Text(Texts::new(texts, settings)),
            classes: vec!["a".to_owned()],
            target: "class".to_owned(),
            origins: Vec::new(),
            given_parts: Vec::new(),
            problems: Vec::new(),
            fingerprint: String::new(),
        })
    }

    #[test]
    fn texts_are_cut_into_words_or_characters() {
        let words = TokenSettings::default();
        assert_eq!(tokens("It's GOOD, isn't it?!", &words), ["it's", "good", ",", "isn't", "it", "?", "!"]);
        assert_eq!(tokens("Größe 3,5\u{85}€", &words), ["größe", "3", ",", "5", "€"]);
        let characters =
            TokenSettings { tokenizer: Tokenizer::Character, lower_case: false, ..TokenSettings::default() };
        assert_eq!(tokens("Hé !", &characters), ["H", "é", " ", "!"]);
        assert!(tokens("", &words).is_empty());
    }

    #[test]
    fn the_vocabulary_knows_the_training_part_alone() {
        let data = dataset(&["b a a", "b a c c", "never seen words"], TokenSettings::default());
        let fitted = fitted(data, &[0, 1]);
        let InputKind::Text(texts) = &fitted.input else { panic!("no texts") };
        // a three times, b and c twice each.
        assert_eq!(texts.vocabulary.tokens(), ["<padding>", "<unknown>", "a", "b", "c"]);
        assert_eq!(fitted.dims, Dims::from([4]));
        assert_eq!(fitted.sample(0), [0.0, 3.0, 2.0, 2.0], "padding stands in front");
        assert_eq!(fitted.sample(2), [0.0, 1.0, 1.0, 1.0]);
        assert_eq!(texts.decode(&fitted.sample(0)), "b a a");
        assert_eq!(texts.cut, 0);
    }

    #[test]
    fn limits_hold() {
        let settings = TokenSettings { vocabulary: 3, least: 1, length: 2, ..TokenSettings::default() };
        let fitted = fitted(dataset(&["x x y z"], settings), &[0]);
        let InputKind::Text(texts) = &fitted.input else { panic!("no texts") };
        assert_eq!(texts.vocabulary.tokens(), ["<padding>", "<unknown>", "x"]);
        assert_eq!(fitted.sample(0), [2.0, 2.0]);
        assert_eq!(texts.cut, 1);
        assert!(problems(&fitted)[0].message.contains("1 of 1 texts are longer than 2 tokens"));
    }

    #[test]
    fn fitting_again_gives_the_same() {
        let once = fitted(dataset(&["b a a", "c d"], TokenSettings::default()), &[0, 1]);
        assert_eq!(fitted(Arc::clone(&once), &[0, 1]), once);
    }

    #[test]
    fn the_length_covers_most_texts() {
        let settings = TokenSettings::default();
        assert_eq!(usual_length((1..=100).collect(), &settings), 95);
        assert_eq!(usual_length(vec![9000; 3], &settings), settings.longest_automatic());
        assert_eq!(usual_length(Vec::new(), &settings), 1);
    }
}
