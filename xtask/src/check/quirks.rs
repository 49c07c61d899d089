//! `cargo xtask check --quirk`: whether exploring finds the known hazards, each by itself.

use super::{Args, Format, chosen, describe_path, text};
use crate::Verdict;
use crate::terminal::print;
use serde::Serialize;
use std::num::NonZeroUsize;
use std::time::Instant;
use vmc_sim::{CheckOptions, PathTo, Quirk, QuirkSet, check, models_for};

/// States after which the search in one model is given up.
const MAX_STATES: usize = 1_000_000;

/// The result of looking for a quirk.
#[derive(Debug, Serialize)]
struct Sought {
    id: &'static str,
    summary: &'static str,
    found: bool,
    model: Option<&'static str>,
    checker: Option<&'static str>,
    what: Option<String>,
    /// Moves of the shortest path to it.
    depth: Option<usize>,
    /// Different states that were seen until then, in all models together.
    unique_states: usize,
    /// Seconds that it took, which only this machine knows.
    seconds: f64,
}

pub(super) fn by_id(id: &str) -> Result<Quirk, String> {
    Quirk::from_id(id).ok_or_else(|| {
        let ids: Vec<_> = Quirk::ALL.into_iter().map(Quirk::id).collect();
        format!("--quirk {id}: no quirk is named so; there are all, {}", ids.join(", "))
    })
}

/// Looks for a quirk, or for `all`, in the models that are named, or else in those that are made for it.
pub(super) fn run(which: &str, args: &Args) -> Result<Verdict, String> {
    let quirks = match which {
        "all" => Quirk::ALL.to_vec(),
        id => vec![by_id(id)?],
    };
    let mut found = 0;
    for quirk in &quirks {
        let (sought, path) = seek(*quirk, args)?;
        found += usize::from(sought.found);
        match args.format {
            Format::Json => print(&serde_json::json!(sought).to_string()),
            Format::Text => print(&line(&sought)),
        }
        if let (Some(path), [_], Format::Text) = (path, &quirks[..], args.format) {
            print(&describe_path(&path));
        }
    }
    if args.format == Format::Text {
        print(&format!("\n{found} of {} quirks found", quirks.len()));
    }
    Ok(if found == quirks.len() { Verdict::Good } else { Verdict::Failed })
}

fn seek(quirk: Quirk, args: &Args) -> Result<(Sought, Option<PathTo>), String> {
    let models = match args.models[..] {
        [] => models_for(quirk).map_err(text)?,
        _ => chosen(&args.models)?,
    };
    let started = Instant::now();
    let options = CheckOptions {
        quirks: QuirkSet::default().with(quirk),
        max_states: Some(args.max_states.map_or(MAX_STATES, NonZeroUsize::get)),
        threads: args.threads.get(),
    };
    let mut sought = Sought {
        id: quirk.id(),
        summary: quirk.summary(),
        found: false,
        model: None,
        checker: None,
        what: None,
        depth: None,
        unique_states: 0,
        seconds: 0.0,
    };
    let mut found = None;
    for model in models {
        let checked = check(model, &options).map_err(text)?;
        sought.unique_states += checked.unique_states;
        if let Some(path) = checked.violation {
            sought.found = true;
            sought.model = Some(model.name);
            sought.checker = Some(path.checker);
            sought.what = Some(path.what.clone());
            sought.depth = Some(path.moves.len());
            found = Some(path);
            break;
        }
    }
    sought.seconds = started.elapsed().as_secs_f64();
    Ok((sought, found))
}

fn line(sought: &Sought) -> String {
    let Sought { id, unique_states, seconds, .. } = sought;
    match (sought.model, sought.checker, sought.depth) {
        (Some(model), Some(checker), Some(depth)) => format!(
            "{id}  found by {checker:12} in {model:18} {unique_states:>8} states {seconds:>6.1} s  depth {depth}"
        ),
        _ => format!("{id}  NOT FOUND {:32} {unique_states:>8} states {seconds:>6.1} s", ""),
    }
}
