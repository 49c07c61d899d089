//! The first line of a file, and the last.

use crate::{Machine, Problem, Run, VERSION};
use serde::{Deserialize, Serialize};
use vmc_check::Ending;
use vmc_proto::Profile;

/// What was run.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct About {
    /// The scenario's name, or where the trace came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// What it shows, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// More about it, in sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What ran it: `deterministic`, `threads`, `polling`, or what a program calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The seed that drew the order of steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The command that makes the run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<String>,
}

/// What the hypervisor may send to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Contents {
    /// Anything, in buffers that it announces.
    Any,
    /// Each message of the session as it came, in the buffer that it came in.
    Echo,
    /// Nothing but what the session has sent.
    Own,
    /// So many numbered messages, each at most once and in order, and what the session has sent.
    Numbered(u32),
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct First {
    /// Version of the format.
    pub(crate) vmc_trace: u32,
    /// What was run.
    #[serde(default)]
    pub(crate) about: About,
    /// Names of the application threads: `app0` is the first.
    #[serde(default)]
    pub(crate) apps: Vec<String>,
    /// The machine, as checkers want to know it.
    pub(crate) machine: MachineLine,
    /// How the run ended.
    pub(crate) ending: EndingLine,
}

/// The machine.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct MachineLine {
    /// The observable behaviour that the device file is to have.
    profile: ProfileLine,
    /// Number of an index' first session.
    first_session: u8,
    /// The number before 1 comes again.
    last_session: u8,
    /// The MTU that the driver asks for, in bytes.
    mtu: u32,
    /// What the hypervisor may send to a session.
    contents: Contents,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum ProfileLine {
    Document,
    Linux,
}

/// How a run ended.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct EndingLine {
    /// Nothing was left to do. Only then is something missing that has not happened.
    at_rest: bool,
    /// The management partition runs, has a queue, and takes entries from it.
    management_looks: bool,
    /// The hypervisor's side runs and takes entries from its queue.
    hypervisor_looks: bool,
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Last {
    /// What there was.
    pub(crate) end: End,
}

/// What there was.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct End {
    /// The number of lines of events.
    pub(crate) events: u64,
    /// What did not hold.
    #[serde(default)]
    pub(crate) problems: Vec<ProblemLine>,
}

/// Something that did not hold.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ProblemLine {
    /// The checker that found it, or `expectation`.
    rule: String,
    /// What is wrong.
    what: String,
    /// The number of the event with which it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<u64>,
}

impl First {
    pub(crate) fn of(run: &Run) -> First {
        First {
            vmc_trace: VERSION,
            about: run.about.clone(),
            apps: run.trace.names().apps.clone(),
            machine: MachineLine::of(&run.machine),
            ending: EndingLine::of(run.ending),
        }
    }
}

impl MachineLine {
    fn of(machine: &Machine) -> MachineLine {
        MachineLine {
            profile: match machine.profile {
                Profile::Document => ProfileLine::Document,
                Profile::Linux => ProfileLine::Linux,
            },
            first_session: *machine.session_numbers.start(),
            last_session: *machine.session_numbers.end(),
            mtu: machine.mtu,
            contents: machine.contents,
        }
    }

    pub(crate) fn machine(&self) -> Machine {
        Machine {
            profile: match self.profile {
                ProfileLine::Document => Profile::Document,
                ProfileLine::Linux => Profile::Linux,
            },
            session_numbers: self.first_session..=self.last_session,
            mtu: self.mtu,
            contents: self.contents,
        }
    }
}

impl EndingLine {
    fn of(Ending { at_rest, management_looks, hypervisor_looks }: Ending) -> EndingLine {
        EndingLine { at_rest, management_looks, hypervisor_looks }
    }

    pub(crate) fn ending(&self) -> Ending {
        let EndingLine { at_rest, management_looks, hypervisor_looks } = *self;
        Ending { at_rest, management_looks, hypervisor_looks }
    }
}

impl Problem {
    pub(crate) fn line(&self) -> ProblemLine {
        let Problem { rule, what, event } = self.clone();
        ProblemLine { rule, what, event }
    }
}

impl From<ProblemLine> for Problem {
    fn from(ProblemLine { rule, what, event }: ProblemLine) -> Problem {
        Problem { rule, what, event }
    }
}
