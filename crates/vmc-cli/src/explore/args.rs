//! The command line of `cargo xtask explore`.

use crate::foreign::DriverArgs;
use crate::select::Selection;
use clap::ValueEnum;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use vmc_sim::explore::Schedules;

/// Seeds when neither their number nor a time is given.
const DEFAULT_SEEDS: u64 = 1000;

/// Options of `cargo xtask explore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Makes the scenario from the seed, too
    #[arg(long, conflicts_with_all = ["names", "words", "list"])]
    pub(crate) generated: bool,

    /// The driver.
    #[command(flatten)]
    pub driver: DriverArgs,

    /// How many seeds; without it 1000, or as many as fit into --time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: Option<u64>,

    /// The first seed
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) start: u64,

    /// How many runs at the same time; without it one per core, and one with a driver of yours
    #[arg(long, value_name = "J")]
    jobs: Option<NonZeroUsize>,

    /// Begins no run after this time: `60s`, `10m`, `2h`
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) time: Option<Duration>,

    /// Only part K of N of the seeds, counted from 0: every Nth seed
    #[arg(long, value_name = "K/N", default_value = "0/1")]
    pub(crate) shard: Shard,

    /// Which schedules
    #[arg(long, value_enum, default_value_t = Schedule::Mixed)]
    pub(crate) schedule: Schedule,

    /// Looks for a known hazard in generated scenarios, or for each of `all`
    #[arg(long, value_name = "ID", requires = "generated", conflicts_with_all = ["out", "check_determinism", "file_of_driver"])]
    pub(crate) quirk: Option<String>,

    /// Shrinks the first failure of each kind for at most this time; with --quirk, the time to look for each hazard
    /// and to shrink its case: 60s without it
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) budget: Option<Duration>,

    /// Makes each run twice more, and compares the two at every step
    #[arg(long)]
    pub(crate) check_determinism: bool,

    /// How results are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    /// Writes a line of JSON for each run to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Writes a replay file of each failing seed into this folder, and what was made small as a scenario
    #[arg(long, value_name = "DIR")]
    pub(crate) save: Option<PathBuf>,

    /// Runs nothing: adds up files that --out wrote
    #[arg(
        long, value_name = "FILES", num_args = 1..,
        conflicts_with_all = [
            "names", "words", "list", "generated", "seeds", "start", "jobs", "time", "shard", "schedule", "quirk",
            "out", "save", "budget", "check_determinism", "file_of_driver",
        ]
    )]
    pub(crate) merge: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// JSON: a line for each run or quirk, or one object for --merge
    Json,
}

/// Which schedules are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Schedule {
    /// Any ready activity
    Random,
    /// Priorities that change at a few steps
    Pct,
    /// Either
    Mixed,
}

/// A part of the seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    part: u64,
    parts: NonZeroU64,
}

/// Why a shard is none.
#[derive(Debug, thiserror::Error)]
#[error("write K/N with K from 0 to N - 1: `0/4` to `3/4` are the parts of four")]
pub(crate) struct NoShard;

/// Why a text is no time.
#[derive(Debug, thiserror::Error)]
#[error("write a number from 1 and s, m or h: `90s`, `10m`, `2h`")]
pub struct NoDuration;

impl Args {
    /// How many seeds this shard has.
    pub(crate) fn seeds_of_shard(&self) -> Result<u64, String> {
        let seeds = match (self.seeds, self.time) {
            (Some(seeds), _) => seeds,
            (None, Some(_)) => u64::MAX - self.start,
            (None, None) => DEFAULT_SEEDS,
        };
        if self.start.checked_add(seeds).is_none() {
            return Err(format!(
                "--start {} --seeds {seeds}: there is no seed beyond {}; lower one of them",
                self.start,
                u64::MAX
            ));
        }
        let Shard { part, parts } = self.shard;
        let of_shard = seeds / parts + u64::from(part < seeds % parts);
        if of_shard == 0 {
            return Err(format!(
                "--shard {part}/{parts}: none of the {seeds} seeds is in this part; give at least {parts} seeds, or \
                 make fewer parts"
            ));
        }
        Ok(of_shard)
    }

    /// The seed with this number in the shard.
    pub(crate) fn seed(&self, number: u64) -> u64 {
        self.start + self.shard.part + number * self.shard.parts.get()
    }

    pub(crate) fn workers(&self) -> usize {
        let cores = || match self.driver.file {
            // What a driver does on threads of its own is put down to the run that is under way.
            Some(_) => NonZeroUsize::MIN,
            None => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        };
        self.jobs.unwrap_or_else(cores).get()
    }
}

impl Schedule {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Schedule::Random => "random",
            Schedule::Pct => "pct",
            Schedule::Mixed => "mixed",
        }
    }
}

impl From<Schedule> for Schedules {
    fn from(schedule: Schedule) -> Schedules {
        match schedule {
            Schedule::Random => Schedules::Random,
            Schedule::Pct => Schedules::Pct,
            Schedule::Mixed => Schedules::Mixed,
        }
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Shard, NoShard> {
        let (part, parts) = text.split_once('/').ok_or(NoShard)?;
        let (part, parts) = (part.parse(), parts.parse::<NonZeroU64>());
        match (part, parts) {
            (Ok(part), Ok(parts)) if part < parts.get() => Ok(Shard { part, parts }),
            _ => Err(NoShard),
        }
    }
}

/// A time with its unit.
pub fn duration(text: &str) -> Result<Duration, NoDuration> {
    let unit = text.chars().next_back().ok_or(NoDuration)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        _ => return Err(NoDuration),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| NoDuration)?;
    let seconds = number.checked_mul(seconds).filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or(NoDuration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::collections::BTreeSet;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(words: &str) -> Args {
        Line::try_parse_from(["x"].into_iter().chain(words.split(' '))).expect("options").args
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("90s").expect("a time"), Duration::from_secs(90));
        assert_eq!(duration("2h").expect("a time"), Duration::from_secs(7200));
        for wrong in ["", "60", "0s", "0h", "s", "-1s", "1d", "1é", "99999999999999999999h", "1.5s"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shards_are_counted_from_0() {
        for wrong in ["", "1", "/", "1/0", "4/4", "-1/4", "a/b", "1/2/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_shards_together_are_all_seeds_each_once() {
        for parts in 1..6 {
            let mut seeds = Vec::new();
            for part in 0..parts {
                let args = args(&format!("--seeds 13 --start 100 --shard {part}/{parts}"));
                let number = args.seeds_of_shard().expect("seeds");
                seeds.extend((0..number).map(|number| args.seed(number)));
            }
            assert_eq!(seeds.len(), 13);
            assert_eq!(BTreeSet::from_iter(seeds), BTreeSet::from_iter(100..113));
        }
    }

    #[test]
    fn seeds_beyond_the_last_are_refused() {
        let text = args("--seeds 2 --start 18446744073709551615").seeds_of_shard();
        assert!(text.expect_err("too many").contains("lower one of them"));
        assert!(args("--time 1s --start 18446744073709551614").seeds_of_shard().is_ok());
        let text = args("--seeds 2 --shard 2/3").seeds_of_shard();
        assert!(text.expect_err("no seed").contains("none of the 2 seeds is in this part"));
    }
}
