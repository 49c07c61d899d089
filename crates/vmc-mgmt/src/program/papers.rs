//! Help, completion scripts and man pages.

use super::{Options, Program};
use clap::CommandFactory;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The program with its commands as clap sees them: what is completed, and what has a page.
fn whole(program: Program) -> clap::Command {
    let commands = program.commands();
    let about = commands.get_about().cloned().unwrap_or_default();
    let options = Options::command().mut_arg("words", |words| words.hide(true));
    options
        .name(program.name())
        .bin_name(program.name())
        .about(about)
        .subcommands(commands.get_subcommands().cloned())
}

/// The commands, and what each does.
pub(super) fn list(commands: &clap::Command) -> String {
    let line = |command: &clap::Command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        format!("  {:<12} {about}\n", command.get_name())
    };
    format!("Commands:\n{}", commands.get_subcommands().map(line).collect::<String>())
}

/// The help of the command that these words name.
pub(super) fn help(program: Program, words: &[String]) -> Option<String> {
    let mut commands = whole(program);
    commands.build();
    let mut found = &mut commands;
    for word in words.iter().take_while(|word| !word.starts_with('-')) {
        found = found.find_subcommand_mut(word)?;
    }
    Some(found.render_help().to_string())
}

/// A completion script.
pub(super) fn completions(program: Program, shell: clap_complete::Shell, out: &mut dyn Write) {
    clap_complete::generate(shell, &mut whole(program), program.name(), out);
}

/// A man page of the program, and one of each command.
pub(super) fn man_pages(program: Program, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut commands = whole(program);
    commands.build();
    write_pages(&commands, program.name(), folder)
}

fn write_pages(command: &clap::Command, name: &str, folder: &Path) -> io::Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).title(name).render(&mut page)?;
    fs::write(folder.join(format!("{name}.1")), page)?;
    for next in command.get_subcommands().filter(|next| next.get_name() != "help") {
        write_pages(next, &format!("{name}-{}", next.get_name()), folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_completed_and_has_a_page() {
        for (program, words) in [
            (Program::Hmc, ["lssyscfg", "chhwres", "--rsubtype", "--inventory"]),
            (Program::Pvmctl, ["lpar", "power-on", "--stor-id", "--data"]),
        ] {
            for shell in
                [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish]
            {
                let mut script = Vec::new();
                completions(program, shell, &mut script);
                let script = String::from_utf8(script).expect("text");
                for word in words {
                    // Fish writes options without their dashes.
                    assert!(script.contains(word.trim_start_matches('-')), "{shell} {word}");
                }
            }
            let folder =
                std::env::temp_dir().join(format!("{}-man-{}", program.name(), std::process::id()));
            man_pages(program, &folder).expect("pages");
            let pages = fs::read_dir(&folder).expect("a folder").count();
            let commands = program.commands();
            let all = |command: &clap::Command| 1 + command.get_subcommands().count();
            let expected: usize = 1 + commands.get_subcommands().map(all).sum::<usize>();
            assert_eq!(pages, expected);
            let first = match program {
                Program::Hmc => "hmc-lssyscfg.1",
                Program::Pvmctl => "pvmctl-lpar-create.1",
            };
            let page = fs::read_to_string(folder.join(first)).expect("a page");
            assert!(page.contains(".SH OPTIONS") && page.contains(".SH SYNOPSIS"), "{page}");
            fs::remove_dir_all(folder).expect("it goes");
        }
    }

    #[test]
    fn help_needs_no_system() {
        let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
        let text = help(Program::Hmc, &words("lssyscfg")).expect("a command");
        assert!(text.contains("Usage: hmc lssyscfg") && text.contains("--filter"), "{text}");
        assert!(
            help(Program::Pvmctl, &words("lpar create"))
                .expect("a command")
                .contains("--proc-unit")
        );
        assert_eq!(help(Program::Hmc, &words("lssyscfg -r lpar")), Some(text));
        assert_eq!(help(Program::Hmc, &words("nope")), None);
    }
}
