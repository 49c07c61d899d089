//! HTTP and HTTPS on this machine's loopback address.

use super::error::RestError;
use super::http::{Reply, Request};
use super::openapi;
use super::service::{Rest, refusal};
use crate::secret::write_new;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request as HttpRequest, Response, header};
use axum::routing::get;
use axum::{Router, serve};
use percent_encoding::percent_decode_str;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::borrow::Cow;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The longest body.
pub const MAX_BODY: usize = 16 << 20;
/// All headers of a request.
pub const MAX_HEADERS: usize = 64 << 10;
/// Requests that are answered at a time; more wait.
pub const MAX_AT_A_TIME: usize = 256;
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The port is taken.
    #[error(
        "port {port} of 127.0.0.1 is taken: end what listens there (`ss -ltnp 'sport = :{port}'` shows it), or choose another \
         with --{option} PORT (0 for any that is free)"
    )]
    Taken {
        /// The port.
        port: u16,
        /// The option that chooses it.
        option: &'static str,
    },
    /// Another failure of the port.
    #[error("port {port} of 127.0.0.1 cannot be used: {error}")]
    Port {
        /// The port.
        port: u16,
        /// Why.
        error: io::Error,
    },
    /// The certificate.
    #[error("the certificate {0}")]
    Certificate(String),
}

/// Listens on a port of 127.0.0.1.
pub async fn listen(port: u16, option: &'static str) -> Result<TcpListener, ServerError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ServerError::Taken { port, option },
        _ => ServerError::Port { port, error },
    })
}

/// The certificate in this folder, made and kept there when there is none: it is signed by itself, for localhost and 127.0.0.1.
pub fn certificate(folder: &Path) -> Result<Arc<ServerConfig>, ServerError> {
    let wrong = |e: &dyn std::fmt::Display| ServerError::Certificate(e.to_string());
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    if !certificate.exists() && !key.exists() {
        let pair = KeyPair::generate().map_err(|e| wrong(&format!("cannot be made: {e}")))?;
        let names = ["localhost", "127.0.0.1"].map(String::from);
        let made = CertificateParams::new(names).and_then(|made| made.self_signed(&pair));
        let made = made.map_err(|e| wrong(&format!("cannot be made: {e}")))?;
        write_new(&key, &pair.serialize_pem())
            .map_err(|e| wrong(&format!("cannot be kept in {}: {e}", key.display())))?;
        std::fs::write(&certificate, made.pem())
            .map_err(|e| wrong(&format!("cannot be kept in {}: {e}", certificate.display())))?;
    }
    let both = "is not usable: remove both files, and new ones are made";
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|e| wrong(&format!("in {} {both}: {e}", certificate.display())))?;
    let secret = PrivateKeyDer::from_pem_file(&key);
    let secret = secret.map_err(|e| wrong(&format!("with {} {both}: {e}", key.display())))?;
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| wrong(&e))?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(|e| wrong(&format!("in {} {both}: {e}", certificate.display())))?;
    Ok(Arc::new(config))
}

#[derive(Clone)]
struct Shared {
    rest: Arc<Rest>,
    places: Arc<Semaphore>,
    /// `http` or `https`, and the port.
    scheme: &'static str,
    port: u16,
}

/// REST, and beside it the paths of others.
fn router(shared: Shared, beside: Router) -> Router {
    let described = Router::new().route(openapi::PATH, get(describe)).fallback(answer);
    described.with_state(shared).merge(beside)
}

/// What is served, as a document; it needs no session.
async fn describe(State(shared): State<Shared>) -> Response<Body> {
    let headers = vec![("Content-Type", String::from("application/json"))];
    let body = openapi::document(shared.rest.dialect).to_string().into_bytes();
    sent(Reply { status: 200, headers, body })
}

/// Serves HTTP, REST and the paths beside it, until the future is dropped.
pub async fn serve_http(rest: Arc<Rest>, beside: Router, listener: TcpListener) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let places = Arc::new(Semaphore::new(MAX_AT_A_TIME));
    serve(listener, router(Shared { rest, places, scheme: "http", port }, beside)).await
}

/// Serves the same by HTTPS until the future is dropped.
pub async fn serve_https(
    rest: Arc<Rest>,
    beside: Router,
    listener: TcpListener,
    config: Arc<ServerConfig>,
) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let places = Arc::new(Semaphore::new(MAX_AT_A_TIME));
    let shared = Shared { rest, places, scheme: "https", port };
    serve(Tls::new(listener, TlsAcceptor::from(config)), router(shared, beside)).await
}

/// A listener whose connections have had their handshake, each in a task of its own, so that a slow one holds up no other.
struct Tls {
    done: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    local: io::Result<SocketAddr>,
}

impl Tls {
    fn new(listener: TcpListener, acceptor: TlsAcceptor) -> Tls {
        let local = listener.local_addr();
        let (sender, done) = mpsc::channel(64);
        tokio::spawn(async move {
            loop {
                let Ok((stream, from)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                if sender.is_closed() {
                    return;
                }
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = shaken {
                        let _ = sender.send((stream, from)).await;
                    }
                });
            }
        });
        Tls { done, local }
    }
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.done.recv().await {
            Some(accepted) => accepted,
            // The task that accepts ends only with the runtime.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.local {
            Ok(address) => Ok(*address),
            Err(e) => Err(io::Error::new(e.kind(), e.to_string())),
        }
    }
}

async fn answer(State(shared): State<Shared>, request: HttpRequest<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let uri = parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
    let accept = Request { headers: headers(&parts.headers), ..Request::default() };
    let refuse = |error: RestError| sent(refusal(&error, &uri, accept.wants_json()));
    let length: usize =
        parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if length > MAX_HEADERS {
        return refuse(RestError::headers(MAX_HEADERS));
    }
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return refuse(RestError::too_long(MAX_BODY));
    };
    let base = base(&shared, &parts.headers);
    let Some(path) = parts.uri.path().strip_prefix("/rest/api/").and_then(decoded) else {
        return refuse(RestError::no_path(parts.method.as_str(), &uri));
    };
    let asked = Request {
        method: parts.method.as_str().to_owned(),
        uri: uri.clone(),
        path,
        query: query(parts.uri.query().unwrap_or_default()),
        headers: headers(&parts.headers),
        body: body.to_vec(),
        base,
    };
    let Ok(place) = Arc::clone(&shared.places).acquire_owned().await else {
        return refuse(RestError::busy("the application ends"));
    };
    let rest = Arc::clone(&shared.rest);
    let answered = tokio::task::spawn_blocking(move || {
        let reply = rest.answer(&asked);
        drop(place);
        reply
    });
    match answered.await {
        Ok(reply) => sent(reply),
        Err(e) => refuse(RestError::busy(format!("the request was not answered: {e}"))),
    }
}

fn sent(reply: Reply) -> Response<Body> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response
        .header(header::CACHE_CONTROL, "no-store")
        .body(Body::from(reply.body))
        .unwrap_or_else(|_| Response::new(Body::empty()))
}

/// Where links begin: what the client calls the host, if that is a host's name.
fn base(shared: &Shared, headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let good = |host: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
        !host.is_empty() && host.len() <= 255 && host.chars().all(plain)
    };
    match host.filter(good) {
        Some(host) => format!("{}://{host}", shared.scheme),
        None => format!("{}://localhost:{}", shared.scheme, shared.port),
    }
}

fn headers(all: &HeaderMap) -> Vec<(String, String)> {
    let text =
        |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    all.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// The parts of a path; `None` when it is not UTF-8.
fn decoded(path: &str) -> Option<Vec<String>> {
    path.split('/').filter(|part| !part.is_empty()).map(unescaped).collect()
}

fn query(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let pair = pair.replace('+', " ");
        let (name, value) = pair.split_once('=').unwrap_or((&pair, ""));
        Some((unescaped(name)?, unescaped(value)?))
    });
    pairs.collect()
}

/// A text without `%20`. What is no escape stays.
fn unescaped(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_decoded() {
        let path = decoded("uom/ManagedSystem/search/(SystemName==%27a%20b%27)");
        assert_eq!(path.expect("UTF-8"), ["uom", "ManagedSystem", "search", "(SystemName=='a b')"]);
        assert_eq!(decoded("a/%ff"), None);
        assert_eq!(decoded("a%2").expect("UTF-8"), ["a%2"]);
        let pairs = query("group=None&x=a+b%26&y");
        let expected = [("group", "None"), ("x", "a b&"), ("y", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
