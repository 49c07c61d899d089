//! Requests and answers, without the server.

use super::atom::Entry;
use super::xml::Element;

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path as it came.
    pub uri: String,
    /// The path's parts behind `/rest/api`, decoded.
    pub path: Vec<String>,
    /// Query parameters by name.
    pub query: Vec<(String, String)>,
    /// Headers by name, in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Where links begin: scheme and host.
    pub base: String,
}

impl Request {
    /// A header's value; `None` also of an empty one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The groups of attributes that are asked for.
    pub fn groups(&self) -> Vec<String> {
        let groups = self.query.iter().filter(|(name, _)| name == "group");
        groups.flat_map(|(_, value)| value.split(',')).map(str::to_owned).collect()
    }

    /// A query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Whether JSON is asked for beside XML.
    pub fn wants_json(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("json"))
    }

    /// The ETag that the object is to have; quotes around it do not count.
    pub fn if_match(&self) -> Option<&str> {
        self.header("if-match")
            .map(|etag| etag.trim_matches('"'))
            .filter(|etag| !etag.is_empty() && *etag != "*")
    }

    /// The ETag that is known already.
    pub fn if_none_match(&self) -> Option<&str> {
        self.header("if-none-match").map(|etag| etag.trim_matches('"'))
    }
}

/// What an answer says.
#[derive(Clone, Debug)]
pub enum Answer {
    /// An object.
    Entry(Box<Entry>),
    /// Objects; no body when there are none.
    Feed(Vec<Entry>),
    /// A document without an entry, and headers beside it.
    Document(Box<Element>, Vec<(&'static str, String)>),
    /// JSON.
    Json(String),
    /// Nothing: it is done.
    Done,
    /// The object still has that ETag.
    NotModified,
}

/// An answer as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
