//! The fields of requests and responses by name: how a text says them and shows them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// What a field holds, of any type on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A number.
    Number(u64),
    /// True or false.
    Truth(bool),
    /// A name, a text, a MAC address, bytes in hex.
    Text(String),
    /// Several of a kind.
    List(Vec<Value>),
    /// Fields by name, in the order of the wire. An optional field that is absent is not in it.
    Table(Vec<(String, Value)>),
}

impl Value {
    /// The field of this name, if it is a table that has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Value::Table(fields) = self else { return None };
        fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// Whether it has everything that `expected` has: the same value, the same elements of a list in the same order, and
    /// of a table at least the fields that `expected` names. The path of the first difference, what was expected and what is
    /// there, if not.
    pub fn difference(&self, expected: &Value) -> Option<Difference> {
        match (self, expected) {
            (Value::Table(_), Value::Table(fields)) => {
                fields.iter().find_map(|(name, expected)| {
                    let found = match self.get(name) {
                        Some(found) => found.difference(expected)?,
                        None => Difference::new("nothing".to_string(), expected),
                    };
                    Some(found.below(name))
                })
            }
            (Value::List(got), Value::List(wanted)) if got.len() == wanted.len() => {
                got.iter().zip(wanted).enumerate().find_map(|(i, (got, wanted))| {
                    Some(got.difference(wanted)?.below(&i.to_string()))
                })
            }
            (got, wanted) if got == wanted => None,
            (got, wanted) => Some(Difference::new(got.to_string(), wanted)),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Value::Number(_) => "a number",
            Value::Truth(_) => "true or false",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Truth(truth) => write!(f, "{truth}"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::List(values) => {
                f.write_str("[")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Value::Table(fields) => {
                f.write_str("{ ")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name} = {value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// Where a value is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Difference {
    /// The names of the fields that lead there, with points in between.
    pub path: String,
    /// What is there.
    pub got: String,
    /// What was expected.
    pub expected: String,
}

impl Difference {
    fn new(got: String, expected: &Value) -> Difference {
        Difference { path: String::new(), got, expected: expected.to_string() }
    }

    fn below(mut self, name: &str) -> Difference {
        self.path =
            if self.path.is_empty() { name.into() } else { format!("{name}.{}", self.path) };
        self
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        write!(f, "expected {}, got {}", self.expected, self.got)
    }
}

/// A field that cannot be made of what is said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldError {
    /// The names of the fields that lead to it, with points in between.
    pub path: String,
    /// What would do.
    pub expected: String,
    /// What is there.
    pub got: String,
}

impl FieldError {
    pub(crate) fn new(expected: impl Into<String>, got: Option<&Value>) -> FieldError {
        let got = got.map_or_else(
            || "nothing".to_string(),
            |got| match got {
                Value::Number(_) | Value::Text(_) | Value::Truth(_) => got.to_string(),
                other => other.kind().to_string(),
            },
        );
        FieldError { path: String::new(), expected: expected.into(), got }
    }

    pub(crate) fn below(mut self, name: &str) -> FieldError {
        self.path =
            if self.path.is_empty() { name.into() } else { format!("{name}.{}", self.path) };
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        write!(f, "expected {}, got {}", self.expected, self.got)
    }
}

impl core::error::Error for FieldError {}
