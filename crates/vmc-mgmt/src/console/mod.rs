//! The console: a page that shows the system live, and that an administrator works with.
//!
//! The page asks for one stream of server-sent events (`stream`) and, for each thing that is done, sends the command line that
//! does it ([`crate::remote::PATH`]); it shows that line, so that it can be repeated in a terminal.
//!
//! | path | answer |
//! |---|---|
//! | `GET /console` | the page; its style and its script are beside it |
//! | `POST /console/logon` | a token, for user and password |
//! | `GET /console/follow` | what is there, and then what changes |
//!
//! | file | subject |
//! |---|---|
//! | `objects` | what is there, in JSON |
//! | `stream` | what a viewer has been sent, and what is new to it |
//! | `page/` | the page |

mod objects;
mod stream;
#[cfg(test)]
mod tests;

use crate::App;
use crate::cli::Dialect;
use crate::remote::Authority;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = concat!(
    "\"use strict\";\n",
    include_str!("page/format.js"),
    include_str!("page/link.js"),
    include_str!("page/table.js"),
    include_str!("page/detail.js"),
    include_str!("page/panels.js"),
    include_str!("page/main.js"),
);

/// Nothing from elsewhere: no script, no style, no request.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Pages that follow at a time.
const MOST_VIEWERS: usize = 64;
/// Longest logon, in bytes.
const MOST_BYTES: usize = 4096;

/// Takes user and password for a token.
type LogOn = Arc<dyn Fn(&str, &str) -> Option<String> + Send + Sync>;

/// What the console shows and works with.
#[derive(Clone)]
pub struct Console {
    app: App,
    dialect: Dialect,
    authority: Authority,
    log_on: LogOn,
    viewers: Arc<AtomicUsize>,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("app", &self.app).finish_non_exhaustive()
    }
}

impl Console {
    /// The console of an application, for those with a token, which `log_on` gives for user and password.
    pub fn new(
        app: App,
        dialect: Dialect,
        authority: Authority,
        log_on: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static,
    ) -> Console {
        Console { app, dialect, authority, log_on: Arc::new(log_on), viewers: Arc::default() }
    }

    /// Its paths, to be merged into a server's router.
    pub fn router(self) -> Router {
        Router::new()
            .route("/console", get(|| async { text("text/html; charset=utf-8", PAGE) }))
            .route("/console/page.css", get(|| async { text("text/css; charset=utf-8", STYLE) }))
            .route(
                "/console/page.js",
                get(|| async { text("text/javascript; charset=utf-8", SCRIPT) }),
            )
            .route("/console/logon", post(log_on))
            .route("/console/follow", get(follow))
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .with_state(self)
    }
}

fn text(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

#[derive(Serialize)]
struct Token {
    token: String,
}

async fn log_on(State(console): State<Console>, body: Bytes) -> Response {
    let Ok(Credentials { user, password }) = serde_json::from_slice(&body) else {
        return (StatusCode::BAD_REQUEST, "expected {\"user\": …, \"password\": …}")
            .into_response();
    };
    // A password's hash takes its time.
    let asked = tokio::task::spawn_blocking(move || (console.log_on)(&user, &password)).await;
    match asked.ok().flatten() {
        Some(token) => Json(Token { token }).into_response(),
        None => (StatusCode::UNAUTHORIZED, "the user or the password is wrong").into_response(),
    }
}

/// A place among the viewers, given back when it is dropped.
struct Viewer(Arc<AtomicUsize>);

impl Viewer {
    fn come(viewers: &Arc<AtomicUsize>) -> Option<Viewer> {
        let one_more = |count| (count < MOST_VIEWERS).then_some(count + 1);
        let come = viewers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        come.is_ok().then(|| Viewer(Arc::clone(viewers)))
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn follow(State(console): State<Console>, headers: HeaderMap) -> Response {
    if console.authority.of(&headers).is_none() {
        return Authority::refusal();
    }
    let Some(viewer) = Viewer::come(&console.viewers) else {
        let text = format!("{MOST_VIEWERS} pages follow already: close one");
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    };
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<String>(4);
    let thread = std::thread::Builder::new().name(String::from("console"));
    let spawned = thread.spawn(move || {
        let _viewer = viewer;
        let send = move |message| sender.blocking_send(message).is_ok();
        stream::follow(&console.app, console.dialect, send);
    });
    if spawned.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "no thread for another page").into_response();
    }
    let messages = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let messages = futures_util::StreamExt::map(messages, Ok::<String, std::convert::Infallible>);
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(messages)).into_response()
}
