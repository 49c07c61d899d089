//! What is refused, as documents: the status, a phrase, and a message that begins with a code.

use super::ids;
use super::xml::{Element, WEB, XmlError};
use crate::app::AppError;
use crate::objects::ValueError;
use hmc_proto::{Refusal, ReturnCode};
use managed_system::refusal_codes::{NO_SUCH_PARTITION, VERSION_CONFLICT};

/// A value is not one that the system knows (management reference, section 2.4).
const INVALID_VALUE: &str = "HSCL0617";

/// A refusal of REST's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestError {
    /// The HTTP status.
    pub status: u16,
    /// A phrase.
    pub reason: &'static str,
    /// A code, and what is wrong and what to do.
    pub message: String,
    /// What the header `Allow` says; empty when there is none.
    pub allowed: String,
}

impl RestError {
    pub(super) fn new(status: u16, reason: &'static str, message: impl Into<String>) -> RestError {
        RestError { status, reason, message: message.into(), allowed: String::new() }
    }

    /// 400 REST0001: the document is wrong.
    pub fn bad(message: impl std::fmt::Display) -> RestError {
        RestError::new(400, "Bad Request", format!("REST0001 {message}"))
    }

    /// 400 REST000B and REST000E: there is no such type.
    pub fn unknown_type(kind: &str, known: &[&str]) -> RestError {
        let message = format!(
            "REST000B REST000E there is no type {kind} here; there are {}",
            known.join(", ")
        );
        RestError::new(400, "Unknown internal error.", message)
    }

    /// 401: no session.
    pub fn unauthorized(message: &str) -> RestError {
        RestError::new(401, "Unauthorized", message)
    }

    /// 404 REST029B: there is no such object.
    pub fn not_found(kind: &str, id: &str) -> RestError {
        RestError::new(404, "Not Found", format!("REST029B there is no {kind} with the UUID {id}"))
    }

    /// 404 REST020F: there is no such parent.
    pub fn no_parent(kind: &str, id: &str) -> RestError {
        let message = format!("REST020F there is no {kind} with the UUID {id} above it");
        RestError::new(404, "Not Found", message)
    }

    /// 404 REST0003: there is no such quick property.
    pub fn no_property(kind: &str, name: &str, known: &[&str]) -> RestError {
        let message =
            format!("REST0003 {kind} has no quick property {name}; there are {}", known.join(", "));
        RestError::new(404, "Not Found", message)
    }

    /// 404 REST0005: there is no such job.
    pub fn no_job(id: &str) -> RestError {
        RestError::new(404, "Not Found", format!("REST0005 there is no job {id}"))
    }

    /// 404: nothing of that path.
    pub fn no_path(method: &str, path: &str) -> RestError {
        let message =
            format!("REST0002 {method} {path} is not served; the README of vmc-mgmt lists what is");
        RestError::new(404, "Not Found", message)
    }

    /// 405: the path is there, and these methods can be used with it.
    pub fn no_method(method: &str, allowed: &str, only_on_hmc: bool) -> RestError {
        let hmc = if only_on_hmc { "; with --dialect hmc it is" } else { "" };
        let message = format!("REST0002 {method} is not served here; what is: {allowed}{hmc}");
        let refused = RestError::new(405, "Method Not Allowed", message);
        RestError { allowed: allowed.to_owned(), ..refused }
    }

    /// 412: the object has changed.
    pub fn stale(got: &str, now: &str) -> RestError {
        let message =
            format!("the ETag is {now}, not {got}: read the object again and repeat the change");
        RestError::new(412, "Precondition Failed", message)
    }

    /// 413: the body is too long.
    pub fn too_long(most: usize) -> RestError {
        RestError::new(413, "Payload Too Large", format!("expected a body of at most {most} bytes"))
    }

    /// 431: the headers are too long.
    pub fn headers(most: usize) -> RestError {
        let message = format!("expected headers of at most {most} bytes");
        RestError::new(431, "Request Header Fields Too Large", message)
    }

    /// 500: the search cannot be read.
    pub fn search(message: impl Into<String>) -> RestError {
        RestError::new(500, "Unknown internal error.", message)
    }

    /// 500 with a code: the system refuses.
    pub fn refused(code: &str, text: impl std::fmt::Display) -> RestError {
        RestError::new(500, "Unknown internal error.", format!("{code} {text}"))
    }

    /// 503: try again later.
    pub fn busy(message: impl Into<String>) -> RestError {
        RestError::new(503, "Service Unavailable", message)
    }

    /// What the managed system refuses.
    pub fn of_refusal(refusal: &Refusal) -> RestError {
        match refusal.code.as_str() {
            VERSION_CONFLICT => RestError::new(412, "Precondition Failed", refusal.to_string()),
            NO_SUCH_PARTITION => RestError::new(404, "Not Found", format!("REST029B {refusal}")),
            _ => RestError::refused("REST0126", refusal),
        }
    }

    /// The document.
    pub fn element(&self, uri: &str) -> Element {
        Element { namespace: WEB.into(), ..Element::new("HttpErrorResponse") }
            .with("schemaVersion", "V1_0")
            .child(Element::text("HTTPStatus", self.status.to_string()))
            .child(Element::text("RequestURI", uri))
            .child(Element::text("ReasonCode", self.reason))
            .child(Element::text("Message", &self.message))
    }

    /// The document's identifier.
    pub fn id(&self, uri: &str) -> String {
        let hash = ids::hash(format!("{} {uri} {}", self.status, self.message).as_bytes());
        format!("{:08x}-0000-4000-8000-{:012x}", hash >> 32, hash & 0xffff_ffff_ffff)
    }
}

impl From<XmlError> for RestError {
    fn from(error: XmlError) -> RestError {
        RestError::bad(error)
    }
}

impl From<ValueError> for RestError {
    fn from(error: ValueError) -> RestError {
        RestError::bad(error)
    }
}

impl From<AppError> for RestError {
    fn from(error: AppError) -> RestError {
        if let Some(refusal) = error.refusal() {
            return RestError::of_refusal(refusal);
        }
        let AppError::Client(client) = &error else {
            return RestError::busy(format!("the hypervisor has not answered: {error}"));
        };
        match client {
            // The hypervisor cannot make sense of a value, or it does not go into a message.
            hmc_client::Error::Code {
                code: ReturnCode::INVALID_DATA | ReturnCode::SIZE, ..
            }
            | hmc_client::Error::TooLong { .. } => {
                let text = format!("{INVALID_VALUE} a value of the document cannot be: {client}");
                RestError::refused("REST0126", text)
            }
            _ => RestError::busy(format!("the hypervisor has not answered: {error}")),
        }
    }
}

impl From<hmc_client::Error> for RestError {
    fn from(error: hmc_client::Error) -> RestError {
        RestError::from(AppError::Client(error))
    }
}
