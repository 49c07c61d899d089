//! The device as a file of the operating system.

mod ioctl;

use crate::file::{Device, HmcId, Ready, VmcFile};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The device at a path, such as `/dev/ibmvmc`, or where `cargo xtask device` serves it. Time is the clock's.
#[derive(Clone, Debug)]
pub struct DeviceFile {
    path: PathBuf,
    since: Instant,
}

impl DeviceFile {
    /// The device at this path. It is opened when a client needs it.
    pub fn new(path: impl Into<PathBuf>) -> DeviceFile {
        DeviceFile { path: path.into(), since: Instant::now() }
    }
}

impl Device for DeviceFile {
    type File = OpenDevice;

    fn open(&mut self, hmc_id: &HmcId) -> io::Result<OpenDevice> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        ioctl::set_hmc_id(&file, hmc_id)?;
        Ok(OpenDevice(file))
    }

    fn sleep(&mut self, time: Duration) -> io::Result<()> {
        std::thread::sleep(time);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }
}

/// The open device.
#[derive(Debug)]
pub struct OpenDevice(File);

impl Read for OpenDevice {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }
}

impl Write for OpenDevice {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        self.0.write(message)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl VmcFile for OpenDevice {
    fn poll(&mut self, patience: Duration) -> io::Result<Ready> {
        let patience = Timespec::try_from(patience).ok();
        let mut files = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut files, patience.as_ref())?;
        let events = files[0].revents();
        let over = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        Ok(Ready { readable: events.contains(PollFlags::IN), hung_up: events.intersects(over) })
    }
}
