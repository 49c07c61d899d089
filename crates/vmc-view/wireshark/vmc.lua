-- Dissector for traces of a Virtual Management Channel, as `cargo xtask trace NAME --to pcapng` writes them.
-- Installed by: install -D -t ~/.local/lib/wireshark/plugins crates/vmc-view/wireshark/vmc.lua
-- The packets' form is documented in crates/vmc-view/src/pcapng.rs; fields of messages are named as in LoPAR.

local vmc = Proto("vmc", "Virtual Management Channel")

local kinds = { [0] = "entry", [1] = "entry taken", [2] = "hypervisor call", [3] = "RDMA", [4] = "event", [5] = "violation" }
local directions = { [0] = "none", [1] = "to hyp", [2] = "to mgmt" }
local headers = { [0x00] = "free", [0x80] = "command/response", [0xC0] = "initialization", [0xFF] = "transport event" }
local inits = { [1] = "CRQ INIT", [2] = "CRQ INIT COMPLETE" }
local transport = {
  [1] = "partner failed", [2] = "partner deregistered", [4] = "partner terminated by request",
  [6] = "partner suspended", [9] = "prepare for client adapter suspend", [10] = "client adapter resume",
}
local types = {
  [0x01] = "CAPABILITIES", [0x81] = "CAPABILITIES RESPONSE", [0x02] = "INTERFACE OPEN", [0x82] = "INTERFACE OPEN RESPONSE",
  [0x03] = "INTERFACE CLOSE", [0x83] = "INTERFACE CLOSE RESPONSE", [0x04] = "ADD BUFFER", [0x84] = "ADD BUFFER RESPONSE",
  [0x05] = "REMOVE BUFFER", [0x85] = "REMOVE BUFFER RESPONSE", [0x06] = "SIGNAL",
}
local owners = { [0] = "mgmt", [1] = "hyp" }

-- Names, and HMC commands inside payloads. What stands between the marks is printed by
-- `cargo run -p vmc-view --example dissector_tables`, and a test compares it.
-- tables: begin
local hcalls = {
  [0x001c] = "H_GET_TCE",
  [0x0020] = "H_PUT_TCE",
  [0x0064] = "H_EOI",
  [0x0074] = "H_XIRR",
  [0x00fc] = "H_REG_CRQ",
  [0x0100] = "H_FREE_CRQ",
  [0x0104] = "H_VIO_SIGNAL",
  [0x0108] = "H_SEND_CRQ",
  [0x0110] = "H_COPY_RDMA",
  [0x0138] = "H_STUFF_TCE",
  [0x013c] = "H_PUT_TCE_INDIRECT",
  [0x02b0] = "H_ENABLE_CRQ",
  [0x0360] = "H_REQUEST_VMC",
}
local return_codes = {
  ["0"] = "H_Success",
  ["1"] = "H_Busy",
  ["2"] = "H_Closed",
  ["3"] = "H_Not_Available",
  ["4"] = "H_Constrained",
  ["5"] = "H_Partial",
  ["14"] = "H_IN_PROGRESS",
  ["15"] = "H_PAGE_REGISTERED",
  ["16"] = "H_PARTIAL_STORE",
  ["17"] = "H_PENDING",
  ["18"] = "H_CONTINUE",
  ["9900"] = "H_LongBusyOrder1mSec",
  ["9901"] = "H_LongBusyOrder10mSec",
  ["9902"] = "H_LongBusyOrder100mSec",
  ["9903"] = "H_LongBusyOrder1Sec",
  ["9904"] = "H_LongBusyOrder10Sec",
  ["9905"] = "H_LongBusyOrder100Sec",
  ["-1"] = "H_Hardware",
  ["-2"] = "H_Function",
  ["-3"] = "H_Privilege",
  ["-4"] = "H_Parameter",
  ["-6"] = "H_PTEG_FULL",
  ["-7"] = "H_Not_Found",
  ["-8"] = "H_RESERVED_DABR",
  ["-9"] = "H_NOMEM",
  ["-10"] = "H_Authority",
  ["-11"] = "H_Permission",
  ["-12"] = "H_Dropped",
  ["-13"] = "H_S_Parm",
  ["-14"] = "H_D_Parm",
  ["-15"] = "H_R_Parm",
  ["-16"] = "H_Resource",
  ["-17"] = "H_ADAPTER_PARM",
  ["-18"] = "H_RH_PARM",
  ["-19"] = "H_RCQ_PARM",
  ["-20"] = "H_SCQ_PARM",
  ["-57"] = "H_P4",
}
-- By profile and message.
local statuses = {
  [0] = {
    [0x81] = { [0] = "success", [1] = "general failure", [2] = "invalid version" },
    [0x82] = { [0] = "success", [1] = "general failure" },
    [0x83] = { [0] = "success", [1] = "general failure" },
    [0x84] = { [0] = "success", [1] = "general failure", [2] = "invalid HMC index", [3] = "invalid buffer ID", [4] = "HMC connection has closed" },
    [0x85] = { [0] = "success", [1] = "general failure", [2] = "invalid HMC index", [3] = "no buffer found" },
  },
  [1] = {
    [0x81] = { [0] = "success", [1] = "general failure", [2] = "invalid version" },
    [0x82] = { [0] = "success", [1] = "general failure" },
    [0x83] = { [0] = "success", [1] = "general failure" },
    [0x84] = { [0] = "success", [1] = "invalid HMC index", [2] = "invalid buffer ID", [3] = "HMC connection closed", [4] = "interface failure", [5] = "no buffer" },
    [0x85] = { [0] = "success", [1] = "invalid HMC index", [2] = "invalid buffer ID", [3] = "HMC connection closed", [4] = "interface failure", [5] = "no buffer" },
  },
}
local hmc_targets = {
  [0x8000] = "command router",
  [0x8001] = "partition configuration",
  [0x8002] = "dynamic partitioning",
  [0x8003] = "virtual service processor",
}
local hmc_codes = {
  [0x0000] = "good",
  [0x8001] = "invalid opcode",
  [0x8002] = "no such object",
  [0x8003] = "invalid data",
  [0x8004] = "invalid sequence",
  [0x8006] = "generic error",
  [0x8007] = "cancelled by time-out",
  [0x8020] = "no buffer",
  [0x8021] = "invalid HMC index",
  [0x8022] = "size out of bounds",
  [0x8023] = "invalid target",
  [0x8024] = "invalid category",
  [0x8025] = "rejected, this HMC is being terminated",
  [0x8026] = "command path closed by the HMC",
  [0x8027] = "an event could not be bound",
  [0x8028] = "invalid state of the session",
  [0x8029] = "session mismatch",
  [0x802a] = "invalid HMC instance",
  [0x802b] = "this HMC index is already open",
  [0x802c] = "invalid buffer id",
  [0x802d] = "invalid response",
  [0x802e] = "invalid synchronous request",
}
-- By target and opcode: the name, what a request and what a response holds.
local hmc_operations = {
  [0x80000001] = { "EXCHANGE OPERATIONS", "ExchangeOperations", "OperationsExchanged" },
  [0x80000002] = { "CLOSE", "Nothing", "Nothing" },
  [0x80000103] = { "ECHO", "Echo", "Echo" },
  [0x80010001] = { "SHOW SYSTEM", "Nothing", "System" },
  [0x80010002] = { "CHANGE SYSTEM", "ChangeSystem", "Changed" },
  [0x80010010] = { "LIST PARTITIONS", "ListAll", "page of PartitionSummary" },
  [0x80010011] = { "SHOW PARTITION", "PartitionId", "Partition" },
  [0x80010012] = { "CREATE PARTITION", "CreatePartition", "PartitionCreated" },
  [0x80010013] = { "CHANGE PARTITION", "ChangePartition", "Changed" },
  [0x80010014] = { "DELETE PARTITION", "PartitionVersion", "Nothing" },
  [0x80010015] = { "SHOW DESCRIPTION", "ShowDescription", "Description" },
  [0x80010016] = { "SET DESCRIPTION", "SetDescription", "Changed" },
  [0x80010017] = { "RENAME PARTITION", "RenamePartition", "Changed" },
  [0x80010020] = { "LIST PROFILES", "ListOfPartition", "page of Profile" },
  [0x80010021] = { "STORE PROFILE", "StoreProfile", "Changed" },
  [0x80010022] = { "DELETE PROFILE", "ProfileName", "Changed" },
  [0x80010023] = { "APPLY PROFILE", "ProfileName", "Changed" },
  [0x80010024] = { "SAVE PROFILE", "ProfileName", "Changed" },
  [0x80010030] = { "LIST SWITCHES", "ListAll", "page of Switch" },
  [0x80010031] = { "CREATE SWITCH", "CreateSwitch", "SwitchCreated" },
  [0x80010032] = { "DELETE SWITCH", "DeleteSwitch", "Nothing" },
  [0x80010033] = { "CHANGE SWITCH", "ChangeSwitch", "Changed" },
  [0x80010038] = { "LIST NETWORKS", "ListAll", "page of Network" },
  [0x80010039] = { "CREATE NETWORK", "CreateNetwork", "NetworkCreated" },
  [0x8001003a] = { "DELETE NETWORK", "DeleteNetwork", "Nothing" },
  [0x80010040] = { "LIST VOLUMES", "ListOfPartition", "page of PhysicalVolume" },
  [0x80010041] = { "LIST GROUPS", "ListOfPartition", "page of VolumeGroup" },
  [0x80010042] = { "CREATE GROUP", "CreateGroup", "Changed" },
  [0x80010043] = { "EXTEND GROUP", "ExtendGroup", "Changed" },
  [0x80010044] = { "DELETE GROUP", "GroupName", "Nothing" },
  [0x80010048] = { "LIST DISKS", "ListOfPartition", "page of Disk" },
  [0x80010049] = { "CREATE DISK", "CreateDisk", "Changed" },
  [0x8001004a] = { "DELETE DISK", "StorageName", "Changed" },
  [0x8001004b] = { "EXTEND DISK", "ExtendDisk", "Changed" },
  [0x80010050] = { "LIST MEDIA", "ListOfPartition", "page of Media" },
  [0x80010051] = { "CREATE REPOSITORY", "CreateRepository", "Changed" },
  [0x80010052] = { "CREATE MEDIA", "CreateMedia", "Changed" },
  [0x80010053] = { "DELETE MEDIA", "StorageName", "Changed" },
  [0x80010054] = { "DELETE REPOSITORY", "OfVios", "Changed" },
  [0x80010058] = { "LIST MAPPINGS", "ListOfPartition", "page of Mapping" },
  [0x80010059] = { "CREATE MAPPING", "CreateMapping", "MappingCreated" },
  [0x8001005a] = { "DELETE MAPPING", "StorageName", "Nothing" },
  [0x8001005b] = { "LOAD MEDIA", "LoadMedia", "Changed" },
  [0x8001005c] = { "UNLOAD MEDIA", "StorageName", "Changed" },
  [0x80020001] = { "SET MEMORY", "SetMemory", "Changed" },
  [0x80020002] = { "SET PROCESSORS", "SetProcessors", "Changed" },
  [0x80020003] = { "MOVE MEMORY", "MoveMemory", "Changed" },
  [0x80020004] = { "RELEASE RESOURCES", "PartitionVersion", "Changed" },
  [0x80020010] = { "LIST SLOTS", "ListOfPartition", "page of Slot" },
  [0x80020018] = { "LIST ETHERNET", "ListOfPartition", "page of Ethernet" },
  [0x80020019] = { "ADD ETHERNET", "AddEthernet", "EthernetAdded" },
  [0x8002001a] = { "CHANGE ETHERNET", "ChangeEthernet", "Changed" },
  [0x8002001b] = { "REMOVE ETHERNET", "RemoveAdapter", "Nothing" },
  [0x80020020] = { "LIST SCSI", "ListOfPartition", "page of Scsi" },
  [0x80020021] = { "ADD SCSI", "AddScsi", "ScsiAdded" },
  [0x80020022] = { "REMOVE SCSI", "RemoveAdapter", "Nothing" },
  [0x80030001] = { "POWER ON", "PowerOn", "JobStarted" },
  [0x80030002] = { "POWER OFF", "PowerOff", "JobStarted" },
  [0x80030003] = { "RESTART", "PowerOff", "JobStarted" },
  [0x80030008] = { "SYSTEM ON", "SystemOn", "JobStarted" },
  [0x80030009] = { "SYSTEM OFF", "SystemOff", "JobStarted" },
  [0x80030010] = { "SHOW STATUS", "PartitionId", "Status" },
  [0x80030011] = { "LIST REFERENCE CODES", "ListOfPartition", "page of ReferenceCode" },
  [0x80030018] = { "SHOW JOB", "JobNumber", "Job" },
  [0x80030019] = { "LIST JOBS", "ListAll", "page of Job" },
  [0x8003001a] = { "CANCEL JOB", "JobNumber", "Nothing" },
  [0x8003001b] = { "DELETE JOB", "JobNumber", "Nothing" },
  [0x80030020] = { "SUBSCRIBE", "Nothing", "Subscribed" },
  [0x80030021] = { "EVENT", "Event", "Nothing" },
  [0x80030028] = { "OPEN TERMINAL", "PartitionVersion", "Changed" },
  [0x80030029] = { "CLOSE TERMINAL", "PartitionVersion", "Changed" },
  [0x80030030] = { "QUERY OUTCOME", "QueryOutcome", "Outcome" },
}
-- Fields by name and shape, in their order.
local hmc_records = {
  ExchangeOperations = { { "reserved", "u8" }, { "version", "u8" }, { "resume", "u32" } },
  TargetOperations = { { "target", "u16" }, { "opcodes", "list of u16" } },
  OperationsExchanged = { { "reserved", "u8" }, { "version", "u8" }, { "session", "u32" }, { "mtu", "u32" }, { "operations", "list of TargetOperations" } },
  Nothing = {  },
  Echo = { { "data", "rest" } },
  SystemMemory = { { "installed_mb", "u32" }, { "configurable_mb", "u32" }, { "available_mb", "u32" }, { "hypervisor_mb", "u32" }, { "lmb_mb", "u32" } },
  SystemProcessors = { { "installed_units", "u32" }, { "configurable_units", "u32" }, { "available_units", "u32" }, { "min_units_per_processor", "u16" }, { "max_per_partition", "u16" } },
  System = { { "version", "u64" }, { "name", "text" }, { "machine_type", "text" }, { "model", "text" }, { "serial", "text" }, { "firmware", "text" }, { "state", "SystemState" }, { "memory", "SystemMemory" }, { "processors", "SystemProcessors" }, { "max_partitions", "u16" }, { "partitions", "u16" }, { "last_event", "u64" } },
  ChangeSystem = { { "version", "u64?" }, { "name", "text" } },
  Changed = { { "version", "u64" } },
  ListAll = { { "after", "bytes" } },
  PartitionSummary = { { "id", "u16" }, { "version", "u64" }, { "name", "text" }, { "kind", "PartitionType" }, { "state", "PartitionState" }, { "rmc", "RmcState" }, { "reference_code", "text" }, { "memory_mb", "u32" }, { "processors", "u16" }, { "units", "u32" } },
  PartitionId = { { "id", "u16" } },
  Memory = { { "min_mb", "u32" }, { "desired_mb", "u32" }, { "max_mb", "u32" } },
  Processors = { { "mode", "ProcessorMode" }, { "sharing", "SharingMode" }, { "weight", "u8" }, { "pool", "u16" }, { "min", "u16" }, { "desired", "u16" }, { "max", "u16" }, { "min_units", "u32" }, { "desired_units", "u32" }, { "max_units", "u32" } },
  Configuration = { { "memory", "Memory" }, { "processors", "Processors" }, { "max_slots", "u16" }, { "availability", "u8" }, { "boot_mode", "BootMode" }, { "keylock", "Keylock" }, { "auto_start", "bool" }, { "compatibility", "text" }, { "page_table_ratio", "u8" }, { "secure_boot", "u8" } },
  Partition = { { "id", "u16" }, { "uuid", "16 bytes" }, { "version", "u64" }, { "name", "text" }, { "kind", "PartitionType" }, { "os", "OperatingSystem" }, { "configuration", "Configuration" }, { "state", "PartitionState" }, { "rmc", "RmcState" }, { "reference_code", "text" }, { "uptime_s", "u64" }, { "memory_mb", "u32" }, { "processors", "u16" }, { "units", "u32" }, { "management", "bool" }, { "physical_boot_device", "bool" }, { "terminal_open", "bool" }, { "job", "u64?" }, { "profile", "text?" } },
  CreatePartition = { { "name", "text" }, { "kind", "PartitionType" }, { "os", "OperatingSystem?" }, { "configuration", "Configuration" }, { "physical_boot_device", "bool" }, { "profile", "text?" }, { "id", "u16?" }, { "uuid", "16 bytes?" } },
  PartitionCreated = { { "id", "u16" }, { "uuid", "16 bytes" }, { "version", "u64" } },
  ChangePartition = { { "id", "u16" }, { "version", "u64?" }, { "memory", "Memory?" }, { "processors", "Processors?" }, { "max_slots", "u16?" }, { "availability", "u8?" }, { "boot_mode", "BootMode?" }, { "keylock", "Keylock?" }, { "auto_start", "bool?" }, { "compatibility", "text?" }, { "page_table_ratio", "u8?" }, { "secure_boot", "u8?" } },
  PartitionVersion = { { "id", "u16" }, { "version", "u64?" } },
  ShowDescription = { { "id", "u16" }, { "from", "u16" } },
  Description = { { "version", "u64" }, { "next", "u16" }, { "text", "text" } },
  SetDescription = { { "id", "u16" }, { "version", "u64?" }, { "text", "text" } },
  RenamePartition = { { "id", "u16" }, { "version", "u64?" }, { "name", "text" } },
  ListOfPartition = { { "partition", "u16" }, { "after", "bytes" } },
  Profile = { { "name", "text" }, { "configuration", "Configuration" } },
  StoreProfile = { { "partition", "u16" }, { "version", "u64?" }, { "profile", "Profile" } },
  ProfileName = { { "partition", "u16" }, { "version", "u64?" }, { "name", "text" } },
  Switch = { { "id", "u16" }, { "version", "u64" }, { "name", "text" }, { "mode", "SwitchMode" }, { "ports", "u32" } },
  CreateSwitch = { { "name", "text" }, { "mode", "SwitchMode" } },
  SwitchCreated = { { "id", "u16" }, { "version", "u64" } },
  DeleteSwitch = { { "id", "u16" }, { "version", "u64?" } },
  ChangeSwitch = { { "id", "u16" }, { "version", "u64?" }, { "mode", "SwitchMode" } },
  Network = { { "id", "u32" }, { "version", "u64" }, { "name", "text" }, { "switch", "u16" }, { "vlan", "u16" }, { "tagged", "bool" }, { "created", "bool" }, { "ports", "u32" } },
  CreateNetwork = { { "name", "text" }, { "switch", "u16" }, { "vlan", "u16" }, { "tagged", "bool" } },
  NetworkCreated = { { "id", "u32" }, { "version", "u64" } },
  DeleteNetwork = { { "id", "u32" }, { "version", "u64?" } },
  PhysicalVolume = { { "name", "text" }, { "size_mb", "u64" }, { "group", "text?" }, { "target", "text?" } },
  VolumeGroup = { { "name", "text" }, { "size_mb", "u64" }, { "free_mb", "u64" }, { "version", "u64" }, { "disks", "u32" }, { "has_repository", "bool" } },
  CreateGroup = { { "vios", "u16" }, { "version", "u64?" }, { "group", "text" }, { "volumes", "list of text" } },
  ExtendGroup = { { "vios", "u16" }, { "version", "u64?" }, { "group", "text" }, { "volumes", "list of text" } },
  GroupName = { { "vios", "u16" }, { "version", "u64?" }, { "group", "text" } },
  Disk = { { "name", "text" }, { "group", "text" }, { "size_mb", "u64" }, { "target", "text?" } },
  CreateDisk = { { "vios", "u16" }, { "version", "u64?" }, { "group", "text" }, { "name", "text" }, { "size_mb", "u64" } },
  StorageName = { { "vios", "u16" }, { "version", "u64?" }, { "name", "text" } },
  ExtendDisk = { { "vios", "u16" }, { "version", "u64?" }, { "name", "text" }, { "size_mb", "u64" } },
  Media = { { "name", "text" }, { "size_mb", "u64" }, { "read_only", "bool" }, { "loaded", "u32" } },
  CreateRepository = { { "vios", "u16" }, { "version", "u64?" }, { "group", "text" }, { "size_mb", "u64" } },
  CreateMedia = { { "vios", "u16" }, { "version", "u64?" }, { "name", "text" }, { "size_mb", "u64" }, { "read_only", "bool" } },
  OfVios = { { "vios", "u16" }, { "version", "u64?" } },
  Mapping = { { "target", "text" }, { "server_slot", "u16" }, { "client", "u16" }, { "client_slot", "u16" }, { "lua", "u64" }, { "kind", "BackingKind" }, { "backing", "text?" } },
  CreateMapping = { { "vios", "u16" }, { "version", "u64?" }, { "server_slot", "u16" }, { "kind", "BackingKind" }, { "backing", "text?" }, { "target", "text?" } },
  MappingCreated = { { "target", "text" }, { "version", "u64" } },
  LoadMedia = { { "vios", "u16" }, { "version", "u64?" }, { "target", "text" }, { "medium", "text" } },
  SetMemory = { { "partition", "u16" }, { "version", "u64?" }, { "mb", "u32" } },
  SetProcessors = { { "partition", "u16" }, { "version", "u64?" }, { "processors", "u16" }, { "units", "u32" }, { "weight", "u8?" } },
  MoveMemory = { { "from", "u16" }, { "version", "u64?" }, { "to", "u16" }, { "mb", "u32" } },
  Slot = { { "slot", "u16" }, { "kind", "SlotKind" } },
  Ethernet = { { "partition", "u16" }, { "slot", "u16" }, { "version", "u64" }, { "mac", "6 bytes" }, { "switch", "u16" }, { "vlan", "u16" }, { "ieee", "bool" }, { "additional", "list of u16" }, { "trunk_priority", "u8" } },
  AddEthernet = { { "partition", "u16" }, { "slot", "u16?" }, { "highest", "bool" }, { "version", "u64?" }, { "mac", "6 bytes?" }, { "switch", "u16" }, { "vlan", "u16" }, { "ieee", "bool" }, { "additional", "list of u16" }, { "trunk_priority", "u8" } },
  EthernetAdded = { { "slot", "u16" }, { "mac", "6 bytes" }, { "version", "u64" } },
  ChangeEthernet = { { "partition", "u16" }, { "slot", "u16" }, { "version", "u64?" }, { "mac", "6 bytes?" }, { "switch", "u16" }, { "vlan", "u16" }, { "ieee", "bool" }, { "additional", "list of u16" }, { "trunk_priority", "u8" } },
  RemoveAdapter = { { "partition", "u16" }, { "slot", "u16" }, { "version", "u64?" } },
  Scsi = { { "slot", "u16" }, { "version", "u64" }, { "side", "AdapterSide" }, { "remote_partition", "u16" }, { "remote_slot", "u16" } },
  AddScsi = { { "vios", "u16" }, { "version", "u64?" }, { "server_slot", "u16?" }, { "client", "u16" }, { "client_slot", "u16?" }, { "highest", "bool" } },
  ScsiAdded = { { "server_slot", "u16" }, { "client_slot", "u16" }, { "version", "u64" } },
  PowerOn = { { "id", "u16" }, { "version", "u64?" }, { "profile", "text?" }, { "boot_mode", "BootMode?" } },
  JobStarted = { { "job", "u64" } },
  PowerOff = { { "id", "u16" }, { "version", "u64?" }, { "stop", "Stop" } },
  SystemOn = { { "standby", "bool" } },
  SystemOff = { { "immediate", "bool" }, { "restart", "bool" } },
  Status = { { "id", "u16" }, { "version", "u64" }, { "state", "PartitionState" }, { "rmc", "RmcState" }, { "reference_code", "text" }, { "uptime_s", "u64" } },
  ReferenceCode = { { "at_ns", "u64" }, { "code", "text" }, { "word2", "u32" } },
  JobNumber = { { "job", "u64" } },
  Refusal = { { "code", "text" }, { "text", "text" } },
  Job = { { "job", "u64" }, { "kind", "JobKind" }, { "partition", "u16" }, { "state", "JobState" }, { "started_ns", "u64" }, { "ended_ns", "u64?" }, { "failure", "Refusal?" } },
  Subscribed = { { "last", "u64" } },
  StateChange = { { "from", "text" }, { "to", "text" } },
  Event = { { "number", "u64" }, { "at_ns", "u64" }, { "kind", "EventKind" }, { "lost", "u64" }, { "object", "ObjectKind" }, { "partition", "u16" }, { "id", "u64" }, { "name", "text" }, { "properties", "list of Property" }, { "state", "StateChange?" } },
  QueryOutcome = { { "token", "u32" } },
  Outcome = { { "state", "OutcomeState" }, { "target", "u16" }, { "opcode", "u16" }, { "return_code", "u16" }, { "data", "bytes" } },
}
-- One of a few values, of one byte.
local hmc_values = {
  SystemState = { [0] = "power off", [1] = "initializing", [2] = "standby", [3] = "operating", [4] = "powering off", [5] = "error" },
  PartitionType = { [1] = "AIX/Linux", [2] = "Virtual IO Server", [3] = "OS400" },
  PartitionState = { [0] = "not activated", [1] = "starting", [2] = "running", [3] = "open firmware", [4] = "shutting down", [5] = "error", [6] = "not available" },
  RmcState = { [0] = "none", [1] = "inactive", [2] = "active", [3] = "busy", [4] = "unknown" },
  OperatingSystem = { [1] = "AIX", [2] = "Linux", [3] = "VIOS", [4] = "IBM i" },
  ProcessorMode = { [0] = "dedicated", [1] = "shared" },
  SharingMode = { [0] = "capped", [1] = "uncapped", [2] = "keep idle procs", [3] = "sre idle proces", [4] = "sre idle procs active", [5] = "sre idle procs always" },
  BootMode = { [0] = "normal", [1] = "sms", [2] = "diagnostic default", [3] = "diagnostic stored", [4] = "open firmware" },
  Keylock = { [0] = "normal", [1] = "manual" },
  SwitchMode = { [0] = "VEB", [1] = "VEPA" },
  BackingKind = { [0] = "disk", [1] = "volume", [2] = "optical" },
  SlotKind = { [0] = "serial", [1] = "eth", [2] = "scsi" },
  AdapterSide = { [0] = "client", [1] = "server" },
  Stop = { [0] = "osshutdown", [1] = "osshutdown immediate", [2] = "shutdown", [3] = "shutdown immediate", [4] = "dumprestart" },
  JobKind = { [0] = "power on", [1] = "power off", [2] = "restart", [3] = "system on", [4] = "system off", [5] = "system restart" },
  JobState = { [0] = "running", [1] = "done", [2] = "failed", [3] = "cancelled" },
  EventKind = { [0] = "added", [1] = "changed", [2] = "removed", [3] = "overflow" },
  ObjectKind = { [0] = "system", [1] = "partition", [2] = "switch", [3] = "network", [4] = "ethernet", [5] = "scsi", [6] = "volume group", [7] = "job" },
  Property = { [0] = "name", [1] = "state", [2] = "rmc", [3] = "reference code", [4] = "configuration", [5] = "assignment", [6] = "profiles", [7] = "adapters", [8] = "storage", [9] = "terminal", [10] = "job" },
  OutcomeState = { [0] = "unknown", [1] = "answered" },
}
local HMC_REFUSAL = "Refusal"
-- tables: end

local f = {
  kind = ProtoField.uint8("vmc.kind", "Kind", base.DEC, kinds),
  direction = ProtoField.uint8("vmc.direction", "Direction", base.DEC, directions),
  seq = ProtoField.uint64("vmc.seq", "Event number"),
  element = ProtoField.uint32("vmc.element", "Element of the queue"),
  entry = ProtoField.bytes("vmc.entry", "Entry"),
  header = ProtoField.uint8("vmc.header", "Header", base.HEX, headers),
  init = ProtoField.uint8("vmc.init", "Initialization", base.HEX, inits),
  transport = ProtoField.uint8("vmc.transport_event", "Transport event", base.HEX, transport),
  type = ProtoField.uint8("vmc.type", "Type", base.HEX, types),
  status = ProtoField.uint8("vmc.status", "Status"),
  status_text = ProtoField.string("vmc.status_text", "Meaning of the status"),
  owner = ProtoField.uint8("vmc.owner", "Owner", base.DEC, owners),
  hmc_session = ProtoField.uint8("vmc.hmc_session", "HMC session"),
  hmc_index = ProtoField.uint8("vmc.hmc_index", "HMC index"),
  buffer_id = ProtoField.uint16("vmc.buffer_id", "Buffer ID"),
  buffer_lioba = ProtoField.uint32("vmc.buffer_lioba", "Buffer LIOBA", base.HEX),
  length = ProtoField.uint32("vmc.length", "Message length"),
  hmcs = ProtoField.uint8("vmc.hmcs", "HMC connections"),
  pool_size = ProtoField.uint16("vmc.pool_size", "Pool size"),
  mtu = ProtoField.uint32("vmc.mtu", "MTU"),
  crq_size = ProtoField.uint16("vmc.crq_size", "CRQ size"),
  version = ProtoField.uint16("vmc.version", "Version", base.HEX),
  opcode = ProtoField.uint64("vmc.opcode", "Opcode (R3)", base.HEX),
  hcall = ProtoField.string("vmc.hcall", "Hypervisor call"),
  argument = ProtoField.uint64("vmc.argument", "Argument", base.HEX),
  code = ProtoField.int64("vmc.code", "Return code (R3)"),
  code_name = ProtoField.string("vmc.code_name", "Name of the return code"),
  r4 = ProtoField.uint64("vmc.r4", "R4", base.HEX),
  bytes = ProtoField.uint64("vmc.bytes", "Bytes copied"),
  source = ProtoField.uint64("vmc.source", "Source address", base.HEX),
  destination = ProtoField.uint64("vmc.destination", "Destination address", base.HEX),
  digest = ProtoField.uint32("vmc.digest", "Digest", base.HEX),
  payload = ProtoField.bytes("vmc.payload", "Payload"),
  text = ProtoField.string("vmc.text", "Text"),
  why = ProtoField.string("vmc.why", "Why"),
  hmc = ProtoField.bytes("vmc.hmc", "HMC command"),
  hmc_operation = ProtoField.string("vmc.hmc.operation", "Operation"),
  hmc_kind = ProtoField.string("vmc.hmc.kind", "Kind"),
  hmc_token = ProtoField.uint32("vmc.hmc.token", "Token"),
  hmc_target = ProtoField.uint16("vmc.hmc.target", "Target", base.HEX, hmc_targets),
  hmc_flags = ProtoField.uint8("vmc.hmc.flags", "Flags", base.HEX),
  hmc_opcode = ProtoField.uint16("vmc.hmc.opcode", "Opcode", base.HEX),
  hmc_return_code = ProtoField.uint16("vmc.hmc.return_code", "Return code", base.HEX, hmc_codes),
  hmc_message_length = ProtoField.uint32("vmc.hmc.message_length", "Message length"),
  hmc_data_length = ProtoField.uint32("vmc.hmc.data_length", "Data length"),
  hmc_field = ProtoField.string("vmc.hmc.field", "Field"),
  response_in = ProtoField.framenum("vmc.response_in", "Response in", base.NONE, frametype.RESPONSE),
  request_in = ProtoField.framenum("vmc.request_in", "Request in", base.NONE, frametype.REQUEST),
}
vmc.fields = f

local bad_status = ProtoExpert.new("vmc.status.failure", "Status other than success", expert.group.RESPONSE_CODE, expert.severity.WARN)
local bad_code = ProtoExpert.new("vmc.code.failure", "The hypervisor call returned something other than H_Success", expert.group.RESPONSE_CODE, expert.severity.NOTE)
local failed = ProtoExpert.new("vmc.call.failure", "The call of an application failed", expert.group.RESPONSE_CODE, expert.severity.NOTE)
local reserved = ProtoExpert.new("vmc.reserved", "Reserved bytes are not zero", expert.group.PROTOCOL, expert.severity.WARN)
local violation = ProtoExpert.new("vmc.violation", "A rule is broken", expert.group.PROTOCOL, expert.severity.ERROR)
local hmc_failed = ProtoExpert.new("vmc.hmc.failure", "The HMC command was not carried out", expert.group.RESPONSE_CODE, expert.severity.WARN)
local hmc_malformed = ProtoExpert.new("vmc.hmc.malformed", "The HMC command cannot be read", expert.group.PROTOCOL, expert.severity.WARN)
vmc.experts = { bad_status, bad_code, failed, reserved, violation, hmc_failed, hmc_malformed }

-- Fields of each message: name, first byte, length.
local status, session, index, buffer = { "status", 2, 1 }, { "hmc_session", 4, 1 }, { "hmc_index", 5, 1 }, { "buffer_id", 6, 2 }
local limits = { { "hmcs", 5, 1 }, { "pool_size", 6, 2 }, { "mtu", 8, 4 }, { "crq_size", 12, 2 }, { "version", 14, 2 } }
local layouts = {
  [0x01] = limits,
  [0x81] = { status, limits[1], limits[2], limits[3], limits[4], limits[5] },
  [0x02] = { session, index, buffer },
  [0x82] = { status, session, index, buffer },
  [0x03] = { session, index },
  [0x83] = { status, session, index },
  [0x04] = { { "owner", 3, 1 }, session, index, buffer, { "buffer_lioba", 12, 4 } },
  [0x84] = { status, session, index, buffer },
  [0x05] = { session, index },
  [0x85] = { status, session, index, buffer },
  [0x06] = { session, index, buffer, { "length", 12, 4 } },
}

local interface_name = Field.new("frame.interface_name")

-- Requests that wait for their response, and what answers what, by frame number.
local waiting, answered_by, answers = {}, {}, {}

function vmc.init()
  waiting, answered_by, answers = {}, {}, {}
end

-- A request and its response have this in common.
local function key_of(entry, kind)
  local key = string.format("%02x", kind % 0x80)
  if kind % 0x80 ~= 1 then key = key .. string.format(" %d/%d", entry(5, 1):uint(), entry(4, 1):uint()) end
  if kind % 0x80 == 4 then key = key .. string.format(" %d", entry(6, 2):uint()) end
  return key
end

-- Links a request and its response; a packet without a key is neither.
local function pair(key, is_response, pinfo, tree)
  local number = pinfo.number
  if not pinfo.visited and key then
    if not is_response then
      waiting[key] = waiting[key] or {}
      table.insert(waiting[key], number)
    elseif waiting[key] and #waiting[key] > 0 then
      local request = table.remove(waiting[key], 1)
      answered_by[request], answers[number] = number, request
    end
  end
  if answered_by[number] then tree:add(f.response_in, answered_by[number]):set_generated() end
  if answers[number] then tree:add(f.request_in, answers[number]):set_generated() end
end

-- Shows a return code with its name; its words for the info column, or nothing for success.
local function return_code(range, tree)
  local item = tree:add(f.code, range)
  local name = return_codes[tostring(range:int64())]
  if name then
    item:append_text(" (" .. name .. ")")
    tree:add(f.code_name, range, name):set_hidden()
  end
  if range:int64() == Int64.new(0) then return "" end
  item:add_proto_expert_info(bad_code)
  return " = " .. (name or tostring(range:int64()))
end

local function message(entry, kind, profile, pinfo, tree, is_send)
  local used = { [0] = true, [1] = true }
  local words = {}
  for _, field in ipairs(layouts[kind]) do
    local name, first, length = field[1], field[2], field[3]
    local item = tree:add(f[name], entry(first, length))
    for byte = first, first + length - 1 do used[byte] = true end
    if name == "status" then
      local value = entry(first, 1):uint()
      local meaning = (statuses[profile][kind] or {})[value] or "not defined"
      item:append_text(" (" .. meaning .. ")")
      tree:add(f.status_text, entry(first, 1), meaning):set_hidden()
      if value ~= 0 then
        item:add_proto_expert_info(bad_status, "Status other than success: " .. meaning)
        table.insert(words, "status " .. value .. " (" .. meaning .. ")")
      end
    end
    if name == "hmc_index" then table.insert(words, "index " .. entry(first, 1):uint()) end
    if name == "hmc_session" then table.insert(words, "session " .. entry(first, 1):uint()) end
    if name == "buffer_id" then table.insert(words, "buffer " .. entry(first, 2):uint()) end
    if name == "length" then table.insert(words, entry(first, 4):uint() .. " B") end
  end
  for byte = 0, 15 do
    if not used[byte] and entry(byte, 1):uint() ~= 0 then
      tree:add_proto_expert_info(reserved, "Reserved byte " .. byte .. " is not zero")
    end
  end
  if is_send then pair(kind ~= 6 and key_of(entry, kind) or nil, kind >= 0x80, pinfo, tree) end
  return types[kind] .. " " .. table.concat(words, " ")
end

local function entry_of(entry, profile, pinfo, tree, is_send)
  local sub = tree:add(f.entry, entry)
  local header, kind = entry(0, 1):uint(), entry(1, 1):uint()
  sub:add(f.header, entry(0, 1))
  if header == 0xC0 then
    sub:add(f.init, entry(1, 1))
    return inits[kind] or "CRQ INIT, reserved format"
  elseif header == 0xFF then
    sub:add(f.transport, entry(1, 1))
    return "transport event: " .. (transport[kind] or "reserved")
  elseif header == 0x80 then
    sub:add(f.type, entry(1, 1))
    if layouts[kind] then return message(entry, kind, profile, pinfo, sub, is_send) end
  end
  return "unknown entry"
end

-- What is left of the data, from a byte on; an error says that there is less than is needed.
local function piece(data, at, length)
  local left = (data and data:len() or 0) - at
  if length > left then error(string.format("expected %d bytes at byte %d, got %d", length, at, left), 0) end
  return data(at, length)
end

local function add_field(tree, range, path, value)
  local text = path .. ": " .. value
  local item = range and tree:add(f.hmc_field, range, text) or tree:add(f.hmc_field, text)
  item:set_text(text)
end

-- Reads a value of a shape at a byte; where the next one begins.
local function value(tree, data, at, shape, path)
  local fixed = shape:match("^(%d+) bytes$")
  local width = ({ u8 = 1, u16 = 2, u32 = 4, u64 = 8 })[shape]
  if width == 8 then
    local range = piece(data, at, 8)
    add_field(tree, range, path, tostring(range:uint64()))
    return at + 8
  elseif width then
    local range = piece(data, at, width)
    add_field(tree, range, path, tostring(range:uint()))
    return at + width
  elseif shape == "bool" then
    local range = piece(data, at, 1)
    add_field(tree, range, path, range:uint() == 1 and "true" or "false")
    return at + 1
  elseif fixed then
    local range = piece(data, at, tonumber(fixed))
    add_field(tree, range, path, range:bytes():tohex(true))
    return at + tonumber(fixed)
  elseif shape == "text" or shape == "bytes" then
    local length = piece(data, at, 2):uint()
    local range = piece(data, at, 2 + length)
    local held = ""
    if length > 0 then held = shape == "text" and data(at + 2, length):string(ENC_UTF_8) or data(at + 2, length):bytes():tohex(true) end
    add_field(tree, range, path, held)
    return at + 2 + length
  elseif shape == "rest" then
    local length = (data and data:len() or 0) - at
    add_field(tree, nil, path, length > 0 and data(at, length):bytes():tohex(true) or "")
    return at + length
  elseif shape:sub(-1) == "?" then
    if piece(data, at, 1):uint() == 0 then return at + 1 end
    return value(tree, data, at + 1, shape:sub(1, -2), path)
  elseif shape:match("^list of ") then
    local count = piece(data, at, 2):uint()
    at = at + 2
    for i = 0, count - 1 do at = value(tree, data, at, shape:sub(9), string.format("%s[%d]", path, i)) end
    return at
  elseif shape:match("^page of ") then
    local prefix = path == "" and "" or path .. "."
    at = value(tree, data, at, "bytes", prefix .. "next")
    return value(tree, data, at, "list of " .. shape:sub(9), prefix .. "entries")
  elseif hmc_values[shape] then
    local range = piece(data, at, 1)
    add_field(tree, range, path, hmc_values[shape][range:uint()] or ("not defined: " .. range:uint()))
    return at + 1
  end
  for _, field in ipairs(hmc_records[shape] or {}) do
    at = value(tree, data, at, field[2], path == "" and field[1] or path .. "." .. field[1])
  end
  return at
end

-- An HMC command in a payload: its words for the info column, or nil.
local function command(payload, pinfo, root, session, direction)
  if payload:len() < 32 or payload(0, 3):uint() ~= 0xDECAFF then return nil end
  local tree = root:add(f.hmc, payload())
  local flags, target, opcode, code = payload(15, 1):uint(), payload(12, 2):uint(), payload(20, 2):uint(), payload(22, 2):uint()
  local operation = hmc_operations[target * 0x10000 + opcode]
  local name = operation and operation[1] or string.format("operation 0x%04x of target 0x%04x", opcode, target)
  local is_response = flags % 0x80 >= 0x40
  local kind = is_response and "response" or name == "EVENT" and "event" or "request"
  tree:add(f.hmc_message_length, payload(4, 4))
  tree:add(f.hmc_token, payload(8, 4))
  tree:add(f.hmc_target, payload(12, 2))
  tree:add(f.hmc_flags, payload(15, 1))
  tree:add(f.hmc_data_length, payload(16, 4))
  tree:add(f.hmc_opcode, payload(20, 2))
  tree:add(f.hmc_operation, payload(20, 2), name)
  tree:add(f.hmc_kind, payload(15, 1), kind)
  local code_item = tree:add(f.hmc_return_code, payload(22, 2))
  if is_response and code ~= 0 then code_item:add_proto_expert_info(hmc_failed) end
  -- Who asked is who got the response.
  local asker = is_response and 3 - direction or direction
  local key = string.format("hmc %s %d %d", session, asker, payload(8, 4):uint())
  if not is_response and flags < 0x80 then key = nil end
  pair(key, is_response, pinfo, tree)
  local shape = operation and (is_response and (code == 0 and operation[3] or code == 0x8006 and HMC_REFUSAL) or not is_response and operation[2])
  local data = payload:len() > 32 and payload(32):tvb() or nil
  if payload(4, 4):uint() ~= payload:len() or payload(16, 4):uint() ~= payload:len() - 32 then
    tree:add_proto_expert_info(hmc_malformed, string.format("Expected lengths of %d and %d bytes", payload:len(), payload:len() - 32))
  elseif shape then
    local ok, at = pcall(value, tree, data, 0, shape, "")
    if not ok then tree:add_proto_expert_info(hmc_malformed, tostring(at))
    elseif data and at < data:len() then tree:add_proto_expert_info(hmc_malformed, string.format("Expected %d bytes of data, got %d", at, data:len())) end
  end
  tree:append_text(", " .. name .. " " .. kind)
  return name .. (is_response and " -> " .. (hmc_codes[code] or string.format("0x%04x", code)) or "")
end

local function text_of(range)
  if range:len() == 0 then return "" end
  return range:string(ENC_UTF_8)
end

function vmc.dissector(buffer, pinfo, root)
  pinfo.cols.protocol = "VMC"
  local tree = root:add(vmc, buffer())
  local kind, direction = buffer(1, 1):uint(), buffer(2, 1):uint()
  tree:add(f.kind, buffer(1, 1))
  tree:add(f.direction, buffer(2, 1))
  tree:add(f.seq, buffer(4, 8))
  if direction == 1 then pinfo.cols.src, pinfo.cols.dst = "mgmt", "hyp" end
  if direction == 2 then pinfo.cols.src, pinfo.cols.dst = "hyp", "mgmt" end
  if direction == 0 and interface_name() then pinfo.cols.src = interface_name().value end
  local info
  if kind == 0 or kind == 1 then
    tree:add(f.element, buffer(12, 4))
    info = entry_of(buffer(16, 16), buffer(3, 1):uint(), pinfo, tree, kind == 0)
    if kind == 1 then info = "takes " .. info end
  elseif kind == 2 then
    local opcode = tree:add(f.opcode, buffer(12, 8))
    local name = hcalls[buffer(12, 8):uint64():tonumber()]
    if name then
      opcode:append_text(" (" .. name .. ")")
      tree:add(f.hcall, buffer(12, 8), name):set_hidden()
    end
    for i = 0, 8 do tree:add(f.argument, buffer(20 + 8 * i, 8)):prepend_text("R" .. (4 + i) .. " ") end
    return_code(buffer(92, 8), tree)
    tree:add(f.r4, buffer(100, 8))
    tree:add(f.text, buffer(108))
    info = text_of(buffer(108):range())
  elseif kind == 3 then
    tree:add(f.hmc_index, buffer(12, 1))
    tree:add(f.hmc_session, buffer(13, 1))
    if buffer(14, 2):uint() ~= 0xFFFF then tree:add(f.buffer_id, buffer(14, 2)) end
    local outcome = return_code(buffer(16, 8), tree)
    tree:add(f.bytes, buffer(24, 8))
    tree:add(f.source, buffer(32, 8))
    tree:add(f.destination, buffer(40, 8))
    tree:add(f.digest, buffer(48, 4))
    info = "RDMA " .. tostring(buffer(24, 8):uint64()) .. " B session " .. buffer(13, 1):uint() .. " index " .. buffer(12, 1):uint()
    if buffer(14, 2):uint() ~= 0xFFFF then info = info .. " buffer " .. buffer(14, 2):uint() end
    info = info .. outcome
    if buffer:len() > 52 then
      tree:add(f.payload, buffer(52))
      local words = command(buffer(52):tvb(), pinfo, tree, buffer(12, 2):bytes():tohex(), direction)
      if words then info = info .. ": " .. words end
    end
  else
    -- After a zero byte stands why a call failed.
    local text, why = buffer(12), nil
    for at = 12, buffer:len() - 1 do
      if buffer(at, 1):uint() == 0 then
        text = buffer(12, at - 12)
        if at + 1 < buffer:len() then why = buffer(at + 1) end
        break
      end
    end
    tree:add(f.text, text)
    info = text_of(text:range())
    if why then
      tree:add(f.why, why):add_proto_expert_info(failed, text_of(why:range()))
      info = info .. ": " .. text_of(why:range())
    end
    if kind == 5 then tree:add_proto_expert_info(violation, info) end
  end
  pinfo.cols.info = info
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, vmc)
