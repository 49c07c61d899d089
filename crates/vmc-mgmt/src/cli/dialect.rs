//! Which of the two management consoles the application is.

/// Which of the two management consoles the application is (management reference, section 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Dialect {
    /// NovaLink, in the management partition: partitions have no profiles.
    #[default]
    NovaLink,
    /// The HMC: partitions have profiles.
    Hmc,
}
