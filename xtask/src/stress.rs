//! `cargo xtask stress`: applications on threads, until one of their calls makes no progress.

use crate::Verdict;
use crate::explore::duration;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};
use vmc_machine::stress::{SITUATIONS, Situation, stress};

/// Rounds of each situation, without --rounds.
const ROUNDS: NonZeroU64 = NonZeroU64::new(1_000).expect("more than 0");

/// Options of `cargo xtask stress`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these situations, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = names())]
    only: Vec<String>,

    /// Goes through the situations again and again, and begins none after this time: `60s`, `10m`, `2h`
    #[arg(long, value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,

    /// Rounds of each application each time
    #[arg(long, value_name = "N", default_value_t = ROUNDS)]
    rounds: NonZeroU64,

    /// Seed of the applications' choices; each further pass takes the next number
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,

    /// How long a call may take
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    patience: Duration,
}

fn names() -> Vec<&'static str> {
    SITUATIONS.map(|situation| situation.name).into()
}

/// Runs the situations, once or as long as there is time; ends at the first that fails.
pub(crate) fn run(args: &Args) -> Verdict {
    let is_chosen = |situation: &&Situation| {
        args.only.is_empty() || args.only.iter().any(|name| name == situation.name)
    };
    let start = Instant::now();
    for seed in args.seed.. {
        for situation in SITUATIONS.iter().filter(is_chosen) {
            let begin = Instant::now();
            let Situation { name, applications, .. } = situation;
            match stress(situation, args.rounds.get(), seed, args.patience) {
                Ok(stressed) => println!(
                    "{name:16} seed {seed}: {applications} applications, {} rounds, {} messages, {:.1} s",
                    stressed.rounds,
                    stressed.messages,
                    begin.elapsed().as_secs_f64(),
                ),
                Err(error) => {
                    eprintln!("{name}, seed {seed}: {error}");
                    return Verdict::Failed;
                }
            }
            if args.time.is_some_and(|time| start.elapsed() >= time) {
                return Verdict::Good;
            }
        }
        if args.time.is_none() {
            break;
        }
    }
    Verdict::Good
}
