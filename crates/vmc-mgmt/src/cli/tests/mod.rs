//! Commands on a small system.

mod commands;
mod examples;
mod servers;

use super::{Dialect, Output, run};
use crate::App;
use managed_system::{
    Amounts, Capacity, Configuration, PartitionDefinition, PartitionId, PartitionType, System,
    SystemConfig, Timings, Uuid,
};
use std::time::Duration;

/// The system of the reference's examples: `vmc1`, with a Virtual I/O Server `vios1` that manages it, and its disks.
fn system() -> System {
    let memory_mb = Amounts { min: 1024, desired: 4096, max: 8192 };
    let configuration = Configuration::shared(memory_mb, Amounts { min: 1, desired: 2, max: 4 });
    let mut management =
        PartitionDefinition::new("vios1", PartitionType::VirtualIoServer, configuration);
    management.profile = Some("default".into());
    let config = SystemConfig {
        name: "vmc1".into(),
        uuid: Uuid::derive(1, "vmc1"),
        machine_type: "9009".into(),
        model: "42A".into(),
        serial: "1234567".into(),
        firmware_level: "FW950.40 (VL950_092)".into(),
        seed: 1,
        capacity: Capacity::default(),
        timings: Timings::default(),
        event_log: 1000,
        management,
    };
    let mut system = System::new(config).expect("a system");
    for name in ["hdisk0", "hdisk1", "hdisk2"] {
        let vios = PartitionId(1);
        system.attach_volume(vios, name, 100 * 1024, Duration::ZERO).expect("a volume");
    }
    system
}

type Run = dyn Fn(&App, &[String]) -> Output;

/// A command line, and the application that does what it says.
pub(super) struct Console {
    pub(super) app: App,
    run: Box<Run>,
}

impl Console {
    pub(super) fn new(
        system: System,
        run: impl Fn(&App, &[String]) -> Output + 'static,
    ) -> Console {
        Console { app: App::embedded(system).expect("an application"), run: Box::new(run) }
    }

    pub(super) fn run(&self, line: &str) -> Output {
        let output = (self.run)(&self.app, &[line.to_owned()]);
        assert_eq!(output.stderr, "", "{line}");
        output
    }

    /// What a command prints that does its work.
    pub(super) fn prints(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.code, 0, "{line}: {}", output.stdout);
        output.stdout
    }

    /// A change is made without a word.
    pub(super) fn done(&self, line: &str) {
        assert_eq!(self.run(line), Output::done(), "{line}");
    }

    /// What a command says that fails.
    pub(super) fn fails(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.code, 1, "{line}: {}", output.stdout);
        output.stdout.strip_suffix('\n').expect("a line").to_owned()
    }

    /// The command fails with this code.
    pub(super) fn refuses(&self, line: &str, code: &str) {
        let said = self.fails(line);
        assert!(said.starts_with(&format!("{code} ")), "{line}: {said}");
    }
}

/// The HMC's command line.
fn hmc(dialect: Dialect) -> Console {
    Console::new(system(), move |app, line| run(app, dialect, line))
}

/// The same, with the partition `lp1` of the reference's examples, and its ID.
fn with_lp1() -> Console {
    let hmc = hmc(Dialect::Hmc);
    hmc.done(LP1);
    hmc
}

const LP1: &str = "mksyscfg -r lpar -m vmc1 -i 'name=lp1,lpar_id=10,profile_name=default_profile,lpar_env=aixlinux,\
    min_mem=1024,desired_mem=2048,max_mem=4096,proc_mode=shared,sharing_mode=uncap,uncap_weight=128,min_procs=1,\
    desired_procs=1,max_procs=2,min_proc_units=0.1,desired_proc_units=0.5,max_proc_units=2.0,max_virtual_slots=64,\
    virtual_scsi_adapters=2/client/1/vios1/3/0,virtual_eth_adapters=3/0/100//0/0'";

/// Whether a text is what is expected, in which `…` stands for anything within a line.
fn assert_like(got: &str, expected: &str) {
    let mut rest = got;
    for (number, part) in expected.split('…').enumerate() {
        let found = match number {
            0 => rest.starts_with(part).then_some(0),
            _ => rest.find(part).filter(|at| !rest[..*at].contains('\n')),
        };
        let Some(at) = found else { panic!("expected {part:?} in {rest:?}\nof\n{got}") };
        rest = &rest[at + part.len()..];
    }
    let ends_open = expected.ends_with('…');
    assert!(
        rest.is_empty() || ends_open && !rest.contains('\n'),
        "more than expected: {rest:?}\nof\n{got}"
    );
}
