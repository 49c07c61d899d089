//! Records of attributes: what `-i` and `-a` take.

use super::output::UsageError;
use super::quoted::split_quoted;

/// How a value is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `attr=value`: it is the value from now on.
    Set,
    /// `attr+=value`: its elements are added to the list.
    Add,
    /// `attr-=value`: its elements are removed from the list.
    Remove,
}

/// An attribute and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its name.
    pub name: String,
    /// How the value is meant.
    pub change: Change,
    /// The value as it was written.
    pub value: String,
}

impl Pair {
    /// The elements of a list.
    pub fn elements(&self) -> Vec<&str> {
        match self.value.as_str() {
            "" => Vec::new(),
            value => value.split(',').collect(),
        }
    }
}

/// A record: attributes in the order in which they were written, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record(Vec<Pair>);

impl Record {
    /// Takes a record apart. A pair whose value has commas is quoted: `name=x,"virtual_eth_adapters=2/0/1//0/0,3/0/2//0/0"`.
    pub fn parse(text: &str) -> Result<Record, UsageError> {
        let elements = split_quoted(text).map_err(UsageError::Quotes)?;
        let mut pairs: Vec<Pair> = Vec::new();
        for element in elements {
            let Some((name, value)) = element.split_once('=') else {
                return Err(UsageError::NoPair { element, before: pairs.pop().map(|it| it.name) });
            };
            let (name, change) = match name.as_bytes().last() {
                Some(b'+') => (&name[..name.len() - 1], Change::Add),
                Some(b'-') => (&name[..name.len() - 1], Change::Remove),
                _ => (name, Change::Set),
            };
            if name.is_empty() {
                return Err(UsageError::NoName(element));
            }
            if pairs.iter().any(|pair| pair.name == name) {
                return Err(UsageError::Twice(name.to_owned()));
            }
            let (name, value) = (name.to_owned(), value.to_owned());
            pairs.push(Pair { name, change, value });
        }
        Ok(Record(pairs))
    }

    /// Its pairs in order.
    pub fn pairs(&self) -> &[Pair] {
        &self.0
    }

    /// The pair of an attribute.
    pub fn get(&self, name: &str) -> Option<&Pair> {
        self.0.iter().find(|pair| pair.name == name)
    }

    /// Refuses a record with an attribute that a command does not know.
    pub fn only(&self, known: &[&str]) -> Result<(), UsageError> {
        let unknown = self.0.iter().find(|pair| !known.contains(&pair.name.as_str()));
        unknown.map_or(Ok(()), |pair| Err(UsageError::unknown("attribute", &pair.name, known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        Record::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn values_are_set_added_and_removed() {
        let record = Record::parse(
            "name=lp2,\"virtual_eth_adapters=2/0/100//0/0,3/0/200//0/0\",io_slots+=21010001,x-=1,description=",
        )
        .expect("a record");
        let shown: Vec<_> = record
            .pairs()
            .iter()
            .map(|pair| (pair.name.as_str(), pair.change, pair.elements().len()))
            .collect();
        assert_eq!(
            shown,
            [
                ("name", Change::Set, 1),
                ("virtual_eth_adapters", Change::Set, 2),
                ("io_slots", Change::Add, 1),
                ("x", Change::Remove, 1),
                ("description", Change::Set, 0),
            ]
        );
        assert_eq!(record.get("name").expect("there").value, "lp2");
        // A value may have what pairs are made of.
        let record = Record::parse("name=a=b,key=-=").expect("a record");
        assert_eq!(record.get("name").expect("there").value, "a=b");
        assert_eq!(record.get("key").expect("there").value, "-=");
    }

    #[test]
    fn what_is_wrong_is_told_in_the_words_of_the_record() {
        assert_eq!(
            error("name=x,virtual_eth_adapters=2/0/100//0/0,3/0/200//0/0"),
            "expected attribute=value, got `3/0/200//0/0`; if it belongs to `virtual_eth_adapters`, quote the pair: \
             \"virtual_eth_adapters=…,3/0/200//0/0\""
        );
        assert_eq!(error("name"), "expected attribute=value, got `name`");
        assert_eq!(error("=x"), "expected an attribute before the `=` of `=x`");
        assert_eq!(error("+=x"), "expected an attribute before the `=` of `+=x`");
        assert_eq!(error("name=a,name=b"), "the attribute `name` is given twice");
        assert_eq!(error("\"name=a"), "the quote at character 1 has no other one");
        let record = Record::parse("name=a,mem=1").expect("a record");
        assert_eq!(
            record.only(&["name", "desired_mem"]).expect_err("unknown").to_string(),
            "the attribute `mem` is not known here; known are name, desired_mem"
        );
        assert_eq!(record.only(&["name", "mem"]), Ok(()));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[a-c=+,\"-]{0,20}") {
            let _ = Record::parse(&text);
        }
    }
}
