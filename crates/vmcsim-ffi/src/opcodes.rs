//! Opcodes and return codes of hypervisor calls, as the header names them.

/// H_GET_TCE: LIOBN, I/O address. Gives the TCE in `rets[0]`.
pub const VMCSIM_H_GET_TCE: u64 = 0x1C;
/// H_PUT_TCE: LIOBN, I/O address, TCE.
pub const VMCSIM_H_PUT_TCE: u64 = 0x20;
/// H_EOI: XIRR, as H_XIRR has given it.
pub const VMCSIM_H_EOI: u64 = 0x64;
/// H_XIRR: no argument. Gives the XIRR in `rets[0]`: the source of the interrupt in its low 24 bits, 0 when none is pending.
pub const VMCSIM_H_XIRR: u64 = 0x74;
/// H_REG_CRQ: unit address, I/O address of the queue, its length in bytes. VMCSIM_H_CLOSED: registered, and the partner is not yet.
pub const VMCSIM_H_REG_CRQ: u64 = 0xFC;
/// H_FREE_CRQ: unit address.
pub const VMCSIM_H_FREE_CRQ: u64 = 0x100;
/// H_VIO_SIGNAL: unit address, mode: 1 enables the interrupt of the queue, 0 disables it.
pub const VMCSIM_H_VIO_SIGNAL: u64 = 0x104;
/// H_SEND_CRQ: unit address, the first 8 bytes of the entry as a number, the last 8.
pub const VMCSIM_H_SEND_CRQ: u64 = 0x108;
/// H_COPY_RDMA: length in bytes, LIOBN and I/O address of the source, LIOBN and I/O address of the destination.
pub const VMCSIM_H_COPY_RDMA: u64 = 0x110;
/// H_STUFF_TCE: LIOBN, I/O address, TCE, count up to 512.
pub const VMCSIM_H_STUFF_TCE: u64 = 0x138;
/// H_PUT_TCE_INDIRECT: LIOBN, I/O address, address of a page of TCEs in the partition's memory, count up to 512.
pub const VMCSIM_H_PUT_TCE_INDIRECT: u64 = 0x13C;
/// H_ENABLE_CRQ: unit address.
pub const VMCSIM_H_ENABLE_CRQ: u64 = 0x2B0;
/// H_REQUEST_VMC: no argument. Gives the DRC index of the VMC in `rets[0]`.
pub const VMCSIM_H_REQUEST_VMC: u64 = 0x360;

/// The call did what it says.
pub const VMCSIM_H_SUCCESS: i64 = 0;
/// Hardware busy, retry later.
pub const VMCSIM_H_BUSY: i64 = 1;
/// The virtual I/O connection is closed.
pub const VMCSIM_H_CLOSED: i64 = 2;
/// What was asked for is not available.
pub const VMCSIM_H_NOT_AVAILABLE: i64 = 3;
/// More was asked for than the maximum allowed.
pub const VMCSIM_H_CONSTRAINED: i64 = 4;
/// The request completed only partially.
pub const VMCSIM_H_PARTIAL: i64 = 5;
/// Busy: try again in 1 ms.
pub const VMCSIM_H_LONG_BUSY_1_MSEC: i64 = 9900;
/// Busy: try again in 10 ms.
pub const VMCSIM_H_LONG_BUSY_10_MSEC: i64 = 9901;
/// Busy: try again in 100 ms.
pub const VMCSIM_H_LONG_BUSY_100_MSEC: i64 = 9902;
/// Busy: try again in 1 s.
pub const VMCSIM_H_LONG_BUSY_1_SEC: i64 = 9903;
/// Busy: try again in 10 s.
pub const VMCSIM_H_LONG_BUSY_10_SEC: i64 = 9904;
/// Busy: try again in 100 s.
pub const VMCSIM_H_LONG_BUSY_100_SEC: i64 = 9905;
/// Unspecific hardware error; every call may return it.
pub const VMCSIM_H_HARDWARE: i64 = -1;
/// The function is not supported.
pub const VMCSIM_H_FUNCTION: i64 = -2;
/// The caller is not in privileged mode.
pub const VMCSIM_H_PRIVILEGE: i64 = -3;
/// A parameter is outside its valid range for the partition.
pub const VMCSIM_H_PARAMETER: i64 = -4;
/// The requested entity was not found.
pub const VMCSIM_H_NOT_FOUND: i64 = -7;
/// The caller lacks the authority for the function.
pub const VMCSIM_H_AUTHORITY: i64 = -10;
/// The mapping does not allow the requested transfer.
pub const VMCSIM_H_PERMISSION: i64 = -11;
/// The message could not be delivered.
pub const VMCSIM_H_DROPPED: i64 = -12;
/// The source parameter is illegal.
pub const VMCSIM_H_S_PARM: i64 = -13;
/// The destination parameter is illegal.
pub const VMCSIM_H_D_PARM: i64 = -14;
/// The remote TCE mapping is illegal.
pub const VMCSIM_H_R_PARM: i64 = -15;
/// A required resource is in use.
pub const VMCSIM_H_RESOURCE: i64 = -16;
/// Parameter 4 is invalid.
pub const VMCSIM_H_P4: i64 = -57;

#[cfg(test)]
mod tests {
    use super::*;
    use papr::ReturnCode;
    use papr::hcall::opcode;

    #[test]
    fn the_opcodes_are_those_of_the_architecture() {
        let named = [
            (VMCSIM_H_GET_TCE, opcode::GET_TCE),
            (VMCSIM_H_PUT_TCE, opcode::PUT_TCE),
            (VMCSIM_H_EOI, opcode::EOI),
            (VMCSIM_H_XIRR, opcode::XIRR),
            (VMCSIM_H_REG_CRQ, opcode::REG_CRQ),
            (VMCSIM_H_FREE_CRQ, opcode::FREE_CRQ),
            (VMCSIM_H_VIO_SIGNAL, opcode::VIO_SIGNAL),
            (VMCSIM_H_SEND_CRQ, opcode::SEND_CRQ),
            (VMCSIM_H_COPY_RDMA, opcode::COPY_RDMA),
            (VMCSIM_H_STUFF_TCE, opcode::STUFF_TCE),
            (VMCSIM_H_PUT_TCE_INDIRECT, opcode::PUT_TCE_INDIRECT),
            (VMCSIM_H_ENABLE_CRQ, opcode::ENABLE_CRQ),
            (VMCSIM_H_REQUEST_VMC, opcode::REQUEST_VMC),
        ];
        assert_eq!(named.len(), opcode::ALL.len());
        named.iter().for_each(|(ours, theirs)| assert_eq!(ours, theirs));
    }

    #[test]
    fn the_return_codes_are_those_of_the_architecture() {
        let named = [
            (VMCSIM_H_SUCCESS, ReturnCode::SUCCESS),
            (VMCSIM_H_BUSY, ReturnCode::BUSY),
            (VMCSIM_H_CLOSED, ReturnCode::CLOSED),
            (VMCSIM_H_NOT_AVAILABLE, ReturnCode::NOT_AVAILABLE),
            (VMCSIM_H_CONSTRAINED, ReturnCode::CONSTRAINED),
            (VMCSIM_H_PARTIAL, ReturnCode::PARTIAL),
            (VMCSIM_H_LONG_BUSY_1_MSEC, ReturnCode::LONG_BUSY_1_MSEC),
            (VMCSIM_H_LONG_BUSY_10_MSEC, ReturnCode::LONG_BUSY_10_MSEC),
            (VMCSIM_H_LONG_BUSY_100_MSEC, ReturnCode::LONG_BUSY_100_MSEC),
            (VMCSIM_H_LONG_BUSY_1_SEC, ReturnCode::LONG_BUSY_1_SEC),
            (VMCSIM_H_LONG_BUSY_10_SEC, ReturnCode::LONG_BUSY_10_SEC),
            (VMCSIM_H_LONG_BUSY_100_SEC, ReturnCode::LONG_BUSY_100_SEC),
            (VMCSIM_H_HARDWARE, ReturnCode::HARDWARE),
            (VMCSIM_H_FUNCTION, ReturnCode::FUNCTION),
            (VMCSIM_H_PRIVILEGE, ReturnCode::PRIVILEGE),
            (VMCSIM_H_PARAMETER, ReturnCode::PARAMETER),
            (VMCSIM_H_NOT_FOUND, ReturnCode::NOT_FOUND),
            (VMCSIM_H_AUTHORITY, ReturnCode::AUTHORITY),
            (VMCSIM_H_PERMISSION, ReturnCode::PERMISSION),
            (VMCSIM_H_DROPPED, ReturnCode::DROPPED),
            (VMCSIM_H_S_PARM, ReturnCode::S_PARM),
            (VMCSIM_H_D_PARM, ReturnCode::D_PARM),
            (VMCSIM_H_R_PARM, ReturnCode::R_PARM),
            (VMCSIM_H_RESOURCE, ReturnCode::RESOURCE),
            (VMCSIM_H_P4, ReturnCode::P4),
        ];
        named.iter().for_each(|(ours, theirs)| assert_eq!(*ours, theirs.0));
    }
}
