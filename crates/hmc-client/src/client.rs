//! The client: a request goes out, its response comes back, and what comes in between has its place.

use crate::error::{Error, Trouble};
use crate::events::{Events, Notice};
use crate::file::{Device, Failure, HMC_ID_BYTES, HmcId, VmcFile, failure};
use hmc_proto::{
    Answer, Echo, Flags, HEADER_BYTES, Header, MAX_MESSAGE_BYTES, Message, Operation, Request,
    Response, Rest, TargetOperations, Token,
};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::time::Duration;

/// How long the client waits before it writes again when no buffer was free.
const WRITE_AGAIN: Duration = Duration::from_millis(1);

/// Requests without a response that are remembered, so that a late one is known.
const MAX_GIVEN_UP: usize = 256;

/// How a client behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The HMC ID, of 1 to 32 bytes: who the client is to the hypervisor. A session is resumed by the same one.
    pub hmc_id: String,
    /// How long a response is waited for.
    pub patience: Duration,
    /// How long a session is tried to be opened, at first and when it was lost.
    pub opening: Duration,
}

impl Options {
    /// Those for this HMC ID: a response within 30 seconds, a session within 60.
    pub fn new(hmc_id: impl Into<String>) -> Options {
        let seconds = Duration::from_secs;
        Options { hmc_id: hmc_id.into(), patience: seconds(30), opening: seconds(60) }
    }
}

/// What has happened to a client besides responses to its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// How often a lost session was opened again.
    pub reopened: u32,
    /// How many of those times the hypervisor did not know the session any more.
    pub forgotten: u32,
    /// Responses to requests that were given up.
    pub late: u32,
    /// Messages that nothing was asked for, or that were none.
    pub stray: u32,
}

/// A client of HMC commands. See the [crate](crate) for what it does by itself.
#[derive(Debug)]
pub struct Client<D: Device> {
    pub(crate) device: D,
    /// `None` when the session is lost.
    pub(crate) file: Option<D::File>,
    pub(crate) options: Options,
    pub(crate) hmc_id: HmcId,
    /// The number of the router's session; 0 before there is one.
    pub(crate) session: u32,
    pub(crate) mtu: usize,
    pub(crate) operations: Vec<TargetOperations>,
    token: u32,
    /// Requests that nothing waits for any more.
    pub(crate) given_up: BTreeSet<Token>,
    pub(crate) events: Events,
    /// Buffers of the hypervisor's side that events have taken, and that are not given back yet.
    pub(crate) owed: u32,
    pub(crate) counts: Counts,
    room: Vec<u8>,
}

/// A response that has come.
struct Arrived {
    /// With its token and operation.
    header: Header,
    /// What it says, or why that cannot be read.
    answer: Result<Answer, String>,
}

impl<D: Device> Client<D> {
    /// Opens a VMC session and the router's session in it.
    pub fn open(device: D, options: Options) -> Result<Client<D>, Error> {
        let mut hmc_id = [0; HMC_ID_BYTES];
        let name = options.hmc_id.as_bytes();
        if name.is_empty() || name.len() > HMC_ID_BYTES || name.contains(&0) {
            return Err(Error::HmcId(options.hmc_id));
        }
        hmc_id[..name.len()].copy_from_slice(name);
        let mut client = Client {
            device,
            file: None,
            options,
            hmc_id,
            session: 0,
            mtu: MAX_MESSAGE_BYTES,
            operations: Vec::new(),
            token: 0,
            given_up: BTreeSet::new(),
            events: Events::default(),
            owed: 0,
            counts: Counts::default(),
            room: vec![0; MAX_MESSAGE_BYTES],
        };
        client.open_session()?;
        Ok(client)
    }

    /// The number of the router's session. It changes when the hypervisor has forgotten the one before.
    pub fn session(&self) -> u32 {
        self.session
    }

    /// The longest message, in bytes.
    pub fn mtu(&self) -> usize {
        self.mtu
    }

    /// The operations that the hypervisor has, by target.
    pub fn operations(&self) -> &[TargetOperations] {
        &self.operations
    }

    /// What has happened besides responses.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Waits for a while, in the device's time.
    pub fn sleep(&mut self, time: Duration) -> Result<(), Error> {
        self.device.sleep(time).map_err(Error::Device)
    }

    /// The device's time.
    pub fn now(&self) -> Duration {
        self.device.now()
    }

    /// The next event, or the news that some were missed; `None` when none comes for so long. Events come after
    /// [`subscribe`](Client::subscribe).
    pub fn next_event(&mut self, patience: Duration) -> Result<Option<Notice>, Error> {
        let until = self.device.now().saturating_add(patience);
        loop {
            if let Some(notice) = self.events.take() {
                return Ok(Some(notice));
            }
            let left = until.saturating_sub(self.device.now());
            match self.receive(left) {
                Ok(Some(arrived)) => self.unexpected(arrived.header.token),
                Ok(None) if left == Duration::ZERO => return Ok(self.events.take()),
                Ok(None) => {}
                Err(Trouble::Lost) => {
                    self.open_session()?;
                }
                Err(Trouble::Error(error)) => return Err(error),
            }
        }
    }

    pub(crate) fn next_token(&mut self) -> Token {
        // 0 is what a message without a header is answered with.
        self.token = self.token.checked_add(1).unwrap_or(1);
        Token(self.token)
    }

    /// One attempt: the request goes out, and its response comes in.
    pub(crate) fn attempt(&mut self, request: &Request, token: Token) -> Result<Response, Trouble> {
        let operation = request.operation();
        let message = request.encode(token);
        if message.len() > self.mtu {
            return Err(Error::TooLong { operation, len: message.len(), mtu: self.mtu }.into());
        }
        let since = self.device.now();
        let until = since.saturating_add(self.options.patience);
        if !self.send(&message, until)? {
            let after = self.device.now().saturating_sub(since);
            return Err(Error::NoBuffer { operation, after }.into());
        }
        loop {
            let left = until.saturating_sub(self.device.now());
            match self.receive(left)? {
                Some(Arrived { header, answer }) if header.token == token => {
                    let asked = (operation.target(), operation.opcode());
                    if (header.target, header.opcode) != asked {
                        let what = format!(
                            "it is that of opcode {:?} of {}",
                            header.opcode, header.target
                        );
                        return Err(Error::BadResponse { operation, what }.into());
                    }
                    let answer = answer.map_err(|what| Error::BadResponse { operation, what })?;
                    return Ok(good(operation, answer)?);
                }
                Some(arrived) => self.unexpected(arrived.header.token),
                None if left == Duration::ZERO => {
                    self.give_up(token);
                    let after = self.device.now().saturating_sub(since);
                    return Err(Error::TimedOut { operation, token, after }.into());
                }
                None => {}
            }
        }
    }

    /// Writes a message as soon as a buffer is free; `false` when none is until then.
    fn send(&mut self, message: &[u8], until: Duration) -> Result<bool, Trouble> {
        loop {
            let file = self.file.as_mut().ok_or(Trouble::Lost)?;
            match write_whole(file, message) {
                Ok(()) => return Ok(true),
                Err(error) => match failure(&error) {
                    Failure::Interrupted => {}
                    Failure::Later if self.device.now() >= until => return Ok(false),
                    Failure::Later => {
                        if let Some(arrived) = self.receive(WRITE_AGAIN)? {
                            self.unexpected(arrived.header.token);
                        }
                    }
                    Failure::Lost => return Err(self.lost()),
                    Failure::Other => return Err(Error::Device(error).into()),
                },
            }
        }
    }

    /// Takes the next message if one comes within that time, and returns it if it is a response. Events find their place.
    fn receive(&mut self, patience: Duration) -> Result<Option<Arrived>, Trouble> {
        let file = self.file.as_mut().ok_or(Trouble::Lost)?;
        let taken = match file.poll(patience) {
            Ok(ready) if ready.hung_up => return Err(self.lost()),
            Ok(ready) if !ready.readable => return Ok(None),
            Ok(_) => file.read(&mut self.room),
            Err(error) => Err(error),
        };
        let len = match taken {
            Ok(len) => len,
            Err(error) => match failure(&error) {
                Failure::Interrupted | Failure::Later => return Ok(None),
                Failure::Lost => return Err(self.lost()),
                Failure::Other => return Err(Error::Device(error).into()),
            },
        };
        let Ok(message) = Message::decode(&self.room[..len]) else {
            self.counts.stray += 1;
            return Ok(None);
        };
        if message.header.flags.is_response() {
            let answer = Answer::decode(&message).map_err(|error| error.to_string());
            return Ok(Some(Arrived { header: message.header, answer }));
        }
        match Request::decode(&message) {
            Ok(Request::Event(event)) => {
                self.events.came(event);
                self.owed += 1;
                self.give_back()?;
            }
            _ => self.counts.stray += 1,
        }
        Ok(None)
    }

    /// Gives the hypervisor the buffers back that events have come in: an empty echo that wants no response leaves one there.
    fn give_back(&mut self) -> Result<(), Trouble> {
        while self.owed > 0 {
            let echo = Request::Echo(Echo { data: Rest(Vec::new()) });
            let mut message = echo.encode(self.next_token());
            message[FLAGS] = Flags::NONE.0;
            debug_assert_eq!(message.len(), HEADER_BYTES);
            let Some(file) = self.file.as_mut() else { return Ok(()) };
            match write_whole(file, &message) {
                Ok(()) => self.owed -= 1,
                Err(error) => match failure(&error) {
                    Failure::Interrupted => {}
                    // It is given back with the next event.
                    Failure::Later => return Ok(()),
                    Failure::Lost => return Err(self.lost()),
                    Failure::Other => return Err(Error::Device(error).into()),
                },
            }
        }
        Ok(())
    }

    /// Finds out whether the session is over.
    pub(crate) fn look(&mut self) -> Result<(), Trouble> {
        let file = self.file.as_mut().ok_or(Trouble::Lost)?;
        match file.poll(Duration::ZERO) {
            Ok(ready) if ready.hung_up => Err(self.lost()),
            Ok(_) => Ok(()),
            Err(error) => match failure(&error) {
                Failure::Interrupted | Failure::Later => Ok(()),
                Failure::Lost => Err(self.lost()),
                Failure::Other => Err(Error::Device(error).into()),
            },
        }
    }

    /// The session is over: the file is closed.
    pub(crate) fn lost(&mut self) -> Trouble {
        self.file = None;
        Trouble::Lost
    }

    /// Nothing waits for the response to a request any more.
    fn give_up(&mut self, token: Token) {
        if self.given_up.len() == MAX_GIVEN_UP {
            self.given_up.pop_first();
        }
        self.given_up.insert(token);
    }

    /// A response has come that nothing waits for.
    fn unexpected(&mut self, token: Token) {
        match self.given_up.remove(&token) {
            true => self.counts.late += 1,
            false => self.counts.stray += 1,
        }
    }
}

/// Writes a message, which the device takes whole or not at all.
fn write_whole(file: &mut impl Write, message: &[u8]) -> io::Result<()> {
    match file.write(message)? {
        len if len == message.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// Where the flags stand in a header.
const FLAGS: usize = 15;

/// The good response in an answer.
pub(crate) fn good(operation: Operation, answer: Answer) -> Result<Response, Error> {
    match answer {
        Answer::Good(response) => Ok(response),
        Answer::Refused(refusal) => Err(Error::Refused { operation, refusal }),
        Answer::Failed(code) => Err(Error::Code { operation, code }),
    }
}
