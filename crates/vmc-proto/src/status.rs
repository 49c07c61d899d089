//! Status bytes of the responses.

use core::fmt;

/// A status byte as it travels: open, because its meaning depends on the message and on who sent it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(pub u8);

impl Status {
    /// Zero is success in every message.
    pub const SUCCESS: Status = Status(0);

    /// Whether the request succeeded.
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Status({})", self.0)
    }
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $value:literal, $text:literal;)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[repr(u8)]
            pub enum $name {
                $($(#[$vdoc])* $variant = $value,)*
            }

            impl $name {
                /// Every status of this message.
                pub const ALL: &[$name] = &[$($name::$variant),*];

                /// The known status behind a byte, `None` for one that is not defined.
                pub const fn from_status(status: Status) -> Option<$name> {
                    match status.0 {
                        $($value => Some($name::$variant),)*
                        _ => None,
                    }
                }

                /// The architecture's words for it.
                pub const fn text(self) -> &'static str {
                    match self {
                        $($name::$variant => $text,)*
                    }
                }
            }

            impl From<$name> for Status {
                fn from(status: $name) -> Status {
                    Status(status as u8)
                }
            }
        )*
    };
}

statuses! {
    /// Status of a Capabilities Response.
    CapabilitiesStatus {
        /// The exchange succeeded.
        Success = 0, "success";
        /// General failure.
        GeneralFailure = 1, "general failure";
        /// The versions do not fit.
        InvalidVersion = 2, "invalid version";
    }
    /// Status of an Interface Open Response and of an Interface Close Response.
    InterfaceStatus {
        /// The request succeeded.
        Success = 0, "success";
        /// General failure.
        GeneralFailure = 1, "general failure";
    }
    /// Status of an Add Buffer Response, LoPAR's values.
    AddBufferStatus {
        /// The buffer was added.
        Success = 0, "success";
        /// General failure.
        GeneralFailure = 1, "general failure";
        /// Invalid HMC index.
        InvalidHmcIndex = 2, "invalid HMC index";
        /// Invalid buffer ID.
        InvalidBufferId = 3, "invalid buffer ID";
        /// The HMC connection has closed.
        ConnectionClosed = 4, "HMC connection has closed";
    }
    /// Status of a Remove Buffer Response, LoPAR's values.
    RemoveBufferStatus {
        /// A buffer was given up.
        Success = 0, "success";
        /// General failure.
        GeneralFailure = 1, "general failure";
        /// Invalid HMC index.
        InvalidHmcIndex = 2, "invalid HMC index";
        /// No buffer can be given up.
        NoBufferFound = 3, "no buffer found";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts that `$type` has exactly the statuses of the list, and that a byte converts both ways.
    macro_rules! assert_table {
        ($type:ident, [$($value:literal => $text:literal),* $(,)?]) => {{
            let table = [$(($value, $text)),*];
            assert!($type::ALL.iter().map(|&s| (Status::from(s).0, s.text())).eq(table));
            for byte in 0..=u8::MAX {
                let known = table.iter().find(|(value, _)| *value == byte);
                let text = $type::from_status(Status(byte)).map($type::text);
                assert_eq!(text, known.map(|(_, text)| *text), "{byte}");
            }
        }};
    }

    #[test]
    fn capabilities_statuses_are_those_of_lopar() {
        assert_table!(CapabilitiesStatus, [
            0 => "success",
            1 => "general failure",
            2 => "invalid version",
        ]);
    }

    #[test]
    fn interface_statuses_are_those_of_lopar() {
        assert_table!(InterfaceStatus, [0 => "success", 1 => "general failure"]);
    }

    #[test]
    fn add_buffer_statuses_are_those_of_lopar() {
        assert_table!(AddBufferStatus, [
            0 => "success",
            1 => "general failure",
            2 => "invalid HMC index",
            3 => "invalid buffer ID",
            4 => "HMC connection has closed",
        ]);
    }

    #[test]
    fn remove_buffer_statuses_are_those_of_lopar() {
        assert_table!(RemoveBufferStatus, [
            0 => "success",
            1 => "general failure",
            2 => "invalid HMC index",
            3 => "no buffer found",
        ]);
    }

    #[test]
    fn only_zero_is_success() {
        assert!((0..=u8::MAX).map(Status).filter(|s| s.is_success()).eq([Status::SUCCESS]));
    }
}
