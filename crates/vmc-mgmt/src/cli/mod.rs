//! The form of the HMC's command line (management reference, section 2.1): attributes in, attributes out.
//!
//! A listing is a [`Table`] of objects, each with the [`Value`]s of its [`Attribute`]s. It is printed as pairs, or with `-F` as
//! values only:
//!
//! ```
//! use vmc_mgmt::cli::{Attribute, Fields, Output, Table, Unset, Value};
//!
//! let mut table = Table::new(vec![
//!     Attribute::new("name"),
//!     Attribute::new("lpar_id"),
//!     Attribute::new("state"),
//!     Attribute::new("lpar_proc_compat_modes"),
//! ]);
//! let modes = ["default", "POWER8", "POWER9"].map(String::from).to_vec();
//! table.push(vec!["lp1".into(), 10u64.into(), Value::State("not activated".into()), Value::List(modes)])?;
//! assert_eq!(
//!     table.print(None, false)?.stdout,
//!     "name=lp1,lpar_id=10,state=Not Activated,\"lpar_proc_compat_modes=default,POWER8,POWER9\"\n"
//! );
//! let fields = Fields::parse("name:state")?;
//! assert_eq!(table.print(Some(&fields), true)?.stdout, "name:state\nlp1:Not Activated\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is written is taken apart by [`Record`] (`-i` and `-a`), [`Filters`] (`--filter`), [`Fields`] (`-F`) and, for a whole command
//! line in one argument, as ssh hands it over, [`split_words`].
//!
//! # What is decided where the reference is silent
//!
//! - A value is quoted when it has a comma, a quote or the end of a line, and with `-F` also when it has the delimiter.
//! - A failure is printed to the standard output, as captures show, and its exit code is 1.
//! - In a filter, a value after a comma belongs to the filter before it, quoted or not: a shell may have eaten the quotes.
//! - In a record each pair must have its `=`.

mod fields;
mod filter;
mod output;
mod quoted;
mod record;
mod shell;
mod table;
mod value;

pub use fields::Fields;
pub use filter::Filters;
pub use output::{Failure, Output, UsageError};
pub use quoted::{QuoteError, split_quoted};
pub use record::{Change, Pair, Record};
pub use shell::{ShellError, split_words};
pub use table::{Attribute, RowError, Table};
pub use value::{Unset, Value};
