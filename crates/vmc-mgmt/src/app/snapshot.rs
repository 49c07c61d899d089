//! Everything that is there, read anew where its version has changed.
//!
//! A partition's version grows with every change of the partition, of its adapters, its storage and its state, so what was read
//! at a version holds as long as the list of partitions shows that version. Without an event since the last time everything holds.

use super::AppClient;
use hmc_client::Error;
use hmc_proto::{
    Disk, Ethernet, Mapping, Media, Network, Partition, PartitionId, PartitionSummary,
    PartitionType, PhysicalVolume, Profile, Scsi, ShowDescription, Switch, System, Uuid,
    VolumeGroup,
};
use managed_system::refusal_codes::NO_SUCH_PARTITION;
use std::sync::Arc;

/// The system with all that is on it, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The managed system.
    pub system: System,
    /// Virtual switches by number.
    pub switches: Vec<Switch>,
    /// Virtual networks by number.
    pub networks: Vec<Network>,
    /// Partitions by ID.
    pub partitions: Vec<Arc<PartitionView>>,
}

/// All about a partition at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionView {
    /// The partition.
    pub partition: Partition,
    /// What people say about it.
    pub description: String,
    /// Its profiles by name.
    pub profiles: Vec<Profile>,
    /// Its Ethernet adapters by slot.
    pub ethernet: Vec<Ethernet>,
    /// Its virtual SCSI adapters by slot.
    pub scsi: Vec<Scsi>,
    /// Its storage, if it is a Virtual I/O Server.
    pub storage: Option<Storage>,
}

/// Storage of a Virtual I/O Server.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Storage {
    /// Physical volumes by name.
    pub volumes: Vec<PhysicalVolume>,
    /// Volume groups by name.
    pub groups: Vec<VolumeGroup>,
    /// Virtual disks by name.
    pub disks: Vec<Disk>,
    /// Media of the repository by name.
    pub media: Vec<Media>,
    /// Mappings by target device.
    pub mappings: Vec<Mapping>,
}

impl Snapshot {
    /// A partition by its ID.
    pub fn partition(&self, id: u16) -> Option<&Arc<PartitionView>> {
        let place = self.partitions.binary_search_by_key(&id, |view| view.partition.id).ok()?;
        self.partitions.get(place)
    }

    /// A partition by its name.
    pub fn partition_named(&self, name: &str) -> Option<&Arc<PartitionView>> {
        self.partitions.iter().find(|view| view.partition.name == name)
    }

    /// A partition by its UUID.
    pub fn partition_with_uuid(&self, uuid: Uuid) -> Option<&Arc<PartitionView>> {
        self.partitions.iter().find(|view| view.partition.uuid == uuid)
    }

    /// A virtual switch by its number.
    pub fn switch(&self, id: u16) -> Option<&Switch> {
        self.switches.iter().find(|switch| switch.id == id)
    }

    /// The Virtual I/O Servers, with their storage.
    pub fn servers(&self) -> impl Iterator<Item = (&Arc<PartitionView>, &Storage)> {
        self.partitions.iter().filter_map(|view| Some((view, view.storage.as_ref()?)))
    }

    /// The partitions that are Virtual I/O Servers, or those that are none.
    pub fn of_kind(&self, vios: bool) -> impl Iterator<Item = &Arc<PartitionView>> {
        let partitions = self.partitions.iter();
        partitions.filter(move |view| view.is_vios() == vios)
    }
}

impl PartitionView {
    /// Whether it is a Virtual I/O Server.
    pub fn is_vios(&self) -> bool {
        self.partition.kind == PartitionType::Vios
    }
}

/// The last snapshot. Every change has an event, and the system shows the number of the last one: with the same system, it is
/// what is there still.
#[derive(Debug, Default)]
pub(super) struct Cache(Option<Arc<Snapshot>>);

/// How often a partition is read again when it changes while it is read.
const TRIES: usize = 16;

impl Cache {
    /// Everything that is there now.
    pub(super) fn snapshot(&mut self, client: &mut AppClient) -> Result<Arc<Snapshot>, Error> {
        let system = client.show_system()?;
        if let Some(last) = self.0.as_ref().filter(|last| last.system == system) {
            return Ok(Arc::clone(last));
        }
        let switches = client.all_switches()?;
        let networks = client.all_networks()?;
        let mut partitions = Vec::new();
        for summary in client.all_partitions()? {
            partitions.extend(self.view(client, &summary)?);
        }
        let snapshot = Arc::new(Snapshot { system, switches, networks, partitions });
        self.0 = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// A partition at its version of now; `None` when it has gone meanwhile.
    fn view(
        &self,
        client: &mut AppClient,
        summary: &PartitionSummary,
    ) -> Result<Option<Arc<PartitionView>>, Error> {
        let known = self.0.as_ref().and_then(|last| last.partition(summary.id));
        if let Some(view) = known.filter(|view| view.partition.version == summary.version) {
            return Ok(Some(Arc::clone(view)));
        }
        let id = summary.id;
        let mut last = None;
        for _ in 0..TRIES {
            let Some(partition) = there(client.show_partition(PartitionId { id }))? else {
                return Ok(None);
            };
            let version = partition.version;
            let Some(view) = there(read(client, partition))? else { return Ok(None) };
            // It has changed while it was read if it has another version now.
            let now = there(client.show_status(PartitionId { id }))?;
            last = Some(Arc::new(view));
            if now.is_some_and(|now| now.version == version) {
                break;
            }
        }
        Ok(last)
    }
}

/// `None` of a partition that there is not: another manager has removed it.
fn there<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Err(Error::Refused { refusal, .. }) if refusal.code == NO_SUCH_PARTITION => Ok(None),
        read => read.map(Some),
    }
}

fn read(client: &mut AppClient, partition: Partition) -> Result<PartitionView, Error> {
    let id = partition.id;
    let mut description = String::new();
    let mut from = 0;
    loop {
        let part = client.show_description(ShowDescription { id, from })?;
        description.push_str(&part.text);
        if part.next == 0 {
            break;
        }
        from = part.next;
    }
    let storage = match partition.kind {
        PartitionType::Vios => Some(Storage {
            volumes: client.all_volumes(id)?,
            groups: client.all_groups(id)?,
            disks: client.all_disks(id)?,
            media: client.all_media(id)?,
            mappings: client.all_mappings(id)?,
        }),
        _ => None,
    };
    Ok(PartitionView {
        description,
        profiles: client.all_profiles(id)?,
        ethernet: client.all_ethernet(id)?,
        scsi: client.all_scsi(id)?,
        storage,
        partition,
    })
}
