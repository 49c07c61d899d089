//! `cargo xtask inventory`: writes an inventory of a seed, or checks one.

use crate::Verdict;
use crate::terminal::{complain, print, show};
use std::path::PathBuf;
use vmc_sim::{Inventory, generate_inventory};

/// Options of `cargo xtask inventory`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Partitions beside the management partition and the Virtual I/O Servers
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(0..=960), conflicts_with = "check")]
    partitions: u16,

    /// What draws all the rest
    #[arg(long, default_value_t = 1, conflicts_with = "check")]
    seed: u64,

    /// Write nothing; say what is on the systems of these files, or what is wrong with them
    #[arg(long, value_name = "FILE", num_args = 1..)]
    check: Vec<PathBuf>,
}

/// Prints the inventory of a seed, or looks at files.
pub(crate) fn run(args: &Args) -> Verdict {
    if args.check.is_empty() {
        print(&generate_inventory(args.partitions, args.seed));
        return Verdict::Good;
    }
    let verdicts = args.check.iter().map(|path| match Inventory::load(path) {
        Ok(inventory) => {
            let system = inventory.system();
            print(&format!(
                "{}: {}, {} partitions, {} of them running",
                path.display(),
                system.config().name,
                system.number_of_partitions(),
                system.totals().active_partitions,
            ));
            Verdict::Good
        }
        Err(error) => {
            complain(&show(&error));
            Verdict::Mistake
        }
    });
    verdicts.max().unwrap_or(Verdict::Good)
}
