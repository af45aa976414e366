//! Text files of any encoding as a stream of UTF-8.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::base::{Progress, format};
use crate::data::DataError;

use super::super::input;

/// Bytes that are read at once.
const BLOCK: usize = 64 * 1024;
/// Bytes that the guess of an old encoding looks at; it is slow, and more do not make it better.
const MOST_GUESSED: usize = 4 * 1024 * 1024;

/// Longest line that is read, bytes: a row lies in memory whole.
const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// A text file whose encoding is known. It is opened anew for each pass, so that it never lies in memory whole.
#[derive(Debug, Clone)]
pub(in crate::data::importers) struct Text {
    path: PathBuf,
    encoding: &'static Encoding,
    progress: Progress,
}

impl Text {
    /// Reads the file once to find out its encoding.
    ///
    /// # Errors
    /// If it can't be read, is empty, has an endless line, or is no text.
    pub(in crate::data::importers) fn examine(path: &Path, progress: &Progress) -> Result<Self, DataError> {
        Self::examine_content(path, input::open(path, progress)?, progress)
    }

    fn examine_content(path: &Path, mut content: Box<dyn Read>, progress: &Progress) -> Result<Self, DataError> {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        let mut block = vec![0; BLOCK];
        let mut carried: Vec<u8> = Vec::new();
        let (mut start, mut guessed, mut total) = (Vec::new(), 0, 0);
        let (mut is_utf8, mut has_zeros) = (true, false);
        let (mut lines, mut line_length) = (0_usize, 0);
        loop {
            let length = content.read(&mut block).map_err(|error| input::read_error(path, error, progress))?;
            if progress.is_cancelled() {
                return Err(DataError::Cancelled);
            }
            let bytes = block.get(..length).unwrap_or(&[]);
            if bytes.is_empty() {
                break;
            }
            if start.len() < BLOCK {
                start.extend_from_slice(bytes);
            }
            total += bytes.len();
            has_zeros |= bytes.contains(&0);
            match bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
                Some(end) => {
                    lines += bytes.split(|byte| *byte == b'\n').count() - 1;
                    line_length = bytes.len() - end;
                }
                None => line_length += bytes.len(),
            }
            if line_length > LONGEST_LINE {
                let message = format!("row {} is longer than {}", lines + 1, format::bytes(LONGEST_LINE as u64));
                return Err(DataError::content(
                    path,
                    message,
                    "Check whether the file is a table with one sample a row",
                ));
            }
            if !bytes.is_ascii() && guessed < MOST_GUESSED {
                guessed += bytes.len();
                detector.feed(bytes, false);
            }
            if is_utf8 {
                carried.extend_from_slice(bytes);
                match std::str::from_utf8(&carried) {
                    Ok(_) => carried.clear(),
                    // A character may be cut by the end of the block.
                    Err(error) if error.error_len().is_none() => drop(carried.drain(..error.valid_up_to())),
                    Err(_) => is_utf8 = false,
                }
            }
        }
        if total == 0 {
            return Err(DataError::content(path, "the file is empty", "Choose a file with a header and rows"));
        }
        let encoding = if let Some((encoding, _)) = Encoding::for_bom(&start) {
            encoding
        } else if has_zeros {
            utf16_without_mark(&start).ok_or_else(|| {
                let hint = "Choose a text file, such as one saved as CSV by a spreadsheet program";
                DataError::content(path, "this is no text file: it holds zero bytes", hint)
            })?
        } else if is_utf8 && carried.is_empty() {
            UTF_8
        } else {
            detector.feed(&[], true);
            detector.guess(None, Utf8Detection::Deny)
        };
        Ok(Self { path: path.to_owned(), encoding, progress: progress.clone() })
    }

    /// The same from the first bytes alone, for a guess at what the file is.
    ///
    /// # Errors
    /// As for [`Self::examine`].
    pub(in crate::data::importers) fn examine_start(path: &Path, most: usize) -> Result<Self, DataError> {
        let progress = Progress::default();
        let content = input::open(path, &progress)?.take(most as u64);
        Self::examine_content(path, Box::new(content), &progress)
    }

    /// The file.
    pub(in crate::data::importers) fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the encoding, e.g. `windows-1252`.
    pub(in crate::data::importers) fn encoding(&self) -> &'static str {
        self.encoding.name()
    }

    /// The text from its start, without a byte order mark.
    ///
    /// # Errors
    /// If the file can't be opened.
    pub(in crate::data::importers) fn open(&self) -> Result<Box<dyn Read>, DataError> {
        Ok(Box::new(Transcoder {
            inner: input::open(&self.path, &self.progress)?,
            decoder: self.encoding.new_decoder_with_bom_removal(),
            raw: vec![0; BLOCK],
            // Three bytes of UTF-8 for one of the file are the most.
            text: vec![0; 3 * BLOCK + 16],
            ready: 0..0,
            is_at_end: false,
            progress: self.progress.clone(),
        }))
    }

    /// The start of the text, at most so many bytes, and whether that is all.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(in crate::data::importers) fn start(&self, most: usize) -> Result<(Vec<u8>, bool), DataError> {
        let mut start = Vec::new();
        // This look at the start is not part of the work that progress counts.
        let quiet = Self { progress: Progress::default(), ..self.clone() };
        let mut content = quiet.open()?.take(most as u64 + 1);
        content.read_to_end(&mut start).map_err(|error| input::read_error(&self.path, error, &self.progress))?;
        let is_all = start.len() <= most;
        start.truncate(most);
        Ok((start, is_all))
    }

    /// What a failed read means.
    pub(in crate::data::importers) fn error(&self, error: io::Error) -> DataError {
        input::read_error(&self.path, error, &self.progress)
    }
}

/// UTF-16 of mostly Latin text has a zero in every second byte.
fn utf16_without_mark(start: &[u8]) -> Option<&'static Encoding> {
    let zeros = |offset: usize| start.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), start.len() / 2);
    if odd * 2 > pairs && even * 20 < pairs {
        Some(UTF_16LE)
    } else if even * 2 > pairs && odd * 20 < pairs {
        Some(UTF_16BE)
    } else {
        None
    }
}

struct Transcoder {
    inner: Box<dyn Read>,
    decoder: Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    ready: std::ops::Range<usize>,
    is_at_end: bool,
    progress: Progress,
}

impl Read for Transcoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        while self.ready.is_empty() && !self.is_at_end {
            let length = self.inner.read(&mut self.raw)?;
            self.is_at_end = length == 0;
            let raw = self.raw.get(..length).unwrap_or(&[]);
            let (result, _read, written, _replaced) = self.decoder.decode_to_utf8(raw, &mut self.text, self.is_at_end);
            debug_assert!(result == CoderResult::InputEmpty, "the buffer takes the largest expansion");
            self.ready = 0..written;
        }
        let ready = self.text.get(self.ready.clone()).unwrap_or(&[]);
        let count = ready.len().min(buffer.len());
        if let (Some(target), Some(source)) = (buffer.get_mut(..count), ready.get(..count)) {
            target.copy_from_slice(source);
        }
        self.ready.start += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(content: &[u8]) -> Result<(String, &'static str), DataError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let text = Text::examine(file.path(), &Progress::default())?;
        let mut read = String::new();
        text.open()?.read_to_string(&mut read).unwrap();
        Ok((read, text.encoding()))
    }

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn every_usual_encoding_gives_the_same_text() {
        let text = "name;Größe\nJosé;3\nZoë;4\nFrançois;5\n";
        let latin: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
        let cases = [
            (text.as_bytes().to_vec(), "UTF-8"),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), "UTF-8"),
            (utf16(&format!("\u{feff}{text}"), u16::to_le_bytes), "UTF-16LE"),
            (utf16(&format!("\u{feff}{text}"), u16::to_be_bytes), "UTF-16BE"),
            (utf16(text, u16::to_le_bytes), "UTF-16LE"),
            (latin, "windows-1252"),
        ];
        for (content, encoding) in cases {
            assert_eq!(text_of(&content).unwrap(), (text.to_owned(), encoding));
        }
    }

    #[test]
    fn a_letter_at_the_edge_of_a_block_stays_whole() {
        for shift in 0..4 {
            let text = format!("{}{}", "x".repeat(BLOCK - shift), "ß€😀".repeat(30_000));
            assert_eq!(text_of(text.as_bytes()).unwrap(), (text.clone(), "UTF-8"));
        }
    }

    #[test]
    fn an_endless_line_is_refused_before_it_fills_the_memory() {
        let content = [b"a,b\n1,".to_vec(), vec![b'7'; LONGEST_LINE + BLOCK]].concat();
        let text = text_of(&content).unwrap_err().to_string();
        assert!(text.contains("row 2 is longer than 67.1 MB"), "{text}");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(text_of(b"").unwrap_err().to_string().contains("the file is empty"));
        let binary: Vec<u8> = (0..=255).cycle().take(4000).collect();
        assert!(text_of(&binary).unwrap_err().to_string().contains("no text file"));
    }
}
