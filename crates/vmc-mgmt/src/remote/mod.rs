//! The command line of a running application: a path that takes a command line, and a client of it.
//!
//! The application writes a file into its data folder ([`AccessFile`]), which only its own user can read: it says where the
//! application listens, and has a token. Reading it is what proves who asks. A client sends the words of a command line to
//! [`PATH`] with the token, and has what the command prints and its exit code.
//!
//! | file | subject |
//! |---|---|
//! | `access` | the file in the data folder |
//! | `call` | what goes over the wire |
//! | `client` | the client: blocking, on this computer only |
//! | `route` | the path |

mod access;
mod call;
mod client;
mod route;
#[cfg(test)]
mod tests;

pub use access::{ACCESS_FILE, Access, AccessError, AccessFile};
pub use call::Program;
pub use client::{CallError, call};
pub use route::{Authority, Commands};

/// Where command lines are taken.
pub const PATH: &str = "/command";

/// The header with the token, as in REST.
pub const TOKEN_HEADER: &str = "x-api-session";
