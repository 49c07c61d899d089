//! How far each rule is, and what waits because of one: boots, and messages that arrive later.

use super::{EntryKind, Occasion, Rule, Trigger};
use lock_api::{Mutex, MutexGuard, RawMutex};
use papr::CrqEntry;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use vmc_proto::{HmcIndex, HmcSession, Received};
use vmc_trace::{FaultKind, Side};

/// A line of occasions that are counted together: what happens on different lines has no order that every
/// schedule keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strand {
    Machine,
    /// How often there is one, and when, is chance.
    Interrupt,
    App(u16),
    Session(HmcIndex, HmcSession),
}

/// Where something happens just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) strand: Strand,
    /// The application thread that does it.
    pub(crate) app: Option<u16>,
    /// The HMC index that it is about.
    pub(crate) index: Option<HmcIndex>,
    /// The session that it is about.
    pub(crate) session: Option<HmcSession>,
}

/// The rules of a run and how far each of them is.
#[derive(Debug)]
pub struct Faults<L: RawMutex> {
    /// There was no rule at first, so that the hooks need not ask, and none may be added.
    are_none: bool,
    faults: Mutex<L, FaultState>,
    turn: Mutex<L, ()>,
}

/// How far the rules have got.
#[derive(Clone, Debug, Default)]
pub struct FaultState {
    rules: Arc<[Arc<Rule>]>,
    progress: Vec<Progress>,
    /// The sessions that each index has had, in their order.
    sessions: BTreeMap<HmcIndex, Vec<HmcSession>>,
    /// A fault that the architecture does not know has happened.
    unarchitected: bool,
    /// An optional fault has happened after which a device may have failed.
    disabling: bool,
    /// Rules whose time comes.
    pub(crate) due: Vec<(u64, usize)>,
    /// Partitions that are to boot as soon as they can, and the rule that says so.
    pub(crate) boots: Vec<(Side, usize)>,
    /// Messages that were sent and do not arrive yet, oldest first.
    pub(crate) held: Vec<Held>,
    /// A rule waits for commands.
    watch_commands: bool,
    /// No rule fires any more.
    over: bool,
    /// Only this rule fires, if there is one, and those that follow it; `None` where every rule has its turn.
    armed: Option<Option<usize>>,
}

/// A message that waits to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its sender.
    pub(crate) by: Side,
    pub(crate) entry: CrqEntry,
    /// When it arrives.
    pub(crate) until_ns: u64,
    /// Sooner, if another message of its sender has arrived.
    pub(crate) until_next: bool,
}

/// How far a rule is.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// Occasions so far.
    seen: BTreeMap<Strand, u32>,
    hits: u32,
}

impl<L: RawMutex> Clone for Faults<L> {
    fn clone(&self) -> Faults<L> {
        let faults = Mutex::new(self.faults.lock().clone());
        Faults { are_none: self.are_none, faults, turn: Mutex::new(()) }
    }
}

impl<L: RawMutex> Faults<L> {
    pub(crate) fn new(rules: Vec<Rule>) -> Faults<L> {
        let are_none = rules.is_empty();
        let mut state = FaultState::default();
        state.add(rules);
        Faults { are_none, faults: Mutex::new(state), turn: Mutex::new(()) }
    }

    /// Adds rules to those that there are. They see what happens from now on; one of a time that has passed is due.
    pub(crate) fn add(&self, rules: Vec<Rule>) {
        debug_assert!(!self.are_none, "the hooks do not ask");
        self.faults.lock().add(rules);
    }

    /// All rules, by their number.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        self.faults.lock().rules.iter().map(|rule| Rule::clone(rule)).collect()
    }

    /// Waits until no other activity is in a step, if there are rules. An occasion and what its rules do are one
    /// thing: the receiver of a message must not find it before the rules that wait for its delivery have fired, and
    /// of two partitions that die at once neither notices the other's end.
    pub(crate) fn turn(&self) -> Option<MutexGuard<'_, L, ()>> {
        (!self.are_none()).then(|| self.turn.lock())
    }

    /// Whether there is nothing that could ever fire, so that the hooks need not ask.
    pub fn are_none(&self) -> bool {
        self.are_none
    }

    pub fn rule(&self, number: usize) -> Arc<Rule> {
        Arc::clone(&self.faults.lock().rules[number])
    }

    /// Whether a rule waits for commands.
    pub(crate) fn watch_commands(&self) -> bool {
        !self.are_none && self.faults.lock().watch_commands
    }

    /// The rules that fire at this moment, in the order of the scenario. `is` tells what happens.
    pub(crate) fn due_at(&self, moment: Moment, is: impl Fn(&Occasion) -> bool) -> Vec<usize> {
        let mut faults = self.faults.lock();
        let mut due = Vec::new();
        let rules = Arc::clone(&faults.rules);
        for (number, rule) in rules.iter().enumerate() {
            let Some(trigger) = &rule.trigger else { continue };
            let begun = trigger.since.is_none_or(|rule| faults.progress[rule].hits > 0);
            if begun
                && concerns(trigger, moment)
                && faults.is_in_session(trigger, moment)
                && is(&trigger.occasion)
            {
                due.extend(faults.count(number, rule, moment.strand).then_some(number));
            }
        }
        due
    }

    /// Takes note that the driver gives an index a new session.
    pub(crate) fn session_begins(&self, index: HmcIndex, session: HmcSession) {
        self.faults.lock().sessions.entry(index).or_default().push(session);
    }

    /// Takes note that a rule has fired, and has those wait that follow it. Whether there are any.
    pub(crate) fn fired(&self, number: usize, now_ns: u64) -> bool {
        let mut faults = self.faults.lock();
        faults.progress[number].hits += 1;
        let rules = Arc::clone(&faults.rules);
        let act = &rules[number].act;
        faults.unarchitected |= act.kind() == FaultKind::Unarchitected;
        faults.disabling |= rules[number].optional && act.may_fail_device();
        let mut any = false;
        for (follower, rule) in rules.iter().enumerate() {
            if let Some(Trigger { occasion: Occasion::After { rule: cause, ns }, .. }) =
                rule.trigger
                && cause == number
                && faults.count(follower, rule, Strand::Machine)
            {
                faults.due.push((now_ns.saturating_add(ns), follower));
                any = true;
            }
        }
        any
    }

    /// Works with what waits.
    pub fn with<T>(&self, work: impl FnOnce(&mut FaultState) -> T) -> T {
        work(&mut self.faults.lock())
    }

    /// Takes the messages of a side that waited for another one to arrive.
    pub(crate) fn take_overtaken(&self, by: Side) -> Vec<CrqEntry> {
        let mut faults = self.faults.lock();
        let taken = faults.held.extract_if(.., |held| held.by == by && held.until_next);
        taken.map(|held| held.entry).collect()
    }

    /// Has only this rule fire where there is an occasion, or none. Rules that follow another one come with it.
    pub fn arm(&self, rule: Option<usize>) {
        self.faults.lock().armed = Some(rule);
    }

    /// How often a rule has fired.
    pub fn hits(&self, rule: usize) -> u32 {
        self.faults.lock().progress[rule].hits
    }

    /// Hands out the number of each rule that has fired.
    pub fn each_fired(&self, mut take: impl FnMut(usize)) {
        let faults = self.faults.lock();
        let numbered = faults.progress.iter().enumerate();
        numbered.filter(|(_, progress)| progress.hits > 0).for_each(|(number, _)| take(number));
    }

    /// Hashes what is still to come of the rules. How many occasions each has seen counts only where none of them
    /// has to be armed.
    pub(crate) fn hash_canonical(&self, now_ns: u64, state: &mut impl Hasher) {
        let faults = self.faults.lock();
        let from_now = |at_ns: u64| at_ns.saturating_sub(now_ns);
        (faults.unarchitected, faults.disabling).hash(state);
        let means_session = |rule: &Arc<Rule>| {
            rule.trigger.as_ref().is_some_and(|trigger| trigger.nth_session.is_some())
        };
        if faults.rules.iter().any(means_session) {
            faults.sessions.hash(state);
        }
        // Or else one that waits could pass for one of the next list.
        (faults.due.len(), faults.boots.len(), faults.held.len()).hash(state);
        for (at_ns, rule) in &faults.due {
            (from_now(*at_ns), rule).hash(state);
        }
        for (side, rule) in &faults.boots {
            (*side as u8, rule).hash(state);
        }
        for held in &faults.held {
            (held.by as u8, held.entry, from_now(held.until_ns), held.until_next).hash(state);
        }
    }

    /// From now on no rule fires.
    pub fn end(&self) {
        self.faults.lock().over = true;
    }

    /// Whether a fault has happened that the architecture does not know.
    pub fn were_unarchitected(&self) -> bool {
        self.faults.lock().unarchitected
    }

    /// Whether something has happened after which a device that has failed did so rightly. What has to happen does
    /// not count: its scenario says in which state the channel ends.
    pub fn may_have_failed_device(&self) -> bool {
        self.faults.lock().disabling
    }

    /// The rules that had to fire and never did, and the most occasions that each of them has seen on one strand.
    pub fn unfired(&self) -> Vec<(usize, u32)> {
        let faults = self.faults.lock();
        let most = |progress: &Progress| progress.seen.values().copied().max().unwrap_or(0);
        let numbered = faults.progress.iter().enumerate();
        let never = numbered
            .filter(|(number, progress)| progress.hits == 0 && !faults.rules[*number].optional);
        never.map(|(number, progress)| (number, most(progress))).collect()
    }
}

impl FaultState {
    fn add(&mut self, rules: Vec<Rule>) {
        let first = self.rules.len();
        let timed = |(number, rule): (usize, &Rule)| match rule.trigger.as_ref()?.occasion {
            Occasion::Time { ns } => Some((ns, number)),
            _ => None,
        };
        self.due.extend((first..).zip(&rules).filter_map(timed));
        self.watch_commands |= rules.iter().any(|rule| {
            let occasion = rule.trigger.as_ref().map(|trigger| &trigger.occasion);
            matches!(occasion, Some(Occasion::Command { .. }))
        });
        self.progress.resize(first + rules.len(), Progress::default());
        let added = rules.into_iter().map(Arc::new);
        self.rules = self.rules.iter().cloned().chain(added).collect();
    }

    /// Whether a moment is about the session that a rule means, if it means one.
    fn is_in_session(&self, trigger: &Trigger, moment: Moment) -> bool {
        let Some(nth) = trigger.nth_session else { return true };
        let (Some(index), Some(session)) = (moment.index, moment.session) else { return false };
        let of_index = self.sessions.get(&index).map_or(&[][..], Vec::as_slice);
        // Of several with one number the last: numbers come again.
        let place = of_index.iter().rposition(|known| *known == session);
        place.is_some_and(|place| place + 1 == nth as usize)
    }

    /// Whether nothing waits: no boot, no rule, no message.
    pub fn is_idle(&self) -> bool {
        self.boots.is_empty() && self.due.is_empty() && self.held.is_empty()
    }

    /// Counts an occasion of a rule; whether it is one at which the rule fires.
    fn count(&mut self, number: usize, rule: &Rule, strand: Strand) -> bool {
        let seen = self.progress[number].seen.entry(strand).or_default();
        *seen = seen.saturating_add(1);
        let follows = rule.trigger.as_ref().is_some_and(Trigger::follows);
        let is_armed = |armed| armed == Some(number) || follows;
        let may = !self.over && self.armed.is_none_or(is_armed);
        may && *seen >= rule.nth && rule.times.is_none_or(|times| *seen - rule.nth < times)
    }
}

fn concerns(trigger: &Trigger, moment: Moment) -> bool {
    trigger.app.is_none_or(|app| moment.app == Some(app))
        && trigger.index.is_none_or(|index| moment.index == Some(index))
        && (!trigger.channel_only || moment.index.is_none())
}

impl EntryKind {
    pub(crate) fn is(self, entry: CrqEntry) -> bool {
        match (self, Received::from_entry(entry)) {
            (EntryKind::Any, _)
            | (EntryKind::Init, Received::Init)
            | (EntryKind::InitComplete, Received::InitComplete) => true,
            (EntryKind::Message(wanted), Received::Message(decoded)) => {
                decoded.message.message_type() == wanted
            }
            _ => false,
        }
    }
}
