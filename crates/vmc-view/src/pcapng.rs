//! A run as a capture that Wireshark reads, with the dissector in `wireshark/vmc.lua`.
//!
//! Each lane is an interface. A packet has the link type USER0 and begins with 12 bytes: 1, the kind, the direction (1, to
//! the hypervisor; 2, to the management partition; 0, neither), 0, and the number of the event in 8 bytes. All numbers are
//! big-endian. What follows depends on the kind:
//!
//! | kind | what follows |
//! |---|---|
//! | 0, an entry was placed on a queue; 1, it was taken | the element (4), the entry (16) |
//! | 2, a hypervisor call | opcode (8), R4 to R12 (72), the return code (8), R4 on return (8), its text |
//! | 3, an `H_COPY_RDMA` | index (1), session (1), buffer (2, 0xFFFF for none), return code (8), bytes (8), source (8), destination (8), digest (4), the payload where it was kept |
//! | 4, any other event; 5, a rule is broken | its text |
//!
//! Times are virtual, in nanoseconds since the start of the run. What a fault does is a packet's comment, too.

use std::collections::BTreeMap;
use vmc_trace::{ActorId, Event, Rdma, RdmaDirection, Record, Side, Subject};
use vmc_trace_file::Run;

const USER0: u16 = 147;
const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const COMMENT: u16 = 1;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;

/// The run as a capture (pcapng: Section Header, Interface Description and Enhanced Packet Blocks).
pub fn pcapng(run: &Run) -> Vec<u8> {
    let lanes = Interfaces { apps: run.trace.names().apps.clone() };
    let mut capture = Vec::new();
    let mut section = Vec::new();
    section.extend(0x1A2B_3C4D_u32.to_be_bytes());
    section.extend([0, 1, 0, 0]);
    section.extend([0xFF; 8]);
    block(&mut capture, SECTION, section, &[]);
    for name in lanes.names() {
        let mut interface = USER0.to_be_bytes().to_vec();
        interface.extend([0; 6]);
        block(
            &mut capture,
            INTERFACE,
            interface,
            &[(IF_NAME, name.as_bytes()), (IF_TSRESOL, &[9])],
        );
    }
    let mut payloads: BTreeMap<ActorId, &[u8]> = BTreeMap::new();
    for record in run.trace.records() {
        if let Event::Payload(bytes) = &record.event {
            payloads.insert(record.actor, bytes);
            continue;
        }
        let payload = match record.event {
            Event::Rdma(..) => payloads.remove(&record.actor).unwrap_or_default(),
            _ => &[],
        };
        let comment = match &record.event {
            Event::Fault { .. } => Some(record.event.to_string()),
            _ => None,
        };
        let data = data_of(record, payload);
        packet(&mut capture, lanes.of(record.actor), record.time_ns, &data, comment.as_deref());
        for problem in run.problems.iter().filter(|problem| problem.event == Some(record.seq)) {
            let text = format!("{}: {}", problem.rule, problem.what);
            let data = [&head(5, 0, record.seq)[..], text.as_bytes()].concat();
            packet(&mut capture, lanes.of(record.actor), record.time_ns, &data, Some(&text));
        }
    }
    capture
}

struct Interfaces {
    apps: Vec<String>,
}

impl Interfaces {
    fn names(&self) -> Vec<String> {
        let fixed = ["driver", "hypervisor", "platform"].map(String::from);
        fixed.into_iter().chain(self.apps.iter().cloned()).collect()
    }

    fn of(&self, actor: ActorId) -> u32 {
        match actor {
            ActorId::App(app) if usize::from(app) < self.apps.len() => 3 + u32::from(app),
            // A thread without a name is shown where its calls go.
            ActorId::App(_) | ActorId::Interrupt | ActorId::BottomHalf | ActorId::Task => 0,
            ActorId::Service => 1,
            ActorId::Platform => 2,
        }
    }
}

fn head(kind: u8, direction: u8, seq: u64) -> Vec<u8> {
    let mut head = vec![1, kind, direction, 0];
    head.extend(seq.to_be_bytes());
    head
}

fn towards(side: Side) -> u8 {
    match side {
        Side::Hyp => 1,
        Side::Mgmt => 2,
    }
}

fn data_of(record: &Record, payload: &[u8]) -> Vec<u8> {
    let seq = record.seq;
    match &record.event {
        Event::Enqueued { to: side, slot, entry, .. }
        | Event::Dequeued { by: side, slot, entry } => {
            let kind = u8::from(matches!(record.event, Event::Dequeued { .. }));
            let mut data = head(kind, towards(*side), seq);
            data.extend(slot.to_be_bytes());
            data.extend(entry.0);
            data
        }
        Event::Hcall { call, result, .. } => {
            let mut data = head(2, 0, seq);
            let registers = call.to_registers();
            data.extend(registers.opcode.to_be_bytes());
            registers.args.iter().for_each(|arg| data.extend(arg.to_be_bytes()));
            data.extend(result.code.0.to_be_bytes());
            data.extend(result.r4.to_be_bytes());
            data.extend(record.event.to_string().as_bytes());
            data
        }
        Event::Rdma(subject, rdma) => rdma_data(seq, *subject, rdma, payload),
        event => [&head(4, 0, seq)[..], event.to_string().as_bytes()].concat(),
    }
}

fn rdma_data(seq: u64, subject: Subject, rdma: &Rdma, payload: &[u8]) -> Vec<u8> {
    let direction = match rdma.direction {
        RdmaDirection::ToHyp => towards(Side::Hyp),
        RdmaDirection::ToMgmt => towards(Side::Mgmt),
        RdmaDirection::Other => 0,
    };
    let mut data = head(3, direction, seq);
    let (index, session) = match subject {
        Subject::Channel => (0, 0),
        Subject::Session(index, session) => (index.0, session.0),
    };
    data.extend([index, session]);
    data.extend(rdma.buffer.map_or(0xFFFF, |buffer| buffer.0).to_be_bytes());
    data.extend(rdma.code.0.to_be_bytes());
    data.extend(rdma.len_bytes.to_be_bytes());
    data.extend(rdma.source.0.to_be_bytes());
    data.extend(rdma.destination.0.to_be_bytes());
    data.extend(rdma.digest.unwrap_or(0).to_be_bytes());
    data.extend(payload);
    data
}

fn packet(capture: &mut Vec<u8>, interface: u32, time_ns: u64, data: &[u8], comment: Option<&str>) {
    let mut body = interface.to_be_bytes().to_vec();
    body.extend(((time_ns >> 32) as u32).to_be_bytes());
    body.extend((time_ns as u32).to_be_bytes());
    let len = data.len() as u32;
    body.extend(len.to_be_bytes());
    body.extend(len.to_be_bytes());
    body.extend(data);
    pad(&mut body);
    match comment {
        Some(comment) => block(capture, ENHANCED_PACKET, body, &[(COMMENT, comment.as_bytes())]),
        None => block(capture, ENHANCED_PACKET, body, &[]),
    }
}

/// A block: type, length, body, options, length.
fn block(capture: &mut Vec<u8>, kind: u32, mut body: Vec<u8>, options: &[(u16, &[u8])]) {
    for (code, value) in options {
        // An option's length has 16 bits.
        let value = &value[..value.len().min(usize::from(u16::MAX))];
        body.extend(code.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(value);
        pad(&mut body);
    }
    if !options.is_empty() {
        body.extend([0; 4]);
    }
    let len = (body.len() + 12) as u32;
    capture.extend(kind.to_be_bytes());
    capture.extend(len.to_be_bytes());
    capture.extend(body);
    capture.extend(len.to_be_bytes());
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}
