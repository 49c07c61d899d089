//! What a name that is none probably means: the same letters in another spelling, or a slip of the pen.

use ibmvmc::Errno;

/// Names shorter than this have too many neighbours, but for one letter that is missing.
const MIN_GUESSED: usize = 4;

/// Most names that are listed when none is near.
const MAX_LISTED: usize = 40;

/// Linux's names of return codes that differ from LoPAR's by more than their spelling.
const LINUX_RETURN_CODES: [(&str, &str); 3] =
    [("H_SOURCE_PARM", "H_S_Parm"), ("H_DEST_PARM", "H_D_Parm"), ("H_REMOTE_PARM", "H_R_Parm")];

/// Return codes that LoPAR names where they are used, and whose value its table does not give here.
pub(super) const WITHOUT_VALUE: [&str; 2] = ["H_RESCINDED", "H_RESCIND"];

/// Errors inside of Linux that an application never sees, and what it sees: a signal interrupts the call.
const INSIDE_LINUX: [(&str, i64); 4] = [
    ("ERESTARTSYS", 512),
    ("ERESTARTNOINTR", 513),
    ("ERESTARTNOHAND", 514),
    ("ERESTART_RESTARTBLOCK", 516),
];

/// What a rule calls every operation.
pub(crate) const ANY: &str = "any";

/// What a rule calls the return code of a hypervisor that has no room for a command.
pub(crate) const BUSY: (&str, hmc_proto::ReturnCode) = ("busy", hmc_proto::ReturnCode::NO_BUFFER);

/// The name among `names` that was probably meant.
pub(super) fn meant<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = bare(word);
    let mut nearest: Option<(usize, &str)> = None;
    for name in names {
        let name_bare = bare(name);
        if name_bare == wanted {
            return Some(name);
        }
        let (short, long) = (name_bare.len().min(wanted.len()), name_bare.len().max(wanted.len()));
        let most = match short {
            MIN_GUESSED.. => (short / 3).min(3),
            3 if long > 3 => 1,
            _ => 0,
        };
        let distance = strsim::osa_distance(&name_bare, &wanted);
        let is_near = (1..=most).contains(&distance);
        if is_near && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, name));
        }
    }
    nearest.map(|(_, name)| name)
}

/// What to do about a name that is none of `names`.
pub(super) fn instead<'a>(
    word: &str,
    names: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> String {
    let names = names.into_iter();
    match meant(word, names.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => one_of(names),
    }
}

/// All of the names, or the first of very many.
pub(super) fn one_of<'a>(names: impl Iterator<Item = &'a str> + Clone) -> String {
    let more = if names.clone().count() > MAX_LISTED { ", …" } else { "" };
    let listed: Vec<_> = names.take(MAX_LISTED).map(|name| format!("`{name}`")).collect();
    match &listed[..] {
        [only] => format!("write {only}"),
        _ => format!("use one of {}{more}", listed.join(", ")),
    }
}

/// LoPAR's name of a return code that Linux names otherwise.
pub(super) fn linux_return_code(name: &str) -> Option<&'static str> {
    LINUX_RETURN_CODES.iter().find(|(linux, _)| bare(linux) == bare(name)).map(|(_, name)| *name)
}

/// The errno that was meant by a number or a name with a minus sign, in any case; and what else there is to say.
pub(super) fn errno(text: &str) -> Option<(Errno, String)> {
    let plain = text.trim().trim_start_matches('-');
    let number = plain.parse::<i64>().ok();
    let inside = |(name, n): &&(&str, i64)| bare(name) == bare(plain) || number == Some(*n);
    if let Some((name, _)) = INSIDE_LINUX.iter().find(inside) {
        let shown = format!("`{name}` stays inside of Linux: the application sees `EINTR`");
        return Some((Errno::EINTR, shown));
    }
    if bare(plain) == "ewouldblock" {
        return Some((Errno::EAGAIN, String::from("`EWOULDBLOCK` is `EAGAIN`")));
    }
    let same = |errno: &&Errno| match number {
        Some(number) => i64::from(errno.number()) == number,
        None => bare(errno.name()) == bare(plain),
    };
    let errno = *Errno::ALL.iter().find(same)?;
    let said =
        format!("errors are named, and without a sign: {} is `{}`", text.trim(), errno.name());
    Some((errno, said))
}

/// A name without what its spelling leaves open: case, and what joins its words.
fn bare(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use papr::ReturnCode;

    #[test]
    fn another_spelling_and_a_slip_are_understood_and_a_stranger_is_not() {
        let names = ["hmcs", "pool-size", "session-buffers", "H_LongBusyOrder10mSec"];
        let all = || names.iter().copied();
        assert_eq!(meant("Pool_Size", all()), Some("pool-size"));
        assert_eq!(meant("sesion-bufers", all()), Some("session-buffers"));
        assert_eq!(meant("H_LONG_BUSY_ORDER_10_MSEC", all()), Some("H_LongBusyOrder10mSec"));
        assert_eq!(meant("colour", all()), None);
        assert_eq!(meant("hmc", all()), Some("hmcs"));
        // Too short to guess.
        assert_eq!(meant("H_P2", ["H_P4"]), None);
        assert_eq!(instead("x", ["only"]), "write `only`");
        assert_eq!(instead("x", ["one", "other"]), "use one of `one`, `other`");
    }

    #[test]
    fn errnos_are_understood_by_number_and_with_a_sign() {
        for text in ["-16", "16", "-EBUSY", "ebusy", "EBUSY"] {
            assert_eq!(errno(text).map(|(errno, _)| errno), Some(Errno::EBUSY), "{text}");
        }
        for text in ["ERESTARTSYS", "-ERESTARTSYS", "-512", "ERESTARTNOHAND"] {
            let (errno, said) = errno(text).expect("an errno");
            assert!(errno == Errno::EINTR && said.contains("the application sees `EINTR`"));
        }
        assert_eq!(errno("EWOULDBLOCK").map(|(errno, _)| errno), Some(Errno::EAGAIN));
        assert!(errno("ENOTTY").is_none() && errno("0").is_none() && errno("").is_none());
    }

    #[test]
    fn what_linux_calls_a_return_code_is_what_lopar_calls_it() {
        for (linux, lopar) in LINUX_RETURN_CODES {
            assert!(
                ReturnCode::from_name(lopar).is_some() && ReturnCode::from_name(linux).is_none()
            );
        }
        for name in WITHOUT_VALUE {
            assert!(ReturnCode::from_name(name).is_none());
        }
    }
}
