//! One run under callgrind, and what it has counted in the program itself.

use super::{Problem, output};
use crate::workspace::short;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The function in whose calls instructions are counted; see the program's source.
const COUNTED: &str = "*measured*";

/// How many instructions of its own a program takes to run a path so many times.
pub(super) fn count(program: &Path, name: &str, times: u32, out: &Path) -> Result<u64, Problem> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--collect-atstart=no", "--dump-line=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args([name, &times.to_string()]);
    output(&mut valgrind, "valgrind")?;
    let unreadable = || Problem::Unreadable { path: short(out) };
    let text = std::fs::read_to_string(out).map_err(|_| unreadable())?;
    let counted = own_instructions(&text, &program.display().to_string());
    counted.filter(|&count| count > 0).ok_or_else(unreadable)
}

/// Adds up what is counted in functions of one object file. After a line `calls=` stands what was counted in
/// the function that is called, which has lines of its own.
fn own_instructions(text: &str, object: &str) -> Option<u64> {
    let (mut names, mut is_own, mut is_callee) = (BTreeMap::new(), false, false);
    let mut total = 0;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("ob=") {
            is_own = full_name(&mut names, name)? == object;
        } else if let Some(name) = line.strip_prefix("cob=") {
            full_name(&mut names, name)?;
        } else if line.starts_with("calls=") {
            is_callee = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost: u64 = line.split(' ').nth(1)?.parse().ok()?;
            if is_own && !is_callee {
                total += cost;
            }
            is_callee = false;
        }
    }
    Some(total)
}

/// A name is written as `(7) name` when it comes up first, and as `(7)` from then on.
fn full_name<'a>(names: &mut BTreeMap<&'a str, &'a str>, name: &'a str) -> Option<&'a str> {
    match name.split_once(' ') {
        Some((number, name)) => {
            names.insert(number, name);
            Some(name)
        }
        None => names.get(name).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
cmd:  /bin/hot_paths copy 1000
desc: I1 cache:
positions: line
events: Ir
summary: 1175

ob=(3) /lib/libc.so.6
fn=(960) memcpy
0 11

ob=(1) /bin/hot_paths
fn=(2) measured
0 4
cfn=(3)
calls=1000 0
0 1110
+5 50
cob=(3)
cfn=(960)
calls=1000 0
0 11

ob=(3)
fn=(961) memset
0 7

ob=(1)
fn=(3)
* 1100
totals: 1175
";

    #[test]
    fn only_what_the_program_does_itself_is_counted() {
        assert_eq!(own_instructions(TEXT, "/bin/hot_paths"), Some(4 + 50 + 1100));
        assert_eq!(own_instructions(TEXT, "/lib/libc.so.6"), Some(11 + 7));
        assert_eq!(own_instructions(TEXT, "/bin/other"), Some(0));
    }

    #[test]
    fn what_is_not_understood_is_no_number() {
        assert_eq!(own_instructions("ob=(9)\n0 1\n", "/bin/hot_paths"), None);
        assert_eq!(own_instructions("ob=(1) a\n0 many\n", "a"), None);
    }
}
