//! `ioctl(SETHMCID)`. It is unsafe because the operating system cannot know what the number makes of its argument.

#![allow(unsafe_code)]

use crate::file::HmcId;
use rustix::ioctl::{Opcode, Setter, ioctl, opcode};
use std::io;
use std::os::fd::AsFd;

/// `_IOW(0xCC, 0x00, unsigned char *)`: the number has the size of a pointer, and the argument has 32 bytes.
const SET_HMC_ID: Opcode = opcode::write::<*const u8>(0xCC, 0x00);

/// Sets the HMC ID of an open file, which begins to open a session.
pub(super) fn set_hmc_id(file: impl AsFd, hmc_id: &HmcId) -> io::Result<()> {
    // SAFETY: the driver reads 32 bytes from the argument, which points to as many, and writes nothing.
    let done = unsafe { ioctl(file, Setter::<SET_HMC_ID, HmcId>::new(*hmc_id)) };
    Ok(done?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Driver document, ioctls: the numbers of x86-64 and ppc64.
    #[test]
    fn the_number_is_the_driver_s() {
        assert!([0x4008_CC00, 0x8008_CC00].contains(&SET_HMC_ID));
    }
}
