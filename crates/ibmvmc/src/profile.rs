//! Every observable of the driver in which the profiles differ.

use crate::Errno;
use vmc_proto::{AddBufferStatus, BufferId, Profile, RemoveBufferStatus, Status};

/// Every observable in which the profiles differ, one function each. What is not here is the same in both.
pub(crate) trait Observables: Copy {
    /// The profile that shows it.
    fn profile(self) -> Profile;

    /// Whether `open()` is refused until the initialization has completed.
    fn open_needs_initialization(self) -> bool {
        matches!(self.profile(), Profile::Document)
    }

    /// Whether `open()` of a failed device is refused.
    fn open_needs_working_device(self) -> bool {
        matches!(self.profile(), Profile::Document)
    }

    /// Every other failure of `open()`.
    fn open_failed(self) -> Errno {
        match self.profile() {
            Profile::Document => Errno::EIO,
            Profile::Linux => Errno::ENOMEM,
        }
    }

    /// Whether QUERY shows the channel as ready, and `SETHMCID` looks for a seed buffer, as soon as the
    /// capabilities are exchanged.
    fn is_ready_before_seeds(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// Whether QUERY shows the DRC index that REQUESTVMC got last, or that of the device.
    fn queries_requested_index(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// `SETHMCID` while the channel is not ready.
    fn not_ready(self) -> Errno {
        match self.profile() {
            Profile::Document => Errno::EIO,
            Profile::Linux => Errno::EAGAIN,
        }
    }

    /// `SETHMCID` when an index is unused but the hypervisor has not seeded it (again) yet. To the document
    /// such an index is not free.
    fn no_seed_buffer(self) -> Errno {
        match self.profile() {
            Profile::Document => Errno::EBUSY,
            Profile::Linux => Errno::ENOBUFS,
        }
    }

    /// Whether `read()` looks at its length before anything else: 0 bytes are read at once, more than the MTU
    /// are refused with `EINVAL`.
    fn read_checks_length_first(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// Whether a `read()` into bad memory takes its message all the same.
    fn loses_message_of_faulting_read(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// Whether a `write()` of 0 bytes needs all that another one needs: a session that is open, and a buffer.
    fn empty_write_needs_buffer(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// Whether a reader learns, once, that the RDMA of a message failed.
    fn reports_lost_message(self) -> bool {
        matches!(self.profile(), Profile::Document)
    }

    /// Whether a message of length 0 reaches the application, as a `read()` of 0 bytes.
    fn delivers_empty_message(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// Whether a Signal that announces more than the MTU is ignored, its buffer included. Otherwise only its
    /// message is refused.
    fn ignores_long_signal(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// Whether `close()` leaves other calls on the file alone: the last of them releases the file.
    fn last_call_releases(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// Whether every transport event but the suspension of the partner says that the partner is gone.
    fn every_event_ends_sessions(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// Whether a probe sends INIT even if `H_REG_CRQ` says that there is no partner.
    fn greets_absent_partner(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// Whether Remove Buffer gives up the free buffer with the lowest id, or that with the highest.
    fn gives_up_lowest_buffer(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// The buffer id of a Remove Buffer Response that says that there is none to give up.
    fn no_buffer_id(self) -> BufferId {
        match self.profile() {
            Profile::Document => BufferId(0),
            Profile::Linux => BufferId(u16::MAX),
        }
    }

    /// Whether `poll()` shows errors and hang-ups, or `POLLIN` only.
    fn polls_errors(self) -> bool {
        matches!(self.profile(), Profile::Document)
    }

    /// Whether `close()` frees the connection's storage before Interface Close is sent, or the response
    /// does.
    fn frees_before_close(self) -> bool {
        matches!(self.profile(), Profile::Document)
    }

    /// Whether the buffers of a session that was closed before its Open was answered are taken until that answer.
    fn adds_to_closing(self) -> bool {
        matches!(self.profile(), Profile::Linux)
    }

    /// Whether an Interface Close Response with a failure is in order where the Open was refused after the Close had been
    /// sent: there is nothing to close. Otherwise it resets the channel like any other.
    fn close_may_follow_refusal(self) -> bool {
        matches!(self.profile(), Profile::Document)
    }

    /// Status byte of an Add Buffer Response.
    fn add_buffer_status(self, status: AddBufferStatus) -> Status {
        match self.profile() {
            Profile::Document => Status(status as u8),
            Profile::Linux => Status(match status {
                AddBufferStatus::Success => 0,
                AddBufferStatus::InvalidHmcIndex => 1,
                AddBufferStatus::InvalidBufferId => 2,
                AddBufferStatus::ConnectionClosed => 3,
                AddBufferStatus::GeneralFailure => 4,
            }),
        }
    }

    /// Status byte of a Remove Buffer Response to a request for a session that is not there.
    fn remove_buffer_closed(self) -> Status {
        match self.profile() {
            Profile::Document => Status(RemoveBufferStatus::GeneralFailure as u8),
            Profile::Linux => Status(3),
        }
    }

    /// Status byte of a Remove Buffer Response.
    fn remove_buffer_status(self, status: RemoveBufferStatus) -> Status {
        match self.profile() {
            Profile::Document => Status(status as u8),
            Profile::Linux => Status(match status {
                RemoveBufferStatus::Success => 0,
                RemoveBufferStatus::InvalidHmcIndex => 1,
                RemoveBufferStatus::GeneralFailure => 4,
                RemoveBufferStatus::NoBufferFound => 5,
            }),
        }
    }
}

impl Observables for Profile {
    #[inline]
    fn profile(self) -> Profile {
        self
    }
}
