//! Liberties: what the references leave to a driver, and other drivers do in another way than ours by itself.
//!
//! Each is as legal as what the driver does without it: the hypervisor's side has to serve it, and the
//! checkers of a run have to accept it. Like a [quirk](crate::Quirk) a liberty has one question, named after what happens at the site that
//! asks it, and costs nothing in a driver of which none is asked.

use crate::quirks::{NoQuirks, Quirk, QuirkSet, Quirks};
use core::fmt;
use core::hash::Hash;

macro_rules! liberties {
    ($($id:ident = $name:literal: $summary:literal;)*) => {
        /// What a driver may do as well.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Liberty {
            $(#[doc = $summary] $id,)*
        }

        impl Liberty {
            /// Every liberty.
            pub const ALL: &'static [Liberty] = &[$(Liberty::$id),*];

            /// How scenarios call it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Liberty::$id => $name,)*
                }
            }

            /// What the driver does, in one line.
            pub const fn summary(self) -> &'static str {
                match self {
                    $(Liberty::$id => $summary,)*
                }
            }
        }
    };
}

liberties! {
    EarlyUse = "early-use": "a buffer that was added is used before its Add Buffer Response is out";
    HighestBuffer = "highest-buffer": "write() and SETHMCID take the free buffer with the highest id, not the lowest";
    OtherGivenUp = "other-given-up": "Remove Buffer is given the free buffer at the other end of the pool than the profile's";
    EarlyInit = "early-init": "INIT goes out before the interrupt is enabled, and the queue is looked at afterwards";
    OneEntry = "one-entry": "the bottom half takes one entry from the queue in a turn, and asks for another turn";
}

impl Liberty {
    /// The liberty of this name, such as `early-use`.
    pub fn from_name(name: &str) -> Option<Liberty> {
        Liberty::ALL.iter().copied().find(|liberty| liberty.name() == name)
    }
}

impl fmt::Display for Liberty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which liberties a driver takes. Each site in the driver asks one question.
pub trait Liberties: Copy + Eq + Hash + fmt::Debug + Send + Sync + 'static {
    /// Whether the driver takes this liberty.
    fn takes(self, liberty: Liberty) -> bool;

    /// [`Liberty::EarlyUse`], Add Buffer: calls may use the buffer once its local counterpart is mapped, and the
    /// initialization is complete with the last seed (LoPAR, Add Buffer: the message transfers the buffer).
    fn publishes_before_response(self) -> bool {
        self.takes(Liberty::EarlyUse)
    }

    /// [`Liberty::HighestBuffer`], `write()` and SETHMCID: which of the buffers that it owns a side uses is its own
    /// choice (LoPAR, Signal Message: the sender names the buffer).
    fn uses_highest_buffer(self) -> bool {
        self.takes(Liberty::HighestBuffer)
    }

    /// [`Liberty::OtherGivenUp`], Remove Buffer: the management partition chooses the buffer (LoPAR, VMC Remove Buffer).
    fn gives_up_other_buffer(self) -> bool {
        self.takes(Liberty::OtherGivenUp)
    }

    /// [`Liberty::EarlyInit`], the probe and the reset task: LoPAR orders INIT after `H_REG_CRQ`, and says nothing of
    /// the interrupt (CRQ initialization).
    fn greets_before_interrupts(self) -> bool {
        self.takes(Liberty::EarlyInit)
    }

    /// [`Liberty::OneEntry`], the bottom half: how many entries a consumer takes before it lets others run is its own
    /// choice (LoPAR, CRQ Facility Interrupt Notification: it looks once more after it enabled the interrupt).
    fn takes_one_entry_a_turn(self) -> bool {
        self.takes(Liberty::OneEntry)
    }
}

impl Liberties for NoQuirks {
    fn takes(self, _: Liberty) -> bool {
        false
    }
}

impl Liberties for QuirkSet {
    fn takes(self, _: Liberty) -> bool {
        false
    }
}

/// The liberties that a test or a scenario chose. The default is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct LibertySet(u8);

impl LibertySet {
    /// The driver does as it does by itself.
    pub const NONE: LibertySet = LibertySet(0);

    /// The same set and one liberty more.
    #[must_use]
    pub const fn with(self, liberty: Liberty) -> LibertySet {
        LibertySet(self.0 | 1 << liberty as u8)
    }

    /// Whether no liberty was chosen.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Liberty> for LibertySet {
    fn from_iter<I: IntoIterator<Item = Liberty>>(liberties: I) -> LibertySet {
        liberties.into_iter().fold(LibertySet::default(), LibertySet::with)
    }
}

impl Liberties for LibertySet {
    fn takes(self, liberty: Liberty) -> bool {
        self.0 & 1 << liberty as u8 != 0
    }
}

/// A driver that takes liberties and misbehaves in no way.
impl Quirks for LibertySet {
    fn has(self, _: Quirk) -> bool {
        false
    }
}

/// How a driver behaves where it has a choice: the hazards that it shows, and the liberties that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Conduct {
    /// Its hazards.
    pub quirks: QuirkSet,
    /// Its liberties.
    pub liberties: LibertySet,
}

impl Conduct {
    /// Whether it is that of a driver of which nothing is asked.
    pub const fn is_plain(self) -> bool {
        self.quirks.is_empty() && self.liberties.is_empty()
    }
}

impl Liberties for Conduct {
    fn takes(self, liberty: Liberty) -> bool {
        self.liberties.takes(liberty)
    }
}

impl Quirks for Conduct {
    fn has(self, quirk: Quirk) -> bool {
        self.quirks.has(quirk)
    }
}
