//! Changes to the fields and bytes of an entry.

use papr::{CrqEntry, InitFormat, TransportEvent};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Lioba, Message, MessageType, Received,
    Status, Version,
};

/// Values that replace those of an entry. A field that the message does not have changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// HMC index.
    pub index: Option<u8>,
    /// HMC session number.
    pub session: Option<u8>,
    /// Buffer ID.
    pub buffer: Option<u16>,
    /// Message length in bytes.
    pub length: Option<u32>,
    /// Status of a response.
    pub status: Option<u8>,
    /// Owner of the buffer.
    pub owner: Option<u8>,
    /// Logical I/O bus address of the buffer.
    pub lioba: Option<u32>,
    /// Number of HMC connections.
    pub hmcs: Option<u8>,
    /// Buffers per HMC connection.
    pub pool_size: Option<u16>,
    /// Longest message in bytes.
    pub mtu: Option<u32>,
    /// Entries of the sender's CRQ.
    pub crq_size: Option<u16>,
    /// Protocol version.
    pub version: Option<Version>,
    /// Offset and value of single bytes, changed last.
    pub bytes: Vec<(usize, u8)>,
}

/// An entry to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Template {
    /// A VMC message of this type, with these fields.
    Message(MessageType, Patch),
    /// CRQ INIT.
    Init,
    /// CRQ INIT COMPLETE.
    InitComplete,
    /// A transport event.
    TransportEvent(TransportEvent),
    /// These sixteen bytes.
    Raw(CrqEntry),
}

impl Template {
    pub(crate) fn entry(&self) -> CrqEntry {
        match self {
            Template::Message(message_type, patch) => patch.apply(empty(*message_type).encode()),
            Template::Init => CrqEntry::init(InitFormat::INITIALIZE),
            Template::InitComplete => CrqEntry::init(InitFormat::COMPLETE),
            Template::TransportEvent(event) => CrqEntry::transport_event(*event),
            Template::Raw(entry) => *entry,
        }
    }
}

impl Patch {
    pub(crate) fn apply(&self, entry: CrqEntry) -> CrqEntry {
        let mut patched = match Received::from_entry(entry) {
            Received::Message(decoded) => self.message(decoded.message).encode(),
            _ => entry,
        };
        for &(offset, value) in &self.bytes {
            if let Some(byte) = patched.0.get_mut(offset) {
                *byte = value;
            }
        }
        patched
    }

    fn message(&self, mut message: Message) -> Message {
        fn set<T: Copy, N: Copy>(place: &mut T, value: Option<N>, make: impl Fn(N) -> T) {
            if let Some(value) = value {
                *place = make(value);
            }
        }
        match &mut message {
            Message::Capabilities { limits } => self.limits(limits),
            Message::CapabilitiesResponse { status, limits } => {
                set(status, self.status, Status);
                self.limits(limits);
            }
            Message::InterfaceOpen { session, index, buffer } => {
                set(session, self.session, HmcSession);
                set(index, self.index, HmcIndex);
                set(buffer, self.buffer, BufferId);
            }
            Message::InterfaceOpenResponse { status, session, index, buffer }
            | Message::AddBufferResponse { status, session, index, buffer }
            | Message::RemoveBufferResponse { status, session, index, buffer } => {
                set(status, self.status, Status);
                set(session, self.session, HmcSession);
                set(index, self.index, HmcIndex);
                set(buffer, self.buffer, BufferId);
            }
            Message::InterfaceClose { session, index }
            | Message::RemoveBuffer { session, index } => {
                set(session, self.session, HmcSession);
                set(index, self.index, HmcIndex);
            }
            Message::InterfaceCloseResponse { status, session, index } => {
                set(status, self.status, Status);
                set(session, self.session, HmcSession);
                set(index, self.index, HmcIndex);
            }
            Message::AddBuffer { owner, session, index, buffer, lioba } => {
                set(owner, self.owner, BufferOwner);
                set(session, self.session, HmcSession);
                set(index, self.index, HmcIndex);
                set(buffer, self.buffer, BufferId);
                set(lioba, self.lioba, Lioba);
            }
            Message::Signal { session, index, buffer, len_bytes } => {
                set(session, self.session, HmcSession);
                set(index, self.index, HmcIndex);
                set(buffer, self.buffer, BufferId);
                set(len_bytes, self.length, |length| length);
            }
        }
        message
    }

    fn limits(&self, limits: &mut Limits) {
        limits.hmcs = self.hmcs.unwrap_or(limits.hmcs);
        limits.pool_size = self.pool_size.unwrap_or(limits.pool_size);
        limits.mtu = self.mtu.unwrap_or(limits.mtu);
        limits.crq_size = self.crq_size.unwrap_or(limits.crq_size);
        limits.version = self.version.unwrap_or(limits.version);
    }
}

/// An address that no window of a simulated machine reaches.
const NOWHERE: Lioba = Lioba(0xffff_f000);

/// A message whose fields are all zero, but for the address of a buffer, which is not mapped, and for
/// the parameters of a capabilities exchange, which are usable.
fn empty(message_type: MessageType) -> Message {
    let (status, session) = (Status::SUCCESS, HmcSession::NONE);
    let (index, buffer) = (HmcIndex(0), BufferId(0));
    let limits = ibmvmc::Config::default().limits();
    match message_type {
        MessageType::Capabilities => Message::Capabilities { limits },
        MessageType::CapabilitiesResponse => Message::CapabilitiesResponse { status, limits },
        MessageType::InterfaceOpen => Message::InterfaceOpen { session, index, buffer },
        MessageType::InterfaceOpenResponse => {
            Message::InterfaceOpenResponse { status, session, index, buffer }
        }
        MessageType::InterfaceClose => Message::InterfaceClose { session, index },
        MessageType::InterfaceCloseResponse => {
            Message::InterfaceCloseResponse { status, session, index }
        }
        MessageType::AddBuffer => {
            let (owner, lioba) = (BufferOwner::MANAGEMENT, NOWHERE);
            Message::AddBuffer { owner, session, index, buffer, lioba }
        }
        MessageType::AddBufferResponse => {
            Message::AddBufferResponse { status, session, index, buffer }
        }
        MessageType::RemoveBuffer => Message::RemoveBuffer { session, index },
        MessageType::RemoveBufferResponse => {
            Message::RemoveBufferResponse { status, session, index, buffer }
        }
        MessageType::Signal => Message::Signal { session, index, buffer, len_bytes: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_fields_change_the_message_and_bytes_change_what_is_left() {
        let patch = Patch {
            session: Some(7),
            length: Some(100),
            status: Some(9),
            bytes: vec![(15, 0xEE), (0, 0x81)],
            ..Patch::default()
        };
        let entry = Template::Message(MessageType::Signal, patch).entry();
        let plain = Message::Signal {
            session: HmcSession(7),
            index: HmcIndex(0),
            buffer: BufferId(0),
            len_bytes: 100,
        };
        let mut expected = plain.encode();
        (expected.0[15], expected.0[0]) = (0xEE, 0x81);
        assert_eq!(entry, expected);
    }

    #[test]
    fn every_message_can_be_made_and_keeps_its_type() {
        for &message_type in MessageType::ALL {
            let entry = Template::Message(message_type, Patch::default()).entry();
            let Received::Message(decoded) = Received::from_entry(entry) else { panic!("{entry}") };
            assert_eq!(decoded.message.message_type(), message_type);
        }
    }
}
