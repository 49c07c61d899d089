//! `cargo xtask device-tree`: the device tree in which a driver finds the VMC, as a file that `dtc` reads: written for the
//! machine of a scenario, or read back and checked.

use crate::Verdict;
use crate::select::one;
use crate::terminal::{complain, print};
use papr::device_tree::{Dump, Window};
use std::path::{Path, PathBuf};
use vmc_sim::{Scenario, device_tree};

/// What is done with a dump.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Write the device tree of a scenario's machine
    Write {
        /// A scenario file, or a name below scenarios/ such as `messages/echo`
        scenario: String,
        /// The `.dtb` file
        file: PathBuf,
    },
    /// Read a `.dtb` file, say what it tells of the VMC, and everything that is wrong with it
    Read {
        /// The `.dtb` file
        file: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> Verdict {
    let done = match command {
        Command::Write { scenario, file } => write(scenario, file),
        Command::Read { file } => read(file),
    };
    done.unwrap_or_else(|problem| {
        complain(&problem);
        Verdict::Mistake
    })
}

fn write(name: &str, file: &Path) -> Result<Verdict, String> {
    let scenario = Scenario::load(&one(name)?.path).map_err(|e| crate::terminal::show(&e))?;
    let dump = device_tree(&scenario).map_err(|e| format!("{name}: {e}"))?;
    let dump = dump.ok_or_else(|| {
        format!(
            "{name}: expected a machine with a VMC, got one without: an application has to request it first \
             (`vmc = \"on-request\"`), or an HMC is attached; name another scenario"
        )
    })?;
    let bytes = dump.to_flat().map_err(|e| format!("{name}: {e}"))?;
    std::fs::write(file, &bytes).map_err(|e| format!("{}: {e}", file.display()))?;
    print(&told(&dump));
    Ok(Verdict::Good)
}

fn read(file: &Path) -> Result<Verdict, String> {
    let name = file.display();
    let bytes = std::fs::read(file).map_err(|e| format!("{name}: {e}; name a `.dtb` file"))?;
    match Dump::from_flat(&bytes) {
        Ok(dump) => {
            print(&told(&dump));
            Ok(Verdict::Good)
        }
        Err(problems) => {
            problems.iter().for_each(|problem| complain(&format!("{name}: {problem}")));
            Ok(Verdict::Failed)
        }
    }
}

/// What a dump says, for people.
fn told(dump: &Dump) -> String {
    let Dump { vmc, max_virtual_dma_size } = dump;
    let window =
        |window: Window| format!("LIOBN {:#x}, {} KiB", window.liobn.0, window.size_bytes / 1024);
    let limit = max_virtual_dma_size.map_or(String::from("none"), |size| format!("{size} bytes"));
    format!(
        "unit address   {:#x}\ninterrupt      {:#x}\nlocal window   {}\nremote window  {}\nDRC index      {:#x}\n\
         location code  {}\nlongest RDMA   {limit}",
        vmc.unit_address.0,
        vmc.interrupt.0,
        window(vmc.local_window),
        window(vmc.remote_window),
        vmc.drc_index.0,
        vmc.loc_code,
    )
}
