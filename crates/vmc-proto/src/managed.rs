//! What befalls partitions that a hypervisor manages, as far as the machine around it and its traces have to know.

use crate::states::states;
use core::fmt;

states! {
    /// Something that goes wrong with a partition.
    PartitionFault:
    /// Its operating system or its firmware crashes.
    Crash = "crashes";
    /// Its operating system hangs.
    Hang = "hangs";
    /// Its next start fails.
    BootFails = "will fail to boot";
    /// Its next start does not come to an end.
    BootHangs = "will hang while it boots";
    /// Its next start finds nothing to boot from.
    NoBootDevice = "will find nothing to boot from";
}

/// What a fault does to a command of a management application: to a message of which the hypervisor's behaviour knows what it
/// asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommandFault {
    /// It is lost: it is not done, and not answered.
    Lost,
    /// It is done, and its answer is lost.
    AnswerLost,
    /// It is done, and its answer comes that much later, in nanoseconds of virtual time.
    AnswerLate(u64),
    /// It is not done, and answered with this return code.
    Answered(u16),
    /// It is not done, and refused with this code.
    Refused(ShortCode),
    /// The job that it starts ends that much later, in nanoseconds of virtual time.
    JobLate(u64),
    /// The job that it starts does not end.
    JobEndless,
    /// The job that it starts fails with this reference code.
    JobFails(ShortCode),
}

impl CommandFault {
    /// Whether the command is not done because of it.
    pub const fn prevents(&self) -> bool {
        matches!(self, CommandFault::Lost | CommandFault::Answered(_) | CommandFault::Refused(_))
    }
}

impl fmt::Display for CommandFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ns: &u64| ns / 1_000_000;
        match self {
            CommandFault::Lost => f.write_str("the command is lost"),
            CommandFault::AnswerLost => f.write_str("the answer to the command is lost"),
            CommandFault::AnswerLate(ns) => {
                write!(f, "the answer to the command is {} ms late", ms(ns))
            }
            CommandFault::Answered(code) => write!(f, "the command is answered with {code:#06x}"),
            CommandFault::Refused(code) => write!(f, "the command is refused, {code}"),
            CommandFault::JobLate(ns) => {
                write!(f, "the end of the command's job is {} ms late", ms(ns))
            }
            CommandFault::JobEndless => f.write_str("the command's job does not end"),
            CommandFault::JobFails(code) => write!(f, "the command's job fails, {code}"),
        }
    }
}

/// A code that managers show: 1 to 12 capitals and digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortCode([u8; 12]);

impl ShortCode {
    /// The code with this text, if it can be one.
    pub fn new(text: &str) -> Option<ShortCode> {
        let is_known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let mut code = [0; 12];
        let place = code.get_mut(..text.len()).filter(|place| !place.is_empty())?;
        place.copy_from_slice(text.as_bytes());
        text.bytes().all(is_known).then_some(ShortCode(code))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        core::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }
}

impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_code_has_1_to_12_capitals_and_digits() {
        for text in ["HSCL3205", "PVME01042026", "B"] {
            assert_eq!(ShortCode::new(text).expect("a code").as_str(), text);
        }
        for text in ["", "hscl3205", "HSCL 3205", "PVME010420261", "\u{c4}"] {
            assert_eq!(ShortCode::new(text), None, "{text}");
        }
    }
}
