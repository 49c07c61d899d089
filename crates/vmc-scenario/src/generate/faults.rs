//! The faults of a generated scenario. A seed draws which kinds there are at all, then a few rules of those
//! kinds. What takes a side away is followed by a rule that brings it back. Rules need not fire.

use super::Draw;
use super::machine::Machine;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Most drawn faults; those that undo one are not counted.
const MAX_FAULTS: u64 = 4;

/// The rules, as they are written.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<(String, String, String)>,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Crash,
    Terminate,
    FreeCrq,
    Stop,
    Suspend,
    Pause,
    FillCrq,
    Answer,
    Tce,
    FailAllocation,
    Buffers,
    Refuse,
    Interrupt,
    Message,
    Corrupt,
    Send,
    Events,
}

/// Kinds that the architecture knows.
const ARCHITECTED: [Kind; 13] = [
    Kind::Crash,
    Kind::Terminate,
    Kind::FreeCrq,
    Kind::Stop,
    Kind::Suspend,
    Kind::Pause,
    Kind::FillCrq,
    Kind::Answer,
    Kind::Tce,
    Kind::FailAllocation,
    Kind::Buffers,
    Kind::Refuse,
    Kind::Interrupt,
];

/// Kinds that it excludes.
const OTHERS: [Kind; 4] = [Kind::Message, Kind::Corrupt, Kind::Send, Kind::Events];

pub(super) fn draw(draw: &mut Draw, machine: &Machine) -> Faults {
    let mut faults = Faults::default();
    let number = draw.within(0, MAX_FAULTS);
    let kinds: Vec<Kind> = swarm(draw);
    if kinds.is_empty() {
        return faults;
    }
    for _ in 0..number {
        let kind = draw.of(&kinds);
        faults.add(draw, machine, kind);
    }
    faults
}

/// The kinds of this run: some that the architecture knows, and in every third run some that it does not.
fn swarm(draw: &mut Draw) -> Vec<Kind> {
    let mut kinds = Vec::new();
    let architected = draw.of(&[0, 1, 1, 2, 3]);
    (0..architected).for_each(|_| kinds.push(draw.of(&ARCHITECTED)));
    if draw.percent(35) {
        (0..draw.within(1, 2)).for_each(|_| kinds.push(draw.of(&OTHERS)));
    }
    kinds
}

const SIDES: [&str; 2] = ["mgmt", "hyp"];

/// What each side sends. Of messages in a session there are more, and more may go wrong with them.
const BY_MGMT: [&str; 7] = [
    "signal",
    "signal",
    "interface-open",
    "interface-close",
    "add-buffer-response",
    "capabilities",
    "any",
];
const BY_HYP: [&str; 9] = [
    "signal",
    "signal",
    "interface-open-response",
    "interface-open-response",
    "interface-close-response",
    "add-buffer",
    "capabilities-response",
    "init-complete",
    "any",
];

impl Faults {
    fn add(&mut self, draw: &mut Draw, machine: &Machine, kind: Kind) {
        let side = draw.of(&SIDES);
        let when = occasion(draw);
        match kind {
            Kind::Crash => self.pair(draw, when, &format!("crash = \"{side}\""), "reboot", side),
            Kind::Terminate => {
                self.pair(draw, when, &format!("terminate = \"{side}\""), "reboot", side);
            }
            Kind::FreeCrq => {
                self.rule(when, format!("{{ free-crq = \"{side}\" }}"));
            }
            Kind::Stop => self.pair(draw, when, &format!("stop = \"{side}\""), "start", side),
            Kind::Suspend => {
                self.rule(when, format!("{{ suspend = \"{side}\" }}"));
            }
            Kind::Pause => self.pair(draw, when, &format!("pause = \"{side}\""), "resume", side),
            Kind::FillCrq => {
                // The queue is not looked at meanwhile, or it would be empty again at once.
                if draw.percent(50) {
                    self.pair(draw, when.clone(), &format!("pause = \"{side}\""), "resume", side);
                }
                self.rule(when, format!("{{ fill-crq = \"{side}\" }}"));
            }
            Kind::Answer => {
                let (when, act) = answer(draw);
                self.rule(when, act);
            }
            Kind::Tce => {
                let (window, access) =
                    (draw.of(&["local", "remote"]), draw.of(&["none", "read", "write"]));
                let nth = draw.within(1, 4);
                self.rule(
                    format!("{{ hcall = \"H_COPY_RDMA\", nth = {nth}, times = {nth} }}"),
                    format!("{{ tce = {{ window = \"{window}\", access = \"{access}\" }} }}"),
                );
            }
            Kind::FailAllocation => {
                let nth = draw.within(1, 4);
                self.rule(
                    format!("{{ allocation = true, nth = {nth} }}"),
                    String::from("\"fail-allocation\""),
                );
            }
            Kind::Buffers => {
                let index = draw.within(0, machine.hmcs() - 1);
                let times = draw.within(1, 4);
                let when = match draw.percent(60) {
                    true => {
                        String::from("{ session = \"ready\", by = \"hyp\", times = \"always\" }")
                    }
                    false => when,
                };
                for _ in 0..times {
                    let act = draw.of(&["take-buffer", "take-buffer", "return-buffer"]);
                    self.rule(when.clone(), format!("{{ {act} = {{ index = {index} }} }}"));
                }
            }
            Kind::Refuse => {
                let request = draw.of(&["capabilities", "interface-open", "interface-close"]);
                let status = draw.within(1, 2);
                let when = match draw.percent(50) {
                    true => String::from("{ time-ms = 0 }"),
                    false => when,
                };
                self.rule(
                    when,
                    format!("{{ refuse = {{ request = \"{request}\", status = {status} }} }}"),
                );
            }
            Kind::Interrupt => {
                let act = draw.of(&["kill", "interrupt"]);
                self.rule(when, format!("{{ {act} = \"a\" }}"));
            }
            Kind::Message => {
                let delay = format!("{{ delay-ms = {} }}", draw.within(1, 20));
                let act = draw.of(&["\"drop\"", "\"duplicate\"", "\"reorder\"", &delay]);
                self.rule(sent(draw), String::from(act));
            }
            Kind::Corrupt => {
                let fields = changed(draw, machine);
                self.rule(sent(draw), format!("{{ corrupt = {fields} }}"));
            }
            Kind::Send => {
                let by = draw.of(&SIDES);
                let message = draw.of(if by == "mgmt" { &BY_MGMT[..6] } else { &BY_HYP[..8] });
                let fields = match message {
                    "init-complete" => String::from("{}"),
                    _ => fields(draw, machine),
                };
                let act = format!(
                    "{{ send = {{ by = \"{by}\", message = \"{message}\", fields = {fields} }} }}"
                );
                self.rule(when, act);
            }
            Kind::Events => {
                let by = draw.of(&SIDES);
                let what = match draw.percent(30) {
                    true => String::from("message = \"init\""),
                    false => format!("transport-event = {}", draw.of(&[1, 2, 4, 6, 9, 10, 200])),
                };
                self.rule(when, format!("{{ send = {{ by = \"{by}\", {what} }} }}"));
            }
        }
    }

    /// Faults in a few runs, beside the others: an HMC comes and goes, or the driver is loaded anew several times, so
    /// that scripts open in each of its lives.
    pub(super) fn draw_later(&mut self, draw: &mut Draw) {
        match draw.within(0, 99) {
            0..5 => {
                let when = occasion(draw);
                let ms = draw.of(&[0, 1, 5, 50]);
                self.rules.extend([
                    (String::from("HMC attached"), when, String::from("{ attach-hmc = true }")),
                    (
                        String::from("HMC detached"),
                        format!("{{ after = \"HMC attached\", ms = {ms}, times = \"always\" }}"),
                        String::from("{ attach-hmc = false }"),
                    ),
                ]);
            }
            5..10 => {
                let mut when = occasion(draw);
                for time in 1..=draw.within(2, 3) {
                    let [removed, loaded] =
                        ["removed", "loaded"].map(|what| format!("driver {what} {time}"));
                    // As often as that: a rule fires once on each strand.
                    let after = |name: &str, ms: u64| {
                        format!("{{ after = \"{name}\", ms = {ms}, times = \"always\" }}")
                    };
                    let back = after(&removed, draw.of(&[0, 1, 5, 50]));
                    let again = after(&loaded, draw.of(&[1, 5, 50, 250]));
                    let first = std::mem::replace(&mut when, again);
                    self.rules.extend([
                        (removed, first, String::from("{ stop = \"mgmt\" }")),
                        (loaded, back, String::from("{ start = \"mgmt\" }")),
                    ]);
                }
            }
            _ => {}
        }
    }

    /// A rule more; returns its name.
    pub(super) fn rule(&mut self, when: String, act: String) -> String {
        let name = format!("fault {}", self.rules.len() + 1);
        self.rules.push((name.clone(), when, act));
        name
    }

    /// A rule, and one that undoes what it does.
    fn pair(&mut self, draw: &mut Draw, when: String, act: &str, undo: &str, side: &str) {
        let name = self.rule(when, format!("{{ {act} }}"));
        let ms = draw.of(&[0, 1, 5, 50]);
        self.rule(
            format!("{{ after = \"{name}\", ms = {ms}, times = \"always\" }}"),
            format!("{{ {undo} = \"{side}\" }}"),
        );
    }

    pub(super) fn write(&self, text: &mut String) {
        for (name, when, act) in &self.rules {
            let _ = writeln!(
                text,
                "\n[[fault]]\nname = \"{name}\"\noptional = true\nwhen = {when}\ndo = {act}"
            );
        }
    }
}

/// Some moment of a run.
pub(super) fn occasion(draw: &mut Draw) -> String {
    let nth = draw.weighted(&[(4, 1), (3, 2), (1, 3), (1, 5)]);
    match draw.within(0, 9) {
        0..=4 => {
            let by = draw.of(&SIDES);
            let message = draw.of(if by == "mgmt" { &BY_MGMT[..] } else { &BY_HYP[..] });
            let at = draw.of(&["sent", "delivered", "received"]);
            format!("{{ message = \"{message}\", by = \"{by}\", at = \"{at}\", nth = {nth} }}")
        }
        5 => {
            let call = draw.of(&["set-hmc-id", "write", "read", "poll", "close"]);
            let effect = draw.within(0, 3);
            format!("{{ call = \"{call}\", effect = {effect}, nth = {nth} }}")
        }
        6 => {
            let at = draw.of(&["before", "between", "after"]);
            format!("{{ hcall = \"H_COPY_RDMA\", at = \"{at}\", nth = {nth} }}")
        }
        7 => {
            let (by, state) = draw.of(&[
                ("mgmt", "capabilities"),
                ("mgmt", "seeding"),
                ("mgmt", "ready"),
                ("hyp", "ready"),
            ]);
            format!("{{ channel = \"{state}\", by = \"{by}\", nth = {nth} }}")
        }
        _ => format!("{{ time-ms = {} }}", draw.of(&[0, 1, 5, 20, 100])),
    }
}

/// A message that is being sent.
fn sent(draw: &mut Draw) -> String {
    let by = draw.of(&SIDES);
    let message = draw.of(if by == "mgmt" { &BY_MGMT[..] } else { &BY_HYP[..] });
    let nth = draw.weighted(&[(4, 1), (2, 2), (1, 3)]);
    format!("{{ message = \"{message}\", by = \"{by}\", nth = {nth} }}")
}

/// An hcall that answers what it may. H_Closed is not drawn: it says that the partner is gone, and must not lie.
fn answer(draw: &mut Draw) -> (String, String) {
    let (hcall, codes): (&str, &[&str]) = draw.of(&[
        ("H_SEND_CRQ", &["H_Dropped"]),
        ("H_SEND_CRQ", &["H_Dropped"]),
        ("H_REG_CRQ", &["H_Resource"]),
        ("H_FREE_CRQ", &["H_Busy", "H_LongBusyOrder1mSec"]),
        ("H_ENABLE_CRQ", &["H_Busy", "H_LongBusyOrder1mSec"]),
        ("H_COPY_RDMA", &["H_Permission", "H_Hardware", "H_S_Parm"]),
    ]);
    let (code, nth, times) = (draw.of(codes), draw.within(1, 4), draw.within(1, 4));
    let when = format!("{{ hcall = \"{hcall}\", nth = {nth}, times = {times} }}");
    (when, format!("{{ answer = \"{code}\" }}"))
}

/// Draws a field of a message, as it is written.
type Field = fn(&mut Draw, &Machine) -> String;

/// Fields of an invented message: out of place, or just right.
fn fields(draw: &mut Draw, machine: &Machine) -> String {
    let mut fields = vec![index(draw, machine), session(draw, machine)];
    let others: [(u64, Field); 4] = [(60, buffer), (60, length), (40, status), (20, owner)];
    for (percent, field) in others {
        if draw.percent(percent) {
            fields.push(field(draw, machine));
        }
    }
    format!("{{ {} }}", fields.join(", "))
}

/// One field or two that arrive changed; the others stay right, or the message would not get far.
fn changed(draw: &mut Draw, machine: &Machine) -> String {
    let all: [Field; 6] = [index, session, buffer, length, status, owner];
    let place = |draw: &mut Draw| draw.weighted(&[(2, 0), (2, 1), (3, 2), (4, 3), (2, 4), (1, 5)]);
    let mut places = BTreeSet::from([place(draw)]);
    if draw.percent(30) {
        places.insert(place(draw));
    }
    let fields: Vec<_> = places.into_iter().map(|place| all[place](draw, machine)).collect();
    format!("{{ {} }}", fields.join(", "))
}

fn index(draw: &mut Draw, machine: &Machine) -> String {
    format!("index = {}", draw.weighted(&[(6, 0), (1, machine.hmcs()), (1, 254)]))
}

fn session(draw: &mut Draw, machine: &Machine) -> String {
    format!("session = {}", draw.weighted(&[(6, machine.first_session()), (2, 0), (1, 9)]))
}

fn buffer(draw: &mut Draw, machine: &Machine) -> String {
    format!("buffer = {}", draw.weighted(&[(2, 0), (2, machine.pool_size() - 1), (3, 9999)]))
}

fn length(draw: &mut Draw, machine: &Machine) -> String {
    format!("length = {}", draw.weighted(&[(2, 8), (1, 0), (3, machine.mtu() + 1)]))
}

fn status(draw: &mut Draw, _: &Machine) -> String {
    format!("status = {}", draw.within(0, 2))
}

fn owner(draw: &mut Draw, _: &Machine) -> String {
    format!("owner = {}", draw.within(0, 2))
}
