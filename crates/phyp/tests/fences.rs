//! The hypervisor without the barrier that reaches all threads, as on a system that has none. It is chosen once for a
//! process, so these tests have one of their own.

use papr::{
    Access, CopyRdma, CrqEntry, GuestAddress, Hcall, Ioba, PAGE_SIZE, PartitionId, ReturnCode, Tce,
};
use phyp::{Config, Hypervisor, Memory, Threads};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const FRAME: u64 = 5;
const ROUNDS: u64 = 200;

fn call(machine: &Hypervisor<Threads>, caller: PartitionId, call: Hcall) -> ReturnCode {
    machine.hcall(caller, &call, &mut ()).code
}

/// Stops the copies even if the test fails, so that the scope ends.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A page of the platform is copied into without a pause, and taken away again and again: while it is not mapped, nothing
/// arrives. Messages go through all the while.
#[test]
fn copies_and_locks_need_no_barrier_that_reaches_all_threads() {
    assert!(phyp::use_fences(), "it was decided before");
    let config = Config::small();
    let machine = &Hypervisor::<Threads>::new(&config).unwrap();
    let (node, adapter) = (machine.vmc_node().unwrap(), machine.platform_adapter());
    let put = |owner, liobn, page: u64, frame: u64, access| {
        let tce = Tce::new(GuestAddress(frame * PAGE_SIZE), access);
        call(machine, owner, Hcall::PutTce { liobn, ioba: Ioba(page * PAGE_SIZE), tce })
    };
    for (owner, unit_address, liobn) in [
        (config.management, node.unit_address, node.local_window.liobn),
        (config.platform, adapter.unit_address, adapter.liobn),
    ] {
        assert!(put(owner, liobn, 0, 0, Access::ReadWrite).is_success());
        assert!(put(owner, liobn, 1, FRAME, Access::ReadWrite).is_success());
        let register = Hcall::RegCrq { unit_address, queue: Ioba(0), len_bytes: PAGE_SIZE };
        assert_ne!(call(machine, owner, register), ReturnCode::PARAMETER);
    }
    let (memory, source) =
        (machine.memory(config.platform).unwrap(), machine.memory(config.management).unwrap());
    source.write(GuestAddress(FRAME * PAGE_SIZE), &[1; 64]).unwrap();
    let copy = Hcall::CopyRdma(CopyRdma {
        len_bytes: 64,
        source_liobn: node.local_window.liobn,
        source_ioba: Ioba(PAGE_SIZE),
        destination_liobn: node.remote_window.liobn,
        destination_ioba: Ioba(PAGE_SIZE),
    });
    let stop = &AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = Stop(stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let code = call(machine, config.management, copy);
                assert!(
                    code.is_success() || [ReturnCode::PERMISSION, ReturnCode::BUSY].contains(&code)
                );
            }
        });
        for round in 0..ROUNDS {
            assert!(put(config.platform, adapter.liobn, 1, 0, Access::None).is_success());
            memory.write(GuestAddress(FRAME * PAGE_SIZE), &[0; 64]).unwrap();
            for _ in 0..3 {
                thread::yield_now();
                let mut arrived = [7; 64];
                memory.read(GuestAddress(FRAME * PAGE_SIZE), &mut arrived).unwrap();
                assert_eq!(arrived, [0; 64], "a copy reached a page that is not mapped");
            }
            let tce = put(config.platform, adapter.liobn, 1, FRAME, Access::ReadWrite);
            assert!(tce.is_success());
            let entry = CrqEntry::from_words(0x8006_0000_0000_0000, round);
            let send = Hcall::SendCrq { unit_address: node.unit_address, entry };
            assert!(call(machine, config.management, send).is_success());
            let at = GuestAddress(round % 256 * 16);
            assert_eq!(machine.take_entry(config.platform, at), Ok(Some(entry)));
        }
    });
}
