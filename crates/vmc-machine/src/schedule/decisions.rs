//! The decisions of a schedule, and the text in which they are written.
//!
//! A decision names the activity that made the next step at a point where more than one was ready; where only one
//! is ready there is nothing to decide. Activities are named, not numbered, so that decisions keep their meaning
//! when a scenario loses an application.
//!
//! In the text a decision is a word, and `*n` behind it says that it is taken `n` times in a row:
//! `service*3 a bottom-half`. The words are those of the trace's actors (`interrupt`, `bottom-half`, `task`,
//! `service`), `director` for the activity that carries out waiting faults, `operator` for the one that starts both
//! sides, and the names of applications. `first` stands for whichever activity has been ready longest. An
//! application that is named like one of these is written with `app:` before its name.

use crate::runtime::ActivityId;
use crate::script::ThreadPlan;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The word for first come, first served.
pub(super) const FIRST: &str = "first";

/// The word for the activity that starts both sides.
const OPERATOR: &str = "operator";

/// The activities that every machine has.
const FIXED: [(&str, ActivityId); ActivityId::FIXED as usize] = [
    ("interrupt", ActivityId::INTERRUPT),
    ("bottom-half", ActivityId::BOTTOM_HALF),
    ("task", ActivityId::TASK),
    ("service", ActivityId::SERVICE),
    ("director", ActivityId::DIRECTOR),
];

/// Before the name of an application that could be taken for something else.
const APPLICATION: &str = "app:";

/// Columns of a line in [`Decisions::lines`].
const LINE_WIDTH: usize = 110;

/// Which activity made the next step, each time that more than one was ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// In the order in which they first occur.
    words: Vec<String>,
    /// No two in a row are of the same word.
    runs: Vec<Run>,
}

/// The same decision several times in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Place in the list of words.
    pub(super) word: usize,
    /// At least 1.
    pub(super) times: u64,
}

/// Why a text is no list of decisions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionsError {
    /// A word has a character that no name has.
    #[error(
        "decision {place}: `{word}` names no activity; use small letters, digits and `-`, as in `service*3`"
    )]
    Word {
        /// Which word of the text, from 1.
        place: usize,
        /// As it was written.
        word: String,
    },
    /// How often a decision is taken is no number, or 0.
    #[error(
        "decision {place}: `{word}` says no number of times; write one from 1, as in `service*3`"
    )]
    Times {
        /// Which word of the text, from 1.
        place: usize,
        /// As it was written.
        word: String,
    },
}

impl Decisions {
    /// How many decisions there are.
    pub fn len(&self) -> u64 {
        self.runs.iter().fold(0, |sum, run| sum.saturating_add(run.times))
    }

    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How often a decision is another one than the decision before it.
    pub fn switches(&self) -> usize {
        self.runs.len().saturating_sub(1)
    }

    /// The decisions as words with their number of times, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.runs.iter().map(|run| (self.words[run.word].as_str(), run.times))
    }

    /// The text, broken into lines for a file.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let mut runs = self.iter().peekable();
        std::iter::from_fn(move || {
            let mut line = written(runs.next()?);
            while let Some(word) = runs.peek().map(|run| written(*run)) {
                if line.len() + 1 + word.len() > LINE_WIDTH {
                    break;
                }
                line = line + " " + &word;
                runs.next();
            }
            Some(line)
        })
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    pub(super) fn run(&self, place: usize) -> Option<Run> {
        self.runs.get(place).copied()
    }
}

/// `service*3`, or `service` for once.
fn written((word, times): (&str, u64)) -> String {
    match times {
        1 => word.to_owned(),
        _ => format!("{word}*{times}"),
    }
}

impl fmt::Display for Decisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, run) in self.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{}", written(run))?;
        }
        Ok(())
    }
}

impl FromStr for Decisions {
    type Err = DecisionsError;

    fn from_str(text: &str) -> Result<Decisions, DecisionsError> {
        let mut builder = Builder::default();
        for (place, written) in text.split_whitespace().enumerate() {
            builder.push_text(place + 1, written)?;
        }
        Ok(builder.decisions)
    }
}

impl<'a> FromIterator<(&'a str, u64)> for Decisions {
    /// From words as [`iter`](Decisions::iter) has them; those with 0 times are left out.
    fn from_iter<I: IntoIterator<Item = (&'a str, u64)>>(runs: I) -> Decisions {
        let mut builder = Builder::default();
        runs.into_iter().for_each(|(word, times)| builder.push(word, times));
        builder.decisions
    }
}

/// Makes decisions, and keeps their form: each word once, and no two runs of one word in a row.
#[derive(Debug, Default)]
struct Builder {
    decisions: Decisions,
    places: BTreeMap<String, usize>,
}

impl Builder {
    fn push_text(&mut self, place: usize, written: &str) -> Result<(), DecisionsError> {
        let (word, times) = match written.split_once('*') {
            Some((word, times)) => (word, times.parse().ok().filter(|times| *times > 0)),
            None => (written, Some(1)),
        };
        let name = word.strip_prefix(APPLICATION).unwrap_or(word);
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let written = || written.to_owned();
        if name.is_empty() || !name.chars().all(valid) {
            return Err(DecisionsError::Word { place, word: written() });
        }
        let times = times.ok_or_else(|| DecisionsError::Times { place, word: written() })?;
        self.push(if is_reserved(name) { word } else { name }, times);
        Ok(())
    }

    fn push(&mut self, word: &str, times: u64) {
        if times == 0 {
            return;
        }
        let words = &mut self.decisions.words;
        let word = match self.places.get(word) {
            Some(&place) => place,
            None => {
                words.push(word.to_owned());
                self.places.insert(word.to_owned(), words.len() - 1);
                words.len() - 1
            }
        };
        match self.decisions.runs.last_mut() {
            Some(last) if last.word == word => last.times = last.times.saturating_add(times),
            _ => self.decisions.runs.push(Run { word, times }),
        }
    }
}

/// Whether a word means something else than the application of that name.
fn is_reserved(word: &str) -> bool {
    word == FIRST || word == OPERATOR || FIXED.iter().any(|(name, _)| *name == word)
}

/// Who the words mean in one scenario.
#[derive(Clone, Copy, Debug)]
pub struct Actors<'a> {
    threads: &'a [ThreadPlan],
}

impl<'a> Actors<'a> {
    /// The names of a scenario's threads, and of the activities that every machine has.
    pub fn new(threads: &'a [ThreadPlan]) -> Actors<'a> {
        Actors { threads }
    }

    /// The activity; `None` for `first` and for names that the scenario does not have.
    pub(super) fn id(&self, word: &str) -> Option<ActivityId> {
        if let Some((_, id)) = FIXED.iter().find(|(name, _)| *name == word) {
            return Some(*id);
        }
        let name = match word {
            OPERATOR => return Some(ActivityId::app(self.threads.len() as u16)),
            FIRST => return None,
            _ => word.strip_prefix(APPLICATION).unwrap_or(word),
        };
        let place = self.threads.iter().position(|thread| thread.name == name)?;
        Some(ActivityId::app(place as u16))
    }

    /// How decisions name an activity.
    pub fn word(&self, id: ActivityId) -> String {
        if let Some((name, _)) = FIXED.iter().find(|(_, fixed)| *fixed == id) {
            return (*name).to_owned();
        }
        match self.threads.get(id.index() - usize::from(ActivityId::FIXED)) {
            None => OPERATOR.to_owned(),
            Some(thread) if is_reserved(&thread.name) => format!("{APPLICATION}{}", thread.name),
            Some(thread) => thread.name.clone(),
        }
    }

    /// The first word that names no activity.
    pub fn unknown<'d>(&self, decisions: &'d Decisions) -> Option<&'d str> {
        let unknown = |word: &&String| *word != FIRST && self.id(word).is_none();
        decisions.words.iter().find(unknown).map(String::as_str)
    }
}

/// The decisions of a run that is under way.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Whether decisions for the one who has been ready longest are kept as just that.
    first_unnamed: bool,
    /// `None` is first come.
    runs: Vec<(Option<ActivityId>, u64)>,
}

impl Recording {
    pub(crate) fn new(first_unnamed: bool) -> Recording {
        Recording { first_unnamed, runs: Vec::new() }
    }

    /// Keeps a decision: the activity at `place` of those that are ready.
    pub(crate) fn push(&mut self, place: usize, id: ActivityId) {
        let id = (!self.first_unnamed || place != 0).then_some(id);
        match self.runs.last_mut() {
            Some((last, times)) if *last == id => *times += 1,
            _ => self.runs.push((id, 1)),
        }
    }

    /// What was kept, in words.
    pub fn decisions(&self, actors: &Actors<'_>) -> Decisions {
        let mut builder = Builder::default();
        // Names are looked up once each, however long the run was.
        let mut names: BTreeMap<ActivityId, String> = BTreeMap::new();
        for &(id, times) in &self.runs {
            let word = match id {
                Some(id) => names.entry(id).or_insert_with(|| actors.word(id)).as_str(),
                None => FIRST,
            };
            builder.push(word, times);
        }
        builder.decisions
    }
}
