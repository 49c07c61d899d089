//! `poll()`, `select()` and `epoll`: the kernel asks, and wants to be told when it should ask again.
//!
//! A thread that waits in `poll()` is one call of its seat, from the first question to the answer that ends it. Where
//! the thread does something else meanwhile, as one that uses `epoll` does, the call is that of a seat which belongs to the file.

use super::flights::Flight;
use super::{Errno, Job, Server, errno_of};
use crate::fuse::wire::{Body, POLL_SCHEDULE_NOTIFY};
use crate::process;
use crate::script::Shown;
use std::collections::BTreeMap;
use vmc_machine::activity::Request;
use vmc_machine::embed::{PollEvents, Reply};

const POLLIN: u32 = 0x001;
const POLLERR: u32 = 0x008;
const POLLHUP: u32 = 0x010;
const POLLNVAL: u32 = 0x020;
const POLLRDNORM: u32 = 0x040;

/// Questions that are not answered yet, or whose answer was not fetched.
#[derive(Debug, Default)]
pub(super) struct Polls {
    /// By file.
    files: BTreeMap<u64, FilePoll>,
}

#[derive(Debug, Default)]
struct FilePoll {
    /// The seat of a call that sleeps.
    asleep: Option<u16>,
    /// What a call has come to that slept.
    came: Option<u32>,
    /// The seat of the file itself.
    own_seat: Option<u16>,
}

impl<'scope, 'env, 'p> Job<'scope, 'scope, 'env, 'p>
where
    'p: 'env,
{
    pub(super) fn poll(&mut self, handle: u64, notify: u64, flags: u32) {
        let Some((open, seat)) = self.file(handle) else { return };
        let (server, unique) = (self.server, self.header.unique);
        let connection = server.connection;
        if flags & POLL_SCHEDULE_NOTIFY == 0 {
            let request = Request::Poll { file: open.file, wait: false };
            let answer = self.call(seat, open, request);
            return connection.answer(unique, &Body::polled(mask(answer.reply)));
        }
        {
            let mut polls = server.polls.lock();
            let poll = polls.files.entry(handle).or_default();
            if let Some(events) = poll.came.take() {
                return connection.answer(unique, &Body::polled(events));
            }
            // One that sleeps tells all of them.
            if poll.asleep.is_some() {
                return connection.answer(unique, &Body::polled(0));
            }
        }
        let Some(seat) = server.seat_for_poll(handle, seat, self.header.thread) else {
            return connection.fail(unique, Errno::NOMEM);
        };
        let flight = Flight { seat, thread: self.header.thread };
        let mut slept = false;
        let request = Request::Poll { file: open.file, wait: true };
        self.attend();
        let answer = server.programs.call_on(seat, open, request, &mut || {
            server.polls.lock().files.entry(handle).or_default().asleep = Some(seat);
            server.takes_off(unique, flight);
            slept = true;
            connection.answer(unique, &Body::polled(0));
            self.hand_over();
        });
        let events = mask(answer.reply);
        server.note_result(seat, &answer, Shown::Value);
        if !slept {
            return connection.answer(unique, &Body::polled(events));
        }
        server.flights.lock().land(unique);
        {
            let mut polls = server.polls.lock();
            if let Some(poll) = polls.files.get_mut(&handle) {
                poll.asleep = None;
                poll.came = Some(events).filter(|events| *events != 0);
            }
        }
        connection.notify(notify);
    }
}

impl Server<'_> {
    /// The seat that asks for a thread: its own while it waits in `poll()`, and has nothing else to wait for.
    fn seat_for_poll(&self, handle: u64, seat: u16, thread: u32) -> Option<u16> {
        let is_busy = self.polls.lock().files.values().any(|poll| poll.asleep == Some(seat));
        if !is_busy && process::polls(thread) {
            return Some(seat);
        }
        let own_seat = self.polls.lock().files.get(&handle).and_then(|poll| poll.own_seat);
        if own_seat.is_some() {
            return own_seat;
        }
        let seated = self.callers.lock().extra("epoll")?;
        let own_seat = Some(self.sit(seated));
        self.polls.lock().files.entry(handle).or_default().own_seat = own_seat;
        own_seat
    }

    /// A thread does something else: it does not wait in `poll()` any more.
    pub(super) fn quiet(&self, seat: u16) {
        loop {
            {
                let polls = self.polls.lock();
                if !polls.files.values().any(|poll| poll.asleep == Some(seat)) {
                    return;
                }
                self.programs.interrupt(seat);
            }
            std::thread::yield_now();
        }
    }

    /// A file is closed: no thread waits for it any more.
    pub(super) fn end_polls(&self, handle: u64) {
        loop {
            {
                let mut polls = self.polls.lock();
                let Some(poll) = polls.files.get(&handle) else { return };
                match poll.asleep {
                    Some(seat) => self.programs.interrupt(seat),
                    None => {
                        let poll = polls.files.remove(&handle);
                        if let Some(seat) = poll.and_then(|poll| poll.own_seat) {
                            self.callers.lock().leave(seat);
                        }
                        return;
                    }
                }
            }
            std::thread::yield_now();
        }
    }
}

/// The events as the kernel knows them.
fn mask(reply: Reply) -> u32 {
    match reply {
        Reply::Poll(PollEvents { readable, hung_up, invalid }) => {
            let bits = [
                (readable, POLLIN | POLLRDNORM),
                (hung_up, POLLERR | POLLHUP),
                (invalid, POLLNVAL),
            ];
            bits.into_iter().filter(|(is, _)| *is).map(|(_, bits)| bits).sum()
        }
        // It was interrupted: nothing to tell.
        Reply::Failed(_) if errno_of(reply) == Errno::INTR => 0,
        _ => POLLERR,
    }
}
