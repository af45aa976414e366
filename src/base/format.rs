//! How numbers are shown, the same in the window and on the command line: rounded to what matters, with units.

use std::time::Duration;

/// `1.2 GB`, `412 MB`, `3.2 kB`, `96 B` (powers of 1000, as disks and memory are sold).
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{} {}", three_digits(value), UNITS[unit]) }
}

/// `93,322`: a whole number with its thousands apart.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `7.80 M`, `4.10 G`, `650`: a large count rounded to three digits.
pub fn magnitude(number: u64) -> String {
    let value = number as f64;
    match number {
        0..=9_999 => count(number),
        10_000..=999_499 => format!("{} k", three_digits(value / 1e3)),
        999_500..=999_499_999 => format!("{} M", three_digits(value / 1e6)),
        999_500_000..=999_499_999_999 => format!("{} G", three_digits(value / 1e9)),
        _ => format!("{} T", three_digits(value / 1e12)),
    }
}

/// `0:42`, `12:05`, `3:07:00`: time that is left or was taken.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A loss, rate or other real number with three to four digits that matter: `0.0941`, `12.5`, `1.2e-6`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !value.is_finite() {
        value.to_string()
    } else if !(1e-4..1e6).contains(&size) {
        let text = format!("{value:.2e}");
        text.split_once('e').map_or_else(|| text.clone(), |(digits, power)| format!("{}e{power}", trim_zeros(digits)))
    } else if size < 1.0 {
        let decimals = (2.0 - size.log10().floor()) as usize;
        trim_zeros(&format!("{value:.decimals$}"))
    } else {
        let decimals = (3.0 - size.log10().floor()).max(0.0) as usize;
        trim_zeros(&format!("{value:.decimals$}"))
    }
}

/// `0.981`: a share with three decimals, as accuracies are quoted.
pub fn share(value: f64) -> String {
    format!("{value:.3}")
}

/// `0.41` of milliseconds, with three digits that matter.
pub fn milliseconds(value: f64) -> String {
    if value < 0.0995 { trim_zeros(&format!("{value:.3}")) } else { three_digits(value) }
}

fn three_digits(value: f64) -> String {
    if value >= 99.95 {
        format!("{value:.0}")
    } else if value >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

fn trim_zeros(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        let shown = |expect: &str, got: String| assert_eq!(got, expect);
        shown("96 B", bytes(96));
        shown("3.20 kB", bytes(3_200));
        shown("412 MB", bytes(412_300_000));
        shown("1.00 MB", bytes(999_900));
        shown("93,322", count(93_322));
        shown("7.80 M", magnitude(7_800_000));
        shown("1.00 M", magnitude(999_999));
        shown("0.41", milliseconds(0.414));
        shown("0.026", milliseconds(0.0263));
        shown("0:42", clock(Duration::from_secs(42)));
        shown("3:07:00", clock(Duration::from_mins(187)));
        shown("0.0941", number(0.094_12));
        shown("0.001", number(0.001));
        shown("12.5", number(12.5));
        shown("1.2e-6", number(1.2e-6));
        shown("1e6", number(1e6));
        shown("0", number(0.0));
        shown("60000", number(60_000.0));
        shown("NaN", number(f64::NAN));
    }
}
