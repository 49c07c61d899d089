//! The shape of documents: which elements stand where. It follows from the tables of attributes, and from what documents have
//! besides; what stands elsewhere is not known here.

use super::{Field, Kind, adapter, network, partition, storage, system};
use std::sync::LazyLock;

/// Elements that may stand in every element, and say nothing of the object.
const EVERYWHERE: &[&str] = &["Metadata", "link"];

/// What is known of an element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// What its text is; `None` of one that has elements in it, and of one whose content is left to it.
    pub kind: Option<Kind>,
    /// Whether a client can write it.
    pub written: bool,
    /// Whether several of its name stand beside each other, and each of them is an object.
    pub listed: bool,
    /// The elements in it, in their order.
    pub parts: Vec<(&'static str, Shape)>,
}

impl Shape {
    /// The shape of documents of a type.
    pub fn of(kind: &str) -> Option<&'static Shape> {
        SHAPES.iter().find(|(name, _)| *name == kind).map(|(_, shape)| shape)
    }

    /// Whether an element of that name may stand anywhere.
    pub fn is_everywhere(name: &str) -> bool {
        EVERYWHERE.contains(&name)
    }

    /// The element of that name in it.
    pub fn part(&self, name: &str) -> Option<&Shape> {
        self.parts.iter().find(|(it, _)| *it == name).map(|(_, shape)| shape)
    }

    /// The element at the end of a path, which is made where it is missing.
    fn at(&mut self, path: &'static str) -> &mut Shape {
        path.split('/').fold(self, |shape, name| {
            let found = shape.parts.iter().position(|(it, _)| *it == name);
            let place = found.unwrap_or_else(|| {
                shape.parts.push((name, Shape::default()));
                shape.parts.len() - 1
            });
            &mut shape.parts[place].1
        })
    }

    /// With the elements of a table.
    fn table<T, E>(mut self, fields: &[Field<T, E>]) -> Shape {
        for field in fields.iter().filter(|field| !field.xml.is_empty()) {
            let leaf = self.at(field.xml);
            leaf.kind = Some(field.kind).filter(|kind| *kind != Kind::Part);
            leaf.written = field.write.is_some();
        }
        self
    }

    /// With elements of texts.
    fn texts(mut self, paths: &[&'static str]) -> Shape {
        for path in paths {
            self.at(path).kind = Some(Kind::Text);
        }
        self
    }

    /// With an element of that shape.
    fn with(mut self, path: &'static str, shape: Shape) -> Shape {
        *self.at(path) = shape;
        self
    }

    /// With objects of that shape in an element.
    fn list(self, path: &'static str, shape: Shape) -> Shape {
        self.with(path, Shape { listed: true, ..shape })
    }
}

static SHAPES: LazyLock<Vec<(&str, Shape)>> = LazyLock::new(|| {
    vec![
        ("LogicalPartition", logical_partition()),
        ("VirtualIOServer", server()),
        ("ManagedSystem", managed_system()),
        ("VirtualSwitch", Shape::default().table(network::SWITCH)),
        ("VirtualNetwork", Shape::default().table(network::NETWORK)),
        ("ClientNetworkAdapter", Shape::default().table(adapter::FIELDS)),
        ("VolumeGroup", group()),
    ]
});

fn logical_partition() -> Shape {
    Shape::default().table(partition::FIELDS).texts(&[
        "RemoteRestartCapable",
        "SimplifiedRemoteRestartCapable",
        "HasDedicatedProcessorsForMigration",
        "SuspendCapable",
        "MigrationDisable",
        "MigrationState",
        "RemoteRestartState",
        "PowerManagementMode",
        "VirtualSCSIClientAdapters",
    ])
}

fn managed_system() -> Shape {
    Shape::default().table(system::FIELDS)
}

fn disk() -> Shape {
    Shape::default().table(storage::DISK)
}

fn volume() -> Shape {
    Shape::default().table(storage::VOLUME)
}

fn medium() -> Shape {
    Shape::default().table(storage::MEDIA)
}

fn repositories() -> Shape {
    let repository = Shape::default()
        .list("OpticalMedia/VirtualOpticalMedia", medium())
        .texts(&["RepositoryName", "RepositorySize"]);
    Shape::default().with("VirtualMediaRepository", repository)
}

fn volumes() -> Shape {
    Shape::default().list("PhysicalVolume", volume())
}

fn group() -> Shape {
    Shape::default()
        .table(storage::GROUP)
        .with("MediaRepositories", repositories())
        .with("PhysicalVolumes", volumes())
        .with("VirtualDisks", Shape::default().list("VirtualDisk", disk()))
}

fn server() -> Shape {
    let end = |texts: &[&'static str]| {
        Shape::default()
            .texts(&[
                "AdapterType",
                "DynamicReconfigurationConnectorName",
                "LocationCode",
                "LocalPartitionID",
                "RequiredAdapter",
                "VariedOn",
                "UseNextAvailableSlotID",
                "UseNextAvailableHighSlotID",
                "VirtualSlotNumber",
                "RemoteLogicalPartitionID",
                "RemoteSlotNumber",
            ])
            .texts(texts)
    };
    let target = || Shape::default().texts(&["LogicalUnitAddress", "TargetName", "UniqueDeviceID"]);
    let mapping = Shape::default()
        .texts(&["AssociatedLogicalPartition"])
        .with("ClientAdapter", end(&["ServerLocationCode"]))
        .with("ServerAdapter", end(&["AdapterName", "BackingDeviceName", "UniqueDeviceID"]))
        .with("Storage/VirtualDisk", disk())
        .with("Storage/PhysicalVolume", volume())
        .with("Storage/VirtualOpticalMedia", medium())
        .with("TargetDevice/LogicalVolumeVirtualTargetDevice", target())
        .with("TargetDevice/PhysicalVolumeVirtualTargetDevice", target())
        .with("TargetDevice/VirtualOpticalTargetDevice", target());
    Shape::default()
        .table(partition::FIELDS)
        .texts(&["APICapable", "IsVNICCapable", "VNICFailOverCapable", "ManagerPassthroughCapable"])
        .with("MediaRepositories", repositories())
        .texts(&["MoverServicePartition", "PagingServicePartition"])
        .with("PhysicalVolumes", volumes())
        .texts(&[
            "SharedStoragePoolCapable",
            "StoragePools",
            "VirtualIOServerLicenseAccepted",
            "VirtualFibreChannelMappings",
        ])
        .list("VirtualSCSIMappings/VirtualSCSIMapping", mapping)
}
