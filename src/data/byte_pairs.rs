//! Pieces of words, learned from a text: what often stands side by side becomes one token (Sennrich et al. 2016), beginning
//! with bytes, so that every text can be written (Radford et al. 2019).

use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::{AddedToken, Tokenizer};

/// A learned division into pieces.
#[derive(Debug, Clone)]
pub struct BytePairs(Tokenizer);

impl PartialEq for BytePairs {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string(false).ok() == other.0.to_string(false).ok()
    }
}

impl BytePairs {
    /// At most so many pieces, each of which occurs at least `least` times; the first numbers are those of `special`.
    ///
    /// # Errors
    /// What the library says.
    pub fn learn<'t>(
        texts: impl Iterator<Item = &'t str> + Send,
        special: &[&str],
        vocabulary: usize,
        least: usize,
    ) -> tokenizers::Result<Self> {
        // A space belongs to the word behind it, as in GPT-2.
        let bytes = ByteLevel::new(false, true, true);
        let mut tokenizer = Tokenizer::new(BPE::default());
        tokenizer.with_pre_tokenizer(Some(bytes)).with_decoder(Some(bytes));
        let trainer = BpeTrainerBuilder::new()
            .show_progress(false)
            // All bytes are known, whatever the text: less than these can't be.
            .vocab_size(vocabulary.max(special.len() + 256))
            .min_frequency(least.max(1) as u64)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .special_tokens(special.iter().map(|&token| AddedToken::from(token, true)).collect())
            .build();
        tokenizer.train(&mut TrainerWrapper::BpeTrainer(trainer), texts)?;
        Ok(Self(tokenizer))
    }

    /// The pieces of a text; none if the library fails.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.0.encode_fast(text, false).map(|encoding| encoding.get_ids().to_vec()).unwrap_or_default()
    }

    /// The text of some pieces. A character whose bytes are not all there ends in a replacement character.
    pub fn decode(&self, tokens: &[u32]) -> String {
        self.0.decode(tokens, false).unwrap_or_default()
    }

    /// How each piece is written, by its number.
    pub fn tokens(&self) -> Vec<String> {
        let count = self.0.get_vocab_size(true) as u32;
        (0..count).map(|number| self.decode(&[number])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_side_by_side_becomes_one_piece_and_every_text_can_be_written() {
        let text = "low lower lowest low low";
        let pairs = BytePairs::learn([text].into_iter(), &["<padding>", "<unknown>"], 262, 2).unwrap();
        let tokens = pairs.tokens();
        assert_eq!((tokens.len(), &tokens[0][..], &tokens[1][..]), (262, "<padding>", "<unknown>"));
        assert!(tokens.contains(&"low".to_owned()) || tokens.contains(&" low".to_owned()), "{tokens:?}");
        for text in [text, "größer 😀\n\tx", ""] {
            assert_eq!(pairs.decode(&pairs.encode(text)), text);
        }
        assert!(pairs.encode(text).len() < text.len() / 2);
    }
}
