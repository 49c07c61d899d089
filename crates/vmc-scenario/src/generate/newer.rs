//! Rarer keys of scenario files. A seed draws which of them a scenario has, two at most, from a stream of its own: what a
//! seed draws beside them does not depend on them.

use super::Draw;
use super::faults::{self, Faults};
use super::machine::Machine;
use std::collections::BTreeSet;

/// Tells the stream from the others of its seed.
const STREAM: u64 = 0x6e65_7765_7200_0000;

/// Tells the stream of what came later still, so that the kinds of earlier seeds stay.
const LATER_STREAM: u64 = 0x6c61_7465_7200_0000;

/// How long a call is made again.
const RETRIES_MS: [u64; 4] = [1, 5, 20, 100];

/// One of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Retry,
    Growing,
    Ioctl,
    Dup,
    DriverStopped,
    Window,
    LargePages,
    NthSession,
    Kexec,
    Capabilities,
}

const ALL: [Kind; 9] = [
    Kind::Retry,
    Kind::Growing,
    Kind::Ioctl,
    Kind::Dup,
    Kind::DriverStopped,
    Kind::Window,
    Kind::LargePages,
    Kind::NthSession,
    Kind::Kexec,
];

/// The kinds that make a step.
const STEPS: [Kind; 5] = [Kind::Retry, Kind::Growing, Kind::Ioctl, Kind::Dup, Kind::DriverStopped];

/// What a seed draws of them.
#[derive(Debug)]
pub(super) struct Newer {
    draw: Draw,
    later: Draw,
    kinds: BTreeSet<Kind>,
}

impl Newer {
    pub(super) fn of(seed: u64) -> Newer {
        let mut draw = Draw::new(seed ^ STREAM);
        let number = draw.weighted(&[(2, 0), (3, 1), (2, 2)]);
        let mut kinds: BTreeSet<Kind> = (0..number).map(|_| draw.of(&ALL)).collect();
        let mut later = Draw::new(seed ^ LATER_STREAM);
        if later.percent(5) {
            kinds.insert(Kind::Capabilities);
        }
        Newer { draw, later, kinds }
    }

    fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Keys of the machine.
    pub(super) fn machine_keys(&mut self, machine: &Machine) -> Vec<(&'static str, String)> {
        let mut keys = Vec::new();
        let large = self.has(Kind::LargePages);
        if large {
            keys.push(("kernel-page", String::from("\"64 KiB\"")));
        }
        // With one index a session that is over gives back what the next one needs; of several, one may keep all.
        if self.has(Kind::Window) && machine.hmcs() == 1 {
            let unit: u64 = if large { 16 } else { 1 };
            let pages = |bytes: u64| bytes.div_ceil(unit * papr::PAGE_SIZE) * unit;
            let (queue, buffer) =
                (pages(machine.crq_pages() * papr::PAGE_SIZE), pages(machine.mtu()));
            // Between queue and buffers may be a gap that is too small for one of them.
            let gaps = 2 * (buffer.max(queue) - unit);
            let more = gaps + self.draw.within(0, buffer * (machine.pool_size() + 1));
            keys.push(("window-pages", (queue + buffer + more).to_string()));
        }
        keys
    }

    /// Steps, if there are any at this place. `has_second`: the application has given its file a second name.
    pub(super) fn steps(
        &mut self,
        machine: &Machine,
        name: &str,
        has_second: &mut bool,
    ) -> Option<String> {
        let kinds: Vec<_> = STEPS.into_iter().filter(|kind| self.has(*kind)).collect();
        if kinds.is_empty() || !self.draw.percent(30) {
            return None;
        }
        let draw = &mut self.draw;
        let mtu = machine.mtu();
        Some(match draw.of(&kinds) {
            Kind::Retry => retried(draw, mtu, name),
            Kind::Growing => growing(draw, mtu),
            Kind::Ioctl => ioctl(draw, name),
            Kind::Dup => second_name(draw, mtu, has_second),
            _ => String::from("wait = { state = \"driver-stopped\", patience-ms = 5 }"),
        })
    }

    /// A machine near the limits, in a few runs: many connections and buffers and long messages take their time.
    pub(super) fn widen(&mut self, machine: &mut Machine) {
        let draw = &mut self.later;
        if !draw.percent(4) {
            return;
        }
        let hmcs = draw.weighted(&[(6, 1), (6, 5), (2, 40), (1, 255)]);
        let pool_size = draw.weighted(&[(4, 2), (4, 16), (1, 63), (1, 64)]);
        let mtu = draw.weighted(&[(3, 4097), (3, 8192), (2, 16_383), (2, 16_384)]);
        machine.widen(hmcs, pool_size, mtu, draw.weighted(&[(4, 1), (1, 16)]));
    }

    /// Fault rules.
    pub(super) fn add_faults(&mut self, faults: &mut Faults) {
        if self.has(Kind::Capabilities) {
            let draw = &mut self.later;
            let message = draw.of(&["capabilities", "capabilities-response"]);
            let fields = [
                format!("hmcs = {}", draw.of(&[0, 1, 255])),
                format!("pool-size = {}", draw.of(&[0, 1, 64, 65_535])),
                format!("mtu = {}", draw.of(&[0_u64, 31, 32, 65_536, 4_294_967_295])),
                format!("crq-size = {}", draw.of(&[0, 1, 2, 255, 65_535])),
                format!("version = \"{}\"", draw.of(&["0.0", "1.0", "1.255", "2.0", "255.255"])),
                format!("status = {}", draw.within(0, 255)),
                format!("bytes = [[{}, {}]]", draw.within(2, 15), draw.within(0, 255)),
            ];
            let field = draw.of(&[0, 1, 2, 3, 4, 5, 6]);
            let at = draw.of(&["sent", "sent", "delivered"]);
            let (when, act) = match at {
                "sent" => (
                    format!("{{ message = \"{message}\" }}"),
                    format!("{{ corrupt = {{ {} }} }}", fields[field]),
                ),
                _ => (
                    format!("{{ message = \"{message}\", at = \"delivered\" }}"),
                    format!(
                        "{{ send = {{ by = \"{}\", message = \"{message}\", fields = {{ {} }} }} }}",
                        if message == "capabilities" { "mgmt" } else { "hyp" },
                        fields[field]
                    ),
                ),
            };
            faults.rule(when, act);
        }
        if self.has(Kind::NthSession) {
            let (nth_session, nth) =
                (self.draw.within(1, 3), self.draw.weighted(&[(3, 1), (1, 2)]));
            let by = self.draw.of(&["mgmt", "hyp"]);
            let at = self.draw.of(&["sent", "delivered", "received"]);
            let when = format!(
                "{{ message = \"any\", by = \"{by}\", at = \"{at}\", nth-session = {nth_session}, nth = {nth} }}"
            );
            let acts = [
                "{ suspend = \"hyp\" }",
                "{ suspend = \"mgmt\" }",
                "{ free-crq = \"hyp\" }",
                "{ free-crq = \"mgmt\" }",
                "{ fill-crq = \"mgmt\" }",
            ];
            let act = match at {
                "sent" if self.draw.percent(50) => "{ answer = \"H_Dropped\" }",
                _ => self.draw.of(&acts),
            };
            faults.rule(when, String::from(act));
        }
        if self.has(Kind::Kexec) {
            let mut when = faults::occasion(&mut self.draw);
            for _ in 0..self.draw.weighted(&[(4, 1), (1, 2)]) {
                let name = faults.rule(when, String::from("\"kexec\""));
                let ms = self.draw.of(&[0, 1, 5, 50]);
                when = format!("{{ after = \"{name}\", ms = {ms} }}");
            }
        }
    }

    /// An application of the life after a kexec.
    pub(super) fn write_app(&mut self, text: &mut String) {
        if !self.has(Kind::Kexec) {
            return;
        }
        text.push_str(
            r#"
[[app]]
name = "next"
start = "boot"
life = 2
optional = true
steps = [
  { wait = { state = "channel-ready", patience-ms = 200 } },
  { open = { expect = "any" } },
  { set-hmc-id = { id = "HMC-next", expect = "any" } },
  { wait = { state = "session-ready", patience-ms = 200 } },
  { write = { bytes = 32, pattern = "unique", expect = "any" } },
  { read = { expect = "any", patience-ms = 200 } },
]
"#,
        );
    }
}

/// A call that is made again while it is busy. A `read()` that blocks would not come back for another try.
fn retried(draw: &mut Draw, mtu: u64, name: &str) -> String {
    let again = format!(
        "retry = {}, patience-ms = {}",
        draw.of(&["[\"EBUSY\"]", "[\"EAGAIN\"]", "[\"EBUSY\", \"EAGAIN\", \"ENOBUFS\"]"]),
        draw.of(&RETRIES_MS)
    );
    match draw.within(0, 3) {
        0 => format!("open = {{ file = \"another\", expect = \"any\", {again} }}"),
        1 => format!("set-hmc-id = {{ id = \"HMC-{name}\", expect = \"any\", {again} }}"),
        2 => format!("request-vmc = {{ expect = \"any\", {again} }}"),
        _ => {
            let bytes = draw.within(1, mtu);
            format!(
                "write = {{ bytes = {bytes}, pattern = \"unique\", expect = \"any\", {again} }}"
            )
        }
    }
}

/// Messages that become longer, beyond the MTU at times, and are read into buffers that do as well.
fn growing(draw: &mut Draw, mtu: u64) -> String {
    let (from, times) = (draw.within(1, mtu), draw.within(2, 4));
    let bytes = match draw.percent(50) {
        true => format!("{{ from = {from}, factor = 2 }}"),
        false => format!("{{ from = {from}, step = {} }}", draw.within(1, mtu)),
    };
    let room = match draw.percent(50) {
        true => String::new(),
        false => format!(", bytes = {bytes}"),
    };
    format!(
        "repeat = {{ times = {times}, steps = [\n    {{ write = {{ bytes = {bytes}, pattern = \"unique\", expect = \"any\" }} }},\n    {{ read = {{ expect = \"any\"{room}, patience-ms = 1 }} }},\n  ] }}"
    )
}

/// An ioctl by its number: one of the driver's own, of either machine, or another one.
fn ioctl(draw: &mut Draw, name: &str) -> String {
    const SET_HMC_ID: [u32; 2] = [0x4008_CC00, 0x8008_CC00];
    const OTHERS: [u32; 6] = [0x800C_CC01, 0x400C_CC01, 0x8004_CC02, 0x4004_CC02, 0, 0xFFFF_FFFF];
    let fault = if draw.percent(30) { ", fault = true" } else { "" };
    match draw.percent(40) {
        true => {
            let number = draw.of(&SET_HMC_ID);
            let id =
                if fault.is_empty() { format!(", id = \"HMC-{name}\"") } else { String::new() };
            format!("ioctl = {{ number = {number:#010X}{id}{fault}, expect = \"any\" }}")
                .replace("0X", "0x")
        }
        false => {
            let number = draw.of(&OTHERS);
            format!("ioctl = {{ number = {number:#010X}{fault}, expect = \"any\" }}")
                .replace("0X", "0x")
        }
    }
}

/// A second name of the file, or a call by it.
fn second_name(draw: &mut Draw, mtu: u64, has_second: &mut bool) -> String {
    let bytes = draw.within(1, mtu);
    let what = draw.within(0, 5);
    if !std::mem::replace(has_second, what != 5) {
        *has_second = true;
        return String::from("dup = { as = \"second\", expect = \"any\" }");
    }
    String::from(match what {
        0..=1 => "dup = { as = \"second\", expect = \"any\" }",
        2 => {
            return format!(
                "write = {{ file = \"second\", bytes = {bytes}, pattern = \"unique\", expect = \"any\" }}"
            );
        }
        3 => "read = { file = \"second\", expect = \"any\", patience-ms = 1 }",
        4 => "poll = { file = \"second\", expect = \"any\", wait = true, patience-ms = 1 }",
        _ => "close = { file = \"second\", expect = \"any\" }",
    })
}
