//! Data sets inside the program, so that the first start needs no download.

use crate::base::Dims;

use super::importers::Filter;
use super::{DataError, Dataset, Features, InputKind, Labels, Task};

/// Names that [`read`] knows.
pub const NAMES: [&str; 1] = ["digits"];

/// Side of a digit, pixels.
const SIDE: usize = 8;

/// Reads the data set of that name.
///
/// # Errors
/// If there is none of that name.
pub fn read(name: &str) -> Result<Dataset, DataError> {
    match name {
        "digits" => digits(),
        _ => Err(DataError::content(
            name,
            "there is no data set of this name in the program",
            format!("Choose one of these: {}", NAMES.join(", ")),
        )),
    }
}

/// The 1,797 handwritten digits of `assets/digits` (origin and licence: the README there).
fn digits() -> Result<Dataset, DataError> {
    let sheet = include_bytes!("../../assets/digits/sheet.png");
    let names = include_str!("../../assets/digits/labels.txt").trim();
    let damaged = || DataError::content("digits", "the data set in the program is damaged", "Install Layerbench again");

    let sheet = image::load_from_memory(sheet).map_err(|_damaged_asset| damaged())?.into_luma8();
    let (width, height) = (sheet.width() as usize, sheet.height() as usize);
    let labels: Option<Vec<u32>> = names.chars().map(|name| name.to_digit(10)).collect();
    let labels = labels.ok_or_else(damaged)?;
    let per_row = width / SIDE;
    if per_row * (height / SIDE) < labels.len() {
        return Err(damaged());
    }

    let mut bytes = Vec::with_capacity(labels.len() * SIDE * SIDE);
    for sample in 0..labels.len() {
        let (left, top) = (sample % per_row * SIDE, sample / per_row * SIDE);
        for row in top..top + SIDE {
            let start = row * width + left;
            bytes.extend_from_slice(sheet.as_raw().get(start..start + SIDE).ok_or_else(damaged)?);
        }
    }

    let origins = (0..labels.len()).map(|sample| format!("digit {}", sample + 1)).collect();
    let mut dataset = Dataset {
        name: "digits".to_owned(),
        task: Task::Classification,
        input: InputKind::Image { filter: Filter::default() },
        dims: Dims::from([1, SIDE, SIDE]),
        features: Features::Bytes(bytes),
        labels: Labels::Classes(labels),
        classes: (0..10).map(|digit| digit.to_string()).collect(),
        target: "digit".to_owned(),
        origins,
        given_parts: Vec::new(),
        problems: Vec::new(),
        fingerprint: String::new(),
    };
    dataset.seal();
    Ok(dataset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_scikit_learn() {
        // Counts: numpy.bincount(sklearn.datasets.load_digits().target).
        let digits = read("digits").unwrap();
        let all: Vec<u32> = (0..1797).collect();
        assert_eq!(digits.len(), 1797);
        assert_eq!(digits.class_counts(&all), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        // load_digits().images[0], whose label is 0.
        let first = [
            0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0, 0, 3, 15, 2, 0, 11, 8, 0, 0, 4, 12, 0, 0, 8, 8, 0, 0,
            5, 8, 0, 0, 9, 8, 0, 0, 4, 11, 0, 1, 12, 7, 0, 0, 2, 14, 5, 10, 12, 0, 0, 0, 0, 6, 13, 10, 0, 0, 0,
        ];
        let levels: Vec<i32> = digits.sample(0).iter().map(|value| (value * 16.0 / 255.0).round() as i32).collect();
        assert_eq!(levels, first);
        assert_eq!(digits.class_of(0), Some(0));
        // 16 levels a pixel, spread over the whole range.
        assert!(digits.sample(1).contains(&255.0));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let text = read("mnist").unwrap_err().to_string();
        assert!(text.contains("mnist") && text.contains("digits"), "{text}");
    }
}
