//! Compressed sound files: FLAC, Ogg Vorbis and MP3, told by their first bytes.

use std::io::Cursor;

use claxon::FlacReader;
use lewton::inside_ogg::OggStreamReader;
use lewton::samples::InterleavedSamples;
use nanomp3::SliceReader;

use super::recording::Decoded;

/// Values that are taken from a decoder at a time.
const BLOCK: usize = 8192;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Lossless.
    Flac,
    /// Vorbis in Ogg.
    Ogg,
    /// MPEG audio.
    Mp3,
}

/// What a file's header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Samples a second.
    pub rate: u32,
    /// At least one.
    pub channels: usize,
    /// Samples of each channel, where that is known before decoding.
    pub frames: Option<u64>,
}

/// The format of a file, if it is one of these.
pub(super) fn kind(content: &[u8]) -> Option<Kind> {
    match content {
        [b'f', b'L', b'a', b'C', ..] => Some(Kind::Flac),
        [b'O', b'g', b'g', b'S', ..] => Some(Kind::Ogg),
        // A tag in front, or the eleven set bits that begin each frame.
        [b'I', b'D', b'3', ..] => Some(Kind::Mp3),
        [0xff, second, ..] if second & 0xe0 == 0xe0 => Some(Kind::Mp3),
        _ => None,
    }
}

/// Rate, channels and length, hardly anything decoded.
pub(super) fn header(kind: Kind, content: &[u8]) -> Decoded<Header> {
    match kind {
        Kind::Flac => {
            let info = FlacReader::new(Cursor::new(content)).map_err(|error| damaged("FLAC", &error))?.streaminfo();
            Ok(Header { rate: info.sample_rate, channels: info.channels.max(1) as usize, frames: info.samples })
        }
        Kind::Ogg => {
            let reader = OggStreamReader::new(Cursor::new(content)).map_err(|error| damaged("Ogg Vorbis", &error))?;
            let channels = usize::from(reader.ident_hdr.audio_channels).max(1);
            Ok(Header { rate: reader.ident_hdr.audio_sample_rate, channels, frames: last_position(content) })
        }
        Kind::Mp3 => {
            let reader: SliceReader<'_, f32> = SliceReader::new(content);
            let channels = reader.channels().ok_or("it holds no MP3 frames")?;
            let channels = usize::from(channels.num());
            Ok(Header { rate: reader.sample_rate(), channels, frames: reader.total_samples() })
        }
    }
}

/// The values of all channels, one frame after the other; at most about `most` of them.
pub(super) fn decode(kind: Kind, content: &[u8], most: usize) -> Decoded<Vec<f32>> {
    let mut values = Vec::new();
    match kind {
        Kind::Flac => {
            let mut reader = FlacReader::new(Cursor::new(content)).map_err(|error| damaged("FLAC", &error))?;
            let bits = reader.streaminfo().bits_per_sample.clamp(1, 32);
            let scale = 1.0 / (1_i64 << (bits - 1)) as f32;
            for sample in reader.samples() {
                values.push(sample.map_err(|error| damaged("FLAC", &error))? as f32 * scale);
                if values.len() > most {
                    break;
                }
            }
        }
        Kind::Ogg => {
            let mut reader =
                OggStreamReader::new(Cursor::new(content)).map_err(|error| damaged("Ogg Vorbis", &error))?;
            while values.len() <= most {
                let packet = reader.read_dec_packet_generic::<InterleavedSamples<f32>>();
                let Some(packet) = packet.map_err(|error| damaged("Ogg Vorbis", &error))? else { break };
                values.extend(packet.samples);
            }
            // The last packet is longer than the sound in it.
            let channels = usize::from(reader.ident_hdr.audio_channels).max(1);
            if let Some(frames) = last_position(content).and_then(|frames| usize::try_from(frames).ok()) {
                values.truncate(frames.saturating_mul(channels));
            }
        }
        Kind::Mp3 => {
            let mut reader: SliceReader<'_, f32> = SliceReader::new(content);
            let mut block = vec![0.0; BLOCK];
            while values.len() <= most {
                let count = reader.read(&mut block).map_err(|error| damaged("MP3", &error))?;
                if count == 0 {
                    break;
                }
                values.extend_from_slice(block.get(..count).unwrap_or_default());
            }
        }
    }
    Ok(values)
}

/// The number of frames that the last page of an Ogg file tells.
fn last_position(content: &[u8]) -> Option<u64> {
    let page = content.windows(4).rposition(|bytes| bytes == b"OggS")?;
    let position: [u8; 8] = content.get(page + 6..page + 14)?.try_into().ok()?;
    // All bits set means that no packet ends on this page.
    Some(u64::from_le_bytes(position)).filter(|position| *position != u64::MAX)
}

fn damaged(format: &str, error: &dyn std::fmt::Display) -> String {
    format!("its content is not that of a whole {format} file ({error})")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&[u8], Kind, f32); 3] = [
        // What lossy formats may differ from the tone.
        (include_bytes!("../../../tests/fixtures/sounds/tone.flac"), Kind::Flac, 1e-4),
        (include_bytes!("../../../tests/fixtures/sounds/tone.ogg"), Kind::Ogg, 0.05),
        (include_bytes!("../../../tests/fixtures/sounds/tone.mp3"), Kind::Mp3, 0.1),
    ];

    #[test]
    fn the_tone_is_heard_in_every_format() {
        for (content, expect, most) in FILES {
            assert_eq!(kind(content), Some(expect));
            let header = header(expect, content).unwrap();
            assert_eq!((header.rate, header.channels, header.frames), (16_000, 1, Some(4000)), "{expect:?}");
            let values = decode(expect, content, usize::MAX).unwrap();
            assert_eq!(values.len(), 4000, "{expect:?}");
            // tone.py beside the files.
            for (at, value) in values.iter().enumerate().skip(600).take(2800) {
                let tone = 0.5 * (2.0 * std::f64::consts::PI * 440.0 * at as f64 / 16_000.0).sin() as f32;
                assert!((value - tone).abs() < most, "{expect:?}, {at}: {value} instead of {tone}");
            }
        }
    }

    #[test]
    fn cut_and_scrambled_files_are_told_or_read_but_never_end_the_program() {
        for (content, kind, _) in FILES {
            for length in (4..content.len()).step_by(97) {
                let mut broken = content[..length].to_vec();
                let _ = std::panic::catch_unwind(|| decode(kind, &broken, 1 << 20));
                broken[length / 2] ^= 0x55;
                let _ = std::panic::catch_unwind(|| header(kind, &broken));
            }
        }
        assert!(decode(Kind::Mp3, FILES[2].0, 100).unwrap().len() < 100 + 2 * BLOCK);
    }
}
