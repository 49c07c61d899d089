//! Searches: `(PartitionName=='web1')`, `(PartitionID!=3)`.

use super::error::RestError;

/// What is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The name of an element.
    pub key: String,
    /// Whether it is to have the value, or another one.
    pub equal: bool,
    /// The value.
    pub value: String,
}

impl Search {
    /// The search that a part of a path says.
    pub fn parse(text: &str) -> Result<Search, RestError> {
        let wrong = || {
            RestError::search(format!(
                "expected a search as in (PartitionName=='web1'), got {text}; a value with blanks has quotes"
            ))
        };
        let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let inner = inner.ok_or_else(wrong)?;
        let split = |operator| inner.split_once(operator);
        let (key, equal, value) = match (split("=="), split("!=")) {
            (Some((key, value)), Some((other, _))) if key.len() <= other.len() => {
                (key, true, value)
            }
            (Some((key, value)), None) => (key, true, value),
            (_, Some((key, value))) => (key, false, value),
            (None, None) => return Err(wrong()),
        };
        let quoted = ['\'', '"'].iter().find_map(|quote| {
            value.strip_prefix(*quote).and_then(|value| value.strip_suffix(*quote))
        });
        let is_bare = quoted.is_none();
        let value = quoted.unwrap_or(value);
        if key.is_empty() || (is_bare && (value.is_empty() || value.contains([' ', '\'']))) {
            return Err(wrong());
        }
        Ok(Search { key: key.to_owned(), equal, value: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_quotes_or_not() {
        for (text, key, equal, value) in [
            ("(PartitionName=='web1')", "PartitionName", true, "web1"),
            ("(PartitionName==web1)", "PartitionName", true, "web1"),
            ("(PartitionID!=3)", "PartitionID", false, "3"),
            ("(PartitionName=='a == b!=c')", "PartitionName", true, "a == b!=c"),
            ("(PartitionName!=\"x y\")", "PartitionName", false, "x y"),
        ] {
            let expected = Search { key: key.into(), equal, value: value.into() };
            assert_eq!(Search::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_search_is_a_500() {
        for text in [
            "",
            "(",
            "()",
            "(PartitionName=web1)",
            "(PartitionName==a b)",
            "PartitionName==a",
            "(==a)",
            "(A==)",
            "(A==it's)",
        ] {
            assert_eq!(Search::parse(text).map_err(|error| error.status), Err(500), "{text}");
        }
    }
}
