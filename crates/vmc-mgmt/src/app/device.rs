//! The device that the application opens: a file of the operating system, or an embedded machine's.

use hmc_client::{Device, DeviceFile, Embedded, EmbeddedFile, HmcId, OpenDevice, Ready, VmcFile};
use std::io::{self, Read, Write};
use std::time::Duration;
use vmc_machine::embed::OnOwnThreads;

/// Either device.
#[derive(Debug)]
pub enum AnyDevice {
    /// The file of the operating system.
    File(DeviceFile),
    /// That of an embedded machine.
    Embedded(Embedded<OnOwnThreads>),
}

/// Either open file.
#[derive(Debug)]
pub enum AnyFile {
    /// That of the operating system.
    File(OpenDevice),
    /// That of an embedded machine.
    Embedded(EmbeddedFile<OnOwnThreads>),
}

impl Device for AnyDevice {
    type File = AnyFile;

    fn open(&mut self, hmc_id: &HmcId) -> io::Result<AnyFile> {
        match self {
            AnyDevice::File(device) => device.open(hmc_id).map(AnyFile::File),
            AnyDevice::Embedded(device) => device.open(hmc_id).map(AnyFile::Embedded),
        }
    }

    fn sleep(&mut self, time: Duration) -> io::Result<()> {
        match self {
            AnyDevice::File(device) => device.sleep(time),
            AnyDevice::Embedded(device) => device.sleep(time),
        }
    }

    fn now(&self) -> Duration {
        match self {
            AnyDevice::File(device) => device.now(),
            AnyDevice::Embedded(device) => device.now(),
        }
    }
}

impl Read for AnyFile {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            AnyFile::File(file) => file.read(room),
            AnyFile::Embedded(file) => file.read(room),
        }
    }
}

impl Write for AnyFile {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        match self {
            AnyFile::File(file) => file.write(message),
            AnyFile::Embedded(file) => file.write(message),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            AnyFile::File(file) => file.flush(),
            AnyFile::Embedded(file) => file.flush(),
        }
    }
}

impl VmcFile for AnyFile {
    fn poll(&mut self, patience: Duration) -> io::Result<Ready> {
        match self {
            AnyFile::File(file) => file.poll(patience),
            AnyFile::Embedded(file) => file.poll(patience),
        }
    }
}
