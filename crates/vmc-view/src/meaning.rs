//! What an event means, in a sentence, and where the references say so.

use crate::states;
use papr::{CrqEntry, Hcall};
use vmc_proto::{MessageType, Received};
use vmc_trace::{DeviceCall, Event};

/// A meaning, and the sections that define it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) text: &'static str,
    pub(crate) sections: &'static [&'static str],
}

const NOTHING: Meaning = Meaning { text: "", sections: &[] };

const INITIALIZATION: &str = "driver document, VMC Interface Initialization";
const OPEN: &str = "driver document, VMC Interface Open";
const RUNTIME: &str = "driver document, VMC Interface Runtime";
const CLOSE: &str = "driver document, VMC Interface Close";
const BUFFERS: &str = "LoPAR, HMC Interface Buffers";

/// The sections of LoPAR and of the driver document that define an event: `LoPAR, Add Buffer`. The nearest comes first.
pub fn sections(event: &Event) -> &'static [&'static str] {
    meaning(event).sections
}

/// What the event means.
pub(crate) fn meaning(event: &Event) -> Meaning {
    match event {
        Event::Call(call, _) | Event::Return(call, ..) => of_call(call),
        Event::Hcall { call, .. } => of_hcall(call),
        Event::Payload(_) => Meaning { text: "The bytes that the next copy moves.", sections: &[] },
        Event::Rdma(..) => Meaning {
            text: "The management partition copies between its memory and a buffer of the hypervisor. Only it ever copies: \
                   before a SIGNAL that it sends, and after one that it receives. The eight digits are a digest of the bytes.",
            sections: &["LoPAR, H_COPY_RDMA", RUNTIME],
        },
        Event::Enqueued { entry, .. } => of_entry(*entry),
        Event::Dequeued { entry, .. } => Meaning {
            text: "The owner of the queue takes the entry, and its element is free again.",
            ..of_entry(*entry)
        },
        Event::Undelivered(_) => Meaning {
            text: "The receiver has no queue registered, so it hears nothing of it.",
            sections: &["LoPAR, Transport Event Codes"],
        },
        Event::ChannelState(state) => {
            Meaning { text: states::of_channel(*state), sections: &[INITIALIZATION] }
        }
        Event::SessionState(_, _, state) => {
            Meaning { text: states::of_session(*state), sections: &[OPEN, CLOSE] }
        }
        Event::SessionStarted(..) => Meaning {
            text: "This side's view of a session: the connection of one open file, by an index and a session number.",
            sections: &[OPEN, CLOSE],
        },
        Event::ProtocolViolation(..) => Meaning {
            text: "This side found that its peer broke the protocol.",
            sections: &["LoPAR, A Protocol for VMC Communications"],
        },
        Event::Fault { .. } => {
            Meaning { text: "A fault that the scenario scripts.", sections: &[] }
        }
        Event::Operator(_) => {
            Meaning { text: "The operator of the machine did this.", sections: &[] }
        }
        Event::InterruptPending(_) => Meaning {
            text: "The queue is not empty any more: its owner is told by an interrupt.",
            sections: &["LoPAR, CRQ Facility Interrupt Notification"],
        },
        Event::Command(_) => Meaning {
            text: "What the message says that the application writes or has read.",
            sections: &[RUNTIME],
        },
        Event::Posted(_)
        | Event::Signals(_)
        | Event::Awaited(_)
        | Event::SawEnd(_)
        | Event::Signalled => {
            Meaning { text: "Threads of applications wait for each other.", sections: &[] }
        }
        Event::Prompted(..) => Meaning {
            text: "The hypervisor's side sends to one session because of a message of another.",
            sections: &[RUNTIME],
        },
        Event::Sleep(_) | Event::Wake(_) => NOTHING,
    }
}

fn of_call(call: &DeviceCall) -> Meaning {
    match call {
        DeviceCall::Open { .. } => Meaning {
            text: "The application opens the device file.",
            sections: &[INITIALIZATION, OPEN],
        },
        DeviceCall::SetHmcId { .. } => Meaning {
            text: "The application names its HMC: the driver takes a free index and the next session number, copies the ID to \
                   the hypervisor and sends INTERFACE OPEN.",
            sections: &[OPEN],
        },
        DeviceCall::Write { .. } => Meaning {
            text: "The application sends a message: the driver copies it into a buffer that the management partition owns and \
                   sends SIGNAL. Without such a buffer the call returns EBUSY.",
            sections: &[RUNTIME],
        },
        DeviceCall::Read { .. } => Meaning {
            text: "The application takes the oldest message that has arrived, and its buffer is free for write() again.",
            sections: &[RUNTIME],
        },
        DeviceCall::Poll => {
            Meaning { text: "The application asks whether a message waits.", sections: &[RUNTIME] }
        }
        DeviceCall::SetFlags { .. } => Meaning {
            text: "The application changes the file's flags: O_NONBLOCK decides whether read() sleeps.",
            sections: &[RUNTIME],
        },
        DeviceCall::Close => Meaning {
            text: "The application closes the file: its session ends with INTERFACE CLOSE.",
            sections: &[CLOSE],
        },
        DeviceCall::Query | DeviceCall::RequestVmc | DeviceCall::Ioctl { .. } => {
            Meaning { text: "An ioctl() of the device file.", sections: &[OPEN] }
        }
    }
}

fn of_hcall(call: &Hcall) -> Meaning {
    match call {
        Hcall::RegCrq { .. } => Meaning {
            text: "Registers the caller's queue. H_Closed says that the partner has none yet.",
            sections: &["LoPAR, H_REG_CRQ"],
        },
        Hcall::FreeCrq { .. } => Meaning {
            text: "Deregisters the caller's queue; the partner gets a transport event.",
            sections: &["LoPAR, H_FREE_CRQ"],
        },
        Hcall::EnableCrq { .. } => Meaning {
            text: "Enables a queue that the suspension of the partner has disabled.",
            sections: &["LoPAR, H_ENABLE_CRQ"],
        },
        Hcall::SendCrq { .. } => Meaning {
            text: "Puts an entry on the partner's queue. H_Dropped: it is full. H_Closed: there is none.",
            sections: &["LoPAR, H_SEND_CRQ"],
        },
        Hcall::CopyRdma(_) => {
            Meaning { text: "Copies between windows.", sections: &["LoPAR, H_COPY_RDMA"] }
        }
        Hcall::VioSignal { .. } => Meaning {
            text: "Switches the interrupts of the queue on or off.",
            sections: &["LoPAR, H_VIO_SIGNAL"],
        },
        Hcall::GetTce { .. }
        | Hcall::PutTce { .. }
        | Hcall::StuffTce { .. }
        | Hcall::PutTceIndirect { .. } => Meaning {
            text: "Maps memory for the hypervisor's eyes, or takes it away.",
            sections: &["LoPAR, Translation Control Entry Access"],
        },
        Hcall::Eoi { .. } | Hcall::Xirr => Meaning {
            text: "Takes an interrupt, or finishes it.",
            sections: &["LoPAR, CRQ Facility Interrupt Notification"],
        },
        Hcall::RequestVmc => Meaning { text: "Asks for the VMC device.", sections: &[] },
    }
}

fn of_entry(entry: CrqEntry) -> Meaning {
    match Received::from_entry(entry) {
        Received::Init | Received::InitComplete | Received::UnknownInit(_) => Meaning {
            text: "The handshake of the queues: INIT says that a side has started, INIT COMPLETE answers it.",
            sections: &["LoPAR, Reliable CRQ Format and Registration", INITIALIZATION],
        },
        Received::TransportEvent(_) => Meaning {
            text: "The platform tells this side what became of its partner.",
            sections: &["LoPAR, Transport Event Codes"],
        },
        Received::Message(decoded) => of_message(decoded.message.message_type()),
        Received::UnknownMessage(_) | Received::ReservedHeader(_) => Meaning {
            text: "An entry that no message has.",
            sections: &["LoPAR, CRQ Entry Format"],
        },
    }
}

fn of_message(message_type: MessageType) -> Meaning {
    match message_type {
        MessageType::Capabilities => Meaning {
            text: "The management partition says how many connections and buffers it supports, and how long messages may be.",
            sections: &["LoPAR, VMC Capabilities", INITIALIZATION],
        },
        MessageType::CapabilitiesResponse => Meaning {
            text: "The hypervisor says what it supports; both sides use the smaller of each value.",
            sections: &["LoPAR, VMC Capabilities Response", INITIALIZATION],
        },
        MessageType::InterfaceOpen => Meaning {
            text: "The management partition opens a session. The buffer holds the HMC's ID.",
            sections: &["LoPAR, Interface Open", OPEN],
        },
        MessageType::InterfaceOpenResponse => Meaning {
            text: "The session is open, or not, as the status says. The buffer of the request is free again.",
            sections: &["LoPAR, Interface Open Response", OPEN],
        },
        MessageType::InterfaceClose => Meaning {
            text: "The management partition ends a session.",
            sections: &["LoPAR, Interface Close", CLOSE],
        },
        MessageType::InterfaceCloseResponse => Meaning {
            text: "The session is over; its buffers are gone.",
            sections: &["LoPAR, Interface Close Response", CLOSE],
        },
        MessageType::AddBuffer => Meaning {
            text: "The hypervisor adds a buffer to the pool of a connection, and says who sends with it first.",
            sections: &["LoPAR, Add Buffer", BUFFERS],
        },
        MessageType::AddBufferResponse => Meaning {
            text: "The management partition has taken the buffer, or not, as the status says.",
            sections: &["LoPAR, Add Buffer Response", BUFFERS],
        },
        MessageType::RemoveBuffer => Meaning {
            text: "The hypervisor wants a buffer back.",
            sections: &["LoPAR, Remove Buffer", BUFFERS],
        },
        MessageType::RemoveBufferResponse => Meaning {
            text: "The management partition gives up this buffer, or none, as the status says.",
            sections: &["LoPAR, Remove Buffer Response", BUFFERS],
        },
        MessageType::Signal => Meaning {
            text: "A message lies in this buffer. The buffer belongs to the receiver from now on.",
            sections: &["LoPAR, Signal Message", RUNTIME],
        },
    }
}
