//! Records of fields, and values of a few: the type, its bytes, its fields by name, its table in the page on operations.

use crate::value::{FieldError, Value};
use crate::wire::Wire;
use alloc::format;
use alloc::string::ToString;

/// Defines records: the type, its bytes, its fields by name and its table in the page on operations.
macro_rules! records {
    ($($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $field_doc:literal])* $field:ident: $type:ty,)* })*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $type,)*
        }

        impl $crate::wire::Wire for $name {
            const MIN_BYTES: usize = 0 $(+ <$type as $crate::wire::Wire>::MIN_BYTES)*;
            const FIXED: bool = true $(&& <$type as $crate::wire::Wire>::FIXED)*;

            #[allow(unused_variables, reason = "some records are empty")]
            fn put(&self, out: &mut alloc::vec::Vec<u8>) {
                $($crate::wire::Wire::put(&self.$field, out);)*
            }

            #[allow(unused_variables, reason = "some records are empty")]
            fn get(from: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::Malformed> {
                Ok($name { $($field: $crate::wire::Wire::get(from)?,)* })
            }

            fn to_value(&self) -> $crate::Value {
                let fields: alloc::vec::Vec<(alloc::string::String, $crate::Value)> = alloc::vec![
                    $((stringify!($field).into(), $crate::wire::Wire::to_value(&self.$field)),)*
                ];
                let absent: &[bool] = &[$($crate::wire::Wire::is_absent(&self.$field),)*];
                let present = fields.into_iter().zip(absent).filter(|(_, absent)| !**absent);
                $crate::Value::Table(present.map(|(field, _)| field).collect())
            }

            fn from_value(value: Option<&$crate::Value>) -> Result<Self, $crate::FieldError> {
                $crate::record::check_names(value, &[$(stringify!($field)),*])?;
                Ok($name { $($field: $crate::record::named(value, stringify!($field))?,)* })
            }

            fn shape() -> alloc::string::String {
                stringify!($name).into()
            }

            fn fields() -> alloc::vec::Vec<$crate::wire::FieldLayout> {
                alloc::vec![$($crate::wire::FieldLayout {
                    name: stringify!($field),
                    shape: <$type as $crate::wire::Wire>::shape(),
                    meaning: concat!($($field_doc),*).trim().into(),
                    bytes: <$type as $crate::wire::Wire>::FIXED
                        .then_some(<$type as $crate::wire::Wire>::MIN_BYTES),
                }),*]
            }

            fn records(found: &mut alloc::vec::Vec<$crate::wire::RecordLayout>) {
                $(<$type as $crate::wire::Wire>::records(found);)*
                let record = $crate::wire::RecordLayout {
                    name: stringify!($name),
                    meaning: concat!($($doc),*).trim().into(),
                    fields: <Self as $crate::wire::Wire>::fields(),
                    values: alloc::vec::Vec::new(),
                };
                if !found.contains(&record) {
                    found.push(record);
                }
            }

            #[cfg(test)]
            #[allow(unused_variables, reason = "some records are empty")]
            fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
                $name { $($field: $crate::wire::Wire::draw(source),)* }
            }
        }
    )* };
}
pub(crate) use records;

/// Defines what has one of a few values, in one byte.
macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $value_doc:literal])* $variant:ident = $value:literal, $text:literal;)* })*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[doc = $value_doc])* $variant = $value,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            const EXPECTED: &str = concat!("one of", $(" `", $text, "`"),*);

            /// Its name in texts.
            pub const fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl $crate::wire::Wire for $name {
            const MIN_BYTES: usize = 1;
            const FIXED: bool = true;

            fn put(&self, out: &mut alloc::vec::Vec<u8>) {
                out.push(*self as u8);
            }

            fn get(from: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::Malformed> {
                match <u8 as $crate::wire::Wire>::get(from)? {
                    $($value => Ok($name::$variant),)*
                    other => Err(from.value_error($name::EXPECTED, u64::from(other))),
                }
            }

            fn to_value(&self) -> $crate::Value {
                $crate::Value::Text(self.name().into())
            }

            fn from_value(value: Option<&$crate::Value>) -> Result<Self, $crate::FieldError> {
                let named = |text: &str| $name::ALL.iter().copied().find(|code| code.name() == text);
                match value {
                    Some($crate::Value::Text(text)) => named(text),
                    _ => None,
                }
                .ok_or_else(|| $crate::FieldError::new($name::EXPECTED, value))
            }

            fn shape() -> alloc::string::String {
                stringify!($name).into()
            }

            fn records(found: &mut alloc::vec::Vec<$crate::wire::RecordLayout>) {
                let record = $crate::wire::RecordLayout {
                    name: stringify!($name),
                    meaning: concat!($($doc),*).trim().into(),
                    fields: alloc::vec::Vec::new(),
                    values: alloc::vec![$(($value, $text)),*],
                };
                if !found.contains(&record) {
                    found.push(record);
                }
            }

            #[cfg(test)]
            fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
                $name::ALL[source.next().unwrap_or(0) as usize % $name::ALL.len()]
            }
        }
    )* };
}
pub(crate) use codes;

/// Refuses a field that there is not.
pub(crate) fn check_names(value: Option<&Value>, known: &[&str]) -> Result<(), FieldError> {
    let fields = match value {
        None => return Ok(()),
        Some(Value::Table(fields)) => fields,
        Some(_) => return Err(FieldError::new("a table", value)),
    };
    match fields.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((unknown, _)) => {
            let list = match known {
                [] => "no field".to_string(),
                known => format!("a field of {}", known.join(", ")),
            };
            let got = Value::Text(unknown.clone());
            Err(FieldError::new(list, Some(&got)))
        }
    }
}

/// The field of this name.
pub(crate) fn named<T: Wire>(value: Option<&Value>, name: &str) -> Result<T, FieldError> {
    let field = value.and_then(|value| value.get(name));
    T::from_value(field).map_err(|e| e.below(name))
}
