//! TensorBoard event files: scalars, written so that TensorBoard opens them and read whoever wrote them.
//!
//! A file is a row of frames: length (u64), masked CRC-32C of the length, the bytes of an `Event` in protobuf's encoding, masked
//! CRC-32C of those bytes, all little-endian (the TFRecord format). Frames are only ever appended, so a kill leaves at
//! most one torn frame at the end; a frame with a wrong checksum is skipped.

/// Scalars of one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scalars {
    /// Seconds since 1970.
    pub wall_time: f64,
    /// Step of the run.
    pub step: i64,
    /// Tag and value.
    pub values: Vec<(String, f32)>,
}

/// What [`read`] found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content {
    /// Every good event that holds scalars, and where its frame begins.
    pub events: Vec<(u64, Scalars)>,
    /// Bytes up to the end of the last good frame; what follows is torn.
    pub good_length: u64,
    /// Frames with a wrong checksum or unreadable content.
    pub skipped: usize,
}

/// No event of ours comes near this; a longer frame is damage.
const LONGEST: u64 = 64 << 20;

/// The frame that opens each file.
pub fn header(wall_time: f64) -> Vec<u8> {
    let mut event = Vec::new();
    put_double(&mut event, 1, wall_time);
    put_bytes(&mut event, 3, b"brain.Event:2");
    frame(&event)
}

/// One frame with scalars.
pub fn encode(scalars: &Scalars) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in &scalars.values {
        let mut entry = Vec::new();
        put_bytes(&mut entry, 1, tag.as_bytes());
        put_key(&mut entry, 2, FIXED32);
        entry.extend(value.to_le_bytes());
        put_bytes(&mut summary, 1, &entry);
    }
    let mut event = Vec::new();
    put_double(&mut event, 1, scalars.wall_time);
    put_key(&mut event, 2, VARINT);
    put_varint(&mut event, scalars.step as u64);
    put_bytes(&mut event, 5, &summary);
    frame(&event)
}

/// Reads a whole file; never fails, but tells what was left out.
pub fn read(bytes: &[u8]) -> Content {
    let mut content = Content::default();
    let mut offset = 0;
    while offset < bytes.len() {
        match frame_at(bytes, offset) {
            Some((event, end)) => {
                match event.and_then(decode) {
                    Some(scalars) if !scalars.values.is_empty() => content.events.push((offset as u64, scalars)),
                    Some(_) => {}
                    None => content.skipped += 1,
                }
                content.good_length = end as u64;
                offset = end;
            }
            // The length itself is damaged: look for the next place where a whole frame begins.
            None => match (offset + 1..bytes.len()).find(|&place| matches!(frame_at(bytes, place), Some((Some(_), _))))
            {
                Some(place) => {
                    content.skipped += 1;
                    offset = place;
                }
                None => break,
            },
        }
    }
    content
}

/// The frame at `offset`: its event (`None` if the checksum of the content is wrong) and where it ends. `None` if there is no whole
/// frame or the checksum of the length is wrong.
fn frame_at(bytes: &[u8], offset: usize) -> Option<(Option<&[u8]>, usize)> {
    let head = bytes.get(offset..offset.checked_add(8)?)?;
    let checksum = bytes.get(offset + 8..offset + 12)?;
    if u32::from_le_bytes(checksum.try_into().ok()?) != masked_crc(head) {
        return None;
    }
    let length = u64::from_le_bytes(head.try_into().ok()?);
    if length > LONGEST {
        return None;
    }
    let (start, length) = (offset + 12, length as usize);
    let event = bytes.get(start..start + length)?;
    let checksum = bytes.get(start + length..start + length + 4)?;
    let is_good = u32::from_le_bytes(checksum.try_into().ok()?) == masked_crc(event);
    Some((is_good.then_some(event), start + length + 4))
}

fn frame(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut bytes = Vec::with_capacity(event.len() + 16);
    bytes.extend(length);
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(event);
    bytes.extend(masked_crc(event).to_le_bytes());
    bytes
}

/// Masked so that a checksum over data that holds checksums stays useful (TFRecord's rule).
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_key(out: &mut Vec<u8>, field: u8, kind: u8) {
    put_varint(out, u64::from(field << 3 | kind));
}

fn put_double(out: &mut Vec<u8>, field: u8, value: f64) {
    put_key(out, field, FIXED64);
    out.extend(value.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_key(out, field, LENGTH);
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// A field of a protobuf message.
enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// Walks the fields of a message; `None` if it is broken.
fn fields<'a>(mut bytes: &'a [u8], mut each: impl FnMut(u64, Value<'a>) -> Option<()>) -> Option<()> {
    while !bytes.is_empty() {
        let key = take_varint(&mut bytes)?;
        let value = match (key & 7) as u8 {
            VARINT => Value::Varint(take_varint(&mut bytes)?),
            FIXED64 => Value::Fixed64(take(&mut bytes, 8)?.try_into().ok()?),
            LENGTH => {
                let length = take_varint(&mut bytes)?;
                Value::Bytes(take(&mut bytes, usize::try_from(length).ok()?)?)
            }
            FIXED32 => Value::Fixed32(take(&mut bytes, 4)?.try_into().ok()?),
            _ => return None,
        };
        each(key >> 3, value)?;
    }
    Some(())
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (front, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(front)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *take(bytes, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn decode(event: &[u8]) -> Option<Scalars> {
    let mut scalars = Scalars::default();
    fields(event, |field, value| {
        match (field, value) {
            (1, Value::Fixed64(bytes)) => scalars.wall_time = f64::from_le_bytes(bytes),
            (2, Value::Varint(step)) => scalars.step = step as i64,
            (5, Value::Bytes(summary)) => fields(summary, |field, value| {
                if let (1, Value::Bytes(entry)) = (field, value) {
                    scalars.values.extend(decode_value(entry)?);
                }
                Some(())
            })?,
            _ => {}
        }
        Some(())
    })?;
    Some(scalars)
}

/// Tag and value of a summary; the inner `None` is an image, a histogram or a text.
#[expect(clippy::option_option, reason = "broken is not the same as not a scalar")]
fn decode_value(entry: &[u8]) -> Option<Option<(String, f32)>> {
    let (mut tag, mut scalar) = (None, None);
    fields(entry, |field, value| {
        match (field, value) {
            (1, Value::Bytes(bytes)) => tag = Some(String::from_utf8(bytes.to_vec()).ok()?),
            (2, Value::Fixed32(bytes)) => scalar = Some(f32::from_le_bytes(bytes)),
            (8, Value::Bytes(tensor)) => scalar = scalar.or(decode_tensor(tensor)?),
            _ => {}
        }
        Some(())
    })?;
    Some(tag.zip(scalar))
}

/// The value of a tensor with one float or double, as TensorFlow 2 writes scalars; the inner `None` is any other tensor.
#[expect(clippy::option_option, reason = "broken is not the same as not a scalar")]
fn decode_tensor(tensor: &[u8]) -> Option<Option<f32>> {
    const FLOAT: u64 = 1;
    const DOUBLE: u64 = 2;
    let mut kind = 0;
    let mut raw: &[u8] = &[];
    fields(tensor, |field, value| {
        match (field, value) {
            (1, Value::Varint(number)) => kind = number,
            // tensor_content, or the packed float_val and double_val.
            (4..=6, Value::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
        Some(())
    })?;
    Some(match (kind, raw.len()) {
        (FLOAT, 4) => raw.try_into().ok().map(f32::from_le_bytes),
        (DOUBLE, 8) => raw.try_into().ok().map(|bytes| f64::from_le_bytes(bytes) as f32),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalars(step: i64, values: &[(&str, f32)]) -> Scalars {
        let values = values.iter().map(|&(tag, value)| (tag.to_owned(), value)).collect();
        Scalars { wall_time: 1_795_419_322.25, step, values }
    }

    /// Written by TensorBoard's own `SummaryWriter` (torch.utils.tensorboard): 5 steps of two scalars, a histogram, a text.
    const SAMPLE: &[u8] = include_bytes!("../../tests/fixtures/events.out.tfevents.sample");

    #[test]
    fn reads_what_tensorboard_writes() {
        let content = read(SAMPLE);
        assert_eq!((content.good_length, content.skipped), (SAMPLE.len() as u64, 0));
        let curve = |tag: &str| -> Vec<(i64, f32)> {
            let events =
                content.events.iter().flat_map(|(_, event)| event.values.iter().map(|value| (event.step, value)));
            events.filter(|(_, (found, _))| found == tag).map(|(step, (_, value))| (step, *value)).collect()
        };
        assert_eq!(curve("loss/train"), [(0, 1.0), (1, 0.5), (2, 1.0 / 3.0), (3, 0.25), (4, 0.2)]);
        assert_eq!(curve("acc/val"), [(0, 0.0), (1, 0.2), (2, 0.4), (3, 0.6), (4, 0.8)]);
    }

    #[test]
    fn writes_the_very_bytes_that_tensorboard_writes() {
        // The second frame of the sample: step 0 is left out by protobuf, so compare the fourth (step 1).
        let content = read(SAMPLE);
        let (offset, event) = &content.events[2];
        assert_eq!(event.step, 1);
        let bytes = encode(event);
        assert_eq!(SAMPLE.get(*offset as usize..*offset as usize + bytes.len()), Some(bytes.as_slice()));
    }

    #[test]
    fn what_is_written_is_read() {
        let events = [
            scalars(1, &[("loss/train", 0.25), ("learning_rate", 1e-3)]),
            scalars(300, &[("loss/train", f32::INFINITY)]),
            scalars(i64::MAX, &[("ä", -0.0)]),
        ];
        let mut bytes = header(1.0);
        for event in &events {
            bytes.extend(encode(event));
        }
        let content = read(&bytes);
        assert_eq!(content.events.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), events);
    }

    #[test]
    fn a_torn_tail_is_told_and_a_bad_record_skipped() {
        let frames = [header(1.0), encode(&scalars(1, &[("a", 1.0)])), encode(&scalars(2, &[("a", 2.0)]))];
        let last = encode(&scalars(3, &[("a", 3.0)]));
        let whole = frames.concat();
        for cut in 0..last.len() {
            let bytes = [whole.as_slice(), &last[..cut]].concat();
            let content = read(&bytes);
            assert_eq!((content.events.len(), content.good_length), (2, whole.len() as u64), "cut after {cut} bytes");
        }
        // A flipped bit anywhere in the middle record costs that record alone.
        let bytes = [whole.as_slice(), &last].concat();
        let start = frames[0].len() + frames[1].len();
        for place in start..whole.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 4;
            let content = read(&damaged);
            let steps: Vec<i64> = content.events.iter().map(|(_, event)| event.step).collect();
            assert_eq!(steps, [1, 3], "byte {place}");
            assert_eq!((content.skipped, content.good_length), (1, bytes.len() as u64));
        }
    }
}
