//! Calls that come from outside: from a program of the operating system that the simulator runs on. A thread without
//! a script takes any call, one after the other; of one with a script the steps that are calls are left to the
//! program, and everything else (to wait, to sleep, to post, to act as the operator) is done here as ever.

use super::App;
use crate::backend::Setup;
use crate::context::Context;
use crate::guest_driver::GuestDriver;
use crate::runtime::{Progress, Runtime};
use crate::script::Action;
use crate::world::World;
use ibmvmc::shell::User;
use ibmvmc::{Command, FileId, Input, Reply};
use vmc_trace::DeviceCall;

/// A system call on the device file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `open()`.
    Open {
        /// With `O_NONBLOCK`.
        nonblock: bool,
    },
    /// `ioctl(SETHMCID)`.
    SetHmcId {
        /// The file.
        file: FileId,
        /// What its argument points to.
        id: [u8; vmc_proto::HMC_ID_BYTES as usize],
    },
    /// `ioctl(QUERY)`.
    Query(FileId),
    /// `ioctl(REQUESTVMC)`.
    RequestVmc(FileId),
    /// `ioctl()` with another number.
    Ioctl {
        /// The file.
        file: FileId,
        /// The number.
        number: u32,
    },
    /// `write()`.
    Write {
        /// The file.
        file: FileId,
        /// What is written.
        message: Vec<u8>,
    },
    /// `read()`.
    Read {
        /// The file.
        file: FileId,
        /// The length of the buffer in bytes.
        len_bytes: u64,
    },
    /// `poll()`.
    Poll {
        /// The file.
        file: FileId,
        /// Sleeps until there is something to report.
        wait: bool,
    },
    /// `fcntl(F_SETFL)`: the operating system sets the file's flags.
    SetFlags {
        /// The file.
        file: FileId,
        /// Whether `O_NONBLOCK` is among them.
        nonblock: bool,
    },
    /// The file is closed for the last time.
    Close(FileId),
}

impl Request {
    /// The call as the trace and the driver know it, and the caller's memory.
    fn into_call(self) -> (DeviceCall, Input, User) {
        let nothing = User::default();
        match self {
            Request::Open { nonblock } => {
                (DeviceCall::Open { nonblock }, Input::Open { nonblock }, nothing)
            }
            Request::SetHmcId { file, id } => {
                let shown = id.split(|byte| *byte == 0).next().unwrap_or_default();
                let call = DeviceCall::SetHmcId { id: String::from_utf8_lossy(shown).into_owned() };
                (call, Input::SetHmcId(file), User::with(&id))
            }
            Request::Query(file) => (DeviceCall::Query, Input::Query(file), nothing),
            Request::RequestVmc(file) => (DeviceCall::RequestVmc, Input::RequestVmc(file), nothing),
            Request::Ioctl { file, number } => {
                (DeviceCall::Ioctl { number }, Input::UnknownIoctl(file), nothing)
            }
            Request::Write { file, message } => {
                let len_bytes = message.len() as u64;
                let user = User { data: message, ..nothing };
                (DeviceCall::Write { len_bytes }, Input::Write { file, len_bytes }, user)
            }
            Request::Read { file, len_bytes } => {
                (DeviceCall::Read { len_bytes }, Input::Read { file, len_bytes }, nothing)
            }
            Request::Poll { file, wait } => (DeviceCall::Poll, Input::Poll { file, wait }, nothing),
            Request::SetFlags { file, nonblock } => {
                (DeviceCall::SetFlags { nonblock }, Input::SetFlags { file, nonblock }, nothing)
            }
            Request::Close(file) => (DeviceCall::Close, Input::Close(file), nothing),
        }
    }
}

/// What is between a thread and its program.
#[derive(Clone, Debug, Default)]
pub(super) struct Outside {
    /// What the last call came to, until the program takes it.
    reply: Option<Reply>,
    /// The call in flight is the one that the script stands at.
    is_scripted: bool,
    /// What that call came to, until the step looks at it.
    to_check: Option<Reply>,
}

/// What the program of a thread with a script does next.
#[derive(Clone, Debug, PartialEq)]
pub struct Instruction {
    /// The step: a call on the device file, or `dup()`.
    pub action: Action,
    /// For `read()`: the length of the buffer in bytes.
    pub read_len_bytes: u64,
    /// The driver does not hear of it, and the script is past it: `dup()`, or a `close()` of one of several names.
    pub is_done: bool,
}

impl App {
    /// From now on its calls come from outside.
    pub(crate) fn open_to_outside(&mut self) {
        self.outside = Some(Box::default());
    }

    /// Whether its calls come from outside.
    pub(super) fn has_program(&self) -> bool {
        self.outside.is_some()
    }

    /// Whether the plan has a script for it.
    pub(crate) fn has_script(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Another program takes its place.
    pub(crate) fn revive(&mut self) {
        self.killed = false;
    }

    /// Whether its script is at its end, or has come to one: nothing is left to be done.
    pub(crate) fn has_ended(&self) -> bool {
        self.failure.is_some() || self.current_step().is_none()
    }

    /// Enters a call.
    pub(crate) fn enter_from_outside<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        request: Request,
    ) -> Progress {
        let (call, input, user) = request.into_call();
        self.user = user;
        self.until_ns = None;
        let step = self.current_step().map(|step| step.action.clone());
        let step = step.filter(|action| self.is_call_of(cx.world, action, &call, &input));
        if let Some(outside) = &mut self.outside {
            (outside.reply, outside.is_scripted) = (None, step.is_some());
        }
        self.begin_call(cx, call, input, step.as_ref())
    }

    /// Whether a call is the one that a step means.
    fn is_call_of<P: Setup>(
        &self,
        world: &World<P>,
        action: &Action,
        call: &DeviceCall,
        input: &Input,
    ) -> bool {
        let is_same = match (action, call) {
            (Action::Open { .. }, DeviceCall::Open { .. }) => return true,
            (Action::SetHmcId { .. }, DeviceCall::SetHmcId { .. })
            | (Action::Write { .. }, DeviceCall::Write { .. })
            | (Action::Read { .. }, DeviceCall::Read { .. })
            | (Action::Poll { .. }, DeviceCall::Poll)
            | (Action::Query { .. }, DeviceCall::Query)
            | (Action::RequestVmc { .. }, DeviceCall::RequestVmc)
            | (Action::Close { .. }, DeviceCall::Close) => true,
            (Action::Ioctl { number, .. }, call) => {
                let command = match call {
                    DeviceCall::SetHmcId { .. } => Some(Command::SetHmcId),
                    DeviceCall::Query => Some(Command::Query),
                    DeviceCall::RequestVmc => Some(Command::RequestVmc),
                    DeviceCall::Ioctl { .. } => None,
                    _ => return false,
                };
                Command::from_number(*number) == command
            }
            _ => false,
        };
        let file =
            action.file().and_then(|name| world.process_table.lock().file(self.process, name));
        is_same && file.is_some() && file == file_of(input)
    }

    /// Leaves the program what its call came to; `false` when the thread's calls are its own.
    pub(super) fn answer_outside(&mut self, reply: Reply) -> bool {
        let Some(outside) = &mut self.outside else { return false };
        outside.reply = Some(reply);
        if std::mem::take(&mut outside.is_scripted) {
            outside.to_check = Some(reply);
        }
        true
    }

    /// What the last call came to, with what it has read; `None` while it is in flight.
    pub(crate) fn take_reply(&mut self) -> Option<(Reply, Vec<u8>)> {
        let reply = self.outside.as_mut()?.reply.take()?;
        Some((reply, self.user.data.clone()))
    }

    pub(super) fn take_reply_to_check(&mut self) -> Option<Reply> {
        self.outside.as_mut()?.to_check.take()
    }

    /// Whether a step is the program's.
    pub(super) fn is_from_outside(&self, action: &Action) -> bool {
        self.outside.is_some()
            && matches!(
                action,
                Action::Open { .. }
                    | Action::SetHmcId { .. }
                    | Action::Write { .. }
                    | Action::Read { .. }
                    | Action::Poll { .. }
                    | Action::Query { .. }
                    | Action::RequestVmc { .. }
                    | Action::Ioctl { .. }
                    | Action::Close { .. }
                    | Action::Dup { .. }
            )
    }

    /// Whether a thread goes on when its partition has died: a program without a script may open the device again.
    pub(super) fn outlives_partition(&self) -> bool {
        self.outside.is_some() && self.steps.is_empty()
    }

    /// What the program has to do; `None` when the script is not at a call.
    pub(crate) fn instruction<P: Setup>(&mut self, world: &World<P>) -> Option<Instruction> {
        let waits = self.outside.as_ref().is_some_and(|outside| outside.to_check.is_none());
        let action =
            self.current_step().filter(|_| waits && self.failure.is_none())?.action.clone();
        if !self.is_from_outside(&action) || self.call.is_some() || self.is_pausing() {
            return None;
        }
        let read_len_bytes = match &action {
            Action::Read { len_bytes: Some(len_bytes), .. } => *len_bytes,
            _ => world.kernel.lock().driver.mtu().into(),
        };
        let is_done = {
            let mut process_table = world.process_table.lock();
            match &action {
                Action::Dup { file, name, .. } => {
                    let id = process_table.file(self.process, file);
                    id.map(|id| process_table.name_file(self.process, name.clone(), id)).is_some()
                }
                Action::Close { file, .. } => process_table.drop_spare_name(self.process, file),
                _ => false,
            }
        };
        if is_done {
            self.done();
        }
        Some(Instruction { action, read_len_bytes, is_done })
    }
}

/// The file that a call is on.
fn file_of(input: &Input) -> Option<FileId> {
    match input {
        Input::SetHmcId(file)
        | Input::Query(file)
        | Input::RequestVmc(file)
        | Input::UnknownIoctl(file)
        | Input::Write { file, .. }
        | Input::Read { file, .. }
        | Input::Poll { file, .. }
        | Input::SetFlags { file, .. }
        | Input::Close(file) => Some(*file),
        _ => None,
    }
}
