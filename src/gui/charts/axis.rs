//! Few grid lines at round numbers, on plain and logarithmic axes.

use egui_plot::{GridInput, GridMark};

use crate::base::format;

/// Grid lines at about `count` round values.
pub(super) fn marks(input: &GridInput, count: f64, smallest: f64) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    if !(high > low && (high - low).is_finite()) {
        return Vec::new();
    }
    let step = round_step((high - low) / count).max(smallest);
    let first = (low / step).ceil() as i64;
    let last = ((high / step).floor() as i64).min(first + 100);
    (first..=last).map(|index| GridMark { value: index as f64 * step, step_size: step }).collect()
}

/// Grid lines of an axis that shows log10: powers of ten, and 2 and 5 between them when there is room.
pub(super) fn log_marks(input: &GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    if !(high > low && (high - low).is_finite() && high - low < 600.0) {
        return Vec::new();
    }
    let decades = high - low;
    let factors: &[f64] = if decades < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = (decades / 6.0).ceil().max(1.0) as i64;
    let mut found = Vec::new();
    for decade in (low.floor() as i64)..=(high.ceil() as i64) {
        if decade % every != 0 {
            continue;
        }
        for factor in factors {
            let value = decade as f64 + factor.log10();
            if (low..=high).contains(&value) {
                found.push(GridMark { value, step_size: if decades < 2.5 { 0.3 } else { every as f64 } });
            }
        }
    }
    // Less than a factor of two in sight: plain marks serve better.
    if found.len() < 2 { marks(input, 4.0, 0.0) } else { found }
}

/// The number of a tick: as short as the step between ticks allows.
pub(super) fn tick(mark: GridMark, is_log: bool) -> String {
    if is_log {
        let value = 10_f64.powf(mark.value);
        return if (1e-4..1e6).contains(&value) { short(value) } else { format!("{value:.0e}") };
    }
    if mark.value.abs() < mark.step_size * 1e-6 {
        return "0".to_owned();
    }
    let size = mark.value.abs();
    if !(1e-4..1e6).contains(&size) {
        return format!("{:.1e}", mark.value);
    }
    let decimals = (-mark.step_size.log10()).ceil().clamp(0.0, 6.0) as usize;
    format!("{:.decimals$}", mark.value)
}

/// The number of a tick on the axis of epochs; the last one that has room says what they are.
pub(super) fn epoch_tick(mark: GridMark, range: &std::ops::RangeInclusive<f64>) -> String {
    let roomy = range.end() - 0.1 * (range.end() - range.start());
    let is_last = mark.value <= roomy && mark.value + mark.step_size > roomy;
    let unit = match mark.value.round() {
        _ if !is_last => "",
        1.0 => " epoch",
        _ => " epochs",
    };
    format!("{}{unit}", mark.value.round())
}

fn short(value: f64) -> String {
    format::number((value * 1e6).round() / 1e6)
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * 0.999_999).unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(low: f64, high: f64) -> Vec<String> {
        let input = GridInput { bounds: (low, high), base_step_size: 0.1 };
        marks(&input, 4.0, 0.0).into_iter().map(|mark| tick(mark, false)).collect()
    }

    #[test]
    fn ticks_are_few_and_round() {
        assert_eq!(values(0.03, 2.4), ["1", "2"]);
        assert_eq!(values(-0.1, 1.0), ["0.0", "0.5", "1.0"].map(|text| if text == "0.0" { "0" } else { text }));
        assert_eq!(values(110.0, 420.0), ["200", "300", "400"]);
        assert_eq!(values(0.38, 0.66), ["0.4", "0.5", "0.6"]);
    }

    #[test]
    fn one_tick_names_the_unit() {
        let ticks = |end: f64| {
            let input = GridInput { bounds: (0.0, end), base_step_size: 0.1 };
            marks(&input, 3.0, 1.0).into_iter().map(|mark| epoch_tick(mark, &(0.0..=end))).collect::<Vec<_>>()
        };
        assert_eq!(ticks(13.0), ["0", "5", "10 epochs"]);
        assert_eq!(ticks(1.0), ["0 epochs", "1"]);
        assert_eq!(ticks(20.4), ["0", "10 epochs", "20"]);
    }

    #[test]
    fn a_logarithmic_axis_has_powers_of_ten() {
        let input = GridInput { bounds: (-4.2, 0.3), base_step_size: 0.1 };
        let ticks: Vec<String> = log_marks(&input).into_iter().map(|mark| tick(mark, true)).collect();
        assert_eq!(
            ticks,
            ["1e-4", "0.001", "0.01", "0.1", "1"].map(|text| if text == "1e-4" { "0.0001" } else { text })
        );
    }

    #[test]
    fn bounds_that_are_not_numbers_give_no_ticks() {
        for bounds in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (1.0, 1.0)] {
            assert!(marks(&GridInput { bounds, base_step_size: 1.0 }, 4.0, 0.0).is_empty());
        }
    }
}
