//! Filters: which objects are listed.

use super::output::UsageError;
use super::quoted::split_quoted;

/// The filters of a listing: an object is listed if each filter has one of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Takes filters apart: `lpar_names=a`, `lpar_names=a,b`, or several of them, quoted, as in
    /// `"lpar_names=a,b",profile_names=p`. Quotes around the whole may have survived a shell.
    pub fn parse(text: &str, known: &[&str]) -> Result<Filters, UsageError> {
        let mut elements = split_quoted(text).map_err(UsageError::Quotes)?;
        if let [whole] = &elements[..]
            && whole.starts_with('"')
        {
            elements = split_quoted(whole).map_err(UsageError::Quotes)?;
        }
        let mut filters: Vec<(String, Vec<String>)> = Vec::new();
        for element in elements {
            let is_filter = |name: &str| known.contains(&name);
            match element.split_once('=') {
                Some((name, values)) if is_filter(name) => {
                    if filters.iter().any(|(before, _)| before == name) {
                        return Err(UsageError::Twice(name.to_owned()));
                    }
                    filters.push((name.to_owned(), values.split(',').map(String::from).collect()));
                }
                _ => match filters.last_mut() {
                    // A name may have a `=`, so what is no known filter after one is a value, unless it looks like one.
                    Some((_, values)) if !looks_like_a_filter(&element) => values.push(element),
                    _ => {
                        let name = element.split_once('=').map_or(&*element, |(name, _)| name);
                        return Err(UsageError::unknown("filter", name, known));
                    }
                },
            }
        }
        Ok(Filters(filters))
    }

    /// The values of a filter; `None` when there is no such filter.
    pub fn values(&self, name: &str) -> Option<&[String]> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, values)| &values[..])
    }

    /// Whether an object passes that has this value where the filter looks; it does when there is no such filter.
    pub fn pass(&self, name: &str, value: &str) -> bool {
        self.values(name).is_none_or(|values| values.iter().any(|one| one == value))
    }
}

/// Names of filters end in `s` and have an underscore: `lpar_names`, `lpar_ids`. One word does, too: `slots`.
fn looks_like_a_filter(element: &str) -> bool {
    let Some((name, _)) = element.split_once('=') else { return false };
    name.ends_with('s') && name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KNOWN: &[&str] = &["lpar_names", "lpar_ids", "profile_names", "slots"];

    fn filters(text: &str) -> Vec<(String, Vec<String>)> {
        Filters::parse(text, KNOWN).unwrap_or_else(|error| panic!("{text}: {error}")).0
    }

    fn names(values: &[&str]) -> (String, Vec<String>) {
        (String::from("lpar_names"), values.iter().map(|value| (*value).to_owned()).collect())
    }

    #[test]
    fn several_values_and_several_filters_in_each_form_in_which_they_arrive() {
        assert_eq!(filters("lpar_names=a"), [names(&["a"])]);
        assert_eq!(filters("lpar_names=a,b"), [names(&["a", "b"])]);
        assert_eq!(filters("\"lpar_names=a,b\""), [names(&["a", "b"])]);
        let profiles = (String::from("profile_names"), vec![String::from("p")]);
        for text in [
            "\"lpar_names=a,b\",profile_names=p",
            // As the reference writes it, whole.
            "\"\"\"lpar_names=a,b\"\",profile_names=p\"",
            // After a shell.
            "lpar_names=a,b,profile_names=p",
        ] {
            assert_eq!(filters(text), [names(&["a", "b"]), profiles.clone()], "{text}");
        }
        assert_eq!(filters("lpar_names=a=b,c=d"), [names(&["a=b", "c=d"])]);
    }

    #[test]
    fn an_object_passes_with_one_of_the_values_and_without_a_filter() {
        let filters = Filters::parse("lpar_names=a,b", KNOWN).expect("filters");
        let passed = ["a", "b", "c", "", "ab"].map(|name| filters.pass("lpar_names", name));
        assert_eq!(passed, [true, true, false, false, false]);
        assert!(filters.pass("lpar_ids", "7") && filters.values("lpar_ids").is_none());
    }

    #[test]
    fn a_filter_that_there_is_not_is_told() {
        let error = |text| Filters::parse(text, KNOWN).expect_err("a mistake").to_string();
        let known = "known are lpar_names, lpar_ids, profile_names, slots";
        assert_eq!(error("names=a"), format!("the filter `names` is not known here; {known}"));
        assert_eq!(error("a"), format!("the filter `a` is not known here; {known}"));
        assert_eq!(error(""), format!("the filter `` is not known here; {known}"));
        assert_eq!(
            error("lpar_names=a,vswitches=b"),
            format!("the filter `vswitches` is not known here; {known}")
        );
        assert_eq!(error("slots=1,slots=2"), "the attribute `slots` is given twice");
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[a-s=,\"_]{0,30}") {
            let _ = Filters::parse(&text, KNOWN);
        }
    }
}
