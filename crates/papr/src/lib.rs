//! Platform ABI of the PowerVM hypervisor, as far as the Virtual Management Channel uses it.
//!
//! Everything here is a plain value: addresses and handles ([`address`]), hypervisor calls and their
//! register form ([`hcall`]), return codes ([`ReturnCode`]), entries of a Command/Response Queue
//! ([`crq`]), Translation Control Entries ([`tce`]) and the VMC's device-tree node ([`device_tree`]).
//! What a caller passes in registers stays an allegation until the hypervisor has checked it: the types
//! carry the full register width, and nothing here refuses a value.
//!
//! ```
//! use papr::{CrqEntry, Hcall, InitFormat, ReturnCode, UnitAddress};
//!
//! let entry = CrqEntry::init(InitFormat::INITIALIZE);
//! let call = Hcall::SendCrq { unit_address: UnitAddress(0x3000_0003), entry };
//! let registers = call.to_registers();
//! assert_eq!(registers.args[..2], [0x3000_0003, 0xC001_0000_0000_0000]);
//! assert_eq!(Hcall::from_registers(&registers), Ok(call));
//! assert_eq!(ReturnCode(2).name(), Some("H_Closed"));
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod address;
pub mod crq;
pub mod device_tree;
pub mod hcall;
mod return_code;
pub mod tce;

pub use address::{
    DrcIndex, GuestAddress, InterruptSource, IoRange, Ioba, Liobn, PAGE_SIZE, PartitionId,
    UnitAddress,
};
pub use crq::{CrqEntry, Header, InitFormat, TransportEvent};
pub use device_tree::{Properties, VmcNode, Window};
pub use hcall::{CopyRdma, Hcall, HcallName, HcallReturn, Registers, ReturnRegisters, Xirr};
pub use return_code::ReturnCode;
pub use tce::{Access, Tce};
