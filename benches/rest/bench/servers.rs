//! The application, and a bare axum route that returns the same bytes: each is a process of its own, so that what is measured
//! of one has nothing of the others in it.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::Response;
use axum::routing::{any, post};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use vmc_mgmt::serve::{Options, Served};

/// The variable that tells a process what to serve.
const SERVER: &str = "VMC_REST_SERVER";

/// The user's password.
pub(crate) const PASSWORD: &str = "bench";

/// Partitions that are there and that no client touches.
pub(crate) const PARTITIONS: usize = 500;

/// What is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The application.
    Application,
    /// Routes that return what they were given.
    Bare,
}

impl Kind {
    const ALL: [Kind; 2] = [Kind::Application, Kind::Bare];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Application => "vmcsim",
            Kind::Bare => "bare axum route",
        }
    }
}

/// Serves in this process, if that is what it is for, until its standard input ends.
pub(crate) fn serve_if_told() -> Option<ExitCode> {
    let told = std::env::var(SERVER).ok()?;
    match Kind::ALL.into_iter().find(|kind| kind.name() == told)? {
        Kind::Application => application(),
        Kind::Bare => bare(),
    }
    Some(ExitCode::SUCCESS)
}

/// Says where it is, and waits for the end of its maker.
fn until_the_end(address: SocketAddr) {
    println!("{address}");
    let mut rest = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut rest);
}

fn application() {
    let folder = std::env::temp_dir().join(format!("vmc-rest-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (inventory, password) = (folder.join("inventory.toml"), folder.join("password"));
    std::fs::write(&inventory, self::inventory()).expect("an inventory");
    std::fs::write(&password, PASSWORD).expect("a password");
    let options = Options {
        file: Some(inventory),
        device: None,
        dialect: vmc_mgmt::cli::Dialect::NovaLink,
        http_port: 0,
        https_port: 0,
        data: None,
        user: String::from("admin"),
        password_file: Some(password),
        session_seconds: 7200,
        session_requests: None,
        recording: Default::default(),
    };
    let served = Served::start(&options).expect("the application");
    std::fs::remove_dir_all(&folder).expect("it is there");
    until_the_end(served.http);
    served.end().expect("no recording");
}

/// A system whose partitions start and stop quickly: what is measured is the application, not how long a boot takes.
fn inventory() -> String {
    let mut text = String::from(
        "name = \"bench\"\n[timings]\nstart-ms = 50\nfirmware-ms = 50\nboot-ms = 100\nrmc-ms = 100\nshutdown-ms = 100\n\
         immediate-shutdown-ms = 50\nshutdown-limit-ms = 1000\n[capacity]\nmemory-mb = 1048576\nprocessors = 256\n\
         max-partitions = 1000\n[[partition]]\nname = \"mgmt\"\nmanagement = true\nmemory-mb = { desired = 2048 }\n\
         processors = { desired = 1 }\n[[partition]]\nname = \"vios1\"\ntype = \"vios\"\nstate = \"running\"\n\
         memory-mb = { desired = 4096 }\nprocessors = { desired = 2 }\nvolume = [{ name = \"hdisk0\", size-mb = 51200 }]\n",
    );
    for n in 0..PARTITIONS - 2 {
        let _ = write!(
            text,
            "[[partition]]\nname = \"p{n}\"\nmemory-mb = {{ desired = 1024 }}\nprocessors = {{ desired = 1 }}\n\
             ethernet = [{{ vlan = 1 }}]\n"
        );
    }
    text
}

type Stored = Arc<Mutex<BTreeMap<usize, (u16, Bytes)>>>;

fn bare() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("threads").block_on(async {
        let stored = Stored::default();
        let router = Router::new()
            .route("/store/{status}/{number}", post(store))
            .route("/{number}", any(give))
            // A feed is longer than axum takes by itself.
            .layer(DefaultBodyLimit::disable())
            .with_state(stored);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        tokio::task::spawn_blocking(move || until_the_end(address)).await.expect("it ends");
    });
}

async fn store(
    State(stored): State<Stored>,
    Path((status, number)): Path<(u16, usize)>,
    body: Bytes,
) {
    let mut stored = stored.lock().unwrap_or_else(PoisonError::into_inner);
    stored.insert(number, (status, body));
}

/// Takes the request's body, as the application does, and gives what was stored.
async fn give(State(stored): State<Stored>, Path(number): Path<usize>, _: Bytes) -> Response<Body> {
    let found = stored.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
    let (status, body) = found.unwrap_or((404, Bytes::new()));
    let response =
        Response::builder().status(status).header("Content-Type", "application/atom+xml");
    response.body(Body::from(body)).expect("a status")
}

/// A server in a process of its own, which ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it is.
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Server {
        let mut command = Command::new(std::env::current_exe().expect("a program"));
        command.env(SERVER, kind.name()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("a pipe that can be read");
        let address =
            line.trim_end().parse().expect("an address: the server says why there is none");
        Server { child, address }
    }

    /// Its memory that is in RAM, in bytes.
    pub(crate) fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(1024 * line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // One that has ended by itself is as good.
        let _ = self.child.wait();
    }
}
