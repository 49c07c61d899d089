//! `viosvrcmd`: storage commands of a Virtual I/O Server.
//!
//! The server's exit codes are the command's: 1 for a mistake in what is written, 2 for what is not there (management reference,
//! section 2.3). The texts of listings are general knowledge; `-fmt` prints them with a delimiter.
//!
//! | file | subject |
//! |---|---|
//! | `flags` | a command and its flags |
//! | `lists` | commands that look |
//! | `changes` | commands that change something |

mod changes;
mod flags;
mod lists;

use super::args::ServerCommand;
use super::output::{Failure, Output};
use super::scene::{Done, Scene, number};
use super::shell::split_words;
use crate::app::{PartitionView, Storage};
use flags::{Flags, Form};
use hmc_proto::PartitionState;
use std::sync::Arc;

/// Exit code of a mistake in what is written.
const SYNTAX: u8 = 1;
/// Exit code of what is not there.
const NOT_FOUND: u8 = 2;
/// Exit code of what is not allowed.
const ACCESS: u8 = 3;

/// What a server's command works with.
pub(super) struct Server<'s, 'a> {
    scene: &'s mut Scene<'a>,
    view: Arc<PartitionView>,
}

impl Server<'_, '_> {
    fn id(&self) -> u16 {
        self.view.partition.id
    }

    fn storage(&self) -> &Storage {
        // One that is no server is refused before.
        const NOTHING: &Storage = &Storage {
            volumes: Vec::new(),
            groups: Vec::new(),
            disks: Vec::new(),
            media: Vec::new(),
            mappings: Vec::new(),
        };
        self.view.storage.as_ref().unwrap_or(NOTHING)
    }
}

type Run = fn(&mut Server<'_, '_>, &Flags) -> Result<Vec<String>, Failure>;

/// Commands, what can follow them, and what does them.
const COMMANDS: &[(Form, Run)] = &[
    (Form { name: "lsmap", flags: "all vadapter= fmt=", words: 0..=0 }, lists::maps),
    (Form { name: "lsdev", flags: "virtual fmt=", words: 0..=0 }, lists::devices),
    (Form { name: "lspv", flags: "size free fmt=", words: 0..=1 }, lists::volumes),
    (Form { name: "lsvg", flags: "lv pv", words: 0..=1 }, lists::groups),
    (Form { name: "lslv", flags: "", words: 1..=1 }, lists::logical_volume),
    (Form { name: "lssp", flags: "bd sp= fmt=", words: 0..=0 }, lists::pools),
    (Form { name: "lsrep", flags: "fmt=", words: 0..=0 }, lists::repository),
    (Form { name: "ioslevel", flags: "", words: 0..=0 }, lists::level),
    (Form { name: "mkvdev", flags: "vdev= vadapter= dev= fbo", words: 0..=0 }, changes::map),
    (Form { name: "rmvdev", flags: "vtd= vdev=", words: 0..=0 }, changes::unmap),
    (
        Form { name: "mkbdsp", flags: "sp= bd= vadapter= tn=", words: 0..=1 },
        changes::backing_device,
    ),
    (Form { name: "rmbdsp", flags: "sp= bd= vtd=", words: 0..=0 }, changes::remove_backing_device),
    (Form { name: "mklv", flags: "lv=", words: 2..=2 }, changes::logical_volume),
    (Form { name: "extendlv", flags: "", words: 2..=2 }, changes::extend_logical_volume),
    (Form { name: "rmlv", flags: "f", words: 1..=1 }, changes::remove_logical_volume),
    (Form { name: "mkvg", flags: "f vg=", words: 1..=64 }, changes::group),
    (Form { name: "extendvg", flags: "f", words: 2..=64 }, changes::extend_group),
    (Form { name: "mkrep", flags: "sp= size=", words: 0..=0 }, changes::repository),
    (Form { name: "rmrep", flags: "f", words: 0..=0 }, changes::remove_repository),
    (Form { name: "mkvopt", flags: "name= size= ro", words: 0..=0 }, changes::medium),
    (Form { name: "rmvopt", flags: "name= f", words: 0..=0 }, changes::remove_medium),
    (Form { name: "loadopt", flags: "vtd= disk= f", words: 0..=0 }, changes::load),
    (Form { name: "unloadopt", flags: "vtd= f", words: 0..=0 }, changes::unload),
];

pub(super) fn run(scene: &mut Scene<'_>, args: &ServerCommand) -> Result<Done, Failure> {
    scene.check_system(&args.system)?;
    if let Some(seconds) = &args.seconds {
        number("-t", seconds, 86_400)?;
    }
    let view = scene.of_partition(&args.of)?;
    let (name, state) = (&view.partition.name, view.partition.state);
    if view.storage.is_none() {
        let text = format!("The partition {name} is no Virtual I/O Server.");
        return Err(Failure::Server { text, code: ACCESS });
    }
    if state != PartitionState::Running {
        let text = format!("The Virtual I/O Server {name} is {state}: expected running.");
        return Err(Failure::Server { text, code: ACCESS });
    }
    let words = split_words(&args.command).map_err(|error| mistake(error.to_string()))?;
    let words: Vec<&str> =
        words.iter().map(String::as_str).skip_while(|word| *word == "ioscli").collect();
    let known = || COMMANDS.iter().map(|(form, _)| form.name).collect::<Vec<_>>().join(", ");
    let Some((command, rest)) = words.split_first() else {
        return Err(mistake(format!("expected a command after -c; there are {}", known())));
    };
    let Some((form, run)) = COMMANDS.iter().find(|(form, _)| form.name == *command) else {
        return Err(mistake(format!(
            "the command `{command}` is not there; there are {}",
            known()
        )));
    };
    let flags = form.parse(rest).map_err(mistake)?;
    let lines = run(&mut Server { scene, view }, &flags).map_err(of_server)?;
    Ok(Output::lines(&lines).into())
}

/// A mistake in what is written.
fn mistake(text: impl Into<String>) -> Failure {
    Failure::Server { text: text.into(), code: SYNTAX }
}

/// Something that is not there.
fn missing(what: &str, name: &str) -> Failure {
    Failure::Server { text: format!("The {what} {name} was not found."), code: NOT_FOUND }
}

/// A refusal of the hypervisor's, with the exit code that the server has for it.
fn of_server(failure: Failure) -> Failure {
    match failure {
        Failure::Refused { code, text } => {
            let not_found = code == super::scene::NO_SUCH_OBJECT;
            let text = format!("{code} {text}");
            Failure::Server { text, code: if not_found { NOT_FOUND } else { SYNTAX } }
        }
        failure => failure,
    }
}
