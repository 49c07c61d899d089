//! `vmc-mgmt serve`: the application with all that it talks to, until Ctrl-C.

use crate::app::{App, AppError, HMC_ID, Host, HostError, Source};
use crate::cli::Dialect;
use crate::console::Console;
use crate::recording::{Recorded, Recording, RecordingOptions};
use crate::remote::{AccessFile, Authority, Commands};
use crate::rest::Rest;
use crate::rest::audit::Audit;
use crate::rest::kept::Kept;
use crate::rest::server::{self, ServerError};
use crate::rest::sessions::{Sessions, User};
use crate::secret::random;
use crate::store::{Store, StoreError};
use hmc_router::{Router, small_system};
use managed_system::System;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use vmc_machine::embed::Log;
use vmc_scenario::{Inventory, Scenario, ScenarioError, is_scenario};
use vmc_trace::TraceNames;
use vmc_view::LivePage;

/// What is served, and where.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// An inventory, or a scenario whose machine manages one and whose fault rules hold; without it a small system
    #[arg(value_name = "INVENTORY|SCENARIO", conflicts_with = "device")]
    pub file: Option<PathBuf>,

    /// Opens this device file instead of an embedded machine
    #[arg(long, value_name = "PATH")]
    pub device: Option<PathBuf>,

    /// Whose answers are given
    #[arg(long, value_name = "DIALECT", default_value = "novalink")]
    pub dialect: Dialect,

    /// Port of HTTP on 127.0.0.1; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 12080)]
    pub http_port: u16,

    /// Port of HTTPS on 127.0.0.1; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 12443)]
    pub https_port: u16,

    /// Keeps the NVRAM, sessions, the certificate and the audit log here; without it they are gone at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// The user who can log on
    #[arg(long, value_name = "NAME", default_value = "admin")]
    pub user: String,

    /// A file whose first line is the password; without it a password is made and printed
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Seconds after which a session that is not used ends
    #[arg(long, value_name = "SECONDS", default_value_t = 7200)]
    pub session_seconds: u64,

    /// Requests after which a session ends, so that a client sees what it does then
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub session_requests: Option<u64>,

    /// What is recorded of the VMC.
    #[command(flatten)]
    pub recording: RecordingOptions,
}

/// Why the application does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The application.
    #[error(transparent)]
    App(#[from] AppError),
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A file or a folder.
    #[error("{what} {path}: {error}")]
    File {
        /// What was to be done.
        what: &'static str,
        /// With what.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// The NVRAM.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The inventory or scenario.
    #[error(transparent)]
    Scenario(Box<ScenarioError>),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl From<HostError> for ServeError {
    fn from(error: HostError) -> ServeError {
        ServeError::App(AppError::Host(error))
    }
}

fn of_file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ServeError {
    let path = path.display().to_string();
    move |error| ServeError::File { what, path, error }
}

/// An application that is served.
#[derive(Debug)]
pub struct Served {
    /// The application.
    pub app: App,
    /// Its REST interface.
    pub rest: Arc<Rest>,
    /// Where command lines are taken, with a token.
    pub access: AccessFile,
    /// Its data folder.
    pub folder: PathBuf,
    /// Where HTTP is.
    pub http: SocketAddr,
    /// Where HTTPS is.
    pub https: SocketAddr,
    /// The password, when it was made.
    pub password: Option<String>,
    /// The page that follows the messages of the VMC.
    pub page: Option<SocketAddr>,
    recording: Option<Recording>,
    runtime: tokio::runtime::Runtime,
    /// A folder that goes with the application.
    temporary: Option<PathBuf>,
}

impl Served {
    /// Boots, opens, listens.
    pub fn start(options: &Options) -> Result<Served, ServeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime =
            runtime.map_err(|e| ServeError::Other(format!("no threads for the server: {e}")))?;
        // A port that is taken is told before anything is booted.
        let http = runtime.block_on(server::listen(options.http_port, "http-port"))?;
        let https = runtime.block_on(server::listen(options.https_port, "https-port"))?;
        let address = |listener: &tokio::net::TcpListener| {
            listener.local_addr().map_err(|e| ServeError::Other(format!("no address: {e}")))
        };
        let (http_address, https_address) = (address(&http)?, address(&https)?);
        let page = options.recording.serve.map(|port| {
            LivePage::bind(port).map_err(|error| {
                ServeError::Other(format!(
                    "no page can be served at port {port} (--serve): {error}; 0 takes any that is free"
                ))
            })
        });
        let page = page.transpose()?;
        let (folder, temporary) = folder(options.data.as_deref())?;
        let certificate = server::certificate(&folder)?;
        let (user, password, is_made) = user(options)?;
        let audit = folder.join("audit.jsonl");
        let audit =
            Audit::to_file(&audit).map_err(of_file("the audit log cannot be opened:", &audit))?;
        let Opened { app, store, log, title } =
            open(options, temporary.is_none().then_some(folder.as_path()))?;
        let record = |(log, names)| Recording::start(&options.recording, page, title, log, names);
        let recording = log.map(record).transpose();
        let recording =
            recording.map_err(|e| ServeError::Other(format!("no thread for the page: {e}")))?;
        let dialect = options.dialect;
        let idle = Duration::from_secs(options.session_seconds);
        let mut sessions = Sessions::new(user, idle, &folder);
        if let Some(most) = options.session_requests {
            sessions = sessions.for_requests(most);
        }
        if let Some(store) = &store {
            let chosen = (!is_made).then_some(password.as_str());
            sessions = sessions.in_store(Arc::clone(store), chosen)?;
        }
        let rest = Rest::new(app.clone(), sessions, dialect, audit);
        let rest = Arc::new(match store {
            Some(store) => rest.with_kept(Kept::of_store(store)?),
            None => rest,
        });
        let access = AccessFile::create(&folder, http_address)
            .map_err(of_file("the file of the command line cannot be written in", &folder))?;
        let beside = beside(&app, dialect, &rest, &access);
        runtime.spawn(server::serve_http(Arc::clone(&rest), beside.clone(), http));
        runtime.spawn(server::serve_https(Arc::clone(&rest), beside, https, certificate));
        Ok(Served {
            app,
            rest,
            access,
            folder,
            http: http_address,
            https: https_address,
            password: is_made.then_some(password),
            page: recording.as_ref().and_then(Recording::address),
            recording,
            runtime,
            temporary,
        })
    }

    /// Ends it: requests that are answered now may be cut off after a second. What became of the recording, if there is one.
    pub fn end(self) -> Result<Option<Recorded>, ServeError> {
        drop(self.access);
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        if let Some(folder) = &self.temporary {
            let _ = fs::remove_dir_all(folder);
        }
        let recorded = self.recording.map(Recording::end).transpose();
        recorded.map_err(|e| ServeError::Other(format!("the trace cannot be saved: {e}")))
    }
}

/// The paths beside REST: command lines, and the console.
fn beside(app: &App, dialect: Dialect, rest: &Arc<Rest>, access: &AccessFile) -> axum::Router {
    let (sessions, passwords) = (Arc::clone(rest), Arc::clone(rest));
    let authority = Authority::new(move |token| sessions.user(token));
    let authority = authority.or_file(access.access().clone());
    let commands = Commands {
        app: app.clone(),
        dialect,
        authority: authority.clone(),
        audit: Arc::clone(rest.audit()),
    };
    let log_on = move |user: &str, password: &str| passwords.token(user, password);
    commands.router().merge(Console::new(app.clone(), dialect, authority, log_on).router())
}

/// The data folder, or one that goes with the application.
fn folder(data: Option<&Path>) -> Result<(PathBuf, Option<PathBuf>), ServeError> {
    use std::os::unix::fs::DirBuilderExt;
    let make = |path: &Path| fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    match data {
        Some(path) => {
            make(path).map_err(of_file("the data folder cannot be made:", path))?;
            let path =
                path.canonicalize().map_err(of_file("the data folder is not usable:", path))?;
            Ok((path, None))
        }
        None => {
            let name =
                random(8).map_err(|e| ServeError::Other(format!("no random number: {e}")))?;
            let path = std::env::temp_dir().join(format!("vmc-mgmt-{name}"));
            make(&path).map_err(of_file("the folder for tokens cannot be made:", &path))?;
            Ok((path.clone(), Some(path)))
        }
    }
}

/// The user, the password, and whether it was made.
fn user(options: &Options) -> Result<(User, String, bool), ServeError> {
    let password = match &options.password_file {
        Some(path) => {
            let text =
                fs::read_to_string(path).map_err(of_file("the password cannot be read:", path))?;
            let line = text.lines().next().unwrap_or_default().to_owned();
            if line.is_empty() {
                return Err(ServeError::Other(format!(
                    "expected a password in the first line of {}, got none",
                    path.display()
                )));
            }
            line
        }
        None => random(9).map_err(|e| ServeError::Other(format!("no random number: {e}")))?,
    };
    let user = User::new(&options.user, &password).map_err(ServeError::Other)?;
    Ok((user, password, options.password_file.is_none()))
}

/// The application, and what belongs to it.
struct Opened {
    app: App,
    /// Where it keeps things if there is a data folder: the NVRAM, but for a device file.
    store: Option<Arc<Store>>,
    /// What is recorded.
    log: Option<(Log, TraceNames)>,
    /// What the recording is called.
    title: String,
}

fn open(options: &Options, data: Option<&Path>) -> Result<Opened, ServeError> {
    if let Some(path) = &options.device {
        let store = data.map(Store::of_notes).transpose()?.map(Arc::new);
        let app = App::open(Source::File(path.clone()), HMC_ID, None)?;
        return Ok(Opened { app, store, log: None, title: String::new() });
    }
    let file = options.file.as_deref().map(read).transpose()?;
    let mut title = String::from("A managed system");
    let (inventory, faults) = match file {
        Some((path, text)) if is_scenario(&text) => {
            let scenario = Scenario::load(&path).map_err(wrong)?;
            scenario.title().clone_into(&mut title);
            manages_a_system(&scenario, &path)?;
            (Some((path, scenario.inventory().to_owned())), scenario.plan().rules.clone())
        }
        inventory => (inventory, Vec::new()),
    };
    let path = inventory.as_ref().map_or(Path::new("the NVRAM's inventory"), |(path, _)| path);
    let begin = |text: &str| of_inventory(path, text);
    let text = inventory.as_ref().map(|(_, text)| text.as_str());
    let (system, store) = match data {
        None => (begin(text.unwrap_or_default())?, None),
        Some(data) => {
            let (store, system) = Store::open(data, text, begin)?;
            (system, Some(Arc::new(store)))
        }
    };
    let recording = &options.recording;
    let keep = recording.records().then_some(recording.keep);
    let (host, application) = Host::boot(system, faults, store.clone(), keep)?;
    let log = keep.map(|_| host.log());
    let app = App::open(Source::Embedded(application), HMC_ID, Some(host))?;
    Ok(Opened { app, store, log, title })
}

fn read(path: &Path) -> Result<(PathBuf, String), ServeError> {
    let text = fs::read_to_string(path).map_err(of_file("the file cannot be read:", path))?;
    Ok((path.to_owned(), text))
}

fn wrong(error: ScenarioError) -> ServeError {
    ServeError::Scenario(Box::new(error))
}

/// The system of an inventory's text; the small one of none.
fn of_inventory(path: &Path, text: &str) -> Result<System, ServeError> {
    if text.is_empty() {
        return Ok(small_system());
    }
    let inventory = Inventory::parse(&path.display().to_string(), text).map_err(wrong)?;
    Ok(inventory.into_system())
}

/// The machine of a scenario must have a system to manage.
fn manages_a_system(scenario: &Scenario, path: &Path) -> Result<(), ServeError> {
    match scenario.plan().machine.behaviour.other::<Router>() {
        Some(_) => Ok(()),
        None => Err(ServeError::Other(format!(
            "{}: its machine manages no system: write `behaviour = {{ router = \"FILE\" }}`",
            path.display()
        ))),
    }
}
