//! NumPy's array files: a short text that tells type and shape, then the values. Objects (pickles) are never read.

use std::io::Read;
use std::path::Path;

use crate::base::{Progress, format, memory};
use crate::data::DataError;
use crate::data::importers::input;

/// Longest header, bytes: NumPy's own limit is 10,000.
const LONGEST_HEADER: usize = 64 * 1024;
/// Most dimensions.
const MOST_DIMENSIONS: usize = 8;

/// Type and shape of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// As NumPy writes it: `f4`, `u1`, `U5`.
    pub kind: char,
    /// Bytes of a value (letters, for texts).
    pub size: usize,
    pub is_big_endian: bool,
    pub is_by_columns: bool,
    pub shape: Vec<usize>,
}

/// The values of an array.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    Bytes(Vec<u8>),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

impl Header {
    /// That of a file, if it is one of NumPy's.
    pub(super) fn of(path: &Path) -> Option<Self> {
        Self::take(&mut *input::open(path, &Progress::default()).ok()?).ok()
    }

    /// Reads it off the front.
    pub(super) fn take(content: &mut dyn Read) -> Result<Self, String> {
        let damaged = |_| "its header is cut off".to_owned();
        let mut start = [0; 8];
        content.read_exact(&mut start).map_err(damaged)?;
        let [b'\x93', b'N', b'U', b'M', b'P', b'Y', version, _] = start else {
            return Err("it is no NumPy array".to_owned());
        };
        let mut length = [0; 4];
        let wide = if version == 1 { 2 } else { 4 };
        content.read_exact(length.get_mut(..wide).unwrap_or_default()).map_err(damaged)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST_HEADER {
            return Err(format!("its header claims {length} bytes"));
        }
        let mut text = vec![0; length];
        content.read_exact(&mut text).map_err(damaged)?;
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
    fn parse(text: &str) -> Result<Self, String> {
        let after = |key: &str| text.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
        let unreadable = || "its header can't be read".to_owned();
        let descr = after("descr").and_then(|rest| rest.strip_prefix('\'')).and_then(|rest| rest.split_once('\''));
        let Some((descr, _)) = descr else {
            return Err("it holds records or objects, and only plain numbers and texts are read".to_owned());
        };
        let mut letters = descr.chars();
        let order = letters.next().ok_or_else(unreadable)?;
        let (kind, size) = if matches!(order, '<' | '>' | '|' | '=') {
            (letters.next().ok_or_else(unreadable)?, letters.as_str())
        } else {
            (order, letters.as_str())
        };
        if kind == 'O' {
            return Err("it holds Python objects, which are never read; save it as plain numbers".to_owned());
        }
        let size: usize = size.parse().ok().ok_or_else(unreadable)?;
        let is_known = match kind {
            'b' | 'i' | 'u' => matches!(size, 1 | 2 | 4 | 8),
            'f' => matches!(size, 2 | 4 | 8),
            'U' | 'S' => (1..=4096).contains(&size),
            _ => false,
        };
        if !is_known {
            return Err(format!("its values are of the type {descr}, which is not read; save it as float32"));
        }
        let is_by_columns = after("fortran_order").is_some_and(|rest| rest.starts_with("True"));
        let shape = after("shape").and_then(|rest| rest.strip_prefix('(')).and_then(|rest| rest.split_once(')'));
        let (shape, _) = shape.ok_or_else(unreadable)?;
        let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
        let shape = sizes.map(|size| size.parse().ok().ok_or_else(unreadable)).collect::<Result<Vec<usize>, _>>()?;
        let is_sound = shape.len() <= MOST_DIMENSIONS
            && shape.iter().try_fold(size.max(8), |product, side| product.checked_mul(*side)).is_some();
        if !is_sound {
            return Err(format!(
                "its shape ({}) is too large",
                shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            ));
        }
        Ok(Self { kind, size, is_big_endian: order == '>', is_by_columns, shape })
    }

    pub(super) fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Reads a file whole.
pub(super) fn read(path: &Path, progress: &Progress) -> Result<(Header, Values), DataError> {
    let unfit = |message: String| DataError::content(path, message, "Save it anew with numpy.save as plain numbers");
    let mut content = input::open(path, progress)?;
    let header = Header::take(&mut *content).map_err(&unfit)?;
    if header.is_by_columns && header.shape.len() > 1 {
        let message = "its values stand by columns (Fortran order)".to_owned();
        return Err(DataError::content(path, message, "Save numpy.ascontiguousarray of it"));
    }
    let width = if header.kind == 'U' { 4 * header.size } else { header.size };
    let count = header.count();
    let (needed, available) = (count as u128 * (width as u128 + 8), memory::sample().available);
    if available > 0 && needed > u128::from(available) {
        let needed = format::bytes(u64::try_from(needed).unwrap_or(u64::MAX));
        return Err(unfit(format!("it needs {needed} of memory, and {} are free", format::bytes(available))));
    }
    let is_plain_bytes = header.kind == 'u' && header.size == 1;
    let mut values = match header.kind {
        'U' | 'S' => Values::Texts(Vec::new()),
        _ if is_plain_bytes => Values::Bytes(Vec::new()),
        _ => Values::Numbers(Vec::new()),
    };
    // What the header claims is taken as it comes, so that a short file takes little memory.
    let mut left = count.saturating_mul(width);
    let mut block = vec![0; (64 * 1024 / width.max(1)).max(1) * width];
    while left > 0 {
        let part = block.len().min(left);
        let part = block.get_mut(..part).unwrap_or_default();
        content.read_exact(part).map_err(|error| input::read_error(path, error, progress))?;
        left -= part.len();
        match &mut values {
            Values::Bytes(bytes) => bytes.extend_from_slice(part),
            Values::Numbers(numbers) => numbers.extend(part.chunks_exact(width).map(|value| number(&header, value))),
            Values::Texts(texts) => texts.extend(part.chunks_exact(width).map(|value| text(&header, value))),
        }
    }
    Ok((header, values))
}

fn number(header: &Header, value: &[u8]) -> f64 {
    // Brought to little-endian, filled up to 8 bytes.
    let mut bytes = [0; 8];
    for (place, byte) in bytes.iter_mut().zip(value) {
        *place = *byte;
    }
    if header.is_big_endian {
        bytes.get_mut(..value.len()).unwrap_or_default().reverse();
    }
    let whole = u64::from_le_bytes(bytes);
    match (header.kind, header.size) {
        ('f', 8) => f64::from_bits(whole),
        ('f', 4) => f64::from(f32::from_bits(whole as u32)),
        ('f', _) => half(whole as u16),
        ('i', 1) => f64::from(whole as u8 as i8),
        ('i', 2) => f64::from(whole as u16 as i16),
        ('i', 4) => f64::from(whole as u32 as i32),
        ('i', _) => whole as i64 as f64,
        _ => whole as f64,
    }
}

/// A number of 16 bits (IEEE 754).
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    }
}

fn text(header: &Header, value: &[u8]) -> String {
    if header.kind == 'S' {
        return String::from_utf8_lossy(value).trim_end_matches('\0').to_owned();
    }
    let letter = |bytes: &[u8]| {
        let bytes: [u8; 4] = bytes.try_into().unwrap_or_default();
        let code = if header.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
    };
    value.chunks_exact(4).map(letter).collect::<String>().trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_numpy_are_read_and_objects_refused() {
        let parse = |descr: &str, shape: &str| {
            Header::parse(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}  \n"))
        };
        let header = parse("<f4", "(3, 28, 28)").unwrap();
        assert_eq!((header.kind, header.size, header.shape), ('f', 4, vec![3, 28, 28]));
        assert_eq!(parse("|u1", "(7,)").unwrap().shape, [7]);
        assert_eq!(parse("<U12", "()").unwrap().count(), 1);
        assert!(parse("|O", "(3,)").unwrap_err().contains("never read"));
        assert!(parse("<c8", "(3,)").unwrap_err().contains("<c8"));
        assert!(parse("<f8", "(99999999999, 99999999999)").unwrap_err().contains("too large"));
        assert!(Header::parse("{'descr': [('a', '<f4')], 'shape': (3,)}").is_err());
    }

    #[test]
    fn numbers_of_every_width_are_read() {
        let header =
            |kind, size, is_big_endian| Header { kind, size, is_big_endian, is_by_columns: false, shape: Vec::new() };
        assert_eq!(number(&header('f', 4, false), &1.5_f32.to_le_bytes()), 1.5);
        assert_eq!(number(&header('f', 8, true), &(-2.25_f64).to_be_bytes()), -2.25);
        assert_eq!(number(&header('i', 8, false), &(-3_i64).to_le_bytes()), -3.0);
        assert_eq!(number(&header('i', 1, false), &[0xfe]), -2.0);
        // numpy.float16(0.1).view('u2') = 0x2e66
        assert!((number(&header('f', 2, false), &0x2e66_u16.to_le_bytes()) - 0.099_975_586).abs() < 1e-9);
        let word: Vec<u8> = "né\0".chars().flat_map(|letter| (letter as u32).to_le_bytes()).collect();
        assert_eq!(text(&header('U', 3, false), &word), "né");
    }
}
