//! Tests.

mod fields;
mod golden;
mod lists;
mod page;
mod properties;
