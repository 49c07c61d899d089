//! Values of attributes, and their forms in documents, quick properties and on the command line.

use super::value::{Unset, Value};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    /// A text, or a word of REST's.
    Text(String),
    /// A whole number.
    Number(u64),
    /// Hundredths of a processor.
    Units(u32),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
    /// There is none.
    Absent,
}

impl Datum {
    /// The number; 0 of another value.
    pub fn number(&self) -> u64 {
        match self {
            Datum::Number(number) => *number,
            Datum::Units(units) => u64::from(*units),
            _ => 0,
        }
    }

    /// The text; empty of another value.
    pub fn text(&self) -> &str {
        match self {
            Datum::Text(text) => text,
            _ => "",
        }
    }

    /// Whether it is the flag `true`.
    pub fn flag(&self) -> bool {
        matches!(self, Datum::Flag(true))
    }

    /// The texts of a list.
    pub fn list(&self) -> &[String] {
        match self {
            Datum::List(list) => list,
            _ => &[],
        }
    }
}

impl From<&str> for Datum {
    fn from(text: &str) -> Datum {
        Datum::Text(text.to_owned())
    }
}

impl From<String> for Datum {
    fn from(text: String) -> Datum {
        Datum::Text(text)
    }
}

impl<T: Into<Datum>> From<Option<T>> for Datum {
    fn from(value: Option<T>) -> Datum {
        value.map_or(Datum::Absent, Into::into)
    }
}

impl From<bool> for Datum {
    fn from(flag: bool) -> Datum {
        Datum::Flag(flag)
    }
}

macro_rules! numbers {
    ($($number:ty)*) => { $(impl From<$number> for Datum {
        fn from(number: $number) -> Datum {
            Datum::Number(u64::from(number))
        }
    })* };
}

numbers!(u8 u16 u32 u64);

/// What an attribute's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number up to that.
    Number(u64),
    /// Hundredths of a processor: two decimals in documents, one at least on the command line.
    Units,
    /// `true` or `false`; 1 or 0 on the command line.
    Flag,
    /// The words of a state, with capitals on the command line.
    State,
    /// One of a few words: REST's, and the command line's.
    Word(&'static [(&'static str, &'static str)]),
    /// Numbers or texts: blanks between them in documents, commas on the command line.
    List,
    /// A UUID: 8-4-4-4-12 in documents, without dashes on the command line.
    Uuid,
    /// A MAC address: twelve hexadecimal digits.
    Mac,
    /// VLANs in a list.
    Vlans,
    /// A list of texts, each an element of its own in a document.
    Repeated,
    /// MB, which are GB with decimals in a document.
    Gigabytes,
    /// Elements with a structure of their own: the document has them in this place.
    Part,
}

/// A value that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// It is not of the attribute's kind.
    #[error("expected {name} as {expected}, got `{got}`")]
    Bad {
        /// The attribute.
        name: &'static str,
        /// What would do.
        expected: String,
        /// What was written.
        got: String,
    },
    /// The attribute only shows something.
    #[error("{name} cannot be set: the system sets it")]
    ReadOnly {
        /// The attribute.
        name: &'static str,
    },
}

impl Kind {
    /// A value as it stands in a document; `None` when it is left out.
    pub fn rest_text(self, datum: &Datum) -> Option<String> {
        Some(match datum {
            Datum::Text(text) => text.clone(),
            Datum::Number(mb) if self == Kind::Gigabytes => gigabytes(*mb),
            Datum::Number(number) => number.to_string(),
            Datum::Units(units) => two_decimals(*units),
            Datum::Flag(flag) => flag.to_string(),
            Datum::List(list) => list.join(" "),
            Datum::Absent => return None,
        })
    }

    /// A value as a quick property: flags are texts there.
    pub fn json(self, datum: &Datum) -> String {
        match datum {
            Datum::Absent => String::from("null"),
            Datum::Number(_) | Datum::Units(_) => self.rest_text(datum).unwrap_or_default(),
            Datum::Flag(_) | Datum::Text(_) => quoted(&self.rest_text(datum).unwrap_or_default()),
            Datum::List(list) => {
                let list: Vec<_> = list.iter().map(|text| quoted(text)).collect();
                format!("[{}]", list.join(","))
            }
        }
    }

    /// A value on the command line.
    pub fn cli_value(self, datum: &Datum) -> Value {
        match (self, datum) {
            (_, Datum::Absent) => Value::Unset(Unset::Omitted),
            (Kind::State, Datum::Text(words)) => Value::State(words.clone()),
            (Kind::Word(words), Datum::Text(text)) => {
                let word = words.iter().find(|(rest, _)| rest == text);
                Value::Text(word.map_or(text.as_str(), |(_, cli)| *cli).to_owned())
            }
            (Kind::Uuid, Datum::Text(text)) => Value::Text(text.replace('-', "")),
            (_, Datum::Text(text)) => Value::Text(text.clone()),
            (_, Datum::Number(number)) => Value::Number(*number),
            (_, Datum::Units(units)) => Value::Units(*units),
            (_, Datum::Flag(flag)) => Value::Flag(*flag),
            (_, Datum::List(list)) => Value::List(list.clone()),
        }
    }

    /// The value that a document's text says; `None` when it is not of this kind.
    pub fn parse_rest(self, text: &str) -> Option<Datum> {
        let text = text.trim();
        Some(match self {
            Kind::Text | Kind::State | Kind::Uuid | Kind::Part => Datum::Text(text.to_owned()),
            Kind::Number(most) => number(text, most)?,
            Kind::Units => Datum::Units(parse_units(text)?),
            Kind::Flag => match text {
                "true" | "1" => Datum::Flag(true),
                "false" | "0" => Datum::Flag(false),
                _ => return None,
            },
            Kind::Word(words) => {
                let word = words.iter().find(|(rest, _)| rest.eq_ignore_ascii_case(text))?;
                Datum::Text(word.0.to_owned())
            }
            Kind::List | Kind::Repeated => {
                Datum::List(text.split_whitespace().map(str::to_owned).collect())
            }
            Kind::Vlans => vlans(text.split_whitespace())?,
            Kind::Mac => {
                let digits: String = text.chars().filter(|c| *c != ':').collect();
                let good = digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                good.then(|| Datum::Text(digits.to_ascii_uppercase()))?
            }
            Kind::Gigabytes => Datum::Number(parse_gigabytes(text)?),
        })
    }

    /// The value that a pair of the command line says; `None` when it is not of this kind.
    pub fn parse_cli(self, text: &str) -> Option<Datum> {
        Some(match self {
            Kind::Word(words) => {
                let word = words.iter().find(|(_, cli)| *cli == text)?;
                Datum::Text(word.0.to_owned())
            }
            Kind::List => {
                let elements = text.split(',').filter(|element| !element.is_empty());
                let elements = elements.filter(|element| *element != "none");
                Datum::List(elements.map(str::to_owned).collect())
            }
            Kind::Flag => match text {
                "1" => Datum::Flag(true),
                "0" => Datum::Flag(false),
                _ => return None,
            },
            Kind::Vlans if text == "none" => Datum::List(Vec::new()),
            Kind::Vlans => vlans(text.split(',').filter(|vlan| !vlan.is_empty()))?,
            _ => self.parse_rest(text)?,
        })
    }

    /// What would do, in an error.
    pub fn expected(self) -> String {
        match self {
            Kind::Text | Kind::State => String::from("a text"),
            Kind::Number(most) => format!("a number from 0 to {most}"),
            Kind::Units => String::from("processors with at most two decimals"),
            Kind::Flag => String::from("true or false (1 or 0 on the command line)"),
            Kind::Word(words) => {
                let words = words.iter().map(|(rest, cli)| match rest == cli {
                    true => format!("`{rest}`"),
                    false => format!("`{rest}` (`{cli}` on the command line)"),
                });
                format!("one of {}", words.collect::<Vec<_>>().join(", "))
            }
            Kind::List | Kind::Repeated => String::from("a list"),
            Kind::Vlans => String::from("VLANs from 1 to 4094"),
            Kind::Mac => String::from("twelve hexadecimal digits"),
            Kind::Gigabytes => String::from("GB above 0, with decimals if need be"),
            Kind::Uuid => String::from("a UUID of the form 8-4-4-4-12"),
            Kind::Part => String::from("elements"),
        }
    }
}

fn number(text: &str, most: u64) -> Option<Datum> {
    let number: u64 = text.parse().ok()?;
    (number <= most).then_some(Datum::Number(number))
}

fn vlans<'t>(texts: impl Iterator<Item = &'t str>) -> Option<Datum> {
    let good = |text: &str| text.parse().is_ok_and(|vlan: u16| (1..=4094).contains(&vlan));
    let texts: Vec<String> = texts.map(str::to_owned).collect();
    texts.iter().all(|text| good(text)).then_some(Datum::List(texts))
}

/// MB in GB: `20` or `19.5`.
fn gigabytes(mb: u64) -> String {
    let thousandths = (u128::from(mb % 1024) * 1_000_000).div_ceil(1024);
    match thousandths {
        0 => (mb / 1024).to_string(),
        part => format!("{}.{part:06}", mb / 1024).trim_end_matches('0').to_owned(),
    }
}

/// GB with decimals in MB, to the nearest; `None` unless it is above 0.
pub(crate) fn parse_gigabytes(text: &str) -> Option<u64> {
    let gigabytes: f64 = text.parse().ok()?;
    let mb = (gigabytes * 1024.0).round();
    (mb >= 1.0 && mb <= u64::MAX as f64 / 2.0).then_some(mb as u64)
}

/// Hundredths as processors.
pub(crate) fn two_decimals(units: u32) -> String {
    format!("{}.{:02}", units / 100, units % 100)
}

/// Processors as hundredths; `None` for more than two decimals.
pub(crate) fn parse_units(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = part.trim_end_matches('0');
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if part.len() > 2 || whole.is_empty() || !digits(whole) || !digits(part) {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let part: u32 = format!("{part:0<2}").parse().ok()?;
    whole.checked_mul(100)?.checked_add(part)
}

/// A text in JSON.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: Kind = Kind::Word(&[("uncapped", "uncap"), ("capped", "cap")]);

    #[test]
    fn each_kind_has_its_three_forms() {
        for (kind, datum, rest, json, cli) in [
            (Kind::Text, Datum::from("a\"b"), Some("a\"b"), r#""a\"b""#, Value::from("a\"b")),
            (Kind::Number(9), Datum::Number(7), Some("7"), "7", 7u64.into()),
            (Kind::Units, Datum::Units(50), Some("0.50"), "0.50", Value::Units(50)),
            (Kind::Flag, true.into(), Some("true"), r#""true""#, true.into()),
            (
                Kind::State,
                Datum::from("not activated"),
                Some("not activated"),
                r#""not activated""#,
                Value::State("not activated".into()),
            ),
            (MODES, Datum::from("uncapped"), Some("uncapped"), r#""uncapped""#, "uncap".into()),
            (Kind::Text, Datum::Absent, None, "null", Value::Unset(Unset::Omitted)),
        ] {
            assert_eq!(kind.rest_text(&datum).as_deref(), rest, "{datum:?}");
            assert_eq!(kind.json(&datum), json);
            assert_eq!(kind.cli_value(&datum), cli);
        }
    }

    #[test]
    fn what_is_written_comes_back_in_either_form() {
        assert_eq!(MODES.parse_rest("capped"), Some("capped".into()));
        assert_eq!(MODES.parse_cli("cap"), Some("capped".into()));
        assert_eq!(MODES.parse_cli("capped"), None);
        assert_eq!(Kind::Number(255).parse_rest(" 256 "), None);
        assert_eq!(Kind::Number(255).parse_rest(" 255 "), Some(Datum::Number(255)));
        assert_eq!(Kind::Flag.parse_cli("true"), None);
        let list = Datum::List(vec!["10".into(), "11".into()]);
        assert_eq!(Kind::List.parse_rest("10 11"), Some(list.clone()));
        assert_eq!(Kind::List.parse_cli("10,11"), Some(list));
        assert_eq!(Kind::List.parse_cli("none"), Some(Datum::List(Vec::new())));
    }

    #[test]
    fn sizes_come_back_as_they_were() {
        let shown = [1, 512, 1024, 1025, 20_480].map(gigabytes);
        assert_eq!(shown, ["0.000977", "0.5", "1", "1.000977", "20"]);
        for mb in (1..5000).chain([102_400, 1_048_577]) {
            assert_eq!(parse_gigabytes(&gigabytes(mb)), Some(mb), "{mb}");
        }
        assert_eq!(["0", "-1", "x", "NaN", "inf"].map(parse_gigabytes), [None; 5]);
    }

    #[test]
    fn vlans_and_mac_addresses_are_checked() {
        assert_eq!(Kind::Vlans.parse_rest("1 4094"), Kind::Vlans.parse_cli("1,4094"));
        assert_eq!([Kind::Vlans.parse_rest("0"), Kind::Vlans.parse_cli("4095")], [None, None]);
        assert_eq!(Kind::Mac.parse_rest("fa:d4:8d:c2:dc:03"), Some("FAD48DC2DC03".into()));
        assert_eq!(Kind::Mac.parse_rest("FAD48DC2DC0"), None);
    }

    #[test]
    fn units_have_at_most_two_decimals() {
        let parsed = ["0.5", "0.50", "2", "2.000", "0.05"].map(parse_units);
        assert_eq!(parsed, [50, 50, 200, 200, 5].map(Some));
        let bad = ["", ".5", "0.005", "-1", "1.x", "43000000"].map(parse_units);
        assert_eq!(bad, [None; 6]);
    }
}
