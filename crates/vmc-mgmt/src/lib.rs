//! The management application: what an administrator asks for becomes HMC commands over the VMC, and what comes back is shown
//! in the forms that HMC and NovaLink have.
//!
//! [`App`] owns the session of the VMC; every look and every change goes through it, and it keeps no truth of its own.
//! [`objects`] has one definition of each object's attributes, for XML documents, quick properties and the command line.
//! [`cli`] is the HMC's command line, and NovaLink's; [`remote`] is that of an application that runs; [`program`] are the programs
//! `hmc` and `pvmctl`; [`console`] is the page.
//!
//! ```
//! use hmc_proto::{CreatePartition, Memory};
//! use vmc_mgmt::App;
//! use vmc_mgmt::objects::{self, partition};
//!
//! let app = App::embedded(hmc_router::small_system())?;
//! let memory = Memory { min_mb: 1024, desired_mb: 2048, max_mb: 4096 };
//! let created = app.with(move |client| client.create_partition(CreatePartition::linux("web1", memory, 2)))?;
//! let snapshot = app.snapshot()?;
//! let web1 = snapshot.partition_named("web1").expect("it was created");
//! assert_eq!(web1.partition.id, created.id);
//! let memory = objects::by_cli(partition::FIELDS, "desired_mem").expect("an attribute");
//! let subject = partition::Subject::new(&snapshot, web1);
//! assert_eq!(memory.cli_value(&subject), vmc_mgmt::cli::Value::Number(2048));
//! assert_eq!(memory.quick_json(&subject), "2048");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod console;
pub mod objects;
pub mod program;
pub mod recording;
pub mod remote;
pub mod rest;
mod secret;
pub mod serve;
pub mod store;

pub use app::{App, AppError};
