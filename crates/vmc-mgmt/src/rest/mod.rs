//! The REST interface of HMC and NovaLink (management reference, section 1).
//!
//! | file | subject |
//! |---|---|
//! | `service` | a request in, its answer out: sessions, the audit log, forms of answers |
//! | `routes` | paths and methods |
//! | `openapi` | the same as a document |
//! | `docs` | objects as documents |
//! | `changes` | documents as HMC commands |
//! | `kept` | elements of documents that are not known |
//! | `operations`, `jobs` | operations that take time |
//! | `listeners` | events for clients |
//! | `xml`, `atom`, `json`, `search` | forms |
//! | `sessions`, `audit` | who asks, and who has changed what |
//! | `server` | HTTP and TLS |

pub mod atom;
pub mod audit;
pub mod changes;
pub mod docs;
pub mod error;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod json;
pub mod kept;
pub mod listeners;
pub mod openapi;
pub mod operations;
pub mod routes;
pub mod search;
pub mod server;
pub mod service;
pub mod sessions;
pub mod xml;

pub use service::{Rest, Sizes};
