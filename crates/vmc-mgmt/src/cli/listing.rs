//! Listings of objects: which attributes in which order, and where their values come from.
//!
//! Values come from the tables of [`crate::objects`] by the names that the command line gives them. What has no meaning in a
//! simulated system, and stands in every line of a real one all the same, is fixed here.

use super::args::Listing;
use super::fields::Fields;
use super::filter::Filters;
use super::output::{Failure, Output, UsageError};
use super::table::{Attribute, Table};
use crate::objects::Value;

/// An object of a listing.
pub(super) trait Row {
    /// The value of an attribute by its name.
    fn value(&self, name: &str) -> Option<Value>;
}

/// An attribute of a listing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    name: &'static str,
    fixed: Option<&'static str>,
    on_demand: bool,
}

impl Column {
    /// Its name.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }
}

/// One whose value the object has.
pub(super) const fn of(name: &'static str) -> Column {
    Column { name, fixed: None, on_demand: false }
}

/// One that is printed only when it is asked for.
pub(super) const fn on_demand(name: &'static str) -> Column {
    Column { name, fixed: None, on_demand: true }
}

/// One that is the same of each object.
pub(super) const fn fixed(name: &'static str, value: &'static str) -> Column {
    Column { name, fixed: Some(value), on_demand: false }
}

/// The listing as it is printed.
pub(super) fn print<R: Row>(
    columns: &[Column],
    rows: impl IntoIterator<Item = R>,
    listing: &Listing,
) -> Result<Output, Failure> {
    let fields = listing.fields.as_deref().map(Fields::parse).transpose()?;
    let attribute = |column: &Column| match column.on_demand {
        false => Attribute::new(column.name),
        true => Attribute::on_demand(column.name),
    };
    let mut table = Table::new(columns.iter().map(attribute).collect());
    for row in rows {
        let value = |column: &Column| match column.fixed {
            Some(fixed) => Value::from(fixed),
            None => row.value(column.name).unwrap_or(Value::Unset(crate::objects::Unset::Omitted)),
        };
        // A value for each attribute: the table takes it.
        let _ = table.push(columns.iter().map(value).collect());
    }
    Ok(table.print(fields.as_ref(), listing.header)?)
}

/// The filters of a listing.
pub(super) fn filters(listing: &Listing, known: &[&str]) -> Result<Filters, UsageError> {
    listing.filter.as_deref().map_or(Ok(Filters::default()), |text| Filters::parse(text, known))
}
