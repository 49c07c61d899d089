//! The device of an embedded machine: an application, or a seat of a machine that serves programs.

use crate::file::{Device, HmcId, Ready, VmcFile};
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::Duration;
use vmc_machine::activity::Request;
use vmc_machine::embed::programs::{Answer, OpenFile, Programs};
use vmc_machine::embed::{Application, CallError, Errno, File, Host, PollEvents, Reply};

/// The device as an application of an embedded machine has it. Time is the machine's.
#[derive(Debug)]
pub struct Embedded<H: Host>(Rc<RefCell<Application<H>>>);

impl<H: Host> Embedded<H> {
    /// The device of an application.
    pub fn new(application: Application<H>) -> Embedded<H> {
        Embedded(Rc::new(RefCell::new(application)))
    }
}

impl<H: Host> Clone for Embedded<H> {
    fn clone(&self) -> Embedded<H> {
        Embedded(Rc::clone(&self.0))
    }
}

/// A file that an application of an embedded machine has open.
#[derive(Debug)]
pub struct EmbeddedFile<H: Host> {
    application: Embedded<H>,
    file: File,
}

fn of_errno(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.number())
}

fn of_events(events: PollEvents) -> Ready {
    Ready { readable: events.readable, hung_up: events.hung_up || events.invalid }
}

impl<H: Host> Device for Embedded<H> {
    type File = EmbeddedFile<H>;

    fn open(&mut self, hmc_id: &HmcId) -> io::Result<EmbeddedFile<H>> {
        let file = self.0.borrow_mut().open(false).map_err(io::Error::from)?;
        let opened = EmbeddedFile { application: self.clone(), file };
        let name: Vec<u8> = hmc_id.iter().copied().take_while(|byte| *byte != 0).collect();
        let name = String::from_utf8_lossy(&name);
        self.0.borrow_mut().set_hmc_id(file, &name).map_err(io::Error::from)?;
        Ok(opened)
    }

    fn sleep(&mut self, time: Duration) -> io::Result<()> {
        self.0.borrow_mut().sleep(time).map_err(io::Error::from)
    }

    fn now(&self) -> Duration {
        self.0.borrow().now()
    }
}

impl<H: Host> Read for EmbeddedFile<H> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.application.0.borrow_mut().read(self.file, room).map_err(io::Error::from)
    }
}

impl<H: Host> Write for EmbeddedFile<H> {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        self.application.0.borrow_mut().write(self.file, message).map_err(io::Error::from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<H: Host> VmcFile for EmbeddedFile<H> {
    fn poll(&mut self, patience: Duration) -> io::Result<Ready> {
        let mut application = self.application.0.borrow_mut();
        application.poll_for(self.file, patience).map(of_events).map_err(io::Error::from)
    }
}

impl<H: Host> Drop for EmbeddedFile<H> {
    fn drop(&mut self) {
        // There is no one left to tell.
        let _ = self.application.0.borrow_mut().close(self.file);
    }
}

/// The device as a program on a seat of a machine has it, with all that can happen there: faults, signals, other programs.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'p> {
    programs: &'p Programs<'p>,
    number: u16,
}

impl<'p> Seat<'p> {
    /// A seat by its number.
    pub fn new(programs: &'p Programs<'p>, number: u16) -> Seat<'p> {
        Seat { programs, number }
    }
}

/// A file that a program on a seat has open.
#[derive(Debug)]
pub struct SeatFile<'p> {
    seat: Seat<'p>,
    on: OpenFile,
}

impl SeatFile<'_> {
    fn call(&self, request: Request) -> io::Result<Answer> {
        let Seat { programs, number } = self.seat;
        checked(programs.call_on(number, self.on, request, &mut || {}))
    }
}

fn checked(answer: Answer) -> io::Result<Answer> {
    match answer.reply {
        Reply::Failed(errno) => Err(of_errno(errno)),
        Reply::Stale | Reply::DeviceFailed => Err(of_errno(Errno::ENODEV)),
        _ => Ok(answer),
    }
}

impl<'p> Device for Seat<'p> {
    type File = SeatFile<'p>;

    fn open(&mut self, hmc_id: &HmcId) -> io::Result<SeatFile<'p>> {
        let request = Request::Open { nonblock: false };
        let answer = checked(self.programs.call(self.number, request, &mut || {}))?;
        let on = answer.opened.ok_or_else(|| of_errno(Errno::EIO))?;
        let opened = SeatFile { seat: *self, on };
        opened.call(Request::SetHmcId { file: on.file, id: *hmc_id })?;
        Ok(opened)
    }

    fn sleep(&mut self, time: Duration) -> io::Result<()> {
        if self.programs.sleep(self.number, None, time) {
            return Ok(());
        }
        Err(CallError::Stuck.into())
    }

    fn now(&self) -> Duration {
        self.programs.now()
    }
}

impl Read for SeatFile<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let request = Request::Read { file: self.on.file, len_bytes: room.len() as u64 };
        let message = self.call(request)?.message;
        let len = message.len().min(room.len());
        room[..len].copy_from_slice(&message[..len]);
        Ok(len)
    }
}

impl Write for SeatFile<'_> {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        let request = Request::Write { file: self.on.file, message: message.to_vec() };
        match self.call(request)?.reply {
            Reply::Bytes(len) => Ok(len as usize),
            _ => Err(of_errno(Errno::EIO)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl VmcFile for SeatFile<'_> {
    fn poll(&mut self, patience: Duration) -> io::Result<Ready> {
        let Seat { programs, number } = self.seat;
        match checked(programs.poll_for(number, self.on, patience))?.reply {
            Reply::Poll(events) => Ok(of_events(events)),
            _ => Err(of_errno(Errno::EIO)),
        }
    }
}

impl Drop for SeatFile<'_> {
    fn drop(&mut self) {
        // A file of a life that is over is closed already.
        let _ = self.call(Request::Close(self.on.file));
    }
}
