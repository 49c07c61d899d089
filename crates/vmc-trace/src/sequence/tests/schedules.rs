//! The text does not depend on the schedule: a small world of two applications, a bottom half and a
//! hypervisor that looks at its queue whenever it likes, run under random schedules.

use super::protocol::{
    LIMITS, add_buffer, add_buffer_response, close, close_response, open, open_response, signal,
};
use super::run::Run;
use crate::event::{ActorId, CallResult, DeviceCall, Event, RdmaDirection, Side};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use vmc_proto::{BufferOwner, HmcIndex, HmcSession, Limits, Message, Received};

const BUFFERS: u16 = 6;

/// What an application does, one record or so at a time.
#[derive(Clone, Copy, Debug)]
enum Step {
    Open,
    CallSetHmcId,
    Start,
    CopyId,
    SendOpen,
    ReturnSetHmcId,
    WaitReady,
    CallWrite,
    CopyMessage(u8),
    SendMessage,
    ReturnWrite,
    CallRead,
    ReturnRead,
    CallClose,
    SendClose,
    ReturnClose,
}

const OPEN: &[Step] = &[
    Step::Open,
    Step::CallSetHmcId,
    Step::Start,
    Step::CopyId,
    Step::SendOpen,
    Step::ReturnSetHmcId,
    Step::WaitReady,
];
const READ: &[Step] = &[Step::CallRead, Step::ReturnRead];
const CLOSE: &[Step] = &[Step::CallClose, Step::SendClose, Step::ReturnClose];

fn write(byte: u8) -> [Step; 4] {
    [Step::CallWrite, Step::CopyMessage(byte), Step::SendMessage, Step::ReturnWrite]
}

#[derive(Default)]
struct App {
    program: VecDeque<Step>,
    ids: (u8, u8),
    ready: bool,
    free: VecDeque<u16>,
    writing: u16,
    inbox: VecDeque<u16>,
    contents: BTreeMap<u16, u8>,
}

#[derive(Default)]
struct Slot {
    available: bool,
    sessions: u8,
    app: usize,
}

enum Work {
    Answer(Message),
    Ready(usize),
    Copy(usize, u16),
    Free(u8, u8),
}

struct World {
    run: Run,
    apps: Vec<App>,
    slots: Vec<Slot>,
    bottom_half: VecDeque<Work>,
    outbox: VecDeque<Message>,
    answered: BTreeMap<(u8, u8), u16>,
}

/// The actors that can take a step.
#[derive(Clone, Copy)]
enum Turn {
    App(usize),
    BottomHalf,
    ServiceTakes,
    ServiceSends,
}

impl World {
    fn new() -> World {
        let program = |byte: u8| {
            let twice = [write(byte), write(byte + 1)].concat();
            [OPEN, &twice, READ, READ, &write(byte), READ, CLOSE, OPEN, &write(byte), READ, CLOSE]
                .concat()
        };
        let apps = [0, 0x10].map(|byte| App { program: program(byte).into(), ..App::default() });
        let mut run = Run::new(&["a", "b"]);
        run.boot(Limits { hmcs: 2, ..LIMITS });
        let slot = || Slot { available: true, ..Slot::default() };
        World {
            run,
            apps: apps.into(),
            slots: vec![slot(), slot()],
            bottom_half: VecDeque::new(),
            outbox: VecDeque::new(),
            answered: BTreeMap::new(),
        }
    }

    /// Runs to the end; `seed` chooses whose turn it is.
    fn text(mut self, mut seed: u64) -> String {
        loop {
            let turns = self.turns();
            if turns.is_empty() {
                let done = self.apps.iter().all(|app| app.program.is_empty());
                assert!(done, "the model is stuck:\n{}", self.run.text());
                return self.run.text();
            }
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
            self.take_turn(turns[(seed >> 33) as usize % turns.len()]);
        }
    }

    fn turns(&self) -> Vec<Turn> {
        let app = (0..self.apps.len()).filter(|&i| self.can_go_on(i)).map(Turn::App);
        let mut turns: Vec<Turn> = app.collect();
        if !self.bottom_half.is_empty() || !self.run.queues[Side::Mgmt as usize].is_empty() {
            turns.push(Turn::BottomHalf);
        }
        if !self.run.queues[Side::Hyp as usize].is_empty() {
            turns.push(Turn::ServiceTakes);
        }
        if !self.outbox.is_empty() {
            turns.push(Turn::ServiceSends);
        }
        turns
    }

    fn can_go_on(&self, i: usize) -> bool {
        let app = &self.apps[i];
        match app.program.front() {
            Some(Step::Start) => self.slots.iter().any(|slot| slot.available),
            Some(Step::WaitReady) => app.ready,
            Some(Step::CopyMessage(_)) => !app.free.is_empty(),
            Some(Step::ReturnRead) => !app.inbox.is_empty(),
            step => step.is_some(),
        }
    }

    fn take_turn(&mut self, turn: Turn) {
        match turn {
            Turn::App(i) => self.step_app(i),
            Turn::BottomHalf => match self.bottom_half.pop_front() {
                Some(work) => self.work(work),
                None => self.bottom_half_takes(),
            },
            Turn::ServiceTakes => self.service_takes(),
            Turn::ServiceSends => {
                if let Some(message) = self.outbox.pop_front() {
                    self.run.say(ActorId::Service, message);
                }
            }
        }
    }

    fn step_app(&mut self, i: usize) {
        let Some(step) = self.apps[i].program.pop_front() else { return };
        let (number, actor) = (i as u16, ActorId::App(i as u16));
        let (app, run) = (&mut self.apps[i], &mut self.run);
        let ids @ (index, session) = app.ids;
        let set_hmc_id = || DeviceCall::SetHmcId { id: "HMC".to_owned() };
        let len_bytes = 1;
        match step {
            Step::Open => run.open_file(number),
            Step::CallSetHmcId => run.call(number, set_hmc_id()),
            Step::Start => self.start(i),
            Step::CopyId => run.rdma(actor, RdmaDirection::ToHyp, ids, 0, b"HMC"),
            Step::SendOpen => run.say(actor, open(index, session)),
            Step::ReturnSetHmcId => run.returns(number, set_hmc_id(), CallResult::Ok),
            Step::WaitReady => {}
            Step::CallWrite => run.call(number, DeviceCall::Write { len_bytes }),
            Step::CopyMessage(byte) => {
                app.writing = app.free.pop_front().unwrap();
                app.contents.insert(app.writing, byte);
                run.rdma(actor, RdmaDirection::ToHyp, ids, app.writing, &[byte]);
            }
            Step::SendMessage => run.say(actor, signal(index, session, app.writing, 1)),
            Step::ReturnWrite => {
                let result = CallResult::Bytes { len_bytes, digest: None };
                run.returns(number, DeviceCall::Write { len_bytes }, result);
            }
            Step::CallRead => run.call(number, DeviceCall::Read { len_bytes }),
            Step::ReturnRead => {
                let buffer = app.inbox.pop_front().unwrap();
                app.free.push_back(buffer);
                let digest = Some(crate::digest(&[app.contents[&buffer]]));
                let result = CallResult::Bytes { len_bytes, digest };
                run.returns(number, DeviceCall::Read { len_bytes }, result);
            }
            Step::CallClose => run.call(number, DeviceCall::Close),
            Step::SendClose => {
                run.session(actor, ids, "closing");
                run.say(actor, close(index, session));
                app.ready = false;
            }
            Step::ReturnClose => run.returns(number, DeviceCall::Close, CallResult::Ok),
        }
    }

    fn start(&mut self, i: usize) {
        let index = self.slots.iter().position(|slot| slot.available).unwrap();
        let slot = &mut self.slots[index];
        (slot.available, slot.sessions, slot.app) = (false, slot.sessions + 1, i);
        let ids @ (index, session) = (index as u8, slot.sessions);
        self.apps[i].ids = ids;
        let actor = ActorId::App(i as u16);
        self.run.record(actor, Event::SessionStarted(HmcIndex(index), HmcSession(session)));
        self.run.session(actor, ids, "opening");
    }

    fn bottom_half_takes(&mut self) {
        let Received::Message(decoded) = Received::from_entry(self.run.take(Side::Mgmt)) else {
            panic!("only messages are sent");
        };
        let Some((HmcIndex(index), HmcSession(session))) = decoded.message.connection() else {
            panic!("the channel stays as it is");
        };
        let app = self.slots[usize::from(index)].app;
        self.bottom_half.push_back(match decoded.message {
            Message::AddBuffer { buffer, .. } => {
                match session {
                    // The index can be opened before the answer is on its way.
                    0 => self.slots[usize::from(index)].available = true,
                    _ => self.apps[app].free.push_back(buffer.0),
                }
                Work::Answer(add_buffer_response(index, session, buffer.0))
            }
            Message::InterfaceOpenResponse { .. } => Work::Ready(app),
            Message::Signal { buffer, .. } => Work::Copy(app, buffer.0),
            _ => Work::Free(index, session),
        });
    }

    fn work(&mut self, work: Work) {
        let actor = ActorId::BottomHalf;
        match work {
            Work::Answer(message) => self.run.say(actor, message),
            Work::Ready(app) => {
                self.apps[app].ready = true;
                self.run.session(actor, self.apps[app].ids, "ready");
            }
            Work::Copy(i, buffer) => {
                let app = &mut self.apps[i];
                let contents = [app.contents[&buffer]];
                self.run.rdma(actor, RdmaDirection::ToMgmt, app.ids, buffer, &contents);
                app.inbox.push_back(buffer);
            }
            Work::Free(index, session) => {
                self.apps[self.slots[usize::from(index)].app].free.clear();
                self.run.session(actor, (index, session), "ended");
            }
        }
    }

    fn service_takes(&mut self) {
        let Received::Message(decoded) = Received::from_entry(self.run.take(Side::Hyp)) else {
            panic!("only messages are sent");
        };
        let Some((HmcIndex(index), HmcSession(session))) = decoded.message.connection() else {
            panic!("the channel stays as it is");
        };
        let owner = BufferOwner::MANAGEMENT;
        match decoded.message {
            Message::InterfaceOpen { .. } => {
                self.run.session(ActorId::Service, (index, session), "opening");
                let add = |buffer| add_buffer(index, session, buffer, owner);
                self.outbox.extend((1..=BUFFERS).map(add));
            }
            Message::AddBufferResponse { .. } if session != 0 => {
                let answered = self.answered.entry((index, session)).or_default();
                *answered += 1;
                if *answered == BUFFERS {
                    self.run.session(ActorId::Service, (index, session), "ready");
                    self.outbox.push_back(open_response(index, session));
                }
            }
            message @ Message::Signal { .. } => self.outbox.push_back(message),
            Message::InterfaceClose { .. } => {
                self.run.session(ActorId::Service, (index, session), "closed");
                self.outbox.push_back(close_response(index, session));
                self.outbox.push_back(add_buffer(index, 0, 0, owner));
            }
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn every_schedule_gives_one_text(seed: u64) {
        let text = World::new().text(seed);
        let reference = World::new().text(0);
        prop_assert!(text == reference, "{reference}\n{text}");
    }
}

#[test]
fn a_conversation_is_shown_in_one_piece() {
    let text = World::new().text(0);
    let a = text.rfind("\na  close()").unwrap();
    let b = text.find("\nb  open()").unwrap();
    assert!(a < b, "{text}");
}
