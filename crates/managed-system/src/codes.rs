//! Reference codes: what a partition shows of its progress and of its failures (management reference, section 3.6).

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// Longest code: a text of an operating system.
const MAX_LEN: usize = 15;

/// What a partition shows: eight characters, a text of the operating system, or nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    text: [u8; MAX_LEN],
    len: u8,
}

impl Code {
    /// A code that is known when the program is built; a longer one does not build.
    const fn new(code: &str) -> Code {
        let (mut text, mut at) = ([0; MAX_LEN], 0);
        while at < code.len() {
            text[at] = code.as_bytes()[at];
            at += 1;
        }
        Code { text, len: at as u8 }
    }

    /// A code of eight characters; `None` unless these are hexadecimal digits in capitals, as of all codes of firmware.
    pub fn of_firmware(code: &[u8; 8]) -> Option<Code> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
        let text = std::str::from_utf8(code).ok().filter(|_| code.iter().all(is_digit))?;
        Some(Code::new(text))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> String {
        code.as_str().to_owned()
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// Codes that are kept of a partition.
pub const MAX_CODES: usize = 32;

/// A code that a partition has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReferenceCode {
    /// Which of the partition's codes it is, from 1.
    pub number: u64,
    /// When.
    pub at: Duration,
    /// The code.
    pub code: Code,
    /// A further word, such as the number of the partition in question.
    pub word2: u32,
}

/// Nothing to show: the partition is off.
pub const OFF: Code = Code::new("00000000");
/// The partition's firmware begins.
pub const FIRMWARE: Code = Code::new("CA00E131");
/// The firmware looks for something to boot from.
pub const LOOKS_FOR_BOOT: Code = Code::new("CA00E1DC");
/// The firmware gives control to the operating system.
pub const BOOTS: Code = Code::new("CA00D008");
/// The firmware shows its menu.
pub const MENU: Code = Code::new("AA00E158");
/// The firmware waits at its prompt, or found nothing to boot from.
pub const PROMPT: Code = Code::new("CA00E1B5");
/// Linux is up.
pub const LINUX: Code = Code::new("Linux ppc64le");
/// An operating system that shows nothing is up.
pub const QUIET: Code = Code::new("");
/// The activation has begun, and then could not have its resources.
pub const ACTIVATES: Code = Code::new("D200C300");
/// The activation assigns resources.
pub const ASSIGNS: Code = Code::new("D200C301");
/// The activation has failed for want of resources.
pub const ACTIVATION_FAILED: Code = Code::new("B2001230");
/// The operating system is being shut down. Which of the codes D200xxxx is the simulator's choice.
pub const SHUTS_DOWN: Code = Code::new("D200A200");
/// The operating system has not stopped in time. The simulator's choice.
pub const SHUTDOWN_FAILED: Code = Code::new("B2001231");
/// The operating system has crashed. The simulator's choice.
pub const CRASHED: Code = Code::new("B200B07B");
/// The operating system could not be booted. The simulator's choice.
pub const BOOT_FAILED: Code = Code::new("BA210001");
/// A dump is written. The simulator's choice.
pub const DUMPS: Code = Code::new("D200D000");

/// The codes that a partition has shown last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Codes(VecDeque<ReferenceCode>);

impl Codes {
    pub(crate) fn show(&mut self, at: Duration, code: Code, word2: u32) {
        if self.0.len() == MAX_CODES {
            self.0.pop_back();
        }
        let number = self.0.front().map_or(1, |newest| newest.number + 1);
        self.0.push_front(ReferenceCode { number, at, code, word2 });
    }

    /// The newest first.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &ReferenceCode> {
        self.0.iter()
    }
}
