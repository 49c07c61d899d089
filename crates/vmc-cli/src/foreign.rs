//! The options of commands that take a driver of the user.

use std::path::PathBuf;

/// The driver that a user brings.
#[derive(Debug, clap::Args)]
pub struct DriverArgs {
    /// Takes a driver of yours, a shared library in C, in place of vmcsim's own; vmcsim.h has its interface
    #[arg(id = "file_of_driver", long = "driver", value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Longest that a call of that driver may be outside of services, in seconds
    #[arg(long, value_name = "SECONDS", requires = "file_of_driver", default_value_t = 10)]
    pub patience: u64,
}

impl DriverArgs {
    /// What follows a command that is to be given again.
    pub fn repeated(&self) -> String {
        self.file.as_ref().map_or_else(String::new, |file| format!(" --driver {}", file.display()))
    }
}
