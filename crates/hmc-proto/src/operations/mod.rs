//! The operations' data.

mod network;
mod paging;
mod partition;
mod power;
mod router;
mod storage;
mod system;

pub use network::*;
pub use paging::*;
pub use partition::*;
pub use power::*;
pub use router::*;
pub use storage::*;
pub use system::*;
