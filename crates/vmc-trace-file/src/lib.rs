//! A run as a file that other programs can read: JSON lines, one for each event, between a head that says what was run
//! and an end that says what did not hold.
//!
//! | line | what it holds |
//! |---|---|
//! | first | [`VERSION`] of the format, names of applications, scenario and runtime, the setting that checkers know, how the run ended |
//! | one per event | number, virtual time, actor and the event with everything that it holds: raw entries, registers of hypervisor calls, digests of payloads, payloads where they were kept, and the HMC command in each |
//! | last | the number of events, and each problem with the event at which it shows |
//!
//! A file without its last line was cut off: it can be read, and [`Run::is_complete`] says so. `trace.schema.json` beside this
//! crate's sources is the JSON Schema of a line. Each run reads back as it was written; a line that is not of the
//! format is an error with its number, never a panic.
//!
//! ```
//! use vmc_trace::{Trace, TraceNames};
//! use vmc_trace_file::Run;
//!
//! let run = Run::of(Trace::new(Vec::new(), TraceNames::default()));
//! let mut text = Vec::new();
//! run.write(&mut text)?;
//! assert_eq!(Run::read(&text[..])?, run);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod coded;
mod event;
mod head;
mod hmc;
mod names;
mod read;
#[cfg(feature = "schema")]
mod schema;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub use head::{About, Contents};
pub use hmc::HmcCommand;
pub use read::ReadError;
#[cfg(feature = "schema")]
pub use schema::schema;
pub use write::write_event;

use std::ops::RangeInclusive;
use vmc_check::{Content, Ending, Setting};
use vmc_proto::Profile;
use vmc_trace::Trace;

/// Version of the format. It rises when a reader of the version before could misread a file.
pub const VERSION: u32 = 1;

/// A run: what was run, what happened, and what did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What was run.
    pub about: About,
    /// The machine, as the checkers of traces want to know it.
    pub machine: Machine,
    /// How the run ended.
    pub ending: Ending,
    /// What happened.
    pub trace: Trace,
    /// What did not hold; empty for a good run.
    pub problems: Vec<Problem>,
    /// The file's last line was there, and counted as many events as there were.
    pub is_complete: bool,
}

/// The machine of a run. It is [`Setting`] without the function that a file cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The observable behaviour that the device file is to have.
    pub profile: Profile,
    /// From the number of an index' first session to the one before 1 comes again.
    pub session_numbers: RangeInclusive<u8>,
    /// The MTU that the driver asks for, in bytes.
    pub mtu: u32,
    /// What the hypervisor may send to a session.
    pub contents: Contents,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The checker that found it, or `expectation` for what a scenario expects.
    pub rule: String,
    /// What is wrong.
    pub what: String,
    /// The number of the event with which it shows; `None` for what is wrong with the run as a whole.
    pub event: Option<u64>,
}

impl Run {
    /// A run of which nothing but the trace is known.
    pub fn of(trace: Trace) -> Run {
        Run {
            about: About::default(),
            machine: Machine::from(&Setting::default()),
            ending: Ending::UNKNOWN,
            trace,
            problems: Vec::new(),
            is_complete: true,
        }
    }

    /// Runs every checker of `vmc-check` over the trace; each problem names the event with which it first shows.
    /// `payload`: the bytes of the messages that a hypervisor sends which numbers them.
    pub fn check(&self, payload: fn(u32, u32) -> Vec<u8>) -> Vec<Problem> {
        let setting = self.machine.setting(payload);
        // What a file that was cut off lacks may have happened.
        let ending = if self.is_complete { self.ending } else { Ending::UNKNOWN };
        problems(&self.trace, &setting, &ending)
    }
}

/// What the checkers of `vmc-check` find, each with the event with which it first shows.
pub fn problems(trace: &Trace, setting: &Setting, ending: &Ending) -> Vec<Problem> {
    let found = vmc_check::check(trace, setting, ending);
    let problem = |violation: vmc_check::Violation| Problem {
        event: vmc_check::locate(trace, setting, &violation),
        rule: violation.checker.to_owned(),
        what: violation.what,
    };
    found.into_iter().map(problem).collect()
}

impl Machine {
    /// The setting that checkers want, with the bytes of numbered messages.
    pub fn setting(&self, payload: fn(u32, u32) -> Vec<u8>) -> Setting {
        let content = match self.contents {
            Contents::Any => Content::Any,
            Contents::Echo => Content::Echo,
            Contents::Own => Content::Own,
            Contents::Numbered(messages) => Content::Numbered { messages, payload },
        };
        let Machine { profile, ref session_numbers, mtu, .. } = *self;
        Setting {
            profile,
            session_numbers: session_numbers.clone(),
            mtu,
            content,
            ..Setting::default()
        }
    }
}

impl From<&Setting> for Machine {
    fn from(setting: &Setting) -> Machine {
        let contents = match setting.content {
            Content::Any => Contents::Any,
            Content::Echo => Contents::Echo,
            Content::Own => Contents::Own,
            Content::Numbered { messages, .. } => Contents::Numbered(messages),
        };
        let session_numbers = setting.session_numbers.clone();
        Machine { profile: setting.profile, session_numbers, mtu: setting.mtu, contents }
    }
}
