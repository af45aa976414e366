//! Mask files to numbers: the index of a palette, a grey level, or a colour for each pixel, just as the file has it.
//!
//! Other readers of images turn palettes into colours and stretch grey levels of few bits, which would lose the classes.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat};

use crate::base::format;

use super::picture::{self, Decoded};

/// What the numbers of a mask are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MaskKind {
    /// Indices of a palette: almost surely classes.
    Palette,
    /// Grey levels.
    Grey,
    /// Colours, red x 65,536 + green x 256 + blue.
    Colour,
}

/// A mask as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MaskFile {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What the numbers are.
    pub kind: MaskKind,
    /// One number for each pixel, row by row.
    pub values: Vec<u32>,
}

/// Reads a mask file whole.
pub(super) fn read(path: &Path) -> Decoded<MaskFile> {
    let content = picture::content(path)?;
    if picture::format_of(&content) == Some(ImageFormat::Png) {
        return picture::guarded(|| of_png(&content));
    }
    Ok(of_image(picture::decode(&content)?))
}

impl MaskFile {
    /// Its numbers in another size. Each pixel takes over the nearest one: between two classes there is no third.
    pub(super) fn fit(&self, width: u32, height: u32) -> Vec<u32> {
        let near = |side: u32, from: u32| -> Vec<usize> {
            let place = |at: u32| (u64::from(2 * at + 1) * u64::from(from) / (2 * u64::from(side.max(1)))) as usize;
            (0..side).map(place).collect()
        };
        let columns = near(width, self.width);
        let mut fitted = Vec::with_capacity(width as usize * height as usize);
        for row in near(height, self.height) {
            let start = row * self.width as usize;
            let row = self.values.get(start..start + self.width as usize).unwrap_or(&[]);
            fitted.extend(columns.iter().map(|&column| row.get(column).copied().unwrap_or(0)));
        }
        fitted
    }
}

fn of_image(image: DynamicImage) -> MaskFile {
    let (width, height) = (image.width(), image.height());
    let is_deep = matches!(image, DynamicImage::ImageLuma16(_) | DynamicImage::ImageLumaA16(_));
    if !image.color().has_color() {
        let values = if is_deep {
            image.into_luma16().into_raw().into_iter().map(u32::from).collect()
        } else {
            image.into_luma8().into_raw().into_iter().map(u32::from).collect()
        };
        return MaskFile { width, height, kind: MaskKind::Grey, values };
    }
    let values = image.into_rgb8().pixels().map(|pixel| of_colour(pixel.0[0], pixel.0[1], pixel.0[2])).collect();
    coloured(width, height, values)
}

fn of_png(content: &[u8]) -> Decoded<MaskFile> {
    let reason = |error: png::DecodingError| format!("the file is damaged ({error})");
    let limits = png::Limits { bytes: picture::MOST_MEMORY as usize };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(content), limits);
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(reason)?;
    let (width, height) = reader.info().size();
    // Counted before anything of that size is allocated; a number takes 4 bytes.
    let needed = u64::from(width) * u64::from(height) * 4;
    if width.max(height) > picture::LONGEST_SIDE || needed > picture::MOST_MEMORY {
        let (side, most) = (picture::LONGEST_SIDE, format::bytes(picture::MOST_MEMORY));
        return Err(format!("it is too large: at most {side} pixels a side and {most} when decoded are read"));
    }
    if width == 0 || height == 0 {
        return Err("it has no pixels".to_owned());
    }
    let size = reader.output_buffer_size().ok_or("it is too large")?;
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(reason)?;
    let (channels, kind) = match frame.color_type {
        png::ColorType::Indexed => (1, MaskKind::Palette),
        png::ColorType::Grayscale => (1, MaskKind::Grey),
        png::ColorType::GrayscaleAlpha => (2, MaskKind::Grey),
        png::ColorType::Rgb => (3, MaskKind::Colour),
        png::ColorType::Rgba => (4, MaskKind::Colour),
    };
    let bits = frame.bit_depth as usize;
    let mut values = Vec::with_capacity(width as usize * height as usize);
    for row in buffer.chunks(frame.line_size.max(1)).take(height as usize) {
        let number = |at: usize| number(row, at, bits);
        values.extend((0..width as usize).map(|column| {
            let first = column * channels;
            if kind != MaskKind::Colour {
                return number(first);
            }
            // Of 16 bits the upper 8 tell colours apart.
            let level = |at: usize| (number(first + at) >> bits.saturating_sub(8)) as u8;
            of_colour(level(0), level(1), level(2))
        }));
    }
    Ok(if kind == MaskKind::Colour {
        coloured(width, height, values)
    } else {
        MaskFile { width, height, kind, values }
    })
}

/// The number at a place in a row of numbers of so many bits, the first in the highest bits.
fn number(row: &[u8], at: usize, bits: usize) -> u32 {
    let byte = |at: usize| row.get(at).copied().map_or(0, u32::from);
    match bits {
        16 => byte(2 * at) << 8 | byte(2 * at + 1),
        8 => byte(at),
        bits => {
            let per_byte = 8 / bits.max(1);
            let shift = (per_byte - 1 - at % per_byte) * bits;
            byte(at / per_byte) >> shift & ((1 << bits) - 1)
        }
    }
}

fn of_colour(red: u8, green: u8, blue: u8) -> u32 {
    u32::from(red) << 16 | u32::from(green) << 8 | u32::from(blue)
}

/// Many grey masks are stored in colour.
fn coloured(width: u32, height: u32, mut values: Vec<u32>) -> MaskFile {
    let is_grey = |value: &u32| value & 0xff == value >> 8 & 0xff && value & 0xff == value >> 16;
    let kind = if values.iter().all(is_grey) { MaskKind::Grey } else { MaskKind::Colour };
    if kind == MaskKind::Grey {
        for value in &mut values {
            *value &= 0xff;
        }
    }
    MaskFile { width, height, kind, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(color: png::ColorType, depth: png::BitDepth, data: &[u8], palette: Option<&[u8]>) -> MaskFile {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if let Some(palette) = palette {
            encoder.set_palette(palette.to_vec());
        }
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        of_png(&bytes).unwrap()
    }

    #[test]
    fn numbers_are_those_of_the_file_whatever_its_depth() {
        let palette = [0, 0, 0, 128, 0, 0, 0, 128, 0, 224, 224, 192];
        let mask = png(png::ColorType::Indexed, png::BitDepth::Two, &[0b0001_1000, 0b1100_0100], Some(&palette));
        assert_eq!((mask.kind, mask.values), (MaskKind::Palette, vec![0, 1, 2, 3, 0, 1]));
        let mask = png(png::ColorType::Grayscale, png::BitDepth::One, &[0b0110_0000, 0b1000_0000], None);
        assert_eq!((mask.kind, mask.values), (MaskKind::Grey, vec![0, 1, 1, 1, 0, 0]));
        let deep = [0, 7, 1, 0, 255, 255, 0, 0, 0, 1, 0, 2];
        let mask = png(png::ColorType::Grayscale, png::BitDepth::Sixteen, &deep, None);
        assert_eq!(mask.values, [7, 256, 65_535, 0, 1, 2]);
        let colours = [255, 0, 0, 9, 9, 9, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mask = png(png::ColorType::Rgb, png::BitDepth::Eight, &colours, None);
        assert_eq!((mask.kind, mask.values[0], mask.values[1]), (MaskKind::Colour, 0x00ff_0000, 0x0009_0909));
        let mask = png(png::ColorType::Rgb, png::BitDepth::Eight, &[7; 18], None);
        assert_eq!((mask.kind, mask.values), (MaskKind::Grey, vec![7; 6]));
    }

    #[test]
    fn another_size_takes_over_the_nearest_pixels() {
        let mask = MaskFile { width: 2, height: 2, kind: MaskKind::Grey, values: vec![1, 2, 3, 4] };
        assert_eq!(mask.fit(4, 2), [1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(mask.fit(1, 1), [4]);
        // numpy: a[(2 * arange(3) + 1) * 4 // 6] of 0..4
        let row = MaskFile { width: 4, height: 1, kind: MaskKind::Grey, values: vec![0, 1, 2, 3] };
        assert_eq!(row.fit(3, 1), [0, 2, 3]);
    }

    #[test]
    fn what_is_no_whole_png_says_so() {
        assert!(of_png(b"\x89PNG\r\n\x1a\n").unwrap_err().contains("damaged"));
    }
}
