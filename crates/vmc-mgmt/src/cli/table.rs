//! A listing of objects.

use super::fields::Fields;
use super::output::{Output, UsageError};
use super::quoted::quoted;
use crate::objects::Value;

/// What is printed when there is no object; the exit code is 0.
const NOTHING: &str = "No results were found.";

/// An attribute of the objects of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// It is printed only when it is asked for by its name.
    pub on_demand: bool,
}

impl Attribute {
    /// One that is always printed.
    pub const fn new(name: &'static str) -> Attribute {
        Attribute { name, on_demand: false }
    }

    /// One that is printed when it is asked for.
    pub const fn on_demand(name: &'static str) -> Attribute {
        Attribute { name, on_demand: true }
    }
}

/// Objects, each with a value of every attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    attributes: Vec<Attribute>,
    rows: Vec<Vec<Value>>,
}

/// expected {expected} values, one for each attribute, got {got}
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} values, one for each attribute, got {got}")]
pub struct RowError {
    expected: usize,
    got: usize,
}

impl Table {
    /// A listing without objects.
    pub const fn new(attributes: Vec<Attribute>) -> Table {
        Table { attributes, rows: Vec::new() }
    }

    /// Adds an object.
    pub fn push(&mut self, values: Vec<Value>) -> Result<(), RowError> {
        let (expected, got) = (self.attributes.len(), values.len());
        if expected != got {
            return Err(RowError { expected, got });
        }
        self.rows.push(values);
        Ok(())
    }

    /// The listing as it is printed: pairs, or with `-F` values, with `--header` below their names.
    pub fn print(&self, fields: Option<&Fields>, header: bool) -> Result<Output, UsageError> {
        let lines = match fields {
            None if header => return Err(UsageError::HeaderAlone),
            None => self.rows.iter().map(|row| self.pairs(row)).collect(),
            Some(fields) => self.fields(fields, header)?,
        };
        Ok(match self.rows.is_empty() {
            true => Output::lines(&[String::from(NOTHING)]),
            false => Output::lines(&lines),
        })
    }

    fn pairs(&self, row: &[Value]) -> String {
        let printed = self.attributes.iter().zip(row).filter(|(it, _)| !it.on_demand);
        let pairs = printed.filter_map(|(attribute, value)| {
            let pair = format!("{}={}", attribute.name, value.in_pair()?);
            Some(quoted(&pair, ',').into_owned())
        });
        pairs.collect::<Vec<_>>().join(",")
    }

    fn fields(&self, fields: &Fields, header: bool) -> Result<Vec<String>, UsageError> {
        let places = self.places(fields)?;
        let delimiter = fields.delimiter;
        let joined = |parts: Vec<String>| parts.join(&delimiter.to_string());
        let names = places.iter().map(|place| self.attributes[*place].name.to_owned()).collect();
        let names = header.then(|| joined(names));
        let values = self.rows.iter().map(|row| {
            let values = places.iter().map(|place| row[*place].in_field());
            joined(values.map(|value| quoted(&value, delimiter).into_owned()).collect())
        });
        Ok(names.into_iter().chain(values).collect())
    }

    /// The places of the attributes that are asked for.
    fn places(&self, fields: &Fields) -> Result<Vec<usize>, UsageError> {
        if fields.names.is_empty() {
            let places = self.attributes.iter().enumerate().filter(|(_, it)| !it.on_demand);
            return Ok(places.map(|(place, _)| place).collect());
        }
        let place = |name: &String| {
            let found = self.attributes.iter().position(|attribute| attribute.name == name);
            found.ok_or_else(|| {
                let known: Vec<_> =
                    self.attributes.iter().map(|attribute| attribute.name).collect();
                UsageError::unknown("attribute", name, &known)
            })
        };
        fields.names.iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Unset;

    /// Two partitions as the reference shows them.
    fn partitions() -> Table {
        let mut table = Table::new(vec![
            Attribute::new("name"),
            Attribute::new("lpar_id"),
            Attribute::new("state"),
            Attribute::new("curr_profile"),
            Attribute::on_demand("curr_mem"),
            Attribute::new("description"),
        ]);
        let state = |words: &str| Value::State(words.into());
        let rows = [
            vec![
                "vios1".into(),
                1u64.into(),
                state("running"),
                "default".into(),
                4096u64.into(),
                "".into(),
            ],
            vec![
                "lp1".into(),
                10u64.into(),
                state("not activated"),
                Value::Unset(Unset::Omitted),
                0u64.into(),
                "says \"hi\", twice".into(),
            ],
        ];
        rows.into_iter().for_each(|row| table.push(row).expect("six values"));
        table
    }

    fn printed(fields: Option<&str>, header: bool) -> String {
        let fields = fields.map(|fields| Fields::parse(fields).expect("fields"));
        let output = partitions().print(fields.as_ref(), header).expect("a listing");
        assert_eq!((output.stderr.as_str(), output.code), ("", 0));
        output.stdout
    }

    #[test]
    fn pairs_are_quoted_whole_and_what_is_not_there_is_left_out() {
        assert_eq!(
            printed(None, false),
            "name=vios1,lpar_id=1,state=Running,curr_profile=default,description=\n\
             name=lp1,lpar_id=10,state=Not Activated,\"description=says \"\"hi\"\", twice\"\n"
        );
    }

    #[test]
    fn fields_are_values_in_the_order_that_was_asked_for() {
        let state = printed(Some("name,lpar_id,state"), true);
        assert_eq!(state, "name,lpar_id,state\nvios1,1,Running\nlp1,10,Not Activated\n");
        assert_eq!(printed(Some("curr_mem,name"), false), "4096,vios1\n0,lp1\n");
        assert_eq!(printed(Some("name:curr_profile"), false), "vios1:default\nlp1:null\n");
        assert_eq!(printed(Some("description"), false), "\n\"says \"\"hi\"\", twice\"\n");
        assert_eq!(
            printed(Some(""), true),
            "name,lpar_id,state,curr_profile,description\nvios1,1,Running,default,\n\
             lp1,10,Not Activated,null,\"says \"\"hi\"\", twice\"\n"
        );
    }

    #[test]
    fn a_value_with_the_delimiter_is_quoted() {
        let mut table = Table::new(vec![Attribute::new("name"), Attribute::new("vlan_ids")]);
        let vlans = Value::List(["1", "100"].map(String::from).to_vec());
        table.push(vec!["a:b".into(), vlans]).expect("two values");
        let line = |fields| {
            table.print(Some(&Fields::parse(fields).expect("fields")), false).expect("it").stdout
        };
        assert_eq!(line("name:vlan_ids"), "\"a:b\":\"1,100\"\n");
        assert_eq!(line("name,vlan_ids"), "a:b,\"1,100\"\n");
    }

    #[test]
    fn without_objects_there_is_a_sentence_and_no_header() {
        let table = Table::new(vec![Attribute::new("name")]);
        for fields in [None, Some(&Fields::all())] {
            let output = table.print(fields, fields.is_some()).expect("a listing");
            assert_eq!((output.stdout.as_str(), output.code), ("No results were found.\n", 0));
        }
        // What is asked for wrongly is told all the same.
        assert!(table.print(Some(&Fields::parse("nmae").expect("fields")), false).is_err());
    }

    #[test]
    fn what_is_asked_for_wrongly_is_told() {
        let table = partitions();
        let unknown = table.print(Some(&Fields::parse("name,stat").expect("fields")), false);
        assert_eq!(
            unknown.expect_err("unknown").to_string(),
            "the attribute `stat` is not known here; known are name, lpar_id, state, curr_profile, curr_mem, description"
        );
        let header = table.print(None, true).expect_err("no -F").to_string();
        assert_eq!(header, "--header goes with -F: it repeats the names after it");
        let short = Table::new(vec![Attribute::new("name")]).push(Vec::new());
        assert_eq!(
            short.expect_err("short").to_string(),
            "expected 1 values, one for each attribute, got 0"
        );
    }
}
