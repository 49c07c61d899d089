//! Words of a command line as a command; what is wrong with them as a sentence.

use super::args::{Command, CommandLine};
use super::output::{Failure, Output, UsageError};
use super::shell::split_words;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

/// The words of a command line. One that comes as one argument, as ssh hands it over, is taken apart.
pub(super) fn words(line: &[String]) -> Result<Vec<String>, UsageError> {
    match line {
        [whole] => split_words(whole).map_err(UsageError::Shell),
        words => Ok(words.to_vec()),
    }
}

/// The command of these words; without one, what is printed instead.
pub(super) fn parse(words: &[String]) -> Result<Command, Output> {
    if words.is_empty() {
        let known = names(&CommandLine::command());
        return Err(Failure::from(UsageError::NoCommand(known)).into());
    }
    let line = CommandLine::command().try_get_matches_from(words);
    match line.and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(line) => Ok(line.command),
        Err(error) => Err(told(&error, words, &CommandLine::command())),
    }
}

/// What is printed for words that are no command of these, or that ask for help.
pub(super) fn told(error: &clap::Error, words: &[String], commands: &clap::Command) -> Output {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Output { stdout: error.to_string(), ..Output::default() }
        }
        _ => {
            let (named, path) = named(words, commands);
            Failure::from(UsageError::Options(sentence(error, &path, named))).into()
        }
    }
}

/// The command that the first words name, and these.
fn named<'c>(words: &[String], commands: &'c clap::Command) -> (&'c clap::Command, String) {
    let mut found = commands;
    let mut path: Vec<&str> = Vec::new();
    for word in words {
        let Some(next) = found.find_subcommand(word) else { break };
        found = next;
        path.push(word);
    }
    (found, path.join(" "))
}

fn names(commands: &clap::Command) -> String {
    commands.get_subcommands().map(clap::Command::get_name).collect::<Vec<_>>().join(", ")
}

fn context(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(one)) => vec![one.clone()],
        Some(ContextValue::Strings(all)) => all.clone(),
        _ => Vec::new(),
    }
}

fn sentence(error: &clap::Error, path: &str, command: &clap::Command) -> String {
    let options = context(error, ContextKind::InvalidArg);
    let values = context(error, ContextKind::InvalidValue);
    let valid = context(error, ContextKind::ValidValue);
    match (error.kind(), &options[..], &values[..]) {
        (ErrorKind::MissingRequiredArgument, missing @ [_, ..], _) => {
            format!("expected {} after {path}", missing.join(" and "))
        }
        (ErrorKind::UnknownArgument, [option], _) => {
            let known = known_options(command);
            format!("the option `{option}` is not known to {path}; known are {known}")
        }
        (ErrorKind::InvalidSubcommand, ..) => {
            let name = context(error, ContextKind::InvalidSubcommand).join(" ");
            match path {
                "" => format!("the command `{name}` is not there; there are {}", names(command)),
                path => format!("{path} has no `{name}`; it has {}", names(command)),
            }
        }
        (
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
            ..,
        ) => match path {
            "" => UsageError::NoCommand(names(command)).to_string(),
            path => format!("expected one of {} after {path}", names(command)),
        },
        (ErrorKind::InvalidValue, [option], [value]) if !valid.is_empty() => {
            let valid = valid.join(", ");
            match value.is_empty() {
                true => format!("expected one of {valid} after {option}"),
                false => format!("expected one of {valid} after {option}, got `{value}`"),
            }
        }
        (ErrorKind::InvalidValue, [option], _) => format!("expected a value after {option}"),
        (ErrorKind::ArgumentConflict, [option], _) => {
            match &context(error, ContextKind::PriorArg)[..] {
                [] => format!("the option {option} is given twice"),
                [prior] if prior == option => format!("the option {option} is given twice"),
                prior => format!("the option {option} does not go with {}", prior.join(", ")),
            }
        }
        _ => first_line(&error.to_string()),
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn known_options(command: &clap::Command) -> String {
    let options = command.get_arguments().filter(|option| option.get_id() != "help");
    let shown = options.filter_map(|option| match (option.get_short(), option.get_long()) {
        (Some(short), _) => Some(format!("-{short}")),
        (None, Some(long)) => Some(format!("--{long}")),
        (None, None) => None,
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(line: &str) -> (u8, String) {
        let words = words(&[line.to_owned()]).expect("words");
        let output = parse(&words).expect_err("no command");
        assert_eq!(output.stderr, "");
        (output.code, output.stdout)
    }

    fn sentence_of(line: &str) -> String {
        let (code, stdout) = printed(line);
        assert_eq!(code, 1, "{line}");
        let sentence = stdout.strip_suffix('\n').expect("a line");
        assert!(!sentence.contains('\n') && !sentence.starts_with("HSCL"), "{sentence}");
        sentence.to_owned()
    }

    #[test]
    fn the_options_are_well_defined() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_mistake_is_one_sentence_that_names_it() {
        for (line, sentence) in [
            ("lssyscfg", "expected -r <TYPE> after lssyscfg"),
            ("mksyscfg -i name=a", "expected -r <TYPE> and -m <SYSTEM> after mksyscfg"),
            (
                "lssyscfg -r cage",
                "expected one of sys, lpar, prof, sysprof after -r <TYPE>, got `cage`",
            ),
            ("lssyscfg -r", "expected one of sys, lpar, prof, sysprof after -r <TYPE>"),
            ("lssyscfg -r lpar -m", "expected a value after -m <SYSTEM>"),
            (
                "lssysconn -r all --long",
                "the option `--long` is not known to lssysconn; known are -r, --filter, -F, --header",
            ),
            ("lssyscfg -r lpar -r sys", "the option -r <TYPE> is given twice"),
            (
                "chhwres -r mem -m s -o a -p a --id 1",
                "the option -p <PARTITION> does not go with --id <ID>",
            ),
        ] {
            assert_eq!(sentence_of(line), sentence, "{line}");
        }
        let unknown = sentence_of("lssycfg -r lpar");
        assert!(
            unknown
                .starts_with("the command `lssycfg` is not there; there are lssyscfg, mksyscfg, "),
            "{unknown}"
        );
        assert!(sentence_of("").starts_with("expected a command; there are lssyscfg, "));
    }

    #[test]
    fn help_is_no_mistake() {
        let (code, stdout) = printed("lssyscfg --help");
        assert_eq!(code, 0);
        assert!(stdout.contains("--header") && stdout.contains("Usage: lssyscfg"), "{stdout}");
    }

    #[test]
    fn a_line_in_one_argument_is_the_same_as_its_words() {
        let line = "lssyscfg -r lpar -m 'a b' -F name:state --header";
        let whole = words(&[line.to_owned()]).expect("words");
        assert_eq!(whole, ["lssyscfg", "-r", "lpar", "-m", "a b", "-F", "name:state", "--header"]);
        assert_eq!(words(&whole).expect("words"), whole);
        let Ok(Command::Lssyscfg(parsed)) = parse(&whole) else { panic!("a command") };
        assert_eq!(parsed.listing.fields.as_deref(), Some("name:state"));
        assert!(parsed.listing.header && parsed.listing.filter.is_none());
    }

    #[test]
    fn all_fields_are_asked_for_without_a_name() {
        let words = words(&["lssyscfg -r lpar -F --header".to_owned()]).expect("words");
        let Ok(Command::Lssyscfg(parsed)) = parse(&words) else { panic!("a command") };
        assert_eq!(parsed.listing.fields.as_deref(), Some(""));
    }

    #[test]
    fn a_value_may_begin_with_a_dash() {
        let words = words(&["chsysstate -r lpar -m s -o on -n -lp".to_owned()]).expect("words");
        let Ok(Command::Chsysstate(parsed)) = parse(&words) else { panic!("a command") };
        assert_eq!(parsed.name.as_deref(), Some("-lp"));
    }
}
