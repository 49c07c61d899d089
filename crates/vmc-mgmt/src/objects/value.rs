//! Values of attributes on the command line, and how they are printed.

use std::time::Duration;

/// How an attribute without a value is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// Its pair is left out; after `-F` it is `null`, as a partition's name is that there is not.
    Omitted,
    /// It is `none`, as the ID of such a partition is after `-F`.
    Named,
    /// It is empty.
    Empty,
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// As it is.
    Text(String),
    /// A whole number; memory is in MB.
    Number(u64),
    /// Hundredths of a processor, with one decimal at least: 0.5, 2.0, 0.05.
    Units(u32),
    /// `0` or `1`.
    Flag(bool),
    /// Words of a state, each with a capital: `Not Activated`.
    State(String),
    /// A point of time, in seconds since 1970: `MM/DD/YYYY HH:MM:SS`.
    Time(Duration),
    /// Elements with commas between them.
    List(Vec<String>),
    /// There is none.
    Unset(Unset),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}

impl Value {
    /// What stands after the `=` of its pair; `None` when the pair is left out.
    pub(crate) fn in_pair(&self) -> Option<String> {
        match self {
            Value::Unset(Unset::Omitted) => None,
            value => Some(value.in_field()),
        }
    }

    /// What stands in its field after `-F`.
    pub(crate) fn in_field(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Units(units) => units_text(*units),
            Value::Flag(flag) => u8::from(*flag).to_string(),
            Value::State(words) => title_case(words),
            Value::Time(since) => time_text(since.as_secs()),
            Value::List(elements) => elements.join(","),
            Value::Unset(Unset::Omitted) => String::from("null"),
            Value::Unset(Unset::Named) => String::from("none"),
            Value::Unset(Unset::Empty) => String::new(),
        }
    }
}

/// Hundredths with one decimal, or two where the second is not 0.
fn units_text(hundredths: u32) -> String {
    let (whole, part) = (hundredths / 100, hundredths % 100);
    match part % 10 {
        0 => format!("{whole}.{}", part / 10),
        _ => format!("{whole}.{part:02}"),
    }
}

fn title_case(words: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    words.split(' ').map(capital).collect::<Vec<_>>().join(" ")
}

/// Seconds since 1970 as a date and a time (UTC).
fn time_text(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{month:02}/{day:02}/{year:04} {hour:02}:{minute:02}:{second:02}")
}

/// The date of a day since 1970 (Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_value_has_its_form() {
        let list = Value::List(["1", "100"].map(String::from).to_vec());
        for (value, pair, field) in [
            (Value::from("lp1"), Some("lp1"), "lp1"),
            (Value::from(2048u64), Some("2048"), "2048"),
            (Value::from(true), Some("1"), "1"),
            (Value::State("open firmware".into()), Some("Open Firmware"), "Open Firmware"),
            (list, Some("1,100"), "1,100"),
            (Value::Unset(Unset::Omitted), None, "null"),
            (Value::Unset(Unset::Named), Some("none"), "none"),
            (Value::Unset(Unset::Empty), Some(""), ""),
        ] {
            assert_eq!(
                (value.in_pair().as_deref(), &*value.in_field()),
                (pair, field),
                "{value:?}"
            );
        }
    }

    #[test]
    fn units_have_one_decimal_at_least() {
        let shown = [0, 5, 50, 55, 100, 205, 25600].map(|units| Value::Units(units).in_field());
        assert_eq!(shown, ["0.0", "0.05", "0.5", "0.55", "1.0", "2.05", "256.0"]);
    }

    #[test]
    fn times_are_dates_with_the_month_first() {
        for (seconds, text) in [
            (0, "01/01/1970 00:00:00"),
            (951_782_400, "02/29/2000 00:00:00"),
            (1_790_825_491, "10/01/2026 03:31:31"),
            (4_107_542_399, "02/28/2100 23:59:59"),
            (4_107_542_400, "03/01/2100 00:00:00"),
        ] {
            assert_eq!(Value::Time(Duration::from_secs(seconds)).in_field(), text, "{seconds}");
        }
    }
}
