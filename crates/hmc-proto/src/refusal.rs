//! Why an operation was refused.

use crate::record::records;
use alloc::string::String;
use core::fmt;

records! {
    /// Why an operation was refused: the data of a response with the return code 0x8006.
    Refusal {
        /// The code that managers show in front of the text, as in HSCL05DE. It is stable, the text is not.
        code: String,
        /// What was expected, what was asked for, and what to do.
        text: String,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}
