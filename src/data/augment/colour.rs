//! Changes brightness, contrast, saturation and hue, in this order, with torchvision's formulas.

use serde::{Deserialize, Serialize};

use crate::base::rng::Stream;
use crate::base::{Field, ParamVisitor, Params};

use super::{Augment, Medium, Sample};

/// Settings of colour jitter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Colour {
    /// Largest change of brightness.
    pub brightness: f64,
    /// Largest change of contrast.
    pub contrast: f64,
    /// Largest change of saturation.
    pub saturation: f64,
    /// Largest turn of the hue, as a share of the circle.
    pub hue: f64,
}

impl Default for Colour {
    fn default() -> Self {
        Self { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.02 }
    }
}

impl Params for Colour {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { brightness, contrast, saturation, hue } = self;
        let field = Field::new("brightness", "Brightness").help("0.2 makes images up to a fifth brighter or darker.");
        visitor.number(field, brightness, 0.0..=1.0);
        let field =
            Field::new("contrast", "Contrast").help("0.2 moves all values up to a fifth towards grey or away from it.");
        visitor.number(field, contrast, 0.0..=1.0);
        let field = Field::new("saturation", "Saturation").help("0.2 makes colours up to a fifth paler or stronger.");
        visitor.number(field, saturation, 0.0..=1.0);
        let field = Field::new("hue", "Hue").help(
            "Turns all colours along the rainbow by up to this share of it: 0.02 hardly shows, 0.5 makes any colour of any other.",
        );
        visitor.number(field, hue, 0.0..=0.5);
    }
}

impl Augment for Colour {
    fn medium(&self) -> Medium {
        Medium::Image
    }

    fn retouch(&self, random: &mut Stream, sample: &mut Sample<'_>) {
        let mut factor = |most: f64| random.between(1.0 - most, 1.0 + most) as f32;
        let (brightness, contrast, saturation) =
            (factor(self.brightness), factor(self.contrast), factor(self.saturation));
        let hue = random.between(-self.hue, self.hue) as f32;
        let values = &mut *sample.values;
        blend(values, |_| 0.0, brightness);
        let plane = values.len() / sample.dims.first().copied().unwrap_or(1).max(1);
        let is_colour = sample.dims.first() == Some(&3);
        let grey = greys(values, plane, is_colour);
        let mean = grey.iter().sum::<f32>() / grey.len().max(1) as f32;
        blend(values, |_| mean, contrast);
        if !is_colour || plane == 0 {
            return;
        }
        let grey = greys(values, plane, true);
        blend(values, |place| grey.get(place % plane).copied().unwrap_or(0.0), saturation);
        if hue != 0.0 {
            turn_hue(values, plane, hue);
        }
    }
}

/// `value * share + other * (1 - share)`, cut to what a byte holds.
fn blend(values: &mut [f32], other: impl Fn(usize) -> f32, share: f32) {
    for (place, value) in values.iter_mut().enumerate() {
        *value = (*value * share + other(place) * (1.0 - share)).clamp(0.0, 255.0);
    }
}

fn greys(values: &[f32], plane: usize, is_colour: bool) -> Vec<f32> {
    if !is_colour {
        return values.to_vec();
    }
    let (red, rest) = values.split_at(plane.min(values.len()));
    let (green, blue) = rest.split_at(plane.min(rest.len()));
    // The weights of ITU-R BT.601.
    let grey = |((red, green), blue): ((&f32, &f32), &f32)| 0.2989 * red + 0.587 * green + 0.114 * blue;
    red.iter().zip(green).zip(blue).map(grey).collect()
}

/// Turns the hue (of HSV) by a share of the circle.
fn turn_hue(values: &mut [f32], plane: usize, turn: f32) {
    let (red, rest) = values.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane.min(rest.len()));
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let (most, least) = (red.max(*green).max(*blue), red.min(*green).min(*blue));
        let spread = most - least;
        if spread <= 0.0 {
            continue;
        }
        let sixth = if most == *red {
            (*green - *blue) / spread
        } else if most == *green {
            2.0 + (*blue - *red) / spread
        } else {
            4.0 + (*red - *green) / spread
        };
        let turned = (sixth + 6.0 * turn).rem_euclid(6.0);
        // How far each of the primaries is from the hue, along the circle of six.
        let level = |primary: f32| {
            let away = (turned - primary).rem_euclid(6.0);
            let away = away.min(6.0 - away);
            least + spread * (2.0 - away).clamp(0.0, 1.0)
        };
        (*red, *green, *blue) = (level(0.0), level(2.0), level(4.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_circle_makes_red_green() {
        let mut pixel = [200.0, 50.0, 50.0];
        turn_hue(&mut pixel, 1, 1.0 / 3.0);
        assert!((pixel[0] - 50.0).abs() < 0.01 && (pixel[1] - 200.0).abs() < 0.01, "{pixel:?}");
        let mut other = [10.0, 200.0, 90.0];
        turn_hue(&mut other, 1, 0.0);
        assert!((other[0] - 10.0).abs() < 0.01 && (other[1] - 200.0).abs() < 0.01 && (other[2] - 90.0).abs() < 0.01);
    }

    #[test]
    fn nothing_set_changes_nothing() {
        let still = Colour { brightness: 0.0, contrast: 0.0, saturation: 0.0, hue: 0.0 };
        let before = [10.0, 200.0, 90.0, 5.0, 6.0, 7.0];
        let mut values = before;
        let mut sample = Sample::of(&mut values, &[3, 1, 2]);
        still.retouch(&mut Stream::new(1, "test"), &mut sample);
        assert!(values.iter().zip(before).all(|(value, before)| (value - before).abs() < 1e-3), "{values:?}");
    }
}
