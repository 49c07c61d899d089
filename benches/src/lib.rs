//! How vmcsim is measured: against what people would use instead, in the same run, in turns.
//!
//! A [`Case`] has contenders that do the same work. In each round every contender is sampled once, the order
//! turning from round to round, so that other work of the machine hits all of them. What counts is the
//! ratio of two contenders within a round; the median of the rounds is reported. A sample is long enough
//! ([`SAMPLE_TIME`]) that the clock's own cost and cold caches do not show; how many operations that takes is found by
//! the fastest of a few samples, because one that was interrupted is long with any number of them.
//!
//! Figures of two threads depend on where the two processors are. Such a sample stands between two canaries, a
//! bare ping-pong of one cache line between the same two threads, and has the [`Class`] that they tell. Samples
//! are compared within a class only, and those between canaries that disagree are not used.
//!
//! The samples then go to criterion for its statistics, plots and comparison with the run before, and what came
//! of them is a [`Row`] for each contender, in a file for other programs.
//!
//! A benchmark is a target with its own `main`: it makes a [`Bench`] and gives it one case after the other.
//!
//! ```no_run
//! use vmc_bench::{Bench, Case};
//!
//! let mut bench = Bench::from_args("sums");
//! let numbers: Vec<u64> = (0..1000).collect();
//! let case = Case::new("of a thousand")
//!     .alone("vmcsim", || assert_eq!(numbers.iter().sum::<u64>(), 499_500))
//!     .alone("formula", || assert_eq!(numbers.len() * (numbers.len() - 1) / 2, 499_500));
//! bench.run(case.bytes(8000));
//! ```
//!
//! | module | subject |
//! |---|---|
//! | `case` | contenders, rounds and samples |
//! | `fit` | costs by size |
//! | `canary` | the ping-pong, and the classes |
//! | `report`, `stats`, `rows` | the table and criterion; medians and ratios; lines of JSON |
//! | `buffers` | plain memory with the alignment of the hypervisor's |
//! | `watchdog` | what becomes of a case that hangs |
//! | `ring` | the bare ring: what a CRQ costs at the very least |
//!
//! The hypervisor whose two queues are registered is in `vmc-hot-paths`, where its instructions and allocations
//! are counted as well.

#![forbid(unsafe_code)]

mod buffers;
mod canary;
mod case;
mod fit;
mod report;
mod ring;
mod rows;
mod stats;
mod watchdog;

pub use buffers::{Buffers, WordBuffers};
pub use canary::Class;
pub use case::{Case, SAMPLE_TIME};
pub use fit::Fit;
pub use report::Bench;
pub use ring::BareRing;
pub use rows::{Figure, Row, RowFile};
pub use stats::Spread;
pub use vmc_hot_paths::{Consumer, Machine, PAGE, wait_for};
pub use watchdog::{HUNG, PATIENCE_OF_A_CALL, hung};
