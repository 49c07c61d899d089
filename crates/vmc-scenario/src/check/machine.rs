//! What cannot be meant in `[machine]`.

use super::Check;
use crate::bounds::{self, number};
use crate::error::Problem;
use crate::file::{BehaviourForm, MachineForm, ProfileForm, SourceForm};
use crate::spanned::{Number, Spanned};
use std::ops::Range;

pub(super) fn check(machine: &MachineForm) -> Check {
    let hmcs = match machine.profile {
        ProfileForm::Document => bounds::HMCS,
        ProfileForm::Linux => bounds::LINUX_HMCS,
    };
    let first_session = match machine.profile {
        ProfileForm::Document => bounds::FIRST_SESSION,
        ProfileForm::Linux => bounds::LINUX_FIRST_SESSION,
    };
    let limits = [
        ("hmcs", &machine.hmcs, hmcs),
        ("first-session", &machine.first_session, first_session),
        ("pool-size", &machine.pool_size, bounds::POOL_SIZE),
        ("mtu", &machine.mtu, bounds::MTU),
        ("crq-pages", &machine.crq_pages, bounds::CRQ_PAGES),
        ("window-pages", &machine.window_pages, bounds::WINDOW_PAGES),
        ("hmcs of the hypervisor", &machine.hypervisor.hmcs, bounds::OFFERED_HMCS),
        ("pool-size of the hypervisor", &machine.hypervisor.pool_size, bounds::OFFERED_POOL_SIZE),
        ("mtu of the hypervisor", &machine.hypervisor.mtu, bounds::OFFERED_MTU),
        ("crq-pages of the hypervisor", &machine.hypervisor.crq_pages, bounds::CRQ_PAGES),
        ("session-buffers", &machine.hypervisor.session_buffers, bounds::SESSION_BUFFERS),
        ("inbound-buffers", &machine.hypervisor.inbound_buffers, bounds::SESSION_BUFFERS),
    ];
    for (what, value, bounds) in limits {
        if let Some(value) = value {
            number(what, value, bounds)?;
        }
    }
    for version_text in [&machine.version, &machine.hypervisor.version].into_iter().flatten() {
        version(version_text)?;
    }
    buffers(machine)?;
    match &machine.behaviour.0 {
        BehaviourForm::Source(form) => source(form, machine),
        BehaviourForm::Echo
        | BehaviourForm::Sink
        | BehaviourForm::Router
        | BehaviourForm::Inventory(_) => Ok(()),
    }
}

/// Buffers of a session come out of the pool, and the inbound ones out of the session's.
fn buffers(machine: &MachineForm) -> Check {
    let defaults = ibmvmc::Config::default();
    let pool = negotiated(&machine.pool_size, &machine.hypervisor.pool_size, defaults.pool_size);
    let session = machine.hypervisor.session_buffers.as_ref();
    let inbound = machine.hypervisor.inbound_buffers.as_ref();
    // Without a pool no channel works, which scenarios may be about.
    let of_pool = [("session-buffers", session), ("inbound-buffers", inbound)];
    for (what, number) in of_pool.into_iter().filter(|_| pool > 0) {
        if let Some(number) = number
            && *number.get_ref() > pool
        {
            return Err(Problem::new(
                number.span(),
                format!("{what} is {}, but the negotiated pool-size is {pool}", number.get_ref()),
                format!("make {what} at most the pool-size of both sides"),
            ));
        }
    }
    if let (Some(inbound), Some(all)) = (inbound, session)
        && inbound.get_ref() > all.get_ref()
    {
        return Err(Problem::new(
            inbound.span(),
            format!("{} inbound buffers of {} in all", inbound.get_ref(), all.get_ref()),
            "make inbound-buffers at most session-buffers",
        ));
    }
    Ok(())
}

fn source(source: &SourceForm, machine: &MachineForm) -> Check {
    number("events", &source.events, bounds::EVENTS)?;
    let mtu = negotiated(&machine.mtu, &machine.hypervisor.mtu, ibmvmc::Config::default().mtu);
    let bytes = number("bytes", &source.bytes, bounds::EVENT_BYTES)?;
    if bytes > mtu {
        return Err(Problem::new(
            source.bytes.span(),
            format!("a source cannot send messages of {bytes} bytes, the negotiated MTU is {mtu}"),
            "lower `bytes`, or raise the MTU of both sides",
        ));
    }
    Ok(())
}

/// The smaller of what the two sides offer; the hypervisor offers what the driver does unless it says otherwise.
pub(super) fn negotiated(
    driver: &Option<Number>,
    hypervisor: &Option<Number>,
    default: impl Into<i64>,
) -> i64 {
    let value = |number: &Option<Number>| number.as_ref().map(|number| *number.get_ref());
    let driver = value(driver).unwrap_or(default.into());
    value(hypervisor).unwrap_or(driver).min(driver)
}

/// A version as `major.minor`.
pub(crate) fn version(text: &Spanned<String>) -> Result<vmc_proto::Version, Problem> {
    let parts = text.get_ref().split_once('.');
    let parsed = parts.and_then(|(major, minor)| {
        Some(vmc_proto::Version { major: major.parse().ok()?, minor: minor.parse().ok()? })
    });
    parsed.ok_or_else(|| {
        Problem::new(
            text.span(),
            format!("`{}` is no protocol version", text.get_ref()),
            "write major and minor number, each 0 to 255, such as \"1.1\"",
        )
    })
}

/// HMC commands, and partitions to manage, need a hypervisor that knows them.
pub(crate) fn must_route(behaviour: &BehaviourForm, span: Range<usize>) -> Result<(), Problem> {
    match behaviour {
        BehaviourForm::Router | BehaviourForm::Inventory(_) => Ok(()),
        BehaviourForm::Echo | BehaviourForm::Sink | BehaviourForm::Source(_) => Err(Problem::new(
            span,
            "this is about HMC commands, but the hypervisor does not know any",
            "set behaviour = \"router\" for the machine",
        )),
    }
}
