//! The table of operations, and requests and responses by it.

use crate::header::{Header, Message, Opcode, ReturnCode, Target, Token};
use crate::operations::*;
use crate::refusal::Refusal;
use crate::value::{FieldError, Value};
use crate::wire::{FieldLayout, Malformed, RecordLayout, Wire};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Whether an operation changes something. A change is applied at most once and its outcome is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It belongs to the session itself.
    Session,
    /// It only looks.
    Look,
    /// It changes the managed system.
    Change,
    /// The hypervisor's side sends it, and expects no response.
    Event,
}

/// What of an operation's data the page on operations shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataLayout {
    /// The record's name.
    pub name: String,
    /// Its fields.
    pub fields: Vec<FieldLayout>,
}

fn layout<T: Wire>() -> DataLayout {
    DataLayout { name: T::shape(), fields: T::fields() }
}

macro_rules! operations {
    ($($target:ident { $($(#[doc = $doc:literal])* $opcode:literal $name:ident, $text:literal, $effect:ident: $request:ty => $response:ty;)* })*) => {
        /// An operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $($($(#[doc = $doc])* $name,)*)*
        }

        /// A request with its data.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is described by its operation")]
        pub enum Request {
            $($($name($request),)*)*
        }

        /// A response with its data.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is described by its operation")]
        pub enum Response {
            $($($name($response),)*)*
        }

        impl Operation {
            /// Every operation, by target and opcode.
            pub const ALL: &[Operation] = &[$($(Operation::$name,)*)*];

            /// What it is called.
            pub const fn name(self) -> &'static str {
                match self { $($(Operation::$name => $text,)*)* }
            }

            /// Its target.
            pub const fn target(self) -> Target {
                match self { $($(Operation::$name => Target::$target,)*)* }
            }

            /// Its number within the target.
            pub const fn opcode(self) -> Opcode {
                match self { $($(Operation::$name => Opcode($opcode),)*)* }
            }

            /// The operation of these numbers.
            const fn of_numbers(target: Target, opcode: Opcode) -> Option<Operation> {
                match (target, opcode) {
                    $($((Target::$target, Opcode($opcode)) => Some(Operation::$name),)*)*
                    _ => None,
                }
            }

            /// Whether it changes something.
            pub const fn effect(self) -> Effect {
                match self { $($(Operation::$name => Effect::$effect,)*)* }
            }

            /// Target and opcode as one number.
            pub const fn number(self) -> u32 {
                (self.target().0 as u32) << 16 | self.opcode().0 as u32
            }

            /// What it does.
            pub fn meaning(self) -> &'static str {
                match self { $($(Operation::$name => concat!($($doc),*).trim(),)*)* }
            }

            /// The data of its request.
            pub fn request_layout(self) -> DataLayout {
                match self { $($(Operation::$name => layout::<$request>(),)*)* }
            }

            /// The data of its good response.
            pub fn response_layout(self) -> DataLayout {
                match self { $($(Operation::$name => layout::<$response>(),)*)* }
            }

            fn records(self, found: &mut Vec<RecordLayout>) {
                match self { $($(Operation::$name => {
                    <$request>::records(found);
                    <$response>::records(found);
                })*)* }
            }
        }

        impl Request {
            /// Which operation is asked for.
            pub const fn operation(&self) -> Operation {
                match self { $($(Request::$name(_) => Operation::$name,)*)* }
            }

            /// The request of an operation with these data.
            pub fn decode_data(operation: Operation, data: &[u8]) -> Result<Request, Malformed> {
                Ok(match operation {
                    $($(Operation::$name => Request::$name(<$request>::decode(data)?),)*)*
                })
            }

            /// Appends its data.
            pub(crate) fn put_data(&self, out: &mut Vec<u8>) {
                match self { $($(Request::$name(data) => data.put(out),)*)* }
            }

            /// Its data.
            pub fn encode_data(&self) -> Vec<u8> {
                let mut out = Vec::new();
                self.put_data(&mut out);
                out
            }

            /// Its fields by name.
            pub fn to_value(&self) -> Value {
                match self { $($(Request::$name(data) => data.to_value(),)*)* }
            }

            /// The request of an operation with these fields.
            pub fn from_value(operation: Operation, fields: &Value) -> Result<Request, FieldError> {
                let fields = Some(fields);
                Ok(match operation {
                    $($(Operation::$name => Request::$name(<$request>::from_value(fields)?),)*)*
                })
            }

            #[cfg(test)]
            pub(crate) fn draw(operation: Operation, source: &mut dyn Iterator<Item = u64>) -> Request {
                match operation { $($(Operation::$name => Request::$name(Wire::draw(source)),)*)* }
            }
        }

        impl Response {
            /// Which operation it answers.
            pub const fn operation(&self) -> Operation {
                match self { $($(Response::$name(_) => Operation::$name,)*)* }
            }

            /// The good response of an operation with these data; `None` if its data are of another type.
            pub fn of<T: Clone + 'static>(operation: Operation, data: &T) -> Option<Response> {
                let data: &dyn core::any::Any = data;
                match operation {
                    $($(Operation::$name => {
                        data.downcast_ref::<$response>().cloned().map(Response::$name)
                    })*)*
                }
            }

            /// The good response of an operation with these data.
            pub fn decode_data(operation: Operation, data: &[u8]) -> Result<Response, Malformed> {
                Ok(match operation {
                    $($(Operation::$name => Response::$name(<$response>::decode(data)?),)*)*
                })
            }

            /// Appends its data.
            pub(crate) fn put_data(&self, out: &mut Vec<u8>) {
                match self { $($(Response::$name(data) => data.put(out),)*)* }
            }

            /// Its data.
            pub fn encode_data(&self) -> Vec<u8> {
                let mut out = Vec::new();
                self.put_data(&mut out);
                out
            }

            /// Its fields by name.
            pub fn to_value(&self) -> Value {
                match self { $($(Response::$name(data) => data.to_value(),)*)* }
            }

            /// The good response of an operation with these fields.
            pub fn from_value(operation: Operation, fields: &Value) -> Result<Response, FieldError> {
                let fields = Some(fields);
                Ok(match operation {
                    $($(Operation::$name => Response::$name(<$response>::from_value(fields)?),)*)*
                })
            }

            #[cfg(test)]
            pub(crate) fn draw(operation: Operation, source: &mut dyn Iterator<Item = u64>) -> Response {
                match operation { $($(Operation::$name => Response::$name(Wire::draw(source)),)*)* }
            }
        }
    };
}

operations! {
    ROUTER {
        /// Opens the router's session. Must come first.
        0x0001 ExchangeOperations, "EXCHANGE OPERATIONS", Session: ExchangeOperations => OperationsExchanged;
        /// Ends the router's session.
        0x0002 Close, "CLOSE", Session: Nothing => Nothing;
        /// Brings the data back.
        0x0103 Echo, "ECHO", Session: Echo => Echo;
    }
    CONFIGURATION {
        /// The managed system.
        0x0001 ShowSystem, "SHOW SYSTEM", Look: Nothing => System;
        /// Renames the managed system.
        0x0002 ChangeSystem, "CHANGE SYSTEM", Change: ChangeSystem => Changed;
        /// Partitions by ID.
        0x0010 ListPartitions, "LIST PARTITIONS", Look: ListAll => Page<PartitionSummary>;
        /// All about one partition.
        0x0011 ShowPartition, "SHOW PARTITION", Look: PartitionId => Partition;
        /// Defines a partition.
        0x0012 CreatePartition, "CREATE PARTITION", Change: CreatePartition => PartitionCreated;
        /// Changes what a partition is to have.
        0x0013 ChangePartition, "CHANGE PARTITION", Change: ChangePartition => Changed;
        /// Removes a partition that is off.
        0x0014 DeletePartition, "DELETE PARTITION", Change: PartitionVersion => Nothing;
        /// What people say about a partition.
        0x0015 ShowDescription, "SHOW DESCRIPTION", Look: ShowDescription => Description;
        /// Says something else about a partition.
        0x0016 SetDescription, "SET DESCRIPTION", Change: SetDescription => Changed;
        /// Gives a partition another name, in any state.
        0x0017 RenamePartition, "RENAME PARTITION", Change: RenamePartition => Changed;
        /// A partition's profiles by name.
        0x0020 ListProfiles, "LIST PROFILES", Look: ListOfPartition => Page<Profile>;
        /// Stores a profile, a new one or in place of the one with its name.
        0x0021 StoreProfile, "STORE PROFILE", Change: StoreProfile => Changed;
        /// Removes a profile.
        0x0022 DeleteProfile, "DELETE PROFILE", Change: ProfileName => Changed;
        /// Makes a profile the current configuration of a partition that is off.
        0x0023 ApplyProfile, "APPLY PROFILE", Change: ProfileName => Changed;
        /// Stores the current configuration under a name.
        0x0024 SaveProfile, "SAVE PROFILE", Change: ProfileName => Changed;
        /// Virtual switches by number.
        0x0030 ListSwitches, "LIST SWITCHES", Look: ListAll => Page<Switch>;
        /// Creates a virtual switch.
        0x0031 CreateSwitch, "CREATE SWITCH", Change: CreateSwitch => SwitchCreated;
        /// Removes a virtual switch that nothing uses.
        0x0032 DeleteSwitch, "DELETE SWITCH", Change: DeleteSwitch => Nothing;
        /// Changes the mode of a virtual switch.
        0x0033 ChangeSwitch, "CHANGE SWITCH", Change: ChangeSwitch => Changed;
        /// Virtual networks by number.
        0x0038 ListNetworks, "LIST NETWORKS", Look: ListAll => Page<Network>;
        /// Creates a virtual network.
        0x0039 CreateNetwork, "CREATE NETWORK", Change: CreateNetwork => NetworkCreated;
        /// Removes a virtual network that nothing uses.
        0x003A DeleteNetwork, "DELETE NETWORK", Change: DeleteNetwork => Nothing;
        /// Physical volumes of a Virtual I/O Server by name.
        0x0040 ListVolumes, "LIST VOLUMES", Look: ListOfPartition => Page<PhysicalVolume>;
        /// Volume groups of a Virtual I/O Server by name.
        0x0041 ListGroups, "LIST GROUPS", Look: ListOfPartition => Page<VolumeGroup>;
        /// Creates a volume group of physical volumes.
        0x0042 CreateGroup, "CREATE GROUP", Change: CreateGroup => Changed;
        /// Adds physical volumes to a volume group.
        0x0043 ExtendGroup, "EXTEND GROUP", Change: ExtendGroup => Changed;
        /// Removes a volume group that holds nothing.
        0x0044 DeleteGroup, "DELETE GROUP", Change: GroupName => Nothing;
        /// Virtual disks of a Virtual I/O Server by name.
        0x0048 ListDisks, "LIST DISKS", Look: ListOfPartition => Page<Disk>;
        /// Creates a virtual disk.
        0x0049 CreateDisk, "CREATE DISK", Change: CreateDisk => Changed;
        /// Removes a virtual disk that is not mapped.
        0x004A DeleteDisk, "DELETE DISK", Change: StorageName => Changed;
        /// Makes a virtual disk larger.
        0x004B ExtendDisk, "EXTEND DISK", Change: ExtendDisk => Changed;
        /// Media of a Virtual I/O Server's repository by name.
        0x0050 ListMedia, "LIST MEDIA", Look: ListOfPartition => Page<Media>;
        /// Creates the media repository.
        0x0051 CreateRepository, "CREATE REPOSITORY", Change: CreateRepository => Changed;
        /// Creates virtual optical media.
        0x0052 CreateMedia, "CREATE MEDIA", Change: CreateMedia => Changed;
        /// Removes media that are not mapped.
        0x0053 DeleteMedia, "DELETE MEDIA", Change: StorageName => Changed;
        /// Removes the media repository, which holds nothing.
        0x0054 DeleteRepository, "DELETE REPOSITORY", Change: OfVios => Changed;
        /// Mappings of a Virtual I/O Server by target device.
        0x0058 ListMappings, "LIST MAPPINGS", Look: ListOfPartition => Page<Mapping>;
        /// Maps storage to a server adapter.
        0x0059 CreateMapping, "CREATE MAPPING", Change: CreateMapping => MappingCreated;
        /// Removes a mapping by its target device.
        0x005A DeleteMapping, "DELETE MAPPING", Change: StorageName => Nothing;
        /// Puts a medium into an optical device.
        0x005B LoadMedia, "LOAD MEDIA", Change: LoadMedia => Changed;
        /// Takes the medium out of an optical device.
        0x005C UnloadMedia, "UNLOAD MEDIA", Change: StorageName => Changed;
    }
    DYNAMIC {
        /// Sets the memory of a partition, running or not.
        0x0001 SetMemory, "SET MEMORY", Change: SetMemory => Changed;
        /// Sets the processors of a partition, running or not.
        0x0002 SetProcessors, "SET PROCESSORS", Change: SetProcessors => Changed;
        /// Moves memory from one running partition to another.
        0x0003 MoveMemory, "MOVE MEMORY", Change: MoveMemory => Changed;
        /// Takes from a partition that is off what it has kept.
        0x0004 ReleaseResources, "RELEASE RESOURCES", Change: PartitionVersion => Changed;
        /// The virtual slots of a partition that are taken.
        0x0010 ListSlots, "LIST SLOTS", Look: ListOfPartition => Page<Slot>;
        /// Ethernet adapters of a partition by slot.
        0x0018 ListEthernet, "LIST ETHERNET", Look: ListOfPartition => Page<Ethernet>;
        /// Adds an Ethernet adapter.
        0x0019 AddEthernet, "ADD ETHERNET", Change: AddEthernet => EthernetAdded;
        /// Changes an Ethernet adapter.
        0x001A ChangeEthernet, "CHANGE ETHERNET", Change: ChangeEthernet => Changed;
        /// Removes an Ethernet adapter.
        0x001B RemoveEthernet, "REMOVE ETHERNET", Change: RemoveAdapter => Nothing;
        /// Virtual SCSI adapters of a partition by slot.
        0x0020 ListScsi, "LIST SCSI", Look: ListOfPartition => Page<Scsi>;
        /// Makes a pair of virtual SCSI adapters.
        0x0021 AddScsi, "ADD SCSI", Change: AddScsi => ScsiAdded;
        /// Removes a pair of virtual SCSI adapters by its server's end.
        0x0022 RemoveScsi, "REMOVE SCSI", Change: RemoveAdapter => Nothing;
    }
    SERVICE_PROCESSOR {
        /// Starts a partition.
        0x0001 PowerOn, "POWER ON", Change: PowerOn => JobStarted;
        /// Stops a partition.
        0x0002 PowerOff, "POWER OFF", Change: PowerOff => JobStarted;
        /// Stops a partition and starts it again.
        0x0003 Restart, "RESTART", Change: PowerOff => JobStarted;
        /// Starts the system.
        0x0008 SystemOn, "SYSTEM ON", Change: SystemOn => JobStarted;
        /// Stops the system, and starts it again if so asked.
        0x0009 SystemOff, "SYSTEM OFF", Change: SystemOff => JobStarted;
        /// What a partition does.
        0x0010 ShowStatus, "SHOW STATUS", Look: PartitionId => Status;
        /// Reference codes of a partition, the newest first.
        0x0011 ListReferenceCodes, "LIST REFERENCE CODES", Look: ListOfPartition => Page<ReferenceCode>;
        /// A job.
        0x0018 ShowJob, "SHOW JOB", Look: JobNumber => Job;
        /// Jobs by number.
        0x0019 ListJobs, "LIST JOBS", Look: ListAll => Page<Job>;
        /// Cancels a job.
        0x001A CancelJob, "CANCEL JOB", Change: JobNumber => Nothing;
        /// Forgets a job that is over.
        0x001B DeleteJob, "DELETE JOB", Change: JobNumber => Nothing;
        /// Asks for events from now on.
        0x0020 Subscribe, "SUBSCRIBE", Session: Nothing => Subscribed;
        /// Something happened.
        0x0021 Event, "EVENT", Event: Event => Nothing;
        /// Opens the virtual terminal of a partition.
        0x0028 OpenTerminal, "OPEN TERMINAL", Change: PartitionVersion => Changed;
        /// Closes the virtual terminal of a partition.
        0x0029 CloseTerminal, "CLOSE TERMINAL", Change: PartitionVersion => Changed;
        /// The outcome of a change, by its token.
        0x0030 QueryOutcome, "QUERY OUTCOME", Session: QueryOutcome => Outcome;
    }
}

impl Operation {
    /// The operation of this number; the return code when there is none.
    pub fn find(target: Target, opcode: Opcode) -> Result<Operation, ReturnCode> {
        Operation::of_numbers(target, opcode).ok_or_else(|| {
            let is_known = Operation::ALL.iter().any(|operation| operation.target() == target);
            match target.name() {
                _ if is_known => ReturnCode::INVALID_OPCODE,
                Some(_) => ReturnCode::INVALID_CATEGORY,
                None => ReturnCode::INVALID_TARGET,
            }
        })
    }

    /// The operation of this name, in capitals.
    pub fn named(name: &str) -> Option<Operation> {
        Operation::ALL.iter().copied().find(|operation| operation.name() == name)
    }

    /// The operations of every target, ascending, as "exchange operations" lists them.
    pub fn by_target() -> Vec<TargetOperations> {
        let mut found: Vec<TargetOperations> = Vec::new();
        for operation in Operation::ALL {
            let (target, opcode) = (operation.target().0, operation.opcode().0);
            match found.last_mut().filter(|last| last.target == target) {
                Some(last) => last.opcodes.push(opcode),
                None => found.push(TargetOperations { target, opcodes: alloc::vec![opcode] }),
            }
        }
        found
    }

    /// The records that requests and responses are made of.
    pub fn all_records() -> Vec<RecordLayout> {
        let mut found = Vec::new();
        Operation::ALL.iter().for_each(|operation| operation.records(&mut found));
        Refusal::records(&mut found);
        found
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Request {
    /// The whole message. One that is longer than the MTU is the sender's to refuse.
    pub fn encode(&self, token: Token) -> Vec<u8> {
        let operation = self.operation();
        let mut header = Header::request(token, operation.target(), operation.opcode());
        if operation.effect() == Effect::Event {
            header.flags = crate::Flags::NONE;
        }
        message(header, |out| self.put_data(out))
    }

    /// The request in a message whose header is as it should be; the return code if there is none.
    pub fn decode(message: &Message<'_>) -> Result<Request, ReturnCode> {
        if message.header.flags.is_response() {
            return Err(ReturnCode::INVALID_RESPONSE);
        }
        let operation = Operation::find(message.header.target, message.header.opcode)?;
        Request::decode_data(operation, message.data).map_err(|_| ReturnCode::INVALID_DATA)
    }
}

/// An answer: the data of a good one, the refusal of a bad one, or just a return code.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It is done.
    Good(Response),
    /// It was refused.
    Refused(Refusal),
    /// It was no request that could be looked at.
    Failed(ReturnCode),
}

impl Answer {
    /// Its return code.
    pub fn return_code(&self) -> ReturnCode {
        match self {
            Answer::Good(_) => ReturnCode::GOOD,
            Answer::Refused(_) => ReturnCode::ERROR,
            Answer::Failed(code) => *code,
        }
    }

    /// Its data.
    pub fn encode_data(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put_data(&mut out);
        out
    }

    /// Appends its data.
    pub fn put_data(&self, out: &mut Vec<u8>) {
        match self {
            Answer::Good(response) => response.put_data(out),
            Answer::Refused(refusal) => refusal.put(out),
            Answer::Failed(_) => {}
        }
    }

    /// The whole message that answers a request with this header.
    pub fn encode(&self, request: Header) -> Vec<u8> {
        message(request.response(self.return_code()), |out| self.put_data(out))
    }

    /// The answer in a message whose header is as it should be.
    pub fn decode(message: &Message<'_>) -> Result<Answer, AnswerError> {
        let header = message.header;
        if !header.flags.is_response() {
            return Err(AnswerError::Request);
        }
        match header.return_code {
            ReturnCode::GOOD => {
                let operation = Operation::find(header.target, header.opcode)
                    .map_err(|_| AnswerError::Operation(header.target, header.opcode))?;
                Ok(Answer::Good(Response::decode_data(operation, message.data)?))
            }
            ReturnCode::ERROR => Ok(Answer::Refused(Refusal::decode(message.data)?)),
            other if message.data.is_empty() => Ok(Answer::Failed(other)),
            _ => Err(AnswerError::Data(Malformed {
                at: 0,
                what: crate::wire::Wrong::Trailing(message.data.len()),
            })),
        }
    }
}

/// Why a message is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AnswerError {
    /// expected a response, got a request
    #[error("expected a response, got a request")]
    Request,
    /// no operation of {0} has the opcode {1}
    #[error("no operation of {0} has the opcode {1}")]
    Operation(Target, Opcode),
    /// the data do not fit: {0}
    #[error("the data do not fit: {0}")]
    Data(#[from] Malformed),
}

/// Bytes of most messages: one that is longer is moved while it grows.
const USUAL_BYTES: usize = 256;

/// A message of a header and its data, which are put behind it.
fn message(header: Header, put_data: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = Vec::with_capacity(USUAL_BYTES);
    message.resize(crate::HEADER_BYTES, 0);
    put_data(&mut message);
    let data_len = message.len() - crate::HEADER_BYTES;
    message[..crate::HEADER_BYTES].copy_from_slice(&header.encode(data_len));
    message
}
