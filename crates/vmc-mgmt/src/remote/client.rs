//! A client of a running application's command line: HTTP/1.1 on this computer, a connection for each command.

use super::access::Access;
use super::call::{Call, Printed, Program};
use super::{PATH, TOKEN_HEADER};
use crate::cli::Output;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long the application may take to be reached.
const TO_CONNECT: Duration = Duration::from_secs(5);
/// How long a command may take: longer than it waits for its jobs.
const TO_ANSWER: Duration = Duration::from_secs(900);
/// Longest answer, in bytes.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing listens there.
    #[error("no application answers at {address}: {error}; is it still running?")]
    Unreachable {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The connection has failed while the command was under way.
    #[error("the application has not answered: {0}; the command may have been done or not")]
    Lost(io::Error),
    /// The application does not take the command.
    #[error("the application has refused the command line: {0}")]
    Refused(String),
    /// What has come is no answer.
    #[error("expected what the command prints, got another answer: {0}")]
    Answer(String),
}

/// Has a running application do what a command line says.
pub fn call(access: &Access, program: Program, words: &[String]) -> Result<Output, CallError> {
    let address = access.address;
    let unreachable = |error| CallError::Unreachable { address, error };
    let stream = TcpStream::connect_timeout(&address, TO_CONNECT).map_err(unreachable)?;
    let body = serde_json::to_string(&Call { program, words: words.to_vec() });
    let body = body.map_err(|error| CallError::Lost(error.into()))?;
    let (status, answer) = exchange(stream, access, &body).map_err(CallError::Lost)?;
    if status != 200 {
        return Err(CallError::Refused(format!("{answer} ({status})")));
    }
    let printed: Result<Printed, _> = serde_json::from_str(&answer);
    printed.map(Output::from).map_err(|error| CallError::Answer(error.to_string()))
}

fn exchange(mut stream: TcpStream, access: &Access, body: &str) -> io::Result<(u16, String)> {
    stream.set_read_timeout(Some(TO_ANSWER))?;
    stream.set_write_timeout(Some(TO_CONNECT))?;
    let (address, token, len) = (access.address, &access.token, body.len());
    write!(
        stream,
        "POST {PATH} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {len}\r\n{TOKEN_HEADER}: {token}\r\n\r\n{body}"
    )?;
    stream.flush()?;
    read_answer(BufReader::new(stream.take(MOST_BYTES)))
}

/// Status and body of an answer that ends with its length, or with the connection.
fn read_answer(mut from: impl BufRead) -> io::Result<(u16, String)> {
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    from.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| broken("expected a status line of HTTP"))?;
    let mut len = None;
    loop {
        line.clear();
        if from.read_line(&mut line)? == 0 {
            return Err(broken("the answer ends in its headers"));
        }
        let header = line.trim_end();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            let parsed = value.trim().parse::<usize>();
            len = Some(parsed.map_err(|_| broken("expected a number as Content-Length"))?);
        }
    }
    let mut body = Vec::new();
    from.read_to_end(&mut body)?;
    match len {
        Some(len) if body.len() < len => Err(broken("the answer ends before its length")),
        Some(len) => {
            body.truncate(len);
            String::from_utf8(body).map(|body| (status, body)).map_err(|_| broken("expected UTF-8"))
        }
        None => Err(broken("expected a Content-Length")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_none() {
        let read = |text: &str| read_answer(text.as_bytes()).map_err(|error| error.to_string());
        let good = "HTTP/1.1 200 OK\r\nX: 1\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(read(good), Ok((200, String::from("{}"))));
        for (text, error) in [
            ("", "expected a status line of HTTP"),
            ("SSH-2.0\r\n\r\n", "expected a status line of HTTP"),
            ("HTTP/1.1 200 OK\r\nX: 1", "the answer ends in its headers"),
            ("HTTP/1.1 200 OK\r\n\r\n{}", "expected a Content-Length"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
                "expected a number as Content-Length",
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "the answer ends before its length"),
        ] {
            assert_eq!(read(text), Err(error.to_owned()), "{text}");
        }
    }
}
