//! Pictures of samples for the window.

use crate::base::Dims;

use super::{Dataset, InputKind};

/// Width, height and RGBA bytes of one sample; `None` if it is not an image or does not exist.
pub fn rgba(dataset: &Dataset, sample: usize) -> Option<(usize, usize, Vec<u8>)> {
    match dataset.input {
        InputKind::Image { .. } => rgba_of(&dataset.dims, &dataset.sample(sample)),
        _ => None,
    }
}

/// The same for raw values from 0 to 255 in the order `[channels, height, width]`, e.g. a drawing.
pub fn rgba_of(dims: &Dims, values: &[f32]) -> Option<(usize, usize, Vec<u8>)> {
    let &[channels, height, width] = dims.0.as_slice() else { return None };
    let area = height.checked_mul(width).filter(|area| *area > 0)?;
    if values.len() != channels.checked_mul(area)? {
        return None;
    }
    let level = |value: f32| value.round().clamp(0.0, 255.0) as u8;
    let mut pixels = Vec::with_capacity(area * 4);
    match channels {
        1 => values.iter().for_each(|&grey| pixels.extend([level(grey), level(grey), level(grey), u8::MAX])),
        3 => {
            let (red, rest) = values.split_at(area);
            let (green, blue) = rest.split_at(area);
            for ((&red, &green), &blue) in red.iter().zip(green).zip(blue) {
                pixels.extend([level(red), level(green), level(blue), u8::MAX]);
            }
        }
        _ => return None,
    }
    Some((width, height, pixels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_pixels() {
        let values = [255.0, 0.0, 10.0, 20.0, 0.0, 300.0];
        let (width, height, pixels) = rgba_of(&Dims::from([3, 1, 2]), &values).unwrap();
        assert_eq!((width, height), (2, 1));
        assert_eq!(pixels, [255, 10, 0, 255, 0, 20, 255, 255]);
    }

    #[test]
    fn what_is_no_image_has_no_picture() {
        assert_eq!(rgba_of(&Dims::from([4]), &[0.0; 4]), None);
        assert_eq!(rgba_of(&Dims::from([2, 1, 1]), &[0.0; 2]), None);
        assert_eq!(rgba_of(&Dims::from([1, 2, 2]), &[0.0; 3]), None);
        let digits = crate::data::embedded::read("digits").unwrap();
        assert_eq!(rgba(&digits, 5000), None);
        assert_eq!(rgba(&digits, 0).map(|(width, height, pixels)| (width, height, pixels.len())), Some((8, 8, 256)));
    }
}
