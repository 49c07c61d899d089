//! Tests of the models, and of what makes them small: the canonical state, and invisible steps.

use super::machine::{Begin, Machine, Move, Setting};
use super::*;
use ibmvmc::Quirk;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::Hasher;
use vmc_machine::plan::Plan;
use vmc_machine::schedule::below;

fn model(name: &str) -> &'static Model {
    models().iter().find(|model| model.name == name).expect("a model of that name")
}

/// A small model holds and has as many states as it should, so many of them at rest, and that depth.
fn holds(name: &str, at_rest: usize, depth: usize) {
    let checked = check(model(name), &CheckOptions::default()).expect("a machine");
    assert!(model(name).small && checked.violation.is_none(), "{name}: {:?}", checked.violation);
    let Checked { complete, .. } = checked;
    assert_eq!(checked.unfired, [""; 0], "{name}: faults that never happen");
    let counts = (checked.unique_states, checked.at_rest, checked.depth);
    assert_eq!((complete, counts), (true, (model(name).unique_states, at_rest, depth)), "{name}");
}

#[test]
fn either_side_may_start_first_and_every_order_leads_to_one_state() {
    holds("boot", 1, 40);
    holds("boot-hypervisor-first", 1, 40);
}

#[test]
fn two_connections_are_seeded_in_every_order() {
    holds("boot-two", 1, 47);
}

#[test]
fn whichever_message_is_lost_nothing_breaks() {
    holds("boot-drop", 7, 43);
}

#[test]
fn whichever_send_finds_the_queue_full_it_is_made_again() {
    holds("boot-busy", 2, 43);
}

#[test]
fn wherever_a_side_dies_the_channel_comes_back() {
    holds("ready-crash", 3, 42);
}

#[test]
fn a_kernel_that_finds_the_queue_of_the_last_one_gets_the_channel() {
    holds("ready-kexec", 2, 43);
}

#[test]
fn whenever_the_capabilities_are_refused_the_driver_does_not_go_on() {
    holds("boot-refuse", 3, 44);
}

#[test]
fn an_application_gets_its_echo_in_every_order() {
    holds("echo", 1, 93);
}

#[test]
fn whichever_copy_is_refused_the_file_can_be_closed() {
    holds("open-rdma", 3, 55);
}

#[test]
fn a_buffer_is_asked_for_while_the_session_is_being_closed_in_every_order() {
    holds("close-take", 2, 61);
}

#[test]
fn whoever_loses_a_session_learns_of_it() {
    holds("poller-lost", 2, 47);
    holds("lost-file", 2, 73);
}

#[test]
fn an_index_can_be_opened_after_a_refusal_and_in_the_drivers_next_life() {
    holds("open-refuse", 1, 50);
    holds("driver-reload", 2, 65);
}

#[test]
fn sessions_exchange_messages_beside_each_other_and_an_inbox_fills() {
    holds("two-echoes", 2, 45);
    holds("full-inbox", 1, 58);
}

#[test]
fn every_model_can_be_built_and_has_a_title() {
    for model in models() {
        assert!(model.title().is_ok_and(|title| !title.is_empty()), "{}", model.name);
        assert!(space::Space::new(model, QuirkSet::default()).is_ok(), "{}", model.name);
    }
}

#[test]
fn a_driver_that_misbehaves_is_found_and_the_shortest_path_told() {
    let options =
        CheckOptions { quirks: QuirkSet::default().with(Quirk::H05), ..CheckOptions::default() };
    let checked = check(model("boot-busy"), &options).expect("a machine");
    let path = checked.violation.expect("a send that was not made is missed");
    // Which checker is first depends on which states are sampled: the send is missed, or the channel stays away.
    assert!(["protocol", "recovery"].contains(&path.checker), "{path:?}");
    assert!(path.moves.len() <= 25, "{path:?}");
    assert!(path.trace.contains("!  a send of mgmt"), "{}", path.trace);
}

#[test]
fn every_hazard_is_found_in_the_first_model_that_is_made_for_it() {
    for quirk in Quirk::ALL {
        let quirks = QuirkSet::default().with(quirk);
        let options = CheckOptions { quirks, max_states: Some(100_000), threads: 1 };
        let made = models_for(quirk).expect("models with tags");
        let first = made.first().unwrap_or_else(|| panic!("{quirk:?}: no model is made for it"));
        let checked = check(first, &options).expect("a machine");
        let found = checked.violation.is_some();
        assert!(found, "{quirk:?}: {} states of {}", checked.unique_states, first.name);
    }
}

#[test]
fn an_exploration_that_is_cut_short_says_so() {
    let options = CheckOptions { max_states: Some(500), ..CheckOptions::default() };
    let checked = check(model("boot"), &options).expect("a machine");
    assert!(!checked.complete && checked.violation.is_none());
}

fn machine(plan: &Plan, settles: bool) -> Machine {
    let quirks = QuirkSet::default();
    let begin = Begin::Boot;
    Machine::new(plan, Setting { quirks, faults: 1, settles, record: false, begin })
        .expect("a machine")
}

/// What the exploration tells states apart by.
fn name(machine: &Machine) -> u64 {
    let mut state = machine.fingerprint();
    state.write_u8(machine.faults_left);
    state.finish()
}

fn next(machine: &Machine, made: Move) -> Option<Machine> {
    let mut next = machine.clone();
    next.make(made).then_some(next)
}

/// What can be seen of a state without its name: what each ready activity asks for next, and what lies in the queues.
fn outlook(machine: &Machine) -> Outlook {
    let mut ready = machine.runtime.ready();
    ready.sort_unstable();
    (ready.into_iter().map(|id| machine.next_step(id)).collect(), machine.queued())
}

/// How a state goes on: what can be seen of it, and for each move the state that follows, with what can be seen of that.
type Future = (Outlook, Vec<Option<(u64, Outlook)>>);

type Outlook = (Vec<String>, [Vec<String>; 2]);

fn future(machine: &Machine, injections: &[usize]) -> Future {
    let follow = |made| next(machine, made).map(|next| (name(&next), outlook(&next)));
    (outlook(machine), machine.moves(injections).into_iter().map(follow).collect())
}

/// Walks at random, and compares what follows states of one name.
fn states_of_one_name_go_on_alike(name_of_model: &str) {
    const WALKS: u64 = 60;
    const MOVES: usize = 400;
    let plan = model(name_of_model).plan().expect("a plan");
    let injections = catalogue::injections(&plan);
    let mut known: BTreeMap<u64, Future> = BTreeMap::new();
    let mut compared = 0;
    for walk in 0..WALKS {
        let mut rng = ChaCha8Rng::seed_from_u64(walk);
        let mut machine = machine(&plan, true);
        for _ in 0..MOVES {
            let follow = future(&machine, &injections);
            if let Some(before) = known.insert(name(&machine), follow.clone()) {
                compared += 1;
                assert_eq!(before, follow, "{name_of_model}, walk {walk}");
            }
            let mut moves = machine.moves(&injections);
            // Faults are many, and only one of them happens: most walks get further without.
            if below(&mut rng, 40) > 0 {
                moves.retain(|made| matches!(made, Move::Step(_) | Move::Time));
            }
            if moves.is_empty() {
                break;
            }
            let made = moves[below(&mut rng, moves.len() as u64) as usize];
            if let Some(after) = next(&machine, made) {
                machine = after;
            }
        }
    }
    assert!(compared > 500, "{name_of_model}: only {compared} states were met again");
}

#[test]
fn what_the_normal_form_leaves_out_of_the_channel_changes_nothing() {
    states_of_one_name_go_on_alike("boot-suspend-hyp");
    states_of_one_name_go_on_alike("boot-free-mgmt");
}

#[test]
fn what_the_normal_form_leaves_out_of_lives_changes_nothing() {
    states_of_one_name_go_on_alike("echo-crash");
    states_of_one_name_go_on_alike("echo-kexec");
}

#[test]
fn what_the_normal_form_leaves_out_of_sessions_changes_nothing() {
    states_of_one_name_go_on_alike("echo-free");
    states_of_one_name_go_on_alike("lost-file");
}

/// Every state at rest that can be reached.
fn ends(name_of_model: &str, settles: bool) -> (usize, BTreeSet<u64>) {
    let plan = model(name_of_model).plan().expect("a plan");
    let injections = catalogue::injections(&plan);
    let first = machine(&plan, settles);
    let mut seen = BTreeSet::from([name(&first)]);
    let mut ends = BTreeSet::new();
    let mut waiting = VecDeque::from([first]);
    while let Some(machine) = waiting.pop_front() {
        if machine.is_at_rest() {
            ends.insert(name(&machine));
        }
        let moves = machine.moves(&injections).into_iter();
        for after in moves.filter_map(|made| next(&machine, made)) {
            if seen.insert(name(&after)) {
                waiting.push_back(after);
            }
        }
    }
    (seen.len(), ends)
}

#[test]
fn quiet_steps_that_are_made_at_once_lose_no_end() {
    let (settled, those) = ends("boot-refuse", true);
    let (every, these) = ends("boot-refuse", false);
    assert_eq!(those, these);
    assert!(settled * 4 < every, "{settled} of {every}");
}
