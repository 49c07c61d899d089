//! Drivers that users bring: a library in C becomes the driver of a scenario's machine.
//!
//! `vmcsim.h` has the two tables, that of the functions that a driver gives (`vmcsim_driver`) and that of the services that
//! it is given (`vmcsim_services`). Here is what is between them and a machine:
//!
//! | module | subject |
//! |---|---|
//! | `library` | the library: found, loaded, its table checked |
//! | `driver` | the driver as a machine sees it: calls and their effects |
//! | `turn` | threads of calls, and who has the turn |
//! | `services` | the functions of `vmcsim_services` |
//! | `instance`, `memory` | what is kept of an instance, and what it has addresses of |
//! | `suite`, `notes` | the scenarios as a conformance suite; what is left of a driver that crashes |
//! | `sections`, `wrong` | what a scenario is about; what was wrong first, and which sentence it breaks |
//! | `jump` | a function of the driver is called, or left |

#![deny(unsafe_code)]

mod driver;
mod instance;
mod jump;
mod library;
mod memory;
mod notes;
mod sections;
mod services;
pub mod suite;
mod turn;
mod wrong;

pub use driver::Host;
pub use library::{LibraryError, Table};
pub use wrong::FirstWrong;
