//! Requests and answers, without the server.

use super::atom::Entry;
use super::error::RestError;
use super::json;
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

    /// Whether JSON is asked for rather than XML.
    pub fn wants_json(&self) -> bool {
        let quality = |range: &str| {
            let given = range.split(';').find_map(|part| part.trim().strip_prefix("q="));
            given.and_then(|given| given.trim().parse::<f64>().ok()).unwrap_or(1.0)
        };
        let best = |is_json: bool| {
            let ranges = self.header("accept").unwrap_or_default().split(',');
            let mine = ranges.filter(|range| range.contains("json") == is_json).map(quality);
            mine.fold(0.0, f64::max)
        };
        best(true) > best(false)
    }

    /// The document that the body is, in JSON if its type says so.
    pub fn document(&self) -> Result<Element, RestError> {
        if self.header("content-type").is_some_and(|kind| kind.contains("json")) {
            return json::parse(&self.body).map_err(RestError::bad);
        }
        Ok(Element::parse(&self.body)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_given_when_it_is_liked_best() {
        let wants = |accept: &str| {
            let headers = vec![(String::from("accept"), accept.to_owned())];
            Request { headers, ..Request::default() }.wants_json()
        };
        for accept in [
            "application/json",
            "application/vnd.ibm.powervm.web+json",
            "application/json, */*;q=0.1",
            "a/xml;q=0.5,b/json",
        ] {
            assert!(wants(accept), "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "application/atom+xml, application/json;q=0.9",
            "application/atom+xml,application/json",
            "a/json;q=0",
        ] {
            assert!(!wants(accept), "{accept}");
        }
    }
}
