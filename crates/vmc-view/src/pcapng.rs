//! A run as a capture that Wireshark reads, with the dissector in `wireshark/vmc.lua`.
//!
//! Each lane is an interface. A packet has the link type USER0 and begins with 12 bytes: 1, the kind, the direction (1, to
//! the hypervisor; 2, to the management partition; 0, neither), the profile (0, document; 1, Linux), by which status codes
//! have their meaning, and the number of the event in 8 bytes. All numbers are
//! big-endian. What follows depends on the kind:
//!
//! | kind | what follows |
//! |---|---|
//! | 0, an entry was placed on a queue; 1, it was taken | the element (4), the entry (16) |
//! | 2, a hypervisor call | opcode (8), R4 to R12 (72), the return code (8), R4 on return (8), its text |
//! | 3, an `H_COPY_RDMA` | index (1), session (1), buffer (2, 0xFFFF for none), return code (8), bytes (8), source (8), destination (8), digest (4), the payload where it was kept |
//! | 4, any other event; 5, a rule is broken | its text; after a zero byte, why a call failed |
//!
//! Times are virtual, in nanoseconds since the start of the run. What a fault does, which rule is broken and why a call
//! failed are comments of their packets, too.

use crate::explain::whys;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use pcap_file::{DataLink, Endianness};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use vmc_proto::Profile;
use vmc_trace::{ActorId, Event, Rdma, RdmaDirection, Record, Side, Subject};
use vmc_trace_file::Run;

/// Kinds of packets.
const HCALL: u8 = 2;
const RDMA: u8 = 3;
const OTHER: u8 = 4;
const VIOLATION: u8 = 5;

/// The run as a capture (pcapng: Section Header, Interface Description and Enhanced Packet Blocks).
pub fn pcapng(run: &Run) -> io::Result<Vec<u8>> {
    let profile = u8::from(run.machine.profile == Profile::Linux);
    let whys = whys(&run.trace);
    let lanes = Interfaces { apps: run.trace.names().apps.clone() };
    // The same bytes on every machine.
    let mut capture =
        PcapNgWriter::with_endianness(Vec::new(), Endianness::Big).map_err(io::Error::other)?;
    for name in lanes.names() {
        let options = vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed(option(&name))),
            InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
        ];
        let (linktype, snaplen) = (DataLink::USER0, 0);
        write(&mut capture, InterfaceDescriptionBlock { linktype, snaplen, options })?;
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
        let why = whys.get(&record.seq).map(|why| why.long.as_str());
        let comment = match &record.event {
            Event::Fault { .. } | Event::ProtocolViolation(..) => Some(record.event.to_string()),
            _ => why.map(str::to_owned),
        };
        let interface = lanes.of(record.actor);
        let data = Packet { profile, seq: record.seq }.data_of(record, payload, why);
        packet(&mut capture, interface, record.time_ns, data, comment.as_deref())?;
        for problem in run.problems.iter().filter(|problem| problem.event == Some(record.seq)) {
            let text = format!("{}: {}", problem.rule, problem.what);
            let data = Packet { profile, seq: record.seq }.text(VIOLATION, &text);
            packet(&mut capture, interface, record.time_ns, data, Some(&text))?;
        }
    }
    Ok(capture.into_inner())
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

fn towards(side: Side) -> u8 {
    match side {
        Side::Hyp => 1,
        Side::Mgmt => 2,
    }
}

/// What the packets of one event have in common.
struct Packet {
    profile: u8,
    seq: u64,
}

impl Packet {
    fn head(&self, kind: u8, direction: u8) -> Vec<u8> {
        let mut head = vec![1, kind, direction, self.profile];
        head.extend(self.seq.to_be_bytes());
        head
    }

    fn text(&self, kind: u8, text: &str) -> Vec<u8> {
        [&self.head(kind, 0)[..], text.as_bytes()].concat()
    }

    fn data_of(&self, record: &Record, payload: &[u8], why: Option<&str>) -> Vec<u8> {
        match &record.event {
            Event::Enqueued { to: side, element, entry, .. }
            | Event::Dequeued { by: side, element, entry } => {
                let kind = u8::from(matches!(record.event, Event::Dequeued { .. }));
                let mut data = self.head(kind, towards(*side));
                data.extend(element.to_be_bytes());
                data.extend(entry.0);
                data
            }
            Event::Hcall { call, result, .. } => {
                let mut data = self.head(HCALL, 0);
                let registers = call.to_registers();
                data.extend(registers.opcode.to_be_bytes());
                registers.args.iter().for_each(|arg| data.extend(arg.to_be_bytes()));
                data.extend(result.code.0.to_be_bytes());
                data.extend(result.r4.to_be_bytes());
                data.extend(record.event.to_string().as_bytes());
                data
            }
            Event::Rdma(subject, rdma) => self.rdma(*subject, rdma, payload),
            event @ Event::ProtocolViolation(..) => self.text(VIOLATION, &event.to_string()),
            event => match why {
                Some(why) => self.text(OTHER, &format!("{event}\0{why}")),
                None => self.text(OTHER, &event.to_string()),
            },
        }
    }

    fn rdma(&self, subject: Subject, rdma: &Rdma, payload: &[u8]) -> Vec<u8> {
        let direction = match rdma.direction {
            RdmaDirection::ToHyp => towards(Side::Hyp),
            RdmaDirection::ToMgmt => towards(Side::Mgmt),
            RdmaDirection::Other => 0,
        };
        let mut data = self.head(RDMA, direction);
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
}

fn packet(
    capture: &mut PcapNgWriter<Vec<u8>>,
    interface_id: u32,
    time_ns: u64,
    data: Vec<u8>,
    comment: Option<&str>,
) -> io::Result<()> {
    let comment = comment.map(|text| CommonOption::Comment(Cow::Borrowed(option(text))));
    let block = EnhancedPacketBlock {
        interface_id,
        timestamp: Duration::from_nanos(time_ns),
        original_len: data.len() as u32,
        data: data.into(),
        options: comment.map(EnhancedPacketOption::Common).into_iter().collect(),
    };
    write(capture, block)
}

fn write<'b>(capture: &mut PcapNgWriter<Vec<u8>>, block: impl PcapNgBlock<'b>) -> io::Result<()> {
    capture.write_pcapng_block(block).map(drop).map_err(io::Error::other)
}

/// As much of a text as an option can hold, whose length has 16 bits.
fn option(text: &str) -> &str {
    &text[..text.floor_char_boundary(usize::from(u16::MAX))]
}
