//! What befalls partitions that a hypervisor manages, as far as the machine around it and its traces have to know.

use crate::states::states;
use core::fmt;

states! {
    /// Something that goes wrong with a partition.
    PartitionFault:
    /// Its operating system or its firmware crashes.
    Crash = "crashes";
    /// Its operating system hangs.
    Hang = "hangs";
    /// Its next start fails.
    BootFails = "will fail to boot";
    /// Its next start does not come to an end.
    BootHangs = "will hang while it boots";
    /// Its next start finds nothing to boot from.
    NoBootDevice = "will find nothing to boot from";
}
