//! Answers the kernel's requests: each becomes a call of the machine, on the seat of the thread that made it.
//!
//! One thread at a time waits for requests, and answers them itself as long as none has to sleep (the leader/followers
//! pattern: Schmidt et al., 2000). Before a call sleeps, another thread becomes the leader. So a call that does not
//! sleep costs no change of threads here, and one that sleeps holds up no other.

mod files;
mod flights;
mod polls;

use crate::callers::{Callers, Seated};
use crate::descriptors;
use crate::fuse::connection::Connection;
use crate::fuse::wire::{self, Body, Header, IOCTL_COMPAT, Kind, Operation, ROOT};
use crate::place::{DEVICE, Place};
use crate::process;
use crate::script::{self, Shown};
use files::Files;
use flights::{Flight, Flights, Wake};
use parking_lot::{Condvar, Mutex};
use polls::Polls;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::thread::{Scope, ScopedJoinHandle};
use vmc_machine::activity::Request;
use vmc_machine::embed::programs::{Answer, Attending, OpenFile, Programs};
use vmc_machine::embed::{Command, Reply};

/// Threads that wait for something to do; more than that end.
const MAX_IDLE: usize = 8;

/// `O_NONBLOCK`.
const NONBLOCK: u32 = rustix::fs::OFlags::NONBLOCK.bits();

/// The first inode of the device; each `open()` gets another one.
const FIRST_NODE: u64 = 0x766D_6300_0000_0000;

/// What the kernel's requests are answered with.
pub(crate) struct Server<'p> {
    connection: &'p Connection,
    programs: &'p Programs<'p>,
    /// The root of the file system is the device itself.
    is_file: bool,
    /// The number of the mount, if it is known.
    mount: Option<u64>,
    /// What the paths of its open files end with.
    name: String,
    owner: (u32, u32),
    callers: Mutex<Callers>,
    /// The seat of what the kernel does when no thread is there to do it.
    kernel_seat: u16,
    files: Mutex<Files>,
    polls: Mutex<Polls>,
    flights: Mutex<Flights>,
    lead: Mutex<Lead>,
    followers: Condvar,
    ended: Condvar,
    /// What the programs of scripts should have seen of their last calls, by their seats.
    results: Option<Mutex<BTreeMap<u16, String>>>,
    /// What went wrong for want of rights, once each.
    warn: &'p (dyn Fn(String) + Sync),
}

#[derive(Debug, Default)]
struct Lead {
    /// No thread waits for requests.
    is_vacant: bool,
    /// Threads that wait to do so.
    idle: usize,
    /// There is nothing to wait for any more.
    has_ended: bool,
}

/// A request, and the thread that answers it.
struct Job<'s, 'scope, 'env, 'p> {
    server: &'env Server<'p>,
    scope: &'s Scope<'scope, 'env>,
    header: Header,
    /// Another thread leads now.
    handed_over: bool,
    /// What the request gives rise to is done here, after its answer, unless the thread sleeps.
    attending: Option<Attending<'p>>,
}

impl<'p> Server<'p> {
    pub(crate) fn new(
        connection: &'p Connection,
        programs: &'p Programs<'p>,
        place: &Place,
        scripted: bool,
        mut callers: Callers,
        warn: &'p (dyn Fn(String) + Sync),
    ) -> Server<'p> {
        let kernel_seat = callers.extra("kernel").map_or(0, |seated| welcome(programs, seated));
        let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Server {
            connection,
            programs,
            is_file: place.is_file(),
            mount: descriptors::mount_at(place.mount_point()),
            name: place.name(),
            owner,
            callers: Mutex::new(callers),
            kernel_seat,
            files: Mutex::new(Files::default()),
            polls: Mutex::new(Polls::default()),
            flights: Mutex::default(),
            lead: Mutex::new(Lead { is_vacant: true, ..Lead::default() }),
            followers: Condvar::new(),
            ended: Condvar::new(),
            results: scripted.then(Mutex::default),
            warn,
        }
    }

    /// Answers requests until [`Server::stop`]; then every call comes back, and every file is closed.
    pub(crate) fn run(&self) {
        std::thread::scope(|scope| {
            scope.spawn(move || self.work(scope));
            // A thread that leads may be one too many later, so this one only waits.
            let mut lead = self.lead.lock();
            while !lead.has_ended {
                self.ended.wait(&mut lead);
            }
            drop(lead);
            // Calls that sleep come back.
            match self.results {
                Some(_) => self.programs.end(),
                None => self.wake_sleepers(),
            }
        });
        // In a script files stay open until the run ends.
        if self.results.is_none() {
            self.close_all();
        }
    }

    /// Programs that have called, with their seat: thread and seat.
    pub(crate) fn threads(&self) -> Vec<(u32, u16)> {
        self.callers.lock().threads().collect()
    }

    /// Each open file with the thread that opened it.
    pub(crate) fn open_files(&self) -> Vec<(u16, u32)> {
        self.files.lock().iter().map(|file| (file.open.file.number(), file.thread)).collect()
    }

    /// What the program of a seat should have seen of its last call.
    pub(crate) fn take_result(&self, seat: u16) -> Option<String> {
        self.results.as_ref()?.lock().remove(&seat)
    }

    fn note_result(&self, seat: u16, answer: &Answer, shown: Shown) {
        if let Some(results) = &self.results {
            results.lock().insert(seat, script::result_of(answer, shown));
        }
    }

    /// Leads when no other thread does, until there is nothing to lead any more.
    fn work<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>) {
        let mut buffer = vec![0; wire::BUFFER_BYTES];
        loop {
            {
                let mut lead = self.lead.lock();
                lead.idle += 1;
                while !lead.is_vacant && !lead.has_ended {
                    self.followers.wait(&mut lead);
                }
                lead.idle -= 1;
                if lead.has_ended {
                    return;
                }
                lead.is_vacant = false;
            }
            loop {
                let Ok(Some(len)) = self.connection.receive(&mut buffer) else {
                    let mut lead = self.lead.lock();
                    lead.has_ended = true;
                    self.followers.notify_all();
                    self.ended.notify_all();
                    return;
                };
                let Some((header, operation)) = wire::parse(&buffer[..len]) else { continue };
                let mut job =
                    Job { server: self, scope, header, handed_over: false, attending: None };
                job.answer(operation);
                if job.handed_over {
                    self.flights.lock().land(header.unique);
                    break;
                }
            }
            if self.lead.lock().idle >= MAX_IDLE {
                return;
            }
        }
    }

    /// Interrupts every call that sleeps, until none is left. One that is about to sleep does not.
    fn wake_sleepers(&self) {
        loop {
            let Some(seats) = self.flights.lock().end() else { return };
            seats.into_iter().for_each(|seat| self.programs.interrupt(seat));
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Closes what programs have left open: to them the device is gone.
    fn close_all(&self) {
        let open = self.files.lock().take_all();
        for file in open {
            if !file.is_closed {
                let request = Request::Close(file.open.file);
                self.programs.call_on(file.seat, file.open, request, &mut || ());
            }
        }
    }

    /// The seat of a thread.
    fn seat_of(&self, thread: u32, begins: bool) -> Option<u16> {
        let seated = self.callers.lock().seat_of(thread, begins)?;
        Some(self.sit(seated))
    }

    /// A thread sits down. One that had the seat before may have left a `poll()` there that sleeps.
    fn sit(&self, seated: Seated) -> u16 {
        if seated.is_new.is_some() {
            self.quiet(seated.seat);
        }
        welcome(self.programs, seated)
    }

    fn node(&self) -> u64 {
        FIRST_NODE + self.files.lock().next_node()
    }

    fn kind(&self, node: u64) -> Kind {
        if node == ROOT && !self.is_file { Kind::Directory } else { Kind::Device }
    }
}

impl<'scope, 'env, 'p> Job<'scope, 'scope, 'env, 'p>
where
    'p: 'env,
{
    fn answer(&mut self, operation: Operation<'_>) {
        let Header { unique, node, .. } = self.header;
        let (server, connection) = (self.server, self.server.connection);
        let owner = server.owner;
        match operation {
            Operation::Init { major: 7, minor, flags } if minor >= 23 => {
                connection.answer(unique, &Body::init(minor, flags));
            }
            Operation::Init { .. } => connection.fail(unique, Errno::PROTO),
            Operation::Lookup(name) if name == OsStr::new(DEVICE) && node == ROOT => {
                connection.answer(unique, &Body::entry(server.node(), Kind::Device, owner));
            }
            Operation::Lookup(_) => connection.fail(unique, Errno::NOENT),
            Operation::Forget => {}
            Operation::GetAttributes | Operation::SetAttributes => {
                connection.answer(unique, &Body::attributes_of(node, server.kind(node), owner));
            }
            Operation::OpenDirectory => connection.answer(unique, &Body::opened_directory()),
            Operation::ReadDirectory { offset: 0 } => {
                connection.answer(unique, &Body::directory(FIRST_NODE, OsStr::new(DEVICE)));
            }
            Operation::ReadDirectory { .. } | Operation::ReleaseDirectory | Operation::Destroy => {
                connection.answer(unique, &Body::default());
            }
            Operation::FileSystem => connection.answer(unique, &Body::file_system()),
            Operation::Interrupt { unique } => server.interrupt(unique),
            Operation::Open { flags } => self.open(flags),
            Operation::Flush { handle } => self.flush(handle),
            Operation::Release { handle } => self.release(handle),
            Operation::Read { handle, len, flags } => self.read(handle, len, flags),
            Operation::Write { handle, data, .. } => self.write(handle, data),
            Operation::Ioctl { handle, flags, number, argument } => {
                self.ioctl(handle, flags, number, argument);
            }
            Operation::Poll { handle, notify, flags } => self.poll(handle, notify, flags),
            Operation::Other(_) => connection.fail(unique, Errno::NOSYS),
        }
    }

    /// Has another thread lead.
    fn hand_over(&mut self) {
        self.attending = None;
        if std::mem::replace(&mut self.handed_over, true) {
            return;
        }
        let server = self.server;
        // Before another thread can hear of a signal for it.
        server.flights.lock().begin(self.header.unique);
        let mut lead = server.lead.lock();
        lead.is_vacant = true;
        if lead.idle > 0 {
            server.followers.notify_one();
            return;
        }
        drop(lead);
        let scope = self.scope;
        let _: ScopedJoinHandle<'_, ()> = scope.spawn(move || server.work(scope));
    }

    /// This thread does what its calls give rise to, until it hands over.
    fn attend(&mut self) {
        let programs = self.server.programs;
        self.attending.get_or_insert_with(|| programs.attend());
    }

    /// Makes a call for the thread that asks; it may sleep.
    fn call(&mut self, seat: u16, on: OpenFile, request: Request) -> Answer {
        self.attend();
        let server = self.server;
        server.quiet(seat);
        let flight = Flight { seat, thread: self.header.thread };
        let unique = self.header.unique;
        let shown = Shown::by(&request);
        let answer = server.programs.call_on(seat, on, request, &mut || {
            server.takes_off(unique, flight);
            self.hand_over();
        });
        server.note_result(seat, &answer, shown);
        if answer.is_killed {
            server.kill(flight);
        }
        answer
    }

    fn open(&mut self, flags: u32) {
        let Header { unique, node, thread } = self.header;
        let server = self.server;
        let Some(seat) = server.seat_of(thread, true) else {
            return server.connection.fail(unique, Errno::NOMEM);
        };
        self.attend();
        server.quiet(seat);
        let nonblock = flags & NONBLOCK != 0;
        let request = Request::Open { nonblock };
        let flight = Flight { seat, thread };
        let answer = server.programs.call(seat, request, &mut || {
            server.takes_off(unique, flight);
            self.hand_over();
        });
        server.note_result(seat, &answer, Shown::Value);
        match answer.opened {
            Some(open) => {
                let handle = server.files.lock().insert(open, node, seat, thread, nonblock);
                server.connection.answer(unique, &Body::opened(handle));
            }
            // A partition that does not run has no device.
            None if answer.reply == Reply::Stale => server.connection.fail(unique, Errno::NODEV),
            None => server.connection.fail(unique, errno_of(answer.reply)),
        }
    }

    /// A file that is open, with the seat of the thread that asks; else the request has been answered.
    fn file(&mut self, handle: u64) -> Option<(OpenFile, u16)> {
        let Header { unique, thread, .. } = self.header;
        let server = self.server;
        let open = server.files.lock().open(handle);
        let Some(open) = open else {
            server.connection.fail(unique, Errno::BADF);
            return None;
        };
        let Some(seat) = server.seat_of(thread, false) else {
            server.connection.fail(unique, Errno::NOMEM);
            return None;
        };
        Some((open, seat))
    }

    fn read(&mut self, handle: u64, len: u32, flags: u32) {
        let Some((open, seat)) = self.file(handle) else { return };
        self.set_nonblock(handle, open, seat, flags & NONBLOCK != 0);
        let request = Request::Read { file: open.file, len_bytes: u64::from(len) };
        let answer = self.call(seat, open, request);
        let connection = self.server.connection;
        match answer.reply {
            Reply::Bytes(_) => connection.answer_bytes(self.header.unique, &answer.message),
            reply => connection.fail(self.header.unique, errno_of(reply)),
        }
    }

    fn write(&mut self, handle: u64, data: &[u8]) {
        let Some((open, seat)) = self.file(handle) else { return };
        let request = Request::Write { file: open.file, message: data.to_vec() };
        let answer = self.call(seat, open, request);
        let connection = self.server.connection;
        match answer.reply {
            Reply::Bytes(len) => connection.answer(self.header.unique, &Body::written(len)),
            reply => connection.fail(self.header.unique, errno_of(reply)),
        }
    }

    fn ioctl(&mut self, handle: u64, flags: u32, number: u32, argument: u64) {
        let Header { unique, thread, .. } = self.header;
        let connection = self.server.connection;
        // The driver has no entry for 32-bit programs.
        if flags & IOCTL_COMPAT != 0 {
            return connection.fail(unique, Errno::NOTTY);
        }
        let Some((open, seat)) = self.file(handle) else { return };
        let file = open.file;
        let request = match Command::from_number(number) {
            Some(Command::SetHmcId) => match self.hmc_id(thread, argument) {
                Ok(id) => Request::SetHmcId { file, id },
                Err(errno) => return connection.fail(unique, errno),
            },
            Some(Command::Query) => Request::Query(file),
            Some(Command::RequestVmc) => Request::RequestVmc(file),
            None => Request::Ioctl { file, number },
        };
        match self.call(seat, open, request).reply {
            Reply::Ok => connection.answer(unique, &Body::ioctl(0, &[])),
            Reply::Query(query) => {
                let drc_index = query.drc_index.0.to_ne_bytes();
                let have_vmc = u32::from(query.have_vmc).to_ne_bytes();
                let out = [have_vmc, query.state.to_ne_bytes(), drc_index].concat();
                connection.answer(unique, &Body::ioctl(0, &out));
            }
            Reply::Requested(drc_index) => {
                connection.answer(unique, &Body::ioctl(0, &drc_index.0.to_ne_bytes()));
            }
            reply => connection.fail(unique, errno_of(reply)),
        }
    }

    /// The 32 bytes that SETHMCID points to. Its number says 8, so the kernel hands over no more.
    fn hmc_id(&self, thread: u32, at: u64) -> Result<[u8; 32], Errno> {
        let mut id = [0; 32];
        match process::memory(thread, at, &mut id) {
            Ok(()) => Ok(id),
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                (self.server.warn)(process::why_memory_is_closed(thread));
                Err(Errno::PERM)
            }
            Err(_) => Err(Errno::FAULT),
        }
    }
}

impl Server<'_> {
    /// Kills a program's process, as a fault rule says. One that the kernel has killed may be gone by now, and its
    /// number another one's.
    fn kill(&self, flight: Flight) {
        let Some(pid) = process::of(flight.thread).and_then(|pid| Pid::from_raw(pid as i32)) else {
            return;
        };
        let Ok(process) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return };
        if self.callers.lock().holds(flight.seat, flight.thread) {
            // That it is gone already is as good.
            let _ = rustix::process::pidfd_send_signal(process, Signal::KILL);
        }
    }

    /// A call is about to sleep.
    fn takes_off(&self, unique: u64, flight: Flight) {
        let mut flights = self.flights.lock();
        match flights.take_off(unique, flight) {
            Wake::None => {}
            Wake::Signal => self.wake(flight),
            Wake::End => self.programs.interrupt(flight.seat),
        }
    }

    /// A signal has come for the thread whose request has this number.
    fn interrupt(&self, unique: u64) {
        // Under the lock, so that it meets no other call of the seat.
        let mut flights = self.flights.lock();
        if let Some(flight) = flights.interrupt(unique) {
            self.wake(flight);
        }
    }

    /// Ends a call's sleep for a signal.
    fn wake(&self, flight: Flight) {
        if process::is_killed(flight.thread) {
            self.programs.kill(flight.seat);
        } else {
            self.programs.interrupt(flight.seat);
        }
    }
}

/// A thread sits down.
fn welcome(programs: &Programs<'_>, Seated { seat, is_new }: Seated) -> u16 {
    if let Some(name) = is_new {
        programs.welcome(seat, name.as_deref());
    }
    seat
}

/// The errno of a call that failed. What is lost with its partition is an input/output error.
fn errno_of(reply: Reply) -> Errno {
    match reply {
        Reply::Failed(errno) => Errno::from_raw_os_error(errno.number()),
        _ => Errno::IO,
    }
}
