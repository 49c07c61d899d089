//! `-F`: which attributes are printed, and what stands between them.

use super::output::UsageError;

/// Attributes that are asked for, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// Their names; none stands for all.
    pub names: Vec<String>,
    /// What stands between values, and between the names of the header.
    pub delimiter: char,
}

impl Fields {
    /// Those of `-F` alone: all, with commas.
    pub const fn all() -> Fields {
        Fields { names: Vec::new(), delimiter: ',' }
    }

    /// Takes the names apart. The delimiter is what stands between them: `name,state`, `name:state`.
    pub fn parse(text: &str) -> Result<Fields, UsageError> {
        if text.is_empty() {
            return Ok(Fields::all());
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let delimiter = text.chars().find(|c| !is_name(*c)).unwrap_or(',');
        let names: Vec<String> = text.split(delimiter).map(String::from).collect();
        for name in &names {
            if let Some(other) = name.chars().find(|c| !is_name(*c)) {
                return Err(UsageError::Delimiters { first: delimiter, other });
            }
            if name.is_empty() {
                return Err(UsageError::NoFieldName(text.to_owned()));
            }
        }
        Ok(Fields { names, delimiter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_what_stands_between_names() {
        for (text, delimiter, names) in [
            ("name", ',', vec!["name"]),
            ("name,state", ',', vec!["name", "state"]),
            ("name:state:lpar_id", ':', vec!["name", "state", "lpar_id"]),
            ("a|b", '|', vec!["a", "b"]),
            ("", ',', vec![]),
        ] {
            let fields = Fields::parse(text).expect(text);
            assert_eq!(
                (fields.delimiter, fields.names),
                (delimiter, names.iter().map(|it| (*it).to_owned()).collect())
            );
        }
    }

    #[test]
    fn names_without_a_clear_delimiter_are_refused() {
        let error = |text| Fields::parse(text).expect_err("a mistake").to_string();
        assert_eq!(error("a:b,c"), "expected `:` between all names after -F, got `,`");
        assert_eq!(error("a,,b"), "expected a name between the delimiters of -F, got `a,,b`");
        assert_eq!(error(",a"), "expected a name between the delimiters of -F, got `,a`");
    }
}
