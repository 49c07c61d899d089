//! Hypervisor calls, typed and in registers.

#[cfg(test)]
mod tests;

use crate::address::{GuestAddress, InterruptSource, IoRange, Ioba, Liobn, UnitAddress};
use crate::crq::CrqEntry;
use crate::return_code::ReturnCode;
use crate::tce::Tce;
use core::fmt;

/// How many 8-byte entries one `H_STUFF_TCE` or `H_PUT_TCE_INDIRECT` may set.
pub const MAX_TCE_COUNT: u64 = 512;

/// A hypervisor call with its parameters, as the caller alleges them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hcall {
    /// Read a TCE.
    GetTce {
        /// Window pane.
        liobn: Liobn,
        /// Address that selects the entry.
        ioba: Ioba,
    },
    /// Set one TCE.
    PutTce {
        /// Window pane.
        liobn: Liobn,
        /// Address that selects the entry.
        ioba: Ioba,
        /// The entry's new contents.
        tce: Tce,
    },
    /// Set `count` TCEs to the same contents.
    StuffTce {
        /// Window pane.
        liobn: Liobn,
        /// Address that selects the first entry.
        ioba: Ioba,
        /// The entries' new contents.
        tce: Tce,
        /// Number of entries, at most [`MAX_TCE_COUNT`].
        count: u64,
    },
    /// Set `count` TCEs from a list in memory.
    PutTceIndirect {
        /// Window pane.
        liobn: Liobn,
        /// Address that selects the first entry.
        ioba: Ioba,
        /// Page in the caller's memory that holds the list, big-endian.
        list: GuestAddress,
        /// Number of entries, at most [`MAX_TCE_COUNT`].
        count: u64,
    },
    /// Finish the processing of an interrupt.
    Eoi {
        /// The value that `H_XIRR` returned.
        xirr: Xirr,
    },
    /// Accept the pending interrupt.
    Xirr,
    /// Register a CRQ.
    RegCrq {
        /// The adapter.
        unit_address: UnitAddress,
        /// First address of the queue in the first window pane.
        queue: Ioba,
        /// Length of the queue in bytes.
        len_bytes: u64,
    },
    /// Deregister a CRQ.
    FreeCrq {
        /// The adapter.
        unit_address: UnitAddress,
    },
    /// Set the interrupt mode of an adapter.
    VioSignal {
        /// The adapter.
        unit_address: UnitAddress,
        /// Least significant bit: CRQ interrupt enabled.
        mode: u64,
    },
    /// Put an entry on the partner's CRQ.
    SendCrq {
        /// The sender's adapter.
        unit_address: UnitAddress,
        /// The entry.
        entry: CrqEntry,
    },
    /// Copy between windows.
    CopyRdma(CopyRdma),
    /// Enable a CRQ that was disabled by the suspension of the partner.
    EnableCrq {
        /// The adapter.
        unit_address: UnitAddress,
    },
    /// Ask for a VMC device.
    RequestVmc,
}

/// Parameters of `H_COPY_RDMA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CopyRdma {
    /// Length in bytes.
    pub len_bytes: u64,
    /// Window pane of the source.
    pub source_liobn: Liobn,
    /// Address of the source.
    pub source_ioba: Ioba,
    /// Window pane of the destination.
    pub destination_liobn: Liobn,
    /// Address of the destination.
    pub destination_ioba: Ioba,
}

impl CopyRdma {
    /// The range that is read.
    pub const fn source(&self) -> IoRange {
        IoRange { liobn: self.source_liobn, ioba: self.source_ioba, len_bytes: self.len_bytes }
    }

    /// The range that is written.
    pub const fn destination(&self) -> IoRange {
        IoRange {
            liobn: self.destination_liobn,
            ioba: self.destination_ioba,
            len_bytes: self.len_bytes,
        }
    }
}

/// Contents of an external interrupt request register: priority in the high byte, source in the low 24
/// bits. Source 0 means that no interrupt is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Xirr(pub u32);

impl Xirr {
    /// An XIRR for `source` with the priority `cppr`.
    pub const fn new(cppr: u8, source: InterruptSource) -> Xirr {
        Xirr((cppr as u32) << 24 | source.0 & 0x00FF_FFFF)
    }

    /// The interrupt source, `None` when no interrupt is pending.
    pub const fn source(self) -> Option<InterruptSource> {
        match self.0 & 0x00FF_FFFF {
            0 => None,
            source => Some(InterruptSource(source)),
        }
    }

    /// The processor priority.
    pub const fn cppr(self) -> u8 {
        (self.0 >> 24) as u8
    }
}

macro_rules! opcodes {
    ($($(#[$doc:meta])* $konst:ident $variant:ident = $value:literal, $name:literal;)*) => {
        /// Opcodes of hypervisor calls: the value of R3 at the call.
        pub mod opcode {
            $($(#[$doc])* pub const $konst: u64 = $value;)*

            /// Every opcode that this crate knows.
            pub const ALL: &[u64] = &[$($konst),*];

            /// The architecture's name of an opcode.
            pub const fn name(opcode: u64) -> Option<&'static str> {
                match opcode {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }

        /// Which hypervisor call, without its arguments.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum HcallName {
            $($(#[$doc])* $variant,)*
        }

        impl HcallName {
            /// Every call that this crate knows, ascending by opcode.
            pub const ALL: &[HcallName] = &[$(HcallName::$variant),*];

            /// The name in the architecture.
            pub const fn name(self) -> &'static str {
                match self {
                    $(HcallName::$variant => $name,)*
                }
            }
        }
    };
}

impl core::fmt::Display for HcallName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

opcodes! {
    /// `H_GET_TCE`
    GET_TCE GetTce = 0x1C, "H_GET_TCE";
    /// `H_PUT_TCE`
    PUT_TCE PutTce = 0x20, "H_PUT_TCE";
    /// `H_EOI`
    EOI Eoi = 0x64, "H_EOI";
    /// `H_XIRR`
    XIRR Xirr = 0x74, "H_XIRR";
    /// `H_REG_CRQ`
    REG_CRQ RegCrq = 0xFC, "H_REG_CRQ";
    /// `H_FREE_CRQ`
    FREE_CRQ FreeCrq = 0x100, "H_FREE_CRQ";
    /// `H_VIO_SIGNAL`
    VIO_SIGNAL VioSignal = 0x104, "H_VIO_SIGNAL";
    /// `H_SEND_CRQ`
    SEND_CRQ SendCrq = 0x108, "H_SEND_CRQ";
    /// `H_COPY_RDMA`
    COPY_RDMA CopyRdma = 0x110, "H_COPY_RDMA";
    /// `H_STUFF_TCE`
    STUFF_TCE StuffTce = 0x138, "H_STUFF_TCE";
    /// `H_PUT_TCE_INDIRECT`
    PUT_TCE_INDIRECT PutTceIndirect = 0x13C, "H_PUT_TCE_INDIRECT";
    /// `H_ENABLE_CRQ`
    ENABLE_CRQ EnableCrq = 0x2B0, "H_ENABLE_CRQ";
    /// `H_REQUEST_VMC`; the number is reserved in LoPAR.
    REQUEST_VMC RequestVmc = 0x360, "H_REQUEST_VMC";
}

/// Register form of a call: R3 holds the opcode, R4 to R12 the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Registers {
    /// R3.
    pub opcode: u64,
    /// R4 to R12.
    pub args: [u64; 9],
}

/// An opcode that the platform does not implement: the caller gets `H_Function`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("no hypervisor call has the opcode {0:#x}")]
pub struct UnknownOpcode(pub u64);

impl Hcall {
    /// The call's opcode.
    pub const fn opcode(&self) -> u64 {
        match self {
            Hcall::GetTce { .. } => opcode::GET_TCE,
            Hcall::PutTce { .. } => opcode::PUT_TCE,
            Hcall::StuffTce { .. } => opcode::STUFF_TCE,
            Hcall::PutTceIndirect { .. } => opcode::PUT_TCE_INDIRECT,
            Hcall::Eoi { .. } => opcode::EOI,
            Hcall::Xirr => opcode::XIRR,
            Hcall::RegCrq { .. } => opcode::REG_CRQ,
            Hcall::FreeCrq { .. } => opcode::FREE_CRQ,
            Hcall::VioSignal { .. } => opcode::VIO_SIGNAL,
            Hcall::SendCrq { .. } => opcode::SEND_CRQ,
            Hcall::CopyRdma(_) => opcode::COPY_RDMA,
            Hcall::EnableCrq { .. } => opcode::ENABLE_CRQ,
            Hcall::RequestVmc => opcode::REQUEST_VMC,
        }
    }

    /// Which call it is.
    pub const fn kind(&self) -> HcallName {
        match self {
            Hcall::GetTce { .. } => HcallName::GetTce,
            Hcall::PutTce { .. } => HcallName::PutTce,
            Hcall::StuffTce { .. } => HcallName::StuffTce,
            Hcall::PutTceIndirect { .. } => HcallName::PutTceIndirect,
            Hcall::Eoi { .. } => HcallName::Eoi,
            Hcall::Xirr => HcallName::Xirr,
            Hcall::RegCrq { .. } => HcallName::RegCrq,
            Hcall::FreeCrq { .. } => HcallName::FreeCrq,
            Hcall::VioSignal { .. } => HcallName::VioSignal,
            Hcall::SendCrq { .. } => HcallName::SendCrq,
            Hcall::CopyRdma(_) => HcallName::CopyRdma,
            Hcall::EnableCrq { .. } => HcallName::EnableCrq,
            Hcall::RequestVmc => HcallName::RequestVmc,
        }
    }

    /// The call's name in the architecture.
    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// The call in registers; unused ones are 0.
    pub fn to_registers(&self) -> Registers {
        let mut args = [0; 9];
        let mut put = |values: &[u64]| args[..values.len()].copy_from_slice(values);
        match *self {
            Hcall::GetTce { liobn, ioba } => put(&[liobn.0, ioba.0]),
            Hcall::PutTce { liobn, ioba, tce } => put(&[liobn.0, ioba.0, tce.0]),
            Hcall::StuffTce { liobn, ioba, tce, count } => put(&[liobn.0, ioba.0, tce.0, count]),
            Hcall::PutTceIndirect { liobn, ioba, list, count } => {
                put(&[liobn.0, ioba.0, list.0, count]);
            }
            Hcall::Eoi { xirr } => put(&[u64::from(xirr.0)]),
            Hcall::RegCrq { unit_address, queue, len_bytes } => {
                put(&[unit_address.0, queue.0, len_bytes]);
            }
            Hcall::FreeCrq { unit_address } | Hcall::EnableCrq { unit_address } => {
                put(&[unit_address.0]);
            }
            Hcall::VioSignal { unit_address, mode } => put(&[unit_address.0, mode]),
            Hcall::SendCrq { unit_address, entry } => {
                put(&[unit_address.0, entry.high(), entry.low()]);
            }
            Hcall::CopyRdma(c) => put(&[
                c.len_bytes,
                c.source_liobn.0,
                c.source_ioba.0,
                c.destination_liobn.0,
                c.destination_ioba.0,
            ]),
            Hcall::Xirr | Hcall::RequestVmc => {}
        }
        Registers { opcode: self.opcode(), args }
    }

    /// The call that `registers` make. Registers that the call does not use are ignored.
    pub const fn from_registers(registers: &Registers) -> Result<Hcall, UnknownOpcode> {
        let [a0, a1, a2, a3, a4, ..] = registers.args;
        Ok(match registers.opcode {
            opcode::GET_TCE => Hcall::GetTce { liobn: Liobn(a0), ioba: Ioba(a1) },
            opcode::PUT_TCE => Hcall::PutTce { liobn: Liobn(a0), ioba: Ioba(a1), tce: Tce(a2) },
            opcode::STUFF_TCE => {
                Hcall::StuffTce { liobn: Liobn(a0), ioba: Ioba(a1), tce: Tce(a2), count: a3 }
            }
            opcode::PUT_TCE_INDIRECT => Hcall::PutTceIndirect {
                liobn: Liobn(a0),
                ioba: Ioba(a1),
                list: GuestAddress(a2),
                count: a3,
            },
            // The low order 32 bits are the value for the XIRR (LoPAR, H_EOI).
            opcode::EOI => Hcall::Eoi { xirr: Xirr(a0 as u32) },
            opcode::XIRR => Hcall::Xirr,
            opcode::REG_CRQ => {
                Hcall::RegCrq { unit_address: UnitAddress(a0), queue: Ioba(a1), len_bytes: a2 }
            }
            opcode::FREE_CRQ => Hcall::FreeCrq { unit_address: UnitAddress(a0) },
            opcode::VIO_SIGNAL => Hcall::VioSignal { unit_address: UnitAddress(a0), mode: a1 },
            opcode::SEND_CRQ => Hcall::SendCrq {
                unit_address: UnitAddress(a0),
                entry: CrqEntry::from_words(a1, a2),
            },
            opcode::COPY_RDMA => Hcall::CopyRdma(CopyRdma {
                len_bytes: a0,
                source_liobn: Liobn(a1),
                source_ioba: Ioba(a2),
                destination_liobn: Liobn(a3),
                destination_ioba: Ioba(a4),
            }),
            opcode::ENABLE_CRQ => Hcall::EnableCrq { unit_address: UnitAddress(a0) },
            opcode::REQUEST_VMC => Hcall::RequestVmc,
            unknown => return Err(UnknownOpcode(unknown)),
        })
    }
}

/// What a call returned.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HcallReturn {
    /// R3.
    pub code: ReturnCode,
    /// R4: a TCE, an XIRR or a DRC index, as the call says; otherwise 0.
    pub r4: u64,
}

impl HcallReturn {
    /// A successful return with a value in R4.
    pub const fn success_with(r4: u64) -> HcallReturn {
        HcallReturn { code: ReturnCode::SUCCESS, r4 }
    }

    /// The return in registers.
    pub const fn to_registers(self) -> ReturnRegisters {
        ReturnRegisters { r3: self.code.0, r4_to_r12: [self.r4, 0, 0, 0, 0, 0, 0, 0, 0] }
    }
}

impl From<ReturnCode> for HcallReturn {
    fn from(code: ReturnCode) -> HcallReturn {
        HcallReturn { code, r4: 0 }
    }
}

impl fmt::Debug for HcallReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.r4 {
            0 => write!(f, "{}", self.code),
            r4 => write!(f, "{} r4={r4:#x}", self.code),
        }
    }
}

/// Register form of a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReturnRegisters {
    /// R3: the return code.
    pub r3: i64,
    /// R4 to R12: return values.
    pub r4_to_r12: [u64; 9],
}
