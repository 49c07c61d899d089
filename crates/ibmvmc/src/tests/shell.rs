//! The shell for one thread, around an operating system whose hypervisor answers at once and echoes messages.

use super::memory::LOCAL;
use super::peer::{config, node};
use crate::shell::{CallNumber, GuestOs, Restless, Shell, User};
use crate::{
    ChannelState, Dma, Driver, Errno, Event, FileId, Input, MapError, Profile, Reply, Subject,
};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;
use papr::{CrqEntry, Hcall, HcallReturn, InitFormat, Ioba, ReturnCode};
use vmc_proto::{BufferId, BufferOwner, HmcIndex, HmcSession, Lioba, Message, Received, Status};

/// The operating system, and the hypervisor beyond it.
#[derive(Default)]
struct Os {
    queue: VecDeque<CrqEntry>,
    memory: BTreeMap<Ioba, Vec<u8>>,
    /// The buffer of the hypervisor.
    remote: Vec<u8>,
    /// So many sends are dropped from now on.
    drops: u32,
    /// The queue is never empty.
    babbles: bool,
    states: Vec<ChannelState>,
}

impl Os {
    fn answer(&mut self, message: Message) {
        let (status, buffer) = (Status::SUCCESS, BufferId(0));
        match message {
            Message::Capabilities { limits } => {
                self.queue.push_back(Message::CapabilitiesResponse { status, limits }.encode());
                for index in (0..limits.hmcs).map(HmcIndex) {
                    let (session, owner) = (HmcSession::NONE, BufferOwner::MANAGEMENT);
                    let lioba = Lioba(0);
                    let seed = Message::AddBuffer { session, index, buffer, owner, lioba };
                    self.queue.push_back(seed.encode());
                }
            }
            Message::InterfaceOpen { session, index, buffer } => {
                let response = Message::InterfaceOpenResponse { status, session, index, buffer };
                self.queue.push_back(response.encode());
            }
            // The message goes back in the buffer that brought it.
            Message::Signal { .. } => self.queue.push_back(message.encode()),
            _ => {}
        }
    }
}

impl GuestOs for Os {
    fn hcall(&mut self, call: &Hcall, _: Subject) -> HcallReturn {
        match *call {
            Hcall::SendCrq { .. } if self.drops > 0 => {
                self.drops -= 1;
                return ReturnCode::DROPPED.into();
            }
            Hcall::SendCrq { entry, .. } => match Received::from_entry(entry) {
                Received::Init => self.queue.push_back(CrqEntry::init(InitFormat::COMPLETE)),
                Received::Message(decoded) => self.answer(decoded.message),
                _ => {}
            },
            Hcall::CopyRdma(copy) => {
                let len = copy.len_bytes as usize;
                if copy.source_liobn == LOCAL {
                    self.remote = self.memory[&copy.source_ioba][..len].to_vec();
                } else if let Some(memory) = self.memory.get_mut(&copy.destination_ioba) {
                    memory[..len].copy_from_slice(&self.remote[..len]);
                }
            }
            _ => {}
        }
        ReturnCode::SUCCESS.into()
    }

    fn map(&mut self, len_bytes: u32) -> Result<Dma, MapError> {
        let ioba = Ioba((self.memory.len() as u64) << 16);
        self.memory.insert(ioba, alloc::vec![0; len_bytes as usize]);
        Ok(Dma { ioba, len_bytes })
    }

    // An address is never used again.
    fn unmap(&mut self, _: Dma) {}

    fn take_entry(&mut self, _: Dma, _: u16) -> Option<CrqEntry> {
        if self.babbles {
            return Some(CrqEntry::init(InitFormat(0x7F)));
        }
        self.queue.pop_front()
    }

    fn clear_queue(&mut self, _: Dma) {
        self.queue.clear();
    }

    fn write(&mut self, to: Dma, bytes: &[u8]) {
        if let Some(memory) = self.memory.get_mut(&to.ioba) {
            memory[..bytes.len()].copy_from_slice(bytes);
        }
    }

    fn read(&mut self, from: Dma, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.memory[&from.ioba][..bytes.len()]);
    }

    fn event(&mut self, event: Event) {
        if let Event::Channel(state) = event {
            self.states.push(state);
        }
    }
}

fn call(shell: &mut Shell, os: &mut Os, input: Input, user: User) -> CallNumber {
    let call = shell.start(input, user, os);
    shell.run(os).unwrap();
    call
}

fn reply(shell: &mut Shell, os: &mut Os, input: Input, user: User) -> (Reply, User) {
    let call = call(shell, os, input, user);
    shell.finish(call).expect("a call that does not wait")
}

fn probed(os: &mut Os) -> Shell {
    let mut shell = Shell::new(Driver::new(config(Profile::Document)).unwrap());
    call(&mut shell, os, Input::Probe(node()), User::default());
    shell
}

/// A session that is ready.
fn with_session(os: &mut Os) -> (Shell, FileId) {
    let mut shell = probed(os);
    let open = Input::Open { nonblock: false };
    let (Reply::Opened(file), _) = reply(&mut shell, os, open, User::default()) else {
        panic!("no file")
    };
    let id = User::with(&[b'A'; 32]);
    assert_eq!(reply(&mut shell, os, Input::SetHmcId(file), id).0, Reply::Ok);
    call(&mut shell, os, Input::Interrupt, User::default());
    (shell, file)
}

#[test]
fn a_driver_comes_as_far_as_ready_and_its_events_arrive() {
    let mut os = Os::default();
    let shell = probed(&mut os);
    assert_eq!(shell.driver().state(), ChannelState::Ready);
    use ChannelState::{Capabilities, CrqInit, Ready, Seeding};
    assert_eq!(os.states, [CrqInit, Capabilities, Seeding, Ready]);
}

#[test]
fn a_read_waits_until_its_message_is_there() {
    let mut os = Os::default();
    let (mut shell, file) = with_session(&mut os);
    let read = Input::Read { file, len_bytes: 100 };
    let waiting = call(&mut shell, &mut os, read, User::default());
    assert_eq!(shell.finish(waiting), None);

    let write = Input::Write { file, len_bytes: 5 };
    let written = reply(&mut shell, &mut os, write, User::with(b"hello")).0;
    assert_eq!(written, Reply::Bytes(5));
    assert_eq!(shell.finish(waiting), None, "the interrupt is yet to come");
    call(&mut shell, &mut os, Input::Interrupt, User::default());
    let (reply, user) = shell.finish(waiting).unwrap();
    assert_eq!((reply, &user.data[..]), (Reply::Bytes(5), &b"hello"[..]));
}

#[test]
fn a_signal_ends_a_read_that_waits_and_none_else() {
    let mut os = Os::default();
    let (mut shell, file) = with_session(&mut os);
    let read = Input::Read { file, len_bytes: 100 };
    let calls = [(), ()].map(|()| call(&mut shell, &mut os, read.clone(), User::default()));
    shell.interrupt(calls[1]);
    shell.run(&mut os).unwrap();
    assert_eq!(shell.finish(calls[0]), None);
    assert_eq!(shell.finish(calls[1]).unwrap().0, Reply::Failed(Errno::EINTR));
}

#[test]
fn memory_that_is_bad_faults() {
    let mut os = Os::default();
    let (mut shell, file) = with_session(&mut os);
    let write = Input::Write { file, len_bytes: 5 };
    for user in [User::with(b"four"), User { faults: true, ..User::with(b"hello") }] {
        let reply = reply(&mut shell, &mut os, write.clone(), user).0;
        assert_eq!(reply, Reply::Failed(Errno::EFAULT));
    }
}

#[test]
fn a_call_sleeps_until_its_time_has_passed() {
    let mut os = Os { drops: 1, ..Os::default() };
    let mut shell = probed(&mut os);
    let pause = shell.next_timeout().expect("a sleep before INIT is sent again");
    shell.advance(pause - Duration::from_nanos(1));
    shell.run(&mut os).unwrap();
    assert_eq!(shell.next_timeout(), Some(Duration::from_nanos(1)));
    assert_eq!(shell.driver().state(), ChannelState::CrqInit);
    shell.advance(Duration::from_nanos(1));
    shell.run(&mut os).unwrap();
    assert_eq!(shell.next_timeout(), None);
    assert_eq!(shell.driver().state(), ChannelState::Ready);
}

#[test]
fn a_queue_that_is_never_empty_ends_the_run() {
    let mut os = Os { babbles: true, ..Os::default() };
    let mut shell = Shell::new(Driver::new(config(Profile::Document)).unwrap());
    shell.start(Input::Probe(node()), User::default(), &mut os);
    assert_eq!(shell.run(&mut os), Err(Restless));
}
