//! A command of a Virtual I/O Server and its flags: words that begin with one dash.

use std::ops::RangeInclusive;

/// What can follow a command.
#[derive(Debug)]
pub(super) struct Form {
    /// The command.
    pub(super) name: &'static str,
    /// Its flags; those with a value end in `=`.
    pub(super) flags: &'static str,
    /// How many words besides.
    pub(super) words: RangeInclusive<usize>,
}

/// What has followed a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    given: Vec<(String, String)>,
    /// The words besides.
    pub(super) words: Vec<String>,
}

impl Flags {
    /// The value of a flag; empty of one without.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether a flag is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of a flag that must be given.
    pub(super) fn need(&self, name: &str) -> Result<&str, super::Failure> {
        self.get(name)
            .ok_or_else(|| super::mistake(format!("expected the flag -{name} with a value")))
    }

    /// A word that stands beside the flags.
    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }
}

impl Form {
    /// Takes the words after a command apart.
    pub(super) fn parse(&self, words: &[&str]) -> Result<Flags, String> {
        let known: Vec<&str> = self.flags.split_whitespace().collect();
        let mut flags = Flags::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let Some(name) = word.strip_prefix('-').filter(|name| !name.is_empty()) else {
                flags.words.push((*word).to_owned());
                continue;
            };
            let with_value = known.iter().any(|flag| flag.strip_suffix('=') == Some(name));
            if !with_value && !known.contains(&name) {
                return Err(self.unknown(word, &known));
            }
            if flags.has(name) {
                return Err(format!("the flag {word} is given twice"));
            }
            let value = match with_value {
                true => rest.next().ok_or_else(|| format!("expected a value after {word}"))?,
                false => "",
            };
            flags.given.push((name.to_owned(), value.to_owned()));
        }
        if !self.words.contains(&flags.words.len()) {
            let (least, most) = (self.words.start(), self.words.end());
            let expected =
                if least == most { least.to_string() } else { format!("{least} to {most}") };
            let got = flags.words.len();
            return Err(format!(
                "expected {expected} words beside the flags of {}, got {got}",
                self.name
            ));
        }
        Ok(flags)
    }

    fn unknown(&self, word: &str, known: &[&str]) -> String {
        let known: Vec<_> =
            known.iter().map(|flag| format!("-{}", flag.trim_end_matches('='))).collect();
        match known.is_empty() {
            true => format!("{} has no flags, got {word}", self.name),
            false => format!("{} has no flag {word}; it has {}", self.name, known.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form = Form { name: "mkbdsp", flags: "sp= bd= f", words: 0..=1 };

    #[test]
    fn flags_and_words_may_be_mixed() {
        let flags = FORM.parse(&["-sp", "vg", "10G", "-f", "-bd", "d1"]).expect("flags");
        assert_eq!((flags.get("sp"), flags.get("bd")), (Some("vg"), Some("d1")));
        assert!(flags.has("f") && !flags.has("x"));
        assert_eq!(flags.words, ["10G"]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let error = |words: &[&str]| FORM.parse(words).expect_err("a mistake");
        assert_eq!(error(&["-x"]), "mkbdsp has no flag -x; it has -sp, -bd, -f");
        assert_eq!(error(&["-sp"]), "expected a value after -sp");
        assert_eq!(error(&["-f", "-f"]), "the flag -f is given twice");
        assert_eq!(error(&["a", "b"]), "expected 0 to 1 words beside the flags of mkbdsp, got 2");
        let bare = Form { name: "ioslevel", flags: "", words: 0..=0 };
        assert_eq!(bare.parse(&["-a"]).expect_err("a mistake"), "ioslevel has no flags, got -a");
    }
}
