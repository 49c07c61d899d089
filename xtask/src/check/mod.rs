//! `cargo xtask check`: explores every order of steps of small machines.

mod quirks;

use crate::Verdict;
use crate::terminal::{complain, print};
use clap::ValueEnum;
use serde::Serialize;
use std::net::{Ipv4Addr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Instant;
use vmc_sim::{CheckOptions, Checked, Model, PathTo, QuirkSet, check, models, serve};

/// Options of `cargo xtask check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Models by name, or `all`; all small ones when none is named
    models: Vec<String>,

    /// Print the models, and explore nothing
    #[arg(long)]
    list: bool,

    /// Serve a page for walking through the states of one model, on this port of 127.0.0.1
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "3000")]
    serve: Option<u16>,

    /// Make the driver show this hazard, such as `H04`, or `all` of them, each by itself, and say which model
    /// finds it
    #[arg(long, value_name = "QUIRK")]
    quirk: Option<String>,

    /// End each exploration after so many states
    #[arg(long, value_name = "STATES")]
    max_states: Option<NonZeroUsize>,

    /// How many threads explore; with more than one, another of several shortest paths may be found
    #[arg(long, default_value_t = NonZeroUsize::MIN)]
    threads: NonZeroUsize,

    /// How the results are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object per exploration, or per quirk
    Json,
}

/// An exploration.
#[derive(Debug, Serialize)]
struct Row {
    model: &'static str,
    states: usize,
    unique_states: usize,
    at_rest: usize,
    depth: usize,
    complete: bool,
    unfired: Vec<String>,
    seconds: f64,
    checker: Option<&'static str>,
    what: Option<String>,
    path: Option<Vec<String>>,
}

/// Explores models.
pub(crate) fn run(args: &Args) -> Verdict {
    let outcome = if args.list {
        list()
    } else {
        chosen(&args.models).and_then(|chosen| match (&args.quirk, args.serve) {
            (Some(quirk), None) => quirks::run(quirk, args),
            (quirk, Some(port)) => serve_one(&chosen, quirk.as_deref(), port),
            (None, None) => explore_all(args, &chosen),
        })
    };
    outcome.unwrap_or_else(|problem| {
        complain(&problem.to_string());
        Verdict::Mistake
    })
}

fn list() -> Result<Verdict, String> {
    for model in models() {
        let size = if model.small { "small" } else { "large" };
        print(&format!("{:24} {size}  {}", model.name, model.title().map_err(text)?));
    }
    Ok(Verdict::Good)
}

/// The models that are named, or else the small ones.
fn chosen(names: &[String]) -> Result<Vec<&'static Model>, String> {
    if names == ["all"] {
        return Ok(models().iter().collect());
    }
    if names.is_empty() {
        return Ok(models().iter().filter(|model| model.small).collect());
    }
    let named = |name: &String| {
        let model = models().iter().find(|model| model.name == name);
        model.ok_or_else(|| {
            format!("there is no model `{name}`; `cargo xtask check --list` prints them")
        })
    };
    names.iter().map(named).collect()
}

fn serve_one(chosen: &[&Model], quirk: Option<&str>, port: u16) -> Result<Verdict, String> {
    let [model] = chosen else {
        return Err(String::from(
            "--serve shows one model: name it, as in `cargo xtask check boot --serve`",
        ));
    };
    let quirks = match quirk {
        Some(id) => QuirkSet::default().with(quirks::by_id(id)?),
        None => QuirkSet::default(),
    };
    // Where the port is taken, who serves the page would panic.
    if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        return Err(format!("--serve {port}: {error}; choose another port"));
    }
    print(&format!("{}: http://127.0.0.1:{port}/ until it is interrupted", model.name));
    serve(model, quirks, port).map_err(text)?;
    Ok(Verdict::Good)
}

fn explore_all(args: &Args, chosen: &[&'static Model]) -> Result<Verdict, String> {
    let mut verdict = Verdict::Good;
    for model in chosen {
        let quirks = QuirkSet::default();
        let options = CheckOptions {
            quirks,
            max_states: args.max_states.map(NonZeroUsize::get),
            threads: args.threads.get(),
        };
        let started = Instant::now();
        let checked = check(model, &options).map_err(text)?;
        let seconds = started.elapsed().as_secs_f64();
        match args.format {
            Format::Text => print(&describe(model, &checked, seconds)),
            Format::Json => {
                print(&serde_json::json!(row(model, checked.clone(), seconds)).to_string())
            }
        }
        let surprise = surprise(model, &checked);
        surprise.iter().for_each(|what| complain(what));
        if checked.violation.is_some() || surprise.is_some() {
            verdict = Verdict::Failed;
        }
    }
    Ok(verdict)
}

/// That a model has another number of states than it had, or a fault that never happens.
fn surprise(model: &Model, checked: &Checked) -> Option<String> {
    let (name, was, is) = (model.name, model.unique_states, checked.unique_states);
    if !checked.complete {
        return None;
    }
    if let [first, ..] = &checked.unfired[..] {
        return Some(format!("{name}: the fault `{first}` happens in no state"));
    }
    (is != was).then(|| {
        format!(
            "{name}: {is} states, and it had {was}: if that is what the change should bring, write it into \
             crates/vmc-sim/src/model/catalogue.rs"
        )
    })
}

fn row(model: &Model, checked: Checked, seconds: f64) -> Row {
    let Checked { states, unique_states, at_rest, depth, complete, unfired, violation } = checked;
    let (checker, what, path) = match violation {
        Some(PathTo { checker, what, moves, .. }) => (Some(checker), Some(what), Some(moves)),
        None => (None, None, None),
    };
    let model = model.name;
    Row {
        model,
        states,
        unique_states,
        at_rest,
        depth,
        complete,
        unfired,
        seconds,
        checker,
        what,
        path,
    }
}

fn describe(model: &Model, checked: &Checked, seconds: f64) -> String {
    let Checked { states, unique_states, at_rest, depth, complete, violation, .. } = checked;
    let how = match (violation, complete) {
        (Some(_), _) => "VIOLATED",
        (None, true) => "holds",
        (None, false) => "unfinished",
    };
    let line = format!(
        "{:24} {how:10} {unique_states:>9} states, {at_rest:>3} at rest, depth {depth:>3}, \
         reached {states:>9} times, {seconds:.1} s",
        model.name
    );
    match violation {
        Some(path) => format!("{line}\n{}", describe_path(path)),
        None => line,
    }
}

/// The way to what does not hold: the moves, and the messages as a sequence.
fn describe_path(path: &PathTo) -> String {
    let PathTo { property, checker, what, moves, trace } = path;
    let moves: String = moves.iter().map(|made| format!("    {made}\n")).collect();
    let trace: String = trace.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "  {property}: {checker}: {what}\n  after these moves:\n{moves}  the messages on the way:\n{trace}"
    )
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surprise_is_told_where_all_states_were_seen() {
        let model = &models()[0];
        let checked = |unique_states, complete| Checked {
            states: 3 * unique_states,
            unique_states,
            at_rest: 1,
            depth: 1,
            complete,
            unfired: Vec::new(),
            violation: None,
        };
        assert_eq!(surprise(model, &checked(model.unique_states, true)), None);
        assert_eq!(surprise(model, &checked(7, false)), None);
        let told = surprise(model, &checked(7, true)).expect("it had another");
        assert!(told.contains(&format!("boot: 7 states, and it had {}", model.unique_states)));
        let silent = |complete| {
            let unfired = vec![String::from("crash")];
            Checked { unfired, ..checked(model.unique_states, complete) }
        };
        assert_eq!(surprise(model, &silent(false)), None);
        let told = surprise(model, &silent(true)).expect("a fault that never happens");
        assert_eq!(told, "boot: the fault `crash` happens in no state");
    }
}
