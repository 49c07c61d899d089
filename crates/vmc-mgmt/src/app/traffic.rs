//! What goes over the VMC: the last messages of the application's session, and how many there were.

use hmc_client::{Device, HmcId, Ready, VmcFile};
use hmc_proto::{Answer, Message, Request};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Messages that are kept.
pub const MAX_MESSAGES: usize = 48;

/// The last messages of a session, and how many there were.
#[derive(Debug, Default)]
pub struct Traffic(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    last: VecDeque<(u64, Duration, bool, Vec<u8>)>,
    sent: u64,
    received: u64,
}

/// A message that has gone over the VMC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its number, from 1.
    pub number: u64,
    /// When, since 1970.
    pub at: Duration,
    /// To the hypervisor, not from it.
    pub sent: bool,
    /// Its length.
    pub bytes: usize,
    /// Its operation and its main fields.
    pub text: String,
}

impl Traffic {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, sent: bool, message: &[u8]) {
        let at = super::now();
        let mut kept = self.kept();
        // The room of the oldest is that of the new one.
        let full = kept.last.len() == MAX_MESSAGES;
        let mut room =
            if full { kept.last.pop_front() } else { None }.map_or_else(Vec::new, |it| it.3);
        room.clear();
        room.extend_from_slice(message);
        if sent {
            kept.sent += 1;
        } else {
            kept.received += 1;
        }
        let number = kept.sent + kept.received;
        kept.last.push_back((number, at, sent, room));
    }

    /// How many were sent, and how many received.
    pub fn counts(&self) -> (u64, u64) {
        let kept = self.kept();
        (kept.sent, kept.received)
    }

    /// Those that are kept behind this number, the oldest first.
    pub fn after(&self, number: u64) -> Vec<Passed> {
        let last: Vec<_> = self.kept().last.iter().filter(|it| it.0 > number).cloned().collect();
        let passed = |(number, at, sent, message): (u64, Duration, bool, Vec<u8>)| {
            let (bytes, text) = (message.len(), words(&message));
            Passed { number, at, sent, bytes, text }
        };
        last.into_iter().map(passed).collect()
    }
}

/// What a message says.
fn words(message: &[u8]) -> String {
    let Ok(message) = Message::decode(message) else { return String::from("no HMC command") };
    if message.header.flags.is_response() {
        return Answer::decode(&message)
            .map_or_else(|error| error.to_string(), |it| it.to_string());
    }
    Request::decode(&message).map_or_else(|code| code.to_string(), |request| request.to_string())
}

/// A device whose messages are counted.
#[derive(Debug)]
pub struct Watched<D> {
    pub(super) device: D,
    pub(super) traffic: Arc<Traffic>,
}

/// An open file of it.
#[derive(Debug)]
pub struct WatchedFile<F> {
    file: F,
    traffic: Arc<Traffic>,
}

impl<D: Device> Device for Watched<D> {
    type File = WatchedFile<D::File>;

    fn open(&mut self, hmc_id: &HmcId) -> io::Result<WatchedFile<D::File>> {
        let (file, traffic) = (self.device.open(hmc_id)?, Arc::clone(&self.traffic));
        Ok(WatchedFile { file, traffic })
    }

    fn sleep(&mut self, time: Duration) -> io::Result<()> {
        self.device.sleep(time)
    }

    fn now(&self) -> Duration {
        self.device.now()
    }
}

impl<F: VmcFile> Read for WatchedFile<F> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(room)?;
        self.traffic.pass(false, &room[..len]);
        Ok(len)
    }
}

impl<F: VmcFile> Write for WatchedFile<F> {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        let len = self.file.write(message)?;
        self.traffic.pass(true, &message[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<F: VmcFile> VmcFile for WatchedFile<F> {
    fn poll(&mut self, patience: Duration) -> io::Result<Ready> {
        self.file.poll(patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmc_proto::{Nothing, Token};

    #[test]
    fn the_last_messages_are_kept_with_their_words() {
        let traffic = Traffic::default();
        let request = Request::ShowSystem(Nothing {}).encode(Token(7));
        traffic.pass(true, &request);
        traffic.pass(false, b"junk");
        let last: Vec<_> = traffic
            .after(0)
            .into_iter()
            .map(|it| (it.number, it.sent, it.bytes, it.text))
            .collect();
        assert_eq!(
            last,
            [
                (1, true, 32, String::from("SHOW SYSTEM")),
                (2, false, 4, String::from("no HMC command"))
            ]
        );
        assert_eq!(
            (traffic.counts(), traffic.after(1).len(), traffic.after(2).len()),
            ((1, 1), 1, 0)
        );
        (0..2 * MAX_MESSAGES).for_each(|_| traffic.pass(true, &request));
        let last = traffic.after(0);
        assert_eq!((last.len(), last[0].number), (MAX_MESSAGES, 2 + MAX_MESSAGES as u64 + 1));
    }
}
