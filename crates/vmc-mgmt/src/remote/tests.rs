//! A server with nothing but the path, and its client.

use super::*;
use crate::App;
use crate::cli::Dialect;
use crate::rest::audit::Audit;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

/// A data folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("vmc-mgmt-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Serves an application's command line while `body` runs.
fn serving(name: &str, body: impl FnOnce(&Folder, SocketAddr)) -> Vec<String> {
    let folder = Folder::new(name);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let bound = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = runtime.block_on(bound).expect("a port");
    let address = listener.local_addr().expect("an address");
    let file = AccessFile::create(&folder.0, address).expect("a file");
    let app = App::embedded(hmc_router::small_system()).expect("an application");
    let authority =
        Authority::new(|token| (token == "of a session").then(|| String::from("admin")));
    let authority = authority.or_file(file.access().clone());
    let audit = Arc::<Audit>::default();
    let commands = Commands { app, dialect: Dialect::Hmc, authority, audit: Arc::clone(&audit) };
    runtime.spawn(async move { axum::serve(listener, commands.router()).await });
    body(&folder, address);
    runtime.shutdown_background();
    drop(file);
    assert!(!folder.0.join(ACCESS_FILE).exists());
    audit.lines()
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(String::from).collect()
}

#[test]
fn a_command_is_done_by_the_application_that_wrote_the_file() {
    let audit = serving("call", |folder, address| {
        let access = Access::read(&folder.0).expect("the file");
        assert_eq!(access.address, address);
        let hmc = |words: &[String]| call(&access, Program::Hmc, words).expect("an answer");
        let listed = hmc(&words("lssyscfg -r lpar -m vmcsim -F name,state"));
        assert_eq!((&*listed.stdout, listed.code), ("mgmt,Running\nvios1,Running\n", 0));
        // As ssh hands it over.
        assert_eq!(hmc(&["lssyscfg -r lpar -m vmcsim -F name,state".into()]), listed);
        let failed = hmc(&words("rmsyscfg -r lpar -m vmcsim -n nope"));
        assert!(failed.stdout.starts_with("HSCL8012 ") && failed.code == 1, "{failed:?}");
    });
    let last = audit.last().expect("a line for each");
    let said = r#""user":"local","memento":"","method":"hmc","uri":"rmsyscfg -r lpar -m vmcsim -n nope","status":1}"#;
    assert!(audit.len() == 3 && last.ends_with(said), "{audit:?}");
}

#[test]
fn who_has_no_token_gets_nothing() {
    let audit = serving("token", |folder, address| {
        let line = words("lssyscfg -r sys -F name");
        let with = |token: &str| {
            let access = Access { address, token: token.into() };
            call(&access, Program::Hmc, &line).map_err(|error| error.to_string())
        };
        let token = Access::read(&folder.0).expect("the file").token;
        assert!(with(&token).is_ok() && with("of a session").is_ok());
        for wrong in ["", "of another", &token[1..]] {
            let error = with(wrong).expect_err("no token");
            assert!(error.contains("(401)"), "{error}");
        }
    });
    assert!(audit.len() == 2 && audit[1].contains("\"user\":\"admin\""), "{audit:?}");
}

#[test]
fn the_file_is_its_owner_s_alone_and_is_replaced() {
    let folder = Folder::new("file");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 12080));
    let first = AccessFile::create(&folder.0, address).expect("a file");
    let mode = fs::metadata(folder.0.join(ACCESS_FILE)).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = AccessFile::create(&folder.0, address).expect("a file");
    assert_ne!(first.access(), second.access());
    // The first one's end leaves the second's file.
    drop(first);
    assert_eq!(Access::read(&folder.0).expect("the file"), *second.access());
}

#[test]
fn a_file_that_is_none_is_told() {
    let folder = Folder::new("wrong");
    let read = || Access::read(&folder.0).expect_err("no file").to_string();
    assert!(read().contains("cannot be read") && read().contains("--data"), "{}", read());
    let token = "ab".repeat(32);
    for (text, said) in [
        (String::new(), "is no file of a running application"),
        (String::from("127.0.0.1:1 short"), "is no file of a running application"),
        (format!("somewhere {token}"), "is no file of a running application"),
        (
            format!("192.0.2.1:80 {token}"),
            "names 192.0.2.1:80: expected an address of this computer",
        ),
    ] {
        fs::write(folder.0.join(ACCESS_FILE), text).expect("a file");
        assert!(read().contains(said), "{}", read());
    }
    fs::write(folder.0.join(ACCESS_FILE), format!("127.0.0.1:1 {token}\n")).expect("a file");
    let access = Access::read(&folder.0).expect("a file");
    let error = call(&access, Program::Hmc, &words("lshmc -V")).expect_err("nothing listens");
    assert!(error.to_string().contains("no application answers at 127.0.0.1:1"), "{error}");
}
