//! Quirks: the driver misbehaves as a known hazard does, so that tests can show that it is noticed (mutation testing).
//! "Known hazards" in `crates/README.md` is the list.
//!
//! A driver of which nothing is asked has [`NoQuirks`]: every question that a site asks is answered `false`
//! at compile time, and the site is gone. [`QuirkSet`] chooses quirks while the program runs.

use crate::liberties::Liberties;
use core::fmt;
use core::hash::Hash;

macro_rules! quirks {
    ($($id:ident = $summary:literal;)*) => {
        /// A hazard of the list of known hazards that the driver can be made to show, by its number there.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Quirk {
            $(#[doc = $summary] $id,)*
        }

        impl Quirk {
            /// Every quirk, in the order of the list.
            pub const ALL: [Quirk; 24] = [$(Quirk::$id),*];

            /// Its number in the list of hazards.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Quirk::$id => stringify!($id),)*
                }
            }

            /// What the driver does, in one line.
            pub const fn summary(self) -> &'static str {
                match self {
                    $(Quirk::$id => $summary,)*
                }
            }
        }
    };
}

quirks! {
    H01 = "a reset sends INIT before interrupts are on, and does not look at the queue after";
    H02 = "a reset takes H_Closed from H_REG_CRQ for fatal and H_Resource for success";
    H03 = "a suspended partner is handled like one that is gone: the CRQ stays disabled";
    H04 = "INIT is ignored unless the driver waits for it";
    H05 = "the result of H_SEND_CRQ is ignored";
    H07 = "seed buffers of indexes without a session survive a reset by the partner";
    H08 = "the status of the capabilities response is ignored";
    H11 = "HMC interface messages are processed before the capabilities exchange";
    H12 = "a SETHMCID that fails keeps its index, even after close()";
    H14 = "a file whose session was reset still uses its old index, which another one may have by now";
    H15 = "session 255 is skipped, and session 0 of the hypervisor matches any session";
    H16 = "a failing open response ends a session that is ready, and its readers sleep on";
    H17 = "readers sleep on when a reset of the driver ends their session";
    H21 = "the buffer of a message is lost when its RDMA fails";
    H22 = "a signal with a bad index or buffer is answered with an add buffer response";
    H24 = "the last inbound buffer is given up";
    H25 = "buffer requests for a session that is not live get no answer";
    H27 = "the whole MTU is copied for the HMC ID";
    H30 = "poll() before SETHMCID is never woken, and a session that was reset never shows";
    H31 = "a write() that is empty, faults or fails its RDMA loses a buffer, the last with success";
    H32 = "a message longer than the MTU is copied past its buffer";
    H35 = "a partner that deregistered is answered with a reset";
    H37 = "a refused open frees every buffer of its index, the seed included";
    H38 = "removing the driver frees no buffers";
}

impl Quirk {
    /// The quirk with this number, such as `H01`.
    pub fn from_id(id: &str) -> Option<Quirk> {
        Quirk::ALL.into_iter().find(|quirk| quirk.id() == id)
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Which quirks a driver has. Each site in the driver asks one question, named after what happens there.
pub trait Quirks: Liberties {
    /// Whether the driver has this quirk.
    fn has(self, quirk: Quirk) -> bool;

    /// [`Quirk::H01`], the reset task: INIT goes out first, and the queue is not looked at afterwards.
    fn sends_init_before_interrupts(self) -> bool {
        self.has(Quirk::H01)
    }

    /// [`Quirk::H02`], the reset task: H_Closed and H_Resource from `H_REG_CRQ` are mistaken.
    fn mistakes_registration(self) -> bool {
        self.has(Quirk::H02)
    }

    /// [`Quirk::H03`], transport events: each means that the partner is gone, and no more.
    fn handles_transport_events_alike(self) -> bool {
        self.has(Quirk::H03)
    }

    /// [`Quirk::H04`], INIT: dropped in every state but "waiting for INIT".
    fn drops_unawaited_init(self) -> bool {
        self.has(Quirk::H04)
    }

    /// [`Quirk::H05`], every `H_SEND_CRQ`: every return code counts as success.
    fn ignores_send_result(self) -> bool {
        self.has(Quirk::H05)
    }

    /// [`Quirk::H07`], the end of all sessions: the pool of an index without one stays.
    fn keeps_seeds_without_session(self) -> bool {
        self.has(Quirk::H07)
    }

    /// [`Quirk::H08`], the capabilities response: its status is not looked at.
    fn ignores_capabilities_status(self) -> bool {
        self.has(Quirk::H08)
    }

    /// [`Quirk::H11`], messages: what the driver offered counts before it was agreed on.
    fn handles_messages_before_capabilities(self) -> bool {
        self.has(Quirk::H11)
    }

    /// [`Quirk::H12`], SETHMCID: a failure keeps the session that it had reserved.
    fn keeps_failed_session(self) -> bool {
        self.has(Quirk::H12)
    }

    /// [`Quirk::H14`], the end of a session: its file goes on pointing at the slot.
    fn leaves_file_bound(self) -> bool {
        self.has(Quirk::H14)
    }

    /// [`Quirk::H15`], session numbers: the last one is 254.
    fn skips_session_255(self) -> bool {
        self.has(Quirk::H15)
    }

    /// [`Quirk::H15`], messages: session 0 is any session that has the index.
    fn takes_session_0_for_any(self) -> bool {
        self.has(Quirk::H15)
    }

    /// [`Quirk::H16`], the open response: a failure ends a session that is ready, and wakes no reader.
    fn tears_ready_session_down(self) -> bool {
        self.has(Quirk::H16)
    }

    /// [`Quirk::H17`], the reset task: sessions end without a wake-up.
    fn leaves_sleepers_at_reset(self) -> bool {
        self.has(Quirk::H17)
    }

    /// [`Quirk::H21`], an inbound message whose RDMA failed: its buffer and the error are lost.
    fn loses_buffer_of_failed_fetch(self) -> bool {
        self.has(Quirk::H21)
    }

    /// [`Quirk::H22`], a bad signal: an Add Buffer Response says so.
    fn answers_bad_signal(self) -> bool {
        self.has(Quirk::H22)
    }

    /// [`Quirk::H24`], Remove Buffer: the last inbound buffer may go.
    fn gives_up_last_buffer(self) -> bool {
        self.has(Quirk::H24)
    }

    /// [`Quirk::H25`], Add and Remove Buffer: dropped when the session is not live.
    fn drops_buffer_requests_of_old_sessions(self) -> bool {
        self.has(Quirk::H25)
    }

    /// [`Quirk::H27`], SETHMCID: the RDMA has the length of the MTU.
    fn copies_mtu_for_hmc_id(self) -> bool {
        self.has(Quirk::H27)
    }

    /// [`Quirk::H30`], `poll()` on a file without a session: on no list of sleepers.
    fn polls_without_session_in_vain(self) -> bool {
        self.has(Quirk::H30)
    }

    /// [`Quirk::H30`], what `poll()` reports: nothing when the session is lost.
    fn hides_lost_session_from_poll(self) -> bool {
        self.has(Quirk::H30)
    }

    /// [`Quirk::H31`], `write()`: an empty one takes a buffer and never gives it back.
    fn loses_buffer_of_empty_write(self) -> bool {
        self.has(Quirk::H31)
    }

    /// [`Quirk::H31`], `write()`: its buffer is not given back when the user's memory faults.
    fn loses_buffer_of_faulting_write(self) -> bool {
        self.has(Quirk::H31)
    }

    /// [`Quirk::H31`], `write()`: a failed RDMA counts as a success, and the buffer is lost.
    fn takes_failed_rdma_for_success(self) -> bool {
        self.has(Quirk::H31)
    }

    /// [`Quirk::H32`], a signal: its length is not compared with the MTU.
    fn fetches_past_mtu(self) -> bool {
        self.has(Quirk::H32)
    }

    /// [`Quirk::H35`], a transport event: told of a deregistration, the driver deregisters too.
    fn resets_when_partner_deregistered(self) -> bool {
        self.has(Quirk::H35)
    }

    /// [`Quirk::H37`], the open response: after a refusal no buffer is left, not even the one of the open.
    fn frees_seed_of_refused_open(self) -> bool {
        self.has(Quirk::H37)
    }

    /// [`Quirk::H38`], the removal of the device: the pools stay as they are, mapped and all, into the next life.
    fn keeps_buffers_at_removal(self) -> bool {
        self.has(Quirk::H38)
    }
}

/// The driver as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct NoQuirks;

impl Quirks for NoQuirks {
    fn has(self, _: Quirk) -> bool {
        false
    }
}

/// The quirks that a test or a scenario chose. The default is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct QuirkSet(u32);

impl QuirkSet {
    /// The same set and one quirk more.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> QuirkSet {
        QuirkSet(self.0 | 1 << quirk as u32)
    }

    /// Whether no quirk was chosen.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The quirks, in the order of the list.
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.into_iter().filter(move |quirk| self.has(*quirk))
    }
}

impl FromIterator<Quirk> for QuirkSet {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> QuirkSet {
        quirks.into_iter().fold(QuirkSet::default(), QuirkSet::with)
    }
}

impl Quirks for QuirkSet {
    fn has(self, quirk: Quirk) -> bool {
        self.0 & 1 << quirk as u32 != 0
    }
}
