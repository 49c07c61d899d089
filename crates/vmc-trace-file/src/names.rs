//! The names that events are written by, and the way back to them.

use vmc_proto::Errno;
use vmc_trace::Polled;

/// The one of a list that has a name.
pub(crate) fn one_of<T: Copy>(
    what: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
    text: &str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|&one| name(one) == text);
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|&one| name(one)).collect();
        format!("expected {what} ({}), got {text:?}", names.join(", "))
    })
}

pub(crate) fn errno(text: &str) -> Result<Errno, String> {
    one_of("an errno", Errno::ALL, Errno::name, text)
}

/// What `poll()` can report.
pub(crate) const POLLED: &[Polled] =
    &[Polled::Nothing, Polled::Readable, Polled::HungUp, Polled::Invalid];

pub(crate) fn polled_name(polled: Polled) -> &'static str {
    match polled {
        Polled::Nothing => "nothing",
        Polled::Readable => "readable",
        Polled::HungUp => "hung-up",
        Polled::Invalid => "invalid",
    }
}

pub(crate) fn polled(text: &str) -> Result<Polled, String> {
    one_of("what poll() reports", POLLED, polled_name, text)
}
