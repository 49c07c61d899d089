//! A whole command line in one argument, as ssh hands it over.

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShellError {
    /// the quote {quote} at character {at} has no other one
    #[error("the quote {quote} at character {at} has no other one")]
    Open {
        /// Which.
        quote: char,
        /// Where, from 1.
        at: usize,
    },
    /// expected a character after the backslash at the end
    #[error("expected a character after the backslash at the end")]
    Backslash,
    /// expected one command, got `{got}` at character {at}: quote it if it belongs to a word
    #[error(
        "expected one command, got `{got}` at character {at}: quote it if it belongs to a word"
    )]
    Operator {
        /// What a shell would do something with.
        got: char,
        /// Where, from 1.
        at: usize,
    },
}

/// The words of a command line, by the rules of quoting of a POSIX shell: single quotes keep everything, double quotes all but
/// a backslash before `"`, `\`, `$` and `` ` ``. Nothing is expanded, and what would begin another command is refused.
pub fn split_words(line: &str) -> Result<Vec<String>, ShellError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars().enumerate().map(|(n, c)| (n + 1, c));
    while let Some((at, c)) = rest.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    let open = ShellError::Open { quote: c, at };
                    match rest.next().ok_or(open.clone())?.1 {
                        end if end == c => break,
                        '\\' if c == '"' => match rest.next().ok_or(open)?.1 {
                            escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            '\\' => {
                let (_, escaped) = rest.next().ok_or(ShellError::Backslash)?;
                word.get_or_insert_default().push(escaped);
            }
            got @ (';' | '|' | '&' | '<' | '>' | '`' | '$' | '(' | ')') => {
                return Err(ShellError::Operator { got, at });
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_quoted_as_in_a_shell() {
        for (line, words) in [
            ("", vec![]),
            ("  lssyscfg  -r\tsys ", vec!["lssyscfg", "-r", "sys"]),
            ("a ''", vec!["a", ""]),
            (
                "mksyscfg -r lpar -i \"name=x,\\\"virtual_eth_adapters=2/0/1//0/0,3/0/2//0/0\\\"\"",
                vec![
                    "mksyscfg",
                    "-r",
                    "lpar",
                    "-i",
                    "name=x,\"virtual_eth_adapters=2/0/1//0/0,3/0/2//0/0\"",
                ],
            ),
            ("-F 'a b'c\"d\"", vec!["-F", "a bcd"]),
            ("\"a\\nb\" c\\ d", vec!["a\\nb", "c d"]),
            (
                "--filter \"\"\"lpar_names=a,b\"\",profile_names=p\"",
                vec!["--filter", "lpar_names=a,b,profile_names=p"],
            ),
            ("\"$(rm)\" '`x`'", vec!["$(rm)", "`x`"]),
        ] {
            assert_eq!(split_words(line).expect(line), words, "{line}");
        }
    }

    #[test]
    fn what_is_not_one_command_is_refused() {
        assert_eq!(split_words("a 'b"), Err(ShellError::Open { quote: '\'', at: 3 }));
        assert_eq!(split_words("a \"b\\\""), Err(ShellError::Open { quote: '"', at: 3 }));
        assert_eq!(split_words("a \"b\\"), Err(ShellError::Open { quote: '"', at: 3 }));
        assert_eq!(split_words("a\\"), Err(ShellError::Backslash));
        for c in [';', '|', '&', '<', '>', '`', '$', '(', ')'] {
            assert_eq!(split_words(&format!("é {c}")), Err(ShellError::Operator { got: c, at: 3 }));
        }
    }

    proptest! {
        #[test]
        fn words_in_single_quotes_come_back(words in proptest::collection::vec("[^']{0,8}", 0..5)) {
            let line: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
            prop_assert_eq!(split_words(&line.join(" ")), Ok(words));
        }

        #[test]
        fn no_line_is_too_strange(line in ".{0,40}") {
            let _ = split_words(&line);
        }
    }
}
