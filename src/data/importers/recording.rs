//! Sound files to waveforms: decoding within limits, mixing to one channel, and resampling.

use std::f64::consts::PI;
use std::fs;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rayon::prelude::*;

use crate::base::format;

use super::compressed;

/// Extensions of the formats that are read.
pub(super) const EXTENSIONS: &[&str] = &["wav", "wave", "flac", "ogg", "oga", "mp3"];
/// Largest file that is opened, bytes.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;
/// Longest recording that is decoded, seconds.
const LONGEST: u64 = 600;
/// Sample rates that are believed, samples a second.
const RATES: std::ops::RangeInclusive<u32> = 1000..=384_000;
/// Zero crossings of the filter at each side, and the share of the band that passes: torchaudio's defaults.
const CROSSINGS: f64 = 6.0;
const ROLLOFF: f64 = 0.99;

/// What fails carries its reason as a sentence part for people, e.g. `the file ends too early`.
pub(super) type Decoded<T> = Result<T, String>;

/// A recording of one channel, its values from -1 to 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recording {
    /// Samples a second.
    pub rate: u32,
    /// The wave.
    pub samples: Vec<f32>,
}

/// What a file's header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct About {
    /// Samples a second.
    pub rate: u32,
    /// How many there are.
    pub frames: u64,
}

/// Whether a file's name says that it is a recording.
pub(super) fn has_extension(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// Rate and length from the header alone.
pub(super) fn about(path: &Path) -> Decoded<About> {
    let content = content(path)?;
    guarded(|| {
        if let Some(kind) = compressed::kind(&content) {
            let header = compressed::header(kind, &content)?;
            believed(header.rate)?;
            return Ok(About { rate: header.rate, frames: header.frames.unwrap_or(0) });
        }
        let reader = open(&content)?;
        Ok(About { rate: reader.spec().sample_rate, frames: u64::from(reader.duration()) })
    })
}

/// Reads a file whole.
pub(super) fn read(path: &Path) -> Decoded<Recording> {
    let content = content(path)?;
    guarded(|| decode(&content))
}

fn content(path: &Path) -> Decoded<Vec<u8>> {
    let file = fs::metadata(path).map_err(|error| error.to_string())?;
    if !file.is_file() {
        return Err("it is no ordinary file".to_owned());
    }
    if file.len() > LARGEST_FILE {
        let (size, most) = (format::bytes(file.len()), format::bytes(LARGEST_FILE));
        return Err(format!("the file has {size}, and at most {most} are read"));
    }
    let content = fs::read(path).map_err(|error| error.to_string())?;
    if content.is_empty() { Err("the file is empty".to_owned()) } else { Ok(content) }
}

fn open(content: &[u8]) -> Decoded<hound::WavReader<Cursor<&[u8]>>> {
    let reader = hound::WavReader::new(Cursor::new(content)).map_err(reason)?;
    believed(reader.spec().sample_rate)?;
    Ok(reader)
}

fn believed(rate: u32) -> Decoded<()> {
    if RATES.contains(&rate) {
        return Ok(());
    }
    Err(format!("its sample rate is {rate} Hz, but {} to {} are read", RATES.start(), RATES.end()))
}

fn decode(content: &[u8]) -> Decoded<Recording> {
    if let Some(kind) = compressed::kind(content) {
        let compressed::Header { rate, channels, .. } = compressed::header(kind, content)?;
        believed(rate)?;
        let most = (LONGEST * u64::from(rate)) as usize * channels;
        return mixed(rate, channels, &compressed::decode(kind, content, most)?);
    }
    let reader = open(content)?;
    let hound::WavSpec { channels, sample_rate: rate, bits_per_sample, sample_format } = reader.spec();
    let channels = usize::from(channels).max(1);
    // The header's claim, before anything of that size is made.
    let claimed = u64::from(reader.duration());
    if claimed > LONGEST * u64::from(rate) && claimed * channels as u64 <= content.len() as u64 {
        return Err(format!("it is longer than {LONGEST} seconds; cut it into shorter recordings"));
    }
    let values: Vec<f32> = match sample_format {
        hound::SampleFormat::Float => collect(reader.into_samples::<f32>(), |value| value)?,
        hound::SampleFormat::Int => {
            let largest = (1_i64 << (bits_per_sample.clamp(1, 32) - 1)) as f32;
            collect(reader.into_samples::<i32>(), |value| value as f32 / largest)?
        }
    };
    mixed(rate, channels, &values)
}

/// One channel of several.
fn mixed(rate: u32, channels: usize, values: &[f32]) -> Decoded<Recording> {
    if (values.len() / channels) as u64 > LONGEST * u64::from(rate) {
        return Err(format!("it is longer than {LONGEST} seconds; cut it into shorter recordings"));
    }
    if values.len() < channels {
        return Err("it holds no sound".to_owned());
    }
    let mix = |frame: &[f32]| {
        let mean = frame.iter().sum::<f32>() / channels as f32;
        if mean.is_finite() { mean.clamp(-1.0, 1.0) } else { 0.0 }
    };
    Ok(Recording { rate, samples: values.chunks_exact(channels).map(mix).collect() })
}

fn collect<T>(samples: impl Iterator<Item = hound::Result<T>>, scaled: impl Fn(T) -> f32) -> Decoded<Vec<f32>> {
    let mut values = Vec::new();
    for sample in samples {
        values.push(scaled(sample.map_err(reason)?));
    }
    Ok(values)
}

impl Recording {
    /// The recording with another sample rate, by the windowed sinc filter of torchaudio's `resample`.
    pub(super) fn resampled(self, rate: u32) -> Self {
        let divisor = greatest_common_divisor(self.rate, rate).max(1);
        let (from, to) = (f64::from(self.rate / divisor), f64::from(rate / divisor));
        if from == to {
            return self;
        }
        // In steps of the old rate: half the width of the filter, and what a step means to it.
        let band = from.min(to) * ROLLOFF;
        let reach = (CROSSINGS * from / band).ceil();
        let step = band / from;
        let count = (self.samples.len() as f64 * to / from).ceil() as usize;
        let sample = |at: usize| {
            let centre = at as f64 * from / to;
            let first = (centre - reach).ceil().max(0.0) as usize;
            let last = ((centre + reach).floor() as usize).min(self.samples.len().saturating_sub(1));
            let near = self.samples.get(first..=last).unwrap_or(&[]);
            let mut sum = 0.0;
            for (offset, &value) in near.iter().enumerate() {
                let distance = (((first + offset) as f64 - centre) * step).clamp(-CROSSINGS, CROSSINGS);
                let window = (distance * PI / CROSSINGS / 2.0).cos().powi(2);
                let sinc = if distance == 0.0 { 1.0 } else { (distance * PI).sin() / (distance * PI) };
                sum += f64::from(value) * window * sinc;
            }
            (sum * step) as f32
        };
        Self { rate, samples: (0..count).into_par_iter().map(sample).collect() }
    }

    /// Its first values, filled up with silence.
    pub(super) fn fitted(mut self, length: usize) -> Vec<f32> {
        self.samples.resize(length, 0.0);
        self.samples
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The decoder's words, in ours where they are common.
fn reason(error: hound::Error) -> String {
    match error {
        // The decoder tells a missing end by its own words.
        hound::Error::IoError(_) => "the file ends too early".to_owned(),
        hound::Error::FormatError(what) => format!("its content is not that of a WAV file ({what})"),
        hound::Error::Unsupported => "it is a WAV file of a kind that is not read; save it as 16-bit PCM".to_owned(),
        other => other.to_string(),
    }
}

/// Damaged files must not end the program, even where they bring a decoder to panic.
fn guarded<T>(work: impl FnOnce() -> Decoded<T>) -> Decoded<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_panic| Err("the file is damaged".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A WAV file of 16-bit samples.
    fn wav(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
        let bytes = samples.len() as u32 * 2;
        let mut content = Vec::new();
        content.extend(b"RIFF");
        content.extend((36 + bytes).to_le_bytes());
        content.extend(b"WAVEfmt ");
        content.extend(16_u32.to_le_bytes());
        content.extend(1_u16.to_le_bytes());
        content.extend(channels.to_le_bytes());
        content.extend(rate.to_le_bytes());
        content.extend((rate * u32::from(channels) * 2).to_le_bytes());
        content.extend((channels * 2).to_le_bytes());
        content.extend(16_u16.to_le_bytes());
        content.extend(b"data");
        content.extend(bytes.to_le_bytes());
        content.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        content
    }

    #[test]
    fn channels_are_mixed_and_values_scaled() {
        let recording = decode(&wav(8000, 2, &[16384, 0, -32768, -32768])).unwrap();
        assert_eq!(recording, Recording { rate: 8000, samples: vec![0.25, -1.0] });
    }

    #[test]
    fn every_cut_of_a_file_is_told() {
        let whole = wav(8000, 1, &[100; 1000]);
        for length in 0..whole.len() - 400 {
            let outcome = guarded(|| decode(&whole[..length]));
            assert!(
                outcome.is_err(),
                "{length} of {} bytes gave {:?}",
                whole.len(),
                outcome.map(|it| it.samples.len())
            );
        }
    }

    #[test]
    fn claims_of_the_header_take_no_memory() {
        let mut huge = wav(8000, 1, &[100; 100]);
        huge[40..44].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
        assert_eq!(guarded(|| decode(&huge)).unwrap_err(), "the file ends too early");
    }

    #[test]
    fn a_slow_tone_stays_the_same_at_another_rate() {
        // 200 Hz at 8 kHz, and the same at 5 kHz: torchaudio's filter is flat that far below the edge.
        let tone = |rate: u32, count: usize| -> Vec<f32> {
            (0..count).map(|at| (2.0 * PI * 200.0 * at as f64 / f64::from(rate)).sin() as f32).collect()
        };
        let resampled = Recording { rate: 8000, samples: tone(8000, 800) }.resampled(5000);
        assert_eq!((resampled.rate, resampled.samples.len()), (5000, 500));
        for (got, expect) in resampled.samples.iter().zip(tone(5000, 500)).skip(20).take(460) {
            assert!((got - expect).abs() < 2e-3, "{got} instead of {expect}");
        }
        // Twice the rate keeps silence and length.
        assert_eq!(Recording { rate: 8000, samples: vec![0.0; 7] }.resampled(16_000).samples, vec![0.0; 14]);
    }
}
