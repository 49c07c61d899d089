//! What each path and method comes to.

use super::atom::{Entry, feed, feed_text};
use super::audit::{Audit, Record};
use super::docs::{self, Scene};
use super::error::RestError;
use super::http::{Answer, Reply, Request};
use super::jobs::Jobs;
use super::kept::Kept;
use super::listeners::Listeners;
use super::routes::table;
use super::sessions::Sessions;
use super::xml::{ATOM, Element, UOM, WEB};
use super::{atom, ids, json, routes};
use crate::app::{App, AppClient, Snapshot, now};
use crate::cli::Dialect;
use std::sync::Arc;
use std::time::Duration;

/// The REST interface of an application.
#[derive(Debug)]
pub struct Rest {
    pub(super) app: App,
    pub(super) sessions: Sessions,
    pub(super) dialect: Dialect,
    pub(super) jobs: Jobs,
    pub(super) listeners: Listeners,
    kept: Arc<Kept>,
    audit: Arc<Audit>,
    /// When it began, since 1970.
    began: Duration,
}

/// How much is kept of clients and their requests. Each has a limit: `MAX_SESSIONS`, `MAX_KEPT` twice, `MAX_LISTENERS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Sessions that are open.
    pub sessions: usize,
    /// Requests that have begun a job of the hypervisor.
    pub begun: usize,
    /// Jobs that were over at once.
    pub at_once: usize,
    /// Applications that listen to events.
    pub listeners: usize,
}

impl Rest {
    /// The interface of an application.
    pub fn new(app: App, sessions: Sessions, dialect: Dialect, audit: Audit) -> Rest {
        let (jobs, listeners) = (Jobs::default(), Listeners::default());
        let (kept, audit) = (Arc::default(), Arc::new(audit));
        Rest { app, sessions, dialect, jobs, listeners, kept, audit, began: now() }
    }

    /// The same, with elements of clients' documents that were kept before.
    pub fn with_kept(self, kept: Kept) -> Rest {
        Rest { kept: Arc::new(kept), ..self }
    }

    /// The user whose session has this token.
    pub fn user(&self, token: &str) -> Option<String> {
        self.sessions.user(token)
    }

    /// A token for a user of the console with this password; `None` when either is wrong, or no session can be made.
    pub fn token(&self, user: &str, password: &str) -> Option<String> {
        let token = self.sessions.log_on(user, password).ok().flatten();
        self.audit.write(&Record {
            time: atom::time(now()),
            user,
            method: "POST",
            uri: "/console/logon",
            status: if token.is_some() { 200 } else { 401 },
            ..Record::default()
        });
        token
    }

    /// How much it keeps of clients and their requests now.
    pub fn sizes(&self) -> Sizes {
        let (begun, at_once) = self.jobs.sizes();
        Sizes {
            sessions: self.sessions.number(),
            begun,
            at_once,
            listeners: self.listeners.number(),
        }
    }

    /// The audit log.
    pub fn audit(&self) -> &Arc<Audit> {
        &self.audit
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request) -> Reply {
        let mut user = String::new();
        let answer = self.authorized(request, &mut user);
        let reply = self.reply(request, answer);
        if request.method != "GET" {
            self.audit.write(&Record {
                time: atom::time(now()),
                user: &user,
                memento: request.header("x-audit-memento").unwrap_or_default(),
                method: &request.method,
                uri: &request.uri,
                status: reply.status,
            });
        }
        reply
    }

    fn authorized(&self, request: &Request, user: &mut String) -> Result<Answer, RestError> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let is_open = table::find(self.dialect, &request.method, &path, &request.uri);
        if is_open.is_ok_and(|route| route.open) {
            return self.log_on(request, user);
        }
        let token = request.header("x-api-session").unwrap_or_default();
        match self.sessions.user(token) {
            Some(known) => *user = known,
            None => {
                let text = "there is no such session, or it has expired: log on with PUT /rest/api/web/Logon";
                return Err(RestError::unauthorized(text));
            }
        }
        if path == ["web", "Logon"] && request.method == "DELETE" {
            let failed = |error| {
                RestError::busy(format!(
                    "the session has ended, and would be open again after a restart: {error}"
                ))
            };
            return self.sessions.log_off(token).map(|()| Answer::Done).map_err(failed);
        }
        routes::route(self, request, &path)
    }

    fn log_on(&self, request: &Request, user: &mut String) -> Result<Answer, RestError> {
        let document = request.document()?.own();
        let is_logon = document.name == "LogonRequest";
        if !is_logon || !["", WEB].contains(&document.namespace.as_str()) {
            let (name, namespace) = (&document.name, &document.namespace);
            return Err(RestError::bad(format!(
                "expected a LogonRequest of the namespace {WEB}, got {name} of `{namespace}`"
            )));
        }
        let failed = |e: std::io::Error| RestError::busy(format!("no session could be made: {e}"));
        let name = document.text_at("UserID").unwrap_or_default();
        *user = name.to_owned();
        let answer = |child: Element| {
            let metadata = Element::new("Metadata").child(Element::new("Atom"));
            Element { namespace: WEB.into(), ..Element::new("LogonResponse") }
                .with("schemaVersion", "V1_8_0")
                .child(metadata)
                .child(child)
        };
        let mut headers = Vec::new();
        if self.dialect == Dialect::NovaLink {
            headers.push(("X-MC-Type", String::from("PVM")));
        }
        if document.text_at("GenerateX-API-SessionFile") == Some("true") {
            if self.dialect == Dialect::Hmc {
                return Err(RestError::unauthorized(
                    "an HMC has no logon by file: log on with a password",
                ));
            }
            let file = self.sessions.log_on_by_file(name).map_err(failed)?;
            let element = Element::text("X-API-SessionFile", file.to_string_lossy());
            return Ok(Answer::Document(Box::new(answer(element)), headers));
        }
        // A password may have blanks at its ends.
        let password = document.get("Password").map(|it| it.text.as_str()).unwrap_or_default();
        let token = self.sessions.log_on(name, password).map_err(failed)?;
        let token =
            token.ok_or_else(|| RestError::unauthorized("the user or the password is wrong"))?;
        headers.push(("X-API-Session", token.clone()));
        Ok(Answer::Document(Box::new(answer(Element::text("X-API-Session", token))), headers))
    }

    /// What is there now, for documents.
    pub(super) fn scene(&self, request: &Request) -> Result<Scene, RestError> {
        let kept = Arc::clone(&self.kept);
        let snapshot = self.app.with_snapshot(move |_, snapshot| {
            kept.prune(snapshot).map(|()| Arc::clone(snapshot))
        })??;
        self.listeners.learn(&snapshot);
        Ok(Scene {
            snapshot,
            kept: Arc::clone(&self.kept),
            base: request.base.clone(),
            created: self.began,
            novalink: self.dialect == Dialect::NovaLink,
        })
    }

    /// Does something with what is there, with nothing of other requests in between.
    pub(super) fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AppClient, &Arc<Snapshot>) -> Result<T, RestError> + Send + 'static,
    ) -> Result<T, RestError> {
        self.app.with_snapshot(work)?
    }

    /// Does what a document says, and shows the object as it is then, with nothing of other requests in between. `id` is the
    /// object's before the change, if it is there already; `show` is `None` when it is not there after it.
    pub(super) fn post<T>(
        &self,
        request: &Request,
        kind: &'static str,
        id: Option<String>,
        work: impl FnOnce(&mut AppClient, &Scene, &Element) -> Result<T, RestError> + Send + 'static,
        show: impl Fn(&Scene, &T) -> Option<Entry> + Send + 'static,
    ) -> Result<Answer, RestError> {
        let document = whole(request, &[kind])?;
        let scene = self.scene(request)?;
        let kept = Arc::clone(&self.kept);
        let before = scene.clone();
        let entry = self.app.change(
            move |client, snapshot| {
                let unknown = before.kept.unknown(id.as_deref(), &document)?;
                let scene = Scene { snapshot: Arc::clone(snapshot), ..before };
                Ok((work(client, &scene, &document.own())?, unknown))
            },
            move |(done, unknown), snapshot| {
                kept.prune(snapshot)?;
                let scene = Scene { snapshot: Arc::clone(snapshot), ..scene };
                let gone = || routes::gone(kind);
                let entry = show(&scene, &done).ok_or_else(gone)?;
                match kept.keep(&entry.id, unknown)? {
                    true => show(&scene, &done).ok_or_else(gone),
                    false => Ok(entry),
                }
            },
        )?;
        Ok(Answer::Entry(Box::new(entry)))
    }

    fn reply(&self, request: &Request, answer: Result<Answer, RestError>) -> Reply {
        let json = request.wants_json();
        match answer {
            Ok(Answer::Done) => Reply { status: 204, headers: Vec::new(), body: Vec::new() },
            Ok(Answer::NotModified) => Reply { status: 304, headers: Vec::new(), body: Vec::new() },
            Ok(Answer::Json(text)) => {
                let headers = vec![("Content-Type", String::from("application/json"))];
                Reply { status: 200, headers, body: text.into_bytes() }
            }
            Ok(Answer::Feed(entries)) if entries.is_empty() => {
                Reply { status: 204, headers: Vec::new(), body: Vec::new() }
            }
            Ok(Answer::Feed(entries)) => {
                let id =
                    Entry::new(String::new(), String::new(), Element::text("feed", &request.uri))
                        .etag;
                let url = format!("{}{}", request.base, request.uri);
                if json {
                    let feed = feed(&id, &url, &request.base, now(), &entries);
                    return document(200, &feed, true, "", Vec::new());
                }
                let headers = vec![("Content-Type", String::from("application/atom+xml"))];
                let body = feed_text(&id, &url, &request.base, now(), &entries).into_bytes();
                Reply { status: 200, headers, body }
            }
            Ok(Answer::Entry(entry)) => {
                let typed = request
                    .header("accept")
                    .filter(|it| it.contains("vnd.ibm.powervm") && it.contains("+xml"));
                let kind = match typed {
                    Some(_) => "application/atom+xml; type=entry",
                    None => "application/atom+xml",
                };
                let headers = vec![("ETag", entry.etag.clone())];
                if json {
                    return document(200, &entry.element(&request.base, now()), true, "", headers);
                }
                let mut body = String::new();
                entry.put(&mut body, "", &request.base, now());
                let headers =
                    headers.into_iter().chain([("Content-Type", kind.to_owned())]).collect();
                Reply { status: 200, headers, body: body.into_bytes() }
            }
            Ok(Answer::Document(element, headers)) => {
                let kind = format!("application/vnd.ibm.powervm.web+xml; type={}", element.name);
                document(200, &element, json, &kind, headers)
            }
            Err(error) => refusal(&error, &request.uri, json),
        }
    }
}

/// The answer to a request that is refused.
pub(super) fn refusal(error: &RestError, uri: &str, json: bool) -> Reply {
    let kind = "application/vnd.ibm.powervm.web+xml; type=HttpErrorResponse";
    let entry = Element { namespace: ATOM.into(), ..Element::new("entry") }
        .child(Element::text("id", error.id(uri)))
        .child(Element::text("title", "HttpErrorResponse"))
        .child(Element::text("published", atom::time(now())))
        .child(Element::new("author").child(Element::text("name", "vmcsim")))
        .child(Element::new("content").with("type", kind).child(error.element(uri)));
    let mut headers = Vec::new();
    if !error.allowed.is_empty() {
        headers.push(("Allow", error.allowed.clone()));
    }
    document(error.status, &entry, json, "application/atom+xml", headers)
}

fn document(
    status: u16,
    element: &Element,
    as_json: bool,
    kind: &str,
    mut headers: Vec<(&'static str, String)>,
) -> Reply {
    let (kind, body) = match as_json {
        true => {
            let mut object = serde_json::Map::new();
            object.insert(element.name.clone(), json::of(element));
            ("application/json", serde_json::Value::Object(object).to_string())
        }
        false => (kind, element.write()),
    };
    headers.push(("Content-Type", kind.to_owned()));
    Reply { status, headers, body: body.into_bytes() }
}

/// The object of a document that came in: a document may be an entry around it.
pub(super) fn object(request: &Request, kinds: &[&str]) -> Result<Element, RestError> {
    whole(request, kinds).map(|document| document.own())
}

/// The same, with elements of other namespaces.
fn whole(request: &Request, kinds: &[&str]) -> Result<Element, RestError> {
    let mut document = request.document()?;
    if document.name == "entry" && document.namespace == ATOM {
        let content = document.children.into_iter().find(|child| child.name == "content");
        let first = content.and_then(|content| content.children.into_iter().next());
        document = first
            .ok_or_else(|| RestError::bad("expected an object in the entry's content, got none"))?;
    }
    let expected = |got: &str| {
        RestError::bad(format!("expected a document of {}, got {got}", kinds.join(" or ")))
    };
    if !kinds.contains(&document.name.as_str()) {
        return Err(expected(&document.name));
    }
    let namespace = if document.name == "JobRequest" { WEB } else { UOM };
    // One without a namespace is taken for what its name says.
    if !document.namespace.is_empty() && document.namespace != namespace {
        let got = format!("one of the namespace {}; theirs is {namespace}", document.namespace);
        return Err(expected(&got));
    }
    if document.attribute("schemaVersion").is_none() {
        return Err(RestError::bad(format!(
            "expected the attribute schemaVersion on {}, got none",
            document.name
        )));
    }
    Ok(document)
}

/// The object that a client means to change has the ETag that it knows.
pub(super) fn check_etag(wanted: Option<&str>, entry: &Entry) -> Result<(), RestError> {
    match wanted {
        Some(wanted) if wanted != entry.etag => Err(RestError::stale(wanted, &entry.etag)),
        _ => Ok(()),
    }
}

/// An entry, or the word that it has not changed.
pub(super) fn shown(request: &Request, entry: Entry) -> Answer {
    match request.if_none_match() {
        Some(known) if known == entry.etag => Answer::NotModified,
        _ => Answer::Entry(Box::new(entry)),
    }
}

/// A partition's entry with the groups that are asked for.
pub(super) fn entry_of(
    scene: &Scene,
    view: &Arc<crate::app::PartitionView>,
    groups: &[String],
) -> Entry {
    match view.is_vios() {
        true => docs::vios(scene, view, groups),
        false => docs::partition(scene, view),
    }
}

/// The system's UUID, and whether a part of a path is it.
pub(super) fn is_system(snapshot: &Snapshot, id: &str) -> bool {
    ids::system(snapshot).eq_ignore_ascii_case(id)
}
