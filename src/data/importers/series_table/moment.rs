//! Moments as they are written in tables: dates, months, years, plain numbers.

/// How the moments of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `2024-05-31`, `2024/5/31`, also with a time of day behind it.
    Date,
    /// `20240531`
    Packed,
    /// `31.05.2024`
    Reversed,
    /// `2024-05`: counted in months, which have no fixed length.
    Month,
    /// `1984`, `17`, `1716979200`
    Number,
}

impl Style {
    /// The first style that fits a cell.
    pub(super) fn of(cell: &str) -> Option<Self> {
        [Self::Packed, Self::Number, Self::Month, Self::Date, Self::Reversed]
            .into_iter()
            .find(|style| style.moment(cell).is_some())
    }

    /// A cell as a number that grows with time: days, months, or the number itself.
    pub(super) fn moment(self, cell: &str) -> Option<f64> {
        let cell = cell.trim();
        match self {
            Self::Number => cell.parse::<f64>().ok().filter(|number| number.is_finite() && is_plain(cell)),
            Self::Packed => {
                let is_eight = cell.len() == 8 && cell.bytes().all(|byte| byte.is_ascii_digit());
                let part = |range: std::ops::Range<usize>| cell.get(range)?.parse::<i64>().ok();
                if is_eight { days(part(0..4)?, part(4..6)?, part(6..8)?) } else { None }
            }
            Self::Month => {
                let (year, month) = cell.split_once(['-', '/'])?;
                let (year, month) = (number(year, 4)?, number(month, 2)?);
                (1..=12).contains(&month).then_some((year * 12 + month - 1) as f64)
            }
            Self::Date => {
                let (date, time) = cell.split_once(['T', ' ']).map_or((cell, None), |(date, time)| (date, Some(time)));
                let mut parts = date.split(['-', '/']);
                let (year, month, day) =
                    (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
                let day = days(year, month, day).filter(|_| parts.next().is_none())?;
                Some(day + time.map_or(Some(0.0), time_of_day)?)
            }
            Self::Reversed => {
                let mut parts = cell.split('.');
                let (day, month, year) =
                    (number(parts.next()?, 2)?, number(parts.next()?, 2)?, number(parts.next()?, 4)?);
                days(year, month, day).filter(|_| parts.next().is_none())
            }
        }
    }
}

/// Digits with a sign and a point at most: words such as `inf` are no moments.
fn is_plain(cell: &str) -> bool {
    cell.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte))
}

fn number(text: &str, most_digits: usize) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= most_digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// Share of a day in `13:45`, `13:45:10.5` and `13:45:10Z`.
fn time_of_day(text: &str) -> Option<f64> {
    let text = text.trim_end_matches(['Z', 'z']);
    let text = text.split_once('+').map_or(text, |(time, _zone)| time);
    let mut seconds = 0.0;
    for (place, part) in text.split(':').enumerate() {
        let unit = [3600.0, 60.0, 1.0].get(place)?;
        seconds += part.parse::<f64>().ok().filter(|value| (0.0..61.0).contains(value))? * unit;
    }
    Some(seconds / 86_400.0)
}

/// Days since 1970-01-01 in the Gregorian calendar (the algorithm `days_from_civil` of Howard Hinnant).
fn days(year: i64, month: i64, day: i64) -> Option<f64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) || !(1..=9999).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year % 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let in_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some((year / 400 * 146_097 + in_era - 719_468) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let check = |cell: &str, expect: Option<(Style, f64)>| {
            let found = Style::of(cell).and_then(|style| Some((style, style.moment(cell)?)));
            assert_eq!(found, expect, "{cell}");
        };
        // Python: (date(…) - date(1970, 1, 1)).days
        check("1958-03-29", Some((Style::Date, -4296.0)));
        check("19580329", Some((Style::Packed, -4296.0)));
        check("2024/2/29 12:00", Some((Style::Date, 19_782.5)));
        check("2024-02-29T06:00:00Z", Some((Style::Date, 19_782.25)));
        check("29.02.2024", Some((Style::Reversed, 19_782.0)));
        check("1949-01", Some((Style::Month, 23_388.0)));
        check("1700", Some((Style::Number, 1700.0)));
        check("12.5", Some((Style::Number, 12.5)));
        check("2023-02-29", None);
        check("99999999", Some((Style::Number, 99_999_999.0)));
        check("2024-13", None);
        check("inf", None);
        check("", None);
        check("Monday", None);
    }
}
