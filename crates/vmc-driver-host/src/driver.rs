//! A driver of a library as a machine sees it: each of its calls is on a thread of its own and hands over one service after the
//! other as an effect.

use crate::instance::{Instance, Records};
use crate::jump::{Address, Returned, Work};
use crate::library::Table;
use crate::memory::OpenFile;
use crate::services;
use crate::turn::{FromCall, Job, Line, ToCall};
use ibmvmc::{
    CallId, ChannelState, Config, Effect, EventSink, FileId, Input, Outcome, PollEvents, Query,
    Reply,
};
use papr::{DrcIndex, VmcNode};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use vmc_machine::foreign::ForeignDriver;
use vmc_machine::guest_driver::IndexView;
use vmc_proto::{Errno, Profile};
use vmc_sim::DriverSource;
use vmcsim::*;

/// The call of `load`; no other call is in flight then.
const LOAD: CallId = CallId::new(u16::MAX, 0);

/// The command of an ioctl that no driver knows.
const UNKNOWN_IOCTL: u32 = u32::MAX;

/// How a driver is hosted.
#[derive(Clone, Debug)]
pub struct Host {
    /// The driver.
    pub table: Table,
    /// Longest that a call may be outside of services, in wall-clock time.
    pub patience: Duration,
}

/// An instance of a driver in a machine.
struct Hosted {
    host: Host,
    config: Config,
    instance: Arc<Instance>,
    /// By the place of their names.
    calls: Vec<Place>,
    /// A call does not come back. Nothing of the driver runs any more.
    hangs: bool,
    /// How many services had been used on other threads when it was loaded.
    strays: usize,
}

struct Place {
    generation: u16,
    call: Option<Call>,
}

/// A call in flight.
struct Call {
    line: Arc<Line>,
    work: Work,
    file: Option<FileId>,
    /// Effects before the next service or the end: wake-ups, and then the one for which the call waits.
    parked: VecDeque<Effect>,
    /// What it comes to, when the release of its file is all that is left.
    reply: Option<Reply>,
    /// Nothing of it is left to run.
    is_over: bool,
}

impl Host {
    /// Loads an instance with these parameters, or says why the driver does not take them.
    pub fn instance(&self, config: &Config) -> Result<Box<dyn ForeignDriver>, String> {
        let hosted = self.load(config, Arc::default())?;
        Ok(Box::new(hosted))
    }

    /// Where the drivers of runs come from.
    pub fn source(&self) -> DriverSource {
        let host = self.clone();
        let source = DriverSource::new(move |config| host.instance(config));
        source.named(self.table.name(), self.table.profile())
    }

    fn load(&self, config: &Config, records: Arc<Records>) -> Result<Hosted, String> {
        let name = self.table.name();
        if config.profile != self.table.profile() {
            return Err(format!("{name} has another profile"));
        }
        let instance = Arc::new(Instance::new(self.table.clone(), records));
        let parameters = vmcsim_parameters {
            size: size_of::<vmcsim_parameters>() as u32,
            profile: match config.profile {
                Profile::Document => VMCSIM_DOCUMENT,
                Profile::Linux => VMCSIM_LINUX,
            },
            hmcs: config.hmcs.into(),
            pool_size: config.pool_size.into(),
            mtu: config.mtu,
            crq_pages: config.crq_pages.into(),
            version_major: config.version.major.into(),
            version_minor: config.version.minor.into(),
            first_session: config.first_session.into(),
        };
        let line = Line::take();
        let (work, id) = (Work::Load(parameters), LOAD);
        let job = Job { instance: Arc::clone(&instance), id, work };
        let loaded = line.ask(ToCall::Begin(job), self.patience);
        let Some(FromCall::Returned(Returned { value, instance: driver, .. })) = loaded else {
            instance.records.problem(self.overdue("load", &line));
            return Ok(self.hosted(config, instance, true));
        };
        line.put_back();
        if value != 0 {
            return Err(format!("`load` of {name} returned {value}"));
        }
        instance.loaded(driver);
        Ok(self.hosted(config, instance, false))
    }

    fn hosted(&self, config: &Config, instance: Arc<Instance>, hangs: bool) -> Hosted {
        let strays = services::strays().len();
        Hosted { host: self.clone(), config: *config, instance, calls: Vec::new(), hangs, strays }
    }

    /// What is said of a call that does not come back.
    fn overdue(&self, what: &str, line: &Line) -> String {
        let (seconds, service) = (self.patience.as_secs_f32(), line.last_service());
        format!(
            "a call does not come back to a service for {seconds} s: {what}; its last service was `{service}`"
        )
    }
}

impl ForeignDriver for Hosted {
    fn reloaded(&self) -> Box<dyn ForeignDriver> {
        let records = &self.instance.records;
        match self.host.load(&self.config, Arc::clone(records)) {
            Ok(hosted) => Box::new(hosted),
            Err(why) => {
                records.problem(format!("after a boot of its partition: {why}"));
                let table = self.host.table.clone();
                let instance = Arc::new(Instance::new(table, Arc::clone(records)));
                Box::new(self.host.hosted(&self.config, instance, true))
            }
        }
    }

    fn set_time(&mut self, now_ns: u64) {
        self.instance.state().now_ns = now_ns;
    }

    fn start(&mut self, input: Input, sink: &mut dyn EventSink) -> (Option<CallId>, Effect) {
        let (work, file) = match self.work(input) {
            Ok(work) => work,
            Err(reply) => return (None, Effect::Done(reply)),
        };
        let id = self.free_place();
        let line = Line::take();
        let job = Job { instance: Arc::clone(&self.instance), id, work };
        let parked = VecDeque::new();
        let (is_over, reply) = (false, None);
        let call = Call { line, work, file, parked, reply, is_over };
        self.calls[usize::from(id.place())].call = Some(call);
        self.ask(id, ToCall::Begin(job), sink);
        match self.next(id) {
            done @ Effect::Done(_) => (None, done),
            effect => (Some(id), effect),
        }
    }

    fn resume(&mut self, id: CallId, outcome: Outcome, sink: &mut dyn EventSink) -> Effect {
        let Some(call) = self.call(id) else { return Effect::Done(Reply::Stale) };
        if call.parked.is_empty() {
            self.ask(id, ToCall::Answer(outcome), sink);
        }
        self.next(id)
    }

    fn profile(&self) -> Profile {
        self.config.profile
    }

    fn state(&self) -> ChannelState {
        self.instance.state().channel.unwrap_or(ChannelState::Initial)
    }

    fn has_task(&self) -> bool {
        let calls = self.calls.iter().filter_map(|place| place.call.as_ref());
        calls.into_iter().any(|call| call.work.is_task() && !call.is_over)
    }

    fn is_registered(&self) -> bool {
        self.instance.state().registered
    }

    fn mtu(&self) -> u32 {
        self.instance.state().limits.map_or(self.config.mtu, |(_, mtu)| mtu)
    }

    fn indexes(&self) -> Vec<IndexView> {
        self.instance.state().views()
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = self.instance.records.problems();
        // Runs are one after the other where a driver is judged.
        let strays = services::strays().into_iter().skip(self.strays);
        problems.extend(strays.take(1).map(|service| {
            format!("the service `{service}` was used on a thread that makes no call of the driver")
        }));
        if !problems.is_empty() {
            let logged = self.instance.records.logged();
            problems.extend(logged.into_iter().map(|line| format!("logged: {line}")));
        }
        problems
    }
}

impl Hosted {
    /// What the driver is to be called for, and the file that it is about; or the reply, when it is not called.
    fn work(&self, input: Input) -> Result<(Work, Option<FileId>), Reply> {
        let background =
            matches!(input, Input::Interrupt | Input::BottomHalf | Input::Reset | Input::Remove);
        if self.hangs {
            return Err(match input {
                Input::Probe(_) => Reply::DeviceFailed,
                _ if background => Reply::Ok,
                _ => Reply::Failed(Errno::EIO),
            });
        }
        Ok(match input {
            Input::Probe(node) => {
                self.instance.state().remote_window = node.remote_window.liobn;
                (Work::Probe(described(&node)), None)
            }
            Input::Remove => (Work::Remove, None),
            Input::Reset => (Work::Reset, None),
            Input::Interrupt => (Work::Interrupt, None),
            Input::BottomHalf => (Work::BottomHalf, None),
            Input::Open { nonblock } => {
                let opened = self.instance.state().files.open(nonblock);
                let (file, address) = opened.ok_or(Reply::Failed(Errno::ENOMEM))?;
                (Work::Open(address), Some(file))
            }
            Input::SetFlags { file, nonblock } => {
                self.instance.state().files.set_nonblock(file, nonblock);
                return Err(Reply::Ok);
            }
            Input::Close(file) => return self.close(file),
            Input::SetHmcId(file) => self.on(file, |at| Work::Ioctl(at, VMCSIM_IOCTL_SETHMCID))?,
            Input::Query(file) => self.on(file, |at| Work::Ioctl(at, VMCSIM_IOCTL_QUERY))?,
            Input::RequestVmc(file) => {
                self.on(file, |at| Work::Ioctl(at, VMCSIM_IOCTL_REQUESTVMC))?
            }
            Input::UnknownIoctl(file) => self.on(file, |at| Work::Ioctl(at, UNKNOWN_IOCTL))?,
            Input::Write { file, len_bytes } => self.on(file, |at| Work::Write(at, len_bytes))?,
            Input::Read { file, len_bytes } => self.on(file, |at| Work::Read(at, len_bytes))?,
            Input::Poll { file, wait } => self.on(file, |at| Work::Poll(at, wait))?,
        })
    }

    /// A call on an open file.
    fn on(
        &self,
        file: FileId,
        work: impl FnOnce(Address<vmcsim_file>) -> Work,
    ) -> Result<(Work, Option<FileId>), Reply> {
        let mut state = self.instance.state();
        // As the document has it, what comes meanwhile is the driver's to refuse.
        let is_there =
            |open: &&mut OpenFile| !open.closed || self.config.profile == Profile::Document;
        let open = state.files.get(file).filter(is_there);
        let open = open.ok_or(Reply::Failed(Errno::EBADFD))?;
        open.users += 1;
        Ok((work(open.address), Some(file)))
    }

    /// `close()`: as the document has it, the driver hears of it at once, and in the Linux profile when the last call on the
    /// file is over.
    fn close(&self, file: FileId) -> Result<(Work, Option<FileId>), Reply> {
        let mut state = self.instance.state();
        let open = state.files.get(file).filter(|open| !open.closed);
        let open = open.ok_or(Reply::Failed(Errno::EBADFD))?;
        open.closed = true;
        if self.config.profile == Profile::Linux && open.users > 0 {
            return Err(Reply::Ok);
        }
        open.users += 1;
        Ok((Work::Release(open.address), Some(file)))
    }

    /// The name for a new call: the lowest free place.
    fn free_place(&mut self) -> CallId {
        let free = self.calls.iter().position(|place| place.call.is_none());
        let place = free.unwrap_or_else(|| {
            self.calls.push(Place { generation: 0, call: None });
            self.calls.len() - 1
        });
        CallId::new(place as u16, self.calls[place].generation)
    }

    fn call(&mut self, id: CallId) -> Option<&mut Call> {
        let place = self.calls.get_mut(usize::from(id.place()))?;
        if CallId::new(id.place(), place.generation) == id { place.call.as_mut() } else { None }
    }

    /// Lets a call run to its next service, or to its end.
    fn ask(&mut self, id: CallId, letter: ToCall, sink: &mut dyn EventSink) {
        let (patience, hangs) = (self.host.patience, self.hangs);
        let Some(call) = self.call(id) else { return };
        let (line, work) = (Arc::clone(&call.line), call.work);
        let said = if hangs { None } else { line.ask(letter, patience) };
        let (reports, wakeups) = {
            let mut state = self.instance.state();
            (std::mem::take(&mut state.reports), std::mem::take(&mut state.wakeups))
        };
        reports.into_iter().for_each(|report| sink.event(report));
        let last = match said {
            Some(FromCall::Effect(effect)) => effect,
            Some(FromCall::Returned(returned)) => self.returned(id, returned, sink),
            Some(FromCall::Left) => Effect::Done(Reply::Stale),
            None => {
                self.hangs = true;
                if !hangs {
                    let overdue = self.host.overdue(work.describe(), &line);
                    self.instance.records.problem(overdue);
                }
                Effect::Done(failed(work))
            }
        };
        if let Some(call) = self.call(id) {
            call.is_over |= matches!(last, Effect::Done(_));
            // Those of a release that follows come first.
            let after = std::mem::take(&mut call.parked);
            call.parked.extend(wakeups.into_iter().map(Effect::Wake));
            call.parked.extend(after);
            call.parked.push_back(last);
        }
    }

    /// The next effect of a call.
    fn next(&mut self, id: CallId) -> Effect {
        let Some(call) = self.call(id) else { return Effect::Done(Reply::Stale) };
        let effect = call.parked.pop_front().unwrap_or(Effect::Done(Reply::Stale));
        if matches!(effect, Effect::Done(_)) {
            let hangs = self.hangs;
            let place = &mut self.calls[usize::from(id.place())];
            place.generation = place.generation.wrapping_add(1);
            // The thread of one that hangs is not used again.
            if let Some(call) = place.call.take().filter(|_| !hangs) {
                call.line.put_back();
            }
        }
        effect
    }

    /// A function of the driver has returned. In the Linux profile the release of the file may follow.
    fn returned(&mut self, id: CallId, returned: Returned, sink: &mut dyn EventSink) -> Effect {
        let records = Arc::clone(&self.instance.records);
        let Some(call) = self.call(id) else { return Effect::Done(Reply::Stale) };
        let (work, file) = (call.work, call.file);
        let mut reply = reply(work, &returned, file, &records);
        if let Some(before) = call.reply.take() {
            reply = before;
        }
        let mut state = self.instance.state();
        if state.ended(id) {
            records.problem(format!("{} returned with a lock", work.describe()));
        }
        let Some(file) = file else { return Effect::Done(reply) };
        if matches!(work, Work::Open(_)) {
            if matches!(reply, Reply::Failed(_)) {
                state.files.remove(file);
            }
            return Effect::Done(reply);
        }
        let Some(open) = state.files.get(file) else { return Effect::Done(reply) };
        open.users -= 1;
        let (users, closed, address) = (open.users, open.closed, open.address);
        if matches!(work, Work::Release(_)) {
            if users > 0 {
                records.problem(
                    "release, on an application's thread: returned before other calls on the file",
                );
                return Effect::Done(reply);
            }
            state.closed(file);
            state.files.remove(file);
            return Effect::Done(reply);
        }
        if !closed || self.config.profile == Profile::Document {
            return Effect::Done(reply);
        }
        if let Work::Poll(..) = work {
            reply = Reply::Poll(PollEvents { invalid: true, ..PollEvents::default() });
        }
        if users > 0 {
            return Effect::Done(reply);
        }
        // It was the last one.
        open_again(state.files.get(file));
        drop(state);
        let work = Work::Release(address);
        if let Some(call) = self.call(id) {
            (call.work, call.reply) = (work, Some(reply));
        }
        let job = Job { instance: Arc::clone(&self.instance), id, work };
        self.ask(id, ToCall::Begin(job), sink);
        let call = self.call(id);
        call.and_then(|call| call.parked.pop_back()).unwrap_or(Effect::Done(reply))
    }
}

/// The release counts as a call on the file.
fn open_again(file: Option<&mut OpenFile>) {
    if let Some(file) = file {
        file.users += 1;
    }
}

/// The calls in flight are gone with their partition.
impl Drop for Hosted {
    fn drop(&mut self) {
        for place in &mut self.calls {
            let Some(call) = place.call.take() else { continue };
            if self.hangs {
                continue;
            }
            if call.is_over {
                call.line.put_back();
                continue;
            }
            match call.line.ask(ToCall::Leave, self.host.patience) {
                Some(FromCall::Left) => call.line.put_back(),
                // It never gives its thread back, and what it may use stays.
                _ => self.hangs = true,
            }
        }
        if self.hangs {
            std::mem::forget(Arc::clone(&self.instance));
        }
    }
}

/// The device for the driver.
fn described(node: &VmcNode) -> vmcsim_node {
    vmcsim_node {
        size: size_of::<vmcsim_node>() as u32,
        drc_index: node.drc_index.0,
        unit_address: node.unit_address.0,
        local_liobn: node.local_window.liobn.0,
        remote_liobn: node.remote_window.liobn.0,
    }
}

/// What a call comes to that does not come back.
fn failed(work: Work) -> Reply {
    match work {
        Work::Probe(_) => Reply::DeviceFailed,
        _ if work.file().is_some() => Reply::Failed(Errno::EIO),
        _ => Reply::Ok,
    }
}

/// What the return of a function means to its caller.
fn reply(work: Work, returned: &Returned, file: Option<FileId>, records: &Records) -> Reply {
    let Returned { value, ioctl, .. } = *returned;
    let strange = |expected: &str| {
        records.problem(format!("{} returned {value}, expected {expected}", work.describe()));
        Reply::Failed(Errno::EIO)
    };
    if value < 0 {
        let errno = Errno::ALL.iter().find(|errno| i64::from(errno.number()) == -value);
        return match (work, errno) {
            (Work::Probe(_) | Work::Remove, _) => Reply::DeviceFailed,
            (_, Some(errno)) => Reply::Failed(*errno),
            (_, None) => strange("a length, or an error that the device has"),
        };
    }
    let up_to = |most: u64| match u32::try_from(value) {
        Ok(bytes) if u64::from(bytes) <= most => Reply::Bytes(bytes),
        _ => strange("no more than it was asked for"),
    };
    match work {
        Work::Read(_, length) | Work::Write(_, length) => up_to(length),
        Work::Poll(..) => Reply::Poll(PollEvents {
            readable: value & VMCSIM_POLLIN != 0,
            hung_up: value & (VMCSIM_POLLERR | VMCSIM_POLLHUP) != 0,
            invalid: value & VMCSIM_POLLNVAL != 0,
        }),
        Work::Open(_) => file.map_or(Reply::Failed(Errno::EIO), Reply::Opened),
        Work::Ioctl(_, VMCSIM_IOCTL_QUERY) => Reply::Query(Query {
            have_vmc: ioctl.have_vmc != 0,
            state: ioctl.state,
            drc_index: DrcIndex(ioctl.drc_index),
        }),
        Work::Ioctl(_, VMCSIM_IOCTL_REQUESTVMC) => Reply::Requested(DrcIndex(ioctl.drc_index)),
        _ => Reply::Ok,
    }
}
