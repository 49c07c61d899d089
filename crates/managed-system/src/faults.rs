//! What goes wrong on order, as nothing that a manager asks for: partitions crash, hang and fail to boot.

use crate::codes;
use crate::ids::PartitionId;
use crate::jobs::Failure;
use crate::partition::{BootFault, Phase};
use crate::refusal::Refusal;
use crate::system::System;
use std::time::Duration;

/// Something that goes wrong with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Its operating system or its firmware crashes.
    Crash,
    /// Its operating system hangs. RMC goes; the state stays.
    Hang,
    /// Its next start goes wrong.
    Boot(BootFault),
}

impl System {
    /// A fault befalls a partition, at a time. `Ok(false)` if it does nothing to a partition in this state: one that is
    /// off cannot crash, one without an operating system that is up or comes up cannot hang.
    pub fn inject(
        &mut self,
        id: PartitionId,
        fault: Fault,
        now: Duration,
    ) -> Result<bool, Refusal> {
        self.advance(now);
        let phase = self.partition(id)?.phase;
        match (fault, phase) {
            (Fault::Boot(fault), _) => {
                if let Some(partition) = self.partitions.get_mut(&id) {
                    partition.boot_fault = Some(fault);
                }
            }
            (Fault::Crash, Phase::Off | Phase::Unavailable | Phase::Failed(_)) => return Ok(false),
            (Fault::Crash, _) => {
                let code = codes::CRASHED;
                self.fails(id, code, Failure::Crashed { code });
            }
            (Fault::Hang, Phase::Booting(boot)) => {
                self.set_phase(id, Phase::Hung(boot.mode), None, &[]);
            }
            (Fault::Hang, Phase::Up(mode)) => self.set_phase(id, Phase::Hung(mode), None, &[]),
            (Fault::Hang, Phase::Stopping { restart, mode, hung: false }) => {
                let limit = self.config.timings.shutdown_limit;
                let phase = Phase::Stopping { restart, mode, hung: true };
                self.set_phase(id, phase, Some(limit), &[]);
            }
            (Fault::Hang, _) => return Ok(false),
        }
        Ok(true)
    }
}
