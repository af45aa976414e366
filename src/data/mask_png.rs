//! Masks as PNG files: indices with Pascal VOC's palette, which other tools read as classes.

use super::VOID;

/// Colour of each class index in Pascal VOC's palette: the bits of the index, spread over red, green and blue.
pub fn palette() -> Vec<[u8; 3]> {
    let colour = |index: u8| {
        let mut colour = [0_u8; 3];
        for round in 0..8 {
            for (channel, level) in colour.iter_mut().enumerate() {
                let bit = index.checked_shr(3 * round + channel as u32).unwrap_or(0) & 1;
                *level |= bit << (7 - round);
            }
        }
        colour
    };
    (0..=VOID).map(colour).collect()
}

/// A PNG of a mask of that width and height, made as large as `size` by taking the nearest pixels.
///
/// # Errors
/// If the mask does not have that many pixels, as a sentence part.
pub fn encode(mask: &[u8], (width, height): (usize, usize), size: (u32, u32)) -> Result<Vec<u8>, String> {
    if width == 0 || height == 0 || mask.len() != width * height || size.0 == 0 || size.1 == 0 {
        return Err(format!("a mask of {width} x {height} has not {} pixels", mask.len()));
    }
    let near = |at: u32, side: u32, from: usize| (2 * at as usize + 1) * from / (2 * side as usize);
    let columns: Vec<usize> = (0..size.0).map(|at| near(at, size.0, width)).collect();
    let mut pixels = Vec::with_capacity(size.0 as usize * size.1 as usize);
    for row in (0..size.1).map(|at| near(at, size.1, height)) {
        let row = mask.get(row * width..(row + 1) * width).unwrap_or(&[]);
        pixels.extend(columns.iter().map(|&column| row.get(column).copied().unwrap_or(VOID)));
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette().concat());
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&pixels)?;
        writer.finish()
    });
    written.map_err(|error| format!("the mask can't be written as PNG: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_is_that_of_pascal_voc() {
        // VOCdevkit's labelcolormap(256): background, aeroplane, bicycle, person, tvmonitor, void.
        let palette = palette();
        let expect = [(0, [0, 0, 0]), (1, [128, 0, 0]), (2, [0, 128, 0]), (15, [192, 128, 128]), (20, [0, 64, 128])];
        for (index, colour) in expect {
            assert_eq!(palette[index], colour, "{index}");
        }
        assert_eq!((palette.len(), palette[255]), (256, [224, 224, 192]));
    }

    #[test]
    fn a_mask_comes_back_from_its_file_as_it_was() {
        let bytes = encode(&[0, 1, 2, 255], (2, 2), (4, 2)).unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [0, 0, 1, 1, 2, 2, 255, 255]);
        assert!(encode(&[0, 1], (2, 2), (2, 2)).is_err());
    }
}
