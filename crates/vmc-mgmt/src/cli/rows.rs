//! Objects as rows of listings: what of them is read from the tables of [`crate::objects`], and what only a listing has.

use super::adapters::{ethernet_element, scsi_element, switch_name};
use super::listing::Row;
use crate::app::{PartitionView, Snapshot};
use crate::objects::{Unset, Value};
use crate::objects::{adapter, by_cli, network, partition, system};
use hmc_proto::{AdapterSide, Ethernet, Network, Profile, ReferenceCode, Scsi, SlotKind, Switch};
use std::sync::Arc;
use std::time::Duration;

/// What a partition without a compatibility mode of its own runs in.
const NATIVE_MODE: &str = "POWER9_base";

/// The system.
pub(super) struct SystemRow {
    pub(super) snapshot: Arc<Snapshot>,
    /// The clock's time of now.
    pub(super) now: Duration,
}

impl Row for SystemRow {
    fn value(&self, name: &str) -> Option<Value> {
        match name {
            "sys_time" => Some(Value::Time(self.now)),
            "lpar_proc_compat_modes" => {
                let Value::List(modes) = self.field(name)? else { return None };
                let mut modes: Vec<_> = modes.iter().map(|mode| mode_on_the_line(mode)).collect();
                // `default` stands first, the others by name.
                modes.sort_by_key(|mode| (mode.starts_with("POWER"), mode.clone()));
                Some(Value::List(modes))
            }
            _ => self.field(name),
        }
    }
}

impl SystemRow {
    fn field(&self, name: &str) -> Option<Value> {
        by_cli(system::FIELDS, name).map(|field| field.cli_value(&self.snapshot))
    }
}

/// A compatibility mode as the command line writes it: `POWER9_base` of REST's `POWER9_Base`.
pub(super) fn mode_on_the_line(mode: &str) -> String {
    mode.replace("_Base", "_base")
}

/// A partition.
pub(super) struct PartitionRow(pub(super) partition::Subject);

impl PartitionRow {
    pub(super) fn new(snapshot: &Arc<Snapshot>, view: &Arc<PartitionView>) -> PartitionRow {
        PartitionRow(partition::Subject::new(snapshot, view))
    }

    fn field(&self, name: &str) -> Option<Value> {
        by_cli(partition::FIELDS, name).map(|field| field.cli_value(&self.0))
    }
}

impl Row for PartitionRow {
    fn value(&self, name: &str) -> Option<Value> {
        let view = &self.0.view;
        let partition = &view.partition;
        let configuration = &partition.configuration;
        Some(match name {
            "resource_config" => self.0.is_active().into(),
            // Which one is the default a partition does not say: the one that it has from the beginning, if it has it still.
            "default_profile" => {
                let named =
                    view.profiles.iter().find(|profile| profile.name == partition::FIRST_PROFILE);
                let first = named.or(view.profiles.first());
                first.map_or("", |profile| &*profile.name).into()
            }
            "curr_profile" => partition.profile.as_deref().unwrap_or_default().into(),
            "sync_curr_profile" => false.into(),
            "desired_lpar_proc_compat_mode" | "lpar_proc_compat_mode" => {
                mode_on_the_line(&configuration.compatibility).into()
            }
            "curr_lpar_proc_compat_mode" => match &*configuration.compatibility {
                "default" => NATIVE_MODE.into(),
                mode => mode_on_the_line(mode).into(),
            },
            "uptime" => partition.uptime_s.into(),
            "io_slots" => io_slots(partition).into(),
            "virtual_eth_adapters" => {
                list(view.ethernet.iter().map(|it| ethernet_element(&self.0.snapshot, it)))
            }
            "virtual_scsi_adapters" => {
                list(view.scsi.iter().map(|it| scsi_element(&self.0.snapshot, it)))
            }
            "hpt_ratio" | "curr_hpt_ratio" | "pend_hpt_ratio" => {
                format!("1:{}", 64u32 << configuration.page_table_ratio.min(6)).into()
            }
            // Memory that an operating system could not give back: none is simulated.
            "run_min_mem" => 0u64.into(),
            // What is held by a partition that is off is its memory: it keeps it until others need it.
            "run_mem" => u64::from(partition.memory_mb).into(),
            "next_avail_virtual_slot" => u64::from(next_slot(view)).into(),
            name if name.ends_with("shared_proc_pool_name") => {
                match self.field("shared_proc_pool_id")? {
                    Value::Number(0) => "DefaultPool".into(),
                    Value::Number(pool) => format!("SharedPool{pool:02}").into(),
                    _ => Value::Unset(Unset::Omitted),
                }
            }
            name => return self.field(name),
        })
    }
}

/// The lowest virtual slot that is free; the number of slots when all are taken.
fn next_slot(view: &PartitionView) -> u16 {
    let is_taken = |slot: u16| {
        view.ethernet.iter().any(|it| it.slot == slot) || view.scsi.iter().any(|it| it.slot == slot)
    };
    let most = view.partition.configuration.max_slots;
    (2..most).find(|slot| !is_taken(*slot)).unwrap_or(most)
}

/// The physical slot of a partition that has a device of its own to boot from. Which one it is the simulator does not know: its
/// number follows from the partition's.
fn io_slots(partition: &hmc_proto::Partition) -> String {
    match partition.physical_boot_device {
        true => format!("2101{:04X}//1", partition.id),
        false => String::from("none"),
    }
}

/// Elements, each quoted if it has commas of its own; `none` when there are none.
fn list(elements: impl Iterator<Item = String>) -> Value {
    let elements: Vec<_> =
        elements.map(|element| super::quoted::quoted(&element, ',').into_owned()).collect();
    match elements.is_empty() {
        true => Value::Unset(Unset::Named),
        false => Value::List(elements),
    }
}

/// A profile: a partition that is to have what the profile says.
pub(super) struct ProfileRow {
    name: String,
    partition: PartitionRow,
}

impl ProfileRow {
    pub(super) fn new(
        snapshot: &Arc<Snapshot>,
        view: &PartitionView,
        profile: &Profile,
    ) -> ProfileRow {
        let mut view = view.clone();
        view.partition.configuration = profile.configuration.clone();
        ProfileRow {
            name: profile.name.clone(),
            partition: PartitionRow::new(snapshot, &Arc::new(view)),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Row for ProfileRow {
    fn value(&self, name: &str) -> Option<Value> {
        match name {
            "name" => Some(Value::from(&*self.name)),
            name => self.partition.value(name),
        }
    }
}

/// A virtual Ethernet adapter.
pub(super) struct EthernetRow(adapter::Subject);

impl EthernetRow {
    pub(super) fn new(snapshot: &Arc<Snapshot>, ethernet: &Ethernet) -> EthernetRow {
        let snapshot = Arc::clone(snapshot);
        EthernetRow(adapter::Subject { snapshot, ethernet: ethernet.clone() })
    }
}

impl Row for EthernetRow {
    fn value(&self, name: &str) -> Option<Value> {
        match name {
            "addl_vlan_ids" => {
                let vlans = self.0.ethernet.additional.iter().map(u16::to_string);
                Some(Value::List(vlans.collect()))
            }
            "allowed_os_mac_addrs" => Some("all".into()),
            name => by_cli(adapter::FIELDS, name).map(|field| field.cli_value(&self.0)),
        }
    }
}

/// An end of a pair of virtual SCSI adapters.
pub(super) struct ScsiRow {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) view: Arc<PartitionView>,
    pub(super) scsi: Scsi,
}

impl Row for ScsiRow {
    fn value(&self, name: &str) -> Option<Value> {
        let scsi = &self.scsi;
        let remote = self.snapshot.partition(scsi.remote_partition);
        Some(match name {
            "slot_num" => u64::from(scsi.slot).into(),
            "adapter_type" => match scsi.side {
                AdapterSide::Client => "client".into(),
                AdapterSide::Server => "server".into(),
            },
            "remote_lpar_id" => u64::from(scsi.remote_partition).into(),
            "remote_lpar_name" => remote
                .map_or(Value::Unset(Unset::Omitted), |view| view.partition.name.as_str().into()),
            "remote_slot_num" => u64::from(scsi.remote_slot).into(),
            name => return PartitionRow::new(&self.snapshot, &self.view).value(name),
        })
    }
}

/// A virtual slot that is taken.
pub(super) struct SlotRow {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) view: Arc<PartitionView>,
    pub(super) slot: u16,
    pub(super) kind: SlotKind,
}

impl Row for SlotRow {
    fn value(&self, name: &str) -> Option<Value> {
        Some(match name {
            "slot_num" => u64::from(self.slot).into(),
            "config" => self.kind.name().into(),
            "drc_name" => {
                adapter::location(&self.snapshot, self.view.partition.id, self.slot).into()
            }
            name => return PartitionRow::new(&self.snapshot, &self.view).value(name),
        })
    }
}

/// A virtual switch.
pub(super) struct SwitchRow {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) switch: Switch,
}

impl Row for SwitchRow {
    fn value(&self, name: &str) -> Option<Value> {
        Some(match name {
            // Only REST says which one is the default.
            "vswitch" => self.switch.name.as_str().into(),
            "vlan_ids" => {
                let of_switch =
                    self.snapshot.networks.iter().filter(|it| it.switch == self.switch.id);
                let mut vlans: Vec<u16> = of_switch.map(|network| network.vlan).collect();
                vlans.sort_unstable();
                vlans.dedup();
                Value::List(vlans.iter().map(u16::to_string).collect())
            }
            name => {
                return by_cli(network::SWITCH, name).map(|field| field.cli_value(&self.switch));
            }
        })
    }
}

/// A virtual network.
pub(super) struct NetworkRow {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) network: Network,
}

impl Row for NetworkRow {
    fn value(&self, name: &str) -> Option<Value> {
        match name {
            "vswitch" => Some(switch_name(&self.snapshot, self.network.switch).into()),
            name => by_cli(network::NETWORK, name).map(|field| field.cli_value(&self.network)),
        }
    }
}

/// A reference code.
pub(super) struct CodeRow {
    /// The partition that has shown it; none for the system's.
    pub(super) view: Option<Arc<PartitionView>>,
    pub(super) code: ReferenceCode,
    /// The clock's time of it.
    pub(super) at: Duration,
}

impl Row for CodeRow {
    fn value(&self, name: &str) -> Option<Value> {
        let partition = self.view.as_ref().map(|view| &view.partition);
        Some(match name {
            "lpar_name" => partition?.name.as_str().into(),
            "lpar_id" => u64::from(partition?.id).into(),
            "time_stamp" => Value::Time(self.at),
            "refcode" => self.code.code.as_str().into(),
            "word2" => format!("{:08X}", self.code.word2).into(),
            _ => return None,
        })
    }
}
