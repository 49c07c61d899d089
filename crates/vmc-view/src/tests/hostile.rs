//! A trace from anywhere: with any numbers and in any order, every format is made of it and every checker judges it.

use super::run;
use proptest::prelude::*;
use vmc_trace_file::Run;

/// Numbers that something could stumble over.
const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "2",
    "3",
    "31",
    "255",
    "65535",
    "2147483648",
    "4294967295",
    "9223372036854775807",
    "18446744073709551614",
    "18446744073709551615",
];

/// The lines of a run, head and end left out.
fn lines(run: &Run) -> Vec<String> {
    let mut text = Vec::new();
    run.write(&mut text).expect("into memory");
    let text = String::from_utf8(text).expect("JSON");
    text.lines().map(str::to_owned).collect()
}

/// One of a line's numbers replaced; `seq` stays.
fn with_number(line: &str, which: prop::sample::Index, number: &str) -> String {
    let is_start = |at: usize| {
        let before = line[..at].chars().next_back();
        line.as_bytes()[at].is_ascii_digit() && before.is_some_and(|c| ":[, ".contains(c))
    };
    let starts: Vec<usize> =
        (0..line.len()).filter(|&at| line.is_char_boundary(at) && is_start(at)).skip(1).collect();
    if starts.is_empty() {
        return line.to_owned();
    }
    let at = starts[which.index(starts.len())];
    let rest = line[at..].trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{}{number}{rest}", &line[..at])
}

/// Two lines change places, and their numbers do not.
fn swap(lines: &mut [String], a: usize, b: usize) {
    let parts =
        |line: &str| line.split_once(',').map(|(seq, rest)| (seq.to_owned(), rest.to_owned()));
    if let (Some((first, one)), Some((second, other))) = (parts(&lines[a]), parts(&lines[b])) {
        lines[a] = format!("{first},{other}");
        lines[b] = format!("{second},{one}");
    }
}

type Index = prop::sample::Index;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]
    #[test]
    fn a_hostile_trace_is_shown_and_judged(
        name in prop::sample::select(vec!["messages/echo", "buffers/unread-echoes", "crash/hyp-reader-asleep"]),
        numbers in prop::collection::vec((any::<Index>(), any::<Index>(), prop::sample::select(&NUMBERS[..])), 0..12),
        swaps in prop::collection::vec((any::<Index>(), any::<Index>()), 0..6),
        cut in any::<Option<Index>>(),
    ) {
        let whole = run(name);
        let mut lines = lines(&whole);
        let end = lines.pop().unwrap_or_default();
        for (line, which, number) in numbers {
            let at = line.index(lines.len());
            let changed = with_number(&lines[at], which, number);
            // What the reader refuses is no trace.
            let (before, rest) = (lines[..at].join("\n"), lines[at + 1..].join("\n"));
            let text = format!("{before}\n{changed}\n{rest}").trim().to_owned();
            if Run::read(text.as_bytes()).is_ok() {
                lines[at] = changed;
            }
        }
        for (a, b) in swaps {
            let last = lines.len() - 1;
            swap(&mut lines[1..], a.index(last), b.index(last));
        }
        match cut {
            Some(cut) => lines.truncate(1 + cut.index(lines.len())),
            None => lines.push(end),
        }
        let Ok(mut run) = Run::read(lines.join("\n").as_bytes()) else { return Ok(()) };
        run.problems = run.check(vmc_sim::numbered_message);
        let _ = crate::page(&run);
        let _ = crate::difference_page(("old", &whole), ("new", &run));
        let _ = crate::snapshot_page(("old", "a line"), ("new", &run));
        let _ = crate::perfetto(&run);
        let _ = crate::svg("a title", &run.trace);
        let _ = crate::mermaid(&run.trace);
        prop_assert!(crate::pcapng(&run).is_ok());
    }
}
