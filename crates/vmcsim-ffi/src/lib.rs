//! vmcsim for C and for every language that calls C: the simulated hypervisor behind a versioned ABI.
//!
//! A program, such as a driver or an emulator, makes a machine, makes the hcalls of its management partition, reads and
//! writes that partition's memory as its own, and is given interrupts. The hypervisor's side of the protocol is
//! driven step by step or runs on a thread of its own. The trace of it all is judged as that of every other driver is.
//!
//! `include/vmcsim.h` is the interface, with everything that a caller needs to know; cbindgen makes it of
//! this crate, and a test compares the two. Every function is in `exports`; what comes from a caller is checked in
//! `border` and `handles` before anything else sees it.
//!
//! | module | subject |
//! |---|---|
//! | `abi`, `opcodes` | numbers and structures of the header |
//! | `driver` | the tables of a driver that scenarios run |
//! | `exports` | its functions |
//! | `border` | pointers, sizes, errors and panics at the border |
//! | `handles` | which machines there are |
//! | `machine` | a machine: hcalls and what follows them |
//! | `create` | a machine from its configuration |
//! | `region` | memory that the caller sees |
//! | `interrupts` | how a partition hears of its interrupts |
//! | `service`, `runner` | the VMC service, by steps; on its own thread |
//! | `orders` | crash, boot and what else an operator does |
//! | `log`, `watch` | the trace; what is known of a driver that reads its queue without a call |
//! | `judge` | what the checkers find in it |

#![deny(unsafe_code)]

mod abi;
mod border;
mod create;
mod driver;
mod exports;
mod handles;
mod interrupts;
mod judge;
mod log;
mod machine;
mod opcodes;
mod orders;
mod region;
mod runner;
mod service;
mod watch;

pub use abi::*;
pub use driver::*;
pub use exports::*;
pub use opcodes::*;
