//! Whether the channel of a machine can ever be ready.

use super::super::file::{
    AppForm, AppStartForm, MachineForm, MachineSideForm, ResultForm, ScenarioForm, StartForm,
    StepForm, VmcForm,
};
use super::super::spanned::{Number, Spanned};
use super::machine::{negotiated, version};
use super::{for_each_step, ioctl};

/// Why the channel of a machine can never be ready. Only applications that begin at once can help it along: the
/// others wait for it.
pub(super) fn never_ready(form: &ScenarioForm) -> Option<&'static str> {
    let machine = &form.machine;
    let major = |text: &Option<Spanned<String>>| {
        text.as_ref()
            .and_then(|text| version(text).ok())
            .unwrap_or(vmc_proto::Version::CURRENT)
            .major
    };
    let driver = major(&machine.version);
    let hypervisor = if machine.hypervisor.version.is_some() {
        major(&machine.hypervisor.version)
    } else {
        driver
    };
    let detaches = Help::of(form, |step| matches!(step, StepForm::AttachHmc(false)));
    if machine.hmc_attached && detaches != Help::InTime {
        return Some("an HMC manages the system");
    }
    if driver != hypervisor {
        return Some("the major versions differ");
    }
    if window_is_too_small(machine) {
        return Some("the window has no room for the queue and a buffer");
    }
    let zero = |value: &Option<Number>| value.as_ref().is_some_and(|value| *value.get_ref() == 0);
    let too_small = |mtu: &Option<Number>| mtu.as_ref().is_some_and(|mtu| *mtu.get_ref() < 32);
    let offered = &machine.hypervisor;
    if zero(&offered.hmcs) || zero(&offered.pool_size) || too_small(&offered.mtu) {
        return Some("the hypervisor offers what no channel can work with");
    }
    let starts = |side: MachineSideForm| {
        Help::of(form, |step| matches!(step, StepForm::Start(started) if *started == side))
    };
    let requests = Help::of(form, |step| match step {
        StepForm::RequestVmc(form) => form.expect == ResultForm::Ok,
        StepForm::Ioctl(form) => ioctl::requests_vmc(form),
        _ => false,
    });
    // After an HMC was detached the sides do not start by themselves either.
    let by_hand = machine.start == StartForm::Manual || machine.hmc_attached;
    let on_request = machine.vmc == VmcForm::OnRequest;
    // A device that is requested is probed then; one that is there already cannot be requested.
    let probes = if on_request || machine.hmc_attached { requests } else { Help::Never };
    let driver = probes.max(starts(MachineSideForm::Driver));
    match (requests, driver, starts(MachineSideForm::Hypervisor)) {
        (Help::Never, _, _) if on_request => Some("no step requests the VMC"),
        (Help::TooLate, _, _) if on_request => Some("only who waits for it requests the VMC"),
        (_, Help::Never, _) if by_hand => Some("no step starts the driver"),
        (_, Help::TooLate, _) if by_hand => Some("only who waits for it starts the driver"),
        (_, _, Help::Never) if by_hand => Some("no step starts the hypervisor's side"),
        (_, _, Help::TooLate) if by_hand => {
            Some("only who waits for it starts the hypervisor's side")
        }
        _ => None,
    }
}

/// Whether the driver cannot map its queue and one buffer.
fn window_is_too_small(machine: &MachineForm) -> bool {
    let defaults = ibmvmc::Config::default();
    let or = |number: &Option<Number>, default: i64| {
        number.as_ref().map_or(default, |number| *number.get_ref())
    };
    let queue = or(&machine.crq_pages, defaults.crq_pages.into());
    let mtu = negotiated(&machine.mtu, &machine.hypervisor.mtu, defaults.mtu);
    let page = machine.kernel_page.page();
    let pages = |bytes: u64| page.window_pages(bytes) as i64;
    let least = pages(queue.unsigned_abs() * papr::PAGE_SIZE) + pages(mtu.unsigned_abs());
    machine.window_pages.as_ref().is_some_and(|pages| *pages.get_ref() < least)
}

/// Whether some application does what the channel needs to come up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Help {
    Never,
    /// Only applications do that begin when the channel is ready.
    TooLate,
    InTime,
}

impl Help {
    fn of(form: &ScenarioForm, wanted: impl Fn(&StepForm) -> bool) -> Help {
        let by = |app: &AppForm| {
            let mut found = false;
            for_each_step(&app.steps, &mut |step| found |= wanted(step));
            match (found, app.start) {
                (false, _) => Help::Never,
                (true, AppStartForm::Ready) => Help::TooLate,
                (true, AppStartForm::Boot) => Help::InTime,
            }
        };
        form.app.iter().map(|app| by(app.get_ref())).max().unwrap_or(Help::Never)
    }
}
