//! The application: one session of the VMC, with a thread that makes its calls one after the other.
//!
//! | file | subject |
//! |---|---|
//! | `device` | the device file, or an embedded machine's |
//! | `events` | what the hypervisor tells, in order |
//! | `machine` | an embedded machine, and the system that it manages |
//! | `snapshot` | everything that is there, read anew where its version has changed |
//! | `times` | the machine's times as a clock's |
//! | `traffic` | the last messages that went over the VMC |

mod device;
mod events;
mod machine;
mod snapshot;
mod times;
mod traffic;

pub use device::{AnyDevice, AnyFile};
pub use events::{EventLog, MAX_EVENTS};
pub use machine::{Host, HostError};
pub use snapshot::{PartitionView, Snapshot, Storage};
pub use times::Times;
pub(crate) use times::now;
pub use traffic::{MAX_MESSAGES, Passed, Traffic, Watched, WatchedFile};

use hmc_client::{Client, DeviceFile, Embedded, Error, Options};
use hmc_proto::Refusal;
use snapshot::Cache;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use vmc_machine::embed::{Application, OnOwnThreads, Status};

/// Who the application is to the hypervisor.
pub const HMC_ID: &str = "vmcsim management";

/// How often events are looked for while nothing is asked.
const LOOK_FOR_EVENTS: Duration = Duration::from_millis(20);

/// The client of HMC commands that an application has.
pub type AppClient = Client<Watched<AnyDevice>>;

/// Why the application cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The hypervisor has not answered, or has refused.
    #[error(transparent)]
    Client(#[from] Error),
    /// The thread of the session is gone.
    #[error("the management application's session has ended: start the application again")]
    Ended,
    /// The machine could not be booted.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The thread of the session could not be started.
    #[error("the thread of the session could not be started: {0}")]
    Thread(std::io::Error),
}

impl AppError {
    /// The managed system's reason, if it has refused the request.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            AppError::Client(error) => error.refusal(),
            _ => None,
        }
    }
}

/// Which device the application opens.
#[derive(Debug)]
pub enum Source {
    /// A device file, as `/dev/ibmvmc`.
    File(PathBuf),
    /// An embedded machine's application.
    Embedded(Application<OnOwnThreads>),
}

type Work = Box<dyn FnOnce(&mut AppClient, &mut Cache) + Send>;

/// The management application. Clones share one session of the VMC.
#[derive(Clone, Debug)]
pub struct App {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    work: Mutex<Option<mpsc::Sender<Work>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    events: Arc<EventLog>,
    traffic: Arc<Traffic>,
    times: Times,
    /// The machine, when it is embedded: it goes when the session's thread has.
    host: Mutex<Option<Host>>,
}

impl App {
    /// Boots a machine that manages this system, and opens a session with it.
    pub fn embedded(system: managed_system::System) -> Result<App, AppError> {
        let (host, application) = Host::boot(system, Vec::new(), None, None)?;
        App::open(Source::Embedded(application), HMC_ID, Some(host))
    }

    /// Opens a session with this HMC ID. A machine that is handed over lives as long as the application.
    pub fn open(source: Source, hmc_id: &str, host: Option<Host>) -> Result<App, AppError> {
        let (work, jobs) = mpsc::channel::<Work>();
        let events = Arc::new(EventLog::default());
        let (opened, is_open) = mpsc::channel();
        let (log, options) = (Arc::clone(&events), Options::new(hmc_id));
        let traffic = Arc::new(Traffic::default());
        let watched = Arc::clone(&traffic);
        let run = move || {
            let device = match source {
                Source::File(path) => AnyDevice::File(DeviceFile::new(path)),
                Source::Embedded(application) => AnyDevice::Embedded(Embedded::new(application)),
            };
            let device = Watched { device, traffic: watched };
            let client = Client::open(device, options).and_then(|mut client| {
                client.subscribe()?;
                Ok(client)
            });
            match client {
                Ok(client) => {
                    let _ = opened.send(Ok(client.now()));
                    serve(client, &jobs, &log);
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        };
        let builder = std::thread::Builder::new().name(String::from("vmc-mgmt session"));
        let thread = builder.spawn(run).map_err(AppError::Thread)?;
        let now = is_open.recv().map_err(|_| AppError::Ended)??;
        let shared = Shared {
            work: Mutex::new(Some(work)),
            thread: Mutex::new(Some(thread)),
            events,
            traffic,
            times: Times::beginning(now),
            host: Mutex::new(host),
        };
        Ok(App { shared: Arc::new(shared) })
    }

    /// Does something with the client of HMC commands, and has what it comes to. What one call does is not interrupted by
    /// other callers of the application.
    pub fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AppClient) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, AppError> {
        self.run(|client, _| work(client).map_err(AppError::Client))?
    }

    /// Everything that is there now. What has not changed since the last time is not asked for again.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, AppError> {
        self.run(|client, cache| cache.snapshot(client).map_err(AppError::Client))?
    }

    /// The same, and then something with the client, with nothing of other callers in between.
    pub fn with_snapshot<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AppClient, &Arc<Snapshot>) -> T + Send + 'static,
    ) -> Result<T, AppError> {
        self.run(|client, cache| {
            let snapshot = cache.snapshot(client)?;
            Ok(work(client, &snapshot))
        })?
    }

    /// The same, and then something with what is there after it, with nothing of other callers in between.
    pub fn change<T, U, E>(
        &self,
        work: impl FnOnce(&mut AppClient, &Arc<Snapshot>) -> Result<T, E> + Send + 'static,
        then: impl FnOnce(T, &Arc<Snapshot>) -> Result<U, E> + Send + 'static,
    ) -> Result<U, E>
    where
        U: Send + 'static,
        E: From<AppError> + Send + 'static,
    {
        self.run(|client, cache| {
            let failed = |error| E::from(AppError::Client(error));
            let before = cache.snapshot(client).map_err(failed)?;
            let done = work(client, &before)?;
            then(done, &cache.snapshot(client).map_err(failed)?)
        })?
    }

    /// What the hypervisor has told since the application began.
    pub fn events(&self) -> &Arc<EventLog> {
        &self.shared.events
    }

    /// What has gone over the VMC.
    pub fn traffic(&self) -> &Traffic {
        &self.shared.traffic
    }

    /// Where the machine stands; `None` when it is not embedded.
    pub fn status(&self) -> Option<Status> {
        let host = self.shared.host.lock().unwrap_or_else(PoisonError::into_inner);
        host.as_ref().map(Host::status)
    }

    /// The machine's times as a clock's.
    pub fn times(&self) -> Times {
        self.shared.times
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AppClient, &mut Cache) -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let (answer, answered) = mpsc::channel();
        let work: Work = Box::new(move |client, cache| drop(answer.send(work(client, cache))));
        {
            let sender = self.shared.work.lock().unwrap_or_else(PoisonError::into_inner);
            sender.as_ref().ok_or(AppError::Ended)?.send(work).map_err(|_| AppError::Ended)?;
        }
        answered.recv().map_err(|_| AppError::Ended)
    }
}

/// Does what it is given until no more can come, and looks for events in between.
fn serve(mut client: AppClient, jobs: &mpsc::Receiver<Work>, events: &EventLog) {
    let mut cache = Cache::default();
    loop {
        match jobs.recv_timeout(LOOK_FOR_EVENTS) {
            Ok(work) => work(&mut client, &mut cache),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        // A session that cannot be opened again now is tried with the next look.
        while let Ok(Some(notice)) = client.next_event(Duration::ZERO) {
            events.push(notice);
        }
    }
    // The hypervisor learns of the end by the file's close, too.
    let _ = client.close();
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}
