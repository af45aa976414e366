//! Image files to values: decoding within limits, turning as the camera says, resizing, and channels.

use std::fs;
use std::io::{BufReader, Cursor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::base::format;

/// Longest side that is decoded, pixels.
pub(super) const LONGEST_SIDE: u32 = 16_384;
/// Memory that one image may take while it is decoded, bytes.
pub(super) const MOST_MEMORY: u64 = 256 * 1024 * 1024;
/// Largest image file that is opened, bytes.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;

/// The formats that are read.
pub(super) const FORMATS: [ImageFormat; 6] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Tiff];

/// Extensions of these formats.
pub(super) const EXTENSIONS: &[&str] = &["png", "jpg", "jpeg", "jpe", "bmp", "webp", "gif", "tif", "tiff"];

crate::choices! {
    /// How images are resized.
    pub enum Filter {
        /// Bilinear.
        Bilinear = "bilinear", "Bilinear", "Smooth and quick: weighs the neighbours of a pixel by their distance.";
        /// Nearest pixel.
        Nearest = "nearest", "Nearest", "Takes over the nearest pixel: hard edges, no new grey levels.";
        /// Bicubic.
        Bicubic = "bicubic", "Bicubic", "Sharper than bilinear (Catmull and Rom).";
        /// Lanczos.
        Lanczos = "lanczos", "Lanczos", "The sharpest, and the slowest; may ring at hard edges.";
    }
}

/// An image of a wanted size, as bytes in the order `[channels, height, width]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fitted {
    /// One channel: the file is grey, whatever its format says.
    Grey(Vec<u8>),
    /// Three channels.
    Colour(Vec<u8>),
}

/// What fails carries its reason as a sentence part for people, e.g. `the file ends too early`.
pub(super) type Decoded<T> = Result<T, String>;

/// Whether a file's name says that it is an image.
pub(super) fn has_image_extension(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// The format that a file's first bytes tell, if it is one that is read.
pub(super) fn format_of(start: &[u8]) -> Option<ImageFormat> {
    image::guess_format(start).ok().filter(|format| FORMATS.contains(format))
}

/// Whether a file's first bytes are those of an image, read or not.
pub(super) fn is_image(start: &[u8]) -> bool {
    image::guess_format(start).is_ok()
}

/// Width and height as shown (after turning), from the file's header alone.
pub(super) fn size_of(path: &Path) -> Decoded<(u32, u32)> {
    ordinary_size(path)?;
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    guarded(|| {
        let mut decoder = decoder(BufReader::new(file))?;
        let (width, height) = decoder.dimensions();
        let turned = matches!(
            decoder.orientation().unwrap_or(Orientation::NoTransforms),
            Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
        );
        Ok(if turned { (height, width) } else { (width, height) })
    })
}

/// Reads an image file whole.
pub(super) fn read(path: &Path) -> Decoded<DynamicImage> {
    decode(&content(path)?)
}

/// The bytes of an image file.
pub(super) fn content(path: &Path) -> Decoded<Vec<u8>> {
    let size = ordinary_size(path)?;
    if size > LARGEST_FILE {
        return Err(format!(
            "the file has {}, and at most {} are read",
            format::bytes(size),
            format::bytes(LARGEST_FILE)
        ));
    }
    fs::read(path).map_err(|error| error.to_string())
}

/// Decodes an image file's content. The format is told by the content, not by the name. What is transparent becomes
/// white, and the image is turned as its metadata say.
pub(super) fn decode(content: &[u8]) -> Decoded<DynamicImage> {
    if content.is_empty() {
        return Err("the file is empty".to_owned());
    }
    guarded(|| {
        if format_of(content) == Some(ImageFormat::Jpeg) && !ends_as_jpeg(content) {
            return Err("the file ends too early".to_owned());
        }
        let mut decoder = decoder(Cursor::new(content))?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image = DynamicImage::from_decoder(decoder).map_err(reason)?;
        image.apply_orientation(orientation);
        Ok(if image.color().has_alpha() { on_white(image) } else { image })
    })
}

/// The image in the wanted size: resized without regard to its proportions, which a network can't do without.
pub(super) fn fit(image: DynamicImage, width: u32, height: u32, filter: Filter) -> Fitted {
    let filter = match filter {
        Filter::Bilinear => FilterType::Triangle,
        Filter::Nearest => FilterType::Nearest,
        Filter::Bicubic => FilterType::CatmullRom,
        Filter::Lanczos => FilterType::Lanczos3,
    };
    let is_grey = !image.color().has_color();
    let same_size = image.width() == width && image.height() == height;
    if is_grey {
        let image = if same_size { image } else { image.resize_exact(width, height, filter) };
        return Fitted::Grey(image.into_luma8().into_raw());
    }
    let mut pixels = image.into_rgb8();
    // Many grey images are stored in colour, some formats can't do otherwise.
    let is_grey = pixels.pixels().all(|pixel| pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]);
    if !same_size {
        pixels = image::imageops::resize(&pixels, width, height, filter);
    }
    if is_grey {
        return Fitted::Grey(pixels.pixels().map(|pixel| pixel.0[0]).collect());
    }
    let plane = |channel: usize| pixels.as_raw().iter().skip(channel).step_by(3).copied();
    Fitted::Colour(plane(0).chain(plane(1)).chain(plane(2)).collect())
}

impl Fitted {
    /// Whether it has one channel.
    pub(super) fn is_grey(&self) -> bool {
        matches!(self, Self::Grey(_))
    }

    /// Its bytes with so many channels: grey is repeated, colours become their luminance (Rec. 709, as the decoder's).
    pub(super) fn into_channels(self, channels: usize) -> Vec<u8> {
        match self {
            Self::Grey(bytes) if channels == 3 => bytes.repeat(3),
            Self::Colour(bytes) if channels == 1 => {
                let (red, rest) = bytes.split_at(bytes.len() / 3);
                let (green, blue) = rest.split_at(rest.len() / 2);
                let luminance = |((red, green), blue): ((&u8, &u8), &u8)| {
                    let sum = 2126 * u32::from(*red) + 7152 * u32::from(*green) + 722 * u32::from(*blue);
                    (sum / 10_000) as u8
                };
                red.iter().zip(green).zip(blue).map(luminance).collect()
            }
            Self::Grey(bytes) | Self::Colour(bytes) => bytes,
        }
    }
}

/// Bytes of a file. Pipes and devices are refused: reading them may never end.
fn ordinary_size(path: &Path) -> Decoded<u64> {
    let file = fs::metadata(path).map_err(|error| error.to_string())?;
    if file.is_file() { Ok(file.len()) } else { Err("it is no ordinary file".to_owned()) }
}

fn decoder<'a, R: std::io::BufRead + std::io::Seek + 'a>(content: R) -> Decoded<impl ImageDecoder + 'a> {
    let mut reader = ImageReader::new(content).with_guessed_format().map_err(|error| error.to_string())?;
    match reader.format() {
        Some(format) if FORMATS.contains(&format) => {}
        Some(format) => return Err(format!("the format {format:?} is not read; save it as PNG or JPEG")),
        None => return Err("its content is not that of an image".to_owned()),
    }
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(reason)?;
    let (width, height) = decoder.dimensions();
    // Counted here, before anything of that size is allocated: a header of 30 bytes can claim gigabytes.
    limits.check_dimensions(width, height).map_err(reason)?;
    limits.reserve(decoder.total_bytes()).map_err(reason)?;
    decoder.set_limits(limits).map_err(reason)?;
    if width == 0 || height == 0 {
        return Err("it has no pixels".to_owned());
    }
    Ok(decoder)
}

/// The decoder's words, in ours where they are common.
fn reason(error: image::ImageError) -> String {
    let text = error.to_string();
    match error {
        image::ImageError::Limits(_) => format!(
            "it is too large: at most {LONGEST_SIDE} pixels a side and {} when decoded are read",
            format::bytes(MOST_MEMORY)
        ),
        image::ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the file ends too early".to_owned()
        }
        _ if text.contains("unexpected end of file") || text.contains("failed to fill whole buffer") => {
            "the file ends too early".to_owned()
        }
        image::ImageError::Decoding(_) => format!("the file is damaged ({text})"),
        _ => text,
    }
}

/// Damaged files must not end the program, even where they bring a decoder to panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> Decoded<T>) -> Decoded<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_panic| Err("the file is damaged".to_owned()))
}

/// Whether the end marker stands behind the pixels; the decoder fills what is missing with grey and says nothing.
/// The segments in front are skipped by their lengths, because a thumbnail in them has an end marker of its own.
fn ends_as_jpeg(content: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    while let Some(&[0xff, kind, high, low]) = content.get(at..at + 4) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        if kind == 0xff {
            at += 1; // A fill byte.
            continue;
        }
        at += 2 + length;
        if kind == START_OF_SCAN {
            break;
        }
    }
    content.get(at..).is_some_and(|scan| scan.windows(2).any(|pair| pair == [0xff, 0xd9]))
}

/// Lays an image with transparency on white, as a viewer shows it.
fn on_white(image: DynamicImage) -> DynamicImage {
    let is_grey = !image.color().has_color();
    let mut pixels = image.into_rgba8();
    for pixel in pixels.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0;
        let mix = |level: u8| ((u32::from(level) * u32::from(alpha) + 255 * (255 - u32::from(alpha))) / 255) as u8;
        pixel.0 = [mix(red), mix(green), mix(blue), 255];
    }
    let image = DynamicImage::ImageRgba8(pixels);
    if is_grey { image.into_luma8().into() } else { image.into_rgb8().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut content = Cursor::new(Vec::new());
        image.write_to(&mut content, format).unwrap();
        content.into_inner()
    }

    fn grey_ramp() -> DynamicImage {
        image::GrayImage::from_fn(16, 16, |x, y| image::Luma([(x * 16 + y) as u8])).into()
    }

    #[test]
    fn grey_is_grey_in_every_format() {
        for format in FORMATS {
            let image = match format {
                ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Tiff => grey_ramp(),
                // These store colours alone.
                _ => grey_ramp().into_rgba8().into(),
            };
            let image = if format == ImageFormat::Bmp { image.into_rgb8().into() } else { image };
            let content = encoded(&image, format);
            assert_eq!(format_of(&content), Some(format));
            let Fitted::Grey(bytes) = fit(decode(&content).unwrap(), 16, 16, Filter::Bilinear) else {
                panic!("{format:?} should be grey")
            };
            let lossy = if format == ImageFormat::Jpeg { 12 } else { 0 };
            for (got, expect) in bytes.iter().zip(grey_ramp().into_luma8().into_raw()) {
                assert!(got.abs_diff(expect) <= lossy, "{format:?}: {got} instead of {expect}");
            }
        }
    }

    #[test]
    fn every_cut_of_every_format_fails_or_decodes_without_a_panic() {
        let mut whole_but_cut = Vec::new();
        for format in FORMATS {
            let image: DynamicImage = grey_ramp().into_rgb8().into();
            let content = encoded(&image, format);
            for length in 0..content.len() {
                if decode(&content[..length]).is_ok() && length < content.len() / 2 {
                    whole_but_cut.push((format, length));
                }
            }
        }
        assert_eq!(whole_but_cut, []);
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_decoded() {
        // A bitmap header that claims 60,000 x 60,000 pixels, and one of 16,000 x 16,000 (768 MB).
        for side in [60_000_u32, 16_000] {
            let mut content = encoded(&grey_ramp().into_rgb8().into(), ImageFormat::Bmp);
            content[18..22].copy_from_slice(&side.to_le_bytes());
            content[22..26].copy_from_slice(&side.to_le_bytes());
            let reason = decode(&content).unwrap_err();
            assert!(reason.contains("too large"), "{reason}");
        }
    }

    #[test]
    fn transparent_becomes_white_and_channels_are_matched() {
        let image = image::RgbaImage::from_pixel(2, 1, image::Rgba([200, 0, 0, 0]));
        let content = encoded(&image.into(), ImageFormat::Png);
        assert_eq!(fit(decode(&content).unwrap(), 2, 1, Filter::Bilinear), Fitted::Grey(vec![255, 255]));
        assert_eq!(Fitted::Grey(vec![1, 2]).into_channels(3), [1, 2, 1, 2, 1, 2]);
        assert_eq!(Fitted::Colour(vec![255, 0, 255, 0, 255, 0]).into_channels(1), [255, 0]);
        assert_eq!(Fitted::Colour(vec![1, 2, 3]).into_channels(3), [1, 2, 3]);
    }
}
