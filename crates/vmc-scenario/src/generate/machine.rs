//! The machine of a generated scenario: parameters within their limits, small ones more often, because rare
//! states (an exhausted pool, the last session number, a message as long as the MTU) are near there. Only machines
//! on which a channel can work are drawn.

use super::Draw;
use super::newer::Newer;
use ibmvmc::Liberty;
use phyp::vmc::ServiceLiberty;
use std::fmt::Write as _;

/// What the rest of the scenario needs to know of the machine.
#[derive(Debug)]
pub(super) struct Machine {
    linux: bool,
    hmcs: u64,
    pool_size: u64,
    mtu: u64,
    crq_pages: u64,
    first_session: u64,
    start: &'static str,
    behaviour: Behaviour,
    offered: Offered,
}

/// What the hypervisor offers, where it is not what the driver does.
#[derive(Debug, Default)]
struct Offered {
    hmcs: Option<u64>,
    mtu: Option<u64>,
    session_buffers: Option<u64>,
    inbound_buffers: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Behaviour {
    Echo,
    Sink,
    Source { events: u64, bytes: u64 },
    Router,
}

/// The least MTU that carries HMC commands.
const COMMANDS_MTU: u64 = hmc_proto::MIN_MTU as u64;

pub(super) fn draw(draw: &mut Draw) -> Machine {
    let linux = draw.percent(20);
    let last_session = if linux { 254 } else { 255 };
    let hmcs = draw.within(1, if linux { 2 } else { 3 });
    let pool_size = draw.of(&[1, 2, 2, 3, 4, 4, 8]);
    let mtu = draw.of(&[32, 64, 100, 1024, 4096, 4096, 5000]);
    let crq_pages = draw.weighted(&[(9, 1), (1, 2)]);
    let first_session = match draw.percent(50) {
        true => 1,
        false => draw.within(last_session - 3, last_session),
    };
    let start = draw.of(&["driver-first", "hypervisor-first"]);
    let offered = offered(draw, hmcs, pool_size, mtu);
    let bytes = draw.within(1, offered.mtu.unwrap_or(mtu).min(mtu));
    let source = Behaviour::Source { events: draw.within(1, 6), bytes };
    let behaviour = draw.weighted(&[(6, Behaviour::Echo), (2, Behaviour::Sink), (3, source)]);
    Machine { linux, hmcs, pool_size, mtu, crq_pages, first_session, start, behaviour, offered }
}

/// Liberties of the driver, each taken by some machines.
pub(super) fn liberties(draw: &mut Draw) -> Vec<Liberty> {
    Liberty::ALL.iter().copied().filter(|_| draw.percent(20)).collect()
}

/// Liberties of the VMC service, in the same way.
pub(super) fn service_liberties(draw: &mut Draw) -> Vec<ServiceLiberty> {
    ServiceLiberty::ALL.into_iter().filter(|_| draw.percent(20)).collect()
}

fn offered(draw: &mut Draw, hmcs: u64, pool_size: u64, mtu: u64) -> Offered {
    if draw.percent(60) {
        return Offered::default();
    }
    let session_buffers = draw.percent(50).then(|| draw.within(1, pool_size));
    let of = session_buffers.unwrap_or(pool_size);
    Offered {
        hmcs: draw.percent(30).then(|| draw.within(1, hmcs)),
        mtu: draw.percent(30).then(|| draw.within(32, mtu)),
        session_buffers,
        inbound_buffers: draw.percent(50).then(|| draw.within(1, of)),
    }
}

impl Machine {
    /// The hypervisor answers HMC commands, and most of them fit.
    pub(super) fn answer_commands(&mut self) {
        self.behaviour = Behaviour::Router;
        self.mtu = self.mtu.max(COMMANDS_MTU);
        self.offered.mtu = self.offered.mtu.map(|mtu| mtu.max(COMMANDS_MTU));
    }

    /// HMC indexes that both sides agree on.
    pub(super) fn hmcs(&self) -> u64 {
        self.offered.hmcs.unwrap_or(self.hmcs)
    }

    /// The longest message that both sides agree on.
    pub(super) fn mtu(&self) -> u64 {
        self.offered.mtu.unwrap_or(self.mtu)
    }

    /// Buffers of a session, as far as ids go.
    pub(super) fn pool_size(&self) -> u64 {
        self.pool_size
    }

    /// Pages of 4 KiB of the driver's queue.
    pub(super) fn crq_pages(&self) -> u64 {
        self.crq_pages
    }

    /// More of everything, and nothing less: what is offered was drawn before. The profile limits the connections.
    pub(super) fn widen(&mut self, hmcs: u64, pool_size: u64, mtu: u64, crq_pages: u64) {
        let hmcs = if self.linux { hmcs.min(2) } else { hmcs };
        self.hmcs = self.hmcs.max(hmcs);
        self.pool_size = self.pool_size.max(pool_size);
        self.mtu = self.mtu.max(mtu);
        self.crq_pages = crq_pages;
    }

    /// Numbers that sessions have soon.
    pub(super) fn first_session(&self) -> u64 {
        self.first_session
    }

    pub(super) fn write(
        &self,
        (liberties, service_liberties): (&[Liberty], &[ServiceLiberty]),
        newer: &mut Newer,
        text: &mut String,
    ) {
        let Machine { hmcs, pool_size, mtu, first_session, start, .. } = self;
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "{key} = {value}");
        };
        line("[machine]\nhmcs", hmcs);
        line("pool-size", pool_size);
        line("mtu", mtu);
        if self.linux {
            line("profile", &"\"linux\"");
        }
        newer.machine_keys(self).iter().for_each(|(key, value)| line(key, value));
        if self.crq_pages > 1 {
            line("crq-pages", &self.crq_pages);
        }
        if *first_session > 1 {
            line("first-session", first_session);
        }
        if !liberties.is_empty() {
            let names: Vec<_> = liberties.iter().map(|liberty| liberty.name()).collect();
            line("liberties", &format_args!("{names:?}"));
        }
        if !service_liberties.is_empty() {
            let names: Vec<_> = service_liberties.iter().map(|liberty| liberty.name()).collect();
            line("hypervisor.liberties", &format_args!("{names:?}"));
        }
        line("start", &format_args!("\"{start}\""));
        match self.behaviour {
            Behaviour::Echo => {}
            Behaviour::Sink => line("behaviour", &"\"sink\""),
            Behaviour::Router => line("behaviour", &"\"router\""),
            Behaviour::Source { events, bytes } => {
                let source =
                    format_args!("{{ source = {{ events = {events}, bytes = {bytes} }} }}");
                line("behaviour", &source);
            }
        }
        let offered = [
            ("hypervisor.hmcs", self.offered.hmcs),
            ("hypervisor.mtu", self.offered.mtu),
            ("hypervisor.session-buffers", self.offered.session_buffers),
            ("hypervisor.inbound-buffers", self.offered.inbound_buffers),
        ];
        for (key, value) in offered {
            if let Some(value) = value {
                line(key, &value);
            }
        }
    }
}
