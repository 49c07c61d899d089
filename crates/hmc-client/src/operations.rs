//! A method for each operation.

use crate::client::Client;
use crate::error::Error;
use crate::file::Device;
use hmc_proto::*;
use std::time::Duration;

/// How often a client looks at a job that it waits for.
const LOOK_AT_JOB: Duration = Duration::from_millis(250);

/// A response to another operation than was asked for cannot be: the attempt has compared them.
fn other(operation: Operation) -> Error {
    Error::BadResponse { operation, what: String::from("it is that of another operation") }
}

macro_rules! methods {
    ($($(#[doc = $doc:literal])* $name:ident($($request:ty)?) -> $response:tt $(<$item:ty>)? = $operation:ident;)*) => {
        impl<D: Device> Client<D> {
            $(methods!(one [$(#[doc = $doc])*] $name [$($request)?] [$response $(<$item>)?] $operation);)*
        }

        /// The operations that have a method; the others are those of opening, closing, and the hypervisor's.
        #[cfg(test)]
        const WITH_METHOD: &[Operation] = &[$(Operation::$operation),*];
    };
    (one [$($docs:tt)*] $name:ident [$request:ty] [()] $operation:ident) => {
        $($docs)*
        pub fn $name(&mut self, request: $request) -> Result<(), Error> {
            self.ask(&Request::$operation(request)).map(|_| ())
        }
    };
    (one [$($docs:tt)*] $name:ident [] [$response:ty] $operation:ident) => {
        $($docs)*
        pub fn $name(&mut self) -> Result<$response, Error> {
            match self.ask(&Request::$operation(Nothing {}))? {
                Response::$operation(response) => Ok(response),
                _ => Err(other(Operation::$operation)),
            }
        }
    };
    (one [$($docs:tt)*] $name:ident [$request:ty] [$response:ty] $operation:ident) => {
        $($docs)*
        pub fn $name(&mut self, request: $request) -> Result<$response, Error> {
            match self.ask(&Request::$operation(request))? {
                Response::$operation(response) => Ok(response),
                _ => Err(other(Operation::$operation)),
            }
        }
    };
}

methods! {
    /// Brings the data back.
    echo(Echo) -> Echo = Echo;
    /// The managed system.
    show_system() -> System = ShowSystem;
    /// Renames the managed system.
    change_system(ChangeSystem) -> Changed = ChangeSystem;
    /// Partitions by ID.
    list_partitions(ListAll) -> Page<PartitionSummary> = ListPartitions;
    /// All about one partition.
    show_partition(PartitionId) -> Partition = ShowPartition;
    /// Defines a partition.
    create_partition(CreatePartition) -> PartitionCreated = CreatePartition;
    /// Changes what a partition is to have.
    change_partition(ChangePartition) -> Changed = ChangePartition;
    /// Removes a partition that is off.
    delete_partition(PartitionVersion) -> () = DeletePartition;
    /// What people say about a partition.
    show_description(ShowDescription) -> Description = ShowDescription;
    /// Says something else about a partition.
    set_description(SetDescription) -> Changed = SetDescription;
    /// Gives a partition another name, in any state.
    rename_partition(RenamePartition) -> Changed = RenamePartition;
    /// A partition's profiles by name.
    list_profiles(ListOfPartition) -> Page<Profile> = ListProfiles;
    /// Stores a profile, a new one or in place of the one with its name.
    store_profile(StoreProfile) -> Changed = StoreProfile;
    /// Removes a profile.
    delete_profile(ProfileName) -> Changed = DeleteProfile;
    /// Makes a profile the current configuration of a partition that is off.
    apply_profile(ProfileName) -> Changed = ApplyProfile;
    /// Stores the current configuration under a name.
    save_profile(ProfileName) -> Changed = SaveProfile;
    /// Virtual switches by number.
    list_switches(ListAll) -> Page<Switch> = ListSwitches;
    /// Creates a virtual switch.
    create_switch(CreateSwitch) -> SwitchCreated = CreateSwitch;
    /// Removes a virtual switch that nothing uses.
    delete_switch(DeleteSwitch) -> () = DeleteSwitch;
    /// Changes the mode of a virtual switch.
    change_switch(ChangeSwitch) -> Changed = ChangeSwitch;
    /// Virtual networks by number.
    list_networks(ListAll) -> Page<Network> = ListNetworks;
    /// Creates a virtual network.
    create_network(CreateNetwork) -> NetworkCreated = CreateNetwork;
    /// Removes a virtual network that nothing uses.
    delete_network(DeleteNetwork) -> () = DeleteNetwork;
    /// Physical volumes of a Virtual I/O Server by name.
    list_volumes(ListOfPartition) -> Page<PhysicalVolume> = ListVolumes;
    /// Volume groups of a Virtual I/O Server by name.
    list_groups(ListOfPartition) -> Page<VolumeGroup> = ListGroups;
    /// Creates a volume group of physical volumes.
    create_group(CreateGroup) -> Changed = CreateGroup;
    /// Adds physical volumes to a volume group.
    extend_group(ExtendGroup) -> Changed = ExtendGroup;
    /// Removes a volume group that holds nothing.
    delete_group(GroupName) -> () = DeleteGroup;
    /// Virtual disks of a Virtual I/O Server by name.
    list_disks(ListOfPartition) -> Page<Disk> = ListDisks;
    /// Creates a virtual disk.
    create_disk(CreateDisk) -> Changed = CreateDisk;
    /// Removes a virtual disk that is not mapped.
    delete_disk(StorageName) -> Changed = DeleteDisk;
    /// Makes a virtual disk larger.
    extend_disk(ExtendDisk) -> Changed = ExtendDisk;
    /// Media of a Virtual I/O Server's repository by name.
    list_media(ListOfPartition) -> Page<Media> = ListMedia;
    /// Creates the media repository.
    create_repository(CreateRepository) -> Changed = CreateRepository;
    /// Creates virtual optical media.
    create_media(CreateMedia) -> Changed = CreateMedia;
    /// Removes media that are not mapped.
    delete_media(StorageName) -> Changed = DeleteMedia;
    /// Removes the media repository, which holds nothing.
    delete_repository(OfVios) -> Changed = DeleteRepository;
    /// Mappings of a Virtual I/O Server by target device.
    list_mappings(ListOfPartition) -> Page<Mapping> = ListMappings;
    /// Maps storage to a server adapter.
    create_mapping(CreateMapping) -> MappingCreated = CreateMapping;
    /// Removes a mapping by its target device.
    delete_mapping(StorageName) -> () = DeleteMapping;
    /// Puts a medium into an optical device.
    load_media(LoadMedia) -> Changed = LoadMedia;
    /// Takes the medium out of an optical device.
    unload_media(StorageName) -> Changed = UnloadMedia;
    /// Sets the memory of a partition, running or not.
    set_memory(SetMemory) -> Changed = SetMemory;
    /// Sets the processors of a partition, running or not.
    set_processors(SetProcessors) -> Changed = SetProcessors;
    /// Moves memory from one running partition to another.
    move_memory(MoveMemory) -> Changed = MoveMemory;
    /// Takes from a partition that is off what it has kept.
    release_resources(PartitionVersion) -> Changed = ReleaseResources;
    /// The virtual slots of a partition that are taken.
    list_slots(ListOfPartition) -> Page<Slot> = ListSlots;
    /// Ethernet adapters of a partition by slot.
    list_ethernet(ListOfPartition) -> Page<Ethernet> = ListEthernet;
    /// Adds an Ethernet adapter.
    add_ethernet(AddEthernet) -> EthernetAdded = AddEthernet;
    /// Changes an Ethernet adapter.
    change_ethernet(ChangeEthernet) -> Changed = ChangeEthernet;
    /// Removes an Ethernet adapter.
    remove_ethernet(RemoveAdapter) -> () = RemoveEthernet;
    /// Virtual SCSI adapters of a partition by slot.
    list_scsi(ListOfPartition) -> Page<Scsi> = ListScsi;
    /// Makes a pair of virtual SCSI adapters.
    add_scsi(AddScsi) -> ScsiAdded = AddScsi;
    /// Removes a pair of virtual SCSI adapters by its server's end.
    remove_scsi(RemoveAdapter) -> () = RemoveScsi;
    /// Starts a partition.
    power_on(PowerOn) -> JobStarted = PowerOn;
    /// Stops a partition.
    power_off(PowerOff) -> JobStarted = PowerOff;
    /// Stops a partition and starts it again.
    restart(PowerOff) -> JobStarted = Restart;
    /// Starts the system.
    system_on(SystemOn) -> JobStarted = SystemOn;
    /// Stops the system, and starts it again if so asked.
    system_off(SystemOff) -> JobStarted = SystemOff;
    /// What a partition does.
    show_status(PartitionId) -> Status = ShowStatus;
    /// Reference codes of a partition, the newest first.
    list_reference_codes(ListOfPartition) -> Page<ReferenceCode> = ListReferenceCodes;
    /// A job.
    show_job(JobNumber) -> Job = ShowJob;
    /// Jobs by number.
    list_jobs(ListAll) -> Page<Job> = ListJobs;
    /// Cancels a job.
    cancel_job(JobNumber) -> () = CancelJob;
    /// Forgets a job that is over.
    delete_job(JobNumber) -> () = DeleteJob;
    /// Opens the virtual terminal of a partition.
    open_terminal(PartitionVersion) -> Changed = OpenTerminal;
    /// Closes the virtual terminal of a partition.
    close_terminal(PartitionVersion) -> Changed = CloseTerminal;
    /// The outcome of a change, by its token.
    query_outcome(QueryOutcome) -> Outcome = QueryOutcome;
}

macro_rules! lists {
    (system: $($(#[doc = $doc:literal])* $name:ident: $item:ty = $list:ident;)*) => {
        impl<D: Device> Client<D> {
            $($(#[doc = $doc])*
            pub fn $name(&mut self) -> Result<Vec<$item>, Error> {
                self.pages(|client, after| client.$list(ListAll { after }))
            })*
        }
    };
    (partition: $($(#[doc = $doc:literal])* $name:ident: $item:ty = $list:ident;)*) => {
        impl<D: Device> Client<D> {
            $($(#[doc = $doc])*
            pub fn $name(&mut self, partition: u16) -> Result<Vec<$item>, Error> {
                self.pages(|client, after| client.$list(ListOfPartition { partition, after }))
            })*
        }
    };
}

lists! { system:
    /// Partitions by ID: every page.
    all_partitions: PartitionSummary = list_partitions;
    /// Virtual switches by number: every page.
    all_switches: Switch = list_switches;
    /// Virtual networks by number: every page.
    all_networks: Network = list_networks;
    /// Jobs by number: every page.
    all_jobs: Job = list_jobs;
}

lists! { partition:
    /// A partition's profiles by name: every page.
    all_profiles: Profile = list_profiles;
    /// Physical volumes of a Virtual I/O Server by name: every page.
    all_volumes: PhysicalVolume = list_volumes;
    /// Volume groups of a Virtual I/O Server by name: every page.
    all_groups: VolumeGroup = list_groups;
    /// Virtual disks of a Virtual I/O Server by name: every page.
    all_disks: Disk = list_disks;
    /// Media of a Virtual I/O Server's repository by name: every page.
    all_media: Media = list_media;
    /// Mappings of a Virtual I/O Server by target device: every page.
    all_mappings: Mapping = list_mappings;
    /// The virtual slots of a partition that are taken: every page.
    all_slots: Slot = list_slots;
    /// Ethernet adapters of a partition by slot: every page.
    all_ethernet: Ethernet = list_ethernet;
    /// Virtual SCSI adapters of a partition by slot: every page.
    all_scsi: Scsi = list_scsi;
    /// Reference codes of a partition, the newest first: every page.
    all_reference_codes: ReferenceCode = list_reference_codes;
}

impl<D: Device> Client<D> {
    /// Asks for events from now on.
    pub fn subscribe(&mut self) -> Result<Subscribed, Error> {
        match self.ask(&Request::Subscribe(Nothing {}))? {
            Response::Subscribe(subscribed) => {
                self.events.begin(subscribed.last);
                Ok(subscribed)
            }
            _ => Err(other(Operation::Subscribe)),
        }
    }

    /// Ends the session.
    pub fn close(mut self) -> Result<(), Error> {
        self.ask(&Request::Close(Nothing {})).map(|_| ())
    }

    /// A job when it is over, or as it is after so long.
    pub fn wait_for_job(&mut self, job: u64, patience: Duration) -> Result<Job, Error> {
        let until = self.now().saturating_add(patience);
        loop {
            let shown = self.show_job(JobNumber { job })?;
            let left = until.saturating_sub(self.now());
            if shown.state != JobState::Running || left == Duration::ZERO {
                return Ok(shown);
            }
            self.sleep(left.min(LOOK_AT_JOB))?;
        }
    }

    /// Every entry of a list.
    fn pages<T>(
        &mut self,
        mut page: impl FnMut(&mut Client<D>, Bytes) -> Result<Page<T>, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let mut after = Bytes::default();
        loop {
            let Page { next, entries } = page(self, after)?;
            all.extend(entries);
            if next.0.is_empty() {
                return Ok(all);
            }
            after = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_method() {
        let without: Vec<_> =
            Operation::ALL.iter().filter(|operation| !WITH_METHOD.contains(operation)).collect();
        let expected = [
            Operation::ExchangeOperations,
            Operation::Close,
            Operation::Subscribe,
            Operation::Event,
        ];
        assert_eq!(without, expected.iter().collect::<Vec<_>>());
    }
}
