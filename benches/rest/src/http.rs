//! A connection that is kept: a request out, its answer in.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take: longer than a poll for events waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    /// The text of the request before, whose room is used again.
    text: String,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// The header `ETag`.
    pub etag: Option<String>,
    /// The header `X-API-Session`.
    pub session: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// What stands between two texts of the body.
    pub fn between(&self, before: &str, after: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.body);
        let from = text.find(before)? + before.len();
        let len = text[from..].find(after)?;
        Some(text[from..from + len].to_owned())
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When nothing listens there.
    pub fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Connection { stream: BufReader::new(stream), text: String::new() })
    }

    /// Sends a request in one piece, and has its answer.
    ///
    /// # Errors
    ///
    /// When the connection fails, or what comes is no answer with a length.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        self.text.clear();
        let text = &mut self.text;
        let _ = write!(text, "{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n", body.len());
        let mut bytes = std::mem::take(text).into_bytes();
        bytes.extend_from_slice(body);
        self.stream.get_mut().write_all(&bytes)?;
        bytes.clear();
        self.text = String::from_utf8(bytes).unwrap_or_default();
        self.reply()
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| broken("expected a status line of HTTP"))?;
        let mut reply = Reply { status, etag: None, session: None, body: Vec::new() };
        let mut len = 0;
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(broken("the answer ends in its headers"));
            }
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                len = value.parse().map_err(|_| broken("expected a length"))?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(broken("expected an answer with a length, got one in chunks"));
            } else if name.eq_ignore_ascii_case("etag") {
                reply.etag = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("x-api-session") {
                reply.session = Some(value.to_owned());
            }
        }
        reply.body.resize(len, 0);
        self.stream.read_exact(&mut reply.body)?;
        Ok(reply)
    }
}
