//! What benchmarks and counts of instructions and of allocations share: a hypervisor whose two queues are
//! registered, and its hot paths and those of a whole simulated machine, as operations that can be repeated.
//!
//! | module | subject |
//! |---|---|
//! | `machine` | the hypervisor, a copy, a message, an interrupt |
//! | `manager` | a session with the router, and HMC commands |
//! | `paths` | the hot paths by name |
//! | `patience` | waiting for another thread |

#![forbid(unsafe_code)]

mod machine;
mod manager;
mod paths;
mod patience;

pub use machine::{Consumer, Machine, PAGE};
pub use manager::{Manager, change, look};
pub use paths::{Borrower, HotPath, hot_paths};
pub use patience::wait_for;
