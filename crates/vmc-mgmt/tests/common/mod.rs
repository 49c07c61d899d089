//! The application as a process, and a client of HTTP for it.

#![allow(dead_code, unreachable_pub, reason = "each test is a crate of its own, and uses a part")]

pub mod python;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Any ports that are free.
const FREE: [&str; 4] = ["--http-port", "0", "--https-port", "0"];

/// The application as a process of its own.
pub struct Server {
    child: Child,
    /// The port of HTTP.
    pub http: String,
    /// The port of HTTPS.
    pub https: String,
    /// Its data folder.
    pub data: PathBuf,
}

impl Server {
    /// Starts it with an empty data folder.
    pub fn start(name: &str, options: &[&str]) -> Server {
        Server::of("inventory.toml", name, options)
    }

    /// The same, of another file of `tests/pypowervm`.
    pub fn of(file: &str, name: &str, options: &[&str]) -> Server {
        let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir_all(&data).expect("a folder");
        std::fs::write(data.join("password"), "secret\n").expect("a password");
        Server::run(file, &data, options)
    }

    /// Starts it with a data folder that there is.
    pub fn in_folder(data: &Path, options: &[&str]) -> Server {
        Server::run("inventory.toml", data, options)
    }

    fn run(file: &str, data: &Path, options: &[&str]) -> Server {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pypowervm").join(file);
        let mut child = Command::new(env!("CARGO_BIN_EXE_vmc-mgmt"))
            .arg("serve")
            .arg(file)
            .args(if options.contains(&"--http-port") { &[][..] } else { &FREE[..] })
            .arg("--data")
            .arg(data)
            .arg("--password-file")
            .arg(data.join("password"))
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the application");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut port = || {
            let line = lines.next().expect("an address").expect("a line");
            let after = line.split("localhost:").nth(1).expect("a port");
            after.split('/').next().expect("a port").to_owned()
        };
        let (http, https) = (port(), port());
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, http, https, data: data.to_owned() }
    }

    /// Ends it at once, as kill -9 does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Makes a request of HTTP; the status and all of the answer, or why there is none.
    pub fn ask(
        port: &str,
        method: &str,
        path: &str,
        token: &str,
        body: &str,
    ) -> std::io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        write!(
            stream,
            "{method} /rest/api/{path} HTTP/1.1\r\nHost: localhost\r\nX-API-Session: {token}\r\nContent-Length: {}\r\nConnection: \
             close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.get(9..12).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other("no status"))?;
        // An answer that was cut off is none.
        if !answer.contains("</") && status == 200 {
            return Err(std::io::Error::other("cut off"));
        }
        Ok((status, answer))
    }

    /// Logs on, and has the token.
    pub fn log_on(&self) -> String {
        let body = format!(
            "<LogonRequest xmlns='{}' schemaVersion='V1_0'><UserID>admin</UserID><Password>secret</Password></LogonRequest>",
            vmc_mgmt::rest::xml::WEB
        );
        let (status, answer) =
            Server::ask(&self.http, "PUT", "web/Logon", "", &body).expect("an answer");
        assert_eq!(status, 200, "{answer}");
        between(&answer, "<X-API-Session>", "</X-API-Session>")
    }
}

/// The text between two others.
pub fn between(text: &str, before: &str, after: &str) -> String {
    let text = text.split(before).nth(1).and_then(|text| text.split(after).next());
    text.unwrap_or_else(|| panic!("no {before}")).to_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
