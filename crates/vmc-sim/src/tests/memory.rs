//! Memory that is written to by what no record speaks of is told, in runs of scenarios: on a machine whose memory copies
//! in a wrong way.

use crate::Scenario;
use crate::run::run_on;
use ibmvmc::{Driver, NoQuirks};
use papr::GuestAddress;
use phyp::{Backend, BadAddress, CowMemory, LocalGate, LocalLock, Memory};
use std::sync::atomic::Ordering;
use vmc_machine::backend::Setup;
use vmc_machine::deterministic::{self, RunConfig};

/// What is wrong with the copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Defect {
    None,
    ByteTooMany,
    ByteTooFew,
    NextPage,
    TwoPlaces,
}

const NONE: u8 = Defect::None as u8;
const BYTE_TOO_MANY: u8 = Defect::ByteTooMany as u8;
const BYTE_TOO_FEW: u8 = Defect::ByteTooFew as u8;
const NEXT_PAGE: u8 = Defect::NextPage as u8;
const TWO_PLACES: u8 = Defect::TwoPlaces as u8;

struct Faulty<const DEFECT: u8>(CowMemory);

impl<const DEFECT: u8> Memory for Faulty<DEFECT> {
    fn new(pages: u64) -> Self {
        Faulty(CowMemory::new(pages))
    }

    fn pages(&self) -> u64 {
        self.0.pages()
    }

    fn load(&self, at: GuestAddress, order: Ordering) -> Result<u64, BadAddress> {
        self.0.load(at, order)
    }

    fn store(&self, at: GuestAddress, value: u64, order: Ordering) -> Result<(), BadAddress> {
        self.0.store(at, value, order)
    }

    fn compare_exchange(
        &self,
        at: GuestAddress,
        current: u64,
        new: u64,
    ) -> Result<Result<u64, u64>, BadAddress> {
        self.0.compare_exchange(at, current, new)
    }

    fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress> {
        self.0.read(at, out)
    }

    fn write(&self, at: GuestAddress, bytes: &[u8]) -> Result<(), BadAddress> {
        self.0.write(at, bytes)
    }

    fn copy_to(
        &self,
        from: GuestAddress,
        destination: &Self,
        to: GuestAddress,
        len_bytes: u64,
    ) -> Result<(), BadAddress> {
        let next = GuestAddress(to.0 ^ 0x1000);
        match DEFECT {
            BYTE_TOO_MANY => {
                // A byte that is not zero, as what lies behind a message may be.
                destination.0.write(GuestAddress(to.0 + len_bytes), &[0xA5])?;
            }
            BYTE_TOO_FEW => return self.0.copy_to(from, &destination.0, to, len_bytes - 1),
            NEXT_PAGE => return self.0.copy_to(from, &destination.0, next, len_bytes),
            TWO_PLACES => self.0.copy_to(from, &destination.0, next, len_bytes)?,
            _ => {}
        }
        self.0.copy_to(from, &destination.0, to, len_bytes)
    }

    fn clear(&self) {
        self.0.clear();
    }
}

enum OnFaulty<const DEFECT: u8> {}

impl<const DEFECT: u8> Backend for OnFaulty<DEFECT> {
    type Lock = LocalLock;
    type Memory = Faulty<DEFECT>;
    type Gate = LocalGate;
}

impl<const DEFECT: u8> Setup for OnFaulty<DEFECT> {
    type Backend = OnFaulty<DEFECT>;
    type Driver = Driver<NoQuirks>;
    type Mutex = LocalLock;
    const ONE_THREAD: bool = true;
}

/// What the checker of memory says of a run in which a message goes there and back.
fn told<const DEFECT: u8>() -> Vec<String> {
    let text = r#"
        title = "t"
        [machine]
        pool-size = 3
        [[app]]
        steps = [
          { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
          { write = { bytes = 10 } }, { read = { expect = "any" } },
        ]
    "#;
    let scenario = Scenario::parse("memory.toml", text).expect("a scenario");
    let plan = scenario.plan();
    let driver = Driver::with_quirks(plan.machine.driver, NoQuirks).expect("a driver");
    let outcome = run_on::<OnFaulty<DEFECT>>(plan, true, driver, |world, mut actors| {
        let end = deterministic::run(&world, &mut actors, &mut RunConfig::first_come(100_000));
        (world, actors, end)
    });
    let violations = outcome.expect("a machine").violations.into_iter();
    violations.filter(|v| v.checker == "memory").map(|v| v.what).collect()
}

#[test]
fn copies_that_go_astray_are_told() {
    assert_eq!(told::<NONE>(), [""; 0]);
    let open = "RDMA 32 B to hyp: memory at";
    for (defect, problems) in [
        (Defect::ByteTooMany, told::<BYTE_TOO_MANY>()),
        (Defect::ByteTooFew, told::<BYTE_TOO_FEW>()),
        (Defect::NextPage, told::<NEXT_PAGE>()),
        (Defect::TwoPlaces, told::<TWO_PLACES>()),
    ] {
        let at_end = problems.iter().any(|problem| problem.contains("at the end: memory at"));
        let at_copy =
            problems.iter().any(|problem| problem.contains(open) || problem.contains("RDMA 10 B"));
        let elsewhere = matches!(defect, Defect::NextPage | Defect::TwoPlaces);
        assert!(at_copy != (defect == Defect::TwoPlaces), "{defect:?}: {problems:?}");
        assert!(at_end == elsewhere, "{defect:?}: {problems:?}");
    }
}
