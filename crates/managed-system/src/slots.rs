//! Virtual slots, and what lies in them (management reference, section 3.5).

use crate::change::check_rmc;
use crate::ethernet::Ethernet;
use crate::ids::{PartitionId, Slot};
use crate::limits::FIRST_SLOT;
use crate::partition::Partition;
use crate::refusal::Refusal;
use crate::scsi::ScsiServer;
use crate::system::System;
use crate::table::Page;
use serde::{Deserialize, Serialize};

/// A virtual adapter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Adapter {
    /// An Ethernet adapter.
    Ethernet(Ethernet),
    /// The client's end of a pair of SCSI adapters: the server and its slot.
    ScsiClient(PartitionId, Slot),
    /// The server's end of a pair of SCSI adapters.
    ScsiServer(ScsiServer),
}

/// In which slot an adapter is to lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlotChoice {
    /// The lowest that is free.
    #[default]
    Lowest,
    /// The highest that is free.
    Highest,
    /// This one.
    At(Slot),
}

impl Partition {
    /// Its virtual adapters, in the order of their slots. Slots 0 and 1 always hold the virtual serial adapters, which are
    /// not among them.
    pub fn adapters(&self) -> impl Iterator<Item = (Slot, &Adapter)> {
        self.adapters.iter().map(|(slot, adapter)| (*slot, adapter))
    }

    /// Some of them, behind a cursor.
    pub fn adapters_after(
        &self,
        after: Option<Slot>,
        limit: usize,
    ) -> Page<Slot, (Slot, &Adapter)> {
        self.adapters.page_of_entries(after.as_ref(), limit)
    }

    /// The adapter in a slot.
    pub fn adapter(&self, slot: Slot) -> Option<&Adapter> {
        self.adapters.get(&slot)
    }

    /// The slot that an adapter would get.
    pub(crate) fn slot_for(&self, choice: SlotChoice) -> Result<Slot, Refusal> {
        let (partition, max_slots) = (self.id, self.configuration.max_slots);
        let slots = FIRST_SLOT..max_slots;
        let is_free = |slot: &Slot| !self.adapters.contains(slot);
        let free = match choice {
            SlotChoice::Lowest => slots.map(Slot).find(is_free),
            SlotChoice::Highest => slots.rev().map(Slot).find(is_free),
            SlotChoice::At(slot) if !slots.contains(&slot.0) => {
                return Err(Refusal::SlotOutOfRange { partition, slot, max_slots });
            }
            SlotChoice::At(slot) if !is_free(&slot) => {
                return Err(Refusal::SlotInUse { partition, slot });
            }
            SlotChoice::At(slot) => Some(slot),
        };
        free.ok_or(Refusal::NoFreeSlot { partition, max_slots })
    }

    /// Adapters can come and go while a partition is off, or by way of its operating system.
    pub(crate) fn check_adapters_can_change(&self) -> Result<(), Refusal> {
        if self.state().is_active() { check_rmc(self) } else { Ok(()) }
    }
}

impl System {
    /// The adapters of a partition lie below a number of slots.
    pub(crate) fn check_slots(&self, id: PartitionId, max_slots: u16) -> Result<(), Refusal> {
        let partition = self.partition(id)?;
        match partition.adapters.last_key() {
            Some(slot) if slot.0 >= max_slots => {
                Err(Refusal::SlotsInUse { partition: id, slot: *slot, max_slots })
            }
            _ => Ok(()),
        }
    }

    /// Where an adapter of a partition is: `U{type}.{model}.{serial}-V{partition}-C{slot}`.
    pub fn location_code(&self, partition: PartitionId, slot: Slot) -> String {
        let config = &self.config;
        let (machine_type, model, serial) = (&config.machine_type, &config.model, &config.serial);
        format!("U{machine_type}.{model}.{serial}-V{partition}-C{slot}")
    }
}
