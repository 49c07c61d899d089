//! Verifies what calls on the device come to, by the driver document and, for the Linux profile, by what the Linux
//! driver shows: each result needs a reason that was there at some moment between the call and its return, or that
//! the call itself has met with (an RDMA that failed, a send that was refused, memory that was bad).
//!
//! - A `write()` that succeeds has copied and signalled all its bytes; one that is busy found its session opening or
//!   no buffer, by the messages; SETHMCID that succeeds has copied 32 bytes and started a session.
//! - A `read()` of a session that is over fails, and so does every call on a file without one.
//! - `poll()` reports what there is; QUERY a state that the channel had.
//! - A file that was closed leaves no session behind that is not being closed.
//!
//! Does not verify which of several reasons a call prefers, nor what a message says: that is for `delivery`. States
//! are those that the driver reports; whether it may be in them is for `protocol`. Whether a call comes back in time
//! is for `wakeups`.

use super::device::{Call, Device, Facts, Finished, Item, Watcher};
use super::wire::Seen;
use papr::{Hcall, ReturnCode};
use std::collections::BTreeMap;
use vmc_proto::Profile;
use vmc_proto::mgmt::{ChannelState, QueryState, SessionState as State};
use vmc_proto::{Errno, HMC_ID_BYTES, Message, Received};
use vmc_trace::{ActorId, CallResult, DeviceCall, Event, Polled, Record};

/// Whether the channel is neither ready nor failed in a state, and may become ready.
fn is_on_its_way(state: ChannelState) -> bool {
    match state {
        ChannelState::ResetScheduled
        | ChannelState::Initial
        | ChannelState::CrqInit
        | ChannelState::Capabilities
        | ChannelState::Seeding => true,
        ChannelState::Ready | ChannelState::Failed => false,
    }
}

#[derive(Default)]
pub(super) struct Checker {
    /// What H_REQUEST_VMC has answered to each thread.
    requested: BTreeMap<u16, ReturnCode>,
    problems: Vec<String>,
}

impl Watcher for Checker {
    fn after(&mut self, device: &Device, seen: &Seen<'_>, finished: Option<&Finished>) {
        if let Seen::Record(Record { actor: ActorId::App(app), event, .. }) = seen
            && let Event::Hcall { call: Hcall::RequestVmc, result, .. } = event
        {
            self.requested.insert(*app, result.code);
        }
        let Some(finished) = finished else { return };
        let Finished { app, call: Call { what, .. }, result, .. } = finished;
        let verdict = match what {
            // Its process was killed, which can happen at any place of a call.
            _ if *result == CallResult::Killed => Ok(()),
            DeviceCall::RequestVmc => {
                let bad_memory = finished.call.particulars.bad_memory;
                request_vmc(self.requested.remove(app), bad_memory, result)
            }
            DeviceCall::Close => close(device, finished),
            _ => judge(device, finished),
        };
        let verdict = verdict.and_then(|()| released(device, finished));
        if let Err(why) = verdict {
            self.problems.push(format!("thread {app}: {what} = {result}: {why}"));
        }
    }

    fn problems(self: Box<Self>, _: &Device) -> Vec<String> {
        self.problems
    }
}

/// Why a result cannot be.
type Verdict = Result<(), &'static str>;

fn judge(device: &Device, finished: &Finished) -> Verdict {
    let Finished { call, result, .. } = finished;
    let profile = device.profile;
    match &call.what {
        DeviceCall::Open { .. } => open(profile, call, result),
        DeviceCall::SetHmcId { .. } => set_hmc_id(profile, call, result),
        DeviceCall::Write { len_bytes } => write(profile, call, *len_bytes, result),
        DeviceCall::Read { len_bytes } => read(device, finished, *len_bytes),
        DeviceCall::Poll => poll(profile, call, result),
        DeviceCall::Query => query(profile, call, result),
        // Driver document and Linux: not ENOTTY.
        DeviceCall::Ioctl { .. } => because(
            *result == CallResult::Error(Errno::EINVAL),
            "the driver has no ioctl of that number",
        ),
        DeviceCall::RequestVmc | DeviceCall::SetFlags { .. } | DeviceCall::Close => Ok(()),
    }
}

/// `reason`, or why there is none.
fn because(reason: bool, why_not: &'static str) -> Verdict {
    if reason { Ok(()) } else { Err(why_not) }
}

fn was(call: &Call, state: ChannelState) -> bool {
    call.facts.channels.contains(&state)
}

/// Whether the channel was in one of the states on the way to ready.
fn was_on_its_way(call: &Call) -> bool {
    call.facts.channels.iter().any(|state| is_on_its_way(*state))
}

/// The same, but before the capabilities were exchanged.
fn was_below_ready(call: &Call) -> bool {
    let mut channels = call.facts.channels.iter();
    channels.any(|state| is_on_its_way(*state) && *state != ChannelState::Seeding)
}

/// Driver document, VMC Interface Initialization.
fn open(profile: Profile, call: &Call, result: &CallResult) -> Verdict {
    match (profile, result) {
        (Profile::Document, CallResult::Ok) => because(
            was(call, ChannelState::Ready) || was(call, ChannelState::Initial),
            "the initialization had not completed",
        ),
        (Profile::Document, CallResult::Error(Errno::EBUSY)) => {
            because(was_on_its_way(call), "the channel was ready")
        }
        // A device that failed is no reason to refuse.
        (Profile::Linux, CallResult::Ok) => Ok(()),
        (Profile::Document, CallResult::Error(Errno::EIO)) => {
            because(was(call, ChannelState::Failed), "the device has not failed")
        }
        _ => Err("nothing that open() comes to"),
    }
}

/// Driver document, VMC Interface Open.
fn set_hmc_id(profile: Profile, call: &Call, result: &CallResult) -> Verdict {
    let facts = &call.facts;
    let had_session = facts.doubled
        || facts.closing
        || !facts.states.is_empty() && (!facts.started || facts.states.contains(&State::Ended));
    let dropped = call.sent_with() == Some(ReturnCode::DROPPED);
    let refused = call.sent_with().is_some_and(|code| !code.is_success());
    match (profile, result) {
        (_, CallResult::Ok) => {
            if !facts.started {
                return Err("it has started no session");
            }
            let copied = call.rdma.map(|rdma| (rdma.len_bytes, rdma.code));
            if copied != Some((u64::from(HMC_ID_BYTES), ReturnCode::SUCCESS)) {
                return Err("it has not copied the 32 bytes of the HMC ID");
            }
            because(!refused, "Interface Open was not sent")
        }
        (_, CallResult::Error(Errno::EFAULT)) => {
            because(call.particulars.bad_memory, "the memory was good")
        }
        (_, CallResult::Error(Errno::EBUSY)) => {
            because(dropped || facts.no_free_index, "an index was free, and its seed buffer there")
        }
        (Profile::Linux, CallResult::Error(Errno::ENOBUFS)) => because(
            facts.no_free_index || was(call, ChannelState::Seeding),
            "an index was free, and its seed buffer there",
        ),
        (Profile::Linux, CallResult::Error(Errno::EAGAIN)) => {
            because(was_below_ready(call), "the capabilities were exchanged")
        }
        (_, CallResult::Error(Errno::EIO)) => {
            let not_ready = was(call, ChannelState::Failed)
                || profile == Profile::Document && was_on_its_way(call);
            because(
                not_ready || had_session || refused && !dropped || call.copy_failed(),
                "the channel was ready, the file without a session, and nothing failed",
            )
        }
        _ => Err("nothing that SETHMCID comes to"),
    }
}

/// Driver document, VMC Interface Runtime.
fn write(profile: Profile, call: &Call, len_bytes: u64, result: &CallResult) -> Verdict {
    let facts = &call.facts;
    let is = |state| facts.states.contains(&state);
    let dropped = call.sent_with() == Some(ReturnCode::DROPPED);
    let is_over = is(State::Closing) || is(State::Ended) || facts.closing;
    match result {
        CallResult::Bytes { len_bytes: 0, .. } if len_bytes == 0 => match profile {
            Profile::Document => because(
                facts.states.iter().any(|state| *state < State::Closing),
                "the file has no session",
            ),
            Profile::Linux => because(is(State::Ready), "the session was never ready"),
        },
        CallResult::Bytes { len_bytes: written, .. } => {
            if *written != len_bytes {
                return Err("not all bytes");
            }
            if !is(State::Ready) {
                return Err("the session was never ready");
            }
            let copied = call.rdma.map(|rdma| (rdma.len_bytes, rdma.code));
            if copied != Some((len_bytes, ReturnCode::SUCCESS)) {
                return Err("the message was not copied");
            }
            because(signalled(call) == Some(len_bytes), "no SIGNAL announces the message")
        }
        CallResult::Error(Errno::EFAULT) => {
            because(call.particulars.bad_memory, "the memory was good")
        }
        CallResult::Error(Errno::EBUSY) if len_bytes == 0 && profile == Profile::Document => {
            Err("0 bytes need no buffer")
        }
        CallResult::Error(Errno::EBUSY) => {
            let is_opening = is(State::Starting) || is(State::Opening);
            because(
                dropped || is_opening || facts.no_free_buffer,
                "the session was ready and had a buffer",
            )
        }
        CallResult::Error(Errno::EIO) => {
            let too_long = facts.mtus.iter().any(|mtu| len_bytes > u64::from(*mtu));
            let refused = call.sent_with().is_some_and(|code| !code.is_success()) && !dropped;
            let is_wrong =
                too_long || facts.without_session || is_over || refused || call.copy_failed();
            let not_ready = was(call, ChannelState::Failed) || was_on_its_way(call);
            because(is_wrong || not_ready, "the session was ready, and nothing failed")
        }
        _ => Err("nothing that write() comes to"),
    }
}

/// The length that the call's Signal announced, if it was sent.
fn signalled(call: &Call) -> Option<u64> {
    call.sent.iter().rev().filter(|(_, code)| code.is_success()).find_map(|(entry, _)| {
        match Received::from_entry(*entry) {
            Received::Message(decoded) => match decoded.message {
                Message::Signal { len_bytes, .. } => Some(u64::from(len_bytes)),
                _ => None,
            },
            _ => None,
        }
    })
}

/// Driver document, VMC Interface Runtime.
fn read(device: &Device, finished: &Finished, room: u64) -> Verdict {
    let Finished { call, result, taken, .. } = finished;
    let (facts, profile) = (&call.facts, device.profile);
    // While nothing is agreed on, what the driver offers counts. It may know that earlier than the messages tell.
    let own =
        facts.channels.iter().any(|state| *state != ChannelState::Ready).then_some(device.own_mtu);
    let agreed = facts.mtus.iter().copied().filter(|mtu| *mtu > 0);
    let mtus = agreed.chain(own);
    let is_too_long = |mtu| room > u64::from(mtu);
    if profile == Profile::Linux {
        if room == 0 {
            let nothing = matches!(result, CallResult::Bytes { len_bytes: 0, .. });
            return because(nothing, "0 bytes are read at once");
        }
        if *result != CallResult::Error(Errno::EINVAL) && mtus.clone().all(is_too_long) {
            return Err("the buffer is longer than the MTU");
        }
    }
    match result {
        CallResult::Bytes { len_bytes: 0, .. } if room == 0 => {
            because(!facts.states.is_empty(), "the file has no session")
        }
        CallResult::Bytes { len_bytes: 0, .. } => {
            because(facts.empty_message, "no empty message was there")
        }
        CallResult::Bytes { .. } => because(facts.readable, "nothing was there to read"),
        CallResult::Error(Errno::EFAULT) => {
            because(call.particulars.bad_memory && facts.readable, "the memory was good")
        }
        CallResult::Error(Errno::EAGAIN) => because(
            facts.nonblock && facts.unreadable,
            "the file blocks, or there was something to read",
        ),
        CallResult::Error(Errno::EINTR) if !facts.signalled => Err("no signal has come"),
        CallResult::Error(Errno::EINTR) => because(
            !facts.nonblock && facts.unreadable,
            "the file does not block, or there was something to read",
        ),
        CallResult::Error(Errno::EINVAL) if profile == Profile::Linux => {
            because(mtus.into_iter().any(is_too_long), "the buffer was not longer than the MTU")
        }
        CallResult::Error(Errno::EBADFD) => because(
            was_refused(profile, facts) || facts.states.contains(&State::Ended),
            "the session was not over",
        ),
        CallResult::Error(Errno::EIO) => because(
            facts.without_session || *taken == Some(Item::Failed),
            "the file has a session, and no RDMA of a message has failed",
        ),
        _ => Err("nothing that read() comes to"),
    }
}

/// Whether the file was closed under the call. In the Linux profile that is so only if the call came too late to begin:
/// one that sleeps keeps the file.
fn was_refused(profile: Profile, facts: &Facts) -> bool {
    facts.closing && (profile == Profile::Document || !facts.slept)
}

/// Driver document, VMC Interface Runtime: readable when a message waits.
fn poll(profile: Profile, call: &Call, result: &CallResult) -> Verdict {
    let facts = &call.facts;
    let is_closed = facts.closing && profile == Profile::Document;
    let is_over = is_closed || facts.states.contains(&State::Ended);
    let nothing =
        facts.without_session || facts.unreadable && facts.states.iter().any(|s| *s < State::Ended);
    match (profile, result) {
        (_, CallResult::Polled(Polled::Nothing)) if call.particulars.waits => {
            Err("it waits until there is something to report, or a signal comes")
        }
        (_, CallResult::Polled(Polled::Nothing)) => {
            because(nothing, "there was something to report")
        }
        (_, CallResult::Error(Errno::EINTR)) if !facts.signalled => Err("no signal has come"),
        (_, CallResult::Error(Errno::EINTR)) => because(
            call.particulars.waits && nothing,
            "it does not wait, or there was something to report",
        ),
        (Profile::Linux, CallResult::Polled(Polled::Invalid)) => {
            because(facts.closing, "the file was not closed")
        }
        (Profile::Document, CallResult::Polled(Polled::Readable)) => {
            because(facts.readable, "nothing was there to read")
        }
        (Profile::Linux, CallResult::Polled(Polled::Readable)) => because(
            facts.readable || is_over,
            "nothing was there to read, and the session was not over",
        ),
        (Profile::Document, CallResult::Polled(Polled::HungUp)) => {
            because(is_over, "the session was not over")
        }
        _ => Err("nothing that poll() comes to"),
    }
}

fn query(profile: Profile, call: &Call, result: &CallResult) -> Verdict {
    if *result == CallResult::Error(Errno::EFAULT) {
        return because(call.particulars.bad_memory, "the memory was good");
    }
    let CallResult::State { have_vmc, state } = result else {
        return Err("nothing that QUERY comes to");
    };
    if *have_vmc != (*state != QueryState::INITIAL) {
        return Err("there is a VMC in every state but the initial one");
    }
    // The state in which indexes are seeded has no number of its own.
    let seeding = match profile {
        Profile::Document => QueryState::CAPABILITIES,
        Profile::Linux => QueryState::READY,
    };
    let shows = |channel: &ChannelState| match channel {
        ChannelState::Seeding => seeding,
        channel => channel.query(),
    };
    let shown = call.facts.channels.iter().any(|channel| shows(channel) == *state);
    because(shown, "the channel was never in that state")
}

/// A file that was closed has given up its session, or the session is being closed.
fn close(device: &Device, finished: &Finished) -> Verdict {
    match finished.result {
        // Another thread is closing it.
        CallResult::Error(Errno::EBADFD) if finished.call.facts.closing => return Ok(()),
        CallResult::Ok => {}
        _ => return Err("nothing that close() comes to"),
    }
    if device.profile == Profile::Linux {
        // The last call on the file releases it.
        return Ok(());
    }
    because(!has_session(device, finished), "its session goes on")
}

fn has_session(device: &Device, finished: &Finished) -> bool {
    let session = finished.call.file.and_then(|file| device.session_of(file));
    session.is_some_and(|session| session.state < State::Closing)
}

/// The last call on a file that was closed leaves no session behind.
fn released(device: &Device, finished: &Finished) -> Verdict {
    let Some(file) = finished.call.file.filter(|file| device.file(*file).closed) else {
        return Ok(());
    };
    let is_last = !device.calls().any(|(_, call)| call.file == Some(file));
    because(
        !(is_last && has_session(device, finished)),
        "it was the last call on a closed file, whose session goes on",
    )
}

/// What the Linux driver makes of H_REQUEST_VMC; the document does not say.
fn request_vmc(answered: Option<ReturnCode>, bad_memory: bool, result: &CallResult) -> Verdict {
    let Some(code) = answered else { return Err("H_REQUEST_VMC was not called") };
    let errno = match code {
        ReturnCode::SUCCESS if bad_memory => Errno::EFAULT,
        ReturnCode::SUCCESS => {
            let is_index = matches!(result, CallResult::DrcIndex(_));
            return because(is_index, "H_REQUEST_VMC has succeeded");
        }
        ReturnCode::FUNCTION | ReturnCode::AUTHORITY | ReturnCode::NOT_AVAILABLE => Errno::EPERM,
        ReturnCode::RESOURCE => Errno::ENODEV,
        ReturnCode::PARAMETER => Errno::EINVAL,
        busy if busy.busy_hint().is_some() => {
            return Err("H_REQUEST_VMC was busy, and was not called again");
        }
        _ => Errno::EIO,
    };
    because(*result == CallResult::Error(errno), "H_REQUEST_VMC has failed for another reason")
}

#[cfg(test)]
mod tests;
