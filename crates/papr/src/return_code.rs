//! Return codes of hypervisor calls (LoPAR, Hypervisor Call Return Code Table).

use core::fmt;
use core::time::Duration;

/// The value of R3 after a hypervisor call: an open type, so that a code without a name is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReturnCode(pub i64);

macro_rules! codes {
    ($($(#[$doc:meta])* $konst:ident = $value:literal, $name:literal $(| $other:literal)*;)*) => {
        impl ReturnCode {
            $($(#[$doc])* pub const $konst: ReturnCode = ReturnCode($value);)*

            /// Every code that has a name.
            pub const NAMED: &[ReturnCode] = &[$(ReturnCode::$konst),*];

            /// Every spelling of a name that LoPAR uses: its table and its text differ.
            pub const SPELLINGS: &[(&str, ReturnCode)] =
                &[$(($name, ReturnCode::$konst), $(($other, ReturnCode::$konst),)*)*];

            /// The architecture's name of this code, if it has one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// The call did what it says.
    SUCCESS = 0, "H_Success";
    /// Hardware busy, retry later.
    BUSY = 1, "H_Busy";
    /// The virtual I/O connection is closed.
    CLOSED = 2, "H_Closed";
    /// What was asked for is not available.
    NOT_AVAILABLE = 3, "H_Not_Available" | "H_NOT_AVAILABLE";
    /// More was asked for than the maximum allowed.
    CONSTRAINED = 4, "H_Constrained";
    /// The request completed only partially.
    PARTIAL = 5, "H_Partial" | "H_PARTIAL";
    /// The request goes on.
    IN_PROGRESS = 14, "H_IN_PROGRESS";
    /// The page is registered.
    PAGE_REGISTERED = 15, "H_PAGE_REGISTERED";
    /// Only a part was stored.
    PARTIAL_STORE = 16, "H_PARTIAL_STORE";
    /// The request is pending.
    PENDING = 17, "H_PENDING";
    /// The request is to be continued.
    CONTINUE = 18, "H_CONTINUE";
    /// Busy: try again in 1 ms.
    LONG_BUSY_1_MSEC = 9900, "H_LongBusyOrder1mSec" | "H_LongBusyOrder1msec";
    /// Busy: try again in 10 ms.
    LONG_BUSY_10_MSEC = 9901, "H_LongBusyOrder10mSec";
    /// Busy: try again in 100 ms.
    LONG_BUSY_100_MSEC = 9902, "H_LongBusyOrder100mSec";
    /// Busy: try again in 1 s.
    LONG_BUSY_1_SEC = 9903, "H_LongBusyOrder1Sec";
    /// Busy: try again in 10 s.
    LONG_BUSY_10_SEC = 9904, "H_LongBusyOrder10Sec" | "H_LongBusyOrder10sec";
    /// Busy: try again in 100 s.
    LONG_BUSY_100_SEC = 9905, "H_LongBusyOrder100Sec" | "H_LongBusyOrder100sec";
    /// Unspecific hardware error; every call may return it.
    HARDWARE = -1, "H_Hardware";
    /// The function is not supported.
    FUNCTION = -2, "H_Function";
    /// The caller is not in privileged mode.
    PRIVILEGE = -3, "H_Privilege";
    /// A parameter is outside its valid range for the partition.
    PARAMETER = -4, "H_Parameter" | "H_PARAMETER";
    /// The page table entry group is full.
    PTEG_FULL = -6, "H_PTEG_FULL";
    /// The requested entity was not found.
    NOT_FOUND = -7, "H_Not_Found";
    /// The address is reserved by the hypervisor on this processor.
    RESERVED_DABR = -8, "H_RESERVED_DABR";
    /// There is no memory.
    NOMEM = -9, "H_NOMEM";
    /// The caller lacks the authority for the function.
    AUTHORITY = -10, "H_Authority" | "H_AUTHORITY";
    /// The mapping does not allow the requested transfer.
    PERMISSION = -11, "H_Permission";
    /// The message could not be delivered.
    DROPPED = -12, "H_Dropped";
    /// The source parameter is illegal.
    S_PARM = -13, "H_S_Parm";
    /// The destination parameter is illegal.
    D_PARM = -14, "H_D_Parm";
    /// The remote TCE mapping is illegal.
    R_PARM = -15, "H_R_Parm";
    /// A required resource is in use.
    RESOURCE = -16, "H_Resource";
    /// The adapter is invalid.
    ADAPTER_PARM = -17, "H_ADAPTER_PARM";
    /// The resource is not valid, or conflicts with the partition.
    RH_PARM = -18, "H_RH_PARM";
    /// The receive queue is not valid, or conflicts with the partition.
    RCQ_PARM = -19, "H_RCQ_PARM";
    /// The send queue is not valid, or conflicts with the partition.
    SCQ_PARM = -20, "H_SCQ_PARM";
    /// Parameter 4 is invalid.
    P4 = -57, "H_P4";
}

impl ReturnCode {
    /// The code of that name, in any spelling that LoPAR uses.
    pub fn from_name(name: &str) -> Option<ReturnCode> {
        let spelt = |(spelling, _): &&(&str, ReturnCode)| *spelling == name;
        Self::SPELLINGS.iter().find(spelt).map(|(_, code)| *code)
    }

    /// Whether the call did what it says.
    pub const fn is_success(self) -> bool {
        self.0 == Self::SUCCESS.0
    }

    /// How long to wait before the same call is made again: the hint of a long-busy code, zero for
    /// `H_Busy`, `None` for a code that does not ask for another try.
    pub const fn busy_hint(self) -> Option<Duration> {
        match self {
            Self::BUSY => Some(Duration::ZERO),
            Self::LONG_BUSY_1_MSEC => Some(Duration::from_millis(1)),
            Self::LONG_BUSY_10_MSEC => Some(Duration::from_millis(10)),
            Self::LONG_BUSY_100_MSEC => Some(Duration::from_millis(100)),
            Self::LONG_BUSY_1_SEC => Some(Duration::from_secs(1)),
            Self::LONG_BUSY_10_SEC => Some(Duration::from_secs(10)),
            Self::LONG_BUSY_100_SEC => Some(Duration::from_secs(100)),
            _ => None,
        }
    }
}

impl fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "H({})", self.0),
        }
    }
}

impl fmt::Debug for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// LoPAR, Hypervisor Call Return Code Table.
    const TABLE: [(i64, &str); 37] = [
        (0, "H_Success"),
        (1, "H_Busy"),
        (2, "H_Closed"),
        (3, "H_Not_Available"),
        (4, "H_Constrained"),
        (5, "H_Partial"),
        (14, "H_IN_PROGRESS"),
        (15, "H_PAGE_REGISTERED"),
        (16, "H_PARTIAL_STORE"),
        (17, "H_PENDING"),
        (18, "H_CONTINUE"),
        (9900, "H_LongBusyOrder1mSec"),
        (9901, "H_LongBusyOrder10mSec"),
        (9902, "H_LongBusyOrder100mSec"),
        (9903, "H_LongBusyOrder1Sec"),
        (9904, "H_LongBusyOrder10Sec"),
        (9905, "H_LongBusyOrder100Sec"),
        (-1, "H_Hardware"),
        (-2, "H_Function"),
        (-3, "H_Privilege"),
        (-4, "H_Parameter"),
        (-6, "H_PTEG_FULL"),
        (-7, "H_Not_Found"),
        (-8, "H_RESERVED_DABR"),
        (-9, "H_NOMEM"),
        (-10, "H_Authority"),
        (-11, "H_Permission"),
        (-12, "H_Dropped"),
        (-13, "H_S_Parm"),
        (-14, "H_D_Parm"),
        (-15, "H_R_Parm"),
        (-16, "H_Resource"),
        (-17, "H_ADAPTER_PARM"),
        (-18, "H_RH_PARM"),
        (-19, "H_RCQ_PARM"),
        (-20, "H_SCQ_PARM"),
        (-57, "H_P4"),
    ];

    #[test]
    fn codes_and_names_are_those_of_the_architecture() {
        let named = ReturnCode::NAMED.iter().map(|code| (code.0, code.name()));
        assert!(named.eq(TABLE.map(|(value, name)| (value, Some(name)))));
    }

    #[test]
    fn every_spelling_of_the_architecture_is_known() {
        for &(spelling, code) in ReturnCode::SPELLINGS {
            assert_eq!(ReturnCode::from_name(spelling), Some(code), "{spelling}");
            let bare = |name: &str| name.to_lowercase();
            assert_eq!(code.name().map(bare), Some(bare(spelling)), "{spelling}");
        }
        // The table writes `msec`, the text of H_FREE_CRQ `mSec`.
        for name in ["H_LongBusyOrder1msec", "H_LongBusyOrder1mSec"] {
            assert_eq!(ReturnCode::from_name(name), Some(ReturnCode::LONG_BUSY_1_MSEC));
        }
        assert_eq!(ReturnCode::from_name("H_IN_PROGRESS"), Some(ReturnCode(14)));
        assert_eq!(ReturnCode::from_name("h_busy"), None);
    }

    #[test]
    fn a_code_without_a_name_keeps_its_number() {
        assert_eq!(ReturnCode(-99).name(), None);
        assert_eq!(format!("{} {:?}", ReturnCode(-99), ReturnCode(6)), "H(-99) H(6)");
    }

    #[test]
    fn only_zero_is_success() {
        let successes = ReturnCode::NAMED.iter().filter(|code| code.is_success());
        assert!(successes.eq(&[ReturnCode::SUCCESS]));
    }

    #[test]
    fn only_busy_codes_ask_for_another_try_after_their_time() {
        let hints_ms = ReturnCode::NAMED
            .iter()
            .filter_map(|code| Some((code.0, code.busy_hint()?.as_millis())));
        assert!(hints_ms.eq([
            (1, 0),
            (9900, 1),
            (9901, 10),
            (9902, 100),
            (9903, 1_000),
            (9904, 10_000),
            (9905, 100_000),
        ]));
        assert_eq!(ReturnCode(9906).busy_hint(), None);
    }
}
