//! Error numbers of the device file's calls.

use core::fmt;

macro_rules! errnos {
    ($($(#[$doc:meta])* $variant:ident = $value:literal;)*) => {
        /// What a system call on the device file fails with; the numbers are those of Linux on Power.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i32)]
        pub enum Errno {
            $($(#[$doc])* $variant = $value,)*
        }

        impl Errno {
            /// Every error a call can fail with.
            pub const ALL: &[Errno] = &[$(Errno::$variant),*];

            /// The symbolic name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Errno::$variant => stringify!($variant),)*
                }
            }
        }
    };
}

errnos! {
    /// Operation not permitted.
    EPERM = 1;
    /// A signal interrupted the call.
    EINTR = 4;
    /// Input/output error.
    EIO = 5;
    /// Nothing to read, and the file does not block.
    EAGAIN = 11;
    /// Out of memory.
    ENOMEM = 12;
    /// Bad user memory.
    EFAULT = 14;
    /// Resource busy: try again.
    EBUSY = 16;
    /// No such device.
    ENODEV = 19;
    /// Invalid argument.
    EINVAL = 22;
    /// The session of this file is over.
    EBADFD = 77;
    /// No buffer.
    ENOBUFS = 105;
}

impl Errno {
    /// The number, positive.
    pub const fn number(self) -> i32 {
        self as i32
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
