//! Return codes of hypervisor calls (LoPAR, Hypervisor Call Return Code Table).

use core::fmt;
use core::time::Duration;

/// The value of R3 after a hypervisor call: an open type, so that a code without a name is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReturnCode(pub i64);

macro_rules! codes {
    ($($(#[$doc:meta])* $konst:ident = $value:literal, $name:literal;)*) => {
        impl ReturnCode {
            $($(#[$doc])* pub const $konst: ReturnCode = ReturnCode($value);)*

            /// Every code that has a name.
            pub const NAMED: &[ReturnCode] = &[$(ReturnCode::$konst),*];

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
    NOT_AVAILABLE = 3, "H_Not_Available";
    /// More was asked for than the maximum allowed.
    CONSTRAINED = 4, "H_Constrained";
    /// The request completed only partially.
    PARTIAL = 5, "H_Partial";
    /// Busy: try again in 1 ms.
    LONG_BUSY_1_MSEC = 9900, "H_LongBusyOrder1mSec";
    /// Busy: try again in 10 ms.
    LONG_BUSY_10_MSEC = 9901, "H_LongBusyOrder10mSec";
    /// Busy: try again in 100 ms.
    LONG_BUSY_100_MSEC = 9902, "H_LongBusyOrder100mSec";
    /// Busy: try again in 1 s.
    LONG_BUSY_1_SEC = 9903, "H_LongBusyOrder1Sec";
    /// Busy: try again in 10 s.
    LONG_BUSY_10_SEC = 9904, "H_LongBusyOrder10Sec";
    /// Busy: try again in 100 s.
    LONG_BUSY_100_SEC = 9905, "H_LongBusyOrder100Sec";
    /// Unspecific hardware error; every call may return it.
    HARDWARE = -1, "H_Hardware";
    /// The function is not supported.
    FUNCTION = -2, "H_Function";
    /// The caller is not in privileged mode.
    PRIVILEGE = -3, "H_Privilege";
    /// A parameter is outside its valid range for the partition.
    PARAMETER = -4, "H_Parameter";
    /// The requested entity was not found.
    NOT_FOUND = -7, "H_Not_Found";
    /// The caller lacks the authority for the function.
    AUTHORITY = -10, "H_Authority";
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
    /// Parameter 4 is invalid.
    P4 = -57, "H_P4";
}

impl ReturnCode {
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
    const TABLE: [(i64, &str); 25] = [
        (0, "H_Success"),
        (1, "H_Busy"),
        (2, "H_Closed"),
        (3, "H_Not_Available"),
        (4, "H_Constrained"),
        (5, "H_Partial"),
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
        (-7, "H_Not_Found"),
        (-10, "H_Authority"),
        (-11, "H_Permission"),
        (-12, "H_Dropped"),
        (-13, "H_S_Parm"),
        (-14, "H_D_Parm"),
        (-15, "H_R_Parm"),
        (-16, "H_Resource"),
        (-57, "H_P4"),
    ];

    #[test]
    fn codes_and_names_are_those_of_the_architecture() {
        let named = ReturnCode::NAMED.iter().map(|code| (code.0, code.name()));
        assert!(named.eq(TABLE.map(|(value, name)| (value, Some(name)))));
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
