//! Folds repetitions, so that a text stays short enough to be read.

use crate::sequence::{Item, Place, Step, Text};

/// The longest round that is recognised, in items: an application's whole session fits.
const MAX_ROUND: usize = 48;

/// How often what was folded is folded again, should a long round turn out to be part of a short one.
const MAX_SWEEPS: usize = 3;

/// Joins a call with its return when nothing came between.
pub(crate) fn join_calls(steps: Vec<Step>) -> Vec<Step> {
    let numbered = steps.into_iter().map(|step| (0, step)).collect();
    join_numbered(numbered).into_iter().map(|(_, step)| step).collect()
}

/// The same of steps with the numbers of their records: a call that is joined has the number of its return.
pub(crate) fn join_numbered(steps: Vec<(u64, Step)>) -> Vec<(u64, Step)> {
    let mut joined: Vec<(u64, Step)> = Vec::with_capacity(steps.len());
    for (seq, step) in steps {
        match joined.last_mut() {
            Some(last) if returns_from(&step, &last.1) => *last = (seq, step),
            _ => joined.push((seq, step)),
        }
    }
    joined
}

/// Whether `step` is the return of `call`: the return repeats the call's text.
fn returns_from(step: &Step, call: &Step) -> bool {
    let (Place::Application(a), Place::Application(b)) = (&step.place, &call.place) else {
        return false;
    };
    a == b
        && match (step.text.plain_words(), call.text.plain_words()) {
            (Some(full), Some(call)) => {
                full.strip_prefix(call).is_some_and(|rest| rest.starts_with(" = "))
            }
            _ => false,
        }
}

/// Folds rounds that differ at most in numbers which run on by one from round to round; short rounds first,
/// so that they become items of longer ones.
pub(crate) fn fold(steps: Vec<Step>) -> Vec<Item> {
    let mut items: Vec<Item> = steps.into_iter().map(Item::Step).collect();
    for _ in 0..MAX_SWEEPS {
        let before = items.len();
        for round in 1..=MAX_ROUND {
            items = fold_rounds(items, round);
        }
        if items.len() == before {
            break;
        }
    }
    items
}

/// Folds repeated rounds of that many items: twice is enough for a single item, a longer round must come
/// three times.
fn fold_rounds(items: Vec<Item>, round: usize) -> Vec<Item> {
    let enough = if round == 1 { 2 } else { 3 };
    let mut folded = Vec::with_capacity(items.len());
    let mut rest = items.into_iter();
    while !rest.as_slice().is_empty() {
        let times = repetitions(rest.as_slice(), round);
        if times < enough {
            folded.extend(rest.next());
            continue;
        }
        let rounds: Vec<Item> = rest.by_ref().take(round * times).collect();
        let last = &rounds[rounds.len() - round..];
        let items = rounds.iter().zip(last).map(|(first, last)| widen(first, last)).collect();
        folded.push(Item::Repeat { times: times as u32, items });
    }
    folded
}

/// How many rounds of that many items `items` begin with, 1 if the first is not repeated.
fn repetitions(items: &[Item], round: usize) -> usize {
    let mut rounds = items.chunks_exact(round);
    let (Some(mut previous), mut times, mut progress) = (rounds.next(), 1, None) else { return 0 };
    for next in rounds {
        let step = progress_of(previous, next);
        if step.is_none() || progress.is_some() && progress != step {
            break;
        }
        (progress, previous, times) = (step, next, times + 1);
    }
    times
}

/// How the numbers run on from one round to the next; `None` when the rounds differ in more.
fn progress_of(round: &[Item], next: &[Item]) -> Option<Vec<u32>> {
    let mut progress = Vec::new();
    for pair in round.iter().zip(next) {
        match pair {
            (Item::Step(a), Item::Step(b)) => progress.extend(step_progress(a, b)?),
            (
                Item::Repeat { times, items },
                Item::Repeat { times: next_times, items: next_items },
            ) if times == next_times && items.len() == next_items.len() => {
                progress.extend(progress_of(items, next_items)?);
            }
            _ => return None,
        }
    }
    Some(progress)
}

fn step_progress(a: &Step, b: &Step) -> Option<Vec<u32>> {
    if a.note != b.note {
        return None;
    }
    let mut progress = match (&a.place, &b.place) {
        (Place::Application(a), Place::Application(b)) => a.step_to(b)?,
        (a, b) if a == b => Vec::new(),
        _ => return None,
    };
    progress.extend(a.text.step_to(&b.text)?);
    Some(progress)
}

/// The first round with its numbers as ranges up to the last round's.
fn widen(first: &Item, last: &Item) -> Item {
    match (first, last) {
        (Item::Step(a), Item::Step(b)) => Item::Step(Step {
            place: widen_place(&a.place, &b.place),
            text: a.text.widen(&b.text),
            note: a.note.clone(),
        }),
        (Item::Repeat { times, items }, Item::Repeat { items: last, .. }) => Item::Repeat {
            times: *times,
            items: items.iter().zip(last).map(|(a, b)| widen(a, b)).collect(),
        },
        _ => first.clone(),
    }
}

fn widen_place(first: &Place, last: &Place) -> Place {
    match (first, last) {
        (Place::Application(a), Place::Application(b)) => Place::Application(Text::widen(a, b)),
        _ => first.clone(),
    }
}
