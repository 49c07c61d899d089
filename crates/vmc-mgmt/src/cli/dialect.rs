//! Which of the two management consoles the application is.

/// Which of the two management consoles the application is (management reference, section 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Dialect {
    /// NovaLink, in the management partition: partitions have no profiles
    #[default]
    #[value(name = "novalink")]
    NovaLink,
    /// The HMC: partitions have profiles
    Hmc,
}
