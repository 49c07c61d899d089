//! VMC messages, typed (LoPAR, A Protocol for VMC Communications: VMC Administrative and HMC Interface
//! messages).

use crate::fields::{BufferId, BufferOwner, HmcIndex, HmcSession, Lioba};
use crate::limits::Limits;
use crate::status::Status;

/// A VMC message. Fields are in the order of the entry's bytes; those that name the connection and the
/// buffer mean the same in every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// mgmt to hyp: what the management partition supports.
    Capabilities {
        /// The management partition's parameters.
        limits: Limits,
    },
    /// hyp to mgmt: what the hypervisor supports.
    CapabilitiesResponse {
        /// A [`CapabilitiesStatus`](crate::CapabilitiesStatus).
        status: Status,
        /// The hypervisor's parameters, not the negotiated ones.
        limits: Limits,
    },
    /// mgmt to hyp: open `session`.
    InterfaceOpen {
        /// The next number of this index.
        session: HmcSession,
        /// An index that has no session.
        index: HmcIndex,
        /// The index's seed buffer, which holds the HMC ID.
        buffer: BufferId,
    },
    /// hyp to mgmt: answer to Interface Open.
    InterfaceOpenResponse {
        /// An [`InterfaceStatus`](crate::InterfaceStatus).
        status: Status,
        /// The session of the request.
        session: HmcSession,
        /// The index of the request.
        index: HmcIndex,
        /// The buffer that carried the HMC ID; the management partition may use it again.
        buffer: BufferId,
    },
    /// mgmt to hyp: close `session`.
    InterfaceClose {
        /// The session to close.
        session: HmcSession,
        /// Its index.
        index: HmcIndex,
    },
    /// hyp to mgmt: answer to Interface Close.
    InterfaceCloseResponse {
        /// An [`InterfaceStatus`](crate::InterfaceStatus).
        status: Status,
        /// The session of the request.
        session: HmcSession,
        /// The index of the request.
        index: HmcIndex,
    },
    /// hyp to mgmt: `buffer` joins the pool of `index`.
    AddBuffer {
        /// Who sends with the buffer first.
        owner: BufferOwner,
        /// The index's session; [`HmcSession::NONE`] for a seed buffer.
        session: HmcSession,
        /// The index whose pool it joins.
        index: HmcIndex,
        /// The buffer's number in that pool.
        buffer: BufferId,
        /// Where it lies in the remote window; it has the length of the negotiated MTU.
        lioba: Lioba,
    },
    /// mgmt to hyp: answer to Add Buffer.
    AddBufferResponse {
        /// An [`AddBufferStatus`](crate::AddBufferStatus), or what the driver's profile says.
        status: Status,
        /// The session of the request.
        session: HmcSession,
        /// The index of the request.
        index: HmcIndex,
        /// The buffer of the request.
        buffer: BufferId,
    },
    /// hyp to mgmt: give one buffer back; which one is for the management partition to choose.
    RemoveBuffer {
        /// The index's session.
        session: HmcSession,
        /// The index whose pool shrinks.
        index: HmcIndex,
    },
    /// mgmt to hyp: answer to Remove Buffer.
    RemoveBufferResponse {
        /// A [`RemoveBufferStatus`](crate::RemoveBufferStatus), or what the driver's profile says.
        status: Status,
        /// The session of the request.
        session: HmcSession,
        /// The index of the request.
        index: HmcIndex,
        /// The buffer that leaves the pool; meaningless when the status is a failure.
        buffer: BufferId,
    },
    /// Both ways: `buffer` holds a message and belongs to the receiver from now on.
    Signal {
        /// The index's session.
        session: HmcSession,
        /// The index whose pool the buffer is in.
        index: HmcIndex,
        /// The buffer that holds the message.
        buffer: BufferId,
        /// Length of the message in bytes.
        len_bytes: u32,
    },
}

impl Message {
    /// The message's type.
    pub const fn message_type(&self) -> MessageType {
        match self {
            Message::Capabilities { .. } => MessageType::Capabilities,
            Message::CapabilitiesResponse { .. } => MessageType::CapabilitiesResponse,
            Message::InterfaceOpen { .. } => MessageType::InterfaceOpen,
            Message::InterfaceOpenResponse { .. } => MessageType::InterfaceOpenResponse,
            Message::InterfaceClose { .. } => MessageType::InterfaceClose,
            Message::InterfaceCloseResponse { .. } => MessageType::InterfaceCloseResponse,
            Message::AddBuffer { .. } => MessageType::AddBuffer,
            Message::AddBufferResponse { .. } => MessageType::AddBufferResponse,
            Message::RemoveBuffer { .. } => MessageType::RemoveBuffer,
            Message::RemoveBufferResponse { .. } => MessageType::RemoveBufferResponse,
            Message::Signal { .. } => MessageType::Signal,
        }
    }

    /// The HMC connection the message is about; `None` for the administrative messages.
    pub const fn connection(&self) -> Option<(HmcIndex, HmcSession)> {
        match *self {
            Message::Capabilities { .. } | Message::CapabilitiesResponse { .. } => None,
            Message::InterfaceOpen { session, index, .. }
            | Message::InterfaceOpenResponse { session, index, .. }
            | Message::InterfaceClose { session, index }
            | Message::InterfaceCloseResponse { session, index, .. }
            | Message::AddBuffer { session, index, .. }
            | Message::AddBufferResponse { session, index, .. }
            | Message::RemoveBuffer { session, index }
            | Message::RemoveBufferResponse { session, index, .. }
            | Message::Signal { session, index, .. } => Some((index, session)),
        }
    }

    /// What a response says of its request; `None` for all other messages.
    pub const fn status(&self) -> Option<Status> {
        match *self {
            Message::CapabilitiesResponse { status, .. }
            | Message::InterfaceOpenResponse { status, .. }
            | Message::InterfaceCloseResponse { status, .. }
            | Message::AddBufferResponse { status, .. }
            | Message::RemoveBufferResponse { status, .. } => Some(status),
            Message::Capabilities { .. }
            | Message::InterfaceOpen { .. }
            | Message::InterfaceClose { .. }
            | Message::AddBuffer { .. }
            | Message::RemoveBuffer { .. }
            | Message::Signal { .. } => None,
        }
    }
}

macro_rules! message_types {
    ($($(#[$doc:meta])* $variant:ident = $value:literal, $name:literal;)*) => {
        /// Type of a VMC message: byte 1 of its entry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum MessageType {
            $($(#[$doc])* $variant = $value,)*
        }

        impl MessageType {
            /// Every message type.
            pub const ALL: &[MessageType] = &[$(MessageType::$variant),*];

            /// The type behind a byte, `None` for one that is not defined.
            pub const fn from_byte(byte: u8) -> Option<MessageType> {
                match byte {
                    $($value => Some(MessageType::$variant),)*
                    _ => None,
                }
            }

            /// The driver document's name for it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(MessageType::$variant => $name,)*
                }
            }
        }
    };
}

message_types! {
    /// The management partition's parameters.
    Capabilities = 0x01, "CAPABILITIES";
    /// The hypervisor's answer.
    CapabilitiesResponse = 0x81, "CAPABILITIES RESPONSE";
    /// Opens a session.
    InterfaceOpen = 0x02, "INTERFACE OPEN";
    /// The session is ready, or not.
    InterfaceOpenResponse = 0x82, "INTERFACE OPEN RESPONSE";
    /// Closes a session.
    InterfaceClose = 0x03, "INTERFACE CLOSE";
    /// The session is closed.
    InterfaceCloseResponse = 0x83, "INTERFACE CLOSE RESPONSE";
    /// Gives a buffer to the pool.
    AddBuffer = 0x04, "ADD BUFFER";
    /// The buffer was taken, or not.
    AddBufferResponse = 0x84, "ADD BUFFER RESPONSE";
    /// Asks for a buffer back.
    RemoveBuffer = 0x05, "REMOVE BUFFER";
    /// Which buffer was given back.
    RemoveBufferResponse = 0x85, "REMOVE BUFFER RESPONSE";
    /// A message lies in a buffer.
    Signal = 0x06, "SIGNAL";
}
