//! The path that takes a command line.

use super::access::Access;
use super::call::{Call, Printed};
use super::{PATH, TOKEN_HEADER};
use crate::App;
use crate::app::now;
use crate::cli::Dialect;
use crate::rest::atom::time;
use crate::rest::audit::{Audit, Record};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Longest command line, in bytes of its request.
const MOST_BYTES: usize = 256 * 1024;

/// Who has a token: the user's name, `None` of a token that there is not.
#[derive(Clone)]
pub struct Authority(Arc<UserOf>);

/// The user of a token.
type UserOf = dyn Fn(&str) -> Option<String> + Send + Sync;

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    /// Asks this for the user of a token.
    pub fn new(user: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Authority {
        Authority(Arc::new(user))
    }

    /// The same, with the token of an access file besides: it is that of the user who runs the application.
    pub fn or_file(self, access: Access) -> Authority {
        Authority::new(move |token| {
            let of_file = bool::from(token.as_bytes().ct_eq(access.token.as_bytes()));
            if of_file { Some(String::from("local")) } else { self.user(token) }
        })
    }

    /// The user whose token it is.
    pub fn user(&self, token: &str) -> Option<String> {
        (self.0)(token)
    }

    /// The user whose token stands in a request's headers.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Option<String> {
        self.user(headers.get(TOKEN_HEADER)?.to_str().ok()?)
    }

    /// The answer to a request without a token.
    pub(crate) fn refusal() -> Response {
        let text = format!("expected a token in the header {TOKEN_HEADER}: log on first");
        (StatusCode::UNAUTHORIZED, text).into_response()
    }
}

/// What takes command lines.
#[derive(Clone, Debug)]
pub struct Commands {
    /// What they are done with.
    pub app: App,
    /// Whether there are profiles.
    pub dialect: Dialect,
    /// Who may.
    pub authority: Authority,
    /// Who has done what.
    pub audit: Arc<Audit>,
}

impl Commands {
    /// The path, to be merged into a server's router.
    pub fn router(self) -> Router {
        let limit = DefaultBodyLimit::max(MOST_BYTES);
        Router::new().route(PATH, post(take)).layer(limit).with_state(self)
    }
}

async fn take(State(commands): State<Commands>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(user) = commands.authority.of(&headers) else { return Authority::refusal() };
    let memento = headers.get("X-Audit-Memento").and_then(|it| it.to_str().ok());
    let memento = memento.unwrap_or_default().to_owned();
    let call: Call = match serde_json::from_slice(&body) {
        Ok(call) => call,
        Err(error) => {
            let text = format!("expected {{\"program\": …, \"words\": […]}}: {error}");
            return (StatusCode::BAD_REQUEST, text).into_response();
        }
    };
    // A command waits for its jobs.
    let run = move || {
        let output = call.program.run(&commands.app, commands.dialect, &call.words);
        commands.audit.write(&Record {
            time: time(now()),
            user: &user,
            memento: &memento,
            method: call.program.name(),
            uri: &call.words.join(" "),
            status: output.code.into(),
        });
        output
    };
    let done = tokio::task::spawn_blocking(run).await;
    match done.map(|output| serde_json::to_string(&Printed::from(output))) {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "the command has broken off").into_response(),
    }
}
